//! What the scanner is measured with: packages of honest content, the same bytes at every run, in the proportions in which content weighs:
//! sound most, notes and presets least.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::zip;

const RATE: u32 = 44_100;
/// Four bars at 120.
const LOOP_BEATS: u32 = 16;
const BEAT_FRAMES: u32 = RATE / 2;
const BARS: usize = 64;
/// Pitch classes of C, F, A minor and G.
const CHORDS: [[u8; 3]; 4] = [[0, 4, 7], [5, 9, 0], [9, 0, 4], [7, 11, 2]];

/// A package in the making.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) content_type: &'static str,
    /// The part of the manifest that says what the files are.
    metadata: String,
    files: Vec<(String, Vec<u8>)>,
}

/// One package of each type, of so many hundredths of the whole corpus.
pub(crate) fn all(percent: usize) -> Result<Vec<Content>> {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let count = |whole: usize| (whole * percent).div_ceil(100);
    Ok(vec![
        samples(&mut noise, count(32)),
        genre(&mut noise, count(10))?,
        guide(&mut noise, count(80)),
        integration(&mut noise, count(100)),
        instruments(&mut noise, count(300)),
        chords(&mut noise, count(400)),
        plugin(&mut noise, count(4_000))?,
        intents(&mut noise, count(500)),
    ])
}

impl Content {
    /// The archive, by way of files in `folder`.
    pub(crate) fn pack(&self, folder: &Path) -> Result<Vec<u8>> {
        let manifest = format!(
            "format = 1\n\n[package]\nname = \"bench-{0}\"\nversion = \"1.0.0\"\ncontent_type = \"{0}\"\nlicence = \"CC-BY-4.0\"\n\n\
             [compatibility.products]\ndaiw = \">=1.0\"\n\n[metadata]\n{1}",
            self.content_type, self.metadata
        );
        let manifest = (scanner::MANIFEST_FILE_NAME.to_owned(), manifest.into_bytes());
        for (path, content) in self.files.iter().chain([&manifest]) {
            let place = folder.join(path);
            fs::create_dir_all(place.parent().unwrap_or(folder))?;
            fs::write(place, content)?;
        }
        scanner::pack(folder).with_context(|| format!("packing {}", self.content_type))
    }
}

fn samples(noise: &mut Noise, count: usize) -> Content {
    let path = |number| format!("loops/{number:02}.wav");
    let describe = |number| {
        format!(
            "[[metadata.loops]]\nfile = \"{}\"\nbpm = 120\nbeats = {LOOP_BEATS}\n",
            path(number)
        )
    };
    Content {
        content_type: "sample-pack",
        metadata: (0..count).map(describe).collect(),
        files: (0..count).map(|number| (path(number), recording(noise))).collect(),
    }
}

fn genre(noise: &mut Noise, count: usize) -> Result<Content> {
    let mut files: Vec<_> = (0..count)
        .map(|number| (format!("audio/{number:02}.wav"), recording(noise)))
        .collect();
    let clips: String = (0..count * 200)
        .map(|number| {
            let (path, _) = &files[number % count];
            format!("<Clip time=\"{number}.0\" duration=\"1.0\"><Audio><File path=\"{path}\"/></Audio></Clip>\n")
        })
        .collect();
    let project = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Project version=\"1.0\"><Application name=\"DAW\" version=\"5.0\"/>\
         <Arrangement><Clips>\n{clips}</Clips></Arrangement></Project>"
    );
    let metadata = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MetaData><Title>Dub</Title></MetaData>";
    files.push(("project.xml".to_owned(), project.into_bytes()));
    files.push(("metadata.xml".to_owned(), metadata.into()));
    Ok(Content {
        content_type: "genre-template",
        metadata: "genre = \"dub techno\"\n".to_owned(),
        files: vec![("dub.dawproject".to_owned(), zip::archive(&files)?)],
    })
}

fn guide(noise: &mut Noise, count: usize) -> Content {
    let chapter = |noise: &mut Noise, number: usize| {
        let paragraphs: String = (0..60)
            .map(|_| format!("## {}\n\n{}\n\n", noise.words(3), noise.words(120)))
            .collect();
        let text = format!(
            "# {number}. {}\n\n![Desk](../pictures/{number}.png)\n\n{paragraphs}",
            noise.words(4)
        );
        (format!("chapters/{number}.md"), text.into_bytes())
    };
    let picture = |noise: &mut Noise, number: usize| {
        let mut content = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x03\x20\0\0\x02\x58\x08\x02\0\0\0\0\0\0\0".to_vec();
        content.extend(noise.bytes(60_000));
        (format!("pictures/{number}.png"), content)
    };
    Content {
        content_type: "production-guide",
        metadata: "language = \"en\"\n".to_owned(),
        files: (0..count)
            .flat_map(|number| [chapter(noise, number), picture(noise, number)])
            .collect(),
    }
}

