//! What is deployed: how large it is, and how old a C library it runs on.

use anyhow::{Context, Result, ensure};

use crate::function::Function;
use crate::number::{Ratio, as_mb};
use crate::stack::Stack;
use crate::table::Table;
use crate::targets::Targets;

/// Of the zip. The scanner carries its rules and their engine.
const MAX_ZIP_BYTES: u64 = 5_000_000;
const WITHOUT_LIMIT: &str = "scanning";
/// The C library of `provided.al2023`.
const GLIBC: Version = Version(2, 34);

pub(crate) fn measure(stack: &Stack, functions: &[Function], targets: &mut Targets) -> Result<()> {
    let noop = std::fs::metadata(stack.binary("noop")?)?.len();
    let title = format!(
        "Size: binaries beside a Lambda that does nothing ({} MB), zips as deployed (MB)",
        as_mb(noop)
    );
    let mut table = Table::new(
        &title,
        &["function", "binary", "ratio", "zip", "of 5 MB", "needs GLIBC"],
    );
    let (mut too_large, mut too_new) = (Vec::new(), Vec::new());
    for function in functions {
        let path = stack.code(&function.name).join("bootstrap");
        let program = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let size = u64::try_from(program.len())?;
        let needs = needed_glibc(&program);
        ensure!(
            function.zip_bytes > 0,
            "the deployment does not say how large {} is",
            function.name
        );
        if function.zip_bytes > MAX_ZIP_BYTES && function.name != WITHOUT_LIMIT {
            too_large.push(format!("{} {} MB", function.name, as_mb(function.zip_bytes)));
        }
        if needs.is_some_and(|version| version > GLIBC) {
            too_new.push(format!(
                "{} {}",
                function.name,
                needs.map(|version| version.to_string()).unwrap_or_default()
            ));
        }
        table.row([
            function.name.clone(),
            as_mb(size),
            Ratio::of(size, noop).to_string(),
            as_mb(function.zip_bytes),
            Ratio::of(function.zip_bytes, MAX_ZIP_BYTES).to_string(),
            needs.map_or_else(|| "none".to_owned(), |version| version.to_string()),
        ]);
    }
    table.print();
    targets.judge(
        &format!("zip at most {} MB, {WITHOUT_LIMIT} aside", as_mb(MAX_ZIP_BYTES)),
        too_large,
    );
    targets.judge(&format!("runs on GLIBC {GLIBC}"), too_new);
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The newest version of the C library that a dynamically linked program names; `None` when it names none.
///
/// The names stand in the program's string table, each ended by a zero byte (System V ABI, symbol versioning).
fn needed_glibc(program: &[u8]) -> Option<Version> {
    const PREFIX: &[u8] = b"\0GLIBC_";
    let starts = program
        .windows(PREFIX.len())
        .enumerate()
        .filter(|(_, window)| *window == PREFIX);
    starts
        .filter_map(|(at, _)| version(&program[at + PREFIX.len()..]))
        .max()
}

fn version(text: &[u8]) -> Option<Version> {
    let end = text.iter().take(12).position(|byte| *byte == 0)?;
    let mut parts = std::str::from_utf8(&text[..end]).ok()?.split('.');
    Some(Version(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_and_not_the_longest_text() {
        let strings = b"\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.2.5\0memcpy\0GLIBC_PRIVATE\0GLIBC_2.4";
        assert_eq!(needed_glibc(strings), Some(Version(2, 34)));
        assert_eq!(needed_glibc(b"no such name"), None);
    }
}
