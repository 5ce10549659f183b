//! PDF documents: held where they can do more than be read.
//!
//! What a document can do is named in its objects (ISO 32000-1, 12.6 and 7.11.4), which stand in the file as they are or in
//! compressed object streams. Names are looked for in all of them. A document that hides its objects is held as well.

use std::io::Read;

use flate2::read::ZlibDecoder;
use memchr::memmem;

use super::File;
use crate::report::{Finding, Severity};

/// What acts, carries other files, sends forms or cannot be looked into.
const ACTIVE: [&str; 11] = [
    "JavaScript",
    "Launch",
    "EmbeddedFile",
    "EmbeddedFiles",
    "Filespec",
    "RichMedia",
    "Rendition",
    "XFA",
    "SubmitForm",
    "ImportData",
    "Encrypt",
];
/// How far before its data a stream's dictionary may begin.
const DICTIONARY_BYTES: usize = 4096;
/// Objects of more than a million words are not written by hand or by any editor.
const OBJECT_STREAM_BYTES: u64 = 16 << 20;
const OBJECT_STREAMS: usize = 10_000;

pub(crate) fn check(file: File<'_>) -> Option<Finding> {
    let (rule, seen, remedy) = match look(file.content) {
        Ok(None) => return None,
        Ok(Some(name)) => (
            "active",
            format!("it contains `/{name}`"),
            "Export it without scripts, attachments, forms and passwords, or wait for a person to look at it.",
        ),
        Err(Hidden(why)) => (
            "unreadable",
            why.to_owned(),
            "Export it anew as an ordinary PDF, or wait for a person to look at it.",
        ),
    };
    let finding = Finding::new(format!("pdf.{rule}"), Severity::Quarantine, remedy);
    Some(finding.in_file(file.path).saw(seen))
}

