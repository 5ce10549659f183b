//! The command line of Souk.
//!
//! `souk check` scans a package, or a folder as the package that `souk pack` would make of it, with the engine of the marketplace.
//! It touches no network and writes no file; what it says depends on the bytes alone.

mod check;
mod say;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};

/// Nothing was judged: wrong arguments, a path that cannot be read. Apart from what the verdicts exit with.
const NOT_DONE: u8 = 64;

#[derive(Debug, Parser)]
#[command(version, about = "Packs and checks what is sold in a Souk marketplace")]
enum Command {
    /// Tells what the marketplace will say of a package
    ///
    /// One line per finding: rule, severity, file, what was seen, how to mend it, with tabs between. The last line is PASSED, QUARANTINED or
    /// REJECTED with the reason codes after it; the exit status is 0, 2 or 1.
    Check {
        /// A package, or a folder with a `souk.toml`
        path: PathBuf,
        /// Each finding as a JSON object in a line of its own
        #[arg(long)]
        json: bool,
    },
    /// Makes a package of a folder with a `souk.toml`
    ///
    /// Files and their hashes are written into the package's `souk.toml`, unless it lists files already.
    Pack { folder: PathBuf, package: PathBuf },
    /// Prints the JSON Schema of `souk.toml`, or of what else partners write
    Schema {
        #[arg(value_enum, default_value_t = Document::Manifest)]
        of: Document,
    },
    /// Compiles the rules for this processor, for the marketplace's scanner to load
    #[command(hide = true)]
    Rules { file: PathBuf },
}

/// What has a published schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Document {
    Manifest,
    IntentPreset,
}

impl Document {
    fn schema(self) -> &'static str {
        match self {
            Self::Manifest => scanner::MANIFEST_SCHEMA,
            Self::IntentPreset => scanner::INTENT_PRESET_SCHEMA,
        }
    }
}

fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(usage) => {
            let status = if usage.use_stderr() { NOT_DONE } else { 0 };
            return match usage.print() {
                Ok(()) => ExitCode::from(status),
                Err(_) => ExitCode::from(NOT_DONE),
            };
        }
    };
    run(command).unwrap_or_else(|error| {
        say::error(&format!("souk: {error:#}"));
        ExitCode::from(NOT_DONE)
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { path, json } => return check::check(&path, json),
        Command::Pack { folder, package } => {
            let bytes = scanner::pack(&folder).with_context(|| format!("cannot pack {}", folder.display()))?;
            std::fs::write(&package, bytes).with_context(|| format!("cannot write {}", package.display()))?;
        }
        Command::Schema { of } => say::line(of.schema().trim_end())?,
        Command::Rules { file } => {
            let rules = scanner::compile_rules().context("cannot compile the rules")?;
            std::fs::write(&file, rules).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
