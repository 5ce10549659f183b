//! Recordings: decoded to the last frame, at a rate that instruments play.

use std::io::Cursor;

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::{File, Interrupted};
use crate::clock::Deadline;
use crate::report::{Finding, Severity};

const RATES: [u32; 13] = [
    8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000,
];
/// Third-order ambisonics has sixteen.
const CHANNELS: usize = 16;

/// A recording's own figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sound {
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    pub(crate) frames: u64,
}

enum Broken {
    Damaged(String),
    /// Sound, as far as is known, in a form that this reader does not decode.
    Unreadable(String),
    OutOfTime,
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        match error {
            Error::Unsupported(what) => Self::Unreadable(format!("{what} is not decoded here")),
            Error::LimitError(what) => Self::Unreadable(what.to_owned()),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// What the recording is, or what is wrong with it.
pub(crate) fn check(file: File<'_>, deadline: &Deadline) -> Result<Result<Sound, Finding>, Interrupted> {
    let finding = |rule: &str, severity: Severity, remedy: &str, seen: String| {
        let finding = Finding::new(format!("audio.{rule}"), severity, remedy);
        Ok(Err(finding.in_file(file.path).saw(seen)))
    };
    match decode(file, deadline) {
        Ok(sound) => match odd(sound) {
            None => Ok(Ok(sound)),
            Some((rule, remedy, seen)) => finding(rule, Severity::Reject, remedy, seen),
        },
        Err(Broken::OutOfTime) => Err(Interrupted::OutOfTime),
        Err(Broken::Damaged(seen)) => finding(
            "damaged",
            Severity::Reject,
            "Export the recording anew: it cannot be played to its end.",
            seen,
        ),
        Err(Broken::Unreadable(seen)) => {
            let remedy = "Export it as WAV or FLAC, or wait for a person to listen to it.";
            finding("unreadable", Severity::Quarantine, remedy, seen)
        }
    }
}

fn odd(sound: Sound) -> Option<(&'static str, &'static str, String)> {
    let Sound { rate, channels, frames } = sound;
    match () {
        () if frames == 0 => Some((
            "empty",
            "Leave it out, or export it anew.",
            "it has no frames".to_owned(),
        )),
        () if !RATES.contains(&rate) => Some((
            "rate",
            "Export it at 44,100 or 48,000 Hz, or another rate that instruments play.",
            format!("{rate} Hz"),
        )),
        () if channels == 0 || channels > CHANNELS => Some((
            "channels",
            "Export it with 1 to 16 channels.",
            format!("{channels} channels"),
        )),
        () => None,
    }
}

fn decode(file: File<'_>, deadline: &Deadline) -> Result<Sound, Broken> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(file.content)), Default::default());
    let mut hint = Hint::new();
    hint.with_extension(&file.extension());
    let mut format =
        symphonia::default::get_probe().probe(&hint, source, FormatOptions::default(), MetadataOptions::default())?;
    let track = format
        .default_track(TrackType::Audio)
        .ok_or_else(|| Broken::Damaged("it has no sound".to_owned()))?;
    let id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(|| Broken::Unreadable("its codec is not known".to_owned()))?;
    let mut options = AudioDecoderOptions::default();
    // FLAC carries a hash of its sound.
    options.verify = true;
    let mut decoder = symphonia::default::get_codecs().make_audio_decoder(parameters, &options)?;
    let is_pcm = decoder.codec_info().short_name.starts_with("pcm_");
    let mut sound: Option<Sound> = None;
    while let Some(packet) = format.next_packet()? {
        if deadline.is_over() {
            return Err(Broken::OutOfTime);
        }
        if packet.track_id != id {
            continue;
        }
        // Every sample of this kind is a number as it stands: after the first packet there is nothing to learn but how many there are.
        if let Some(sound) = sound.as_mut().filter(|_| is_pcm) {
            sound.frames += packet.dur.get();
            continue;
        }
        let buffer = decoder.decode(&packet)?;
        let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
        let so_far = sound.get_or_insert(Sound {
            rate,
            channels,
            frames: 0,
        });
        if (so_far.rate, so_far.channels) != (rate, channels) {
            return Err(Broken::Damaged("its rate or channels change in the middle".to_owned()));
        }
        so_far.frames += buffer.frames() as u64;
    }
    if decoder.finalize().verify_ok == Some(false) {
        return Err(Broken::Damaged("its sound is not what its hash says".to_owned()));
    }
    sound.ok_or_else(|| Broken::Damaged("it has no frames".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn wav(rate: u32, channels: u16, samples: usize) -> Vec<u8> {
        let data = vec![0; samples * 2];
        let length = |bytes: usize| u32::try_from(bytes).expect("short").to_le_bytes();
        let mut bytes = [
            b"RIFF".as_slice(),
            &length(36 + data.len()),
            b"WAVEfmt \x10\0\0\0\x01\0",
        ]
        .concat();
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * u32::from(channels) * 2).to_le_bytes());
        bytes.extend((channels * 2).to_le_bytes());
        bytes.extend(b"\x10\0data");
        bytes.extend(length(data.len()));
        bytes.extend(data);
        bytes
    }

    #[track_caller]
    fn rule(content: &[u8], expected: Option<&str>) {
        let file = File { path: "a.wav", content };
        let found = check(file, &Deadline::after(Duration::from_secs(60))).expect("in time");
        let rule = found.err().map(|finding| finding.rule);
        assert_eq!(rule.as_deref(), expected);
    }

    #[test]
    fn recordings_play_to_their_end() {
        rule(&wav(44_100, 2, 4_410), None);
        rule(&wav(96_000, 1, 1), None);
        rule(&wav(44_100, 2, 0), Some("audio.damaged"));
        rule(&wav(44_101, 1, 10), Some("audio.rate"));
        rule(&wav(0, 1, 10), Some("audio.rate"));
        let whole = wav(44_100, 1, 100_000);
        rule(&whole[..whole.len() - 50_000], Some("audio.damaged"));
        rule(&whole[..40], Some("audio.damaged"));
        // More channels than any recording has, by which symphonia multiplies. Found by the damaging of files.
        let mut crowd = wav(44_100, 1, 10);
        crowd[22..24].copy_from_slice(&[0x01, 0x80]);
        let file = File {
            path: "a.wav",
            content: &crowd,
        };
        let found = check(file, &Deadline::after(Duration::from_secs(60)));
        assert!(found.expect("in time").is_err());
    }

    #[test]
    fn no_more_time_is_spent_than_there_is() {
        let content = wav(44_100, 1, 100_000);
        let file = File {
            path: "a.wav",
            content: &content,
        };
        assert_eq!(
            check(file, &Deadline::after(Duration::ZERO)),
            Err(Interrupted::OutOfTime)
        );
    }
}
