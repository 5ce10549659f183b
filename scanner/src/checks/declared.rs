//! What the manifest says of music, recordings and intents against what the files play and say.

use std::collections::BTreeMap;

use super::File;
use super::audio::Sound;
use super::kinds::{self, Kind};
use super::midi::Music;
use crate::manifest::{ContentType, FILE_NAME, Harmony, Loop, Manifest, Piece};
use crate::music::{Chord, key};
use crate::report::{Finding, Severity};

/// Thousandths of a beat a minute: what rounding to whole microseconds of a quarter note takes, and what nobody hears.
const TEMPO_TOLERANCE: u64 = 50;
/// A note may ring into the next bar for so many parts of a quarter note.
const OVERHANG: u64 = 4;
/// Of a loop's length: what compressed recordings add at their ends.
const LENGTH_TOLERANCE_PERCENT: u64 = 2;
/// Notes in passing, and voicings that leave one out, are no other harmony.
const PASSING: u32 = 1;

/// What the files of a package play, as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) music: BTreeMap<String, Music>,
    pub(crate) sounds: BTreeMap<String, Sound>,
    /// What presets are meant to bring about.
    pub(crate) intents: BTreeMap<String, Vec<String>>,
}

/// A rule, what was seen, what to do.
type Difference = (&'static str, String, &'static str);

pub(crate) fn check(manifest: &Manifest, played: &Played) -> Vec<Finding> {
    let finding = |path: &str, (rule, seen, remedy): Difference| {
        Finding::new(format!("declared.{rule}"), Severity::Reject, remedy)
            .in_file(path)
            .saw(seen)
    };
    // Why such a file cannot be read is said by the check that reads it.
    let is_there = |path: &str, is_kind: fn(Kind) -> bool| {
        let named = File { path, content: &[] };
        manifest.files.iter().any(|file| file.path == path) && kinds::promised(named).is_some_and(is_kind)
    };
    let metadata = &manifest.metadata;
    let mut findings = Vec::new();
    for piece in &metadata.pieces {
        let differences = match played.music.get(&piece.file) {
            Some(music) => of_piece(piece, music),
            None if is_there(&piece.file, |kind| kind == Kind::Midi) => Vec::new(),
            None => vec![no_such("MIDI file")],
        };
        findings.extend(
            differences
                .into_iter()
                .map(|difference| finding(&piece.file, difference)),
        );
    }
    for each in &metadata.loops {
        let difference = match played.sounds.get(&each.file) {
            Some(sound) => of_loop(each, *sound),
            None if is_there(&each.file, Kind::is_recording) => None,
            None => Some(no_such("recording")),
        };
        findings.extend(difference.map(|difference| finding(&each.file, difference)));
    }
    let content_type = manifest.package.content_type;
    if matches!(content_type, ContentType::GrooveTemplate | ContentType::ChordPack) {
        let is_described = |path: &&String| metadata.pieces.iter().any(|piece| piece.file == **path);
        let remedy = "Describe every MIDI file in `metadata.pieces`.";
        let difference = || {
            (
                "undescribed",
                "`souk.toml` does not say what it plays".to_owned(),
                remedy,
            )
        };
        let listed = manifest.files.iter().map(|file| &file.path);
        let undescribed = listed.filter(|path| played.music.contains_key(*path) && !is_described(path));
        findings.extend(undescribed.map(|path| finding(path, difference())));
    }
    if content_type == ContentType::IntentPreset {
        let differences = of_intents(manifest, &played.intents);
        findings.extend(
            differences
                .into_iter()
                .map(|(path, difference)| finding(path, difference)),
        );
    }
    findings
}

fn no_such(what: &str) -> Difference {
    let remedy = "Describe files that are in the package.";
    (
        "missing",
        format!("`souk.toml` describes it, and the package has no such {what}"),
        remedy,
    )
}

