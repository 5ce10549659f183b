//! Settling: from a payment to everything that follows from it, as one decision.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Order, OrderLine, OrderStatus};
use crate::ids::{MessageId, PartnerId};
use crate::ledger::{Account, BalanceChange, Fact, JournalEntry, LedgerError, Posting};
use crate::licence::{Licence, LicenceKey, LicenceStatus};
use crate::messages::{Envelope, Message};
use crate::money::{Money, MoneyError};
use crate::payout::available_on;
use crate::revenue::divide;
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
    /// One for each partner; none for an order that costs nothing.
    pub entries: Vec<JournalEntry>,
    pub balances: Vec<BalanceChange>,
    pub licences: Vec<Licence>,
    pub announcement: Envelope,
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

/// `secret` gives 128 random bits for each licence key.
pub fn settle(
    order: &Order,
    payment: &Payment,
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
    let order = &divided(order)?;
    let mut entries = Vec::new();
    let mut balances = Vec::new();
    let available_on = available_on(payment.at, hold_days);
    for (partner, lines) in by_partner(order) {
        let share = Share::of(order, &lines)?;
        if share.gross.is_zero() {
            continue;
        }
        entries.push(sale_entry(order, partner, &share, payment, seed)?);
        balances.push(BalanceChange {
            partner,
            owed: share.partner,
            maturing: Some(available_on),
            disputed_minor: 0,
        });
    }
    let licences = order
        .lines
        .iter()
        .map(|line| issue(order, line, payment.at, secret()))
        .collect();
    let message = Message::OrderPaid {
        customer: order.customer,
        order: order.id,
    };
    Ok(Settlement {
        order: Order {
            status: OrderStatus::Paid,
            paid_at: Some(payment.at),
            charge: payment.charge.clone(),
            available_on: Some(available_on),
            ..order.clone()
        },
        entries,
        balances,
        licences,
        announcement: Envelope::new(seed.id::<MessageId>("order paid"), message),
    })
}

/// The order with every line's price divided by its terms.
fn divided(order: &Order) -> Result<Order, MoneyError> {
    let mut order = order.clone();
    for line in &mut order.lines {
        line.division = Some(divide(line.price, &line.terms, 0)?);
    }
    Ok(order)
}

fn by_partner(order: &Order) -> BTreeMap<PartnerId, Vec<&OrderLine>> {
    let mut lines: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in &order.lines {
        lines.entry(line.partner).or_default().push(line);
    }
    lines
}

/// What one partner's lines sum to.
struct Share {
    gross: Money,
    partner: Money,
    platform: Money,
}

impl Share {
    fn of(order: &Order, lines: &[&OrderLine]) -> Result<Self, MoneyError> {
        let currency = order.total.currency();
        let sum = |minor: fn(&OrderLine) -> i64| {
            Money::sum(currency, lines.iter().map(|line| Money::new(minor(line), currency)))
        };
        Ok(Self {
            gross: sum(|line| line.price.minor())?,
            partner: sum(|line| line.legs().partner)?,
            platform: sum(|line| line.legs().platform)?,
        })
    }
}

fn sale_entry(
    order: &Order,
    partner: PartnerId,
    share: &Share,
    payment: &Payment,
    seed: Seed,
) -> Result<JournalEntry, SettleError> {
    let postings = vec![
        Posting {
            account: Account::ProcessorClearing,
            amount: share.gross,
        },
        Posting {
            account: Account::PartnerPayable(partner),
            amount: share.partner.checked_neg()?,
        },
        Posting {
            account: Account::PlatformRevenue,
            amount: share.platform.checked_neg()?,
        },
    ];
    let id = seed.id(&format!("sale {partner}"));
    let entry = JournalEntry::new(id, Fact::Sale(order.id), Some(partner), payment.at, postings)?;
    Ok(match &payment.charge {
        Some(charge) => entry.with_processor_ref(charge),
        None => entry,
    })
}

fn issue(order: &Order, line: &OrderLine, at: Timestamp, secret: [u8; 16]) -> Licence {
    Licence {
        id: line.licence,
        key: LicenceKey::new(line.licence, secret),
        owner: order.customer,
        listing: line.listing,
        partner: line.partner,
        order: order.id,
        status: LicenceStatus::Active,
        issued_at: at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{BasisPoints, Currency};
    use crate::purchase::{Offer, place};
    use proptest::prelude::*;

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn order(prices: &[(&str, i64)], rate: u32) -> Order {
        let offer = |(index, (partner, price)): (usize, &(&str, i64))| Offer {
            listing: seed().id(&format!("listing {index}")),
            partner: seed().id(partner),
            title: format!("Listing {index}"),
            price: Money::new(*price, Currency::EUR),
        };
        let offers: Vec<_> = prices.iter().enumerate().map(offer).collect();
        let rate = BasisPoints::try_from(rate).expect("a rate");
        place(
            seed().id("customer"),
            &offers,
            rate,
            seed(),
            "2026-11-22T09:00:00Z".parse().expect("a time"),
        )
        .expect("an order")
    }

    fn paid(order: &Order, minor: i64) -> Result<Settlement, SettleError> {
        let payment = Payment {
            amount: Money::new(minor, Currency::EUR),
            charge: (minor > 0).then(|| "ch_1".to_owned()),
            at: "2026-11-22T09:05:00Z".parse().expect("a time"),
        };
        settle(order, &payment, 7, seed(), || [9; 16])
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
