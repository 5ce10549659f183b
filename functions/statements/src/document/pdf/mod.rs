//! A document for paper: A4, pages numbered, fonts embedded. Lengths are whole tenths of a point from the upper left corner.

mod file;
mod font;
mod sheet;

use shared::money::MoneyError;

use self::font::{FontError, Style};
use self::sheet::{BOTTOM, Ink, LEFT, RIGHT, Sheet};
use super::{Cell, Column, Document, Kind, Row, Table};

const TITLE: Style = Style::strong(200);
const CAPTION: Style = Style::strong(110);
const BODY: Style = Style::plain(90);
const STRONG: Style = Style::strong(90);
const SMALL: Style = Style::plain(72);

/// Between two columns.
const GUTTER: u32 = 120;
/// Above and below the text of a row.
const PADDING: u32 = 40;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PdfError {
    #[error(transparent)]
    Font(#[from] FontError),
    #[error("a stream could not be compressed")]
    Compression(#[from] std::io::Error),
    #[error(transparent)]
    Money(#[from] MoneyError),
}

pub(crate) fn render(document: &Document) -> Result<Vec<u8>, PdfError> {
    let mut sheet = Sheet::new()?;
    letterhead(&mut sheet, document);
    for table in &document.tables {
        draw_table(&mut sheet, table);
    }
    sheet.skip(200);
    for note in &document.notes {
        sheet.paragraph(note, SMALL, Ink::Faint);
    }
    if sheet.lacks_glyphs() {
        let note = "Characters that the font of this file does not have are shown as empty boxes; the web page of this document has them.";
        sheet.paragraph(note, SMALL, Ink::Faint);
    }
    let whose = document.addressee.first().map(String::as_str).unwrap_or_default();
    sheet.number_pages(&format!("{} · {whose}", document.title));
    file::write(sheet, &document.title, document.drawn_up_at)
}

fn letterhead(sheet: &mut Sheet, document: &Document) {
    sheet.paragraph(&document.issuer.name, STRONG, Ink::Full);
    for line in &document.issuer.address {
        sheet.paragraph(line, SMALL, Ink::Faint);
    }
    sheet.paragraph(&format!("Tax number {}", document.issuer.tax_id), SMALL, Ink::Faint);
    sheet.skip(300);
    sheet.paragraph(&document.title, TITLE, Ink::Full);
    sheet.skip(120);
    let top = sheet.y();
    let half = (RIGHT - LEFT) / 2;
    for (index, line) in document.addressee.iter().enumerate() {
        let style = if index == 0 { STRONG } else { BODY };
        sheet.paragraph_in(LEFT, half - GUTTER, line, style, Ink::Full);
    }
    let below = sheet.y();
    sheet.go_to(top);
    let label_width = document
        .facts
        .iter()
        .map(|(label, _)| sheet.width(label, BODY))
        .max()
        .unwrap_or(0)
        + GUTTER;
    for (label, value) in &document.facts {
        let line = sheet.y();
        sheet.paragraph_in(LEFT + half, label_width, label, BODY, Ink::Faint);
        sheet.go_to(line);
        sheet.paragraph_in(LEFT + half + label_width, half - label_width, value, BODY, Ink::Full);
    }
    sheet.go_to(below.max(sheet.y()));
}

/// Where a column begins and how wide it is.
#[derive(Debug, Clone, Copy)]
struct Place {
    left: u32,
    width: u32,
}

fn draw_table(sheet: &mut Sheet, table: &Table) {
    let places = places(sheet, table);
    let head = Row::new(table.columns.iter().map(|column| Cell::text(column.title)));
    let first = table.rows.first().map_or(0, |row| height(sheet, table, &places, row));
    sheet.skip(280);
    // A caption at the foot of a page, away from its table, is of no use.
    sheet.make_room(CAPTION.leading() + BODY.leading() + 2 * PADDING + first);
    sheet.paragraph(&table.caption, CAPTION, Ink::Full);
    draw_row(sheet, table, &places, &head, Ink::Faint);
    for row in &table.rows {
        if sheet.make_room(height(sheet, table, &places, row)) {
            draw_row(sheet, table, &places, &head, Ink::Faint);
        }
        draw_row(sheet, table, &places, row, Ink::Full);
    }
}

fn places(sheet: &Sheet, table: &Table) -> Vec<Place> {
    let natural = |(index, column): (usize, &Column)| {
        let texts = table
            .rows
            .iter()
            .filter_map(|row| row.cells.get(index))
            .map(|cell| sheet.width(&cell.text, STRONG));
        texts.chain([sheet.width(column.title, BODY)]).max().unwrap_or(0)
    };
    let mut widths: Vec<u32> = table.columns.iter().enumerate().map(natural).collect();
    let gutters = GUTTER * u32::try_from(widths.len().saturating_sub(1)).unwrap_or(0);
    let wide = table.columns.iter().position(|column| column.kind == Kind::Wide);
    let others: u32 = widths
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != wide)
        .map(|(_, width)| width)
        .sum();
    if let Some(width) = wide.and_then(|index| widths.get_mut(index)) {
        *width = (RIGHT - LEFT).saturating_sub(others + gutters);
    }
    let mut left = LEFT;
    let place = |width| {
        let place = Place { left, width };
        left += width + GUTTER;
        place
    };
    widths.into_iter().map(place).collect()
}

fn style(row: &Row) -> Style {
    if row.is_strong { STRONG } else { BODY }
}

fn height(sheet: &Sheet, table: &Table, places: &[Place], row: &Row) -> u32 {
    let tall = |((column, cell), place): ((&Column, &Cell), &Place)| {
        let lines = |text: &str, style: Style| {
            let count = match column.kind {
                Kind::Amount => 1,
                Kind::Text | Kind::Wide => sheet.wrap(text, style, place.width).len(),
            };
            u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(style.leading())
        };
        lines(&cell.text, style(row)) + cell.details.iter().map(|detail| lines(detail, SMALL)).sum::<u32>()
    };
    let text = row.under(&table.columns).zip(places).map(tall).max().unwrap_or(0);
    (text + 2 * PADDING).min(BOTTOM)
}

fn draw_row(sheet: &mut Sheet, table: &Table, places: &[Place], row: &Row, ink: Ink) {
    let (top, height) = (sheet.y(), height(sheet, table, places, row));
    for ((column, cell), place) in row.under(&table.columns).zip(places) {
        sheet.go_to(top + PADDING);
        match column.kind {
            Kind::Amount => sheet.number(place.left + place.width, &cell.text, style(row), ink),
            Kind::Text | Kind::Wide => {
                sheet.paragraph_in(place.left, place.width, &cell.text, style(row), ink);
                for detail in &cell.details {
                    sheet.paragraph_in(place.left, place.width, detail, SMALL, Ink::Faint);
                }
            }
        }
    }
    sheet.go_to(top + height);
    sheet.rule(row.is_strong);
}

#[cfg(test)]
mod tests;
