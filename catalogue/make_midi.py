#!/usr/bin/env python3
"""Writes the MIDI files of the catalogue's music packs, and the JSON and manifests that describe them.

    python3 catalogue/make_midi.py

The music stands below as data: drum patterns as one line of steps per instrument, chords as
names. Every run writes the same bytes; feel comes from accents and swing, not from chance.
The results are committed, so that building the catalogue needs no Python.
"""

import json
import struct
from pathlib import Path

HERE = Path(__file__).resolve().parent
TICKS = 480  # per quarter note

# General MIDI percussion (channel 10).
DRUMS = {
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "low tom": 45, "closed hat": 42,
    "pedal hat": 44, "open hat": 46, "crash": 49, "ride": 51, "tambourine": 54, "cowbell": 56,
    "high conga": 63, "low conga": 64, "shaker": 70, "clave": 75,
}

# Strokes: accent, normal, soft, ghost.
VELOCITY = {"X": 118, "x": 96, "o": 74, "g": 42}

# steps: how many make one bar. swing: delay of every second step, in percent of a step.
GROOVES = [
    dict(file="01-straight-rock", name="Straight Rock", bpm=112, meter=(4, 4), steps=16, swing=0, mood="driving",
         lines={"closed hat": "X.x.X.x.X.x.X.x.", "snare": "....X.......X...", "kick": "X.......X.x....."}),
    dict(file="02-half-time-ballad", name="Half-Time Ballad", bpm=72, meter=(4, 4), steps=16, swing=0, mood="wide",
         lines={"ride": "X...x...X...x...", "snare": "........X.......", "kick": "X.....x.......x.", "pedal hat": "....o.......o..."}),
    dict(file="03-pocket-funk", name="Pocket Funk", bpm=98, meter=(4, 4), steps=16, swing=14, mood="tight",
         lines={"closed hat": "XoxoXoxoXoxoXo..", "open hat": "..............x.", "snare": "....X..g.g..X..g", "kick": "X..x..x...x....."}),
    dict(file="04-four-on-the-floor", name="Four on the Floor", bpm=124, meter=(4, 4), steps=16, swing=0, mood="bright",
         lines={"kick": "X...X...X...X...", "open hat": "..x...x...x...x.", "clap": "....X.......X...", "shaker": "googoogogoogoogo"}),
    dict(file="05-boom-bap", name="Boom Bap", bpm=88, meter=(4, 4), steps=16, swing=24, mood="dusty",
         lines={"closed hat": "x.o.x.o.x.o.x.o.", "snare": "....X.......X..g", "kick": "X.x....x..X....."}),
    dict(file="06-bossa-nova", name="Bossa Nova", bpm=132, meter=(4, 4), steps=16, swing=0, bars=2, mood="warm",
         lines={"closed hat": "x.o.x.o.x.o.x.o.x.o.x.o.x.o.x.o.", "kick": "X.....x.X.....x.X.....x.X.....x.",
                "rim": "x.....x.....x.......x.....x....."}),
    dict(file="07-twelve-eight-shuffle", name="Twelve-Eight Shuffle", bpm=96, meter=(12, 8), steps=12, swing=0, mood="rolling",
         lines={"ride": "X.xX.xX.xX.x", "snare": "..gX.g..gX.g", "kick": "X....xX....."}),
    dict(file="08-son-clave", name="Son Clave 3-2", bpm=104, meter=(4, 4), steps=16, swing=0, bars=2, mood="dancing",
         lines={"clave": "X.....X.....X.......X...X.......", "high conga": "..o...x...o...x...o...x...o...x.",
                "low conga": "......x.......xx......x.......xx", "cowbell": "x...o...x...o...x...o...x...o..."}),
    dict(file="09-waltz-brushes", name="Waltz with Brushes", bpm=138, meter=(3, 4), steps=12, swing=0, mood="gentle",
         lines={"kick": "x...........", "snare": "....o...o.g.", "ride": "x...o...o...", "pedal hat": "....g...g..."}),
    dict(file="10-seven-eight", name="Seven-Eight Drive", bpm=120, meter=(7, 8), steps=14, swing=0, mood="restless",
         lines={"closed hat": "X.o.X.o.X.o.o.", "snare": "....X.......X.", "kick": "X.......X.x..."}),
]
REPEATS = 4  # bars of each groove, or pairs of bars

