//! What goes to the marketplace and comes back, as JSON. Members that this version does not know are kept, not refused.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The marketplace's word on a licence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    pub valid: bool,
    /// Why, as one code of the documented list: `VALID`, `EXPIRED`, `TOO_MANY_MACHINES`, …
    pub code: String,
    /// The same for people.
    #[serde(default)]
    pub detail: Option<String>,
    /// When the licence ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    #[serde(default)]
    pub entitlements: Vec<String>,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Validation {
    pub fn allows(&self, entitlement: &str) -> bool {
        self.valid && self.entitlements.iter().any(|code| code == entitlement)
    }
}

/// A machine that has taken a seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub id: String,
    /// The next heartbeat is expected before; none is, where it is absent.
    #[serde(default)]
    pub heartbeat_due_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A copy of the software that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    pub id: String,
    /// The next heartbeat is expected before; none is, where it is absent.
    #[serde(default)]
    pub heartbeat_due_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A check-in that was noted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckIn {
    /// The next one is overdue from then on.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What people call a machine, shown where they manage their machines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Activation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Which machine asks.
#[derive(Serialize)]
pub(super) struct Asking<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) product: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) components: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    pub(super) activation: Option<&'a Activation>,
}

/// A problem document (RFC 9457), as far as Souk writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// Stable: programs may depend on it.
    pub code: String,
    #[serde(default)]
    pub title: String,
    /// For people: what happened and what to do.
    #[serde(default)]
    pub detail: String,
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the request.
    #[serde(default)]
    pub pointer: String,
    #[serde(default)]
    pub detail: String,
}
