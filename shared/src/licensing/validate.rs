//! The decision: may this copy of the software run now?

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use super::code::ValidationCode as Code;
use super::grant::{Grant, Group, Machine, Pulse, Standing, machine_group};
use super::policy::{MachineLeasing, Policy, RequiredScope, Resource};
use super::term::{Lapse, check_in_due, lapse};
use crate::ids::{ListingId, MachineId, PolicyId, UserId};

/// What the request claims of itself. What it says is checked, what it leaves out is not, unless the policy requires it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub product: Option<ListingId>,
    pub policy: Option<PolicyId>,
    pub user: Option<UserId>,
    pub machine: Option<MachineId>,
    pub fingerprint: Option<String>,
    pub components: Option<Vec<String>>,
    /// What the product's releases say of the version that asks.
    pub version: Option<Release>,
    /// What they say of the checksum of the artifact that asks.
    pub checksum: Option<Release>,
    pub entitlements: Option<BTreeSet<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The product has no such release.
    Unknown,
    Known {
        released_at: Timestamp,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Outcome {
    pub valid: bool,
    pub code: Code,
    /// The code in this case's own words; for people, not for programs.
    pub detail: String,
}

/// What one check found. Tolerated: it is said, but the licence is valid.
struct Finding {
    code: Code,
    tolerated: bool,
    detail: String,
}

struct Request<'a> {
    policy: &'a Policy,
    grant: &'a Grant,
    scope: &'a Scope,
    now: Timestamp,
    /// The one that the scope names.
    machine: Option<&'a Machine>,
}

/// In the order of [`Code`]. What is counted comes after them, in the order of [`Resource`].
const CHECKS: [fn(&Request<'_>) -> Option<Finding>; 13] = [
    standing,
    term,
    overdue,
    product,
    policy,
    user,
    machine,
    fingerprint,
    components,
    version,
    checksum,
    entitlements,
    heartbeat,
];

/// The first check that fails gives the code. If none does, the first that was tolerated gives it, and the licence is valid.
pub fn validate(policy: &Policy, grant: &Grant, scope: &Scope, now: Timestamp) -> Outcome {
    let by_fingerprint = |fingerprint: &String| grant.by_fingerprint(fingerprint);
    let request = Request {
        policy,
        grant,
        scope,
        now,
        machine: match scope.machine {
            Some(id) => grant.machines.get(&id),
            None => scope.fingerprint.as_ref().and_then(by_fingerprint),
        },
    };
    let counted = policy.strict.then_some(()).into_iter().flat_map(|()| {
        let limits = Resource::iter().map(|resource| limit(&request, resource));
        std::iter::once(no_machine(&request)).chain(limits)
    });
    let mut noted = None;
    for finding in CHECKS.iter().map(|check| check(&request)).chain(counted).flatten() {
        if !finding.tolerated {
            return Outcome::of(finding);
        }
        noted.get_or_insert(finding);
    }
    noted.map_or_else(
        || Outcome {
            valid: true,
            code: Code::Valid,
            detail: "is valid".into(),
        },
        Outcome::of,
    )
}

impl Outcome {
    /// The answer to a key that opens nothing.
    pub fn not_found() -> Self {
        Self::of(failed(Code::NotFound, "does not exist"))
    }

    fn of(finding: Finding) -> Self {
        Self {
            valid: finding.tolerated,
            code: finding.code,
            detail: finding.detail,
        }
    }
}

fn failed(code: Code, detail: impl Into<String>) -> Finding {
    Finding {
        code,
        tolerated: false,
        detail: detail.into(),
    }
}

fn noted(code: Code, detail: impl Into<String>) -> Finding {
    Finding {
        tolerated: true,
        ..failed(code, detail)
    }
}

fn standing(request: &Request<'_>) -> Option<Finding> {
    match request.grant.standing {
        Standing::Good => None,
        Standing::Banned { .. } => Some(failed(Code::Banned, "is banned")),
        Standing::Revoked { .. } => Some(failed(Code::Revoked, "is revoked")),
        Standing::Suspended { .. } => Some(failed(Code::Suspended, "is suspended")),
    }
}

impl Request<'_> {
    /// When what asks was released, as far as it says so; the later moment where version and checksum disagree.
    fn released_at(&self) -> Option<Timestamp> {
        [self.scope.version, self.scope.checksum]
            .into_iter()
            .filter_map(|release| match release {
                Some(Release::Known { released_at }) => Some(released_at),
                _ => None,
            })
            .max()
    }

    fn lapse(&self) -> Lapse {
        lapse(self.policy, self.grant, self.now)
    }
}

