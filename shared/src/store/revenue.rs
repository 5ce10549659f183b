//! Rules, their schedules, and the counters of their tiers.
//!
//! A scope's schedule has all that a checkout must know of the scope, so the rules of a whole order are read in one request, and it
//! is what two operators collide on who make rules for one scope at once. The versions of a rule are kept for good beside it; they are
//! written in the schedule's transaction and guarded by its revision.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::audit::{self, Audited};
use super::keys;
use super::table::{Condition, Page, PageKey, Store, StoreError, Update, Versioned, Write};
use crate::audit::AuditEvent;
use crate::ids::RuleId;
use crate::purchase::Moved;
use crate::purchase::reversal::TurnoverChange;
use crate::revenue::{Counter, Rule, Sale, Schedule, Scope, Turnovers};

/// What an operator's act does to the rules of one scope, to be written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub rule: RuleId,
    pub schedule: Schedule,
    pub created: Vec<Rule>,
    /// Versions that end earlier than they did.
    pub shortened: Vec<Rule>,
    pub audit: AuditEvent,
}

/// All versions of a rule, oldest first; none where there is no such rule.
pub async fn versions(store: &Store, rule: RuleId) -> Result<Vec<Rule>, StoreError> {
    Ok(store.query(keys::rule_versions(rule)).await?.items)
}

/// Every version of every rule, oldest rule first. A new one may be missing for a moment: the index lags.
pub async fn all(store: &Store, limit: usize, after: Option<PageKey>) -> Result<Page<Rule>, StoreError> {
    let found = store.query_keys(keys::rules_by_age().limit(limit).after(after)).await?;
    let items = if found.items.is_empty() {
        Vec::new()
    } else {
        store.get_many(&found.items).await?
    };
    Ok(Page {
        items,
        next: found.next,
    })
}

pub async fn schedule(store: &Store, scope: &Scope) -> Result<Option<Versioned<Schedule>>, StoreError> {
    store.get(&keys::schedule(scope)).await
}

/// Every rule that is scheduled for a scope that one of the sales is in, as it is at this moment: nothing is remembered between two
/// checkouts, so that a rule applies to the first order after it was made.
pub async fn scheduled(store: &Store, sales: &[Sale]) -> Result<Vec<Rule>, StoreError> {
    let scopes: BTreeSet<Scope> = sales.iter().flat_map(Sale::scopes).collect();
    let keys: Vec<_> = scopes.iter().map(keys::schedule).collect();
    let schedules: Vec<Schedule> = store.get_many(&keys).await?;
    Ok(schedules.into_iter().flat_map(|schedule| schedule.rules).collect())
}

/// Writes the change, if the scope's schedule still is what it was when it was read.
pub async fn save(
    store: &Store,
    scope: &Scope,
    before: Option<&Versioned<Schedule>>,
    change: &Change,
) -> Result<(), StoreError> {
    let key = keys::schedule(scope);
    let schedule = match before {
        None => Write::create(key, &change.schedule)?,
        Some(before) => Write::replace(key, &change.schedule, before.revision)?,
    };
    let mut writes = vec![schedule];
    for rule in &change.created {
        writes.push(indexed(
            Write::create(keys::rule_version(rule.id, rule.version), rule)?,
            rule,
        ));
    }
    for rule in &change.shortened {
        writes.push(indexed(
            Write::overwrite(keys::rule_version(rule.id, rule.version), rule)?,
            rule,
        ));
    }
    writes.push(audit::entry(Audited::Rule(change.rule), &change.audit)?);
    store.transact(writes).await
}

fn indexed(write: Write, rule: &Rule) -> Write {
    write.indexed(keys::rule_by_age(rule.id, rule.version))
}

/// What has been counted, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Turnover {
    minor: i64,
}

const MINOR: &str = "minor";

/// What these counters have counted.
pub async fn turnovers(store: &Store, counters: BTreeSet<Counter>) -> Result<Turnovers, StoreError> {
    let mut turnovers = Turnovers::new();
    for counter in counters {
        if let Some(turnover) = store.get::<Turnover>(&keys::turnover(&counter)).await? {
            turnovers.insert(counter, turnover.minor.max(0));
        }
    }
    Ok(turnovers)
}

/// Moves a counter because of a sale; refused where it has moved since it was read. Only its value divides the sale, so that it does not
/// matter how it came to it.
pub fn count(moved: &Moved) -> Write {
    let unmoved = match moved.before_minor {
        // Everything that it had counted may have been given back.
        0 => Condition::Any(vec![Condition::Absent, Condition::Below(MINOR, 1)]),
        before => Condition::number(MINOR, before),
    };
    let update = Update::new().set_number(MINOR, moved.after_minor);
    Write::update(keys::turnover(&moved.counter), update).when(unmoved)
}

