//! What the texts of a listing are looked at for before a person reads them.
//!
//! A remark decides nothing: it stands beside the texts in the moderator's case, which it brings forward. Words are compared by how they
//! look, so that letters of other scripts, digits and accents in them change nothing.

use rustrict::{CensorStr, Type};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

use super::content::Content;

const EXCERPT_CHARS: usize = 120;

/// What is sold in the dark, and named in places that sell other things. Words that music has for itself (acid, crack, trap, dope) are not
/// here.
const DRUGS: [&str; 14] = [
    "amphetamine",
    "cannabis",
    "cocaine",
    "ecstasy pills",
    "fentanyl",
    "heroin",
    "ketamine",
    "mdma",
    "mephedrone",
    "methamphetamine",
    "oxycodone",
    "tramadol",
    "viagra",
    "xanax",
];

/// Something that a moderator should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    pub kind: RemarkKind,
    /// JSON pointer from the content's own root.
    pub pointer: String,
    /// The line in which it was seen.
    pub excerpt: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RemarkKind {
    /// Profane, offensive, sexual or mean.
    Inappropriate,
    Drugs,
    /// A word of letters from several scripts that looks like one of Latin letters.
    MixedScripts,
    /// A title that can be taken for another partner's.
    LooksAlike,
}

/// Everything to look at in these texts.
pub fn remarks(content: &Content) -> Vec<Remark> {
    let texts = [
        ("/title", content.title.as_str()),
        ("/summary", &content.summary),
        ("/description", &content.description),
    ];
    let tags = content.tags.iter().enumerate();
    let tags = tags.map(|(index, tag)| (format!("/tags/{index}"), tag.as_str()));
    let all = texts
        .map(|(pointer, text)| (pointer.to_owned(), text))
        .into_iter()
        .chain(tags);
    all.flat_map(|(pointer, text)| of_text(&pointer, text)).collect()
}

/// One remark of each kind, with the first line that it is about.
fn of_text(pointer: &str, text: &str) -> Vec<Remark> {
    let first = |kind, is_found: fn(&str) -> bool| {
        let line = text.lines().find(|line| is_found(line))?;
        Some(Remark {
            kind,
            pointer: pointer.to_owned(),
            excerpt: line.trim().chars().take(EXCERPT_CHARS).collect(),
        })
    };
    [
        first(RemarkKind::Inappropriate, |line| {
            is_inappropriate(line) && !names_drugs(line)
        }),
        first(RemarkKind::Drugs, names_drugs),
        first(RemarkKind::MixedScripts, |line| {
            line.split(|c: char| !c.is_alphabetic()).any(is_disguised)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is meant badly however it is spaced, and single words that are. Of what is only suggestive, too much is music: sextets, 808s, Cumbia.
fn is_inappropriate(line: &str) -> bool {
    let severe = (Type::PROFANE | Type::OFFENSIVE | Type::SEXUAL | Type::MEAN) & Type::SEVERE;
    let words = (Type::PROFANE | Type::OFFENSIVE) & Type::MODERATE_OR_HIGHER;
    // What has more digits than letters is a number, or the name of a model.
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).count();
    let is_said = |word: &&str| 2 * digits(word) <= word.chars().count();
    let line = line.split_whitespace().filter(is_said).collect::<Vec<_>>().join(" ");
    line.is(severe) || line.split_whitespace().any(|word| word.is(words))
}

fn names_drugs(line: &str) -> bool {
    let seen = looks(line);
    DRUGS.iter().any(|name| seen.contains(&looks(name)))
}

/// How a text looks: as Latin letters as far as possible, without accents, case and what stands between words.
pub(super) fn looks(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let alike: String = skeleton(&plain.to_lowercase()).collect();
    let letter = |c: char| match c {
        '0' => 'o',
        '1' | '|' | '!' => 'l',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    let words = alike.to_lowercase();
    let words = words.split(|c: char| c.is_whitespace()).filter(|word| !word.is_empty());
    let words = words.map(|word| {
        word.chars()
            .map(letter)
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
    });
    format!(" {} ", words.collect::<Vec<_>>().join(" "))
}

/// Latin letters with some of another script that look like Latin ones.
fn is_disguised(word: &str) -> bool {
    let is_latin = |c: char| c.is_alphabetic() && c.is_ascii();
    let is_lookalike = |c: char| {
        let looks: String = skeleton(c.encode_utf8(&mut [0; 4])).collect();
        matches!(c, '\u{370}'..='\u{52f}') && looks.is_ascii()
    };
    word.chars().any(is_latin) && word.chars().any(is_lookalike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[RemarkKind]) {
        let found: Vec<_> = of_text("/title", text).into_iter().map(|remark| remark.kind).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn ordinary_texts_have_no_remarks() {
        for text in [
            "Warm Tape Pads",
            "Forty slow pads, recorded to tape.",
            "Acid bass, dirty drums, crackling vinyl, trap hats and a phat kick",
            "Assassin's lullaby: push it to the limit",
            "Äolian Warmth & Wärme für Tasten — 120 BPM",
            "Тёплые пэды для медленной музыки",
            "α-wave drones, Ω sweeps, 4/4 at 174",
            "Sussex cockpit ambience, analogue sextets, Scunthorpe brass, Cumbia",
            "808s, 909s and 303 lines (MIDI + WAV)",
            "Groove Kit q78d9e93024905528",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn words_are_known_however_they_are_written() {
        use RemarkKind::{Drugs, Inappropriate, MixedScripts};
        check("fuck you pads", &[Inappropriate]);
        check("f u c k y o u", &[Inappropriate]);
        check("Buy cocaine here", &[Drugs]);
        check("Buy C0CAINE here", &[Drugs]);
        check("Buy cöcäïne here", &[Drugs]);
        check("XANAX, no prescription", &[Drugs]);
        check("Buy c\u{43e}caine here", &[Drugs, MixedScripts]);
        check("P\u{430}ypal support", &[MixedScripts]);
    }

    #[test]
    fn a_remark_names_field_and_line() {
        let content = Content {
            description: "# Pads\n\nBuy heroin here.\nAnd pads.".into(),
            tags: vec!["warm".into(), "xanax".into()],
            ..crate::listing::sample::content()
        };
        let found: Vec<_> = remarks(&content)
            .into_iter()
            .map(|remark| (remark.pointer, remark.excerpt))
            .collect();
        let expected = [("/description", "Buy heroin here."), ("/tags/1", "xanax")];
        assert_eq!(
            found,
            expected.map(|(pointer, line)| (pointer.to_owned(), line.to_owned()))
        );
    }
}
