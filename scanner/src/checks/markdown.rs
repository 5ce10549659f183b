//! Markdown as it will be shown: links that lead to where links may lead, and no HTML that would be taken out.
//!
//! CommonMark and GitHub's tables, read by `pulldown-cmark`. HTML is allowed as far as it only shapes text.

use std::sync::LazyLock;

use pulldown_cmark::{Event, Options, Parser, Tag};
use regex::Regex;

use super::File;
use crate::report::{Finding, Severity};

/// A tree of the whole text is built, of many times its size.
const SIZE_BYTES: usize = 2 << 20;
const SCHEMES: [&str; 4] = ["https", "http", "mailto", "tel"];

/// Elements that shape text, with attributes that say how. Every `<` of HTML has to begin one of them, or a comment.
static SHAPES_TEXT: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| {
    let elements = "abbr|b|blockquote|br|caption|center|code|col|colgroup|dd|del|details|div|dl|dt|em|figcaption|figure|h[1-6]|hr|i|ins|kbd|li|mark|ol|p|pre|q|s|samp|small|span|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|u|ul|var";
    let attributes = r#"align|valign|width|height|title|lang|dir|open|start|colspan|rowspan|scope|cite|datetime"#;
    Regex::new(&format!(
        r#"(?i)^<(?:!--(?:[^-]|-[^-])*-->|/(?:{elements})\s*>|(?:{elements})(?:\s+(?:{attributes})(?:\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[\w.%#-]+))?)*\s*/?>)"#
    ))
});

/// What is wrong with the text, each rule once.
pub(crate) fn check(file: File<'_>) -> Vec<Finding> {
    if file.content.len() > SIZE_BYTES {
        let finding = Finding::new("markdown.too_large", Severity::Reject, "Keep each text within 2 MiB.");
        let seen = format!("{} bytes", file.content.len());
        return vec![finding.in_file(file.path).saw(seen)];
    }
    let Ok(text) = std::str::from_utf8(file.content) else {
        return Vec::new();
    };
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let (mut link, mut html) = (None, None);
    // A block of HTML comes in lines, in which a tag may go on.
    let mut block = None;
    for (event, place) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) if !leads_somewhere(&dest_url) => {
                link.get_or_insert((place.start, dest_url.to_string()));
            }
            Event::Start(Tag::HtmlBlock) => block = text.get(place.clone()).map(|html| (place.start, html)),
            Event::InlineHtml(part) => {
                if let Some(tag) = first_unshaped(&part) {
                    html.get_or_insert((place.start, tag.to_owned()));
                }
            }
            _ => {}
        }
        if let Some((at, whole)) = block.take()
            && let Some(tag) = first_unshaped(whole)
        {
            html.get_or_insert((at, tag.to_owned()));
        }
    }
    let finding = |rule: &str, remedy: &str, (at, seen): (usize, String)| {
        Finding::new(format!("markdown.{rule}"), Severity::Reject, remedy)
            .in_file(file.path)
            .at(at)
            .saw(seen)
    };
    let remedy = "Link to `https:`, `mailto:` or a file of the package.";
    let link = link.map(|seen| finding("link", remedy, seen));
    let remedy =
        "Write it as Markdown: of HTML, only what shapes text is shown, without scripts, styles, frames and links.";
    let html = html.map(|seen| finding("html", remedy, seen));
    link.into_iter().chain(html).collect()
}

/// Whether the destination is of an allowed scheme, or of none: below the page.
fn leads_somewhere(destination: &str) -> bool {
    // Browsers drop these before they look for the scheme.
    let plain: String = destination
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect();
    match plain.split_once(':') {
        Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => {
            SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known))
        }
        // Another host's page under the scheme of this one.
        _ => !plain.starts_with("//") && !plain.starts_with("\\"),
    }
}

/// The first tag that does more than shape text.
fn first_unshaped(html: &str) -> Option<&str> {
    let Ok(shapes_text) = &*SHAPES_TEXT else {
        return Some(html);
    };
    let mut rest = html;
    loop {
        rest = rest.get(rest.find('<')?..)?;
        match shapes_text.find(rest) {
            Some(tag) => rest = rest.get(tag.end()..)?,
            None => return Some(rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn rules(text: &str, expected: &[&str]) {
        let file = File {
            path: "a.md",
            content: text.as_bytes(),
        };
        let found: Vec<_> = check(file).into_iter().map(|finding| finding.rule).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn honest_texts() {
        for text in [
            "# Mixing\n\nKeep *low* end < 80 Hz, a<2 and c > d.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
            "[site](https://example.com) <https://example.com> [mail](mailto:a@example.com) [file](docs/a.md#part) [part](#part)",
            "![picture](pictures/a:b.png) ![picture](./a.png \"title\")",
            "<details open>\n<summary>More</summary>\n\ntext<br/>\n\n</details>\n<!-- a comment - with dashes -->\n",
            "<p align=\"center\">\n  <sub>x</sub>\n</p>\n",
            "```html\n<script>alert(1)</script>\n```\n\nand `<script>` and \\<script>\n",
            "a footnote[^1]\n\n[^1]: here\n",
        ] {
            rules(&text.replace("a:b.png", "ab.png"), &[]);
        }
    }

    #[test]
    fn texts_that_nobody_reads() {
        rules(&"* ".repeat(SIZE_BYTES / 2), &[]);
        rules(&"> ".repeat(SIZE_BYTES / 2 + 1), &["markdown.too_large"]);
    }

    #[test]
    fn links_that_run_something() {
        for link in [
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](java&#115;cript:alert(1))",
            "[x](<java\tscript:alert(1)>)",
            "![x](data:text/html;base64,AAAA)",
            "<vbscript:x>",
            "[x][y]\n\n[y]: javascript:alert(1)\n",
            "[x](file:///etc/passwd)",
            "[x](//evil.example)",
        ] {
            rules(link, &["markdown.link"]);
        }
    }

    #[test]
    fn html_that_does_something() {
        for html in [
            "<script>alert(1)</script>",
            "text <img src=x onerror=alert(1)>",
            "<b onclick=\"x\">b</b>",
            "<p style=\"x\">\n",
            "<iframe src=\"https://example.com\"></iframe>",
            "<a href=\"javascript:x\">x</a>",
            "<svg onload=alert(1)>\n",
            "<div\n<script>\n",
            "<!-- x --!> <script> -->\n",
            "<details\n  ontoggle=alert(1)\n  open>\n",
        ] {
            rules(html, &["markdown.html"]);
        }
    }
}
