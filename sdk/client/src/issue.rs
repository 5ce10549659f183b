//! The issuing half: makes the files that [`crate::licence_file`] verifies.
//!
//! Keys stay where they are: a [`Draft`] says what is to be signed, and takes the signature. Chance and time come in as arguments, so that the
//! same arguments make the same file.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::certificate::{Algorithm, Certificate, Kind, NONCE_BYTES, Secret, write_plain};

/// A shorter life would end while its reader's clock is still within what clocks are allowed to be wrong by.
pub const SHORTEST_TTL: SignedDuration = SignedDuration::from_hours(1);
/// A month, as Keygen has it.
pub const DEFAULT_TTL: SignedDuration = SignedDuration::from_hours(30 * 24);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    #[error("a file lasts at least an hour")]
    TooShort,
    #[error("the file would have ended before it is issued")]
    Over,
    #[error("the end is out of range")]
    OutOfRange,
    #[error("the document does not fit into JSON")]
    Json(#[from] serde_json::Error),
    #[error("the document cannot be encrypted")]
    Encrypt,
}

/// How a file is made.
#[derive(Debug, Clone)]
pub struct Terms {
    pub issued: Timestamp,
    pub ttl: SignedDuration,
    /// The file ends here at the latest: the licence's own end, where the policy lets nothing work beyond it.
    pub until: Option<Timestamp>,
    /// The name under which the signing key is published.
    pub key_id: Option<String>,
    /// 96 bits of chance, fresh for every file of a licence, to encrypt it with; a plain file without.
    pub nonce: Option<[u8; NONCE_BYTES]>,
}

impl Terms {
    /// Plain, a month, without a key's name.
    pub fn new(issued: Timestamp) -> Self {
        Self {
            issued,
            ttl: DEFAULT_TTL,
            until: None,
            key_id: None,
            nonce: None,
        }
    }

    fn meta(&self) -> Result<Value, IssueError> {
        if self.ttl < SHORTEST_TTL {
            return Err(IssueError::TooShort);
        }
        let end = self.issued.checked_add(self.ttl).map_err(|_| IssueError::OutOfRange)?;
        let end = self.until.map_or(end, |until| until.min(end));
        if end <= self.issued {
            return Err(IssueError::Over);
        }
        let mut meta = Map::new();
        meta.insert("issued".into(), time(self.issued));
        meta.insert("expiry".into(), time(end));
        meta.insert("ttl".into(), end.duration_since(self.issued).as_secs().into());
        if let Some(id) = &self.key_id {
            meta.insert("kid".into(), id.as_str().into());
        }
        Ok(meta.into())
    }
}

/// RFC 3339 to the millisecond, as in Keygen's files.
fn time(at: Timestamp) -> Value {
    Value::String(alloc::format!("{at:.3}"))
}

/// A licence, as a file describes it. Keygen's clients read all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Licence {
    pub id: String,
    pub key: String,
    pub name: Option<String>,
    /// `ACTIVE`, `EXPIRED`, …: Keygen's spelling.
    pub status: String,
    pub expiry: Option<Timestamp>,
    pub uses: u32,
    pub floating: bool,
    pub strict: bool,
    pub suspended: bool,
    pub protected: bool,
    pub require_heartbeat: bool,
    pub require_check_in: bool,
    pub max_machines: Option<u32>,
    pub max_processes: Option<u32>,
    pub max_users: Option<u32>,
    pub max_uses: Option<u32>,
    pub metadata: Map<String, Value>,
    pub product_id: Option<String>,
    pub policy_id: Option<String>,
    pub entitlements: Vec<Entitlement>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    pub id: String,
    pub code: String,
    pub name: String,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// A machine, as its file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    pub id: String,
    pub fingerprint: String,
    pub name: Option<String>,
    pub platform: Option<String>,
    pub hostname: Option<String>,
    pub require_heartbeat: bool,
    /// `NOT_STARTED`, `ALIVE`, `DEAD`: Keygen's spelling.
    pub heartbeat_status: String,
    pub heartbeat_duration_s: Option<u32>,
    pub components: Vec<Component>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    pub id: String,
    pub name: String,
    pub fingerprint: String,
}

impl Licence {
    fn resource(&self) -> Value {
        let attributes = json!({
            "key": self.key,
            "name": self.name,
            "status": self.status,
            "expiry": self.expiry.map(time),
            "uses": self.uses,
            "floating": self.floating,
            "strict": self.strict,
            "suspended": self.suspended,
            "protected": self.protected,
            "requireHeartbeat": self.require_heartbeat,
            "requireCheckIn": self.require_check_in,
            "maxMachines": self.max_machines,
            "maxProcesses": self.max_processes,
            "maxUsers": self.max_users,
            "maxUses": self.max_uses,
            "metadata": self.metadata,
            "created": time(self.created),
            "updated": time(self.updated),
        });
        let related = [
            ("product", "products", &self.product_id),
            ("policy", "policies", &self.policy_id),
        ];
        let related = related
            .into_iter()
            .filter_map(|(name, kind, id)| Some((name, link(kind, id.as_deref()?))));
        resource("licenses", &self.id, &attributes, related)
    }

