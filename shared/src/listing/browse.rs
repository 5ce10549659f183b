//! How a title is found: its normal form, its words, and what a customer typed.
//!
//! The index behind it is bounded on purpose: a title gives at most [`MAX_WORDS`] words, so that publishing stays one transaction.

use unicode_normalization::UnicodeNormalization;

/// Each word costs two index items when published (one on its category's shelf, one on the shelf of all), and two to take off again.
pub const MAX_WORDS: usize = 8;
/// Index partitions are named by a word's first two characters, so a search needs that many.
pub const MIN_TERM_CHARS: usize = 2;
/// A single compatibility character can unfold into 18; keys are limited in bytes.
const MAX_WORD_CHARS: usize = 40;

/// Lower-case words with single spaces between: what titles are sorted by.
pub fn normalised(title: &str) -> String {
    split(title)
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(2 * super::content::MAX_TITLE_CHARS)
        .collect()
}

/// The distinct words by which a title is found, in the order of the title.
pub fn words(title: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in split(title) {
        if words.len() < MAX_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

fn split(text: &str) -> impl Iterator<Item = String> {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let words: Vec<String> = folded
        .split(|c: char| !(c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)))
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(MAX_WORD_CHARS).collect())
        .collect();
    words.into_iter()
}

/// What a customer looks for: every term must begin a word of the title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms(Vec<String>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("give at least one word of {MIN_TERM_CHARS} characters or more")]
pub struct TooShort;

impl Terms {
    pub fn parse(text: &str) -> Result<Self, TooShort> {
        let terms = words(text);
        let longest = terms.iter().map(|term| term.chars().count()).max();
        if longest.unwrap_or(0) < MIN_TERM_CHARS {
            Err(TooShort)
        } else {
            Ok(Self(terms))
        }
    }

    /// The term to look up in the index: the longest, as it leaves the fewest entries to read.
    pub fn key(&self) -> &str {
        self.0
            .iter()
            .rev()
            .max_by_key(|term| term.chars().count())
            .map_or("", String::as_str)
    }

    /// Whether a title that the index found under `word` is an answer. A title with two words that begin alike stands twice in the
    /// index; only the first of them counts, so that nothing is listed twice.
    pub fn accept(&self, title: &str, word: &str) -> bool {
        let words = words(title);
        let first = words.iter().find(|candidate| candidate.starts_with(self.key()));
        let all = self
            .0
            .iter()
            .all(|term| words.iter().any(|word| word.starts_with(term.as_str())));
        all && first.is_some_and(|first| first == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_words(title: &str, expected: &[&str]) {
        assert_eq!(words(title), expected);
    }

    #[test]
    fn words_are_folded_distinct_and_few() {
        check_words("Warm Pads – Vol. 2", &["warm", "pads", "vol", "2"]);
        check_words("ＦＵＬＬ width ﬁne", &["full", "width", "fine"]);
        check_words("Über Éclair STRASSE", &["über", "éclair", "strasse"]);
        check_words("a b c d e f g h i j", &["a", "b", "c", "d", "e", "f", "g", "h"]);
        check_words("pads PADS Pads", &["pads"]);
        check_words("lo-fi #1|x", &["lo", "fi", "1", "x"]);
        check_words("---", &[]);
        assert_eq!(normalised("  Warm   PADS, Vol.2 "), "warm pads vol 2");
    }

    #[track_caller]
    fn check_found(query: &str, title: &str, found: bool) {
        let terms = Terms::parse(query).expect("long enough");
        let hits = words(title)
            .iter()
            .filter(|word| word.starts_with(terms.key()) && terms.accept(title, word))
            .count();
        assert_eq!(hits, usize::from(found), "{query:?} in {title:?}");
    }

    #[test]
    fn every_term_begins_a_word_and_nothing_is_found_twice() {
        check_found("wa", "Warm Water Pads", true);
        check_found("pads warm", "Warm Water Pads", true);
        check_found("WARM p", "Warm Water Pads", true);
        check_found("warm bass", "Warm Water Pads", false);
        check_found("arm", "Warm Water Pads", false);
        assert_eq!(Terms::parse("a"), Err(TooShort));
        assert_eq!(Terms::parse(" ! "), Err(TooShort));
        assert_eq!(Terms::parse("a bc"), Ok(Terms(vec!["a".into(), "bc".into()])));
    }

    proptest! {
        /// Keys are built with `#` between their parts, so neither a word nor a normal form may hold one.
        #[test]
        fn whatever_is_typed_makes_a_safe_key(text in "\\PC{0,200}") {
            prop_assert!(!normalised(&text).contains('#'));
            prop_assert!(normalised(&text).len() <= 4 * 160);
            for word in words(&text) {
                prop_assert!(!word.contains('#') && word.len() <= 160 && !word.is_empty());
            }
            prop_assert!(words(&text).len() <= MAX_WORDS);
        }

        #[test]
        fn a_title_is_found_by_each_of_its_words(title in "[a-zA-Zäöü0-9 .-]{3,80}") {
            for word in words(&title) {
                if let Ok(terms) = Terms::parse(&word) {
                    let hits = words(&title).iter().filter(|w| w.starts_with(terms.key()) && terms.accept(&title, w)).count();
                    prop_assert_eq!(hits, 1);
                }
            }
        }
    }
}