fn of_piece(piece: &Piece, music: &Music) -> Vec<Difference> {
    let mut differences = Vec::new();
    let played = 60_000_000_000_u64
        .checked_div(music.tempo_us.into())
        .unwrap_or(u64::MAX);
    if played.abs_diff(piece.tempo.0.into()) > TEMPO_TOLERANCE {
        let seen = format!(
            "it plays {} quarter notes a minute, {} are declared",
            bpm(played),
            bpm(piece.tempo.0.into())
        );
        differences.push(("tempo", seen, "Correct `bpm`, or the file's tempo at its beginning."));
    }
    if music.meter != (piece.meter.beats, piece.meter.note) {
        let (beats, note) = music.meter;
        let seen = format!(
            "its meter is {beats}/{note}, declared is {}/{}",
            piece.meter.beats, piece.meter.note
        );
        differences.push((
            "meter",
            seen,
            "Correct `meter`, or the file's time signature at its beginning.",
        ));
    }
    match music.quarter_ticks.map(|quarter| bars(piece, music, quarter.into())) {
        Some(bars) if bars == u64::from(piece.bars) => {}
        Some(bars) => {
            let seen = format!("it lasts {bars} bars, {} are declared", piece.bars);
            differences.push(("bars", seen, "Correct `bars`, or where the file ends."));
        }
        None => {
            let seen = "its time is counted in frames, not in notes".to_owned();
            differences.push(("bars", seen, "Export it with ticks in a quarter note."));
        }
    }
    differences.extend(piece.harmony.as_ref().and_then(|harmony| of_harmony(harmony, music)));
    differences
}

fn bpm(thousandths: u64) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// Begun bars of the declared meter.
fn bars(piece: &Piece, music: &Music, quarter: u64) -> u64 {
    let bar = 4 * quarter * u64::from(piece.meter.beats) / u64::from(piece.meter.note);
    music
        .length_ticks
        .saturating_sub(quarter / OVERHANG)
        .div_ceil(bar.max(1))
        .max(1)
}

/// A chord that is not heard, or notes that belong to nothing that is declared.
fn of_harmony(harmony: &Harmony, music: &Music) -> Option<Difference> {
    let mut known = harmony.mode.scale(key(&harmony.key)?);
    for symbol in &harmony.chords {
        let chord = Chord::parse(symbol)?;
        known |= chord.all;
        let silent = (chord.frame & !music.pitch_classes).count_ones();
        if silent > PASSING {
            let seen = format!("{silent} notes of `{symbol}` are never played");
            return Some(("chords", seen, "Correct `chords`, or the notes of the file."));
        }
    }
    let foreign = (music.pitch_classes & !known).count_ones();
    let seen = format!("{foreign} of its notes are neither in a chord nor in the key");
    (foreign > PASSING).then_some((
        "key",
        seen,
        "Correct `key`, `mode` and `chords`, or the notes of the file.",
    ))
}

/// What a preset is for and is not declared, and what is declared and no preset is for; each with its file.
fn of_intents<'a>(manifest: &'a Manifest, presets: &'a BTreeMap<String, Vec<String>>) -> Vec<(&'a str, Difference)> {
    let declared = &manifest.metadata.intents;
    let mut differences = Vec::new();
    for (path, intents) in presets {
        for intent in intents.iter().filter(|intent| !declared.contains(intent)) {
            let seen = format!("it is for `{intent}`, which is not declared");
            let remedy = "Add it to `metadata.intents`, or correct the preset.";
            differences.push((path.as_str(), ("intents", seen, remedy)));
        }
    }
    // A preset that cannot be read may be for any of them, and why it cannot is said by its check.
    let is_preset = |path| File { path, content: &[] }.extension() == "json";
    let all = manifest.files.iter().filter(|file| is_preset(&file.path)).count();
    if all == presets.len() {
        let is_unmet = |intent: &&String| !presets.values().flatten().any(|known| known == *intent);
        for intent in declared.iter().filter(is_unmet) {
            let seen = format!("`{intent}` is declared, and no preset is for it");
            let remedy = "Remove it from `metadata.intents`, or add a preset for it: a `.json` file.";
            differences.push((FILE_NAME, ("intents", seen, remedy)));
        }
    }
    differences
}

