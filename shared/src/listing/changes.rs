//! What an update changes against a version that is there already: its texts, its price, what it asks for and its files.

use std::collections::BTreeMap;

use serde_json::Value;
use similar::TextDiff;

use super::content::Content;
use crate::money::Money;
use crate::scan::Contents;

const CONTEXT_LINES: usize = 3;
/// Where the manifest says what a package asks for.
const PERMISSIONS: &str = "/permissions";

/// What is offered, and what the package of it holds.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    pub content: &'a Content,
    pub contents: &'a Contents,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    pub texts: Vec<ChangedText>,
    /// Before and after, where they differ.
    pub price: Option<(Money, Money)>,
    pub permissions: Vec<ChangedValue>,
    /// What else the manifest declares otherwise, but for its version, which always differs.
    pub declared: Vec<ChangedValue>,
    pub files: Vec<ChangedFile>,
    pub unchanged_files: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedText {
    /// JSON pointer from the content's own root.
    pub pointer: String,
    /// Line by line, in the unified format.
    pub diff: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedValue {
    /// JSON pointer into `souk.toml`, read as JSON.
    pub pointer: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// A file that was added, removed or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    pub path: String,
    /// SHA-256, as the next; `None` for one that is added.
    pub before: Option<String>,
    /// `None` for one that is removed.
    pub after: Option<String>,
}

impl Changes {
    pub fn between(before: Offer<'_>, after: Offer<'_>) -> Self {
        let declared = differing(&leaves(&before.contents.declared), &leaves(&after.contents.declared));
        let declared = declared.map(|(pointer, before, after)| ChangedValue { pointer, before, after });
        let declared = declared.filter(|value| value.pointer != "/package/version");
        let (permissions, declared) = declared.partition(|value| value.pointer.starts_with(PERMISSIONS));
        let files: Vec<_> = differing(&before.contents.files, &after.contents.files)
            .map(|(path, before, after)| ChangedFile { path, before, after })
            .collect();
        let touched = files.iter().filter(|file| file.after.is_some()).count();
        let (was, is) = (before.content, after.content);
        Self {
            texts: differing(&texts(was), &texts(is))
                .map(|(pointer, before, after)| ChangedText {
                    pointer,
                    diff: diff(&before.unwrap_or_default(), &after.unwrap_or_default()),
                })
                .collect(),
            price: (was.price != is.price).then_some((was.price, is.price)),
            permissions,
            declared,
            unchanged_files: after.contents.files.len() - touched,
            files,
        }
    }

    /// Nothing but files differs.
    pub fn is_of_files_alone(&self) -> bool {
        self.texts.is_empty() && self.price.is_none() && self.permissions.is_empty() && self.declared.is_empty()
    }
}

/// What is not the same on both sides, by key.
fn differing<V: Clone + PartialEq>(
    before: &BTreeMap<String, V>,
    after: &BTreeMap<String, V>,
) -> impl Iterator<Item = (String, Option<V>, Option<V>)> + use<V> {
    let mut both: BTreeMap<String, (Option<V>, Option<V>)> = BTreeMap::new();
    for (key, value) in before {
        both.entry(key.clone()).or_default().0 = Some(value.clone());
    }
    for (key, value) in after {
        both.entry(key.clone()).or_default().1 = Some(value.clone());
    }
    let differs = |(key, (before, after))| (before != after).then_some((key, before, after));
    both.into_iter().filter_map(differs)
}

fn texts(content: &Content) -> BTreeMap<String, String> {
    let Content {
        title,
        summary,
        description,
        category,
        content_type: _,
        price: _,
        tags,
    } = content;
    let named = |(pointer, text): (&str, &str)| (pointer.to_owned(), text.to_owned());
    let texts = [
        ("/title", title.as_str()),
        ("/summary", summary),
        ("/description", description),
        ("/category", category.name()),
        ("/tags", &tags.join("\n")),
    ];
    texts.map(named).into()
}

fn diff(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff()
        .context_radius(CONTEXT_LINES)
        .missing_newline_hint(false)
        .to_string()
}

/// Every value by its place. A list is one value: what matters is what it holds.
fn leaves(value: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &Value, pointer: String, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(member, format!("{pointer}/{name}"), found);
            }
        }
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        other => {
            found.insert(pointer, other.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample;
    use serde_json::json;

    fn changes(content: &Content, contents: &Contents) -> Changes {
        let (was, held) = (sample::content(), sample::contents());
        let before = Offer {
            content: &was,
            contents: &held,
        };
        Changes::between(before, Offer { content, contents })
    }

    #[test]
    fn what_is_the_same_is_no_change() {
        let same = changes(&sample::content(), &sample::contents());
        assert!(same.is_of_files_alone());
        assert_eq!((same.files, same.unchanged_files), (Vec::new(), 2));
    }

    #[test]
    fn texts_are_compared_line_by_line() {
        let content = Content {
            description: "# Warm Tape Pads\n\nFifty pads with long tails.".into(),
            tags: vec!["warm".into()],
            ..sample::content()
        };
        let found = changes(&content, &sample::contents());
        let diffs: Vec<_> = found
            .texts
            .iter()
            .map(|text| (text.pointer.as_str(), text.diff.as_str()))
            .collect();
        let description =
            "@@ -1,3 +1,3 @@\n # Warm Tape Pads\n \n-Forty pads with long tails.\n+Fifty pads with long tails.\n";
        assert_eq!(
            diffs,
            [
                ("/description", description),
                ("/tags", "@@ -1,2 +1 @@\n-warm\n-ambient\n+warm\n")
            ]
        );
        assert!(!found.is_of_files_alone());
    }

    #[test]
    fn what_a_package_asks_for_stands_by_itself() {
        let mut contents = sample::contents();
        contents.declared = json!({
            "package": { "name": "warm-tape-pads", "version": "1.0.1", "licence": "MIT" },
            "permissions": { "network": ["api.example.com"], "scopes": [] },
        });
        let found = changes(&sample::content(), &contents);
        let asked = ChangedValue {
            pointer: "/permissions/network".into(),
            before: None,
            after: Some(json!(["api.example.com"])),
        };
        assert_eq!(found.permissions, [asked]);
        let licence = ChangedValue {
            pointer: "/package/licence".into(),
            before: Some(json!("CC-BY-4.0")),
            after: Some(json!("MIT")),
        };
        assert_eq!(found.declared, [licence]);
    }

    #[test]
    fn files_are_added_removed_and_changed() {
        let mut contents = sample::contents();
        contents.files.remove("README.md");
        contents.files.insert("presets/pad.json".into(), "cc".repeat(32));
        contents.files.insert("presets/new.json".into(), "dd".repeat(32));
        let found = changes(&sample::content(), &contents);
        let told: Vec<_> = found
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.before.is_some(), file.after.is_some()))
            .collect();
        let expected = [
            ("README.md", true, false),
            ("presets/new.json", false, true),
            ("presets/pad.json", true, true),
        ];
        assert_eq!((told.as_slice(), found.unchanged_files), (&expected[..], 0));
        assert!(found.is_of_files_alone());
    }

    #[test]
    fn a_price_is_a_change() {
        let content = Content {
            price: Money::new(1999, sample::content().price.currency()),
            ..sample::content()
        };
        let found = changes(&content, &sample::contents());
        assert_eq!(found.price, Some((sample::content().price, content.price)));
        assert!(!found.is_of_files_alone());
    }
}
