//! PayPal's lists: the events of the last 30 days, each page with a link to the next; the movements on the balance, by page number; the
//! disputes about a payment.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::disputes;
use crate::error::ApiError;
use crate::world::{Kind, World};

const DAY_S: i64 = 24 * 60 * 60;
/// How far back events are listed.
const EVENTS_S: i64 = 30 * DAY_S;
/// The longest time of which movements are listed at once.
const MOVEMENTS_S: i64 = 31 * DAY_S;
const EVENTS_PATH: &str = "/v1/notifications/webhooks-events";

type Query = HashMap<String, String>;

/// Newest first.
pub(crate) fn events(world: &World, query: &Query) -> Result<Value, ApiError> {
    let from = time(query, "start_time")?.unwrap_or_default();
    let until = time(query, "end_time")?.unwrap_or(i64::MAX);
    let oldest = world.now_s() - EVENTS_S;
    let listed: Vec<&Value> = world
        .all(Kind::Event)
        .rev()
        .filter(|event| {
            let at = moment(&event["create_time"]);
            at >= from && at <= until && at > oldest
        })
        .collect();
    let (size, begin) = (
        number(query, "page_size")?.unwrap_or(10),
        number(query, "next_page_token")?.unwrap_or(0),
    );
    let page: Vec<_> = listed.iter().skip(begin).take(size).collect();
    let mut links = Vec::new();
    if begin + page.len() < listed.len() {
        let kept = ["start_time", "end_time", "page_size"].into_iter();
        let kept = kept.filter_map(|name| Some(format!("{name}={}", query.get(name)?)));
        let next = kept.chain([format!("next_page_token={}", begin + page.len())]);
        let href = format!("{EVENTS_PATH}?{}", next.collect::<Vec<_>>().join("&"));
        links.push(json!({"href": world.url(&href), "rel": "next", "method": "GET"}));
    }
    Ok(json!({"events": page, "count": listed.len(), "links": links}))
}

/// Oldest first; what was denied has moved nothing.
pub(crate) fn movements(world: &World, query: &Query) -> Result<Value, ApiError> {
    let missing =
        |field: &str| ApiError::invalid("MISSING_REQUIRED_PARAMETER", field, "A required parameter is missing.");
    let from = time(query, "start_date")?.ok_or_else(|| missing("start_date"))?;
    let until = time(query, "end_date")?.ok_or_else(|| missing("end_date"))?;
    if until - from > MOVEMENTS_S {
        let why = "Date range is greater than 31 days.";
        return Err(ApiError::invalid("INVALID_PARAMETER_VALUE", "end_date", why));
    }
    let (wanted, code) = (query.get("transaction_id"), query.get("transaction_type"));
    let listed: Vec<_> = world
        .all(Kind::Movement)
        .filter(|info| {
            let at = moment(&info["transaction_initiation_date"]);
            at >= from && at <= until && info["transaction_status"] != "D"
        })
        .filter(|info| wanted.is_none_or(|id| info["transaction_id"] == id.as_str()))
        .filter(|info| code.is_none_or(|code| info["transaction_event_code"] == code.as_str()))
        .collect();
    let size = number(query, "page_size")?.unwrap_or(100).max(1);
    let page = number(query, "page")?.unwrap_or(1).max(1);
    let shown = listed.iter().skip((page - 1) * size).take(size);
    let details: Vec<_> = shown.map(|info| json!({"transaction_info": info})).collect();
    Ok(json!({
        "transaction_details": details,
        "page": page,
        "total_items": listed.len(),
        "total_pages": listed.len().div_ceil(size),
        "last_refreshed_datetime": world.time(),
        "links": [],
    }))
}

/// Newest first, with what a list shows of each.
pub(crate) fn disputes(world: &World, query: &Query) -> Value {
    let wanted = query.get("disputed_transaction_id");
    let about = |dispute: &&Value| wanted.is_none_or(|id| disputes::capture_of(dispute) == id);
    let listed = world.all(Kind::Dispute).rev().filter(about).map(|dispute| {
        let shown = [
            "dispute_id",
            "create_time",
            "update_time",
            "reason",
            "status",
            "dispute_state",
            "dispute_amount",
            "dispute_life_cycle_stage",
            "dispute_channel",
            "links",
        ];
        let fields = shown.into_iter().map(|name| (name.to_owned(), dispute[name].clone()));
        Value::Object(fields.collect())
    });
    let size = query.get("page_size").and_then(|size| size.parse().ok()).unwrap_or(10);
    json!({"items": listed.take(size).collect::<Vec<_>>(), "links": []})
}

fn time(query: &Query, name: &str) -> Result<Option<i64>, ApiError> {
    let wrong = |_| ApiError::invalid("INVALID_PARAMETER_VALUE", name, "The value is no date and time.");
    let parsed = query.get(name).map(|text| text.parse::<Timestamp>());
    Ok(parsed.transpose().map_err(wrong)?.map(Timestamp::as_second))
}

fn number(query: &Query, name: &str) -> Result<Option<usize>, ApiError> {
    let wrong = |_| ApiError::invalid("INVALID_PARAMETER_VALUE", name, "The value is no number.");
    query.get(name).map(|text| text.parse()).transpose().map_err(wrong)
}

fn moment(time: &Value) -> i64 {
    let parsed = time.as_str().and_then(|time| time.parse::<Timestamp>().ok());
    parsed.map_or(0, Timestamp::as_second)
}
