//! Notes, modes and chord symbols: what declared harmony means in pitch classes.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A set of pitch classes, one bit each, C lowest.
pub(crate) type Pitches = u16;

const OCTAVE: u8 = 12;

/// The pitch class at the beginning of `text`, and what follows it.
fn note(text: &str) -> Option<(u8, &str)> {
    let mut chars = text.chars();
    let natural = match chars.next()? {
        'C' => 0,
        'D' => 2,
        'E' => 4,
        'F' => 5,
        'G' => 7,
        'A' => 9,
        'B' => 11,
        _ => return None,
    };
    let rest = chars.as_str();
    let (step, rest) = match rest.chars().next() {
        Some('#' | '♯') => (1, after_first(rest)),
        Some('b' | '♭') => (OCTAVE - 1, after_first(rest)),
        _ => (0, rest),
    };
    Some(((natural + step) % OCTAVE, rest))
}

fn after_first(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

/// A note and nothing else.
pub(crate) fn key(text: &str) -> Option<u8> {
    note(text).and_then(|(pitch, rest)| rest.is_empty().then_some(pitch))
}

/// A scale, by its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Mode {
    Major,
    Minor,
    HarmonicMinor,
    MelodicMinor,
    Ionian,
    Dorian,
    Phrygian,
    Lydian,
    Mixolydian,
    Aeolian,
    Locrian,
}

impl Mode {
    /// Its notes above `key`.
    pub(crate) fn scale(self, key: u8) -> Pitches {
        let steps: [u8; 7] = match self {
            Self::Major | Self::Ionian => [0, 2, 4, 5, 7, 9, 11],
            Self::Minor | Self::Aeolian => [0, 2, 3, 5, 7, 8, 10],
            Self::HarmonicMinor => [0, 2, 3, 5, 7, 8, 11],
            Self::MelodicMinor => [0, 2, 3, 5, 7, 9, 11],
            Self::Dorian => [0, 2, 3, 5, 7, 9, 10],
            Self::Phrygian => [0, 1, 3, 5, 7, 8, 10],
            Self::Lydian => [0, 2, 4, 6, 7, 9, 11],
            Self::Mixolydian => [0, 2, 4, 5, 7, 9, 10],
            Self::Locrian => [0, 1, 3, 5, 6, 8, 10],
        };
        above(key, &steps)
    }
}

fn above(root: u8, steps: &[u8]) -> Pitches {
    steps
        .iter()
        .fold(0, |pitches, step| pitches | 1 << ((root + step) % OCTAVE))
}

/// A chord symbol's pitch classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chord {
    /// Root, third, fifth and seventh, as far as it has them.
    pub(crate) frame: Pitches,
    /// With everything that it adds, and its bass.
    pub(crate) all: Pitches,
}

/// Steps above the root, while the symbol is read.
struct Body {
    third: Option<u8>,
    fifth: Option<u8>,
    seventh: Option<u8>,
    added: Vec<u8>,
    /// What a seventh is where the symbol only says `7`.
    plain_seventh: u8,
}

/// Spellings and what they do.
type Word = (&'static [&'static str], fn(&mut Body));

/// What a chord is before its figures, the longest name first.
const QUALITIES: [Word; 8] = [
    (&["omit3"], |body| body.third = None),
    (&["omit5"], |body| body.fifth = None),
    (&["maj", "Maj", "ma", "M"], |body| body.plain_seventh = 11),
    (&["Δ"], |body| (body.plain_seventh, body.seventh) = (11, Some(11))),
    (&["min", "mi", "m", "-"], |body| body.third = Some(3)),
    (&["dim", "°", "o"], |body| {
        (body.third, body.fifth, body.plain_seventh) = (Some(3), Some(6), 9);
    }),
    (&["ø"], |body| {
        (body.third, body.fifth, body.seventh) = (Some(3), Some(6), Some(10));
    }),
    (&["aug", "+"], |body| body.fifth = Some(8)),
];

/// Figures and alterations, the longest first where one begins another.
const FIGURES: [Word; 26] = [
    (&["maj13", "Maj13", "M13"], |body| body.extend(11, &[2, 9])),
    (&["maj11", "Maj11", "M11"], |body| body.extend(11, &[2, 5])),
    (&["maj9", "Maj9", "M9"], |body| body.extend(11, &[2])),
    (&["maj7", "Maj7", "M7"], |body| body.extend(11, &[])),
    (&["add2", "add9"], |body| body.added.push(2)),
    (&["add4", "add11"], |body| body.added.push(5)),
    (&["add6", "add13"], |body| body.added.push(9)),
    (&["sus2"], |body| body.third = Some(2)),
    (&["sus4", "sus"], |body| body.third = Some(5)),
    (&["no3", "omit3"], |body| body.third = None),
    (&["no5", "omit5"], |body| body.fifth = None),
    (&["alt"], |body| {
        (body.fifth, body.seventh) = (None, Some(10));
        body.added.extend([1, 3, 6, 8]);
    }),
    (&["6/9", "69"], |body| body.added.extend([2, 9])),
    (&["b13", "♭13", "b6", "♭6"], |body| body.added.push(8)),
    (&["#11", "♯11"], |body| body.added.push(6)),
    (&["#9", "♯9"], |body| body.added.push(3)),
    (&["b9", "♭9"], |body| body.added.push(1)),
    (&["#5", "♯5", "+5"], |body| body.fifth = Some(8)),
    (&["b5", "♭5"], |body| body.fifth = Some(6)),
    (&["13"], |body| body.extend(body.plain_seventh, &[2, 9])),
    (&["11"], |body| body.extend(body.plain_seventh, &[2, 5])),
    (&["9"], |body| body.extend(body.plain_seventh, &[2])),
    (&["7"], |body| body.extend(body.plain_seventh, &[])),
    (&["6"], |body| body.added.push(9)),
    (&["2"], |body| body.added.push(2)),
    (&["4"], |body| body.added.push(5)),
];

