//! Titles that can be taken for one another.
//!
//! Titles are compared by how they look ([`looks`]): letters of other scripts, digits for letters, accents, case and punctuation make no
//! difference. Of longer ones, one slip of the finger makes none either.

use std::collections::BTreeMap;

use typomania::checks::{Omitted, Repeated, SwappedCharacters, SwappedWords, Typos, Version};
use typomania::{AuthorSet, Corpus, Harness, Package};

use super::moderation::{Remark, RemarkKind, looks};
use super::publication::Card;
use crate::ids::PartnerId;

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
/// In shorter titles one letter makes another word.
const MIN_CHARS_WITH_SLIPS: usize = 7;
/// Words in another order are tried three at a time: all orders of a long title would never end.
const WORDS_AT_A_TIME: usize = 3;

/// The title of another partner that this one's can be taken for, as a remark on it.
pub(super) fn resembling(title: &str, partner: PartnerId, shelf: &[Card]) -> Option<Remark> {
    let of_others = shelf.iter().filter(|card| card.partner != partner);
    let titles = Titles(of_others.map(|card| (name(&card.title), Known(card.clone()))).collect());
    let own = name(title);
    let alike = match titles.0.get(&own) {
        Some(Known(card)) if !own.is_empty() => card.clone(),
        _ if own.chars().count() >= MIN_CHARS_WITH_SLIPS => slip(&own, &titles)?,
        _ => return None,
    };
    Some(Remark {
        kind: RemarkKind::LooksAlike,
        pointer: "/title".into(),
        excerpt: format!("{} by {} ({})", alike.title, alike.partner_name, alike.listing),
    })
}

fn slip(own: &str, titles: &Titles) -> Option<Card> {
    let replacements = |c: char| ALPHABET.chars().filter(move |other| *other != c).map(String::from);
    let typos = ALPHABET
        .chars()
        .map(|c| (c, replacements(c).chain([String::new()]).collect()));
    let harness = Harness::<Titles>::empty_builder()
        .with_check(Typos::new(typos))
        .with_check(Omitted::new(ALPHABET))
        .with_check(Omitted::new("-"))
        .with_check(Repeated)
        .with_check(SwappedCharacters)
        .with_check(SwappedWords::new("-").with_max_k(WORDS_AT_A_TIME))
        .with_check(Version)
        .build(titles.clone());
    let found = harness.check_package(own, Box::new(New)).ok()?;
    let known = titles.0.get(found.first()?.package())?;
    Some(known.0.clone())
}

/// How a title looks, its words joined by hyphens. What looks like an "m" is one letter, not two.
fn name(title: &str) -> String {
    let looks = looks(title).replace("rn", "m");
    looks.split_whitespace().collect::<Vec<_>>().join("-")
}

/// What is published by others, by its name.
#[derive(Clone)]
struct Titles(BTreeMap<String, Known>);

impl Corpus for Titles {
    fn contains_name(&self, name: &str) -> typomania::Result<bool> {
        Ok(self.0.contains_key(name))
    }

    fn get(&self, name: &str) -> typomania::Result<Option<&dyn Package>> {
        Ok(self.0.get(name).map(|known| known as &dyn Package))
    }
}

#[derive(Clone)]
struct Known(Card);

/// The title that is compared. What its own partner has published is not among the others.
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

impl Package for Known {
    fn authors(&self) -> &dyn AuthorSet {
        &New
    }

    fn description(&self) -> Option<&str> {
        Some(&self.0.summary)
    }

    fn shared_authors(&self, _: &dyn AuthorSet) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample;

    fn shelf(titles: &[&str]) -> Vec<Card> {
        let card = |title: &&str| Card {
            title: (*title).to_owned(),
            partner: sample::seed(90).id("other"),
            ..sample::card()
        };
        titles.iter().map(card).collect()
    }

    #[track_caller]
    fn check(title: &str, alike: bool) {
        let shelf = shelf(&["Warm Tape Pads", "Slack Export", "808", "Äolian Harp"]);
        let found = resembling(title, sample::partner(), &shelf);
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
        let own = [sample::card()];
        assert_eq!(resembling("Warm Tape Pad", sample::partner(), &own), None);
    }
}
