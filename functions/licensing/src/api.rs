//! What clients send and get: here about validation, machines, files and standing; the rest in files named for it.

pub(crate) mod batches;
pub(crate) mod leases;
pub(crate) mod owners;
pub(crate) mod policies;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::{FieldError, Validate};
use shared::ids::{LicenceId, ListingId, MachineId, PolicyId, UserId};
use shared::licence::Licence;
use shared::licensing::machine::MAX_COMPONENTS;
use shared::licensing::{
    Activation, Fingerprint, Grant, Machine, Outcome, Policy, Preset, Pulse, Release, Scope, StandingAct,
    StandingReason, Status, ValidationCode,
};
use strum::IntoEnumIterator;
use utoipa::ToSchema;

const MAX_NAME_CHARS: usize = 100;
const MAX_NOTE_CHARS: usize = 2_000;
const MAX_NAMED: usize = 100;

/// What the software that asks says of itself. What the policy requires and is not said here is a code of the answer, not an error.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AskWhetherValid {
    /// The product that asks.
    pub product: Option<ListingId>,
    pub policy: Option<PolicyId>,
    pub user: Option<UserId>,
    pub machine: Option<MachineId>,
    /// Of the machine it runs on.
    #[schema(max_length = 128)]
    pub fingerprint: Option<String>,
    /// Fingerprints of parts of the machine, by names of the client's own.
    #[schema(example = json!({"cpu": "5d41402a", "disk": "7d793037"}))]
    pub components: Option<BTreeMap<String, String>>,
    /// What is to be unlocked.
    pub entitlements: Option<BTreeSet<String>>,
    /// The version that asks. Looking it up is two reads more; `checksum` is looked for among all releases.
    #[schema(max_length = 64, example = "1.2.0")]
    pub version: Option<String>,
    /// SHA-256 of the package that it came in, in hexadecimal.
    #[schema(min_length = 64, max_length = 64)]
    pub checksum: Option<String>,
}

/// Longer than any version number is.
const MAX_VERSION_CHARS: usize = 64;

impl Validate for AskWhetherValid {
    fn validate(&self) -> Vec<FieldError> {
        let too_many = |pointer: &str, named: Option<usize>| {
            let flaw = || FieldError::new(pointer, format!("names at most {MAX_NAMED}"));
            named.is_some_and(|named| named > MAX_NAMED).then(flaw)
        };
        let components = too_many("/components", self.components.as_ref().map(BTreeMap::len));
        let entitlements = too_many("/entitlements", self.entitlements.as_ref().map(BTreeSet::len));
        let version = self
            .version
            .as_ref()
            .is_some_and(|version| version.chars().count() > MAX_VERSION_CHARS);
        let version = version.then(|| {
            let detail = format!("must be at most {MAX_VERSION_CHARS} characters long");
            FieldError::new("/version", detail)
        });
        let is_sha256 = |text: &String| text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
        let checksum = self.checksum.as_ref().is_some_and(|checksum| !is_sha256(checksum));
        let checksum = checksum.then(|| FieldError::new("/checksum", "must be 64 hexadecimal digits"));
        components
            .into_iter()
            .chain(entitlements)
            .chain(version)
            .chain(checksum)
            .collect()
    }
}

impl AskWhetherValid {
    /// What it claims; `version` and `checksum` as the listing's releases say.
    pub(crate) fn scope(self, version: Option<Release>, checksum: Option<Release>) -> Scope {
        let asked = self;
        Scope {
            product: asked.product,
            policy: asked.policy,
            user: asked.user,
            machine: asked.machine,
            fingerprint: asked.fingerprint,
            components: asked.components.map(|named| named.into_values().collect()),
            version,
            checksum,
            entitlements: asked.entitlements,
        }
    }
}

/// Whether the licence is valid now. `code` is the first of `/v1/validation-codes` that applies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValidationView {
    pub valid: bool,
    pub code: ValidationCode,
    /// The same in words.
    pub detail: String,
    pub licence_id: LicenceId,
    pub status: Status,
    /// `null` where a policy of the partner's own says what it allows.
    #[schema(required)]
    pub tier: Option<Preset>,
    pub policy_id: PolicyId,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// What it unlocks.
    pub entitlements: BTreeSet<String>,
    #[schema(value_type = String, format = DateTime)]
    pub checked_at: Timestamp,
}

