//! Single readers of the engine, for tests that call them very often, and for what a scan is measured by.

use std::time::Duration;

use crate::archive::{Archive, ContentError};
use crate::checks::kinds::{self, Kind};
#[cfg(feature = "engine")]
use crate::checks::yara::{RulesError, Yara};
use crate::checks::{File, intents, midi as midi_check, presets, wasm as wasm_check};
use crate::clock::Deadline;
use crate::config::Limits;
use crate::manifest;
use crate::report::Finding;

/// Path and content of every file in the archive, in its order, unless it is refused.
pub fn archive(package: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Vec<Finding>> {
    let deadline = Deadline::after(Duration::MAX);
    let archive = Archive::open(package, &Limits::default())?;
    let (mut files, mut buffer) = (Vec::new(), Vec::new());
    for entry in archive.entries() {
        match archive.content(entry, &mut buffer, &deadline) {
            Ok(content) if !entry.is_folder() => files.push((entry.path.clone(), content.to_vec())),
            Ok(_) => {}
            Err(ContentError::Refused(refusal)) => return Err(vec![refusal.into()]),
            Err(ContentError::OutOfTime) => return Err(Vec::new()),
        }
    }
    Ok(files)
}

/// What is wrong with a `souk.toml`.
pub fn manifest(text: &[u8]) -> Vec<Finding> {
    manifest::parse(text).err().unwrap_or_default()
}

/// What is wrong with a MIDI file.
pub fn midi(content: &[u8]) -> Option<Finding> {
    midi_check::check(File { path: "a.mid", content }).err()
}

/// What is wrong with a preset, of whichever kind it is.
pub fn preset(content: &[u8]) -> Option<Finding> {
    let of_an_instrument = ["a.vstpreset", "a.fxp", "a.aupreset"].into_iter().find_map(|path| {
        let file = File { path, content };
        let kind = kinds::of(file).filter(|kind| *kind != Kind::Text)?;
        presets::check(file, kind)
    });
    let of_intents = || {
        intents::read(File {
            path: "a.json",
            content,
        })
        .err()?
        .into_iter()
        .next()
    };
    of_an_instrument.or_else(of_intents)
}

/// Why a WebAssembly module does not get to run.
pub fn wasm(content: &[u8]) -> Option<String> {
    wasm_check::inspect(content).err().map(|(_, why)| why)
}

/// The YARA rules alone.
#[cfg(feature = "engine")]
#[derive(Debug)]
pub struct Rules(Yara);

#[cfg(feature = "engine")]
impl Rules {
    /// Of what [`compile_rules`](crate::compile_rules) returned.
    pub fn load(compiled: &[u8]) -> Result<Self, RulesError> {
        Yara::load(compiled).map(Self)
    }

    /// How often a rule matches one of the files of a package; `None` where the engine gives up.
    pub fn matches<'f>(&self, files: impl IntoIterator<Item = &'f [u8]>) -> Option<usize> {
        let mut scanner = self.0.scanner();
        files.into_iter().map(|content| scanner.matches(content)).sum()
    }
}