fn integration(noise: &mut Noise, count: usize) -> Content {
    let module = |noise: &mut Noise, number: usize| {
        let functions: String = (0..100)
            .map(|function| {
                format!(
                    "/** {} */\nexport async function step{function}(input, options) {{\n  const kept = input.filter((each) => each.weight > {});\n  \
                     return kept.map((each) => ({{ ...each, label: \"{}\" }}));\n}}\n\n",
                    noise.words(12),
                    noise.below(100),
                    noise.words(3)
                )
            })
            .collect();
        (format!("src/module{number}.js"), functions.into_bytes())
    };
    let table = |noise: &mut Noise, number: usize| {
        let rows: Vec<_> = (0..500)
            .map(|row| {
                let (words, weight) = (noise.words(4), noise.below(1_000));
                format!(
                    "{{\"id\": {row}, \"title\": \"{words}\", \"weight\": 0.{weight:03}, \"tags\": [\"a\", \"b\"]}}"
                )
            })
            .collect();
        (
            format!("data/{number}.json"),
            format!("[{}]", rows.join(",\n")).into_bytes(),
        )
    };
    Content {
        content_type: "integration",
        metadata: String::new(),
        files: (0..count)
            .flat_map(|number| [module(noise, number), table(noise, number)])
            .collect(),
    }
}

/// VST 3 presets: a header, the plugin's own bytes, a list of what is where.
fn instruments(noise: &mut Noise, count: usize) -> Content {
    const STATE_BYTES: u64 = 16_000;
    let preset = |number: usize| {
        let mut content = b"VST3\x01\0\0\x000123456789ABCDEF0123456789abcdef".to_vec();
        content.extend((48 + STATE_BYTES).to_le_bytes());
        content.extend(noise.bytes(STATE_BYTES));
        content.extend(b"List\x01\0\0\0Comp\x30\0\0\0\0\0\0\0");
        content.extend(STATE_BYTES.to_le_bytes());
        (format!("{number:03}.vstpreset"), content)
    };
    Content {
        content_type: "synth-preset",
        metadata: "instruments = [\"Vital\"]\n".to_owned(),
        files: (0..count).map(preset).collect(),
    }
}

fn chords(noise: &mut Noise, count: usize) -> Content {
    let path = |number| format!("progressions/{number:03}.mid");
    let describe = |number| {
        format!(
            "[[metadata.pieces]]\nfile = \"{}\"\nbpm = 120\nmeter = \"4/4\"\nbars = {BARS}\n\
             key = \"C\"\nmode = \"major\"\nchords = [\"C\", \"F\", \"Am\", \"G\"]\n",
            path(number)
        )
    };
    Content {
        content_type: "chord-pack",
        metadata: (0..count).map(describe).collect(),
        files: (0..count).map(|number| (path(number), progression(noise))).collect(),
    }
}

fn intents(noise: &mut Noise, count: usize) -> Content {
    let preset = |number: usize| {
        let mut share = || noise.below(1_000);
        let (energy, density, slowest) = (share(), share(), 50 + share() / 20);
        let (name, description) = (noise.words(3), noise.words(20));
        let text = format!(
            "{{\n  \"format\": 1,\n  \"name\": \"{name}\",\n  \"description\": \"{description}\",\n  \"intents\": [\"calm\"],\n  \"parameters\": {{\n    \
             \"bpm\": {{ \"min\": {slowest}, \"max\": {} }},\n    \"key\": \"D\",\n    \"mode\": \"dorian\",\n    \
             \"energy\": 0.{energy:03},\n    \"density\": 0.{density:03}\n  }}\n}}\n",
            slowest + 20
        );
        (format!("presets/{number:03}.json"), text.into_bytes())
    };
    Content {
        content_type: "intent-preset",
        metadata: "intents = [\"calm\"]\n".to_owned(),
        files: (0..count).map(preset).collect(),
    }
}

fn plugin(noise: &mut Noise, functions: usize) -> Result<Content> {
    Ok(Content {
        content_type: "plugin-wasm",
        metadata: String::new(),
        files: vec![("plugin.wasm".to_owned(), module(noise, functions)?)],
    })
}

