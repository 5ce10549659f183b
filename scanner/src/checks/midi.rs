//! MIDI files: read to the last event, and what they are: tempo, meter, length, pitches.
//!
//! Source: "Standard MIDI Files 1.0" (MIDI Association, RP-001). `midly` reads, strictly.

use midly::{Format, MetaMessage, MidiMessage, Timing, TrackEventKind};

use super::File;
use crate::report::{Finding, Severity};

const SIZE_BYTES: usize = 8 << 20;
const EVENTS: usize = 1_000_000;
/// What a file without a tempo is played at: 120 quarter notes a minute.
const DEFAULT_TEMPO_US: u32 = 500_000;
/// General MIDI's channel of drums, whose keys are instruments.
const DRUMS: u8 = 9;
/// Controllers that end every note of a channel.
const ALL_NOTES_END: [u8; 2] = [120, 123];

/// What a file plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Music {
    /// Microseconds in a quarter note, at the beginning.
    pub(crate) tempo_us: u32,
    /// Beats in a bar and the note that counts one, at the beginning.
    pub(crate) meter: (u32, u32),
    /// Ticks in a quarter note; `None` where time is counted in seconds.
    pub(crate) quarter_ticks: Option<u32>,
    pub(crate) length_ticks: u64,
    /// One bit each, C lowest; without drums.
    pub(crate) pitch_classes: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Rule {
    TooLarge,
    TooManyEvents,
    Header,
    Division,
    Damaged,
    TrackCount,
    EndMissing,
    AfterEnd,
    HungNote,
}

impl Rule {
    fn remedy(self) -> &'static str {
        match self {
            Self::TooLarge => "Keep each MIDI file within 8 MiB.",
            Self::TooManyEvents => "Keep each MIDI file within a million events.",
            Self::Header | Self::Damaged => {
                "Export the file anew: it breaks the format, and readers differ in what they make of it."
            }
            Self::Division => "Export the file with a resolution above nothing, such as 480 ticks in a quarter note.",
            Self::TrackCount => "Export the file anew: its header counts other tracks than there are.",
            Self::EndMissing => "Export the file anew: each track ends with an End-of-Track event.",
            Self::AfterEnd => "Export the file anew: nothing may follow a track's End-of-Track event.",
            Self::HungNote => "End every note: one that is never released sounds for ever.",
        }
    }

    fn finding(self, file: File<'_>, evidence: &str) -> Finding {
        let name: &str = self.into();
        Finding::new(format!("midi.{name}"), Severity::Reject, self.remedy())
            .in_file(file.path)
            .saw(evidence)
    }
}

/// What the file plays, or the first thing that is wrong with it.
pub(crate) fn check(file: File<'_>) -> Result<Music, Finding> {
    read(file.content).map_err(|(rule, evidence)| rule.finding(file, &evidence))
}

type Broken = (Rule, String);

fn read(content: &[u8]) -> Result<Music, Broken> {
    if content.len() > SIZE_BYTES {
        return Err((Rule::TooLarge, format!("{} bytes", content.len())));
    }
    let header = head(content)?;
    let damaged = |error: midly::Error| (Rule::Damaged, error.to_string());
    let (midly::Header { format, timing }, tracks) = midly::parse(content).map_err(damaged)?;
    let mut song = Song::default();
    let (mut events, mut found) = (0, 0);
    for track in tracks {
        found += 1;
        let mut at = 0_u64;
        let mut ended = false;
        for event in track.map_err(damaged)? {
            let event = event.map_err(damaged)?;
            events += 1;
            if events > EVENTS {
                return Err((Rule::TooManyEvents, format!("more than {EVENTS} events")));
            }
            if ended {
                return Err((Rule::AfterEnd, format!("track {found}")));
            }
            at += u64::from(event.delta.as_int());
            ended = event.kind == TrackEventKind::Meta(MetaMessage::EndOfTrack);
            song.hear(at, event.kind);
        }
        if !ended {
            return Err((Rule::EndMissing, format!("track {found}")));
        }
        song.length_ticks = song.length_ticks.max(at);
        if format == Format::Sequential {
            song.is_silent()?;
        }
    }
    if found != header.tracks || (format == Format::SingleTrack && found != 1) {
        return Err((
            Rule::TrackCount,
            format!("{} tracks announced, {found} there", header.tracks),
        ));
    }
    song.is_silent()?;
    Ok(song.music(timing))
}

