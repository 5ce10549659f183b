//! Each file's content against its name, and both against what the content type may contain.
//!
//! Allow-lists, because a list of what is dangerous is never complete. Machine code is looked
//! for in every file; where the content type declares it, a person decides.

use super::File;
use super::kinds::{Kind, native, promised};
use crate::manifest::ContentType;
use crate::report::{Finding, Severity};

/// Extensions that every content type may use: documentation, listings, pictures, previews.
const COMMON: &[&str] = &[
    "md", "txt", "json", "toml", "csv", "png", "jpg", "jpeg", "webp", "gif", "svg", "mp3", "ogg", "wav",
];

/// What a content type may contain beyond [`COMMON`].
fn allowed(content_type: ContentType) -> &'static [&'static str] {
    match content_type {
        ContentType::Integration => &[
            "yaml", "yml", "js", "mjs", "cjs", "ts", "py", "rs", "graphql", "proto", "xml", "wasm",
        ],
        ContentType::PluginNative => &[
            "dll",
            "so",
            "dylib",
            "vst3",
            "clap",
            "component",
            "lv2",
            "exe",
            "plist",
            "xml",
            "strings",
            "icns",
            "ttf",
            "otf",
            "vstpreset",
            "aupreset",
            "fxp",
            "fxb",
            "mid",
            "midi",
        ],
        ContentType::PluginWasm => &["wasm", "mid", "midi", "ttf", "otf", "woff2"],
        ContentType::GrooveTemplate | ContentType::ChordPack => &["mid", "midi"],
        ContentType::IntentPreset => &[],
        ContentType::SynthPreset => &["vstpreset", "aupreset", "fxp", "fxb", "xml"],
        ContentType::GenreTemplate => &[
            "dawproject",
            "mid",
            "midi",
            "flac",
            "aif",
            "aiff",
            "vstpreset",
            "aupreset",
            "fxp",
            "fxb",
            "yaml",
            "yml",
        ],
        ContentType::SamplePack => &["flac", "aif", "aiff", "opus", "sfz", "mid", "midi"],
        ContentType::ProductionGuide => &["pdf", "mid", "midi"],
    }
}

/// What is wrong with the type of one file. Without a content type only what holds for all is
/// looked at. `is` is what the file is, where name and content agree.
pub(crate) fn check(file: File<'_>, is: Option<Kind>, content_type: Option<ContentType>) -> Option<Finding> {
    if let Some(code) = native(file.content) {
        return Some(machine_code(file, code, content_type));
    }
    let extension = file.extension();
    let kind = promised(file);
    if let Some(content_type) = content_type {
        let is_listed = |list: &[&str]| list.contains(&extension.as_str());
        let is_allowed =
            kind.is_some() && (extension.is_empty() || is_listed(COMMON) || is_listed(allowed(content_type)));
        if !is_allowed {
            return Some(not_allowed(file, &extension, content_type));
        }
    }
    let kind = kind?;
    if is.is_none() {
        let remedy = match kind {
            Kind::Text => "Save the file as UTF-8 text, or give it the extension of what it is.",
            _ => "Give the file the extension of what it is, or replace it by an undamaged one.",
        };
        let seen = format!("its content is not what `.{extension}` promises");
        return Some(reject("mismatch", remedy).in_file(file.path).saw(seen));
    }
    held(file, kind)
}

fn reject(rule: &str, remedy: impl Into<String>) -> Finding {
    Finding::new(format!("file_types.{rule}"), Severity::Reject, remedy)
}

fn machine_code(file: File<'_>, code: &str, content_type: Option<ContentType>) -> Finding {
    if content_type == Some(ContentType::PluginNative) {
        let remedy = "Nothing to do: machine code is always looked at by a person.";
        return Finding::new("file_types.native_code_held", Severity::Quarantine, remedy)
            .in_file(file.path)
            .saw(format!("it is {code}"));
    }
    let remedy = "Remove the program, or publish the package as `plugin-native`.";
    reject("native_code", remedy)
        .in_file(file.path)
        .saw(format!("it is {code}"))
}

fn not_allowed(file: File<'_>, extension: &str, content_type: ContentType) -> Finding {
    let mut extensions: Vec<&str> = COMMON.iter().chain(allowed(content_type)).copied().collect();
    extensions.sort_unstable();
    let remedy = format!(
        "Packages of type `{content_type}` may contain: {}.",
        extensions.join(", ")
    );
    let seen = match extension {
        "" => "a file without an extension".to_owned(),
        extension => format!("a `.{extension}` file"),
    };
    reject("extension", remedy).in_file(file.path).saw(seen)
}

/// Right files that a person has to look at all the same.
fn held(file: File<'_>, kind: Kind) -> Option<Finding> {
    let (rule, seen, remedy) = match kind {
        Kind::Text if file.content.starts_with(b"#!") => (
            "script_held",
            "it starts as a script that a system would run",
            "Remove the first line if the file is not meant to be run by itself.",
        ),
        _ => return None,
    };
    let finding = Finding::new(format!("file_types.{rule}"), Severity::Quarantine, remedy);
    Some(finding.in_file(file.path).saw(seen))
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::super::kinds;
    use super::*;

    #[track_caller]
    fn check_one(content_type: ContentType, path: &str, content: &[u8], rule: Option<&str>) {
        let file = File { path, content };
        let found = check(file, kinds::of(file), Some(content_type)).map(|f| f.rule);
        assert_eq!(found.as_deref(), rule, "{path}");
    }

    #[test]
    fn extensions_of_every_list_have_a_kind() {
        for content_type in ContentType::iter() {
            for extension in COMMON.iter().chain(allowed(content_type)) {
                let path = format!("x.{extension}");
                assert!(
                    promised(File {
                        path: &path,
                        content: b""
                    })
                    .is_some(),
                    "{extension}"
                );
            }
        }
    }

    #[test]
    fn name_content_and_content_type_agree() {
        use ContentType::*;
        let midi = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0";
        check_one(GrooveTemplate, "a.MID", midi, None);
        check_one(GrooveTemplate, "LICENSE", b"text", None);
        check_one(GrooveTemplate, "a.mid", b"no", Some("file_types.mismatch"));
        check_one(GrooveTemplate, "a.md", b"\xff\xfe", Some("file_types.mismatch"));
        check_one(GrooveTemplate, "a.md", b"a\0b", Some("file_types.mismatch"));
        check_one(GrooveTemplate, "a.py", b"print()", Some("file_types.extension"));
        check_one(GrooveTemplate, ".DS_Store", b"x", Some("file_types.extension"));
        check_one(Integration, "a.py", b"print()", None);
        check_one(Integration, "a.py", b"#!/bin/sh\n", Some("file_types.script_held"));
        check_one(ProductionGuide, "a.pdf", b"%PDF-1.7", None);
    }

    #[test]
    fn machine_code_only_where_declared_and_then_held() {
        let elf = b"\x7fELF\x02\x01\x01";
        check_one(ContentType::SamplePack, "a.wav", elf, Some("file_types.native_code"));
        check_one(ContentType::PluginWasm, "a.wasm", elf, Some("file_types.native_code"));
        check_one(
            ContentType::PluginNative,
            "a.so",
            elf,
            Some("file_types.native_code_held"),
        );
        check_one(
            ContentType::PluginNative,
            "x.vst3/Contents/MacOS/x",
            elf,
            Some("file_types.native_code_held"),
        );
        check_one(ContentType::PluginNative, "a.so", b"text", Some("file_types.mismatch"));
    }
}
