//! What a file is, by name and by content.

use super::{File, projects};

/// A kind of file that packages may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8 without NUL: prose, data and source code.
    Text,
    Midi,
    Wav,
    Flac,
    Aiff,
    Ogg,
    Mp3,
    Png,
    Jpeg,
    Webp,
    Gif,
    Pdf,
    Wasm,
    VstPreset,
    /// Steinberg's older banks and programs.
    Fxp,
    /// Apple's property lists, as text or binary.
    PropertyList,
    AppleIcon,
    Font,
    /// A project of a DAW, with its media: an archive.
    Project,
    /// Native libraries and programs.
    Native,
}

impl Kind {
    pub(crate) fn is_recording(self) -> bool {
        matches!(self, Self::Wav | Self::Flac | Self::Aiff | Self::Ogg | Self::Mp3)
    }
}

/// Extensions of each kind.
const EXTENSIONS: [(Kind, &[&str]); 20] = [
    (
        Kind::Text,
        &[
            "md", "txt", "json", "toml", "yaml", "yml", "csv", "js", "mjs", "cjs", "ts", "py", "rs", "graphql",
            "proto", "sfz", "xml", "strings", "svg",
        ],
    ),
    (Kind::Midi, &["mid", "midi"]),
    (Kind::Wav, &["wav"]),
    (Kind::Flac, &["flac"]),
    (Kind::Aiff, &["aif", "aiff"]),
    (Kind::Ogg, &["ogg", "opus"]),
    (Kind::Mp3, &["mp3"]),
    (Kind::Png, &["png"]),
    (Kind::Jpeg, &["jpg", "jpeg"]),
    (Kind::Webp, &["webp"]),
    (Kind::Gif, &["gif"]),
    (Kind::Pdf, &["pdf"]),
    (Kind::Wasm, &["wasm"]),
    (Kind::VstPreset, &["vstpreset"]),
    (Kind::Fxp, &["fxp", "fxb"]),
    (Kind::PropertyList, &["aupreset", "plist"]),
    (Kind::AppleIcon, &["icns"]),
    (Kind::Font, &["ttf", "otf", "woff2"]),
    (Kind::Project, &[projects::EXTENSION]),
    (
        Kind::Native,
        &["dll", "so", "dylib", "exe", "vst3", "clap", "component", "lv2"],
    ),
];

/// What the file is, where name and content agree.
pub(crate) fn of(file: File<'_>) -> Option<Kind> {
    promised(file).filter(|kind| agrees(*kind, file.content))
}

/// The kind that the name promises.
pub(crate) fn promised(file: File<'_>) -> Option<Kind> {
    let extension = file.extension();
    if extension.is_empty() {
        let texts = ["LICENSE", "LICENCE", "NOTICE", "README", "CHANGELOG", "AUTHORS"];
        return texts.contains(&file.name()).then_some(Kind::Text);
    }
    let has = |(_, extensions): &&(Kind, &[&str])| extensions.contains(&extension.as_str());
    EXTENSIONS.iter().find(has).map(|(kind, _)| *kind)
}

/// Whether `content` has the marks of `kind`.
fn agrees(kind: Kind, content: &[u8]) -> bool {
    let starts = |mark: &[u8]| content.starts_with(mark);
    let has = |at: usize, mark: &[u8]| content.get(at..).is_some_and(|rest| rest.starts_with(mark));
    match kind {
        Kind::Text => is_text(content),
        Kind::Midi => starts(b"MThd\x00\x00\x00\x06"),
        Kind::Wav => (starts(b"RIFF") || starts(b"RF64")) && has(8, b"WAVE"),
        Kind::Flac => starts(b"fLaC"),
        Kind::Aiff => starts(b"FORM") && (has(8, b"AIFF") || has(8, b"AIFC")),
        Kind::Ogg => starts(b"OggS\x00"),
        Kind::Mp3 => starts(b"ID3") || is_mpeg_audio(content),
        Kind::Png => starts(b"\x89PNG\r\n\x1a\n"),
        Kind::Jpeg => starts(b"\xff\xd8\xff"),
        Kind::Webp => starts(b"RIFF") && has(8, b"WEBP"),
        Kind::Gif => starts(b"GIF87a") || starts(b"GIF89a"),
        Kind::Pdf => starts(b"%PDF-"),
        Kind::Wasm => starts(b"\0asm\x01\x00\x00\x00"),
        Kind::VstPreset => starts(b"VST3"),
        Kind::Fxp => starts(b"CcnK"),
        Kind::PropertyList => starts(b"bplist00") || (starts(b"<?xml") && is_text(content)),
        Kind::AppleIcon => starts(b"icns"),
        Kind::Font => starts(b"\x00\x01\x00\x00") || starts(b"OTTO") || starts(b"true") || starts(b"wOF2"),
        Kind::Project => starts(b"PK\x03\x04"),
        Kind::Native => native(content).is_some(),
    }
}