    fn included(&self) -> impl Iterator<Item = Value> {
        self.entitlements.iter().map(|entitlement| {
            let attributes = json!({
                "code": entitlement.code,
                "name": entitlement.name,
                "metadata": {},
                "created": time(entitlement.created),
                "updated": time(entitlement.updated),
            });
            resource("entitlements", &entitlement.id, &attributes, [])
        })
    }
}

impl Machine {
    fn resource(&self, licence: &Licence) -> Value {
        let attributes = json!({
            "fingerprint": self.fingerprint,
            "name": self.name,
            "platform": self.platform,
            "hostname": self.hostname,
            "requireHeartbeat": self.require_heartbeat,
            "heartbeatStatus": self.heartbeat_status,
            "heartbeatDuration": self.heartbeat_duration_s,
            "metadata": {},
            "created": time(self.created),
            "updated": time(self.updated),
        });
        resource(
            "machines",
            &self.id,
            &attributes,
            [("license", link("licenses", &licence.id))],
        )
    }

    fn included(&self) -> impl Iterator<Item = Value> {
        self.components.iter().map(|component| {
            let attributes = json!({"name": component.name, "fingerprint": component.fingerprint, "metadata": {}});
            resource("components", &component.id, &attributes, [])
        })
    }
}

fn resource<'a>(
    kind: &str,
    id: &str,
    attributes: &Value,
    related: impl IntoIterator<Item = (&'a str, Value)>,
) -> Value {
    let related: Map<String, Value> = related.into_iter().map(|(name, link)| (name.into(), link)).collect();
    json!({"id": id, "type": kind, "attributes": attributes, "relationships": related})
}

fn link(kind: &str, id: &str) -> Value {
    json!({"data": {"type": kind, "id": id}})
}

#[derive(Serialize)]
struct Document<'a> {
    data: &'a Value,
    included: Vec<Value>,
    meta: Value,
}

/// A file that only lacks its signature.
#[derive(Clone)]
pub struct Draft {
    kind: Kind,
    message: Vec<u8>,
    certificate: Certificate,
}

/// `enc` may be a licence in the clear.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Draft {
    /// A licence file, which opens with the licence key on any machine.
    pub fn licence(licence: &Licence, terms: &Terms) -> Result<Self, IssueError> {
        let included = licence.included().collect();
        Self::new(Kind::Licence, &licence.resource(), included, terms, || {
            Secret::new(&licence.key, None)
        })
    }

    /// A machine's file, which opens with the licence key on this machine alone.
    pub fn machine(machine: &Machine, licence: &Licence, terms: &Terms) -> Result<Self, IssueError> {
        let included = core::iter::once(licence.resource());
        let included = included.chain(licence.included()).chain(machine.included()).collect();
        Self::new(Kind::Machine, &machine.resource(licence), included, terms, || {
            Secret::new(&licence.key, Some(&machine.fingerprint))
        })
    }

    fn new(
        kind: Kind,
        data: &Value,
        included: Vec<Value>,
        terms: &Terms,
        secret: impl FnOnce() -> Secret,
    ) -> Result<Self, IssueError> {
        let meta = terms.meta()?;
        let payload = serde_json::to_vec(&Document { data, included, meta })?;
        let (algorithm, enc) = match terms.nonce {
            None => (Algorithm::Plain, write_plain(&payload)),
            Some(nonce) => {
                let enc = secret().seal(payload, nonce).map_err(|_| IssueError::Encrypt)?;
                (Algorithm::Encrypted, enc)
            }
        };
        Ok(Self {
            kind,
            message: Certificate::message(kind, &enc),
            certificate: Certificate {
                enc,
                sig: String::new(),
                alg: algorithm.name().to_string(),
                kid: terms.key_id.clone(),
            },
        })
    }

    /// What is to be signed with Ed25519, as it is (not hashed before).
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The file's text, with the signature of [`Draft::message`].
    pub fn signed(mut self, signature: &[u8; 64]) -> Result<String, IssueError> {
        self.certificate.sig = Base64::encode_string(signature);
        Ok(self.certificate.write(self.kind)?)
    }

    /// The same in one step, where the key is at hand.
    pub fn sign(self, signer: impl FnOnce(&[u8]) -> [u8; 64]) -> Result<String, IssueError> {
        let signature = signer(&self.message);
        self.signed(&signature)
    }
}
