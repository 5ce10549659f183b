//! `[metadata]`: what customers look for before they buy, by content type. What files say of themselves is held against it.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::parse::{Problems, names_of};
use super::{ContentType, fields};
use crate::music::{self, Chord, Mode};

/// What is said of the package's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// One for each MIDI file of a groove template or chord pack.
    pub pieces: Vec<Piece>,
    /// The loops among a sample pack's recordings.
    pub loops: Vec<Loop>,
    /// What a preset is for, such as `Vital`.
    pub instruments: Vec<String>,
    /// What an intent preset is meant to bring about, such as `calm`.
    pub intents: Vec<String>,
    /// What a genre template is a template of.
    pub genre: Option<String>,
    /// The forms of a native plugin.
    pub formats: Vec<PluginFormat>,
    /// The language of a guide, as BCP 47 has it: `en`, `pt-BR`.
    pub language: Option<String>,
}

/// What a MIDI file plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    pub file: String,
    pub tempo: Tempo,
    pub meter: Meter,
    pub bars: u32,
    /// Required of the pieces of a chord pack.
    pub harmony: Option<Harmony>,
}

/// Key, mode and chords of a piece, in the order in which they sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Harmony {
    pub key: String,
    pub mode: Mode,
    pub chords: Vec<String>,
}

/// A recording that repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loop {
    pub file: String,
    pub tempo: Tempo,
    pub beats: u32,
}

/// Thousandths of a quarter note in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tempo(pub u32);

/// Beats in a bar and the note that counts one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    pub beats: u32,
    pub note: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, strum::EnumIter, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PluginFormat {
    AudioUnit,
    Clap,
    Lv2,
    Standalone,
    Vst3,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMetadata {
    pieces: Vec<RawPiece>,
    loops: Vec<RawLoop>,
    instruments: Vec<String>,
    intents: Vec<String>,
    genre: Option<String>,
    formats: Vec<String>,
    language: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPiece {
    file: String,
    bpm: Number,
    meter: String,
    bars: i64,
    key: Option<String>,
    mode: Option<String>,
    chords: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLoop {
    file: String,
    bpm: Number,
    beats: i64,
}

/// Shown as it was written: a fraction in binary is not.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Fraction(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Fraction(number) => number.fmt(f),
        }
    }
}

const MAX_BARS: u32 = 10_000;

impl Problems {
    pub(super) fn metadata(&mut self, raw: RawMetadata, content_type: Option<ContentType>) -> Option<Metadata> {
        let is_chords = content_type == Some(ContentType::ChordPack);
        let pieces = raw
            .pieces
            .into_iter()
            .map(|piece| self.piece(piece, is_chords))
            .collect::<Vec<_>>();
        let loops = raw
            .loops
            .into_iter()
            .map(|each| self.one_loop(each))
            .collect::<Vec<_>>();
        let formats = raw.formats.iter().map(|name| {
            let remedy = format!("Use some of {}.", names_of::<PluginFormat>());
            self.need(name.parse().ok(), "metadata", "metadata.formats", name, &remedy)
        });
        let formats = formats.collect::<Vec<_>>();
        let words = "Use short words without control characters, each once.";
        for (field, list) in [
            ("metadata.instruments", &raw.instruments),
            ("metadata.intents", &raw.intents),
        ] {
            let good = list.len() <= fields::MAX_WORDS && list.iter().all(|word| fields::word(word).is_some());
            self.need(good.then_some(()), "metadata", field, &list.join(", "), words);
            self.once(field, list);
        }
        if let Some(genre) = &raw.genre {
            self.need(fields::word(genre), "metadata", "metadata.genre", genre, words);
        }
        if let Some(language) = &raw.language {
            let remedy = "Use a language as BCP 47 has it, such as `en` or `pt-BR`.";
            self.need(
                fields::language(language),
                "metadata",
                "metadata.language",
                language,
                remedy,
            );
        }
        let metadata = Metadata {
            pieces: pieces.into_iter().collect::<Option<_>>()?,
            loops: loops.into_iter().collect::<Option<_>>()?,
            formats: formats.into_iter().collect::<Option<_>>()?,
            instruments: raw.instruments,
            intents: raw.intents,
            genre: raw.genre,
            language: raw.language,
        };
        self.each_file_once(&metadata);
        self.required(&metadata, content_type?);
        Some(metadata)
    }

