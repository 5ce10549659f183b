//! Settling: from a payment to everything that follows from it, as one decision.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::refund::{Refund, refund_withdrawn};
use super::{Order, OrderLine, OrderStatus};
use crate::ids::{MessageId, PartnerId};
use crate::ledger::{Account, BalanceChange, Fact, JournalEntry, LedgerError, Posting};
use crate::licence::{Licence, LicenceKey, LicenceStatus, Terms};
use crate::messages::{Envelope, Message};
use crate::money::{Currency, Money, MoneyError};
use crate::payout::available_on;
use crate::revenue::{Counter, Division, Legs, Turnovers, divide};
use crate::seed::Seed;

/// A payment as the processor itself told it (fetched, not taken from an event).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub amount: Money,
    /// The processor's charge; a free order has none.
    pub charge: Option<String>,
    /// By the processor's clock.
    pub at: Timestamp,
}

/// Everything that one settled order writes, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    pub order: Order,
    /// One for each partner who sold and each who referred; none for an order that costs nothing.
    pub entries: Vec<JournalEntry>,
    /// One for each partner.
    pub balances: Vec<BalanceChange>,
    pub moved: Vec<Moved>,
    pub licences: Vec<Licence>,
    /// Gives the price of those lines back that had left the shop.
    pub refund: Option<Refund>,
    pub announcement: Envelope,
}

/// What the order adds to a counter of what was sold. The order has been divided by what was counted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub counter: Counter,
    pub before_minor: i64,
    pub after_minor: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The same news again.
    #[error("the order is paid already")]
    AlreadyPaid,
    #[error("the order costs {expected}, the processor took {paid}: a person must look at this")]
    AmountMismatch { expected: Money, paid: Money },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// `turnovers` is what the order's counters ([`Order::counters`]) have counted; `secret` gives 128 random bits for each licence key.
pub fn settle(
    order: &Order,
    payment: &Payment,
    turnovers: &Turnovers,
    hold_days: u32,
    seed: Seed,
    mut secret: impl FnMut() -> [u8; 16],
) -> Result<Settlement, SettleError> {
    if order.status == OrderStatus::Paid {
        return Err(SettleError::AlreadyPaid);
    }
    if payment.amount != order.total {
        return Err(SettleError::AmountMismatch {
            expected: order.total,
            paid: payment.amount,
        });
    }
    let (order, moved) = divided(order, payment.at, turnovers)?;
    let available_on = available_on(payment.at, hold_days);
    let mut entries = Vec::new();
    let mut owed: BTreeMap<PartnerId, Money> = BTreeMap::new();
    let currency = order.total.currency();
    let mut owe = |partner, amount: Money| {
        let sum = owed.entry(partner).or_insert(Money::zero(currency));
        *sum = sum.checked_add(amount)?;
        Ok::<_, MoneyError>(())
    };
    for (partner, lines) in by_journal(&order) {
        let sum = |minor: fn(&OrderLine) -> i64| sum(currency, lines.iter().map(|line| minor(line)));
        let (gross, share) = (sum(|line| line.price.minor())?, sum(|line| line.legs().partner)?);
        if !gross.is_zero() {
            entries.push(sale_entry(&order, partner, gross, share, payment, seed)?);
            if let Some(partner) = partner {
                owe(partner, share)?;
            }
        }
    }
    for (referrer, share) in referrals(&order)? {
        entries.push(referral_entry(&order, referrer, share, payment.at, seed)?);
        owe(referrer, share)?;
    }
    let change = |(partner, owed)| BalanceChange {
        partner,
        owed,
        maturing: Some(available_on),
        disputed_minor: 0,
    };
    let balances = owed.into_iter().map(change).collect();
    let sold = order.lines.iter();
    let sold = sold.filter(|line| order.renewal.is_none() && !line.withdrawn);
    let licences = sold.map(|line| issue(&order, line, payment.at, secret())).collect();
    let message = Message::OrderPaid {
        customer: order.customer,
        order: order.id,
    };
    let paid = Order {
        status: OrderStatus::Paid,
        paid_at: Some(payment.at),
        charge: payment.charge.clone(),
        available_on: Some(available_on),
        ..order
    };
    let (order, refund) = refund_withdrawn(paid, payment.at)?;
    Ok(Settlement {
        order,
        refund,
        entries,
        balances,
        moved,
        licences,
        announcement: Envelope::new(seed.id::<MessageId>("order paid"), message),
    })
}

