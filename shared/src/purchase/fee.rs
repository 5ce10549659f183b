//! The processor's fee, as far as partners bear it.
//!
//! The fee is spread over the lines by their prices. Where a line's rule divides the net, its partner bears as much of the line's part
//! as it got of what partner and platform shared. The fee becomes known after the sale, and may become known before the order is
//! settled: whoever comes second finds both and posts the shares, under the charge's id.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Order, OrderLine};
use crate::ids::PartnerId;
use crate::ledger::{Account, BalanceChange, Fact, JournalEntry, LedgerError, Posting};
use crate::money::{Money, MoneyError};
use crate::revenue::Base;
use crate::seed::Seed;

/// What the processor kept of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fee {
    pub charge: String,
    pub amount: Money,
    /// By the processor's clock.
    pub at: Timestamp,
}

/// One entry for each partner who bears something of the fee, and what their balances lose. Nothing where no rule divides the net, and
/// nothing of a fee in another currency than the order's: no rate says how much of a balance that would be, so the platform bears it.
pub fn fee_shares(
    order: &Order,
    fee: &Fee,
    seed: Seed,
    today: Date,
) -> Result<Vec<(JournalEntry, BalanceChange)>, LedgerError> {
    if fee.amount.currency() != order.total.currency() {
        return Ok(Vec::new());
    }
    let maturing = order.available_on.filter(|day| *day > today);
    let share = |(partner, minor): (PartnerId, i64)| {
        let amount = Money::new(minor, fee.amount.currency());
        let postings = vec![
            Posting {
                account: Account::PartnerPayable(partner),
                amount,
            },
            Posting {
                account: Account::ProcessorFees,
                amount: amount.checked_neg()?,
            },
        ];
        let id = seed.id(&format!("fee share {} {partner}", fee.charge));
        let fact = Fact::FeeShare(fee.charge.clone());
        let entry = JournalEntry::new(id, fact, Some(partner), fee.at, postings)?.of_order(order.id);
        let change = BalanceChange {
            partner,
            owed: amount.checked_neg()?,
            maturing,
            disputed_minor: 0,
        };
        Ok((entry, change))
    };
    borne(order, fee.amount)?.into_iter().map(share).collect()
}

fn borne(order: &Order, fee: Money) -> Result<BTreeMap<PartnerId, i64>, MoneyError> {
    let weight = |minor: i64| u64::try_from(minor).unwrap_or(0);
    let prices: Vec<_> = order.lines.iter().map(|line| weight(line.price.minor())).collect();
    let mut borne: BTreeMap<PartnerId, i64> = BTreeMap::new();
    let divides_net = |line: &&OrderLine| line.terms.figures.base == Base::Net;
    for (line, part) in order
        .lines
        .iter()
        .zip(fee.split(&prices)?)
        .filter(|(line, _)| divides_net(line))
    {
        let legs = line.legs();
        let weights = [weight(legs.partner), weight(legs.platform)];
        // Where everything went to referrers, or nothing was paid, there is no ratio to share in.
        if weights == [0, 0] {
            continue;
        }
        let theirs = part.split(&weights)?[0].minor();
        let sum = borne.entry(line.partner).or_default();
        *sum = sum.checked_add(theirs).ok_or(MoneyError::Overflow)?;
    }
    borne.retain(|_, minor| *minor != 0);
    Ok(borne)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{BasisPoints, Currency};
    use crate::purchase::{Offer, Payment, place, settle};
    use crate::revenue::{Figures, FiguresDraft, Referrers, RuleRef, Terms, Turnovers};

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn at() -> Timestamp {
        "2026-11-22T09:00:00Z".parse().expect("a time")
    }

    /// A paid order of lines by partner, price in cents and base, of which the platform takes a quarter.
    fn order(lines: &[(&str, i64, Base)]) -> Order {
        let offer = |(index, (partner, minor, base)): (usize, &(&str, i64, Base))| {
            let draft = FiguresDraft {
                base: *base,
                ..Figures::flat(BasisPoints::try_from(2500).expect("a rate")).into()
            };
            Offer {
                listing: seed().id(&index.to_string()),
                partner: seed().id(partner),
                title: "Pads".to_owned(),
                price: Money::new(*minor, Currency::EUR),
                terms: Terms {
                    rule: RuleRef::Version(seed().id("rule"), 1),
                    figures: draft.try_into().expect("figures that make sense"),
                },
                policy: None,
            }
        };
        let offers: Vec<_> = lines.iter().enumerate().map(offer).collect();
        let order = place(seed().id("c"), &offers, Referrers::default(), seed(), at()).expect("an order");
        let payment = Payment {
            amount: order.total,
            charge: Some("ch_1".to_owned()),
            at: at(),
        };
        let settled = settle(&order, &payment, &Turnovers::new(), 7, seed(), || [9; 16]);
        settled.expect("paid in full").order
    }

    #[track_caller]
    fn check(lines: &[(&str, i64, Base)], fee: Money, expected: &[(&str, i64)]) {
        let fee = Fee {
            charge: "ch_1".to_owned(),
            amount: fee,
            at: at(),
        };
        let today = "2026-11-22".parse().expect("a date");
        let shares = fee_shares(&order(lines), &fee, seed(), today).expect("balanced");
        let found: BTreeMap<PartnerId, i64> = shares
            .iter()
            .map(|(_, change)| (change.partner, -change.owed.minor()))
            .collect();
        let expected = expected.iter().map(|(partner, minor)| (seed().id(partner), *minor));
        assert_eq!(found, expected.collect());
        for (entry, change) in shares {
            let owed: Vec<_> = entry.owed_to(change.partner).collect();
            assert_eq!(owed, [change.owed]);
            assert_eq!(
                change.maturing.map(|day| day.to_string()).as_deref(),
                Some("2026-11-29")
            );
        }
    }

    #[test]
    fn a_partner_bears_the_fee_as_far_as_its_rule_divides_the_net() {
        let eur = |minor| Money::new(minor, Currency::EUR);
        check(&[("p", 1000, Base::Net)], eur(40), &[("p", 30)]);
        check(&[("p", 1000, Base::Gross)], eur(40), &[]);
        // p's net line is a third of the order, and bears a third of the fee.
        check(
            &[("p", 1000, Base::Net), ("p", 1000, Base::Gross), ("q", 1000, Base::Net)],
            eur(60),
            &[("p", 15), ("q", 15)],
        );
        check(&[("p", 1000, Base::Net), ("q", 0, Base::Net)], eur(40), &[("p", 30)]);
        check(&[("p", 1000, Base::Net)], Money::new(40, Currency::USD), &[]);
    }
}
