//! `souk-pack FOLDER PACKAGE.zip`: builds a package from a folder that holds a `souk.toml`.

use std::path::Path;

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, package] = arguments.as_slice() else {
        bail!("usage: souk-pack FOLDER PACKAGE.zip");
    };
    let bytes = scanner::pack(Path::new(folder)).with_context(|| format!("cannot pack {folder}"))?;
    std::fs::write(package, bytes).with_context(|| format!("cannot write {package}"))
}
