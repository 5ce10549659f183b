//! The forms of single values in `souk.toml` and in presets. The schemas' patterns say the same.

use super::{Meter, Tempo};
use crate::archive::names;

const SLUG_CHARS: std::ops::RangeInclusive<usize> = 3..=64;
const WORD_CHARS: usize = 80;
pub(crate) const MAX_WORDS: usize = 50;
const TEMPI: std::ops::RangeInclusive<u32> = 10_000..=999_000;
const MAX_BEATS: u32 = 64;

/// Lower-case letters, digits and single hyphens inside; starts with a letter.
pub(crate) fn slug(value: &str) -> Option<()> {
    let parts_ok = value
        .split('-')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    let starts_ok = value.starts_with(|c: char| c.is_ascii_lowercase());
    (parts_ok && starts_ok && SLUG_CHARS.contains(&value.len())).then_some(())
}

pub(crate) fn version(value: &str) -> Option<semver::Version> {
    semver::Version::parse(value)
        .ok()
        .filter(|version| version.build.is_empty())
}

/// On refusal the reason in words.
pub(crate) fn licence(value: &str) -> Result<(), String> {
    match spdx::Expression::parse(value) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.reason.to_string()),
    }
}

/// A registered name with at least two labels (RFC 1123, 2.1), optionally below `*.`. Addresses
/// and single labels reach into private networks.
pub(crate) fn host(value: &str) -> Option<()> {
    let name = value.strip_prefix("*.").unwrap_or(value);
    let labels: Vec<&str> = name.split('.').collect();
    let label_ok = |label: &&str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top_ok = labels
        .last()
        .is_some_and(|top| top.starts_with(|c: char| c.is_ascii_lowercase()));
    (labels.len() >= 2 && name.len() <= 253 && labels.iter().all(label_ok) && top_ok).then_some(())
}

/// An environment variable's name.
pub(crate) fn secret_name(value: &str) -> Option<()> {
    let chars_ok = value
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let starts_ok = value.starts_with(|c: char| c.is_ascii_uppercase());
    (chars_ok && starts_ok && (2..=64).contains(&value.len())).then_some(())
}

/// `resource:action`, each of lower-case letters, `_` and `-`.
pub(crate) fn scope(value: &str) -> Option<()> {
    let (resource, action) = value.split_once(':')?;
    let part_ok = |part: &str| {
        (1..=40).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-')
    };
    (part_ok(resource) && part_ok(action)).then_some(())
}

/// A language, perhaps with script and region (BCP 47): `en`, `pt-BR`, `zh-Hant-TW`.
pub(crate) fn language(value: &str) -> Option<()> {
    let mut parts = value.split('-');
    let language = parts.next().unwrap_or_default();
    let first_ok = (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
    let rest_ok = parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    (first_ok && rest_ok && value.len() <= 35).then_some(())
}

pub(crate) fn sha256(value: &str) -> Option<()> {
    let digits_ok = value.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (value.len() == 64 && digits_ok).then_some(())
}

/// Shown to people: something to read, of at most so many characters, none of which steers what is shown.
pub(crate) fn text(value: &str, chars: usize) -> Option<()> {
    let chars_ok = !value.chars().any(|c| c.is_control() || names::is_invisible(c));
    (!value.trim().is_empty() && value.chars().count() <= chars && chars_ok).then_some(())
}

pub(crate) fn word(value: &str) -> Option<()> {
    text(value, WORD_CHARS)
}

/// Quarter notes in a minute, from 10 to 999, with at most three decimals.
pub(crate) fn tempo(value: &str) -> Option<Tempo> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.trim_end_matches('0');
    if digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths: u32 = format!("{digits:0<3}").parse().ok()?;
    let tempo = whole
        .parse::<u32>()
        .ok()?
        .checked_mul(1_000)?
        .checked_add(thousandths)?;
    TEMPI.contains(&tempo).then_some(Tempo(tempo))
}

pub(crate) fn meter(value: &str) -> Option<Meter> {
    let (beats, note) = value.split_once('/')?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| !text.starts_with(['+', '0']));
    let (beats, note) = (number(beats)?, number(note)?);
    ((1..=MAX_BEATS).contains(&beats) && note.is_power_of_two() && note <= MAX_BEATS).then_some(Meter { beats, note })
}