/// Moves a counter because money of a sale that it has counted went back, or came back. The order that this is written with says how much
/// of the sale is left, so that each cent is taken off once.
pub fn recount(change: &TurnoverChange) -> Write {
    Write::update(keys::turnover(&change.counter), Update::new().add(MINOR, change.minor))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::ids::ListingId;
    use crate::listing::ContentType;
    use crate::money::{BasisPoints, Currency};
    use crate::revenue::Figures;
    use crate::seed::Seed;

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn now() -> Timestamp {
        "2026-11-22T09:00:00Z".parse().expect("a time")
    }

    fn change(label: &str, scope: &Scope) -> Change {
        let rule = Rule {
            id: seed().id(label),
            version: 1,
            name: label.to_owned(),
            scope: scope.clone(),
            from: now(),
            until: None,
            figures: Figures::flat(BasisPoints::try_from(1000).expect("a rate")),
            preset: None,
            created_by: seed().id("operator"),
            created_at: now(),
        };
        let schedule = Schedule::default().add(std::slice::from_ref(&rule), now());
        Change {
            rule: rule.id,
            schedule: schedule.expect("the first one"),
            shortened: Vec::new(),
            audit: AuditEvent {
                id: seed().id(label),
                at: now(),
                actor: rule.created_by,
                action: "commission_rule.create".to_owned(),
                subject: rule.id.to_string(),
                reason_code: None,
                evidence: None,
            },
            created: vec![rule],
        }
    }

    #[tokio::test]
    async fn of_two_rules_made_at_once_for_one_scope_the_second_is_refused_whole() {
        let (store, scope) = (Store::memory(), Scope::Marketplace);
        let (first, second) = (change("first", &scope), change("second", &scope));
        save(&store, &scope, None, &first).await.expect("nothing is scheduled");
        let refused = save(&store, &scope, None, &second).await;
        assert!(refused.expect_err("stale").is_conflict());
        assert_eq!(versions(&store, second.rule).await.expect("memory"), []);
        let audited = async |change: &Change| {
            let found = audit::event(&store, Audited::Rule(change.rule), change.audit.id).await;
            found.expect("memory")
        };
        assert_eq!(audited(&second).await, None);
        assert_eq!(versions(&store, first.rule).await.expect("memory"), first.created);
        assert_eq!(audited(&first).await.as_ref(), Some(&first.audit));
    }

    #[tokio::test]
    async fn an_order_reads_the_rules_of_all_its_scopes_in_one_request() {
        let store = Store::memory();
        let sale = Sale {
            listing: seed().id("listing"),
            partner: seed().id("partner"),
            group: Some("gold".to_owned().try_into().expect("a group")),
            content_type: ContentType::ChordPack,
            currency: Currency::EUR,
        };
        for scope in sale.scopes() {
            save(&store, &scope, None, &change(&scope.to_string(), &scope))
                .await
                .expect("a new scope");
        }
        let other = Scope::Listing(seed().id::<ListingId>("other"));
        save(&store, &other, None, &change("other", &other))
            .await
            .expect("a new scope");
        let before = store.meter().read();
        let rules = scheduled(&store, std::slice::from_ref(&sale)).await.expect("memory");
        assert_eq!(store.meter().read().since(before).requests, 1);
        assert_eq!(rules.len(), 5);
        assert!(rules.iter().all(|rule| rule.applies(&sale, now())));
    }

    #[tokio::test]
    async fn a_counter_moves_only_from_where_it_was_read() {
        let store = Store::memory();
        let counter = Counter {
            rule: seed().id("rule"),
            subject: "ptn".to_owned(),
            period: "2026".to_owned(),
            currency: Currency::EUR,
        };
        let moved = |before_minor, after_minor| Moved {
            counter: counter.clone(),
            before_minor,
            after_minor,
        };
        for (before, after, moves) in [
            (5, 9, false),
            (0, 10, true),
            (0, 10, false),
            (9, 20, false),
            (10, 20, true),
        ] {
            let outcome = store.transact(vec![count(&moved(before, after))]).await;
            assert_eq!(outcome.is_ok(), moves, "{before} to {after}: {outcome:?}");
        }
        let read = turnovers(&store, [counter.clone()].into()).await.expect("memory");
        assert_eq!(read, [(counter, 20)].into());
    }
}
