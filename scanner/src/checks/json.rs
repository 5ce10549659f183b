//! JSON as every reader understands it, and as small as a reader can bear.
//!
//! RFC 8259 leaves open what a repeated name means, and readers differ; names such as `__proto__`
//! change objects in some of them.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::File;
use crate::report::{Finding, Severity};

/// Below what common parsers take before they refuse or overflow (`serde_json` and Python: 128 and 1,000).
const DEPTH: usize = 64;
/// Of the whole document. 5,000 files with twenty properties each fit.
const KEYS: usize = 100_000;
/// Read whole by whoever opens it.
const SIZE_BYTES: usize = 16 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Rule {
    Syntax,
    TooLarge,
    TooDeep,
    TooManyKeys,
    DuplicateKey,
    ReservedKey,
    Nul,
    Scalar,
}

impl Rule {
    fn remedy(self) -> &'static str {
        match self {
            Self::Syntax => {
                "Write JSON as RFC 8259 has it: UTF-8 without byte order mark, comments and trailing commas."
            }
            Self::TooLarge => "Keep each JSON file within 16 MiB.",
            Self::TooDeep => "Nest objects and lists at most 64 deep.",
            Self::TooManyKeys => "Keep each JSON file within 100,000 properties.",
            Self::DuplicateKey => "Name each property of an object once: readers differ in which one counts.",
            Self::ReservedKey => "Rename the property: in JavaScript it changes what every object does.",
            Self::Nul => "Remove the NUL character: many readers end the text there.",
            Self::Scalar => "Put the value into an object or a list.",
        }
    }
}

/// What is wrong with the document, each rule once, at its first place.
pub(crate) fn check(file: File<'_>) -> Vec<Finding> {
    let mut seen = Seen::default();
    if file.content.len() > SIZE_BYTES {
        seen.note(Rule::TooLarge, || format!("{} bytes", file.content.len()));
    } else {
        let mut document = serde_json::Deserializer::from_slice(file.content);
        let node = Node {
            seen: &mut seen,
            depth: 0,
            inside: "",
        };
        let read = node.deserialize(&mut document).and_then(|()| document.end());
        if let Err(error) = read
            && !seen.stopped
        {
            seen.note(Rule::Syntax, || error.to_string());
        }
    }
    seen.into_findings(file)
}

#[derive(Default)]
struct Seen {
    problems: Vec<(Rule, String)>,
    keys: usize,
    /// By a limit: what the reader says then is ours, not about the syntax.
    stopped: bool,
}

impl Seen {
    fn note(&mut self, rule: Rule, evidence: impl FnOnce() -> String) {
        if !self.problems.iter().any(|(known, _)| *known == rule) {
            self.problems.push((rule, evidence()));
        }
    }

    fn text(&mut self, text: &str) {
        if text.contains('\0') {
            self.note(Rule::Nul, || format!("`{text}`"));
        }
    }

    fn stop<E: Error>(&mut self, rule: Rule, evidence: &str) -> E {
        self.stopped = true;
        self.note(rule, || evidence.to_owned());
        E::custom(evidence)
    }

    fn into_findings(self, file: File<'_>) -> Vec<Finding> {
        let finding = |(rule, evidence): (Rule, String)| {
            let name: &str = rule.into();
            Finding::new(format!("json.{name}"), Severity::Reject, rule.remedy())
                .in_file(file.path)
                .saw(evidence)
        };
        self.problems.into_iter().map(finding).collect()
    }
}

/// A value of the document, to be looked at and dropped.
struct Node<'s, 'k> {
    seen: &'s mut Seen,
    depth: usize,
    /// The property that it is the value of.
    inside: &'k str,
}

impl Node<'_, '_> {
    fn scalar(self) {
        if self.depth == 0 {
            self.seen
                .note(Rule::Scalar, || "the document is a single value".to_owned());
        }
    }

