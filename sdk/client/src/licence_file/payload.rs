//! What a file says: a JSON:API document of a licence, or of a machine with its licence.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::certificate::Kind;

/// When a file was made and how long it lasts, which is not how long the licence lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    pub issued: Timestamp,
    /// `None`: it never ends.
    pub expiry: Option<Timestamp>,
    /// The time to live, in seconds, as the file states it.
    pub ttl_s: Option<i64>,
    pub(crate) kid: Option<String>,
}

/// The document of a verified file. Its accessors read what Souk and Keygen both write; the rest is in [`Payload::value`].
#[derive(Clone, PartialEq)]
pub struct Payload {
    pub(crate) meta: Meta,
    kind: Kind,
    json: String,
    value: Value,
}

#[derive(Deserialize)]
struct WireMeta {
    issued: String,
    expiry: Option<String>,
    ttl: Option<i64>,
    kid: Option<String>,
}

impl Payload {
    pub(crate) fn read(kind: Kind, json: Vec<u8>) -> Result<Self, &'static str> {
        let json = String::from_utf8(json).map_err(|_| "its payload is not text")?;
        let value: Value = serde_json::from_str(&json).map_err(|_| "its payload is not JSON")?;
        let meta = value.get("meta").ok_or("its payload has no meta")?;
        let meta = WireMeta::deserialize(meta).map_err(|_| "its payload does not say when it was issued")?;
        if value.pointer("/data/type").and_then(Value::as_str) != Some(kind.resource()) {
            return Err("its payload is about something else");
        }
        let meta = Meta {
            issued: meta.issued.parse().map_err(|_| "issued is not a time")?,
            expiry: meta
                .expiry
                .map(|time| time.parse())
                .transpose()
                .map_err(|_| "expiry is not a time")?,
            ttl_s: meta.ttl,
            kid: meta.kid,
        };
        Ok(Self {
            meta,
            kind,
            json,
            value,
        })
    }

    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The document, as it was signed.
    pub fn json(&self) -> &str {
        &self.json
    }

    pub fn value(&self) -> &Value {
        &self.value
    }

    pub fn licence_id(&self) -> Option<&str> {
        let related = || self.text("/data/relationships/license/data/id");
        match self.licence() {
            Some(licence) => licence.get("id").and_then(Value::as_str),
            None => related(),
        }
    }

    /// The licence key, where the file states it.
    pub fn key(&self) -> Option<&str> {
        self.attribute("key").and_then(Value::as_str)
    }

    /// As the licence was when the file was made.
    pub fn status(&self) -> Option<&str> {
        self.attribute("status").and_then(Value::as_str)
    }

    /// When the licence itself ends. What follows from that is the policy's affair: a file that is meant to end with its licence does.
    pub fn licence_expiry(&self) -> Option<Timestamp> {
        self.attribute("expiry")?.as_str()?.parse().ok()
    }

    /// The codes of what the licence allows.
    pub fn entitlements(&self) -> impl Iterator<Item = &str> {
        self.included("entitlements")
            .filter_map(|entitlement| entitlement.pointer("/attributes/code")?.as_str())
    }

    pub fn allows(&self, entitlement: &str) -> bool {
        self.entitlements().any(|code| code == entitlement)
    }

    /// In a machine's file.
    pub fn machine_id(&self) -> Option<&str> {
        self.machine()?.get("id")?.as_str()
    }

    /// In a machine's file: the machine that it is bound to.
    pub fn fingerprint(&self) -> Option<&str> {
        self.machine()?.pointer("/attributes/fingerprint")?.as_str()
    }

    /// In a machine's file: names and fingerprints of the machine's parts.
    pub fn components(&self) -> impl Iterator<Item = (&str, &str)> {
        self.included("components").filter_map(|component| {
            let attribute = |name| component.get("attributes")?.get(name)?.as_str();
            Some((attribute("name")?, attribute("fingerprint")?))
        })
    }

    fn machine(&self) -> Option<&Value> {
        self.value.get("data").filter(|_| self.kind == Kind::Machine)
    }

    fn licence(&self) -> Option<&Value> {
        match self.kind {
            Kind::Licence => self.value.get("data"),
            Kind::Machine => self.included("licenses").next(),
        }
    }

    fn attribute(&self, name: &str) -> Option<&Value> {
        self.licence()?.get("attributes")?.get(name)
    }

    fn included(&self, resource: &'static str) -> impl Iterator<Item = &Value> {
        let all = self.value.get("included").and_then(Value::as_array);
        all.into_iter()
            .flatten()
            .filter(move |one| one.get("type").and_then(Value::as_str) == Some(resource))
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }
}

/// The document has the licence key in it, which is a secret.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("kind", &self.kind)
            .field("meta", &self.meta)
            .field("licence", &self.licence_id())
            .finish_non_exhaustive()
    }
}