/// The order with every line's price divided by its terms, line after line, and what that adds to the counters.
fn divided(order: &Order, at: Timestamp, turnovers: &Turnovers) -> Result<(Order, Vec<Moved>), MoneyError> {
    let mut order = order.clone();
    let mut counted = turnovers.clone();
    for line in &mut order.lines {
        if line.withdrawn {
            line.division = Some(kept_for_the_customer(line.price));
            continue;
        }
        let counter = line.counter(at);
        let before = counter
            .as_ref()
            .and_then(|counter| counted.get(counter))
            .copied()
            .unwrap_or(0);
        let division = divide(line.price, &line.terms, before)?;
        line.division = Some(Division {
            legs: line.withheld.kept_from(&division.legs)?,
            ..division
        });
        if let Some(counter) = counter {
            let after = before.checked_add(line.price.minor()).ok_or(MoneyError::Overflow)?;
            counted.insert(counter, after);
        }
    }
    let moved = counted.into_iter().map(|(counter, after_minor)| Moved {
        before_minor: turnovers.get(&counter).copied().unwrap_or(0),
        after_minor,
        counter,
    });
    let moved = moved.filter(|moved| moved.after_minor != moved.before_minor).collect();
    Ok((order, moved))
}

/// Nobody has earned it: the platform has it until it is back with the customer.
fn kept_for_the_customer(price: Money) -> Division {
    Division {
        legs: Legs {
            platform: price.minor(),
            ..Legs::default()
        },
        turnover_before_minor: None,
    }
}

fn by_journal(order: &Order) -> BTreeMap<Option<PartnerId>, Vec<&OrderLine>> {
    let mut lines: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in &order.lines {
        lines.entry(line.journal()).or_default().push(line);
    }
    lines
}

/// What those who brought the customer get, as far as they get something.
fn referrals(order: &Order) -> Result<Vec<(PartnerId, Money)>, MoneyError> {
    let share = |leg: fn(&OrderLine) -> i64| sum(order.total.currency(), order.lines.iter().map(leg));
    let affiliate = (order.referrers.affiliate, share(|line| line.legs().affiliate)?);
    let reseller = (order.referrers.reseller, share(|line| line.legs().reseller)?);
    let paid = [affiliate, reseller].into_iter().filter(|(_, share)| !share.is_zero());
    Ok(paid.filter_map(|(referrer, share)| Some((referrer?, share))).collect())
}

fn sum(currency: Currency, minors: impl Iterator<Item = i64>) -> Result<Money, MoneyError> {
    Money::sum(currency, minors.map(|minor| Money::new(minor, currency)))
}

/// The platform is credited with everything but the seller's share; what it owes to referrers is an entry of its own.
fn sale_entry(
    order: &Order,
    partner: Option<PartnerId>,
    gross: Money,
    share: Money,
    payment: &Payment,
    seed: Seed,
) -> Result<JournalEntry, SettleError> {
    let mut postings = vec![
        Posting {
            account: Account::clearing(order.processor),
            amount: gross,
        },
        Posting {
            account: Account::PlatformRevenue,
            amount: share.checked_sub(gross)?,
        },
    ];
    if let Some(partner) = partner {
        let owed = Posting {
            account: Account::PartnerPayable(partner),
            amount: share.checked_neg()?,
        };
        postings.insert(1, owed);
    }
    let id = match partner {
        Some(partner) => seed.id(&format!("sale {partner}")),
        None => seed.id("sale of what was withdrawn"),
    };
    let entry = JournalEntry::new(id, Fact::Sale(order.id), partner, payment.at, postings)?;
    Ok(match &payment.charge {
        Some(charge) => entry.with_processor_ref(charge),
        None => entry,
    })
}

fn referral_entry(
    order: &Order,
    referrer: PartnerId,
    share: Money,
    at: Timestamp,
    seed: Seed,
) -> Result<JournalEntry, SettleError> {
    let postings = vec![
        Posting {
            account: Account::PlatformRevenue,
            amount: share,
        },
        Posting {
            account: Account::PartnerPayable(referrer),
            amount: share.checked_neg()?,
        },
    ];
    let id = seed.id(&format!("referral {referrer}"));
    Ok(JournalEntry::new(
        id,
        Fact::Referral(order.id),
        Some(referrer),
        at,
        postings,
    )?)
}