    fn enter<E: Error>(&mut self) -> Result<(), E> {
        match self.depth < DEPTH {
            true => Ok(()),
            false => Err(self.seen.stop(Rule::TooDeep, "it is nested more than 64 deep")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.seen.text(text);
        self.scalar();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.enter()?;
        loop {
            let item = Node {
                seen: self.seen,
                depth: self.depth + 1,
                inside: "",
            };
            if list.next_element_seed(item)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.enter()?;
        let mut keys: HashSet<String> = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.seen.keys += 1;
            if self.seen.keys > KEYS {
                return Err(self.seen.stop(Rule::TooManyKeys, "it has more than 100,000 properties"));
            }
            self.seen.text(&key);
            if key == "__proto__" || (key == "prototype" && self.inside == "constructor") {
                self.seen.note(Rule::ReservedKey, || format!("a property `{key}`"));
            }
            map.next_value_seed(Node {
                seen: self.seen,
                depth: self.depth + 1,
                inside: &key,
            })?;
            if keys.contains(&key) {
                self.seen
                    .note(Rule::DuplicateKey, || format!("`{key}` twice in one object"));
            }
            keys.insert(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn rules(content: &[u8], expected: &[&str]) {
        let file = File {
            path: "a.json",
            content,
        };
        let found: Vec<_> = check(file).into_iter().map(|finding| finding.rule).collect();
        let shown = String::from_utf8_lossy(content.get(..content.len().min(80)).unwrap_or_default());
        assert_eq!(found, expected, "{shown}");
    }

    #[test]
    fn honest_documents() {
        for honest in [
            "{}",
            "[]",
            " [1, -2.5e3, null, true, \"\\u00e9\"]\n",
            r#"{"a": {"b": [{"a": 1}, {"a": 2}]}, "constructor": "Lotus", "prototype": 1}"#,
        ] {
            rules(honest.as_bytes(), &[]);
        }
        rules(format!("{}{}", "[".repeat(64), "]".repeat(64)).as_bytes(), &[]);
    }

    #[test]
    fn what_readers_take_differently() {
        rules(br#"{"a": 1, "b": {"c": 1, "c": 2}}"#, &["json.duplicate_key"]);
        rules(br#"{"a": 1, "\u0061": 2}"#, &["json.duplicate_key"]);
        rules(br#"[{"__proto__": {}}]"#, &["json.reserved_key"]);
        rules(br#"{"\u005f_proto__": {}}"#, &["json.reserved_key"]);
        rules(br#"{"constructor": {"prototype": {}}}"#, &["json.reserved_key"]);
        rules(br#"["a\u0000b"]"#, &["json.nul"]);
        rules(br#"{"a\u0000b": 1}"#, &["json.nul"]);
        for scalar in ["1", "\"a\"", "null", "true", "-0.5"] {
            rules(scalar.as_bytes(), &["json.scalar"]);
        }
        rules(
            br#"{"__proto__": "\u0000", "__proto__": 1}"#,
            &["json.reserved_key", "json.nul", "json.duplicate_key"],
        );
    }

    #[test]
    fn what_is_no_json() {
        for broken in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\": 1,}",
            "// a\n{}",
            "{'a': 1}",
            "[NaN]",
            "[01]",
            "[1e999]",
            "{} {}",
            "\u{feff}{}",
            "[\"\u{1}\"]",
            "[\"\\ud800\"]",
        ] {
            rules(broken.as_bytes(), &["json.syntax"]);
        }
        rules(b"[\"\xff\"]", &["json.syntax"]);
    }

    #[test]
    fn what_is_too_much() {
        rules(
            format!("{}{}", "[".repeat(65), "]".repeat(65)).as_bytes(),
            &["json.too_deep"],
        );
        rules("[".repeat(1 << 20).as_bytes(), &["json.too_deep"]);
        rules("{\"a\":".repeat(1 << 20).as_bytes(), &["json.too_deep"]);
        let properties = |count: usize| {
            let each: Vec<_> = (0..count).map(|key| format!("\"{key}\":0")).collect();
            format!("{{{}}}", each.join(","))
        };
        rules(properties(KEYS).as_bytes(), &[]);
        rules(properties(KEYS + 1).as_bytes(), &["json.too_many_keys"]);
        rules(" ".repeat(SIZE_BYTES + 1).as_bytes(), &["json.too_large"]);
    }
}