# Chord qualities as semitones above the root.
QUALITIES = {
    "": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10), "sus2": (0, 2, 7), "sus4": (0, 5, 7), "add9": (0, 4, 7, 14),
    "m9": (0, 3, 7, 10, 14), "maj9": (0, 4, 7, 11, 14), "9": (0, 4, 7, 10, 14), "m6": (0, 3, 7, 9),
}
NOTES = {"C": 0, "C#": 1, "Db": 1, "D": 2, "D#": 3, "Eb": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6,
         "G": 7, "G#": 8, "Ab": 8, "A": 9, "A#": 10, "Bb": 10, "B": 11}

# One chord per bar.
PROGRESSIONS = [
    dict(file="01-first-light", name="First Light", key="D", mode="major", bpm=76, mood="hopeful",
         chords="Dadd9 A Bm7 Gmaj7", roman="I V vi7 IVmaj7"),
    dict(file="02-night-drive", name="Night Drive", key="A", mode="minor", bpm=104, mood="restless",
         chords="Am9 Fmaj7 C G", roman="i9 VImaj7 III VII"),
    dict(file="03-long-goodbye", name="The Long Goodbye", key="Eb", mode="major", bpm=64, mood="wistful",
         chords="Ebmaj7 Gm7 Abmaj7 Abm6", roman="Imaj7 iii7 IVmaj7 iv6"),
    dict(file="04-rising-tide", name="Rising Tide", key="E", mode="minor", bpm=90, mood="growing",
         chords="Em C G D Em C Am7 B7", roman="i VI III VII i VI iv7 V7"),
    dict(file="05-open-road", name="Open Road", key="G", mode="mixolydian", bpm=112, mood="free",
         chords="G F C G", roman="I bVII IV I"),
    dict(file="06-late-cafe", name="Late Café", key="C", mode="major", bpm=118, mood="smoky",
         chords="Dm9 G9 Cmaj9 A7", roman="ii9 V9 Imaj9 VI7"),
    dict(file="07-deep-blue", name="Deep Blue", key="D", mode="dorian", bpm=84, mood="cool",
         chords="Dm7 G7 Dm7 G7", roman="i7 IV7 i7 IV7"),
    dict(file="08-last-stand", name="Last Stand", key="C", mode="minor", bpm=70, mood="tragic",
         chords="Cm Ab Fm G Cm Ab Dm7b5 G7", roman="i VI iv V i VI iim7b5 V7"),
]


def variable_length(value):
    """A delta time in MIDI's seven-bit groups."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))


def midi(name, bpm, meter, length, events):
    """A format 0 file. `events` are (tick, order, bytes); at one tick, lower order comes first."""
    tempo = round(60_000_000 / bpm)
    denominator_power = meter[1].bit_length() - 1
    title = name.encode()
    track = [
        (0, 0, b"\xff\x03" + variable_length(len(title)) + title),
        (0, 0, b"\xff\x51\x03" + tempo.to_bytes(3, "big")),
        (0, 0, b"\xff\x58\x04" + bytes([meter[0], denominator_power, 24, 8])),
        *sorted(events, key=lambda event: event[:2]),
        (length, 9, b"\xff\x2f\x00"),
    ]
    body, now = b"", 0
    for tick, _, data in track:
        body += variable_length(tick - now) + data
        now = tick
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS) + b"MTrk" + struct.pack(">I", len(body)) + body


def note(channel, pitch, velocity, start, end):
    return [(start, 2, bytes([0x90 | channel, pitch, velocity])), (end, 1, bytes([0x80 | channel, pitch, 0]))]


def bar_ticks(meter):
    return TICKS * 4 * meter[0] // meter[1]


def groove(entry):
    step = bar_ticks(entry["meter"]) // entry["steps"]
    events, length = [], 0
    for _ in range(REPEATS):
        for instrument, line in entry["lines"].items():
            for index, stroke in enumerate(line):
                if stroke != ".":
                    start = length + index * step + (step * entry["swing"] // 100 if index % 2 else 0)
                    events += note(9, DRUMS[instrument], VELOCITY[stroke], start, start + step // 2)
        length += entry.get("bars", 1) * bar_ticks(entry["meter"])
    return midi(entry["name"], entry["bpm"], entry["meter"], length, events)


def chord(name):
    root = name[:2] if name[1:2] in ("#", "b") else name[:1]
    return NOTES[root], QUALITIES[name[len(root):]]


def voice(name, previous):
    """The chord's notes around middle C, each as near as possible to where the last chord was."""
    root, intervals = chord(name)
    pitches = [48 + (root + interval) % 12 for interval in intervals]
    centre = sum(previous) / len(previous) if previous else 60
    near = lambda pitch: min((pitch + shift for shift in (-12, 0, 12, 24)), key=lambda p: (abs(p - centre), p))
    return sorted({near(pitch) for pitch in pitches})