struct Head {
    tracks: usize,
}

/// The header by itself: `midly` takes a resolution of nothing, and frame rates that no file may have.
fn head(content: &[u8]) -> Result<Head, Broken> {
    let broken = |evidence: &str| (Rule::Header, evidence.to_owned());
    let header: &[u8; 14] = content.first_chunk().ok_or_else(|| broken("it is cut short"))?;
    let [b'M', b'T', b'h', b'd', 0, 0, 0, 6, format @ ..] = header else {
        return Err(broken("it does not begin with a header of six bytes"));
    };
    let [0, 0..=2, tracks_high, tracks_low, division_high, division_low] = *format else {
        return Err(broken("its format is none of 0, 1 and 2"));
    };
    match (division_high, division_low) {
        (0, 0) => return Err((Rule::Division, "0 ticks in a quarter note".to_owned())),
        (0x80.., 0) => return Err((Rule::Division, "0 ticks in a frame".to_owned())),
        // Minus 24, 25, 29 and 30 frames a second.
        (0xe8 | 0xe7 | 0xe3 | 0xe2 | 0..=0x7f, _) => {}
        _ => return Err((Rule::Division, format!("frame rate 0x{division_high:02x}"))),
    }
    if headers(content) > 1 {
        return Err(broken("it has a second header"));
    }
    Ok(Head {
        tracks: usize::from(u16::from_be_bytes([tracks_high, tracks_low])),
    })
}

/// How many chunks are headers. `midly` reads each of them, and overflows on a frame rate of 128.
fn headers(content: &[u8]) -> usize {
    let (mut rest, mut headers) = (content, 0);
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let [id @ .., a, b, c, d] = *chunk;
        headers += usize::from(id == *b"MThd");
        let size = u32::from_be_bytes([a, b, c, d]) as usize;
        rest = after.get(size..).unwrap_or_default();
    }
    headers
}

/// Of each key of each channel.
struct Notes(Vec<Option<(u64, bool)>>);

const KEYS: usize = 128;

impl Default for Notes {
    fn default() -> Self {
        Self(vec![None; 16 * KEYS])
    }
}

impl Notes {
    fn hear(&mut self, (channel, key): (u8, u8), at: u64, begins: bool) {
        let Some(last) = self.0.get_mut(usize::from(channel) * KEYS + usize::from(key)) else {
            return;
        };
        if last.is_none_or(|(before, _)| at >= before) {
            *last = Some((at, begins));
        }
    }

    /// Channel, key and last event of what was heard, in their order; forgotten with it.
    fn take(&mut self) -> Vec<(u8, u8, (u64, bool))> {
        let heard = self.0.iter_mut().zip(0_u16..);
        let heard = heard.filter_map(|(last, place)| Some((place.to_be_bytes(), last.take()?)));
        heard
            .map(|([high, low], last)| (high << 1 | low >> 7, low & 0x7f, last))
            .collect()
    }
}

#[derive(Default)]
struct Song {
    /// Tempo and meter with the tick at which they begin; the earliest counts.
    tempo: Option<(u64, u32)>,
    meter: Option<(u64, (u32, u32))>,
    length_ticks: u64,
    pitch_classes: u16,
    /// When each note's last event was, by channel and key, and whether it began the note: tracks come one after the other, so
    /// that a later event of another track may be heard first.
    notes: Notes,
    /// When each channel was silenced last.
    silenced: std::collections::BTreeMap<u8, u64>,
}

