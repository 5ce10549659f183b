//! What happened in a run, line by line, for whoever has to understand a failing seed.

use std::fmt::Write;

use jiff::Timestamp;

/// Costs nothing where nobody reads it.
#[derive(Debug, Default)]
pub(crate) struct Trace(Option<String>);

impl Trace {
    pub(crate) fn kept() -> Self {
        Self(Some(String::new()))
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn say(&mut self, at: Timestamp, line: impl FnOnce() -> String) {
        if let Some(text) = &mut self.0 {
            let _infallible = writeln!(text, "{at:.3} {}", line());
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.0.unwrap_or_default()
    }
}
