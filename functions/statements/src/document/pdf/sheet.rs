//! Pages, and a place on the last of them where writing goes on.

use pdf_writer::{Content, Name, Str};

use super::font::{FontError, Fonts, Style};

/// A4 in tenths of a point.
pub(super) const WIDTH: u32 = 5_953;
pub(super) const HEIGHT: u32 = 8_419;
pub(super) const LEFT: u32 = 500;
pub(super) const RIGHT: u32 = WIDTH - LEFT;
const TOP: u32 = 500;
/// Below it is the page's number.
pub(super) const BOTTOM: u32 = HEIGHT - 650;
const FOOT: u32 = HEIGHT - 500;

const FOOTER: Style = Style::plain(72);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Full,
    Faint,
}

pub(super) struct Sheet {
    pub fonts: Fonts,
    /// The finished pages' content streams, then the one in work.
    pub pages: Vec<Content>,
    y: u32,
}

impl Sheet {
    pub(super) fn new() -> Result<Self, FontError> {
        let mut sheet = Self {
            fonts: Fonts::new()?,
            pages: Vec::new(),
            y: TOP,
        };
        sheet.turn();
        Ok(sheet)
    }

    pub(super) fn y(&self) -> u32 {
        self.y
    }

    pub(super) fn go_to(&mut self, y: u32) {
        self.y = y;
    }

    pub(super) fn skip(&mut self, height: u32) {
        self.y += height;
    }

    pub(super) fn lacks_glyphs(&self) -> bool {
        self.fonts.lacks_glyphs
    }

    pub(super) fn width(&self, text: &str, style: Style) -> u32 {
        self.fonts.width(text, style)
    }

    /// Turns the page where less than this is left of it. Whether it did.
    pub(super) fn make_room(&mut self, height: u32) -> bool {
        let is_full = self.y + height > BOTTOM;
        if is_full {
            self.turn();
        }
        is_full
    }

    fn turn(&mut self) {
        let mut page = Content::new();
        // From here on a unit is a tenth of a point.
        page.transform([0.1, 0.0, 0.0, 0.1, 0.0, 0.0]);
        self.pages.push(page);
        self.y = TOP;
    }

    /// A text over the whole width, on as many lines as it takes.
    pub(super) fn paragraph(&mut self, text: &str, style: Style, ink: Ink) {
        self.paragraph_in(LEFT, RIGHT - LEFT, text, style, ink);
    }

    pub(super) fn paragraph_in(&mut self, left: u32, width: u32, text: &str, style: Style, ink: Ink) {
        for line in self.wrap(text, style, width) {
            self.make_room(style.leading());
            self.show(left, &line, style, ink);
            self.y += style.leading();
        }
    }

    /// A text that ends at `right`.
    pub(super) fn number(&mut self, right: u32, text: &str, style: Style, ink: Ink) {
        let left = right.saturating_sub(self.width(text, style));
        self.show(left, text, style, ink);
        self.y += style.leading();
    }

    /// A line across the page.
    pub(super) fn rule(&mut self, is_strong: bool) {
        let y = up(self.y);
        if let Some(page) = self.pages.last_mut() {
            page.set_stroke_gray(0.75)
                .set_line_width(if is_strong { 10.0 } else { 5.0 });
            page.move_to(length(LEFT), y).line_to(length(RIGHT), y).stroke();
        }
    }

    /// A line at the foot of every page: what it belongs to, and which of how many it is.
    pub(super) fn number_pages(&mut self, what: &str) {
        let (count, mut pages) = (self.pages.len(), std::mem::take(&mut self.pages));
        let what = self
            .wrap(what, FOOTER, (RIGHT - LEFT) * 3 / 4)
            .into_iter()
            .next()
            .unwrap_or_default();
        for (index, page) in pages.drain(..).enumerate() {
            self.pages.push(page);
            self.y = FOOT;
            self.show(LEFT, &what, FOOTER, Ink::Faint);
            self.number(RIGHT, &format!("Page {} of {count}", index + 1), FOOTER, Ink::Faint);
        }
    }

    /// The lines of a text in a column: broken between words, within a word only where it is wider than the column.
    pub(super) fn wrap(&self, text: &str, style: Style, width: u32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if self.width(&longer, style) <= width {
                line = longer;
                continue;
            }
            lines.extend(Some(std::mem::take(&mut line)).filter(|line| !line.is_empty()));
            for c in word.chars() {
                line.push(c);
                if self.width(&line, style) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, c.to_string()));
                }
            }
        }
        lines.extend(Some(line).filter(|line| !line.is_empty()));
        lines
    }

    /// One line whose top is where writing goes on.
    fn show(&mut self, left: u32, text: &str, style: Style, ink: Ink) {
        let glyphs = self.fonts.show(text, style);
        let font = self.fonts.of(style).resource;
        let baseline = self.y + u32::from(style.size);
        let Some(page) = self.pages.last_mut() else { return };
        page.begin_text();
        page.set_fill_gray(match ink {
            Ink::Full => 0.1,
            Ink::Faint => 0.4,
        });
        page.set_font(Name(font.as_bytes()), f32::from(style.size));
        page.next_line(length(left), up(baseline));
        page.show(Str(&glyphs));
        page.end_text();
    }
}

/// PDF measures from the lower left corner upwards.
fn up(y: u32) -> f32 {
    length(HEIGHT.saturating_sub(y))
}

/// Nothing on a page is farther away than 65,535 tenths of a point.
fn length(tenths: u32) -> f32 {
    f32::from(u16::try_from(tenths).unwrap_or(u16::MAX))
}
