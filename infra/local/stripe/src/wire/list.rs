//! Stripe's lists: newest first, `limit` 1 to 100, cursors that are ids, `created` as a time or a range.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::error::ApiError;
use crate::world::{Kind, int, text};

/// One page of `items`, which are all that pass the list's own filters, the newest first.
pub(crate) fn page(call: &Call, kind: Kind, url: &str, mut items: Vec<&Value>) -> Answer {
    if call.params.at("created").is_some() {
        let range = Range::of(call)?;
        items.retain(|item| range.contains(int(item, "created")));
    }
    let limit = limit(call)?;
    let position = |param: &str| match call.params.given(param) {
        None => Ok(None),
        Some(id) => match items.iter().position(|item| text(item, "id") == id) {
            Some(at) => Ok(Some(at)),
            None => Err(ApiError::missing(kind.noun(), id, param)),
        },
    };
    let (after, before) = (position("starting_after")?, position("ending_before")?);
    let (from, to, more) = match (after, before) {
        (Some(_), Some(_)) => {
            let message = "You cannot use both 'starting_after' and 'ending_before' parameters.";
            return Err(ApiError::invalid(message).param("ending_before"));
        }
        (None, Some(end)) => (end.saturating_sub(limit), end, end > limit),
        (after, None) => {
            let start = after.map_or(0, |at| at + 1);
            let end = (start + limit).min(items.len());
            (start, end, end < items.len())
        }
    };
    Ok(json!({"object": "list", "url": url, "has_more": more, "data": items[from..to]}))
}

/// A list that is part of another object and shown whole.
pub(crate) fn whole(url: &str, data: &[&Value]) -> Value {
    json!({"object": "list", "url": url, "has_more": false, "data": data})
}

fn limit(call: &Call) -> Result<usize, ApiError> {
    let limit = call.params.int("limit")?.unwrap_or(10);
    let refuse = |bound: &str| {
        let message = format!("This value must be {bound} (it currently is '{limit}').");
        Err(ApiError::invalid(message)
            .code("parameter_invalid_integer")
            .param("limit"))
    };
    match limit {
        ..=0 => refuse("greater than or equal to 1"),
        1..=100 => Ok(usize::try_from(limit).unwrap_or(10)),
        _ => refuse("less than or equal to 100"),
    }
}

/// `created=…` or `created[gte|gt|lte|lt]=…`, in seconds.
struct Range {
    from: i64,
    to: i64,
}

impl Range {
    fn of(call: &Call) -> Result<Self, ApiError> {
        if let Some(exact) = call.params.int("created")? {
            return Ok(Self { from: exact, to: exact });
        }
        let bound = |name: &str| call.params.int(&format!("created.{name}"));
        let from = bound("gte")?.or(bound("gt")?.map(|time| time.saturating_add(1)));
        let to = bound("lte")?.or(bound("lt")?.map(|time| time.saturating_sub(1)));
        Ok(Self {
            from: from.unwrap_or(i64::MIN),
            to: to.unwrap_or(i64::MAX),
        })
    }

    fn contains(&self, time: i64) -> bool {
        (self.from..=self.to).contains(&time)
    }
}
