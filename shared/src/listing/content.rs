//! What a listing says about itself, and what it may say.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use super::browse;
use crate::money::{Currency, Money};

/// A title is a sort key and a line on a card; the browse index is sized for this many characters.
pub const MAX_TITLE_CHARS: usize = 80;
const MIN_TITLE_CHARS: usize = 3;
const MAX_SUMMARY_CHARS: usize = 200;
/// With everything else a listing stays far below the 400 KiB of one item, four bytes a character included.
const MAX_DESCRIPTION_CHARS: usize = 20_000;
const MAX_TAGS: usize = 10;
const MAX_TAG_CHARS: usize = 30;

/// Where a listing stands in the shop: one shelf each. A closed list, so that a shelf exists before anything is on it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Category {
    /// Integrations by what they are for.
    Communication,
    Productivity,
    Data,
    DeveloperTools,
    Security,
    Finance,
    /// Everything that makes or shapes sound.
    Instruments,
    Effects,
    Presets,
    Samples,
    /// Musical material to start from.
    Grooves,
    Chords,
    Templates,
    /// Things to read.
    Guides,
}

impl Category {
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What a package contains; decides how it is scanned. The names are those of `content_type` in `souk.toml`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ContentType {
    Integration,
    PluginNative,
    PluginWasm,
    GrooveTemplate,
    ChordPack,
    IntentPreset,
    SynthPreset,
    GenreTemplate,
    SamplePack,
    ProductionGuide,
}

impl ContentType {
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether a package of this type brings code that runs at the customer's.
    pub fn runs(self) -> bool {
        matches!(self, Self::PluginNative | Self::PluginWasm | Self::Integration)
    }
}

/// Texts and price. The draft is edited freely; what is public is the copy that was reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub title: String,
    /// One line, for cards and search results.
    pub summary: String,
    /// Markdown.
    pub description: String,
    pub category: Category,
    /// Fixed when the listing is created: a scan of one kind of content says nothing about another.
    pub content_type: ContentType,
    /// Zero: given away.
    pub price: Money,
    /// Lower-case, for filtering.
    pub tags: Vec<String>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// JSON pointer from the content's own root.
    pub pointer: String,
    pub detail: String,
}

impl Flaw {
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

impl Content {
    /// Everything that keeps these texts and this price from a marketplace that charges in `currency`.
    pub fn flaws(&self, currency: Currency) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        check_line(&mut flaws, "/title", &self.title, MIN_TITLE_CHARS, MAX_TITLE_CHARS);
        if flaws.is_empty() && browse::words(&self.title).is_empty() {
            flaws.push(Flaw::new("/title", "must contain a word: nobody could find it"));
        }
        check_line(&mut flaws, "/summary", &self.summary, 1, MAX_SUMMARY_CHARS);
        check_text(&mut flaws, "/description", &self.description, 1, MAX_DESCRIPTION_CHARS);
        check_price(&mut flaws, self.price, currency);
        check_tags(&mut flaws, &self.tags);
        flaws
    }
}

fn check_line(flaws: &mut Vec<Flaw>, pointer: &str, text: &str, least: usize, most: usize) {
    if text.chars().any(|c| c.is_control()) {
        flaws.push(Flaw::new(pointer, "must be one line without control characters"));
        return;
    }
    if text.trim() != text {
        flaws.push(Flaw::new(pointer, "must not begin or end with white space"));
        return;
    }
    check_text(flaws, pointer, text, least, most);
}

/// A text of several lines. Shared with notes and reasons.
pub(super) fn check_text(flaws: &mut Vec<Flaw>, pointer: &str, text: &str, least: usize, most: usize) {
    let chars = text.chars().count();
    if chars < least || chars > most {
        flaws.push(Flaw::new(
            pointer,
            format!("must be between {least} and {most} characters long, not {chars}"),
        ));
    } else if least > 0 && text.trim().is_empty() {
        flaws.push(Flaw::new(pointer, "must not be blank"));
    } else if let Some(hidden) = text.chars().find(|c| is_hidden(*c)) {
        let code = u32::from(hidden);
        flaws.push(Flaw::new(
            pointer,
            format!("must not contain the invisible or steering character U+{code:04X}"),
        ));
    }
}

