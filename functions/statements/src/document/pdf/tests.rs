use std::collections::HashMap;
use std::io::Read;

use flate2::read::ZlibDecoder;
use shared::purchase::refund::RefundState;

use crate::document::{Document, pdf};
use crate::samples;

/// Each page's text without its spaces: the glyphs that are shown, looked up in the fonts' maps to characters.
fn pages(file: &[u8]) -> Vec<String> {
    let streams = streams(file);
    let maps: Vec<_> = streams
        .iter()
        .filter(|stream| stream.starts_with("%!PS-Adobe"))
        .map(|map| characters(map))
        .collect();
    let contents = streams.iter().filter(|stream| stream.contains(" Tf\n"));
    contents.map(|content| shown(content, &maps)).collect()
}

/// Every stream of the file that is text.
fn streams(file: &[u8]) -> Vec<String> {
    const START: &[u8] = b"\nstream\n";
    let starts = (0..file.len())
        .filter(|at| file[*at..].starts_with(START))
        .map(|at| at + START.len());
    let inflated = |start: usize| {
        let mut data = Vec::new();
        ZlibDecoder::new(&file[start..]).read_to_end(&mut data).ok()?;
        Some(data.iter().map(|byte| char::from(*byte)).collect())
    };
    starts.filter_map(inflated).collect()
}

/// A map to characters (ISO 32000-1, 9.10.3): `<glyph> <character>` and `<first> <last> <character>`.
fn characters(map: &str) -> HashMap<u32, char> {
    let mut characters = HashMap::new();
    for line in map.lines().filter(|line| line.starts_with('<')) {
        let codes: Vec<u32> = line
            .split(['<', '>', ' '])
            .filter_map(|code| u32::from_str_radix(code, 16).ok())
            .collect();
        let (first, last, character) = match codes[..] {
            [glyph, character] => (glyph, glyph, character),
            [first, last, character] => (first, last, character),
            _ => continue,
        };
        for glyph in first..=last {
            characters.extend(char::from_u32(character + glyph - first).map(|character| (glyph, character)));
        }
    }
    characters
}

fn shown(content: &str, maps: &[HashMap<u32, char>]) -> String {
    let (mut text, mut font) = (String::new(), 0);
    for line in content.lines() {
        if let Some(name) = line.strip_suffix(" Tf").and_then(|line| line.strip_prefix("/F")) {
            font = name[..1].parse::<usize>().expect("a number") - 1;
        } else if let Some(operand) = line.strip_suffix(" Tj") {
            let glyphs = bytes(operand);
            let character = |pair: &[u8]| maps[font].get(&(u32::from(pair[0]) << 8 | u32::from(pair[1])));
            text.extend(glyphs.chunks(2).filter_map(character).filter(|c| !c.is_whitespace()));
        }
    }
    text
}

/// A string operand (ISO 32000-1, 7.3.4): in hexadecimal digits, or literal with escapes.
fn bytes(operand: &str) -> Vec<u8> {
    if let Some(digits) = operand.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits");
        return (0..digits.len()).step_by(2).map(byte).collect();
    }
    let literal = operand.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let mut rest = literal.unwrap_or_else(|| panic!("no string: {operand:?}")).as_bytes();
    let mut bytes = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        let (byte, length) = match (first, after) {
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [b't', ..]) => (b'\t', 1),
            (b'\\', [b'b', ..]) => (0x08, 1),
            (b'\\', [b'f', ..]) => (0x0c, 1),
            (b'\\', [a @ b'0'..=b'7', b, c, ..]) => ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), 3),
            (b'\\', [escaped, ..]) => (*escaped, 1),
            (plain, _) => (*plain, 0),
        };
        bytes.push(byte);
        rest = &after[length..];
    }
    bytes
}

#[track_caller]
fn check_complete(document: &Document) {
    let text = pages(&pdf::render(document).expect("a file")).concat();
    let cells = document
        .tables
        .iter()
        .flat_map(|table| &table.rows)
        .flat_map(|row| &row.cells);
    let in_tables = cells.flat_map(|cell| cell.details.iter().chain([&cell.text]));
    let all = in_tables
        .chain(document.facts.iter().map(|(_, value)| value))
        .chain(&document.addressee)
        .chain(&document.notes);
    for wanted in all.chain([&document.title, &document.issuer.name]) {
        let wanted: String = wanted.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(text.contains(&wanted), "{wanted:?} is not in {text}");
    }
}

#[test]
fn everything_in_a_document_can_be_read_from_its_file() {
    check_complete(&samples::statement_document(3));
    check_complete(&samples::invoice_document());
    check_complete(&samples::credit_note_document(RefundState::Succeeded {
        at: samples::at("2026-11-06T00:00:00Z"),
    }));
}

#[test]
fn a_long_table_goes_over_pages_with_its_head_on_each() {
    let pages = pages(&pdf::render(&samples::statement_document(90)).expect("a file"));
    assert!(pages.len() > 3, "{} pages", pages.len());
    for (index, page) in pages.iter().enumerate() {
        let has_lines = page.contains("2026-11-12Sale");
        assert!(
            !has_lines || page.contains("DateWhatGrossCommissionNetBalance"),
            "page {index} has no head: {page}"
        );
        assert!(
            page.contains(&format!("Page{}of{}", index + 1, pages.len())),
            "page {index}: {page}"
        );
    }
}

#[test]
fn what_the_font_lacks_is_said_to_be_missing() {
    let document = Document {
        addressee: vec!["株式会社 Souk".to_owned()],
        ..samples::invoice_document()
    };
    let text = pages(&pdf::render(&document).expect("a file")).concat();
    assert!(text.contains("Charactersthatthefontofthisfiledoesnothave"), "{text}");
    assert!(
        !pages(&pdf::render(&samples::invoice_document()).expect("a file"))
            .concat()
            .contains("Charactersthatthefont")
    );
}

#[test]
fn the_same_document_is_the_same_file() {
    let document = samples::invoice_document();
    assert_eq!(
        pdf::render(&document).expect("a file"),
        pdf::render(&document).expect("a file")
    );
}