impl ValidationView {
    pub(crate) fn of(outcome: Outcome, licence: &Licence, grant: &Grant, now: Timestamp) -> Self {
        let policy = licence.policy();
        Self {
            valid: outcome.valid,
            code: outcome.code,
            detail: outcome.detail,
            licence_id: licence.id,
            status: grant.status(now),
            tier: licence.preset(),
            policy_id: policy.id,
            expires_at: grant.expires_at,
            entitlements: policy.entitlements.union(&grant.entitlements).cloned().collect(),
            checked_at: now,
        }
    }
}

/// The codes with which validation answers, in the order in which it looks: of all that is wrong, it names the first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodesView {
    pub items: Vec<CodeView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodeView {
    pub code: ValidationCode,
    pub explanation: &'static str,
    /// Whether a licence can be valid with it, because its policy lets it pass.
    pub may_be_valid: bool,
}

impl CodesView {
    pub(crate) fn all() -> Self {
        let view = |code: ValidationCode| CodeView {
            code,
            explanation: code.explanation(),
            may_be_valid: code.may_be_valid(),
        };
        Self {
            items: ValidationCode::iter().map(view).collect(),
        }
    }
}

/// A machine that is to hold a lease.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activate {
    /// What tells the machine from others: 1 to 128 visible ASCII characters, made by the client.
    #[schema(min_length = 1, max_length = 128)]
    pub fingerprint: String,
    /// Fingerprints of its parts, by names of the client's own; at most 16.
    #[serde(default)]
    #[schema(example = json!({"cpu": "5d41402a", "disk": "7d793037"}))]
    pub components: BTreeMap<String, String>,
    /// What people call it.
    #[schema(max_length = 100, example = "Studio, left")]
    pub name: Option<String>,
    /// Who works on it, where leases are counted by user.
    pub user: Option<UserId>,
    #[serde(default)]
    pub cores: u64,
    #[serde(default)]
    pub memory_bytes: u64,
    #[serde(default)]
    pub disk_bytes: u64,
}

impl Activate {
    pub(crate) fn checked(&self) -> Result<Activation, Vec<FieldError>> {
        let (machine, mut faults) = match fingerprints(&self.fingerprint, &self.components) {
            Ok(machine) => (Some(machine), Vec::new()),
            Err(faults) => (None, faults),
        };
        if self.components.len() > MAX_COMPONENTS {
            faults.push(FieldError::new(
                "/components",
                format!("a machine has at most {MAX_COMPONENTS} components"),
            ));
        }
        let is_long = |name: &String| name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control);
        if self.name.as_ref().is_some_and(is_long) {
            faults.push(FieldError::new(
                "/name",
                format!("is one line of at most {MAX_NAME_CHARS} characters"),
            ));
        }
        match machine {
            Some((fingerprint, components)) if faults.is_empty() => Ok(Activation {
                fingerprint,
                components,
                name: self.name.clone(),
                user: self.user,
                cores: self.cores,
                memory_bytes: self.memory_bytes,
                disk_bytes: self.disk_bytes,
            }),
            _ => Err(faults),
        }
    }
}

/// The fingerprints of a machine and of its parts, or what is wrong with them.
fn fingerprints(
    machine: &str,
    components: &BTreeMap<String, String>,
) -> Result<(Fingerprint, BTreeSet<Fingerprint>), Vec<FieldError>> {
    let mut faults = Vec::new();
    let mut read = |pointer: String, text: &str| match Fingerprint::try_from(text.to_owned()) {
        Ok(fingerprint) => Some(fingerprint),
        Err(why) => {
            faults.push(FieldError::new(pointer, why.to_string()));
            None
        }
    };
    let fingerprint = read("/fingerprint".into(), machine);
    let components = components.iter();
    let components = components
        .filter_map(|(name, text)| read(format!("/components/{name}"), text))
        .collect();
    match fingerprint {
        Some(fingerprint) if faults.is_empty() => Ok((fingerprint, components)),
        _ => Err(faults),
    }
}