/// Characters with which a text can show something else than it says: control, bidirectional, zero-width and tag characters.
/// The zero-width joiners stay: scripts and emoji need them.
fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(
            c,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{061c}' | '\u{180e}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

fn check_price(flaws: &mut Vec<Flaw>, price: Money, currency: Currency) {
    if price.currency() != currency {
        flaws.push(Flaw::new(
            "/price/currency",
            format!("this marketplace sells in {currency}"),
        ));
    }
    // What is given away is not charged.
    if !price.is_zero()
        && let Err(error) = price.check_charge()
    {
        flaws.push(Flaw::new(
            "/price/amount",
            format!("must be 0 (free), or an amount that can be charged: {error}"),
        ));
    }
}

fn check_tags(flaws: &mut Vec<Flaw>, tags: &[String]) {
    if tags.len() > MAX_TAGS {
        flaws.push(Flaw::new("/tags", format!("must be at most {MAX_TAGS} tags")));
    }
    for (index, tag) in tags.iter().enumerate().take(MAX_TAGS) {
        let simple = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let hyphens = tag.starts_with('-') || tag.ends_with('-') || tag.contains("--");
        if tag.is_empty() || tag.len() > MAX_TAG_CHARS || hyphens || !tag.chars().all(simple) {
            let detail = format!("must be 1 to {MAX_TAG_CHARS} lower-case letters, digits and single hyphens");
            flaws.push(Flaw::new(format!("/tags/{index}"), detail));
        } else if tags[..index].contains(tag) {
            flaws.push(Flaw::new(format!("/tags/{index}"), "is there twice"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample;

    #[track_caller]
    fn check(change: impl Fn(&mut Content), pointers: &[&str]) {
        let mut content = sample::content();
        change(&mut content);
        let flaws = content.flaws(Currency::EUR);
        assert_eq!(
            flaws.iter().map(|flaw| flaw.pointer.as_str()).collect::<Vec<_>>(),
            pointers,
            "{flaws:?}"
        );
    }

    #[test]
    fn every_flaw_names_its_field() {
        check(|_| {}, &[]);
        check(|c| c.title = "ab".into(), &["/title"]);
        check(|c| c.title = "x".repeat(81), &["/title"]);
        check(|c| c.title = "é".repeat(80), &[]);
        check(|c| c.title = "!!! ???".into(), &["/title"]);
        check(|c| c.title = "two\nlines".into(), &["/title"]);
        check(|c| c.title = " padded".into(), &["/title"]);
        check(|c| c.title = "evil \u{202e}gnp.exe".into(), &["/title"]);
        check(|c| c.summary = String::new(), &["/summary"]);
        check(|c| c.description = "  \n ".into(), &["/description"]);
        check(|c| c.description = "# Pads\n\nWarm ones.\t👩‍🎤".into(), &[]);
        check(|c| c.description = "nul\0".into(), &["/description"]);
    }

    #[test]
    fn a_price_is_nothing_or_something_chargeable() {
        check(|c| c.price = Money::zero(Currency::EUR), &[]);
        check(|c| c.price = Money::new(49, Currency::EUR), &["/price/amount"]);
        check(|c| c.price = Money::new(-1, Currency::EUR), &["/price/amount"]);
        check(|c| c.price = Money::new(i64::MAX, Currency::EUR), &["/price/amount"]);
        let kwd = "KWD".parse().expect("a currency");
        let flaws = |minor| {
            let price = Money::new(minor, kwd);
            Content {
                price,
                ..sample::content()
            }
            .flaws(kwd)
        };
        assert_eq!(flaws(1290), []);
        assert_eq!(
            flaws(1299).first().map(|flaw| flaw.pointer.as_str()),
            Some("/price/amount")
        );
        check(|c| c.price = Money::new(999, Currency::USD), &["/price/currency"]);
    }

    #[test]
    fn tags_are_few_simple_and_distinct() {
        check(|c| c.tags = vec!["warm".into(), "lo-fi".into(), "80s".into()], &[]);
        check(|c| c.tags = vec!["warm".into(), "warm".into()], &["/tags/1"]);
        check(
            |c| c.tags = vec!["Warm".into(), String::new(), "-x".into()],
            &["/tags/0", "/tags/1", "/tags/2"],
        );
        check(|c| c.tags = (0..11).map(|n| n.to_string()).collect(), &["/tags"]);
    }
}
