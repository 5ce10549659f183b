//! JSON bodies in and out.
//!
//! A body becomes a value only after its content type, size, depth, shape and rules have been checked, and every refusal names
//! the place by JSON pointer. `Validate` is part of the bound, so no handler can read a body and forget to check it.

use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::{Path as SerdePath, Segment};

use super::problem::{FieldError, Problem};

/// Deeper than any of our types; shallower than any parser's stack.
const MAX_DEPTH: usize = 32;

/// What a body must satisfy beyond its shape.
pub trait Validate {
    /// Everything that is wrong, with JSON pointers; empty when all is well.
    fn validate(&self) -> Vec<FieldError> {
        Vec::new()
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned + Validate,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(&request) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the body as JSON, with Content-Type: application/json.",
            ));
        }
        let body = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                Problem::bad_request(
                    "unreadable_body",
                    "The body could not be read to its end. Send it again.",
                )
                .caused_by(rejection)
            })?;
        parse(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

fn is_json(request: &Request) -> bool {
    let Some(value) = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Depth, shape, rules, in this order.
pub fn parse<T: DeserializeOwned + Validate>(body: &[u8]) -> Result<T, Problem> {
    if depth(body) > MAX_DEPTH {
        return Err(Problem::bad_request(
            "body_too_deep",
            format!("The body nests deeper than {MAX_DEPTH} levels."),
        ));
    }
    // serde fills a struct from a list too, field by field: no caller means that.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(serde_json::from_slice::<IgnoredAny>(body).map_or_else(
            |error| syntax_problem(&error),
            |_| Problem::invalid(vec![FieldError::new("", "must be an object")]),
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| shape_problem(&error, body))?;
    reader.end().map_err(|error| syntax_problem(&error))?;
    let errors = value.validate();
    if errors.is_empty() {
        Ok(value)
    } else {
        Err(Problem::invalid(errors))
    }
}

fn shape_problem(error: &serde_path_to_error::Error<serde_json::Error>, body: &[u8]) -> Problem {
    let inner = error.inner();
    // serde_json also calls it a syntax error when a number or a list stands where an enum is wanted, so the syntax is asked for itself.
    if let Err(syntax) = serde_json::from_slice::<IgnoredAny>(body) {
        return syntax_problem(&syntax);
    }
    let text = if inner.is_data() {
        without_position(&inner.to_string())
    } else {
        "is of the wrong type".to_owned()
    };
    let mut pointer = pointer(error.path());
    // serde blames the object for a field it lacks or does not know; the caller looks for the field.
    for said in ["missing field `", "unknown field `"] {
        if let Some(name) = text.strip_prefix(said).and_then(|rest| rest.split('`').next())
            && !pointer.ends_with(&format!("/{}", escape(name)))
        {
            pointer = format!("{pointer}/{}", escape(name));
        }
    }
    Problem::invalid(vec![FieldError::new(pointer, text)])
}

fn syntax_problem(error: &serde_json::Error) -> Problem {
    Problem::bad_request("malformed_json", format!("The body is not valid JSON: {error}."))
}

fn without_position(message: &str) -> String {
    message
        .rfind(" at line ")
        .map_or(message, |at| &message[..at])
        .to_owned()
}

fn pointer(path: &SerdePath) -> String {
    path.iter().fold(String::new(), |mut text, segment| {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("/{index}")),
            Segment::Map { key } => text.push_str(&format!("/{}", escape(key))),
            // A tagged variant is no level of the document, and `Unknown` names none.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
        text
    })
}

/// RFC 6901, section 3.
fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// The deepest nesting of arrays and objects, found without parsing: brackets inside strings do not count.
fn depth(body: &[u8]) -> usize {
    let (mut deepest, mut level, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in body {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                level += 1;
                deepest = deepest.max(level);
            }
            (false, b'}' | b']') => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Cart {
        lines: Vec<Line>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        count: u8,
        #[serde(default)]
        #[expect(dead_code, reason = "only its refusal is tested")]
        size: Option<Size>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Size {
        Large,
    }
    impl Validate for Cart {
        fn validate(&self) -> Vec<FieldError> {
            if self.lines.is_empty() {
                vec![FieldError::new("/lines", "must not be empty")]
            } else {
                Vec::new()
            }
        }
    }

    #[track_caller]
    fn check_refused(body: &str, code: &str, pointer: Option<&str>) {
        let problem = parse::<Cart>(body.as_bytes()).expect_err("refused");
        assert_eq!(problem.code(), code, "{problem:?}");
        assert_eq!(
            problem.errors().first().map(|error| error.pointer.as_str()),
            pointer,
            "{problem:?}"
        );
    }

    #[test]
    fn every_refusal_names_the_place() {
        check_refused("", "malformed_json", None);
        check_refused("{", "malformed_json", None);
        check_refused(r#"{"lines":[{"count":1}]} x"#, "malformed_json", None);
        check_refused("[[", "malformed_json", None);
        check_refused(r#" [[{"count":1}]]"#, "invalid_request", Some(""));
        check_refused("{}", "invalid_request", Some("/lines"));
        check_refused(
            r#"{"lines":[{"count":1},{}]}"#,
            "invalid_request",
            Some("/lines/1/count"),
        );
        check_refused(
            r#"{"lines":[{"count":"x"}]}"#,
            "invalid_request",
            Some("/lines/0/count"),
        );
        check_refused(
            r#"{"lines":[{"count":1,"a/b":2}]}"#,
            "invalid_request",
            Some("/lines/0/a~1b"),
        );
        check_refused(r#"{"lines":[]}"#, "invalid_request", Some("/lines"));
        for size in ["true", "[1]", r#"{"large": 1}"#, r#""small""#] {
            let body = format!(r#"{{"lines":[{{"count":1,"size":{size}}}]}}"#);
            check_refused(&body, "invalid_request", Some("/lines/0/size"));
        }
        assert_eq!(
            parse::<Cart>(br#"{"lines":[{"count":7,"size":"large"}]}"#)
                .expect("a cart")
                .lines[0]
                .count,
            7
        );
    }

    #[test]
    fn depth_is_limited_before_parsing() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        check_refused(&nested(33), "body_too_deep", None);
        check_refused(&"[".repeat(1_000_000), "body_too_deep", None);
        assert_eq!(depth(nested(32).as_bytes()), 32);
        assert_eq!(
            depth(br#"{"a":"[[[[\"[[[["}"#),
            1,
            "brackets inside strings do not count"
        );
    }
}