def progression(entry):
    events, previous, bar = [], [], TICKS * 4
    names = entry["chords"].split()
    for index, name in enumerate(names):
        start, end = index * bar, (index + 1) * bar
        bass = 36 + chord(name)[0]
        events += note(0, bass, 84, start, end - 10)
        previous = voice(name, previous)
        for offset, pitch in enumerate(previous):
            # Strummed a little, and again in the middle of the bar, softer.
            events += note(0, pitch, 76 - 2 * offset, start + 6 * offset, start + bar // 2 - 10)
            events += note(0, pitch, 62 - 2 * offset, start + bar // 2 + 6 * offset, end - 10)
    return midi(entry["name"], entry["bpm"], (4, 4), len(names) * bar, events)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_json(path, value):
    write(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


MUSIC = "\n# What the files play, as catalogue/make_midi.py has written them.\n"
IN_MANIFEST = ("file", "bpm", "meter", "bars", "key", "mode", "chords")


def write_manifest(pack, described):
    """The end of souk.toml, which the scan holds against the files."""
    manifest = pack / "souk.toml"
    pieces = ""
    for piece in described:
        # JSON's texts, numbers and lists are TOML's too.
        lines = [f"{name} = {json.dumps(piece[name])}\n" for name in IN_MANIFEST if name in piece]
        pieces += "\n[[metadata.pieces]]\n" + "".join(lines)
    write(manifest, (manifest.read_text().split(MUSIC)[0] + MUSIC + pieces).encode())


def main():
    pack, described = HERE / "pocket-grooves" / "package", []
    for entry in GROOVES:
        write(pack / "grooves" / f"{entry['file']}.mid", groove(entry))
        described.append({
            "file": f"grooves/{entry['file']}.mid", "name": entry["name"], "bpm": entry["bpm"],
            "meter": "{}/{}".format(*entry["meter"]), "bars": REPEATS * entry.get("bars", 1),
            "swing_percent": entry["swing"], "mood": entry["mood"], "instruments": sorted(entry["lines"]),
        })
    write_json(pack / "grooves.json", {"grooves": described})
    write_manifest(pack, described)
    pack, described = HERE / "scene-progressions" / "package", []
    for entry in PROGRESSIONS:
        write(pack / "progressions" / f"{entry['file']}.mid", progression(entry))
        chords = entry["chords"].split()
        described.append({
            "file": f"progressions/{entry['file']}.mid", "name": entry["name"], "key": entry["key"],
            "mode": entry["mode"], "bpm": entry["bpm"], "meter": "4/4", "bars": len(chords),
            "chords": chords, "roman": entry["roman"].split(), "mood": entry["mood"],
        })
    write_json(pack / "progressions.json", {"progressions": described})
    write_manifest(pack, described)


if __name__ == "__main__":
    main()