fn of_loop(each: &Loop, sound: Sound) -> Option<Difference> {
    // Beats are quarter notes: frames = beats × 60 s × rate ÷ tempo.
    let declared = u64::from(each.beats) * 60_000 * u64::from(sound.rate) / u64::from(each.tempo.0);
    if sound.frames.abs_diff(declared) <= declared * LENGTH_TOLERANCE_PERCENT / 100 {
        return None;
    }
    let seen = format!(
        "it has {} frames, {} beats at {} a minute are {declared}",
        sound.frames,
        each.beats,
        bpm(each.tempo.0.into())
    );
    Some((
        "length",
        seen,
        "Correct `bpm` and `beats`, or cut the loop on the beat.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Meter, Tempo};
    use crate::music::Mode;

    fn piece() -> Piece {
        Piece {
            file: "a.mid".to_owned(),
            tempo: Tempo(112_000),
            meter: Meter { beats: 4, note: 4 },
            bars: 2,
            harmony: None,
        }
    }

    /// Two bars of C major and A minor.
    fn music() -> Music {
        Music {
            tempo_us: 535_714,
            meter: (4, 4),
            quarter_ticks: Some(480),
            length_ticks: 2 * 4 * 480,
            pitch_classes: 0b0010_1001_0001,
        }
    }

    #[track_caller]
    fn piece_rules(piece: &Piece, music: &Music, expected: &[&str]) {
        let found: Vec<_> = of_piece(piece, music).into_iter().map(|(rule, ..)| rule).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn tempo_meter_and_bars_are_the_files_own() {
        piece_rules(&piece(), &music(), &[]);
        piece_rules(
            &Piece {
                tempo: Tempo(112_040),
                ..piece()
            },
            &music(),
            &[],
        );
        piece_rules(
            &Piece {
                tempo: Tempo(112_100),
                ..piece()
            },
            &music(),
            &["tempo"],
        );
        piece_rules(&Piece { bars: 3, ..piece() }, &music(), &["bars"]);
        // Notes end a little before the bar does, or ring a little beyond it.
        for length_ticks in [4 * 480 + 400, 8 * 480 + 120] {
            piece_rules(
                &piece(),
                &Music {
                    length_ticks,
                    ..music()
                },
                &[],
            );
        }
        piece_rules(
            &piece(),
            &Music {
                length_ticks: 8 * 480 + 121,
                ..music()
            },
            &["bars"],
        );
        let seven = Meter { beats: 7, note: 8 };
        piece_rules(
            &Piece {
                meter: seven,
                ..piece()
            },
            &music(),
            &["meter", "bars"],
        );
        piece_rules(
            &piece(),
            &Music {
                quarter_ticks: None,
                tempo_us: 0,
                ..music()
            },
            &["tempo", "bars"],
        );
    }

    #[test]
    fn chords_are_heard_and_notes_belong() {
        let harmony = |key: &str, chords: &[&str]| Piece {
            harmony: Some(Harmony {
                key: key.to_owned(),
                mode: Mode::Major,
                chords: chords.iter().map(|chord| (*chord).to_owned()).collect(),
            }),
            ..piece()
        };
        piece_rules(&harmony("C", &["C", "Am"]), &music(), &[]);
        piece_rules(&harmony("C", &["Cmaj7"]), &music(), &[]);
        piece_rules(&harmony("C", &["C", "F#maj7"]), &music(), &["chords"]);
        let chromatic = Music {
            pitch_classes: 0b0111_1001_1011,
            ..music()
        };
        piece_rules(&harmony("C", &["C"]), &chromatic, &["key"]);
    }

    #[test]
    fn loops_are_as_long_as_their_beats() {
        let each = Loop {
            file: "a.wav".to_owned(),
            tempo: Tempo(120_000),
            beats: 8,
        };
        let sound = |frames| Sound {
            rate: 44_100,
            channels: 2,
            frames,
        };
        assert_eq!(of_loop(&each, sound(4 * 44_100)), None);
        assert_eq!(of_loop(&each, sound(4 * 44_100 + 3_000)), None);
        assert_eq!(of_loop(&each, sound(3 * 44_100)).expect("shorter").0, "length");
    }
}
