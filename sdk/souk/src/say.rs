//! Lines for people and programs. Whoever reads only the first ones (`head`) closes the pipe; that is an error and not a panic.

use std::io::{self, Write};

pub(crate) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// There is nobody to tell that nobody listens.
pub(crate) fn error(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}
