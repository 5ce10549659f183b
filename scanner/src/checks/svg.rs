//! SVG pictures: shapes and text, and nothing that runs, loads or leads elsewhere.
//!
//! Allow-lists of elements and attributes: what a browser can be made to do with SVG grows every year.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::File;
use crate::report::{Finding, Severity};

const DEPTH: usize = 64;

const ELEMENTS: &[&str] = &[
    "circle",
    "clipPath",
    "defs",
    "desc",
    "ellipse",
    "feBlend",
    "feColorMatrix",
    "feComposite",
    "feFlood",
    "feGaussianBlur",
    "feMerge",
    "feMergeNode",
    "feMorphology",
    "feOffset",
    "filter",
    "g",
    "line",
    "linearGradient",
    "marker",
    "mask",
    "path",
    "pattern",
    "polygon",
    "polyline",
    "radialGradient",
    "rect",
    "stop",
    "svg",
    "symbol",
    "text",
    "textPath",
    "title",
    "tspan",
    "use",
];

const ATTRIBUTES: &[&str] = &[
    "alignment-baseline",
    "aria-hidden",
    "aria-label",
    "aria-labelledby",
    "baseline-shift",
    "class",
    "clip-path",
    "clip-rule",
    "clipPathUnits",
    "color",
    "color-interpolation",
    "color-interpolation-filters",
    "cx",
    "cy",
    "d",
    "direction",
    "display",
    "dominant-baseline",
    "dx",
    "dy",
    "fill",
    "fill-opacity",
    "fill-rule",
    "filter",
    "filterUnits",
    "flood-color",
    "flood-opacity",
    "focusable",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "fr",
    "fx",
    "fy",
    "gradientTransform",
    "gradientUnits",
    "height",
    "href",
    "id",
    "in",
    "in2",
    "lang",
    "lengthAdjust",
    "letter-spacing",
    "marker-end",
    "marker-mid",
    "marker-start",
    "markerHeight",
    "markerUnits",
    "markerWidth",
    "mask",
    "maskContentUnits",
    "maskUnits",
    "mode",
    "offset",
    "opacity",
    "operator",
    "orient",
    "overflow",
    "paint-order",
    "pathLength",
    "patternContentUnits",
    "patternTransform",
    "patternUnits",
    "points",
    "preserveAspectRatio",
    "primitiveUnits",
    "r",
    "radius",
    "refX",
    "refY",
    "result",
    "role",
    "rotate",
    "rx",
    "ry",
    "shape-rendering",
    "spreadMethod",
    "startOffset",
    "stdDeviation",
    "stop-color",
    "stop-opacity",
    "stroke",
    "stroke-dasharray",
    "stroke-dashoffset",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-miterlimit",
    "stroke-opacity",
    "stroke-width",
    "style",
    "text-anchor",
    "text-decoration",
    "text-rendering",
    "textLength",
    "transform",
    "type",
    "values",
    "vector-effect",
    "version",
    "viewBox",
    "visibility",
    "width",
    "word-spacing",
    "writing-mode",
    "x",
    "x1",
    "x2",
    "xlink:href",
    "xml:lang",
    "xml:space",
    "xmlns",
    "xmlns:xlink",
    "y",
    "y1",
    "y2",
];

const REMEDY: &str =
    "Export it as a plain SVG: shapes and text, without scripts, styles, pictures, links and an editor's own data.";

/// The first thing that a picture should not have.
pub(crate) fn check(file: File<'_>) -> Option<Finding> {
    let (rule, at, seen) = look(file.content).err()?;
    Some(
        Finding::new(format!("svg.{rule}"), Severity::Reject, REMEDY)
            .in_file(file.path)
            .at(at)
            .saw(seen),
    )
}