impl Song {
    fn hear(&mut self, at: u64, event: TrackEventKind<'_>) {
        match event {
            TrackEventKind::Midi { channel, message } => self.play(at, channel.as_int(), message),
            TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => earliest(&mut self.tempo, at, tempo.as_int()),
            TrackEventKind::Meta(MetaMessage::TimeSignature(beats, power, _, _)) => {
                let note = 1_u32.checked_shl(power.into()).unwrap_or_default();
                earliest(&mut self.meter, at, (beats.into(), note));
            }
            _ => {}
        }
    }

    fn play(&mut self, at: u64, channel: u8, message: MidiMessage) {
        let (key, begins) = match message {
            MidiMessage::NoteOn { key, vel } => (key.as_int(), vel.as_int() > 0),
            MidiMessage::NoteOff { key, .. } => (key.as_int(), false),
            MidiMessage::Controller { controller, .. } if ALL_NOTES_END.contains(&controller.as_int()) => {
                let silenced = self.silenced.entry(channel).or_default();
                *silenced = at.max(*silenced);
                return;
            }
            _ => return,
        };
        if begins && channel != DRUMS {
            self.pitch_classes |= 1 << (key % 12);
        }
        self.notes.hear((channel, key), at, begins);
    }

    /// Whether no note sounds at the end; all begin anew for what is played after it.
    fn is_silent(&mut self) -> Result<(), Broken> {
        let silenced = std::mem::take(&mut self.silenced);
        let sounds = |(channel, key, (at, begins)): (u8, u8, (u64, bool))| {
            (begins && silenced.get(&channel).is_none_or(|end| *end < at)).then_some((channel, key))
        };
        let hung: Vec<_> = self.notes.take().into_iter().filter_map(sounds).collect();
        match hung.first() {
            None => Ok(()),
            Some((channel, key)) => Err((
                Rule::HungNote,
                format!(
                    "{} never released; the first is key {key} on channel {}",
                    hung.len(),
                    channel + 1
                ),
            )),
        }
    }

    fn music(&self, timing: Timing) -> Music {
        Music {
            tempo_us: self.tempo.map_or(DEFAULT_TEMPO_US, |(_, tempo)| tempo),
            meter: self.meter.map_or((4, 4), |(_, meter)| meter),
            quarter_ticks: match timing {
                Timing::Metrical(ticks) => Some(ticks.as_int().into()),
                Timing::Timecode(..) => None,
            },
            length_ticks: self.length_ticks,
            pitch_classes: self.pitch_classes,
        }
    }
}

