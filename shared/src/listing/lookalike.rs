//! Titles that can be taken for one another.
//!
//! Titles are compared by how they look ([`looks`]): letters of other scripts, digits for letters, accents, case and punctuation make no
//! difference. Of longer ones, one slip of the finger makes none either.
//!
//! Nobody reads the whole catalogue for that: what is published is kept under its name, and a new title asks for the names that it can be
//! taken for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use typomania::checks::{Omitted, Repeated, SwappedCharacters, SwappedWords, Typos, Version};
use typomania::{AuthorSet, Corpus, Harness, Package};

use super::moderation::{Remark, RemarkKind, looks};
use super::publication::Card;
use crate::ids::{ListingId, PartnerId};

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
/// In shorter titles one letter makes another word.
const MIN_CHARS_WITH_SLIPS: usize = 7;
/// Words in another order are tried three at a time: all orders of a long title would never end.
const WORDS_AT_A_TIME: usize = 3;
/// How many names a title asks for at most. The longest title has some 6,000 slips of one letter; a title of twenty-five characters has
/// 1,900 names. What is left out are orders of many short words.
const MAX_NAMES: usize = 8_000;

/// A published title, as it is kept under its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedTitle {
    pub listing: ListingId,
    pub partner: PartnerId,
    pub partner_name: String,
    pub title: String,
}

impl NamedTitle {
    pub fn of(card: &Card) -> Self {
        Self {
            listing: card.listing,
            partner: card.partner,
            partner_name: card.partner_name.clone(),
            title: card.title.clone(),
        }
    }
}

/// How a title looks, its words joined by hyphens. What looks like an "m" is one letter, not two. `None` where nothing of it can be read.
pub fn name(title: &str) -> Option<String> {
    let looks = looks(title).replace("rn", "m");
    let name = looks.split_whitespace().collect::<Vec<_>>().join("-");
    Some(name).filter(|name| !name.is_empty())
}

/// The names of titles that this one can be taken for, its own first: each once, at most [`MAX_NAMES`].
pub fn names_like(title: &str) -> Vec<String> {
    let Some(own) = name(title) else { return Vec::new() };
    if own.chars().count() < MIN_CHARS_WITH_SLIPS {
        return vec![own];
    }
    let asked = Asked::default();
    let replacements = |c: char| ALPHABET.chars().filter(move |other| *other != c).map(String::from);
    let typos = ALPHABET
        .chars()
        .map(|c| (c, replacements(c).chain([String::new()]).collect()));
    let harness = Harness::<Asked>::empty_builder()
        .with_check(Typos::new(typos))
        .with_check(Omitted::new(ALPHABET))
        .with_check(Omitted::new("-"))
        .with_check(Repeated)
        .with_check(SwappedCharacters)
        .with_check(Version)
        .with_check(SwappedWords::new("-").with_max_k(WORDS_AT_A_TIME))
        .build(asked.clone());
    // It ends with an error where the names are more than are asked for.
    let _names_enough = harness.check_package(&own, Box::new(New));
    let mut seen = BTreeSet::new();
    let mut names = vec![own];
    names.append(&mut asked.lock());
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The first of these titles that is another partner's, as a remark on one that can be taken for it.
pub(super) fn resembling(partner: PartnerId, alike: &[NamedTitle]) -> Option<Remark> {
    let other = alike.iter().find(|titled| titled.partner != partner)?;
    Some(Remark {
        kind: RemarkKind::LooksAlike,
        pointer: "/title".into(),
        excerpt: format!("{} by {} ({})", other.title, other.partner_name, other.listing),
    })
}

/// Has no titles, and writes down which ones it is asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Corpus for Asked {
    fn contains_name(&self, _: &str) -> typomania::Result<bool> {
        Ok(false)
    }

    fn get(&self, _: &str) -> typomania::Result<Option<&dyn Package>> {
        Ok(None)
    }

    fn possible_squat(&self, name: &str, _: &str, _: &dyn Package) -> typomania::Result<bool> {
        let mut asked = self.lock();
        if asked.len() + 1 == MAX_NAMES {
            return Err("more names than are asked for".into());
        }
        asked.push(name.to_owned());
        Ok(false)
    }
}

/// The title that is compared.
struct New;

impl AuthorSet for New {
    fn contains(&self, _: &str) -> bool {
        false
    }
}

impl Package for New {
    fn authors(&self) -> &dyn AuthorSet {
        self
    }

    fn description(&self) -> Option<&str> {
        None
    }

    fn shared_authors(&self, _: &dyn AuthorSet) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample;

    /// What is found among these titles of somebody else's, under the names that `title` asks for.
    fn found(title: &str, titles: &[&str], partner: PartnerId) -> Option<Remark> {
        let named = |title: &&str| NamedTitle {
            title: (*title).to_owned(),
            partner: sample::seed(90).id("other"),
            ..NamedTitle::of(&sample::card())
        };
        let kept: Vec<_> = titles.iter().map(|title| (name(title), named(title))).collect();
        let names = names_like(title);
        assert!(names.len() <= MAX_NAMES, "{title}: {}", names.len());
        let under = |name: &String| {
            let found = kept.iter().find(|(kept, _)| kept.as_ref() == Some(name));
            found.map(|(_, titled)| titled.clone())
        };
        let alike: Vec<_> = names.iter().filter_map(under).collect();
        resembling(partner, &alike)
    }

    #[track_caller]
    fn check(title: &str, alike: bool) {
        let titles = ["Warm Tape Pads", "Slack Export", "808", "Äolian Harp"];
        let found = found(title, &titles, sample::partner());
        assert_eq!(found.is_some(), alike, "{title}: {found:?}");
    }

    #[test]
    fn a_title_that_looks_the_same_is_remarked_on() {
        for title in [
            "Warm Tape Pads",
            "WARM TAPE-PADS",
            "W\u{430}rm T\u{430}pe Pads",
            "Warm Tape Pad$",
            "War Tape Pads",
            "Warmm Tape Pads",
            "Wram Tape Pads",
            "Tape Warm Pads",
            "WarmTape Pads",
            "Warm Tape Pads 2",
            "S1ack Export",
            "Aolian Harp",
            "8O8",
        ] {
            check(title, true);
        }
    }

    #[test]
    fn other_titles_are_not() {
        for title in [
            "Cold Tape Strings",
            "Export for Slack and Teams",
            "909",
            "Warm Pads",
            "a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n",
            "日本語の音色",
            "!!!",
        ] {
            check(title, false);
        }
    }

    #[test]
    fn one_s_own_titles_are_one_s_own() {
        assert_eq!(
            found("Warm Tape Pad", &["Warm Tape Pads"], sample::seed(90).id("other")),
            None
        );
    }

    /// However long a title is and however many words it has, what it asks for has an end.
    #[test]
    fn a_title_asks_for_so_many_names_at_most() {
        let count = |title: &str| names_like(title).len();
        assert_eq!((count(" "), count("808"), count("drums")), (0, 1, 1));
        let usual = count("Warm Tape Pads for Winters");
        assert!((1_500..2_500).contains(&usual), "{usual}");
        assert!(count(&"ab ".repeat(26)) <= MAX_NAMES);
        assert!(count(&"a".repeat(80)) <= MAX_NAMES);
    }
}
