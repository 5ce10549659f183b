//! What an account may do, and what Stripe still wants to know: capabilities and requirements change together.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::world::{Work, World};

/// How long a document may be missing before the account is switched off.
const DOCUMENT_DEADLINE_S: i64 = 14 * 24 * 60 * 60;
const DOCUMENT: &str = "individual.verification.document";
const ASKED: [&str; 8] = [
    "business_profile.url",
    "business_type",
    "external_account",
    "individual.dob.day",
    "individual.first_name",
    "individual.last_name",
    "tos_acceptance.date",
    "tos_acceptance.ip",
];

/// How a visit to the onboarding page ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Visit {
    /// Everything is submitted and in order.
    Complete,
    /// Everything is submitted, Stripe still checks it.
    Pending,
    /// Everything works, but a document is wanted within two weeks.
    DocumentDue,
    /// Left before the end.
    Incomplete,
    /// Stripe refuses the account.
    Refused,
}

/// Changes an account as a visit to the onboarding page would, and tells it.
pub(crate) fn visited(world: &mut World, account: &str, visit: Visit) -> Value {
    let now = world.now();
    let after = world.update(account, "account.updated", |body| match visit {
        Visit::Complete => complete(body, now),
        Visit::Pending => pending(body, now),
        Visit::DocumentDue => document_due(body, now),
        Visit::Incomplete => incomplete(body),
        Visit::Refused => refused(body, "rejected.other"),
    });
    if visit == Visit::DocumentDue {
        world.later(
            DOCUMENT_DEADLINE_S * 1000,
            Work::DeadlinePasses {
                account: account.to_owned(),
            },
        );
    }
    after
}

/// What was due by a deadline that has passed is past due, and the account is switched off.
pub(crate) fn deadline_passes(world: &mut World, account: &str) {
    let now = world.now();
    let entry = world.shelf.entry(account).map(|entry| &entry.body["requirements"]);
    let passed = entry.is_some_and(|due| due["current_deadline"].as_i64().is_some_and(|deadline| deadline <= now));
    if passed {
        world.update(account, "account.updated", |body| {
            let due = body["requirements"]["currently_due"].clone();
            body["requirements"]["past_due"] = due;
            body["requirements"]["disabled_reason"] = json!("requirements.past_due");
            switch(body, "inactive", false);
        });
    }
}

pub(crate) fn no_requirements() -> Value {
    json!({
        "alternatives": [],
        "current_deadline": null,
        "currently_due": [],
        "disabled_reason": null,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    })
}

/// A new account: everything is wanted and nothing works.
pub(crate) fn not_started(body: &mut Value) {
    let mut requirements = no_requirements();
    for list in ["currently_due", "eventually_due", "past_due"] {
        requirements[list] = json!(ASKED);
    }
    requirements["disabled_reason"] = json!("requirements.past_due");
    body["requirements"] = requirements;
}

/// Switches an account off for good.
pub(crate) fn refused(body: &mut Value, reason: &str) {
    let mut requirements = no_requirements();
    requirements["disabled_reason"] = json!(reason);
    body["requirements"] = requirements;
    switch(body, "inactive", false);
}

fn complete(body: &mut Value, now: i64) {
    submitted(body, now);
    body["requirements"] = no_requirements();
    switch(body, "active", true);
}

fn pending(body: &mut Value, now: i64) {
    submitted(body, now);
    let mut requirements = no_requirements();
    requirements["pending_verification"] = json!([DOCUMENT]);
    requirements["disabled_reason"] = json!("requirements.pending_verification");
    body["requirements"] = requirements;
    switch(body, "pending", false);
}

fn document_due(body: &mut Value, now: i64) {
    complete(body, now);
    let due = &mut body["requirements"];
    due["currently_due"] = json!([DOCUMENT]);
    due["eventually_due"] = json!([DOCUMENT]);
    due["current_deadline"] = json!(now + DOCUMENT_DEADLINE_S);
}

fn incomplete(body: &mut Value) {
    not_started(body);
    // Half of the questions were answered.
    for list in ["currently_due", "eventually_due", "past_due"] {
        body["requirements"][list] = json!(["external_account", "tos_acceptance.date", "tos_acceptance.ip"]);
    }
    switch(body, "inactive", false);
}

fn submitted(body: &mut Value, now: i64) {
    body["details_submitted"] = json!(true);
    body["tos_acceptance"]["date"] = json!(now);
    if body["business_type"].is_null() {
        body["business_type"] = json!("individual");
    }
    let id = body["id"].as_str().unwrap_or_default();
    let bank = json!({
        "id": format!("ba_{}", id.trim_start_matches("acct_")),
        "object": "bank_account",
        "account": id,
        "account_holder_name": "Jenny Rosen",
        "account_holder_type": "individual",
        "account_type": null,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": body["country"],
        "currency": body["default_currency"],
        "default_for_currency": true,
        "fingerprint": "standinbankaccnt",
        "last4": "3000",
        "metadata": {},
        "routing_number": "110000000",
        "status": "new",
    });
    body["external_accounts"]["data"] = json!([bank]);
}

/// Sets every requested capability and what follows from them.
fn switch(body: &mut Value, state: &str, enabled: bool) {
    let capabilities = body["capabilities"].as_object_mut();
    let mut charges = false;
    for (name, value) in capabilities.into_iter().flatten() {
        *value = json!(state);
        charges |= name == "card_payments";
    }
    // A type of account that takes payments by itself asks for no capability.
    charges |= body["controller"]["stripe_dashboard"]["type"] == json!("full");
    body["charges_enabled"] = json!(enabled && charges);
    body["payouts_enabled"] = json!(enabled);
}