fn term(request: &Request<'_>) -> Option<Finding> {
    match request.lapse() {
        Lapse::Current => None,
        Lapse::Tolerated => Some(noted(Code::Expired, "is expired, and may still be used")),
        Lapse::Maintained { expired_at } => {
            let too_new = request.released_at().is_some_and(|released| released >= expired_at);
            Some(if too_new {
                failed(Code::Expired, "expired before this version was released")
            } else {
                noted(Code::Expired, "is expired, and valid for what was released before")
            })
        }
        Lapse::Over => Some(failed(Code::Expired, "is expired")),
    }
}

fn overdue(request: &Request<'_>) -> Option<Finding> {
    let due = check_in_due(request.policy, request.grant)?;
    (due <= request.now).then(|| failed(Code::Overdue, format!("should have checked in by {due}")))
}

/// A scope that is one id: it must be there if it is required, and be the right one if it is there.
fn is_scope<T: Copy>(
    request: &Request<'_>,
    (required, given): (RequiredScope, Option<T>),
    fits: impl Fn(T) -> bool,
    (missing, wrong): (Code, Code),
) -> Option<Finding> {
    match given {
        None if request.policy.requires(required) => Some(failed(missing, format!("scope {required} is required"))),
        Some(given) if !fits(given) => Some(failed(wrong, format!("scope {required} does not match"))),
        _ => None,
    }
}

fn product(request: &Request<'_>) -> Option<Finding> {
    let codes = (Code::ProductScopeRequired, Code::ProductScopeMismatch);
    let given = (RequiredScope::Product, request.scope.product);
    is_scope(request, given, |id| id == request.grant.product, codes)
}

fn policy(request: &Request<'_>) -> Option<Finding> {
    let codes = (Code::PolicyScopeRequired, Code::PolicyScopeMismatch);
    let given = (RequiredScope::Policy, request.scope.policy);
    is_scope(request, given, |id| id == request.grant.policy, codes)
}

fn user(request: &Request<'_>) -> Option<Finding> {
    let codes = (Code::UserScopeRequired, Code::UserScopeMismatch);
    let given = (RequiredScope::User, request.scope.user);
    // A machine that is leased to somebody is not for others.
    let leased_to = request.machine.and_then(|machine| machine.user);
    let leased_to = leased_to.filter(|_| request.policy.machine_leasing == MachineLeasing::User);
    let fits = |id| request.grant.serves(id) && leased_to.is_none_or(|user| user == id);
    is_scope(request, given, fits, codes)
}

fn machine(request: &Request<'_>) -> Option<Finding> {
    let codes = (Code::MachineScopeRequired, Code::MachineScopeMismatch);
    let given = (RequiredScope::Machine, request.scope.machine);
    is_scope(request, given, |id| request.grant.machines.contains_key(&id), codes)
}

fn fingerprint(request: &Request<'_>) -> Option<Finding> {
    let Some(given) = &request.scope.fingerprint else {
        let compares = request.scope.components.is_some() && request.machine.is_none();
        let required = compares || request.policy.requires(RequiredScope::Fingerprint);
        return required.then(|| failed(Code::FingerprintScopeRequired, "scope fingerprint is required"));
    };
    if given.trim().is_empty() {
        return Some(failed(Code::FingerprintScopeEmpty, "scope fingerprint is empty"));
    }
    let is_it = request
        .machine
        .is_some_and(|machine| machine.fingerprint.as_str() == given);
    (!is_it).then(|| {
        failed(
            Code::FingerprintScopeMismatch,
            "is not active on the machine with this fingerprint",
        )
    })
}

fn components(request: &Request<'_>) -> Option<Finding> {
    let Some(given) = &request.scope.components else {
        let required = request.policy.requires(RequiredScope::Components);
        return required.then(|| failed(Code::ComponentsScopeRequired, "scope components is required"));
    };
    let named: BTreeSet<_> = given.iter().filter(|one| !one.trim().is_empty()).collect();
    if named.is_empty() {
        return Some(failed(Code::ComponentsScopeEmpty, "scope components is empty"));
    }
    let known = |one: &str| {
        let machine = request.machine.map(|machine| &machine.components);
        machine.is_some_and(|components| components.iter().any(|component| component.as_str() == one))
    };
    let matched = named.iter().filter(|one| known(one)).count();
    let (matching, of) = (request.policy.matching, named.len());
    (!matching.accepts(matched, of)).then(|| {
        let detail = format!("{matched} of {of} components match, which is not enough for `{matching}`");
        failed(Code::ComponentsScopeMismatch, detail)
    })
}

