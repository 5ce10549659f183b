//! The launch catalogue's own entries pass, and their listings say what their manifests say.

use std::fs;
use std::path::{Path, PathBuf};

use super::check_bytes;
use midly::{MetaMessage, MidiMessage, Smf, Timing, TrackEventKind};
use scanner::{ContentType, Verdict};
use serde::Deserialize;

/// `listing.toml`: what the seeding script sends beside the package.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    title: String,
    summary: String,
    description: String,
    category: String,
    content_type: ContentType,
    tags: Vec<String>,
    price: Price,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    amount_minor: u64,
    currency: String,
}

fn entries() -> Vec<PathBuf> {
    let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalogue");
    let folders = fs::read_dir(catalogue).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|path| path.join("listing.toml").is_file()).collect()
}

#[test]
fn every_entry_passes() {
    assert!(entries().len() >= 3);
    for entry in entries() {
        let package = scanner::pack(&entry.join("package")).unwrap();
        check_bytes(&package, Verdict::Passed, &[]);
    }
}

#[test]
fn listings_agree_with_their_packages() {
    for entry in entries() {
        let listing: Listing = toml::from_str(&fs::read_to_string(entry.join("listing.toml")).unwrap()).unwrap();
        let report = super::scan(&scanner::pack(&entry.join("package")).unwrap());
        let package = report.manifest.unwrap().package;
        assert_eq!(package.content_type, listing.content_type);
        assert_eq!(Some(&listing.summary), package.summary.as_ref());
        assert_eq!(entry.file_name().unwrap().to_str(), Some(package.name.as_str()));
        assert!(listing.title.len() <= 80 && listing.description.len() >= 200);
        assert!(!listing.category.is_empty() && (3..=10).contains(&listing.tags.len()));
        assert_eq!(listing.price.currency, "EUR");
        assert!(listing.price.amount_minor < 100_000);
    }
}

/// One piece of a pack's index.
#[derive(Deserialize)]
struct Piece {
    file: String,
    bpm: u64,
    meter: String,
    bars: u64,
}

#[test]
fn midi_files_are_what_the_index_says() {
    for (entry, index, key, count) in [
        ("pocket-grooves", "grooves.json", "grooves", 10),
        ("scene-progressions", "progressions.json", "progressions", 8),
    ] {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../catalogue")
            .join(entry)
            .join("package");
        let index: serde_json::Value = serde_json::from_str(&fs::read_to_string(package.join(index)).unwrap()).unwrap();
        let pieces: Vec<Piece> = serde_json::from_value(index[key].clone()).unwrap();
        assert_eq!(pieces.len(), count);
        for piece in pieces {
            check_midi(&fs::read(package.join(&piece.file)).unwrap(), &piece);
        }
    }
}

/// Tempo, meter and length as declared; every note that starts ends.
#[track_caller]
fn check_midi(bytes: &[u8], piece: &Piece) {
    let midi = Smf::parse(bytes).unwrap();
    let Timing::Metrical(quarter) = midi.header.timing else {
        panic!("{}: no metrical time", piece.file)
    };
    let [track] = midi.tracks.as_slice() else {
        panic!("{}: not one track", piece.file)
    };
    let (numerator, denominator) = piece.meter.split_once('/').unwrap();
    let (numerator, denominator): (u64, u64) = (numerator.parse().unwrap(), denominator.parse().unwrap());
    let mut tick = 0;
    let mut sounding = std::collections::BTreeSet::new();
    for event in track {
        tick += u64::from(event.delta.as_int());
        match event.kind {
            TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => {
                assert_eq!(
                    (60_000_000 + piece.bpm / 2) / piece.bpm,
                    u64::from(tempo.as_int()),
                    "{}",
                    piece.file
                );
            }
            TrackEventKind::Meta(MetaMessage::TimeSignature(beats, power, _, _)) => {
                assert_eq!(
                    (u64::from(beats), 1 << power),
                    (numerator, denominator),
                    "{}",
                    piece.file
                );
            }
            TrackEventKind::Midi {
                message: MidiMessage::NoteOn { key, .. },
                ..
            } => {
                assert!(sounding.insert(key), "{}: {key} twice at {tick}", piece.file);
            }
            TrackEventKind::Midi {
                message: MidiMessage::NoteOff { key, .. },
                ..
            } => {
                assert!(sounding.remove(&key), "{}: {key} ends unstarted at {tick}", piece.file);
            }
            _ => {}
        }
    }
    assert!(sounding.is_empty(), "{}: hung notes", piece.file);
    assert_eq!(
        tick,
        piece.bars * numerator * 4 * u64::from(quarter.as_int()) / denominator,
        "{}",
        piece.file
    );
    assert!(matches!(
        track.last().unwrap().kind,
        TrackEventKind::Meta(MetaMessage::EndOfTrack)
    ));
}
