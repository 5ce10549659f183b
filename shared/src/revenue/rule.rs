//! Rules, and the schedule that keeps those of one scope apart.
//!
//! A rule is a chain of versions, each with its own period and figures. A version's figures are never changed; what may change is its
//! end, which a later version or the rule's own end brings forward. All versions of a scope that are not over stand in its
//! [`Schedule`]: no two of them may apply to the same sale, so that a tie cannot come up when something is sold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::scope::{Sale, Scope};
use super::{Referrers, RuleRef, Terms};
use crate::ids::{RuleId, UserId};

/// They are read whole for every order that is in the scope.
const MAX_SCHEDULED: usize = 50;

/// One version of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub id: RuleId,
    /// From 1 on.
    pub version: u32,
    pub name: String,
    pub scope: Scope,
    pub from: Timestamp,
    /// The first moment at which it no longer applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    pub figures: Figures,
    /// The preset that the figures come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    pub created_by: UserId,
    pub created_at: Timestamp,
}

impl Rule {
    pub fn reference(&self) -> RuleRef {
        RuleRef::Version(self.id, self.version)
    }

    /// The terms of a sale under this rule. Nobody is paid for bringing customers to themselves.
    pub fn terms(&self, sale: &Sale, referrers: Referrers) -> Terms {
        let is_paid = |referrer: Option<_>| referrer.is_some_and(|referrer| referrer != sale.partner);
        Terms {
            rule: self.reference(),
            figures: self
                .figures
                .with_referrers(is_paid(referrers.affiliate), is_paid(referrers.reseller)),
        }
    }

    pub fn applies(&self, sale: &Sale, at: Timestamp) -> bool {
        self.is_in_force(at)
            && self.figures.currency().is_none_or(|currency| currency == sale.currency)
            && sale.scopes().any(|scope| scope == self.scope)
    }

    fn is_in_force(&self, at: Timestamp) -> bool {
        self.from <= at && !self.is_over(at)
    }

    fn is_over(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= at)
    }

    /// Whether some sale could fall under both.
    fn collides(&self, other: &Self) -> bool {
        let begins_before_end = |one: &Self, other: &Self| other.until.is_none_or(|until| one.from < until);
        let (mine, theirs) = (self.figures.currency(), other.figures.currency());
        let shares_currency = mine.is_none() || theirs.is_none() || mine == theirs;
        shares_currency && begins_before_end(self, other) && begins_before_end(other, self)
    }
}

/// The rule that a sale falls under at this moment: of those that apply, the one with the narrowest scope.
pub fn applicable<'a>(rules: impl IntoIterator<Item = &'a Rule>, sale: &Sale, at: Timestamp) -> Option<&'a Rule> {
    let applying = rules.into_iter().filter(|rule| rule.applies(sale, at));
    applying.max_by_key(|rule| &rule.scope)
}

/// The versions of one scope that are in force or will be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("a rule ends after it begins")]
    EndsBeforeItBegins,
    /// The two would apply to the same sale.
    #[error("{0} is for the same scope, an overlapping time and the same currency")]
    Overlaps(RuleRef),
    #[error("{MAX_SCHEDULED} versions of rules are scheduled for this scope; end some first")]
    Full,
    #[error("what has been sold cannot be changed: name a moment that is still to come")]
    InThePast,
    #[error("the rule has ended")]
    Ended,
}

impl Schedule {
    /// The schedule with these further versions. Those that are over at `now` leave it.
    pub fn add(&self, versions: &[Rule], now: Timestamp) -> Result<Self, ScheduleError> {
        let mut rules = self.rules.clone();
        rules.retain(|rule| !rule.is_over(now));
        for version in versions {
            if version.is_over(version.from) {
                return Err(ScheduleError::EndsBeforeItBegins);
            }
            if let Some(other) = rules.iter().find(|rule| rule.collides(version)) {
                return Err(ScheduleError::Overlaps(other.reference()));
            }
            rules.push(version.clone());
        }
        if rules.len() > MAX_SCHEDULED {
            return Err(ScheduleError::Full);
        }
        Ok(Self { rules })
    }

    /// The schedule in which a rule applies up to `at` only, and those of its versions that end earlier by it. A version that has not
    /// begun by then never will: it ends as it begins.
    pub fn end(&self, rule: RuleId, at: Timestamp, now: Timestamp) -> Result<(Self, Vec<Rule>), ScheduleError> {
        if at < now {
            return Err(ScheduleError::InThePast);
        }
        let mut rules = self.rules.clone();
        let mut shortened = Vec::new();
        for version in rules.iter_mut().filter(|other| other.id == rule && !other.is_over(at)) {
            version.until = Some(at.max(version.from));
            shortened.push(version.clone());
        }
        if shortened.is_empty() {
            return Err(ScheduleError::Ended);
        }
        rules.retain(|rule| !rule.is_over(now) && rule.until != Some(rule.from));
        Ok((Self { rules }, shortened))
    }