impl Body {
    fn extend(&mut self, seventh: u8, added: &[u8]) {
        self.seventh = Some(seventh);
        self.added.extend(added);
    }

    /// Carries out what `text` begins with, and gives back the rest.
    fn take<'t>(&mut self, text: &'t str, table: &[Word]) -> Option<&'t str> {
        table.iter().find_map(|(names, effect)| {
            let rest = names.iter().find_map(|name| text.strip_prefix(name))?;
            effect(self);
            Some(rest)
        })
    }
}

impl Chord {
    /// A symbol such as `C`, `F#m7b5`, `Bbmaj9`, `Gsus4`, `E7(#9)` or `D/F#`; `None` where it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (root, rest) = note(text)?;
        let slash = rest.rsplit_once('/').and_then(|(body, bass)| Some((body, key(bass)?)));
        let (mut rest, bass) = slash.map_or((rest, None), |(body, bass)| (body, Some(bass)));
        let mut body = Body {
            third: Some(4),
            fifth: Some(7),
            seventh: None,
            added: Vec::new(),
            plain_seventh: 10,
        };
        if rest == "5" {
            (body.third, rest) = (None, "");
        }
        // `maj7` is a figure too, and means the same.
        rest = body.take(rest, &QUALITIES).unwrap_or(rest);
        while !rest.is_empty() {
            rest = match rest.strip_prefix(['(', ')', ',']) {
                Some(after) => after,
                None => body.take(rest, &FIGURES)?,
            };
        }
        let frame: Vec<u8> = [Some(0), body.third, body.fifth, body.seventh]
            .into_iter()
            .flatten()
            .collect();
        let frame = above(root, &frame);
        Some(Self {
            frame,
            all: frame | above(root, &body.added) | bass.map_or(0, |bass| 1 << bass),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn sounds(symbol: &str, names: &str) {
        let chord = Chord::parse(symbol).expect("a chord");
        let expected = names
            .split(' ')
            .fold(0, |pitches, name| pitches | 1 << key(name).expect("a note"));
        assert_eq!(
            chord.all, expected,
            "{symbol}: {:012b}, expected {expected:012b}",
            chord.all
        );
    }

    #[test]
    fn symbols_as_musicians_write_them() {
        sounds("C", "C E G");
        sounds("Bb", "Bb D F");
        sounds("F#m", "F# A C#");
        sounds("Cmaj7", "C E G B");
        sounds("CM7", "C E G B");
        sounds("CΔ", "C E G B");
        sounds("Am9", "A C E G B");
        sounds("Dadd9", "D F# A E");
        sounds("G7", "G B D F");
        sounds("Gsus4", "G C D");
        sounds("G7sus4", "G C D F");
        sounds("Dsus2", "D E A");
        sounds("Bdim", "B D F");
        sounds("Bdim7", "B D F Ab");
        sounds("Bm7b5", "B D F A");
        sounds("Bø7", "B D F A");
        sounds("Caug", "C E G#");
        sounds("C+", "C E G#");
        sounds("E7(#9)", "E G# B D G");
        sounds("C6/9", "C E G A D");
        sounds("C6", "C E G A");
        sounds("Am(maj7)", "A C E G#");
        sounds("AmMaj7", "A C E G#");
        sounds("A5", "A E");
        sounds("Comit3", "C G");
        sounds("C2", "C D E G");
        sounds("D/F#", "D F# A");
        sounds("C/D", "C E G D");
        sounds("Fmaj13", "F A C E G D");
        sounds("G13b9", "G B D F A E Ab");
        sounds("C♯m♭5", "C# E G");
    }

    #[test]
    fn what_is_no_symbol() {
        for text in [
            "", "H", "c", "Cfoo", "C/", "C/H", "Cm7x", "maj7", "C E G", "N.C.", "C##",
        ] {
            assert_eq!(Chord::parse(text), None, "{text}");
        }
    }

    #[test]
    fn scales_stand_on_their_key() {
        assert_eq!(Mode::Major.scale(0), 0b1010_1011_0101);
        assert_eq!(
            Mode::Minor.scale(9),
            Mode::Major.scale(0),
            "A minor has the notes of C major"
        );
        assert_eq!(Mode::Dorian.scale(2), Mode::Major.scale(0));
        assert_eq!("harmonic-minor".parse(), Ok(Mode::HarmonicMinor));
    }
}