type Broken = (&'static str, u64, String);

fn look(content: &[u8]) -> Result<(), Broken> {
    let text = std::str::from_utf8(content).map_err(|error| ("damaged", 0, error.to_string()))?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let (mut depth, mut elements) = (0_usize, 0_usize);
    loop {
        let at = reader.buffer_position();
        let broken = |rule: &'static str, seen: &str| (rule, at, seen.to_owned());
        let event = reader
            .read_event()
            .map_err(|error| broken("damaged", &error.to_string()))?;
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                if depth == 0 && (elements > 0 || tag.name().as_ref() != "svg") {
                    return Err(broken("damaged", "it is not one `svg` element"));
                }
                elements += 1;
                element(tag).map_err(|(rule, seen)| (rule, at, seen))?;
                depth += usize::from(matches!(event, Event::Start(_)));
                if depth > DEPTH {
                    return Err(broken("too_deep", "elements are nested more than 64 deep"));
                }
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::DocType(_) => return Err(broken("doctype", "a document type, which can define what is loaded")),
            Event::PI(_) => {
                return Err(broken(
                    "instruction",
                    "a processing instruction, which can load a style sheet",
                ));
            }
            Event::GeneralRef(entity) if !is_known(entity.as_ref()) => {
                return Err(broken("entity", "an entity of its own"));
            }
            Event::Eof if depth > 0 || elements == 0 => {
                return Err(broken("damaged", "it ends before its elements do"));
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn is_known(entity: &str) -> bool {
    matches!(entity, "amp" | "lt" | "gt" | "quot" | "apos") || entity.starts_with('#')
}

fn element(tag: &BytesStart<'_>) -> Result<(), (&'static str, String)> {
    let name = tag.name().as_ref().to_owned();
    if !ELEMENTS.contains(&name.as_str()) {
        return Err(("element", format!("`<{name}>`")));
    }
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| ("damaged", error.to_string()))?;
        let key = attribute.key.as_ref();
        let shown = |value: &str| format!("`{key}=\"{value}\"` of `<{name}>`");
        let value = match attribute.normalized_value(XmlVersion::Implicit1_0) {
            Ok(value) => value,
            Err(_) => return Err(("entity", shown(&attribute.value))),
        };
        let is_data = key.starts_with("data-");
        if !is_data && !ATTRIBUTES.contains(&key) {
            return Err(("attribute", shown(&value)));
        }
        let is_link = key.ends_with("href");
        if (is_link && !value.starts_with('#')) || !is_data && loads(&value, key) {
            return Err(("reference", shown(&value)));
        }
    }
    Ok(())
}

/// Whether a value refers to anything but a part of this picture.
fn loads(value: &str, key: &str) -> bool {
    if key.starts_with("xmlns") {
        return !matches!(value, "http://www.w3.org/2000/svg" | "http://www.w3.org/1999/xlink");
    }
    // CSS reads escapes and comments inside of words, so that a style with either cannot be judged by its letters.
    if key == "style" && value.contains(['\\', '@']) || value.contains("/*") {
        return true;
    }
    let plain: String = value.to_ascii_lowercase().split_whitespace().collect();
    let elsewhere = plain
        .split("url(")
        .skip(1)
        .any(|target| !target.trim_start_matches(['"', '\'']).starts_with('#'));
    elsewhere
        || plain.contains("javascript:")
        || plain.contains("expression(")
        || plain.contains("image(")
        || plain.contains("image-set(")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str =
        r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 1 1">"#;

    #[track_caller]
    fn rule(text: &str, expected: Option<&str>) {
        let file = File {
            path: "a.svg",
            content: text.as_bytes(),
        };
        assert_eq!(check(file).map(|finding| finding.rule).as_deref(), expected, "{text}");
    }

    #[track_caller]
    fn inside(part: &str, expected: Option<&str>) {
        rule(&format!("<?xml version=\"1.0\"?>\n{OPEN}{part}</svg>"), expected);
    }

    #[test]
    fn shapes_and_text() {
        inside(
            "<title>A &amp; B &#x2713;</title><defs><linearGradient id=\"g\"><stop offset=\"0\" stop-color=\"#fff\"/></linearGradient></defs>\
             <rect width=\"1\" height=\"1\" fill=\"url(#g)\" style=\"fill:url('#g');stroke:none\" data-name=\"x\"/><use xlink:href=\"#g\"/><!-- done -->",
            None,
        );
    }

    #[test]
    fn what_runs_loads_or_leads_elsewhere() {
        inside("<script>alert(1)</script>", Some("svg.element"));
        inside("<foreignObject/>", Some("svg.element"));
        inside("<image href=\"https://example.com/a.png\"/>", Some("svg.element"));
        inside("<a href=\"#x\"/>", Some("svg.element"));
        inside(
            "<animate attributeName=\"href\" to=\"javascript:x\"/>",
            Some("svg.element"),
        );
        inside("<style>@import 'https://example.com'</style>", Some("svg.element"));
        inside("<SCRIPT/>", Some("svg.element"));
        inside("<g onload=\"x\"/>", Some("svg.attribute"));
        inside("<use href=\"https://example.com/a.svg#x\"/>", Some("svg.reference"));
        inside("<use xlink:href=\"data:image/svg+xml,x\"/>", Some("svg.reference"));
        inside("<g fill=\"url(https://example.com/#x)\"/>", Some("svg.reference"));
        inside(
            "<g style=\"fill: u\\72l(https://example.com)\"/>",
            Some("svg.reference"),
        );
        inside("<g style=\"fill:url( 'https://example.com')\"/>", Some("svg.reference"));
        inside("<g xmlns=\"http://www.w3.org/1999/xhtml\"/>", Some("svg.reference"));
        inside("&own;", Some("svg.entity"));
        inside("<g id=\"&own;\"/>", Some("svg.entity"));
        inside("<?xml-stylesheet href=\"a.css\"?>", Some("svg.instruction"));
        rule(
            &format!("<!DOCTYPE svg [<!ENTITY a \"b\">]>{OPEN}</svg>"),
            Some("svg.doctype"),
        );
    }

    #[test]
    fn what_is_no_picture() {
        for text in [
            "",
            "text",
            OPEN,
            "<html/>",
            &format!("{OPEN}<g></svg>"),
            &format!("{OPEN}</svg>{OPEN}</svg>"),
        ] {
            rule(text, Some("svg.damaged"));
        }
        inside(&"<g>".repeat(100), Some("svg.too_deep"));
        inside(&"<g>".repeat(1_000_000), Some("svg.too_deep"));
    }
}