    /// The schedule in which a rule goes on with its next version, and those of its versions that end earlier by it.
    pub fn revise(&self, next: &Rule, now: Timestamp) -> Result<(Self, Vec<Rule>), ScheduleError> {
        let (schedule, shortened) = match self.end(next.id, next.from, now) {
            // It rests, and is taken up again.
            Err(ScheduleError::Ended) => (self.clone(), Vec::new()),
            ended => ended?,
        };
        Ok((schedule.add(std::slice::from_ref(next), now)?, shortened))
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::FiguresDraft;
    use super::*;
    use crate::ids::{ListingId, PartnerId};
    use crate::listing::ContentType;
    use crate::money::{BasisPoints, Currency, Money};
    use crate::seed::Seed;

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn at(day: &str) -> Timestamp {
        format!("{day}T00:00:00Z").parse().expect("a time")
    }

    fn bps(rate: u32) -> BasisPoints {
        BasisPoints::try_from(rate).expect("a rate")
    }

    fn rule(label: &str, scope: Scope, from: &str, until: Option<&str>) -> Rule {
        Rule {
            id: seed().id(label),
            version: 1,
            name: label.to_owned(),
            scope,
            from: at(from),
            until: until.map(at),
            figures: Figures::flat(bps(1000)),
            preset: None,
            created_by: seed().id("operator"),
            created_at: at("2026-01-01"),
        }
    }

    fn in_currency(rule: Rule, currency: Currency) -> Rule {
        let draft = FiguresDraft {
            fixed: Some(Money::new(30, currency)),
            ..rule.figures.into()
        };
        Rule {
            figures: draft.try_into().expect("figures that make sense"),
            ..rule
        }
    }

    fn group(name: &str) -> crate::partner::Group {
        name.to_owned().try_into().expect("a group")
    }

    fn sale() -> Sale {
        Sale {
            listing: seed().id("listing"),
            partner: seed().id("partner"),
            group: Some(group("gold")),
            content_type: ContentType::SynthPreset,
            currency: Currency::EUR,
        }
    }

    #[test]
    fn the_narrowest_rule_wins_and_the_others_stand_behind_it() {
        let sale = sale();
        let mut rules: Vec<_> = [
            Scope::Listing(sale.listing),
            Scope::Partner(sale.partner),
            Scope::Group(group("gold")),
            Scope::ContentType(ContentType::SynthPreset),
            Scope::Marketplace,
        ]
        .map(|scope| rule(&scope.to_string(), scope, "2026-01-01", None))
        .into();
        let strangers = [
            Scope::Listing(seed().id::<ListingId>("other")),
            Scope::Partner(seed().id::<PartnerId>("other")),
            Scope::Group(group("silver")),
            Scope::ContentType(ContentType::ChordPack),
        ];
        rules.extend(strangers.map(|scope| rule("other", scope, "2026-01-01", None)));
        rules.rotate_left(3);
        for expected in ["listing", "partner", "group", "content_type", "marketplace"] {
            let found = applicable(&rules, &sale, at("2026-06-01")).expect("a rule").clone();
            assert_eq!(found.scope.parts().0, expected);
            rules.retain(|rule| *rule != found);
        }
        assert_eq!(applicable(&rules, &sale, at("2026-06-01")), None);
    }

    #[test]
    fn a_rule_applies_from_its_beginning_to_before_its_end_in_its_currency() {
        let rule = rule("r", Scope::Marketplace, "2026-02-01", Some("2026-03-01"));
        assert!(!rule.applies(&sale(), at("2026-01-31")));
        assert!(rule.applies(&sale(), at("2026-02-01")));
        assert!(!rule.applies(&sale(), at("2026-03-01")));
        assert!(in_currency(rule.clone(), Currency::EUR).applies(&sale(), at("2026-02-01")));
        assert!(!in_currency(rule, Currency::USD).applies(&sale(), at("2026-02-01")));
    }

    #[track_caller]
    fn check_add(first: Rule, second: Rule, fits: bool) {
        let now = at("2026-01-01");
        let expected = Err(ScheduleError::Overlaps(first.reference()));
        let schedule = Schedule::default().add(&[first], now).expect("an empty schedule");
        let added = schedule.add(&[second], now);
        if fits {
            assert_eq!(added.map(|schedule| schedule.rules.len()), Ok(2));
        } else {
            assert_eq!(added, expected);
        }
    }

    #[test]
    fn two_rules_that_could_tie_are_never_scheduled() {
        let r = |label, from, until| rule(label, Scope::Marketplace, from, until);
        check_add(r("a", "2026-02-01", None), r("b", "2026-05-01", None), false);
        check_add(
            r("a", "2026-02-01", Some("2026-05-01")),
            r("b", "2026-05-01", None),
            true,
        );
        check_add(
            r("b", "2026-05-01", None),
            r("a", "2026-02-01", Some("2026-05-01")),
            true,
        );
        check_add(
            r("a", "2026-02-01", Some("2026-05-02")),
            r("b", "2026-05-01", None),
            false,
        );
        check_add(
            r("a", "2026-02-01", None),
            r("b", "2026-03-01", Some("2026-04-01")),
            false,
        );
        let (eur, usd) = (Currency::EUR, Currency::USD);
        let (a, b) = (r("a", "2026-02-01", None), r("b", "2026-02-01", None));
        check_add(in_currency(a.clone(), eur), in_currency(b.clone(), usd), true);
        check_add(in_currency(a.clone(), eur), in_currency(b.clone(), eur), false);
        check_add(in_currency(a, eur), b, false);
        let backwards = r("c", "2026-03-01", Some("2026-03-01"));
        assert_eq!(
            Schedule::default().add(&[backwards], at("2026-01-01")),
            Err(ScheduleError::EndsBeforeItBegins)
        );
    }

    #[test]
    fn a_rule_ends_once_and_never_in_the_past() {
        let now = at("2026-03-01");
        let begun = rule("r", Scope::Marketplace, "2026-02-01", Some("2026-06-01"));
        let to_come = Rule {
            version: 2,
            ..rule("r", Scope::Marketplace, "2026-06-01", None)
        };
        let (id, both) = (begun.id, [begun, to_come]);
        let schedule = Schedule::default().add(&both, at("2026-01-01")).expect("two periods");
        assert_eq!(schedule.end(id, at("2026-02-28"), now), Err(ScheduleError::InThePast));
        let (ended, shortened) = schedule.end(id, at("2026-04-01"), now).expect("in force");
        let untils: Vec<_> = shortened.iter().map(|version| version.until).collect();
        assert_eq!(untils, [Some(at("2026-04-01")), Some(at("2026-06-01"))]);
        assert_eq!(ended.rules, shortened[..1], "the second version never begins");
        assert_eq!(ended.end(id, at("2026-05-01"), now), Err(ScheduleError::Ended));
        let (ended, _) = schedule.end(id, now, now).expect("at once");
        assert_eq!(ended.rules, []);
        assert!(
            ended
                .add(&[rule("s", Scope::Marketplace, "2026-03-01", None)], now)
                .is_ok()
        );
    }

    #[test]
    fn a_next_version_takes_over_from_the_one_before() {
        let (now, first) = (at("2026-03-01"), rule("r", Scope::Marketplace, "2026-02-01", None));
        let schedule = Schedule::default()
            .add(std::slice::from_ref(&first), now)
            .expect("empty");
        let next = |from| Rule {
            version: 2,
            from: at(from),
            figures: Figures::flat(bps(500)),
            ..first.clone()
        };
        let (revised, shortened) = schedule.revise(&next("2026-04-01"), now).expect("to come");
        assert_eq!(shortened[0].until, Some(at("2026-04-01")));
        let version = |day| applicable(&revised.rules, &sale(), at(day)).map(|rule| rule.version);
        assert_eq!((version("2026-03-31"), version("2026-04-01")), (Some(1), Some(2)));
        assert_eq!(schedule.revise(&next("2026-02-15"), now), Err(ScheduleError::InThePast));
        let (ended, _) = schedule.end(first.id, now, now).expect("in force");
        let (revived, shortened) = ended.revise(&next("2026-04-01"), now).expect("free");
        assert_eq!((revived.rules.len(), shortened.len()), (1, 0));
    }

    #[test]
    fn a_referrer_is_not_paid_for_sales_of_their_own() {
        let draft = FiguresDraft {
            affiliate_bps: bps(300),
            reseller_bps: bps(200),
            ..Figures::flat(bps(1000)).into()
        };
        let rule = Rule {
            figures: draft.try_into().expect("figures that make sense"),
            ..rule("r", Scope::Marketplace, "2026-02-01", None)
        };
        let referrers = Referrers {
            affiliate: Some(seed().id("affiliate")),
            reseller: Some(sale().partner),
        };
        let terms = rule.terms(&sale(), referrers);
        assert_eq!(
            (terms.figures.affiliate_bps, terms.figures.reseller_bps),
            (bps(300), bps(0))
        );
        let nobody = rule.terms(&sale(), Referrers::default());
        assert_eq!(nobody.figures, Figures::flat(bps(1000)));
    }
}
