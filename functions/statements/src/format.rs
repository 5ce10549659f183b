//! In which form a document is sent: the caller says so in `Accept` (RFC 9110, section 12.5.1), and gets the first that is offered where
//! it does not matter.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shared::http::Problem;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Html,
    Csv,
    Pdf,
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html",
            Self::Csv => "text/csv",
            Self::Pdf => "application/pdf",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json | Self::Pdf => self.media_type(),
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Pdf => "pdf",
        }
    }

    /// How much the caller wants this, in thousandths: the most specific range that fits decides.
    fn wanted(self, accept: &str) -> u16 {
        let kind = self.media_type().split('/').next().unwrap_or_default();
        let ranges = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let specificity = match parts.next()?.to_ascii_lowercase().as_str() {
                "*/*" => 0,
                range if range.strip_suffix("/*") == Some(kind) => 1,
                range if range == self.media_type() => 2,
                _ => return None,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            Some((specificity, weight.map_or(1000, thousandths)))
        });
        ranges.max().map_or(0, |(_, weight)| weight)
    }
}

/// "1", "0.8", "0.125"; nothing for what is no weight.
fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    match whole {
        "1" => 1000,
        "0" if fraction.len() <= 3 => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// Which of the forms on offer the caller wants most; of equals the first.
pub(crate) fn choose(headers: &HeaderMap, offered: &[Format]) -> Result<Format, Problem> {
    let accept: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let accept = if accept.is_empty() {
        "*/*".to_owned()
    } else {
        accept.join(",")
    };
    let best = offered
        .iter()
        .rev()
        .max_by_key(|format| format.wanted(&accept))
        .filter(|format| format.wanted(&accept) > 0);
    best.copied().ok_or_else(|| {
        let names: Vec<_> = offered.iter().map(|format| format.media_type()).collect();
        let detail = format!(
            "This comes as {}. Name one of them in the Accept header, or leave the header out.",
            names.join(", ")
        );
        Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail)
    })
}

/// A document in one form, as a file.
#[derive(Debug)]
pub(crate) struct File {
    pub format: Format,
    /// Without its extension; of letters, digits and hyphens.
    pub name: String,
    pub body: Vec<u8>,
}

impl IntoResponse for File {
    fn into_response(self) -> Response {
        let place = if self.format == Format::Html {
            "inline"
        } else {
            "attachment"
        };
        let disposition = format!("{place}; filename=\"{}.{}\"", self.name, self.format.extension());
        let headers = [
            (header::CONTENT_TYPE, self.format.content_type().to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
            (header::VARY, "accept".to_owned()),
            // The page brings its own style sheet and nothing else.
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'".to_owned(),
            ),
        ];
        (headers, self.body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Format; 4] = [Format::Json, Format::Html, Format::Csv, Format::Pdf];

    #[track_caller]
    fn check(accept: &str, expected: Option<Format>) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a header value"))]);
        assert_eq!(choose(&headers, &ALL).ok(), expected, "{accept}");
    }

    #[test]
    fn the_callers_first_choice_is_sent() {
        check("*/*", Some(Format::Json));
        check("application/pdf", Some(Format::Pdf));
        check("Text/CSV", Some(Format::Csv));
        check(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            Some(Format::Html),
        );
        check("text/*", Some(Format::Html));
        check("text/html;q=0.2, text/csv;q=0.25", Some(Format::Csv));
        check("application/pdf;q=0.9, */*;q=0.1", Some(Format::Pdf));
        check("*/*, application/json;q=0", Some(Format::Html));
        check("image/png", None);
        check("application/json;q=0", None);
        check("", None);
        assert_eq!(choose(&HeaderMap::new(), &ALL).ok(), Some(Format::Json));
    }
}