/// Objects that cannot be looked at.
struct Hidden(&'static str);

fn look(content: &[u8]) -> Result<Option<&'static str>, Hidden> {
    if let Some(name) = active(content) {
        return Ok(Some(name));
    }
    let mut streams = 0;
    for at in memmem::find_iter(content, b"stream") {
        let before = content.get(..at).unwrap_or_default();
        if before.ends_with(b"end") {
            continue;
        }
        let dictionary = dictionary(before);
        if !names(dictionary).any(|name| name == b"ObjStm") {
            continue;
        }
        streams += 1;
        if streams > OBJECT_STREAMS {
            return Err(Hidden("it has more object streams than any editor writes"));
        }
        let objects = expand(dictionary, content.get(at + b"stream".len()..).unwrap_or_default())?;
        if let Some(name) = active(&objects) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The text from the beginning of the object to its stream.
fn dictionary(before: &[u8]) -> &[u8] {
    let near = before
        .get(before.len().saturating_sub(DICTIONARY_BYTES)..)
        .unwrap_or(before);
    let begins = memmem::rfind(near, b" obj").unwrap_or_default();
    near.get(begins..).unwrap_or(near)
}

/// The objects in an object stream, of which any number of readers understand no more than these two forms.
fn expand(dictionary: &[u8], rest: &[u8]) -> Result<Vec<u8>, Hidden> {
    let data = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"));
    let data = data.ok_or(Hidden("the data of an object stream begins in no line of its own"))?;
    let all: Vec<_> = names(dictionary).collect();
    let has = |name: &[u8]| all.iter().any(|known| known == name);
    let filters = all
        .iter()
        .filter(|name| name.ends_with(b"Decode") || name.as_slice() == b"Crypt")
        .count();
    if filters == 0 && !has(b"Filter") {
        let end = memmem::find(data, b"endstream").unwrap_or(data.len());
        return Ok(data.get(..end).unwrap_or_default().to_vec());
    }
    if filters != 1 || !has(b"FlateDecode") || has(b"DecodeParms") {
        return Err(Hidden("an object stream is compressed in an unusual way"));
    }
    let mut objects = Vec::new();
    let read = ZlibDecoder::new(data)
        .take(OBJECT_STREAM_BYTES + 1)
        .read_to_end(&mut objects);
    match read {
        Ok(_) if objects.len() as u64 <= OBJECT_STREAM_BYTES => Ok(objects),
        Ok(_) => Err(Hidden("an object stream expands to more than any editor writes")),
        Err(_) => Err(Hidden("an object stream is damaged")),
    }
}

fn active(text: &[u8]) -> Option<&'static str> {
    let known = |name: Vec<u8>| ACTIVE.into_iter().find(|active| active.as_bytes() == name);
    names(text).find_map(known)
}

/// Every name in `text`, with `#` and two digits read as the character that they stand for (ISO 32000-1, 7.3.5).
fn names(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    memchr::memchr_iter(b'/', text).filter_map(|at| {
        let rest = text.get(at + 1..)?;
        // Longer than any name that is looked for, escapes included.
        let rest = rest.get(..rest.len().min(64)).unwrap_or(rest);
        let end = rest.iter().position(|byte| !is_regular(*byte)).unwrap_or(rest.len());
        let name = rest.get(..end)?;
        (!name.is_empty()).then(|| unescaped(name))
    })
}

fn is_regular(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>[]{}/%".contains(&byte)
}

fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'#').then(|| after.get(..2)).flatten();
        let byte = escaped.and_then(|digits| hex::decode(digits).ok()?.first().copied());
        plain.push(byte.unwrap_or(*first));
        rest = if byte.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn document(objects: &[u8]) -> Vec<u8> {
        [
            b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n",
            objects,
            b"\n%%EOF\n",
        ]
        .concat()
    }

    fn packed(dictionary: &str, objects: &[u8]) -> Vec<u8> {
        let mut data = ZlibEncoder::new(Vec::new(), Compression::default());
        data.write_all(objects).expect("in memory");
        let data = data.finish().expect("in memory");
        let head = format!("5 0 obj\n<< /Type /ObjStm {dictionary} >>\nstream\n");
        [head.as_bytes(), &data, b"\nendstream\nendobj"].concat()
    }

    #[track_caller]
    fn rule(objects: &[u8], expected: Option<&str>) {
        let content = document(objects);
        let file = File {
            path: "a.pdf",
            content: &content,
        };
        let found = check(file).map(|finding| finding.rule);
        assert_eq!(found.as_deref(), expected, "{}", String::from_utf8_lossy(objects));
    }

    #[test]
    fn what_is_only_read_passes() {
        rule(
            b"2 0 obj\n<< /OpenAction [3 0 R /Fit] /Title (JavaScript for musicians) >>\nendobj",
            None,
        );
        rule(
            &packed("/Filter /FlateDecode", b"1 0 << /S /URI /URI (https://example.com) >>"),
            None,
        );
        rule(&packed("/Filter [/FlateDecode] /N 1", b"1 0 << /Type /Page >>"), None);
    }

    #[test]
    fn what_acts_is_held_wherever_it_stands() {
        rule(
            b"2 0 obj\n<< /S /JavaScript /JS (app.alert\\(1\\)) >>\nendobj",
            Some("pdf.active"),
        );
        rule(b"2 0 obj\n<</S/Java#53cript/JS 3 0 R>>\nendobj", Some("pdf.active"));
        rule(b"2 0 obj\n<</S/Launch/F(cmd.exe)>>\nendobj", Some("pdf.active"));
        rule(b"2 0 obj\n<</Type/EmbeddedFile>>\nendobj", Some("pdf.active"));
        rule(b"trailer\n<</Encrypt 9 0 R>>", Some("pdf.active"));
        rule(
            &packed("/Filter /FlateDecode", b"1 0 << /S /JavaScript /JS (x) >>"),
            Some("pdf.active"),
        );
        rule(
            &packed("/Filter /Flate#44ecode", b"1 0 << /S /#4aavaScript >>"),
            Some("pdf.active"),
        );
        rule(
            b"5 0 obj <</Type/ObjStm>>\nstream\r\n1 0 <</S/Launch>>\nendstream",
            Some("pdf.active"),
        );
    }

    #[test]
    fn what_hides_its_objects_is_held() {
        rule(
            &packed("/Filter [/ASCII85Decode /FlateDecode]", b"x"),
            Some("pdf.unreadable"),
        );
        rule(&packed("/Filter /LZWDecode", b"x"), Some("pdf.unreadable"));
        rule(
            b"5 0 obj <</Type/ObjStm/Filter/FlateDecode>>\nstream\nnot compressed",
            Some("pdf.unreadable"),
        );
        rule(
            &packed("/Filter /FlateDecode", &vec![b' '; 17 << 20]),
            Some("pdf.unreadable"),
        );
    }
}
