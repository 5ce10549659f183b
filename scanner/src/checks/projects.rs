//! DAW projects: what they refer to is in them.
//!
//! A `.dawproject` is a ZIP archive with `project.xml` and `metadata.xml` at its root and the files that they name by `path` beside them
//! (github.com/bitwig/dawproject, `FileReference`). A reference that is `external` leads to the author's own disk.

use std::collections::HashSet;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::report::{Finding, Severity};

pub(crate) const EXTENSION: &str = "dawproject";
pub(crate) const PROJECT: &str = "project.xml";
pub(crate) const METADATA: &str = "metadata.xml";
const DEPTH: usize = 128;
const REMEDY: &str = "Export the project anew as DAWproject, with its media in it.";

/// A finding about the project at `path`.
pub(crate) fn finding(rule: &str, path: &str, seen: impl AsRef<str>) -> Finding {
    Finding::new(format!("projects.{rule}"), Severity::Reject, REMEDY)
        .in_file(path)
        .saw(seen)
}

/// What is wrong with the archive that the project at `path` is, or with an entry of it.
pub(crate) fn of_archive(path: &str, found: Finding) -> Finding {
    let rule = found.rule.rsplit('.').next().unwrap_or_default();
    let inner = found.path.map_or_else(String::new, |inner| format!("/{inner}"));
    Finding {
        offset: found.offset,
        ..finding(rule, &format!("{path}{inner}"), found.evidence)
    }
}

/// What is wrong with the project at `path`, whose `project.xml` is this and which holds these files.
pub(crate) fn check(path: &str, project: &[u8], files: &HashSet<&str>) -> Vec<Finding> {
    let references = match references(project) {
        Ok(references) => references,
        Err(seen) => return vec![finding("damaged", path, format!("`{PROJECT}`: {seen}"))],
    };
    let wrong = |reference: &Reference| match reference {
        Reference::Inside(name) if files.contains(name.as_str()) => None,
        Reference::Inside(name) => Some(finding(
            "missing",
            path,
            format!("it names `{name}`, which is not in it"),
        )),
        Reference::External(name) => Some(finding(
            "external",
            path,
            format!("it names `{name}`, which is on the author's disk"),
        )),
    };
    references.iter().filter_map(wrong).collect()
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reference {
    Inside(String),
    External(String),
}

/// Every file that the project names, each once.
fn references(project: &[u8]) -> Result<HashSet<Reference>, String> {
    let text = std::str::from_utf8(project).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text);
    let (mut depth, mut root, mut found) = (0_usize, false, HashSet::new());
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let element = match &event {
            Event::Start(element) => {
                depth += 1;
                element
            }
            Event::Empty(element) => element,
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            // Entities could stand for other files, and for endless text.
            Event::DocType(_) => return Err("it declares a document type".to_owned()),
            Event::Eof if depth > 0 => return Err("it is cut short".to_owned()),
            Event::Eof if root => return Ok(found),
            Event::Eof => return Err("it has no element".to_owned()),
            _ => continue,
        };
        if depth > DEPTH {
            return Err("its elements are nested too deep".to_owned());
        }
        if !root && element.name().as_ref() != "Project" {
            return Err("its first element is not `Project`".to_owned());
        }
        root = true;
        found.extend(reference(element)?);
    }
}

fn reference(element: &BytesStart<'_>) -> Result<Option<Reference>, String> {
    let (mut path, mut is_external) = (None, false);
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = || {
            attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| error.to_string())
        };
        match attribute.key.as_ref() {
            "path" => path = Some(value()?.into_owned()),
            "external" => is_external = value()? == "true",
            _ => {}
        }
    }
    Ok(path.map(|path| match is_external {
        true => Reference::External(path),
        false => Reference::Inside(path),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn rules(body: &str, expected: &[&str]) {
        let text = format!("<?xml version=\"1.0\"?>\n<Project version=\"1.0\">{body}</Project>");
        let files = HashSet::from([PROJECT, METADATA, "audio/one.wav", "plugins/a & b.vstpreset"]);
        let found = check("beat.dawproject", text.as_bytes(), &files);
        let found: Vec<_> = found.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn what_is_named_is_there() {
        rules("", &[]);
        rules("<Audio><File path=\"audio/one.wav\"/></Audio>", &[]);
        rules("<State path=\"plugins/a &amp; b.vstpreset\" external=\"false\"/>", &[]);
        rules(
            "<File path=\"audio/two.wav\"/><File path=\"audio/two.wav\"/>",
            &["projects.missing"],
        );
        rules("<File path=\"../one.wav\"/>", &["projects.missing"]);
        rules(
            "<File path=\"/Users/me/one.wav\" external=\"true\"/>",
            &["projects.external"],
        );
    }

    #[test]
    fn what_is_no_project() {
        rules("<a>", &["projects.damaged"]);
        rules("<a b=\"1\" b=\"2\"/>", &["projects.damaged"]);
        rules(&"<a>".repeat(200), &["projects.damaged"]);
        for text in [
            "",
            "<Song/>",
            "<Project",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><Project/>",
            "\u{feff}",
        ] {
            let found = check("a", text.as_bytes(), &HashSet::new());
            assert_eq!(found.len(), 1, "{text}");
        }
        assert_eq!(check("a", b"<Project>\xff</Project>", &HashSet::new()).len(), 1);
    }
}
