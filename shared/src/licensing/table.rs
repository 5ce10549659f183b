//! The decision as a table: one line for each situation, with the code that it must get.

mod lines;
mod operations;
mod setup;

use std::collections::BTreeSet;

use strum::IntoEnumIterator;

use super::code::ValidationCode as Code;
use super::validate::{Outcome, validate};
use lines::LINES;
use setup::Setup;

/// What the situation is, the answer, and how it comes about.
type Line = (&'static str, bool, Code, Change);

type Change = fn(Setup) -> Setup;

fn answer(change: Change) -> Outcome {
    let setup = change(Setup::new());
    assert_eq!(setup.policy.flaws(), Vec::new(), "a policy that cannot be");
    validate(&setup.policy, &setup.grant, &setup.scope, setup.now)
}

#[test]
fn every_line_gets_its_code() {
    let wrong: Vec<_> = LINES
        .iter()
        .filter_map(|(name, valid, code, change)| {
            let outcome = answer(*change);
            let right = (outcome.valid, outcome.code) == (*valid, *code) && !outcome.detail.is_empty();
            (!right).then(|| format!("{name}: expected {valid} {code}, got {outcome:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} lines:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_has_every_code_and_no_line_twice() {
    let shown: BTreeSet<_> = LINES.iter().map(|(_, _, code, _)| *code).collect();
    let all: BTreeSet<_> = Code::iter().filter(|code| *code != Code::NotFound).collect();
    assert_eq!(shown, all, "`NOT_FOUND` has no licence to begin with");
    assert_eq!(Outcome::not_found().code, Code::NotFound);
    let names: BTreeSet<_> = LINES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names.len(), LINES.len());
    assert!(LINES.len() >= 150, "{} lines", LINES.len());
}

#[test]
fn only_codes_that_can_be_tolerated_are_valid() {
    for (name, valid, code, _) in LINES {
        assert!(!valid || code.may_be_valid(), "{name}");
    }
    let tolerated: BTreeSet<_> = LINES.iter().filter(|line| line.1).map(|line| line.2).collect();
    let could: BTreeSet<_> = Code::iter().filter(|code| code.may_be_valid()).collect();
    assert_eq!(tolerated, could, "each of them is shown");
}

#[test]
fn codes_have_one_name_and_an_explanation() {
    for code in Code::iter() {
        assert_eq!(code.name().parse(), Ok(code));
        let json = serde_json::to_string(&code).expect("a plain name");
        assert_eq!(json, format!("\"{}\"", code.name()));
        assert!(code.explanation().ends_with('.'), "{code}");
    }
    let texts: BTreeSet<_> = Code::iter().map(Code::explanation).collect();
    assert_eq!(texts.len(), Code::iter().count());
}

/// One thing each that is wrong, independent of the others, in the order of precedence.
const WRONGS: [(Code, Change); 24] = [
    (Code::Suspended, Setup::suspended),
    (Code::Expired, |s| s.expires(0)),
    (Code::Overdue, |s| s.daily_check_in(-2)),
    (Code::ProductScopeMismatch, |s| {
        s.scope(|x| x.product = Some(setup::other()))
    }),
    (Code::PolicyScopeRequired, |s| s.requires("policy")),
    (Code::UserScopeMismatch, |s| s.scope(|x| x.user = Some(setup::other()))),
    (Code::MachineScopeRequired, |s| s.requires("machine")),
    (Code::FingerprintScopeRequired, |s| s.requires("fingerprint")),
    (Code::ComponentsScopeEmpty, |s| {
        s.scope(|x| x.components = Some(vec![])).asking("a")
    }),
    (Code::VersionScopeRequired, |s| s.requires("version")),
    (Code::VersionScopeMismatch, |s| s.version(None)),
    (Code::ChecksumScopeRequired, |s| s.requires("checksum")),
    (Code::ChecksumScopeMismatch, |s| s.checksum(None)),
    (Code::EntitlementsScopeRequired, |s| s.requires("entitlements")),
    (Code::EntitlementsMissing, |s| s.wants(&["video"])),
    (Code::HeartbeatDead, |s| s.kept_heartbeat().at(3_600)),
    (Code::TooManyMachines, |s| s.limit(|l| l.machines = Some(1))),
    (Code::TooManyCores, |s| s.limit(|l| l.cores = Some(7))),
    (Code::TooMuchMemory, |s| s.limit(|l| l.memory_bytes = Some(15))),
    (Code::TooMuchDisk, |s| s.limit(|l| l.disk_bytes = Some(31))),
    (Code::TooManyProcesses, |s| {
        s.runs("a", 2).limit(|l| l.processes = Some(1))
    }),
    (Code::TooManyUsers, |s| s.users(2).limit(|l| l.users = Some(1))),
    (Code::TooManyUses, |s| s.uses(2).limit(|l| l.uses = Some(1))),
    (Code::Valid, |s| s),
];

#[test]
fn of_two_things_that_are_wrong_the_earlier_one_is_named() {
    assert!(WRONGS.is_sorted_by_key(|(code, _)| *code));
    for (i, (first, change)) in WRONGS.iter().enumerate() {
        for (second, other) in &WRONGS[i..] {
            // A scope that is there is not missing; a component without a machine is another matter.
            let clash = |a: Code, b: Code| (*first, *second) == (a, b);
            if clash(Code::VersionScopeRequired, Code::VersionScopeMismatch)
                || clash(Code::ChecksumScopeRequired, Code::ChecksumScopeMismatch)
                || clash(Code::EntitlementsScopeRequired, Code::EntitlementsMissing)
                || clash(Code::FingerprintScopeRequired, Code::ComponentsScopeEmpty)
            {
                continue;
            }
            let setup = other(change(Setup::new().active("a").active("b")));
            let outcome = validate(&setup.policy, &setup.grant, &setup.scope, setup.now);
            assert_eq!(outcome.code, *first, "{first} and {second}: {}", outcome.detail);
        }
    }
}
