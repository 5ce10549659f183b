//! Control endpoints under `/_control`: how a test or a person makes happen what the processor would do by itself.
//!
//! JSON in and out, no key. Each is one [`Row`] of a stand-in's table, which its index page prints: what is not in the table does not
//! exist.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Method, path below `/_control`, body, and what it does.
pub type Row = (&'static str, &'static str, &'static str, &'static str);

/// What a control answers, or a status and what is wrong.
pub type Outcome = Result<Value, (u16, String)>;

/// One control request.
#[derive(Debug)]
pub struct Control {
    pub body: Value,
    pub query: HashMap<String, String>,
    /// The parameters of the path in order.
    pub args: Vec<String>,
}

impl Control {
    /// The path's first parameter.
    pub fn id(&self) -> &str {
        self.args.first().map_or("", String::as_str)
    }

    /// A parameter of the query.
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.query
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// Finds the row for a request and does it; `perform` is told the row as `POST path`.
pub fn answer(
    rows: &[Row],
    (method, path): (&str, &str),
    query: &str,
    body: &[u8],
    perform: impl FnOnce(&str, &Control) -> Outcome,
) -> (u16, Value) {
    let body = if body.is_empty() {
        Ok(json!({}))
    } else {
        serde_json::from_slice(body)
    };
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let outcome = match (body, recognise(rows, method, path)) {
        (Ok(body), Some((name, args))) => perform(&name, &Control { body, query, args }),
        (Err(error), _) => Err((400, format!("The body is not JSON: {error}"))),
        (_, None) => Err((
            404,
            format!("There is no control {method} /_control/{path}; see / for the table"),
        )),
    };
    match outcome {
        Ok(body) => (200, body),
        Err((status, message)) => (status, json!({"error": {"message": message}})),
    }
}

fn recognise(rows: &[Row], method: &str, path: &str) -> Option<(String, Vec<String>)> {
    let given: Vec<&str> = path.split('/').collect();
    rows.iter().find_map(|(wanted, pattern, _, _)| {
        let parts: Vec<&str> = pattern.split('/').collect();
        if *wanted != method || parts.len() != given.len() {
            return None;
        }
        let mut args = Vec::new();
        for (part, text) in parts.iter().zip(&given) {
            if part.starts_with('{') {
                args.push((*text).to_owned());
            } else if part != text {
                return None;
            }
        }
        Some((format!("{method} {pattern}"), args))
    })
}

/// A value with the given fields replaced; unknown fields and wrong types are refused by name.
pub fn patched<T: Serialize + DeserializeOwned>(value: &T, patch: &Value) -> Result<T, (u16, String)> {
    let mut merged = json!(value);
    if let (Some(merged), Some(patch)) = (merged.as_object_mut(), patch.as_object()) {
        merged.extend(patch.clone());
    }
    parsed(merged)
}

pub fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, (u16, String)> {
    serde_json::from_value(value).map_err(|error| (400, error.to_string()))
}

/// How far a clock is to be moved, in seconds: `{"days": 8}`.
pub fn time_span(body: &Value) -> Result<i64, (u16, String)> {
    let of = |unit: &str, seconds: i64| body[unit].as_i64().unwrap_or_default().saturating_mul(seconds);
    let seconds = of("seconds", 1) + of("minutes", 60) + of("hours", 3600) + of("days", 86_400);
    if seconds <= 0 {
        return Err((
            400,
            "The clock only moves forward: give seconds, minutes, hours or days".to_owned(),
        ));
    }
    Ok(seconds)
}