    /// What customers cannot choose without.
    fn required(&mut self, metadata: &Metadata, content_type: ContentType) {
        let (is_there, field) = match content_type {
            ContentType::SynthPreset => (!metadata.instruments.is_empty(), "instruments"),
            ContentType::IntentPreset => (!metadata.intents.is_empty(), "intents"),
            ContentType::GenreTemplate => (metadata.genre.is_some(), "genre"),
            ContentType::PluginNative => (!metadata.formats.is_empty(), "formats"),
            ContentType::ProductionGuide => (metadata.language.is_some(), "language"),
            // Of music, every file has to be described; the others need no more than a listing.
            ContentType::GrooveTemplate
            | ContentType::ChordPack
            | ContentType::Integration
            | ContentType::PluginWasm
            | ContentType::SamplePack => return,
        };
        if !is_there {
            let remedy = format!("Say it: customers choose packages of type `{content_type}` by it.");
            self.add("metadata_missing", &format!("metadata.{field}"), "empty", &remedy);
        }
    }

    fn each_file_once(&mut self, metadata: &Metadata) {
        let pieces = metadata.pieces.iter().map(|piece| &piece.file);
        let mut seen = HashSet::new();
        let twice = pieces
            .chain(metadata.loops.iter().map(|each| &each.file))
            .find(|file| !seen.insert(*file));
        if let Some(file) = twice {
            self.add("metadata", "metadata.file", file, "Describe each file once.");
        }
    }

    fn piece(&mut self, raw: RawPiece, is_chords: bool) -> Option<Piece> {
        let tempo = self.tempo("metadata.pieces.bpm", &raw.bpm);
        let remedy = "Use beats in a bar and the note that counts one, such as `4/4` or `7/8`.";
        let meter = self.need(
            fields::meter(&raw.meter),
            "metadata",
            "metadata.pieces.meter",
            &raw.meter,
            remedy,
        );
        let bars = self.count("metadata.pieces.bars", raw.bars, MAX_BARS);
        let harmony = match (raw.key, raw.mode, raw.chords) {
            (None, None, None) if !is_chords => None,
            (Some(key), Some(mode), Some(chords)) => Some(self.harmony(key, &mode, chords)?),
            _ => {
                let remedy = "Name `key`, `mode` and `chords` of every piece.";
                self.add("metadata", "metadata.pieces.file", &raw.file, remedy);
                return None;
            }
        };
        Some(Piece {
            file: raw.file,
            tempo: tempo?,
            meter: meter?,
            bars: bars?,
            harmony,
        })
    }

    fn harmony(&mut self, key: String, mode: &str, chords: Vec<String>) -> Option<Harmony> {
        let remedy = "Use a note such as `C`, `F#` or `Bb`.";
        let is_key = self.need(music::key(&key), "metadata", "metadata.pieces.key", &key, remedy);
        let remedy = format!("Use one of {}.", names_of::<Mode>());
        let mode = self.need(mode.parse().ok(), "metadata", "metadata.pieces.mode", mode, &remedy);
        let remedy = "Use chord symbols such as `C`, `F#m7b5`, `Bbmaj9`, `Gsus4`, `E7(#9)` or `D/F#`, at least one.";
        let unknown = chords.iter().find(|chord| Chord::parse(chord).is_none());
        let unknown = unknown.map(String::as_str).or(chords.is_empty().then_some("empty"));
        if let Some(unknown) = unknown {
            self.add("metadata", "metadata.pieces.chords", unknown, remedy);
        }
        is_key?;
        unknown.is_none().then_some(())?;
        Some(Harmony {
            key,
            mode: mode?,
            chords,
        })
    }

    fn one_loop(&mut self, raw: RawLoop) -> Option<Loop> {
        let tempo = self.tempo("metadata.loops.bpm", &raw.bpm);
        let beats = self.count("metadata.loops.beats", raw.beats, MAX_BARS);
        Some(Loop {
            file: raw.file,
            tempo: tempo?,
            beats: beats?,
        })
    }

    fn tempo(&mut self, field: &str, value: &Number) -> Option<Tempo> {
        let remedy = "Use quarter notes in a minute, from 10 to 999, with at most three decimals.";
        let text = value.to_string();
        self.need(fields::tempo(&text), "metadata", field, &text, remedy)
    }

    fn count(&mut self, field: &str, value: i64, most: u32) -> Option<u32> {
        let good = u32::try_from(value).ok().filter(|count| (1..=most).contains(count));
        self.need(
            good,
            "metadata",
            field,
            &value.to_string(),
            &format!("Use a number from 1 to {most}."),
        )
    }
}
