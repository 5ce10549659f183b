//! Intent presets: what music should bring about, and the bounds within which it is made.
//!
//! Each `.json` file of an `intent-preset` package is one, in the format that [`SCHEMA`] publishes. The tables here say the same, and what
//! JSON Schema cannot: that a range does not end before it begins, that texts hide nothing. A test keeps the two together.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::File;
use crate::manifest::{fields, names_of};
use crate::music::{Mode, key};
use crate::report::{Finding, Severity};

/// JSON Schema (2020-12) of an intent preset.
pub const SCHEMA: &str = include_str!("../../schema/intent-preset.schema.json");

const FORMAT: u64 = 1;
/// A preset has some twenty lines, and is read into a tree of many times its size.
const SIZE_BYTES: usize = 64 << 10;
const DESCRIPTION_CHARS: usize = 500;
const SECONDS: RangeInclusive<u64> = 1..=7_200;
const SHARE: RangeInclusive<f64> = 0.0..=1.0;

/// A property of an object.
struct Field {
    name: &'static str,
    form: Form,
    is_required: bool,
}

const fn required(name: &'static str, form: Form) -> Field {
    Field {
        name,
        form,
        is_required: true,
    }
}

const fn optional(name: &'static str, form: Form) -> Field {
    Field {
        name,
        form,
        is_required: false,
    }
}

const PRESET: &[Field] = &[
    required("format", Form::Version),
    required("name", Form::Name),
    optional("description", Form::Description),
    required("intents", Form::Intents),
    required("parameters", Form::Object(PARAMETERS)),
];
const PARAMETERS: &[Field] = &[
    optional("bpm", Form::Object(TEMPI)),
    optional("duration_s", Form::Object(DURATIONS)),
    optional("key", Form::Key),
    optional("mode", Form::Mode),
    optional("meter", Form::Meter),
    optional("energy", Form::Share),
    optional("valence", Form::Share),
    optional("density", Form::Share),
    optional("complexity", Form::Share),
];
const TEMPI: &[Field] = &[required("min", Form::Tempo), required("max", Form::Tempo)];
const DURATIONS: &[Field] = &[required("min", Form::Seconds), required("max", Form::Seconds)];

/// What a value may be.
#[derive(Clone, Copy)]
enum Form {
    Version,
    Name,
    Description,
    Intents,
    Tempo,
    Seconds,
    /// From none to all.
    Share,
    Key,
    Mode,
    Meter,
    Object(&'static [Field]),
}

impl Form {
    fn admits(self, value: &Value) -> bool {
        let is = |form: &dyn Fn(&str) -> bool| value.as_str().is_some_and(form);
        match self {
            Self::Version => value.as_u64() == Some(FORMAT),
            Self::Name => is(&|text| fields::word(text).is_some()),
            Self::Description => is(&|text| fields::text(text, DESCRIPTION_CHARS).is_some()),
            Self::Intents => are_intents(value),
            Self::Tempo | Self::Seconds => self.amount(value).is_some(),
            Self::Share => value.as_f64().is_some_and(|share| SHARE.contains(&share)),
            Self::Key => is(&|text| key(text).is_some()),
            Self::Mode => is(&|text| text.parse::<Mode>().is_ok()),
            Self::Meter => is(&|text| fields::meter(text).is_some()),
            Self::Object(_) => value.is_object(),
        }
    }

    /// What ends a range, as a number that can be compared.
    fn amount(self, value: &Value) -> Option<u64> {
        match self {
            Self::Tempo if value.is_number() => fields::tempo(&value.to_string()).map(|tempo| tempo.0.into()),
            Self::Seconds => value.as_u64().filter(|seconds| SECONDS.contains(seconds)),
            _ => None,
        }
    }

