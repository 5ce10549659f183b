//! Form-encoded parameters with Stripe's brackets: `line_items[0][price_data][unit_amount]=500&expand[]=data.charge`.
//!
//! Keeps the order in which keys were first named and the difference between a list and a map only as far as the text
//! tells it: `a[0]` may be either, the reader decides by asking for `list` or `map`.

use serde_json::{Map, Value, json};

use super::error::ApiError;

/// Brackets deeper than this are refused; Stripe's own parameters go six deep.
const MAX_DEPTH: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Text(String),
    Node(Vec<(String, Field)>),
}

impl Default for Field {
    fn default() -> Self {
        Self::Node(Vec::new())
    }
}

/// Parses a query string or a form body.
pub(crate) fn parse(encoded: &str) -> Result<Field, ApiError> {
    let mut root = Field::default();
    for pair in encoded.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = percent_decoded(key)?;
        let path = brackets(&key)?;
        root.insert(&path, percent_decoded(value)?);
    }
    Ok(root)
}

/// `a[b][]` → `["a", "b", ""]`.
fn brackets(key: &str) -> Result<Vec<String>, ApiError> {
    let malformed = || ApiError::invalid(format!("Invalid parameter name: {key}")).param(key);
    let (head, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    let mut path = vec![head.to_owned()];
    while let Some(inner) = rest.strip_prefix('[') {
        let end = inner.find(']').ok_or_else(malformed)?;
        path.push(inner[..end].to_owned());
        rest = &inner[end + 1..];
    }
    if !rest.is_empty() || head.is_empty() || path.len() > MAX_DEPTH {
        return Err(malformed());
    }
    Ok(path)
}

fn percent_decoded(text: &str) -> Result<String, ApiError> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = text
                    .get(at + 1..at + 3)
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok());
                out.push(hex.ok_or_else(|| ApiError::invalid("Invalid percent-encoding in the request."))?);
                at += 2;
            }
            byte => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).map_err(|_| ApiError::invalid("Invalid UTF-8 in the request."))
}

impl Field {
    fn insert(&mut self, path: &[String], value: String) {
        let Some((key, rest)) = path.split_first() else {
            *self = Self::Text(value);
            return;
        };
        if let Self::Text(_) = self {
            *self = Self::default();
        }
        let Self::Node(children) = self else { return };
        let key = if key.is_empty() {
            next_index(children, rest)
        } else {
            key.clone()
        };
        if let Some((_, child)) = children.iter_mut().find(|(name, _)| *name == key) {
            child.insert(rest, value);
        } else {
            let mut child = Self::default();
            child.insert(rest, value);
            children.push((key, child));
        }
    }

