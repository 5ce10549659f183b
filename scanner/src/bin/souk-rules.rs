//! `souk-rules FILE`: compiles the YARA rules for this processor, for an engine to load.

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file] = arguments.as_slice() else {
        bail!("usage: souk-rules FILE");
    };
    let rules = scanner::compile_rules().context("cannot compile the rules")?;
    std::fs::write(file, rules).with_context(|| format!("cannot write {file}"))
}