    /// The rule that breaks what is not admitted, and what to write instead.
    fn rule(self) -> (&'static str, String) {
        let (rule, remedy) = match self {
            Self::Version => ("format", "Write `\"format\": 1`."),
            Self::Name => (
                "name",
                "Use at most 80 characters, without control or invisible characters.",
            ),
            Self::Description => (
                "description",
                "Use at most 500 characters, without control or invisible characters.",
            ),
            Self::Intents => (
                "intents",
                "Use a list of 1 to 50 short words without control characters, each once.",
            ),
            Self::Tempo => (
                "range",
                "Use quarter notes in a minute, from 10 to 999, with at most three decimals.",
            ),
            Self::Seconds => ("range", "Use whole seconds, from 1 to 7,200."),
            Self::Share => ("range", "Use a number from 0 to 1."),
            Self::Key => ("key", "Use a note such as `C`, `F#` or `Bb`."),
            Self::Mode => return ("mode", format!("Use one of {}.", names_of::<Mode>())),
            Self::Meter => (
                "meter",
                "Use beats in a bar and the note that counts one, such as `4/4` or `7/8`.",
            ),
            Self::Object(_) => ("wrong_type", "Use an object."),
        };
        (rule, remedy.to_owned())
    }
}

fn are_intents(value: &Value) -> bool {
    let Some(list) = value.as_array() else {
        return false;
    };
    let is_first = |(place, word): (usize, &Value)| list.iter().position(|each| each == word) == Some(place);
    (1..=fields::MAX_WORDS).contains(&list.len())
        && list.iter().all(|word| Form::Name.admits(word))
        && list.iter().enumerate().all(is_first)
}

/// What the preset is meant to bring about, or everything that is wrong with it.
pub(crate) fn read(file: File<'_>) -> Result<Vec<String>, Vec<Finding>> {
    let mut problems = Problems {
        path: file.path,
        findings: Vec::new(),
    };
    if let Some(preset) = problems.document(file.content) {
        problems.object("", &preset, PRESET);
        if problems.findings.is_empty() {
            problems.parameters(&preset);
        }
        if problems.findings.is_empty() {
            return Ok(intents(&preset));
        }
    }
    Err(problems.findings)
}

fn intents(preset: &Map<String, Value>) -> Vec<String> {
    let words = preset.get("intents").and_then(Value::as_array).into_iter().flatten();
    words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

struct Problems<'f> {
    path: &'f str,
    findings: Vec<Finding>,
}

impl Problems<'_> {
    fn add(&mut self, rule: &str, seen: &str, remedy: &str) {
        let finding = Finding::new(format!("presets.{rule}"), Severity::Reject, remedy);
        self.findings.push(finding.in_file(self.path).saw(seen));
    }

    fn missing(&mut self, place: &str) {
        let remedy = "Add it; `souk schema intent-preset` says what it may be.";
        self.add("missing_field", &format!("there is no `{place}`"), remedy);
    }

    fn document(&mut self, content: &[u8]) -> Option<Map<String, Value>> {
        if content.len() > SIZE_BYTES {
            let seen = format!("{} bytes", content.len());
            self.add("too_large", &seen, "Keep each preset within 64 KiB.");
            return None;
        }
        match serde_json::from_slice(content) {
            Ok(Value::Object(preset)) => return Some(preset),
            Ok(_) => self.add("wrong_type", "it is no object", "Write one object into each file."),
            Err(error) => self.add("damaged", &error.to_string(), "Write JSON as RFC 8259 has it."),
        }
        None
    }

    /// One by one, and what should not be there. `before` is where the object stands, up to the dot.
    fn object(&mut self, before: &str, object: &Map<String, Value>, fields: &[Field]) {
        for field in fields {
            let place = format!("{before}{}", field.name);
            match (object.get(field.name), field.form) {
                (Some(Value::Object(inner)), Form::Object(fields)) => self.object(&format!("{place}."), inner, fields),
                (Some(value), form) if !form.admits(value) => {
                    let (rule, remedy) = form.rule();
                    self.add(rule, &format!("`{place}` is `{value}`"), &remedy);
                }
                (None, _) if field.is_required => self.missing(&place),
                _ => {}
            }
        }
        let is_unknown = |name: &&String| fields.iter().all(|field| field.name != **name);
        for unknown in object.keys().filter(is_unknown) {
            let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
            let remedy = format!("Leave it out: there are {}.", names.join(", "));
            self.add(
                "unknown_field",
                &format!("`{before}{unknown}` is no part of it"),
                &remedy,
            );
        }
    }

    /// Against each other.
    fn parameters(&mut self, preset: &Map<String, Value>) {
        let Some(Value::Object(parameters)) = preset.get("parameters") else {
            return;
        };
        if parameters.is_empty() {
            self.add("missing_field", "`parameters` is empty", "Say at least one of them.");
        }
        if parameters.contains_key("key") && !parameters.contains_key("mode") {
            self.missing("parameters.mode");
        }
        for (name, form) in [("bpm", Form::Tempo), ("duration_s", Form::Seconds)] {
            let Some(range) = parameters.get(name) else {
                continue;
            };
            let end = |end: &str| form.amount(range.get(end)?);
            if end("min") > end("max") {
                let seen = format!("`parameters.{name}` is `{range}`");
                self.add("range", &seen, "Let `min` be at most `max`.");
            }
        }
    }
}
