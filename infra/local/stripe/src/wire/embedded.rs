//! Lists inside other objects: an invoice shows its first ten lines, the rest is asked for at `/v1/invoices/{id}/lines`.

use serde_json::{Value, json};

const LINES_SHOWN: usize = 10;

/// Shortens the lines of every invoice that is shown.
pub(crate) fn shorten(shown: &mut Value) {
    match shown {
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => {
            if fields.get("object") == Some(&json!("invoice"))
                && let Some(lines) = fields.get_mut("lines")
                && let Some(data) = lines.get_mut("data").and_then(Value::as_array_mut)
                && data.len() > LINES_SHOWN
            {
                data.truncate(LINES_SHOWN);
                lines["has_more"] = json!(true);
            }
            fields.values_mut().for_each(shorten);
        }
        _ => {}
    }
}