fn is_text(content: &[u8]) -> bool {
    // A byte order mark is harmless; other control characters than white space are not text.
    std::str::from_utf8(content).is_ok_and(|text| {
        !text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}'))
    })
}

/// A frame header of MPEG audio: eleven bits of sync, no reserved version, layer or rate.
fn is_mpeg_audio(content: &[u8]) -> bool {
    let Some([0xff, second, third]) = content.get(..3) else {
        return false;
    };
    second & 0xe0 == 0xe0 && second & 0x18 != 0x08 && second & 0x06 != 0 && third & 0xf0 != 0xf0 && third & 0x0c != 0x0c
}

/// What kind of machine code `content` is, whatever its name.
pub(crate) fn native(content: &[u8]) -> Option<&'static str> {
    let word = |at: usize| content.get(at..)?.first_chunk::<4>().copied();
    match word(0)? {
        [0x7f, b'E', b'L', b'F'] => Some("an ELF program"),
        [0xfe, 0xed, 0xfa, 0xce | 0xcf] | [0xce | 0xcf, 0xfa, 0xed, 0xfe] => Some("a Mach-O program"),
        // Java classes share the mark; their version, in the next word, is above any count of
        // architectures.
        [0xca, 0xfe, 0xba, 0xbe | 0xbf] => match word(4).map(u32::from_be_bytes) {
            Some(0..=30) => Some("a universal Mach-O program"),
            _ => Some("a Java class"),
        },
        [b'd', b'e', b'x', b'\n'] => Some("Android code"),
        [b'M', b'Z', ..] => {
            let header_at = word(0x3c)
                .map(u32::from_le_bytes)
                .and_then(|at| usize::try_from(at).ok());
            let is_pe = header_at
                .and_then(|at| content.get(at..))
                .is_some_and(|rest| rest.starts_with(b"PE\0\0"));
            match is_pe {
                true => Some("a Windows program"),
                // Text may start with these letters; DOS programs are not text.
                false => (!is_text(content)).then_some("a DOS program"),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_code_is_known_by_content() {
        let mut pe = vec![0; 0x80];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x40;
        pe[0x40..0x44].copy_from_slice(b"PE\0\0");
        assert_eq!(native(&pe), Some("a Windows program"));
        assert_eq!(native(b"\x7fELF\x02\x01\x01"), Some("an ELF program"));
        assert_eq!(native(b"\xcf\xfa\xed\xfe\x07"), Some("a Mach-O program"));
        assert_eq!(
            native(b"\xca\xfe\xba\xbe\x00\x00\x00\x02"),
            Some("a universal Mach-O program")
        );
        assert_eq!(native(b"\xca\xfe\xba\xbe\x00\x00\x00\x41"), Some("a Java class"));
        assert_eq!(native(b"MZ is how this sentence starts"), None);
        assert_eq!(native(b""), None);
    }

    #[test]
    fn every_kind_has_extensions_and_refuses_nothing_at_all() {
        for (kind, extensions) in EXTENSIONS {
            assert!(!extensions.is_empty());
            // An empty text is a text; nothing else is empty.
            assert_eq!(agrees(kind, b""), kind == Kind::Text, "{kind:?}");
            assert!(!agrees(kind, b"\x00\x00\x00\x00\xff"), "{kind:?}");
        }
    }
}
