//! The two fonts of a document: how wide a text is in them, and which glyphs it takes.
//!
//! A character is a glyph: the scripts that these fonts have need no shaping once a text is composed (NFC). What the fonts do not have is
//! an empty box.

use std::collections::BTreeMap;

use subsetter::GlyphRemapper;
use ttf_parser::{Face, FaceParsingError, GlyphId};
use unicode_normalization::UnicodeNormalization;

const REGULAR: &[u8] = include_bytes!("../../../fonts/NotoSans-Regular.ttf");
const SEMI_BOLD: &[u8] = include_bytes!("../../../fonts/NotoSans-SemiBold.ttf");

/// Glyph 0 of every font is the box for what is missing.
const MISSING: GlyphId = GlyphId(0);

#[derive(Debug, thiserror::Error)]
pub(crate) enum FontError {
    #[error("an embedded font cannot be read")]
    Unreadable(#[from] FaceParsingError),
    #[error("an embedded font cannot be cut down to what is shown")]
    Subset(#[from] subsetter::Error),
}

/// A weight and a size in tenths of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    pub is_strong: bool,
    pub size: u16,
}

impl Style {
    pub(super) const fn plain(size: u16) -> Self {
        Self { is_strong: false, size }
    }

    pub(super) const fn strong(size: u16) -> Self {
        Self { is_strong: true, size }
    }

    /// From one line to the next.
    pub(super) fn leading(self) -> u32 {
        u32::from(self.size) * 7 / 5
    }
}

#[derive(Debug)]
pub(super) struct Fonts {
    regular: Font,
    strong: Font,
    pub lacks_glyphs: bool,
}

impl Fonts {
    pub(super) fn new() -> Result<Self, FontError> {
        Ok(Self {
            regular: Font::new("F1", "NotoSans-Regular", REGULAR)?,
            strong: Font::new("F2", "NotoSans-SemiBold", SEMI_BOLD)?,
            lacks_glyphs: false,
        })
    }

    pub(super) fn all(&self) -> [&Font; 2] {
        [&self.regular, &self.strong]
    }

    pub(super) fn of(&self, style: Style) -> &Font {
        if style.is_strong { &self.strong } else { &self.regular }
    }

    /// In tenths of a point.
    pub(super) fn width(&self, text: &str, style: Style) -> u32 {
        let font = self.of(style);
        let units: u32 = visible(text).map(|c| u32::from(font.advance(font.glyph(c)))).sum();
        units * u32::from(style.size) / u32::from(font.face.units_per_em())
    }

    /// The glyphs of a text as a content stream shows them: two bytes each.
    pub(super) fn show(&mut self, text: &str, style: Style) -> Vec<u8> {
        let font = if style.is_strong {
            &mut self.strong
        } else {
            &mut self.regular
        };
        let mut shown = Vec::with_capacity(2 * text.len());
        for c in visible(text) {
            let glyph = font.glyph(c);
            self.lacks_glyphs |= glyph == MISSING;
            let id = font.remapper.remap(glyph.0);
            font.shown.entry(id).or_insert((glyph, c));
            shown.extend(id.to_be_bytes());
        }
        shown
    }
}

/// Composed, with spaces for what has no shape.
fn visible(text: &str) -> impl Iterator<Item = char> {
    text.nfc().map(|c| if c.is_control() { ' ' } else { c })
}

#[derive(Debug)]
pub(super) struct Font {
    /// In content streams.
    pub resource: &'static str,
    pub name: &'static str,
    data: &'static [u8],
    pub face: Face<'static>,
    remapper: GlyphRemapper,
    /// By the glyph's id in the file: the glyph in the font, and what it stands for.
    pub shown: BTreeMap<u16, (GlyphId, char)>,
}

impl Font {
    fn new(resource: &'static str, name: &'static str, data: &'static [u8]) -> Result<Self, FontError> {
        Ok(Self {
            resource,
            name,
            data,
            face: Face::parse(data, 0)?,
            remapper: GlyphRemapper::new(),
            shown: BTreeMap::new(),
        })
    }

    fn glyph(&self, c: char) -> GlyphId {
        self.face.glyph_index(c).unwrap_or(MISSING)
    }

    /// In the font's units, of which 1000 are an em.
    pub(super) fn advance(&self, glyph: GlyphId) -> u16 {
        self.face.glyph_hor_advance(glyph).unwrap_or(0)
    }

    /// The font with nothing but the glyphs that were shown.
    pub(super) fn subset(&self) -> Result<Vec<u8>, FontError> {
        Ok(subsetter::subset(self.data, 0, &self.remapper)?)
    }
}
