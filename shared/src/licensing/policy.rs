//! What the licences of one kind allow: limits, terms, heartbeats, and what a request for validation must tell.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter};

use crate::ids::PolicyId;

/// A licence is read whole, with all its machines: this many of them stay far below what one query returns.
pub const MAX_MACHINES: u64 = 1_000;
/// Processes are read with their licence, as machines are.
pub const MAX_PROCESSES: u64 = 1_000;
/// Seats are ids in one item of at most 400 KiB.
pub const MAX_USERS: u64 = 5_000;
/// A ping a minute is what clients and the table bear; what needs to be noticed sooner is not a licence.
pub const MIN_HEARTBEAT_SECONDS: u64 = 60;
const MINUTE: u64 = 60;
pub(super) const DAY: u64 = 24 * 60 * MINUTE;
const MAX_HEARTBEAT_SECONDS: u64 = 30 * DAY;
/// A hundred years: whoever means "for ever" leaves the duration out.
const MAX_TERM_SECONDS: u64 = 36_525 * DAY;
const MAX_TRIAL_SECONDS: u64 = 366 * DAY;
const MAX_GRACE_SECONDS: u64 = 366 * DAY;
const MAX_CHECK_IN_EVERY: u16 = 365;
const MAX_NAME_CHARS: usize = 80;
const MAX_ENTITLEMENTS: usize = 100;
const MAX_ENTITLEMENT_CHARS: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub id: PolicyId,
    pub name: String,
    /// Whether a licence without a machine, or beyond its limits, fails validation. Operations keep to the limits either way.
    pub strict: bool,
    /// Whether machines take turns. Without it the licence is locked to one machine, whatever the limits say.
    pub floating: bool,
    pub limits: Limits,
    pub overage: Overage,
    pub expiry: Expiry,
    pub heartbeat: Option<Heartbeat>,
    pub check_in: Option<CheckIn>,
    /// Without it there are no trials under this policy.
    pub trial: Option<TrialTerms>,
    pub uniqueness: Uniqueness,
    pub matching: Matching,
    pub machine_leasing: MachineLeasing,
    pub process_leasing: ProcessLeasing,
    /// What a request for validation must say.
    pub required: BTreeSet<RequiredScope>,
    /// Codes of what every licence of this policy unlocks.
    pub entitlements: BTreeSet<String>,
}

/// How many of each there may be; nothing said means no limit of the policy's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub machines: Option<u64>,
    pub cores: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub disk_bytes: Option<u64>,
    pub processes: Option<u64>,
    pub users: Option<u64>,
    pub uses: Option<u64>,
}

/// What is counted, in the order in which validation looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display, EnumIter)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Resource {
    Machines,
    Cores,
    /// In bytes.
    Memory,
    /// In bytes.
    Disk,
    Processes,
    Users,
    Uses,
}

/// How far beyond a limit a licence may go; validation then succeeds and says which limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Overage {
    None,
    #[serde(rename = "allow_1_25x")]
    #[strum(serialize = "allow_1_25x")]
    OneAndAQuarter,
    #[serde(rename = "allow_1_5x")]
    #[strum(serialize = "allow_1_5x")]
    OneAndAHalf,
    #[serde(rename = "allow_2x")]
    #[strum(serialize = "allow_2x")]
    Double,
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// Nothing: for ever, unless a subscription sets the day.
    pub duration_seconds: Option<u64>,
    pub basis: Basis,
    pub strategy: ExpiryStrategy,
    /// For so long after its expiry a licence validates as before, with the code `EXPIRED`.
    pub grace_seconds: u64,
}

/// What starts the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Basis {
    Creation,
    FirstValidation,
    FirstActivation,
    FirstDownload,
    FirstUse,
}

/// What is left of a licence that has expired. None of it is for trials: a trial that has run out is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ExpiryStrategy {
    /// It does not validate; what was released before it expired can still be downloaded.
    Restrict,
    /// It does not validate, and nothing can be downloaded.
    Revoke,
    /// It validates for versions that were released before it expired, and they can be downloaded.
    Maintain,
    /// It validates and downloads everything.
    Allow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// A machine or process that is not heard of for so long is dead. At least [`MIN_HEARTBEAT_SECONDS`].
    pub duration_seconds: u64,
    pub basis: HeartbeatBasis,
    /// Whether a machine must have begun to send heartbeats to validate.
    pub required: bool,
    pub dead: DeadStrategy,
    pub resurrection: Resurrection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HeartbeatBasis {
    /// The activation is the first heartbeat: who crashes right after it gives the lease back as well.
    Creation,
    /// Nobody waits for a heartbeat before the first one.
    FirstPing,
}