fn version(request: &Request<'_>) -> Option<Finding> {
    let must_date = matches!(request.lapse(), Lapse::Maintained { .. }) && request.released_at().is_none();
    match request.scope.version {
        None if must_date || request.policy.requires(RequiredScope::Version) => {
            Some(failed(Code::VersionScopeRequired, "scope version is required"))
        }
        Some(Release::Unknown) => Some(failed(
            Code::VersionScopeMismatch,
            "the product has no release of this version",
        )),
        _ => None,
    }
}

fn checksum(request: &Request<'_>) -> Option<Finding> {
    match request.scope.checksum {
        None if request.policy.requires(RequiredScope::Checksum) => {
            Some(failed(Code::ChecksumScopeRequired, "scope checksum is required"))
        }
        Some(Release::Unknown) => Some(failed(
            Code::ChecksumScopeMismatch,
            "no released artifact has this checksum",
        )),
        _ => None,
    }
}

fn entitlements(request: &Request<'_>) -> Option<Finding> {
    let Some(given) = &request.scope.entitlements else {
        let required = request.policy.requires(RequiredScope::Entitlements);
        return required.then(|| failed(Code::EntitlementsScopeRequired, "scope entitlements is required"));
    };
    if given.is_empty() {
        return Some(failed(Code::EntitlementsScopeEmpty, "scope entitlements is empty"));
    }
    let has =
        |code: &&String| request.policy.entitlements.contains(*code) || request.grant.entitlements.contains(*code);
    let missing: Vec<_> = given.iter().filter(|code| !has(code)).map(String::as_str).collect();
    (!missing.is_empty()).then(|| failed(Code::EntitlementsMissing, format!("lacks {}", missing.join(", "))))
}

/// Of the machine that asks; where it does not say which, one machine of the licence must be alive if there are any.
fn heartbeat(request: &Request<'_>) -> Option<Finding> {
    let heartbeat = request.policy.heartbeat.as_ref()?;
    let pulse = |machine: &Machine| machine.pulse(Some(heartbeat), request.now);
    let (pulses, whose): (Vec<_>, _) = match request.machine {
        Some(machine) => (vec![pulse(machine)], "the machine's heart"),
        None => {
            let holding = request.grant.holding(request.policy, request.now);
            (holding.map(pulse).collect(), "every machine's heart")
        }
    };
    if pulses.is_empty() || pulses.contains(&Pulse::Alive) {
        return None;
    }
    if pulses.contains(&Pulse::NotStarted) {
        let detail = format!("{whose} has not begun to beat");
        return heartbeat.required.then(|| failed(Code::HeartbeatNotStarted, detail));
    }
    Some(failed(Code::HeartbeatDead, format!("{whose} has stopped")))
}

fn no_machine(request: &Request<'_>) -> Option<Finding> {
    if request.grant.holding(request.policy, request.now).next().is_some() {
        return None;
    }
    Some(if request.policy.floating {
        failed(Code::NoMachines, "is not active on any machine")
    } else {
        failed(Code::NoMachine, "is not active on its machine")
    })
}

/// Of the group that asks; where it does not say who, of the fullest one.
fn limit(request: &Request<'_>, resource: Resource) -> Option<Finding> {
    let limit = request.grant.limit(request.policy, resource)?;
    let usage = request.grant.usage(request.policy, resource, request.now);
    let used = match group(request, resource) {
        Some(group) => usage.get(&group).copied(),
        None => usage.into_values().max(),
    };
    let used = used.filter(|used| *used > limit)?;
    let detail = format!("uses {used} {resource} of {limit}");
    let within = request.policy.overage.allows(limit).is_none_or(|most| used <= most);
    Some(if within {
        noted(Code::too_many(resource), detail)
    } else {
        failed(Code::too_many(resource), detail)
    })
}

fn group(request: &Request<'_>, resource: Resource) -> Option<Group> {
    match (resource, request.machine) {
        (Resource::Users | Resource::Uses, _) => Some(Group::Licence),
        (Resource::Processes, Some(machine)) => Some(request.grant.process_group(request.policy, machine.id)),
        (Resource::Processes, None) => None,
        (_, Some(machine)) => Some(machine_group(request.policy, machine.user)),
        (_, None) => request.scope.user.map(|user| machine_group(request.policy, Some(user))),
    }
}