/// A WAV file: a tone that fades at every beat, with hiss. Stereo, of 16 bits.
fn recording(noise: &mut Noise) -> Vec<u8> {
    let frames = BEAT_FRAMES * LOOP_BEATS;
    let data_bytes = frames * 4;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data_bytes).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 4).to_le_bytes());
    file.extend(b"\x04\0\x10\0data");
    file.extend(data_bytes.to_le_bytes());
    let pitch = 100 + noise.below(400);
    for frame in 0..u64::from(frames) {
        let faded = 12_000 * (frame % u64::from(BEAT_FRAMES)) / u64::from(BEAT_FRAMES);
        let phase = frame * pitch % u64::from(RATE);
        let tone = phase.abs_diff(u64::from(RATE) / 2) * (12_000 - faded) / u64::from(RATE);
        for _ in 0..2 {
            let [low, high, ..] = (tone + noise.below(200)).to_le_bytes();
            file.extend([low, high]);
        }
    }
    file
}

/// A MIDI file: the chords of the pack, a bar each, broken into sixteenths. 480 ticks in a quarter note, 120 quarter notes a minute.
fn progression(noise: &mut Noise) -> Vec<u8> {
    let mut track = b"\0\xff\x51\x03\x07\xa1\x20\0\xff\x58\x04\x04\x02\x18\x08".to_vec();
    for sixteenth in 0..BARS * 16 {
        let chord = CHORDS[sixteenth / 16 % CHORDS.len()];
        let [octave, velocity, ..] = noise.next().to_le_bytes();
        let key = 48 + octave % 3 * 12 + chord[sixteenth % chord.len()];
        track.extend([0, 0x90, key, 40 + velocity % 80, 120, 0x80, key, 64]);
    }
    track.extend(b"\0\xff\x2f\0");
    let mut file = b"MThd\0\0\0\x06\0\0\0\x01\x01\xe0MTrk".to_vec();
    file.extend(u32::try_from(track.len()).unwrap_or_default().to_be_bytes());
    file.extend(track);
    file
}

/// A WebAssembly module: functions that mix two numbers, tables of bytes, a self-test that has nothing to find
/// (WebAssembly 2.0, "Binary Format").
fn module(noise: &mut Noise, functions: usize) -> Result<Vec<u8>> {
    const TABLE_BYTES: u64 = 600_000;
    let mut code = Vec::new();
    for _ in 0..functions {
        // No locals; local.get 0.
        let mut body = vec![0, 0x20, 0];
        for _ in 0..16 {
            // i32.add, sub, mul, and, or, xor.
            let operation = [0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73][usize::try_from(noise.below(6))?];
            let [constant, ..] = noise.below(64).to_le_bytes();
            // i32.const; local.get 1; i32.rotl.
            body.extend([0x41, constant, operation, 0x20, 1, 0x77]);
        }
        body.push(0x0b);
        code.extend(leb128(body.len())?);
        code.extend(body);
    }
    // i32.const 0: all is well.
    code.extend([4, 0, 0x41, 0, 0x0b]);
    let count = leb128(functions + 1)?;
    let data = noise.bytes(TABLE_BYTES);
    let self_test = [&[1, 14][..], b"souk_self_test", &[0], &leb128(functions)?].concat();
    let sections = [
        // (i32, i32) → i32 and () → i32.
        (1, vec![2, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 1, 0x7f]),
        (3, [count.clone(), vec![0; functions], vec![1]].concat()),
        // A memory of 16 pages.
        (5, vec![1, 0, 16]),
        (7, self_test),
        (10, [count, code].concat()),
        (11, [vec![1, 0, 0x41, 0, 0x0b], leb128(data.len())?, data].concat()),
    ];
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in sections {
        module.push(id);
        module.extend(leb128(content.len())?);
        module.extend(content);
    }
    Ok(module)
}

/// Seven bits a byte, the lowest first.
fn leb128(mut number: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number % 0x80)? | 0x80);
        number /= 0x80;
    }
    bytes.push(u8::try_from(number)?);
    Ok(bytes)
}

/// Numbers without a pattern, the same every time (Marsaglia, "Xorshift RNGs", 2003).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn bytes(&mut self, count: u64) -> Vec<u8> {
        (0..count / 8).flat_map(|_| self.next().to_le_bytes()).collect()
    }

    fn words(&mut self, count: usize) -> String {
        const WORDS: [&str; 32] = [
            "after", "attack", "bass", "before", "bright", "bus", "chord", "compress", "dark", "delay", "drum", "each",
            "fader", "filter", "gain", "groove", "keeps", "level", "loud", "mix", "note", "of", "octave", "pan",
            "phase", "quiet", "release", "room", "send", "signal", "the", "voice",
        ];
        let word = |_| WORDS[usize::from(self.next().to_le_bytes()[3]) % WORDS.len()];
        (0..count).map(word).collect::<Vec<_>>().join(" ")
    }
}