/// What becomes of the dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeadStrategy {
    /// They are deactivated when they can no longer be revived, which frees their lease.
    Cull,
    /// They keep their lease until somebody deactivates them.
    Keep,
}

/// How long a heartbeat brings a dead machine back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Resurrection {
    Never,
    /// Counted from its death.
    Within {
        seconds: u64,
    },
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIn {
    pub interval: Interval,
    /// 2 with [`Interval::Week`]: every second week.
    pub every: u16,
}

/// Counted on the calendar in UTC: a month after 31 January is 28 or 29 February.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Interval {
    Day,
    Week,
    Month,
    Year,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialTerms {
    pub duration_seconds: u64,
}

/// Within what a fingerprint may be active only once. `Account` is everything that one partner sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Uniqueness {
    Licence,
    Policy,
    Product,
    Account,
}

/// How many of the components that a request names must be the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Matching {
    Any,
    Two,
    /// More than half.
    Most,
    All,
}

/// Who shares the limits of machines, cores, memory and disk. Machines without a user share among themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MachineLeasing {
    Licence,
    User,
}

/// Who shares the limit of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ProcessLeasing {
    Machine,
    Licence,
    User,
}

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RequiredScope {
    Product,
    Policy,
    User,
    Machine,
    Fingerprint,
    Components,
    Version,
    Checksum,
    Entitlements,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// JSON pointer from the policy's own root.
    pub pointer: String,
    pub detail: String,
}

impl Flaw {
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

impl Overage {
    /// The most there may be where the limit is `limit`, rounded down; nothing where there is no end.
    pub fn allows(self, limit: u64) -> Option<u64> {
        match self {
            Self::None => Some(limit),
            Self::OneAndAQuarter => Some(limit.saturating_add(limit / 4)),
            Self::OneAndAHalf => Some(limit.saturating_add(limit / 2)),
            Self::Double => Some(limit.saturating_mul(2)),
            Self::Always => None,
        }
    }
}

impl Matching {
    /// Whether `matched` of `named` components are enough.
    pub fn accepts(self, matched: usize, named: usize) -> bool {
        match self {
            Self::Any => matched >= 1,
            Self::Two => matched >= 2,
            Self::Most => 2 * matched > named,
            Self::All => matched >= 1 && matched == named,
        }
    }
}

impl Limits {
    pub fn of(&self, resource: Resource) -> Option<u64> {
        match resource {
            Resource::Machines => self.machines,
            Resource::Cores => self.cores,
            Resource::Memory => self.memory_bytes,
            Resource::Disk => self.disk_bytes,
            Resource::Processes => self.processes,
            Resource::Users => self.users,
            Resource::Uses => self.uses,
        }
    }

    /// Everything that is wrong with them, with pointers that begin with `root`.
    pub fn flaws(&self, root: &str) -> Vec<Flaw> {
        let fields = [
            ("machines", self.machines, MAX_MACHINES),
            ("cores", self.cores, u64::MAX),
            ("memory_bytes", self.memory_bytes, u64::MAX),
            ("disk_bytes", self.disk_bytes, u64::MAX),
            ("processes", self.processes, MAX_PROCESSES),
            ("users", self.users, MAX_USERS),
            ("uses", self.uses, u64::MAX),
        ];
        let mut flaws = Vec::new();
        for (field, limit, most) in fields {
            check_optional(&mut flaws, format!("{root}/{field}"), limit, 1, most);
        }
        flaws
    }
}

impl Policy {
    pub fn requires(&self, scope: RequiredScope) -> bool {
        self.required.contains(&scope)
    }

