//! Presets of synths and effects, by the layouts that hosts read.
//!
//! Sources: "VST 3 Preset Format" (Steinberg, VST 3 developer portal), `vstfxstore.h` of the VST 2 SDK for `.fxp` and `.fxb`, and
//! "Audio Unit presets" (Apple, `kAUPresetTypeKey` and its neighbours) for `.aupreset`.

use std::io::Cursor;

use plist::Value;

use super::File;
use super::kinds::Kind;
use crate::report::{Finding, Severity};

/// 'VST3', version, class id, place of the chunk list.
const VST3_HEADER_BYTES: usize = 4 + 4 + 32 + 8;
const VST3_CHUNKS: [&[u8]; 4] = [b"Comp", b"Cont", b"Prog", b"Info"];
/// A property list is read into a tree of many times its size.
const LIST_BYTES: usize = 4 << 20;
const VST3_MAX_CHUNKS: u32 = 128;
const AU_KEYS: [&str; 4] = ["manufacturer", "subtype", "type", "version"];
/// The smallest program: header, ids, version, count and a name of 28 bytes.
const FXP_HEADER_BYTES: usize = 56;

/// What is wrong with the preset.
pub(crate) fn check(file: File<'_>, kind: Kind) -> Option<Finding> {
    let broken = match kind {
        Kind::VstPreset => vst3(file.content).err(),
        Kind::Fxp => fxp(file.content).err(),
        Kind::PropertyList if file.extension() == "aupreset" => au(file.content).err(),
        Kind::PropertyList => dictionary(file.content).err(),
        _ => None,
    };
    let remedy = "Save it anew from the plugin: hosts cannot read it.";
    broken.map(|seen| {
        Finding::new("presets.damaged", Severity::Reject, remedy)
            .in_file(file.path)
            .saw(seen)
    })
}

fn vst3(content: &[u8]) -> Result<(), String> {
    let short = || "it is cut short".to_owned();
    let header = content.get(..VST3_HEADER_BYTES).ok_or_else(short)?;
    if number::<4>(header, 4) != Some(1) {
        return Err("its version is not 1".to_owned());
    }
    let class = header.get(8..40).unwrap_or_default();
    if !class.iter().all(u8::is_ascii_hexdigit) {
        return Err("its class id is not 32 hexadecimal digits".to_owned());
    }
    let list_at = number::<8>(header, 40).ok_or_else(short)?;
    let list = usize::try_from(list_at)
        .ok()
        .and_then(|at| content.get(at..))
        .ok_or("its chunk list lies beyond its end")?;
    if list_at < VST3_HEADER_BYTES as u64 || !list.starts_with(b"List") {
        return Err("its chunk list is not where it should be".to_owned());
    }
    let count = number::<4>(list, 4).ok_or_else(short)?;
    if count == 0 || count > VST3_MAX_CHUNKS.into() {
        return Err(format!("{count} chunks"));
    }
    for index in 0..usize::try_from(count).unwrap_or_default() {
        let entry = list
            .get(8 + index * 20..)
            .and_then(|rest| rest.get(..20))
            .ok_or_else(short)?;
        let id = entry.get(..4).unwrap_or_default();
        if !VST3_CHUNKS.contains(&id) {
            return Err(format!("a chunk `{}`, which no host knows", id.escape_ascii()));
        }
        let (at, size) = (
            number::<8>(entry, 4).ok_or_else(short)?,
            number::<8>(entry, 12).ok_or_else(short)?,
        );
        let end = at.checked_add(size).filter(|end| *end <= list_at);
        if at < VST3_HEADER_BYTES as u64 || end.is_none() {
            return Err(format!("the chunk `{}` lies outside of the preset", id.escape_ascii()));
        }
    }
    Ok(())
}

/// An unsigned number of `N` bytes, the lowest first.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let digits = bytes.get(at..)?.first_chunk::<N>()?;
    Some(digits.iter().rev().fold(0, |sum, digit| sum << 8 | u64::from(*digit)))
}