/// Keeps what begins first; of what begins at one tick, what was heard first.
fn earliest<T>(known: &mut Option<(u64, T)>, at: u64, value: T) {
    if known.as_ref().is_none_or(|(first, _)| at < *first) {
        *known = Some((at, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &[u8] = b"\x00\xff\x2f\x00";

    fn file(format: u8, division: [u8; 2], tracks: &[&[u8]]) -> Vec<u8> {
        let count = u8::try_from(tracks.len()).expect("a few");
        let mut bytes = b"MThd\x00\x00\x00\x06\x00".to_vec();
        bytes.extend([format, 0, count, division[0], division[1]]);
        for track in tracks {
            bytes.extend(b"MTrk");
            bytes.extend(u32::try_from(track.len()).expect("short").to_be_bytes());
            bytes.extend(*track);
        }
        bytes
    }

    fn track(events: &[u8]) -> Vec<u8> {
        [events, END].concat()
    }

    fn one(events: &[u8]) -> Vec<u8> {
        file(0, [1, 0xe0], &[&track(events)])
    }

    #[track_caller]
    fn plays(content: &[u8]) -> Music {
        read(content).expect("a good file")
    }

    #[track_caller]
    fn breaks(content: &[u8], rule: Rule) {
        assert_eq!(read(content).expect_err("a broken file").0, rule);
    }

    #[test]
    fn tempo_meter_length_and_pitches_are_read() {
        let music = plays(&one(
            b"\x00\xff\x51\x03\x08\x2c\x2e\x00\xff\x58\x04\x03\x03\x18\x08\x00\x90\x3c\x40\x83\x60\x80\x3c\x40\x00\x99\x26\x40\x01\x99\x26\x00",
        ));
        assert_eq!(
            music,
            Music {
                tempo_us: 535_598,
                meter: (3, 8),
                quarter_ticks: Some(480),
                length_ticks: 481,
                pitch_classes: 1,
            }
        );
        let music = plays(&file(1, [1, 0xe0], &[END, &track(b"\x81\x00\xff\x51\x03\x00\x00\x01")]));
        assert_eq!((music.tempo_us, music.meter, music.length_ticks), (1, (4, 4), 128));
        assert_eq!(plays(&file(0, [0xe7, 40], &[END])).quarter_ticks, None);
    }

    #[test]
    fn notes_end_where_they_should() {
        let on = b"\x00\x90\x3c\x40";
        breaks(&one(on), Rule::HungNote);
        breaks(&one(b"\x00\x90\x3c\x40\x01\x80\x3d\x40"), Rule::HungNote);
        breaks(&one(b"\x00\x90\x3c\x40\x01\x81\x3c\x40"), Rule::HungNote);
        plays(&one(b"\x00\x90\x3c\x40\x01\x3c\x00"));
        // Struck again before it ended: one release ends both.
        plays(&one(b"\x00\x90\x3c\x40\x01\x90\x3c\x40\x01\x80\x3c\x40"));
        plays(&one(b"\x00\x90\x3c\x40\x01\xb0\x7b\x00"));
        // Another track ends it, or began it.
        plays(&file(1, [1, 0xe0], &[&track(on), &track(b"\x05\x80\x3c\x40")]));
        plays(&file(1, [1, 0xe0], &[&track(b"\x05\x80\x3c\x40"), &track(on)]));
        // In turns they do not know of each other.
        breaks(
            &file(2, [1, 0xe0], &[&track(on), &track(b"\x05\x80\x3c\x40")]),
            Rule::HungNote,
        );
    }

    #[test]
    fn the_format_is_kept() {
        // A frame rate that midly cannot negate, in a second header. Found by fuzzing.
        let second = [file(0, [1, 0xe0], &[]).as_slice(), &file(0, [0x80, 0x57], &[])].concat();
        breaks(&second, Rule::Header);
        breaks(&one(b"")[..13], Rule::Header);
        breaks(&file(3, [1, 0xe0], &[END]), Rule::Header);
        breaks(&file(0, [0, 0], &[END]), Rule::Division);
        breaks(&file(0, [0xe7, 0], &[END]), Rule::Division);
        for rate in [0x80, 0x81, 0xff, 0xe9] {
            breaks(&file(0, [rate, 40], &[END]), Rule::Division);
        }
        breaks(&file(0, [1, 0xe0], &[END, END]), Rule::TrackCount);
        breaks(&file(0, [1, 0xe0], &[]), Rule::TrackCount);
        let mut counts_more = file(1, [1, 0xe0], &[END]);
        counts_more[11] = 2;
        breaks(&counts_more, Rule::TrackCount);
        breaks(
            &file(0, [1, 0xe0], &[b"\x00\x90\x3c\x40\x01\x80\x3c\x40"]),
            Rule::EndMissing,
        );
        breaks(&file(0, [1, 0xe0], &[b""]), Rule::EndMissing);
        breaks(&one(END), Rule::AfterEnd);
        breaks(&one(b"\x00\x90\xff\x40"), Rule::Damaged);
        breaks(&one(b"\x00\x3c\x40"), Rule::Damaged);
        let whole = one(b"\x00\x90\x3c\x40\x01\x80\x3c\x40");
        for cut in 14..whole.len() {
            assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
        }
        breaks(&[whole.as_slice(), b"tail"].concat(), Rule::Damaged);
    }

    #[test]
    fn too_much_is_refused_before_it_is_read() {
        breaks(&vec![0; SIZE_BYTES + 1], Rule::TooLarge);
        breaks(&one(&[0x00, 0xc0, 0x01].repeat(EVENTS)), Rule::TooManyEvents);
    }
}