    /// Everything that keeps this policy from being used.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let chars = self.name.chars().count();
        if self.name.trim() != self.name || self.name.chars().any(char::is_control) {
            flaws.push(Flaw::new("/name", "must be one line without white space at either end"));
        } else if !(1..=MAX_NAME_CHARS).contains(&chars) {
            let detail = format!("must be between 1 and {MAX_NAME_CHARS} characters long, not {chars}");
            flaws.push(Flaw::new("/name", detail));
        }
        flaws.extend(self.limits.flaws("/limits"));
        if !self.floating && self.limits.machines.is_some_and(|most| most != 1) {
            flaws.push(Flaw::new(
                "/limits/machines",
                "must be 1, or left out, where the licence does not float",
            ));
        }
        self.check_times(&mut flaws);
        self.check_scopes(&mut flaws);
        flaws
    }

    fn check_times(&self, flaws: &mut Vec<Flaw>) {
        let Expiry {
            duration_seconds,
            grace_seconds,
            ..
        } = self.expiry;
        check_optional(
            flaws,
            "/expiry/duration_seconds",
            duration_seconds,
            MINUTE,
            MAX_TERM_SECONDS,
        );
        check_range(flaws, "/expiry/grace_seconds", grace_seconds, 0, MAX_GRACE_SECONDS);
        if let Some(heartbeat) = &self.heartbeat {
            let duration = heartbeat.duration_seconds;
            check_range(
                flaws,
                "/heartbeat/duration_seconds",
                duration,
                MIN_HEARTBEAT_SECONDS,
                MAX_HEARTBEAT_SECONDS,
            );
            match (heartbeat.resurrection, heartbeat.dead) {
                (Resurrection::Always, DeadStrategy::Cull) => flaws.push(Flaw::new(
                    "/heartbeat/resurrection",
                    "must not be `always` where the dead are culled: their lease would never be free",
                )),
                (Resurrection::Within { seconds }, _) => check_range(
                    flaws,
                    "/heartbeat/resurrection/seconds",
                    seconds,
                    1,
                    MAX_HEARTBEAT_SECONDS,
                ),
                _ => {}
            }
        }
        if let Some(check_in) = self.check_in {
            let every = u64::from(check_in.every);
            check_range(flaws, "/check_in/every", every, 1, u64::from(MAX_CHECK_IN_EVERY));
        }
        if let Some(trial) = self.trial {
            check_range(
                flaws,
                "/trial/duration_seconds",
                trial.duration_seconds,
                MINUTE,
                MAX_TRIAL_SECONDS,
            );
        }
    }

    fn check_scopes(&self, flaws: &mut Vec<Flaw>) {
        if self.requires(RequiredScope::Components)
            && !self.requires(RequiredScope::Fingerprint)
            && !self.requires(RequiredScope::Machine)
        {
            flaws.push(Flaw::new(
                "/required",
                "must have `fingerprint` or `machine` with `components`: they are compared with one machine's",
            ));
        }
        if self.entitlements.len() > MAX_ENTITLEMENTS {
            let detail = format!("must be at most {MAX_ENTITLEMENTS} entitlements");
            flaws.push(Flaw::new("/entitlements", detail));
        }
        for (index, code) in self.entitlements.iter().enumerate().take(MAX_ENTITLEMENTS) {
            if !is_entitlement(code) {
                let detail = format!(
                    "must be 1 to {MAX_ENTITLEMENT_CHARS} letters without accents, digits, `-`, `_`, `.` or `:`"
                );
                flaws.push(Flaw::new(format!("/entitlements/{index}"), detail));
            }
        }
    }
}

/// Whether a text can be the code of an entitlement.
pub fn is_entitlement(code: &str) -> bool {
    let simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    (1..=MAX_ENTITLEMENT_CHARS).contains(&code.len()) && code.chars().all(simple)
}

fn check_optional(flaws: &mut Vec<Flaw>, pointer: impl Into<String>, value: Option<u64>, least: u64, most: u64) {
    if let Some(value) = value {
        check_range(flaws, pointer, value, least, most);
    }
}