fn fxp(content: &[u8]) -> Result<(), String> {
    let size = content
        .get(4..8)
        .and_then(|size| size.first_chunk())
        .map(|size| u32::from_be_bytes(*size));
    if content.len() < FXP_HEADER_BYTES {
        return Err("it is cut short".to_owned());
    }
    // Of all that follows; some hosts write nothing there.
    if size.is_none_or(|size| size != 0 && size as usize != content.len() - 8) {
        return Err("its length is not the one that it says".to_owned());
    }
    match content.get(8..12) {
        Some(b"FxCk" | b"FPCh" | b"FxBk" | b"FBCh") => Ok(()),
        _ => Err("it is neither a program nor a bank".to_owned()),
    }
}

fn dictionary(content: &[u8]) -> Result<plist::Dictionary, String> {
    if content.len() > LIST_BYTES {
        return Err(format!("{} bytes, more than any preset has", content.len()));
    }
    match Value::from_reader(Cursor::new(content)) {
        Ok(Value::Dictionary(dictionary)) => Ok(dictionary),
        Ok(_) => Err("it is not a dictionary".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn au(content: &[u8]) -> Result<(), String> {
    let preset = dictionary(content)?;
    for key in AU_KEYS {
        if !matches!(preset.get(key), Some(Value::Integer(_))) {
            return Err(format!("`{key}` is not a number in it"));
        }
    }
    match preset.get("name") {
        Some(Value::String(_)) => Ok(()),
        _ => Err("it has no `name`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vst3_preset(chunks: &[(&[u8; 4], u64, u64)]) -> Vec<u8> {
        let mut preset = b"VST3\x01\0\0\0".to_vec();
        preset.extend(b"0123456789ABCDEF0123456789abcdef");
        preset.extend(58_u64.to_le_bytes());
        preset.extend([7; 10]);
        preset.extend(b"List");
        preset.extend(u32::try_from(chunks.len()).expect("a few").to_le_bytes());
        for (id, at, size) in chunks {
            preset.extend(*id);
            preset.extend(at.to_le_bytes());
            preset.extend(size.to_le_bytes());
        }
        preset
    }

    fn aupreset(fields: &str) -> Vec<u8> {
        format!("<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>{fields}</dict></plist>").into_bytes()
    }

    #[track_caller]
    fn is_good(kind: Kind, path: &str, content: &[u8], expected: bool) {
        let found = check(File { path, content }, kind);
        assert_eq!(found.is_none(), expected, "{found:?}");
    }

    #[test]
    fn vst3_presets() {
        let vst3 = |content: &[u8], expected| is_good(Kind::VstPreset, "a.vstpreset", content, expected);
        let whole = vst3_preset(&[(b"Comp", 48, 8), (b"Info", 56, 2)]);
        vst3(&whole, true);
        for cut in 0..whole.len() {
            vst3(&whole[..cut], false);
        }
        for chunk in [
            (b"Comp", 48, 11),
            (b"Comp", 47, 1),
            (b"Comp", u64::MAX, 2),
            (b"Evil", 48, 8),
        ] {
            vst3(&vst3_preset(&[chunk]), false);
        }
        vst3(&vst3_preset(&[]), false);
    }

    #[test]
    fn audio_unit_presets() {
        let numbers = "<key>type</key><integer>1</integer><key>subtype</key><integer>1</integer>\
            <key>manufacturer</key><integer>1</integer><key>version</key><integer>0</integer>";
        let au = |fields: &str, expected| is_good(Kind::PropertyList, "a.aupreset", &aupreset(fields), expected);
        au(&format!("{numbers}<key>name</key><string>Warm</string>"), true);
        au(numbers, false);
        au("<key>name</key><string>Warm</string>", false);
        au("<key>name</key>", false);
        is_good(Kind::PropertyList, "Info.plist", &aupreset(""), true);
        is_good(
            Kind::PropertyList,
            "Info.plist",
            b"<?xml version=\"1.0\"?><plist><array/></plist>",
            false,
        );
        is_good(Kind::PropertyList, "Info.plist", b"bplist00\xff\xff", false);
    }

    #[test]
    fn older_programs_and_banks() {
        let fxp = |size: u32, magic: &[u8; 4], expected| {
            let content = [b"CcnK".as_slice(), &size.to_be_bytes(), magic, &[0; 48]].concat();
            is_good(Kind::Fxp, "a.fxp", &content, expected);
        };
        fxp(52, b"FPCh", true);
        fxp(0, b"FxBk", true);
        fxp(53, b"FPCh", false);
        fxp(52, b"Nope", false);
    }
}
