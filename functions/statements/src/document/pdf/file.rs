//! Pages and fonts as a file: PDF 1.7, each font cut down to what is shown, with a map back to the characters so that text can be
//! searched and copied.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Date, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::PdfError;
use super::font::Font;
use super::sheet::Sheet;

const IDENTITY: SystemInfo<'_> = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};
/// A4 in points.
const PAPER: Rect = Rect {
    x1: 0.0,
    y1: 0.0,
    x2: 595.3,
    y2: 841.9,
};

/// The objects of one font.
struct FontRefs {
    font: Ref,
    descendant: Ref,
    descriptor: Ref,
    data: Ref,
    unicode: Ref,
}

pub(super) fn write(sheet: Sheet, title: &str, at: Timestamp) -> Result<Vec<u8>, PdfError> {
    let (mut pdf, mut last) = (Pdf::new(), Ref::new(1));
    let mut next = || last.bump();
    let (catalog, tree) = (next(), next());
    let fonts = sheet.fonts.all().map(|font| {
        let refs = FontRefs {
            font: next(),
            descendant: next(),
            descriptor: next(),
            data: next(),
            unicode: next(),
        };
        (font, refs)
    });
    let pages: Vec<_> = sheet
        .pages
        .into_iter()
        .map(|content| (next(), next(), content.finish()))
        .collect();

    let mut root = pdf.catalog(catalog);
    root.pages(tree).lang(TextStr("en"));
    root.viewer_preferences().display_doc_title(true);
    root.finish();
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    pdf.pages(tree)
        .kids(pages.iter().map(|(page, ..)| *page))
        .count(count)
        .media_box(PAPER);
    for (page_ref, content_ref, content) in &pages {
        let mut page = pdf.page(*page_ref);
        page.parent(tree).contents(*content_ref);
        let mut resources = page.resources();
        let mut named = resources.fonts();
        for (font, refs) in &fonts {
            named.pair(Name(font.resource.as_bytes()), refs.font);
        }
        named.finish();
        resources.finish();
        page.finish();
        pdf.stream(*content_ref, &deflated(content)?)
            .filter(Filter::FlateDecode);
    }
    for (font, refs) in &fonts {
        write_font(&mut pdf, font, refs)?;
    }
    pdf.document_info(next())
        .title(TextStr(title))
        .creator(TextStr("Souk"))
        .creation_date(date(at));
    Ok(pdf.finish())
}

fn write_font(pdf: &mut Pdf, font: &Font, refs: &FontRefs) -> Result<(), PdfError> {
    // Six letters mark a font as cut down (ISO 32000-1, 9.6.4).
    let name = format!("SOUKAA+{}", font.name);
    let name = Name(name.as_bytes());
    pdf.type0_font(refs.font)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(refs.descendant)
        .to_unicode(refs.unicode);

    let mut descendant = pdf.cid_font(refs.descendant);
    descendant
        .subtype(CidFontType::Type2)
        .base_font(name)
        .system_info(IDENTITY)
        .font_descriptor(refs.descriptor);
    descendant.cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = descendant.widths();
    for (id, (glyph, _)) in &font.shown {
        widths.consecutive(*id, [f32::from(font.advance(*glyph))]);
    }
    widths.finish();
    descendant.finish();

    let (face, edges) = (&font.face, font.face.global_bounding_box());
    let edges = Rect::new(
        f32::from(edges.x_min),
        f32::from(edges.y_min),
        f32::from(edges.x_max),
        f32::from(edges.y_max),
    );
    pdf.font_descriptor(refs.descriptor)
        .name(name)
        .flags(FontFlags::SYMBOLIC)
        .bbox(edges)
        .italic_angle(0.0)
        .ascent(f32::from(face.ascender()))
        .descent(f32::from(face.descender()))
        .cap_height(f32::from(face.capital_height().unwrap_or(face.ascender())))
        .stem_v(80.0)
        .font_file2(refs.data);

    let data = font.subset()?;
    let length = i32::try_from(data.len()).unwrap_or(i32::MAX);
    pdf.stream(refs.data, &deflated(&data)?)
        .filter(Filter::FlateDecode)
        .pair(Name(b"Length1"), length);
    let mut unicode = UnicodeCmap::new(Name(b"Souk"), IDENTITY);
    for (id, (_, c)) in &font.shown {
        unicode.pair(*id, *c);
    }
    pdf.stream(refs.unicode, &deflated(&unicode.finish())?)
        .filter(Filter::FlateDecode);
    Ok(())
}

fn date(at: Timestamp) -> Date {
    let at = at.to_zoned(TimeZone::UTC);
    Date::new(at.year().unsigned_abs())
        .month(at.month().unsigned_abs())
        .day(at.day().unsigned_abs())
        .hour(at.hour().unsigned_abs())
        .minute(at.minute().unsigned_abs())
        .second(at.second().unsigned_abs())
        .utc_offset_hour(0)
}

fn deflated(data: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data)?;
    encoder.finish()
}