fn check_range(flaws: &mut Vec<Flaw>, pointer: impl Into<String>, value: u64, least: u64, most: u64) {
    if value < least {
        flaws.push(Flaw::new(pointer, format!("must be at least {least}, not {value}")));
    } else if value > most {
        flaws.push(Flaw::new(pointer, format!("must be at most {most}, not {value}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licensing::sample;

    #[track_caller]
    fn check(change: impl Fn(&mut Policy), pointers: &[&str]) {
        let mut policy = sample::policy();
        change(&mut policy);
        let flaws = policy.flaws();
        let found: Vec<_> = flaws.iter().map(|flaw| flaw.pointer.as_str()).collect();
        assert_eq!(found, pointers, "{flaws:?}");
    }

    fn beating(change: impl Fn(&mut Heartbeat)) -> impl Fn(&mut Policy) {
        move |policy| {
            let mut heartbeat = sample::heartbeat();
            change(&mut heartbeat);
            policy.heartbeat = Some(heartbeat);
        }
    }

    #[test]
    fn every_flaw_names_its_field() {
        check(|_| {}, &[]);
        check(|p| p.name = String::new(), &["/name"]);
        check(|p| p.name = " x".into(), &["/name"]);
        check(|p| p.name = "x".repeat(81), &["/name"]);
        check(|p| p.limits.machines = Some(0), &["/limits/machines"]);
        check(|p| p.limits.machines = Some(1_001), &["/limits/machines"]);
        check(|p| p.limits.processes = Some(0), &["/limits/processes"]);
        check(|p| p.limits.users = Some(5_001), &["/limits/users"]);
        check(|p| p.limits.uses = Some(0), &["/limits/uses"]);
        check(|p| p.limits.cores = Some(0), &["/limits/cores"]);
        check(|p| p.floating = false, &["/limits/machines"]);
        check(|p| (p.floating, p.limits.machines) = (false, Some(1)), &[]);
        check(|p| p.expiry.duration_seconds = Some(59), &["/expiry/duration_seconds"]);
        check(
            |p| p.expiry.duration_seconds = Some(u64::MAX),
            &["/expiry/duration_seconds"],
        );
        check(|p| p.expiry.grace_seconds = 400 * DAY, &["/expiry/grace_seconds"]);
        check(
            |p| p.trial = Some(TrialTerms { duration_seconds: 0 }),
            &["/trial/duration_seconds"],
        );
        let rarely = CheckIn {
            interval: Interval::Week,
            every: 0,
        };
        check(|p| p.check_in = Some(rarely), &["/check_in/every"]);
        check(|p| _ = p.entitlements.insert("two words".into()), &["/entitlements/0"]);
        check(|p| _ = p.entitlements.insert(String::new()), &["/entitlements/0"]);
        check(
            |p| p.entitlements.extend((0..101).map(|n| format!("e{n}"))),
            &["/entitlements"],
        );
        check(|p| p.required = [RequiredScope::Components].into(), &["/required"]);
    }

    #[test]
    fn heartbeats_are_neither_hasty_nor_endless() {
        check(beating(|_| {}), &[]);
        check(beating(|h| h.duration_seconds = 60), &[]);
        check(beating(|h| h.duration_seconds = 59), &["/heartbeat/duration_seconds"]);
        check(
            beating(|h| h.resurrection = Resurrection::Within { seconds: 0 }),
            &["/heartbeat/resurrection/seconds"],
        );
        check(
            beating(|h| h.resurrection = Resurrection::Always),
            &["/heartbeat/resurrection"],
        );
        check(
            beating(|h| (h.resurrection, h.dead) = (Resurrection::Always, DeadStrategy::Keep)),
            &[],
        );
    }

    #[test]
    fn overage_is_rounded_down_and_never_overflows() {
        let of = |limit| {
            [
                Overage::None,
                Overage::OneAndAQuarter,
                Overage::OneAndAHalf,
                Overage::Double,
            ]
            .map(|overage| overage.allows(limit).expect("an end"))
        };
        assert_eq!(of(1), [1, 1, 1, 2]);
        assert_eq!(of(10), [10, 12, 15, 20]);
        assert_eq!(of(u64::MAX), [u64::MAX; 4]);
        assert_eq!(Overage::Always.allows(1), None);
    }

    #[test]
    fn a_policy_survives_its_own_text() {
        let mut policy = sample::policy();
        policy.heartbeat = Some(sample::heartbeat());
        policy.required.insert(RequiredScope::Fingerprint);
        let text = serde_json::to_string(&policy).expect("plain data");
        assert_eq!(serde_json::from_str::<Policy>(&text).expect("its own text"), policy);
    }
}
