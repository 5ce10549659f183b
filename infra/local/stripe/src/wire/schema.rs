//! Parameters held against Stripe's own specification, so that the stand-in refuses what Stripe would refuse.
//!
//! Reads the `requests` half of `spec/stripe.json` (cut from the public OpenAPI document, see `spec/LICENSE`). A
//! parameter that Stripe knows passes here even if the stand-in does nothing with it.

use std::sync::LazyLock;

use serde_json::Value;

use super::error::ApiError;
use super::form::{Field, missing_param, not_integer};

static SPEC: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../spec/stripe.json")).unwrap_or_default());

/// Checks all parameters of an endpoint named as in the specification, `POST /v1/refunds`.
pub(crate) fn check(endpoint: &str, params: &Field) -> Result<(), ApiError> {
    let schema = &SPEC["requests"][endpoint];
    if schema.is_null() {
        Ok(())
    } else {
        check_object(schema, params, "")
    }
}

/// The endpoints of the specification that are served.
pub(crate) fn endpoints() -> impl Iterator<Item = &'static str> {
    SPEC["requests"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().map(String::as_str))
}

fn check_object(schema: &Value, field: &Field, name: &str) -> Result<(), ApiError> {
    let Field::Node(children) = field else {
        return Err(ApiError::invalid(format!("Invalid object: {}", quoted(field))).param(name));
    };
    let known = schema["properties"].as_object();
    for (key, child) in children {
        let full = if name.is_empty() {
            key.clone()
        } else {
            format!("{name}[{key}]")
        };
        match known.and_then(|known| known.get(key)) {
            Some(schema) => check_field(schema, child, &full)?,
            None if known.is_none() || schema.get("additionalProperties").is_some() => {}
            None => {
                let message = format!("Received unknown parameter: {full}");
                return Err(ApiError::invalid(message).code("parameter_unknown").param(&full));
            }
        }
    }
    for required in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if field.at(required).is_none() {
            let full = if name.is_empty() {
                required.to_owned()
            } else {
                format!("{name}[{required}]")
            };
            return Err(missing_param(&full));
        }
    }
    Ok(())
}

fn check_field(schema: &Value, field: &Field, name: &str) -> Result<(), ApiError> {
    if let Some(choices) = schema["anyOf"].as_array() {
        return check_any(choices, field, name);
    }
    match (schema["type"].as_str(), field) {
        (Some("object"), _) => check_object(schema, field, name),
        (Some("array"), Field::Node(children)) => {
            for (key, child) in children {
                check_field(&schema["items"], child, &format!("{name}[{key}]"))?;
            }
            Ok(())
        }
        (Some("array"), Field::Text(_)) => Err(ApiError::invalid("Invalid array").param(name)),
        (Some(_), Field::Node(_)) => Err(ApiError::invalid(format!("Invalid string: {}", quoted(field))).param(name)),
        (Some(kind), Field::Text(text)) => check_text(schema, kind, text, name),
        (None, _) => Ok(()),
    }
}

/// Any of several shapes; the error told is that of the first shape with the field's own form.
fn check_any(choices: &[Value], field: &Field, name: &str) -> Result<(), ApiError> {
    let mut told = None;
    for choice in choices {
        let Err(error) = check_field(choice, field, name) else {
            return Ok(());
        };
        let structured = matches!(choice["type"].as_str(), Some("object" | "array"));
        if structured == matches!(field, Field::Node(_)) && told.is_none() {
            told = Some(error);
        }
    }
    Err(told.unwrap_or_else(|| ApiError::invalid(format!("Invalid value: {}", quoted(field))).param(name)))
}

fn check_text(schema: &Value, kind: &str, text: &str, name: &str) -> Result<(), ApiError> {
    if let Some(choices) = schema["enum"].as_array() {
        if choices.iter().any(|choice| choice.as_str() == Some(text)) {
            return Ok(());
        }
        let names: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        return Err(ApiError::invalid(format!("Invalid {name}: must be one of {}", names.join(", "))).param(name));
    }
    if text.is_empty() {
        let message = format!(
            "You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; \
             however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value."
        );
        return Err(ApiError::invalid(message).code("parameter_invalid_empty").param(name));
    }
    match kind {
        "integer" if text.parse::<i64>().is_err() => Err(not_integer(text, name)),
        "number" if text.parse::<f64>().is_err() => {
            Err(ApiError::invalid(format!("Invalid decimal: {text}")).param(name))
        }
        "boolean" if !matches!(text, "true" | "false") => {
            Err(ApiError::invalid(format!("Invalid boolean: {text}")).param(name))
        }
        _ => check_length(schema, text, name),
    }
}

fn check_length(schema: &Value, text: &str, name: &str) -> Result<(), ApiError> {
    let Some(max) = schema["maxLength"].as_u64() else {
        return Ok(());
    };
    let length = text.chars().count();
    if u64::try_from(length).is_ok_and(|length| length <= max) {
        return Ok(());
    }
    let message = format!(
        "Invalid string: {}...; must be at most {max} characters",
        text.chars().take(20).collect::<String>()
    );
    Err(ApiError::invalid(message).param(name))
}

fn quoted(field: &Field) -> String {
    match field {
        Field::Text(text) => text.clone(),
        Field::Node(children) => format!(
            "{{{}}}",
            children
                .iter()
                .map(|(key, _)| key.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::parse;
    use super::*;

    #[track_caller]
    fn refused(endpoint: &str, form: &str, code: Option<&str>, param: &str) {
        let params = parse(form).expect("a form");
        let error = check(endpoint, &params).expect_err(form).object();
        assert_eq!(error["code"].as_str(), code, "{form}: {error}");
        assert_eq!(error["param"], param, "{form}: {error}");
    }

    #[test]
    fn what_stripe_refuses_is_refused_with_its_codes() {
        let transfers = "POST /v1/transfers";
        refused(
            transfers,
            "amount=1&currency=eur",
            Some("parameter_missing"),
            "destination",
        );
        refused(
            transfers,
            "amount=x&currency=eur&destination=a",
            Some("parameter_invalid_integer"),
            "amount",
        );
        refused(
            transfers,
            "ammount=1&currency=eur&destination=a",
            Some("parameter_unknown"),
            "ammount",
        );
        refused(
            transfers,
            "amount=1&currency=&destination=a",
            Some("parameter_invalid_empty"),
            "currency",
        );
        refused("POST /v1/checkout/sessions", "mode=pay", None, "mode");
        refused(
            "POST /v1/checkout/sessions",
            "line_items[0][foo]=1",
            Some("parameter_unknown"),
            "line_items[0][foo]",
        );
        refused("POST /v1/refunds", "metadata=x", None, "metadata");
        refused(
            "GET /v1/charges",
            "limit=many",
            Some("parameter_invalid_integer"),
            "limit",
        );
    }

    #[test]
    fn what_stripe_takes_passes() {
        for (endpoint, form) in [
            ("POST /v1/refunds", "metadata=&charge=ch_1&expand[]=charge"),
            (
                "POST /v1/transfers",
                "currency=eur&destination=acct_1&metadata[anything]=1",
            ),
            ("GET /v1/charges", "created[gte]=1&created[lt]=2"),
            ("GET /v1/charges", "created=12"),
        ] {
            let params = parse(form).expect("a form");
            assert!(check(endpoint, &params).is_ok(), "{form}");
        }
    }
}