impl Validate for Activate {
    fn validate(&self) -> Vec<FieldError> {
        self.checked().err().unwrap_or_default()
    }
}

/// A machine that holds a lease.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MachineView {
    pub id: MachineId,
    pub fingerprint: String,
    #[schema(required)]
    pub name: Option<String>,
    pub components: Vec<String>,
    pub pulse: PulseView,
    #[schema(value_type = String, format = DateTime)]
    pub activated_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub heartbeat_at: Option<Timestamp>,
    /// It is dead unless it is heard of before; `null` where nobody waits for it.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub heartbeat_due_at: Option<Timestamp>,
}

/// What heartbeats say of a machine.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PulseView {
    NotStarted,
    Alive,
    /// It may come back within the time that the policy gives; then its lease is free.
    Dead,
}

impl MachineView {
    pub(crate) fn of(machine: &Machine, policy: &Policy, now: Timestamp) -> Self {
        let heartbeat = policy.heartbeat.as_ref();
        Self {
            id: machine.id,
            fingerprint: machine.fingerprint.to_string(),
            name: machine.name.clone(),
            components: machine.components.iter().map(ToString::to_string).collect(),
            pulse: match machine.pulse(heartbeat, now) {
                Pulse::NotStarted => PulseView::NotStarted,
                Pulse::Alive => PulseView::Alive,
                Pulse::Dead { .. } => PulseView::Dead,
            },
            activated_at: machine.activated_at,
            heartbeat_at: machine.heartbeat_at,
            heartbeat_due_at: machine.dies_at(heartbeat),
        }
    }
}

/// The machines that hold a lease of the licence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MachinesView {
    pub items: Vec<MachineView>,
    /// How many there may be; `null` for as many as there are.
    #[schema(required)]
    pub allowed: Option<u64>,
}

/// A file for when there is no connection.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateFile {
    /// Of a machine that holds a lease: the file is good on it alone. Without one it is good wherever the licence key is known.
    #[serde(default)]
    #[schema(max_length = 128)]
    pub fingerprint: Option<String>,
    /// How long it is good, in seconds: an hour at least, a month unless given; never longer than the licence.
    #[serde(default = "a_month")]
    #[schema(minimum = 3_600, maximum = 31_536_000)]
    pub ttl_seconds: u32,
    /// Whether only who knows the licence key can read it; verified it can be by everybody.
    #[serde(default = "yes")]
    pub encrypt: bool,
}

const FILE_SECONDS: std::ops::RangeInclusive<u32> = 3_600..=31_536_000;

fn a_month() -> u32 {
    30 * 24 * 3_600
}

fn yes() -> bool {
    true
}

impl Validate for CreateFile {
    fn validate(&self) -> Vec<FieldError> {
        let (shortest, longest) = (FILE_SECONDS.start(), FILE_SECONDS.end());
        let flaw = || FieldError::new("/ttl_seconds", format!("must be from {shortest} to {longest}"));
        (!FILE_SECONDS.contains(&self.ttl_seconds))
            .then(flaw)
            .into_iter()
            .collect()
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileView {
    /// To be kept as it is.
    #[schema(example = "-----BEGIN LICENSE FILE-----\n…\n-----END LICENSE FILE-----\n")]
    pub file: String,
    /// The key of `/v1/signing-keys` that has signed it.
    pub key_id: String,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// An operator's decision about a licence.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideLicence {
    pub decision: StandingAct,
    pub reason_code: StandingReason,
    /// For the audit log.
    #[schema(min_length = 1, max_length = 2_000)]
    pub note: String,
}

impl Validate for DecideLicence {
    fn validate(&self) -> Vec<FieldError> {
        note(&self.note).into_iter().collect()
    }
}

/// What is wrong with a note for the audit log.
fn note(text: &str) -> Option<FieldError> {
    let fits = (1..=MAX_NOTE_CHARS).contains(&text.trim().chars().count());
    (!fits).then(|| FieldError::new("/note", format!("must have 1 to {MAX_NOTE_CHARS} characters")))
}

/// What a decision has made of a licence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StandingView {
    pub licence_id: LicenceId,
    pub status: Status,
    pub machines: usize,
}
