//! A mail before it has an address: written once, rendered as plain text and as HTML.

use std::fmt::Write;

use shared::mail::Letter;

/// Subjects are cut here; mail clients show fewer characters still.
const MAX_SUBJECT_CHARS: usize = 150;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    subject: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Paragraph(String),
    /// What a thing is called, and what it is.
    Facts(Vec<(String, String)>),
    Link {
        label: &'static str,
        url: String,
    },
}

impl Draft {
    pub(crate) fn new(subject: impl Into<String>) -> Self {
        // Titles come from partners: a line break must not reach a header.
        let subject: String = subject
            .into()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        Self {
            subject: subject.chars().take(MAX_SUBJECT_CHARS).collect(),
            parts: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn say(mut self, paragraph: impl Into<String>) -> Self {
        self.parts.push(Part::Paragraph(paragraph.into()));
        self
    }

    #[must_use]
    pub(crate) fn facts(mut self, facts: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        self.parts.push(Part::Facts(
            facts
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        ));
        self
    }

    #[must_use]
    pub(crate) fn link(mut self, label: &'static str, url: impl Into<String>) -> Self {
        self.parts.push(Part::Link { label, url: url.into() });
        self
    }

    pub(crate) fn to(&self, address: String) -> Letter {
        Letter {
            to: address,
            subject: self.subject.clone(),
            text: self.text(),
            html: Some(self.html()),
        }
    }

    fn text(&self) -> String {
        let render = |part: &Part| match part {
            Part::Paragraph(text) => text.clone(),
            Part::Facts(facts) => facts
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
                .join("\n"),
            Part::Link { label, url } => format!("{label}: {url}"),
        };
        let mut text = self.parts.iter().map(render).collect::<Vec<_>>().join("\n\n");
        text.push('\n');
        text
    }

    fn html(&self) -> String {
        let title = escape(&self.subject);
        let mut html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
             <body style=\"font-family:sans-serif;line-height:1.5;max-width:40em\">"
        );
        for part in &self.parts {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Paragraph(text) => write!(html, "<p>{}</p>", escape(text).replace('\n', "<br>")),
                Part::Facts(facts) => write!(html, "<table>{}</table>", facts.iter().map(row).collect::<String>()),
                Part::Link { label, url } => write!(html, "<p><a href=\"{}\">{label}</a></p>", escape(url)),
            };
        }
        html.push_str("</body></html>");
        html
    }
}

fn row((name, value): &(String, String)) -> String {
    let style = "text-align:left;vertical-align:top;padding:0 1em 0.3em 0";
    format!(
        "<tr><th scope=\"row\" style=\"{style}\">{}</th><td>{}</td></tr>",
        escape(name),
        escape(value)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_partners_write_stays_text() {
        let draft = Draft::new("Your\r\nBcc: x@y.example")
            .say("<script>alert(1)</script>\nnext")
            .facts([("\"a\"", "b & c")]);
        let letter = draft
            .link("See", "https://souk.example/?a=1&b='2'")
            .to("a@b.example".to_owned());
        assert_eq!(letter.subject, "Your  Bcc: x@y.example");
        let html = letter.html.expect("html");
        assert!(
            html.contains("<p>&lt;script&gt;alert(1)&lt;/script&gt;<br>next</p>"),
            "{html}"
        );
        assert!(html.contains("&quot;a&quot;") && html.contains("b &amp; c"));
        assert!(html.contains("href=\"https://souk.example/?a=1&amp;b=&#39;2&#39;\""));
        assert_eq!(
            letter.text,
            "<script>alert(1)</script>\nnext\n\n\"a\": b & c\n\nSee: https://souk.example/?a=1&b='2'\n"
        );
    }
}