fn issue(order: &Order, line: &OrderLine, at: Timestamp, secret: [u8; 16]) -> Licence {
    let (tier, custom) = line.policy.as_ref().map(Terms::parts).unwrap_or_default();
    Licence {
        id: line.licence,
        key: LicenceKey::new(line.licence, secret),
        owner: order.customer,
        listing: line.listing,
        partner: line.partner,
        order: Some(order.id),
        status: LicenceStatus::Active,
        issued_at: at,
        tier,
        custom,
        grant: None,
        offer: None,
        subscription: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ListingId;
    use crate::licensing::Preset;
    use crate::money::BasisPoints;
    use crate::purchase::{Offer, place};
    use crate::revenue::{
        Base, Count, Counted, Figures, FiguresDraft, Referrers, RuleRef, Terms as SaleTerms, Tier, Tiers,
    };
    use proptest::prelude::*;

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn bps(rate: u32) -> BasisPoints {
        BasisPoints::try_from(rate).expect("a rate")
    }

    fn order(prices: &[(&str, i64)], rate: u32) -> Order {
        order_under(prices, &SaleTerms::default_rule(bps(rate)), Referrers::default())
    }

    fn order_under(prices: &[(&str, i64)], terms: &SaleTerms, referrers: Referrers) -> Order {
        let offer = |(index, (partner, price)): (usize, &(&str, i64))| Offer {
            listing: seed().id(&format!("listing {index}")),
            partner: seed().id(partner),
            title: format!("Listing {index}"),
            price: Money::new(*price, Currency::EUR),
            terms: terms.clone(),
            policy: None,
        };
        let offers: Vec<_> = prices.iter().enumerate().map(offer).collect();
        place(
            seed().id("customer"),
            &offers,
            referrers,
            seed(),
            "2026-11-22T09:00:00Z".parse().expect("a time"),
        )
        .expect("an order")
    }

    fn paid(order: &Order, minor: i64) -> Result<Settlement, SettleError> {
        paid_after(order, minor, &Turnovers::new())
    }

    fn paid_after(order: &Order, minor: i64, turnovers: &Turnovers) -> Result<Settlement, SettleError> {
        let payment = Payment {
            amount: Money::new(minor, Currency::EUR),
            charge: (minor > 0).then(|| "ch_1".to_owned()),
            at: "2026-11-22T09:05:00Z".parse().expect("a time"),
        };
        settle(order, &payment, turnovers, 7, seed(), || [9; 16])
    }

    #[test]
    fn a_cart_of_two_partners_makes_an_entry_and_a_credit_for_each() {
        let order = order(&[("p", 1299), ("q", 500), ("p", 1)], 2000);
        let settlement = paid(&order, 1800).expect("paid in full");
        assert_eq!(settlement.order.status, OrderStatus::Paid);
        assert_eq!(settlement.entries.len(), 2);
        assert_eq!(settlement.licences.len(), 3);
        let credits: BTreeMap<_, _> = settlement
            .balances
            .iter()
            .map(|change| (change.partner, change.owed.minor()))
            .collect();
        assert_eq!(credits, BTreeMap::from([(seed().id("p"), 1040), (seed().id("q"), 400)]));
        assert!(
            settlement
                .balances
                .iter()
                .all(|change| change.maturing == settlement.order.available_on)
        );
        assert_eq!(paid(&settlement.order, 1800), Err(SettleError::AlreadyPaid));
    }

    #[test]
    fn a_free_order_issues_licences_and_posts_nothing() {
        let settlement = paid(&order(&[("p", 0)], 2000), 0).expect("nothing to pay");
        assert!(settlement.entries.is_empty() && settlement.balances.is_empty());
        assert_eq!(settlement.licences.len(), 1);
    }

    #[test]
    fn a_licence_is_issued_under_the_policy_that_was_frozen() {
        let mut order = order(&[("p", 500), ("p", 500)], 2000);
        order.lines[1].policy = Some(Terms::Preset(Preset::Studio));
        let settlement = paid(&order, 1000).expect("paid in full");
        let presets: Vec<_> = settlement.licences.iter().map(Licence::preset).collect();
        assert_eq!(presets, [Some(Preset::Individual), Some(Preset::Studio)]);
    }

    #[test]
    fn a_payment_of_another_amount_settles_nothing() {
        let order = order(&[("p", 1299)], 2000);
        assert!(matches!(paid(&order, 1298), Err(SettleError::AmountMismatch { .. })));
        assert!(matches!(paid(&order, 0), Err(SettleError::AmountMismatch { .. })));
    }

    #[test]
    fn money_settles_an_order_that_was_given_up() {
        let order = order(&[("p", 1299)], 2000);
        let expired = order.end_unpaid(OrderStatus::Expired).expect("was open");
        assert!(paid(&expired, 1299).is_ok());
    }

    fn rule(draft: FiguresDraft) -> SaleTerms {
        SaleTerms {
            rule: RuleRef::Version(seed().id("rule"), 1),
            figures: draft.try_into().expect("figures that make sense"),
        }
    }

    fn flat(rate: u32) -> FiguresDraft {
        Figures::flat(bps(rate)).into()
    }

    fn tiered(per: Counted) -> SaleTerms {
        let tier = Tier {
            above: Money::new(1000, Currency::EUR),
            commission_bps: bps(1000),
        };
        rule(FiguresDraft {
            tiers: Some(Tiers {
                per,
                count: Count::Yearly,
                above: vec![tier],
            }),
            ..flat(2000)
        })
    }

    #[test]
    fn tiers_count_line_after_line_from_what_was_counted_before() {
        let prices = [("p", 600), ("p", 600), ("q", 600)];
        let platform = |settlement: &Settlement| -> Vec<i64> {
            let lines = settlement.order.lines.iter();
            lines.map(|line| line.legs().platform).collect()
        };
        let order = order_under(&prices, &tiered(Counted::Partner), Referrers::default());
        let settlement = paid(&order, 1800).expect("paid in full");
        // p: 600 at 20 %, then 400 at 20 % and 200 at 10 %; q begins anew.
        assert_eq!(platform(&settlement), [120, 100, 120]);
        let moved: Vec<_> = settlement
            .moved
            .iter()
            .map(|moved| (moved.before_minor, moved.after_minor))
            .collect();
        assert_eq!(moved.iter().map(|(before, _)| before).sum::<i64>(), 0);
        assert_eq!(moved.iter().map(|(_, after)| after).sum::<i64>(), 1800);
        let turnovers: Turnovers = settlement
            .moved
            .into_iter()
            .map(|moved| (moved.counter, moved.after_minor))
            .collect();
        assert_eq!(
            turnovers.keys().cloned().collect::<std::collections::BTreeSet<_>>(),
            order.counters(order.placed_at)
        );
        let next = paid_after(&order, 1800, &turnovers).expect("paid in full");
        assert_eq!(platform(&next), [60, 60, 100]);

        let by_listing = order_under(&prices, &tiered(Counted::Listing), Referrers::default());
        let settlement = paid(&by_listing, 1800).expect("paid in full");
        assert_eq!(platform(&settlement), [120, 120, 120]);
        assert_eq!(settlement.moved.len(), 3);
        let listing: ListingId = seed().id("listing 0");
        assert!(
            settlement
                .moved
                .iter()
                .any(|moved| moved.counter.subject == listing.to_string())
        );
    }

    #[test]
    fn a_free_line_moves_no_counter() {
        let order = order_under(&[("p", 0)], &tiered(Counted::Partner), Referrers::default());
        assert_eq!(paid(&order, 0).expect("nothing to pay").moved, []);
    }

    #[test]
    fn referrers_are_paid_out_of_what_the_platform_was_credited() {
        let referrers = Referrers {
            affiliate: Some(seed().id("q")),
            reseller: Some(seed().id("r")),
        };
        let terms = rule(FiguresDraft {
            base: Base::Gross,
            affiliate_bps: bps(500),
            reseller_bps: bps(300),
            ..flat(2000)
        });
        let order = order_under(&[("p", 1000), ("q", 500)], &terms, referrers);
        let settlement = paid(&order, 1500).expect("paid in full");
        let owed: BTreeMap<_, _> = settlement
            .balances
            .iter()
            .map(|change| (change.partner, change.owed.minor()))
            .collect();
        // q sells for 500 and has referred: one balance, changed once.
        let expected = [("p", 800), ("q", 400 + 75), ("r", 45)];
        assert_eq!(
            owed,
            expected.map(|(partner, minor)| (seed().id(partner), minor)).into()
        );
        let referrals = settlement
            .entries
            .iter()
            .filter(|entry| *entry.fact() == Fact::Referral(order.id));
        assert_eq!(referrals.count(), 2);
        let revenue = settlement.entries.iter().flat_map(JournalEntry::postings);
        let revenue: i64 = revenue
            .filter(|posting| posting.account == Account::PlatformRevenue)
            .map(|posting| posting.amount.minor())
            .sum();
        assert_eq!(revenue, -(1500 - 1320));
    }

    proptest! {
        #[test]
        fn credits_and_commission_make_up_what_was_paid(
            prices in prop::collection::vec(("[pqr]", 0_i64..1_000_000), 1..20), rate in 0_u32..=10_000,
        ) {
            let prices: Vec<_> = prices.iter().map(|(partner, price)| (partner.as_str(), *price)).collect();
            let order = order(&prices, rate);
            let settlement = paid(&order, order.total.minor()).expect("paid in full");
            let posted = |account: &dyn Fn(&Account) -> bool| -> i64 {
                let all = settlement.entries.iter().flat_map(|entry| entry.postings());
                all.filter(|p| account(&p.account)).map(|p| p.amount.minor()).sum()
            };
            prop_assert_eq!(posted(&|a| *a == Account::ProcessorClearing), order.total.minor());
            prop_assert_eq!(posted(&|_| true), 0);
            let credited: i64 = settlement.balances.iter().map(|change| change.owed.minor()).sum();
            prop_assert_eq!(credited, -posted(&|a| matches!(a, Account::PartnerPayable(_))));
        }
    }
}