    /// The field at a dotted path, `price_data.product_data.name`.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |field, key| match field {
            Self::Node(children) => children.iter().find(|(name, _)| name == key).map(|(_, child)| child),
            Self::Text(_) => None,
        })
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match self.at(path)? {
            Self::Text(text) => Some(text),
            Self::Node(_) => None,
        }
    }

    /// A text that is not empty: Stripe takes the empty text as "not given".
    pub(crate) fn given(&self, path: &str) -> Option<&str> {
        self.text(path).filter(|text| !text.is_empty())
    }

    pub(crate) fn required(&self, path: &str) -> Result<&str, ApiError> {
        self.given(path).ok_or_else(|| missing_param(&bracketed(path)))
    }

    /// An address that a browser can be sent to.
    pub(crate) fn url(&self, path: &str) -> Result<Option<&str>, ApiError> {
        let url = self.given(path);
        if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            let message = "Not a valid URL. URLs must begin with an explicit scheme, such as https.";
            return Err(ApiError::invalid(message).code("url_invalid").param(&bracketed(path)));
        }
        Ok(url)
    }

    pub(crate) fn int(&self, path: &str) -> Result<Option<i64>, ApiError> {
        self.given(path)
            .map(|text| text.parse().map_err(|_| not_integer(text, &bracketed(path))))
            .transpose()
    }

    pub(crate) fn flag(&self, path: &str) -> bool {
        self.text(path) == Some("true")
    }

    /// The children in order, whatever they are called: an array's elements.
    pub(crate) fn list(&self, path: &str) -> Vec<&Self> {
        self.children(path).iter().map(|(_, child)| child).collect()
    }

    pub(crate) fn children(&self, path: &str) -> &[(String, Self)] {
        match if path.is_empty() { Some(self) } else { self.at(path) } {
            Some(Self::Node(children)) => children,
            _ => &[],
        }
    }

    pub(crate) fn texts(&self, path: &str) -> Vec<&str> {
        self.list(path).into_iter().filter_map(Self::as_text).collect()
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Node(_) => None,
        }
    }

    /// A map of texts, as `metadata`; empty values are left out, for they unset.
    pub(crate) fn map(&self, path: &str) -> Map<String, Value> {
        self.children(path)
            .iter()
            .filter_map(|(key, child)| Some((key.clone(), json!(child.as_text().filter(|text| !text.is_empty())?))))
            .collect()
    }

    /// The text as JSON, null if not given.
    pub(crate) fn json(&self, path: &str) -> Value {
        self.given(path).map_or(Value::Null, |text| json!(text))
    }
}

/// `expand[]=…` counts up; `items[][a]=1&items[][b]=2` stays in one element until a key repeats.
fn next_index(children: &[(String, Field)], rest: &[String]) -> String {
    if let (Some((last, field)), Some(key)) = (children.last(), rest.first())
        && !key.is_empty()
        && field.at(key).is_none()
    {
        return last.clone();
    }
    children.len().to_string()
}

/// `a.b` → `a[b]`, as Stripe names parameters in errors.
pub(crate) fn bracketed(path: &str) -> String {
    let mut parts = path.split('.');
    let head = parts.next().unwrap_or_default().to_owned();
    parts.fold(head, |name, part| format!("{name}[{part}]"))
}

pub(crate) fn missing_param(name: &str) -> ApiError {
    ApiError::invalid(format!("Missing required param: {name}."))
        .code("parameter_missing")
        .param(name)
}

pub(crate) fn not_integer(text: &str, name: &str) -> ApiError {
    ApiError::invalid(format!("Invalid integer: {text}"))
        .code("parameter_invalid_integer")
        .param(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(encoded: &str) -> Field {
        parse(encoded).unwrap_or_else(|error| panic!("{encoded}: {}", error.message()))
    }

    #[test]
    fn brackets_nest_and_lists_keep_their_order() {
        let form = parsed(
            "line_items%5B0%5D[price_data][unit_amount]=500&line_items[0][quantity]=2&line_items[1][quantity]=1\
             &expand[]=a.b&expand[]=c&metadata[order]=a+b%26c&metadata[0]=zero&metadata[gone]=",
        );
        assert_eq!(form.int("line_items.0.price_data.unit_amount").ok(), Some(Some(500)));
        assert_eq!(form.list("line_items").len(), 2);
        assert_eq!(form.texts("expand"), ["a.b", "c"]);
        assert_eq!(
            Value::Object(form.map("metadata")),
            json!({"order": "a b&c", "0": "zero"})
        );
    }

    #[test]
    fn unnumbered_elements_are_told_apart_by_a_repeated_key() {
        let form = parsed("items[][a]=1&items[][b]=2&items[][a]=3");
        assert_eq!(form.list("items").len(), 2);
        assert_eq!(form.text("items.0.b"), Some("2"));
        assert_eq!(form.text("items.1.a"), Some("3"));
    }

    #[test]
    fn malformed_names_and_encodings_are_refused() {
        for bad in [
            "a[b=1",
            "[a]=1",
            "a[b]c=1",
            "a=%zz",
            "a=%f",
            "a=%ff",
            &format!("a{}=1", "[x]".repeat(20)),
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
