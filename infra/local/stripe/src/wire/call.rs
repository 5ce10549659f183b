//! One authenticated request to the API, its parameters parsed and its endpoint recognised.

use std::sync::LazyLock;

use serde_json::Value;

use super::error::ApiError;
use super::form::Field;
use super::schema;

/// What an endpoint answers.
pub(crate) type Answer = Result<Value, ApiError>;

#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The endpoint as the specification names it, `POST /v1/transfers/{id}/reversals`.
    pub endpoint: &'static str,
    /// The path's parameters in order.
    pub args: Vec<String>,
    pub params: Field,
    /// The connected account in whose name the call is made (`Stripe-Account`).
    pub account: Option<String>,
}

impl Call {
    pub(crate) fn id(&self) -> &str {
        self.args.first().map_or("", String::as_str)
    }

    pub(crate) fn owner(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// True if the parameter is not given or is the field's value: a list's filter.
    pub(crate) fn keeps(&self, body: &Value, field: &str) -> bool {
        self.params
            .given(field)
            .is_none_or(|wanted| body[field].as_str() == Some(wanted))
    }
}

/// Endpoints split at their slashes; fixed segments come before parameters of the same place.
static ROUTES: LazyLock<Vec<(&'static str, Vec<&'static str>)>> = LazyLock::new(|| {
    let mut routes: Vec<_> = schema::endpoints()
        .map(|name| (name, name.split(['/', ' ']).collect::<Vec<&'static str>>()))
        .collect();
    routes.sort_by_key(|(_, parts)| parts.iter().filter(|part| part.starts_with('{')).count());
    routes
});

/// The endpoint and its path parameters, if it is served.
pub(crate) fn recognise(method: &str, path: &str) -> Option<(&'static str, Vec<String>)> {
    let line = format!("{method} {}", path.trim_end_matches('/'));
    let given: Vec<&str> = line.split(['/', ' ']).collect();
    ROUTES.iter().find_map(|(name, parts)| {
        if parts.len() != given.len() {
            return None;
        }
        let mut args = Vec::new();
        for (part, text) in parts.iter().zip(&given) {
            if part.starts_with('{') && !text.is_empty() {
                args.push((*text).to_owned());
            } else if part != text {
                return None;
            }
        }
        Some((*name, args))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_recognised_with_their_arguments() {
        let found = recognise("GET", "/v1/transfers/tr_1/reversals/trr_2");
        assert_eq!(
            found,
            Some((
                "GET /v1/transfers/{transfer}/reversals/{id}",
                vec!["tr_1".into(), "trr_2".into()]
            ))
        );
        assert_eq!(
            recognise("GET", "/v1/account").map(|found| found.0),
            Some("GET /v1/account")
        );
        assert_eq!(recognise("PUT", "/v1/account"), None);
        assert_eq!(recognise("GET", "/v1/transfers//reversals"), None);
    }
}
