//! Dividing a price, and showing how.
//!
//! Every part is reckoned exactly first, as a fraction of a minor unit, and the four exact legs sum to the price. They are rounded in
//! one step: each down, and the units left over go to the largest remainders, the partner first where remainders tie. So no leg is
//! off by a whole unit, and none is negative.

use std::fmt;

use super::figures::{Base, Figures, Tiers};
use super::{Division, Legs, RuleRef, Terms};
use crate::money::{BasisPoints, Money, MoneyError};

/// An amount in hundred-millionths of a minor unit: what a rate of a rate, both in basis points, divides evenly into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(i128);

const UNIT: i128 = 100_000_000;
/// All of something, in basis points.
const WHOLE: u32 = 10_000;

impl Exact {
    fn of(minor: i64) -> Self {
        Self(i128::from(minor) * UNIT)
    }

    /// A rate of `minor`, of which `base_bps` counts.
    fn share(minor: i64, base_bps: u32, rate: BasisPoints) -> Self {
        Self(i128::from(minor) * i128::from(base_bps) * i128::from(u32::from(rate)))
    }
}

/// In minor units, with as many decimals as it takes: `259.8`.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.abs() / UNIT, self.0.abs() % UNIT);
        let decimals = format!("{part:08}");
        let decimals = decimals.trim_end_matches('0');
        let point = if decimals.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{decimals}")
    }
}

/// How a line's price is divided, step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub price: Money,
    pub rule: RuleRef,
    pub figures: Figures,
    /// What the rule's tiers had counted before this sale; `None` where there are none.
    pub turnover_before: Option<Money>,
    /// What of the price the rates are rates of.
    pub base: Exact,
    /// The price, cut where a tier begins.
    pub pieces: Vec<Piece>,
    /// What the platform takes on top: the fixed part, or what there was left.
    pub fixed: Exact,
    /// In the order of rounding.
    pub shares: [Share; 4],
}

/// A part of the price that lies within one tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    pub amount: Money,
    pub rate: BasisPoints,
    pub commission: Exact,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub leg: Leg,
    pub exact: Exact,
    pub amount: Money,
}

impl Share {
    /// What rounding has added.
    pub fn rounding(&self) -> Exact {
        Exact(Exact::of(self.amount.minor()).0 - self.exact.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Leg {
    Partner,
    Platform,
    Affiliate,
    Reseller,
}

/// Divides a price by the terms. `turnover_before_minor` is what the rule's tiers had counted before this sale; without tiers it
/// decides nothing.
pub fn divide(price: Money, terms: &Terms, turnover_before_minor: i64) -> Result<Division, MoneyError> {
    let explanation = explain(price, terms, turnover_before_minor)?;
    Ok(Division {
        legs: explanation.legs(),
        turnover_before_minor: explanation.turnover_before.map(|turnover| turnover.minor()),
    })
}

/// [`divide`], with every step of it.
pub fn explain(price: Money, terms: &Terms, turnover_before_minor: i64) -> Result<Explanation, MoneyError> {
    let (minor, figures) = (price.minor(), &terms.figures);
    if minor < 0 || turnover_before_minor < 0 {
        return Err(MoneyError::Overflow);
    }
    let affiliate = Exact::share(minor, WHOLE, figures.affiliate_bps);
    let reseller = Exact::share(minor, WHOLE, figures.reseller_bps);
    let referrals = affiliate.0 + reseller.0;
    let base_bps = match figures.base {
        Base::Gross => WHOLE,
        Base::Net => WHOLE - u32::from(figures.affiliate_bps) - u32::from(figures.reseller_bps),
    };
    let base = Exact(i128::from(minor) * i128::from(base_bps) * i128::from(WHOLE));
    let pieces = pieces(price, figures, turnover_before_minor, base_bps);
    let commission: i128 = pieces.iter().map(|piece| piece.commission.0).sum();
    let fixed = Exact::of(figures.fixed.map_or(0, |fixed| fixed.minor()));
    let fixed = fixed.min(Exact(base.0 - commission));
    let platform = match figures.base {
        Base::Gross => commission + fixed.0 - referrals,
        Base::Net => commission + fixed.0,
    };
    let partner = Exact::of(minor).0 - referrals - platform;
    let exact = [Exact(partner), Exact(platform), affiliate, reseller];
    let rounded = round(exact, minor)?;
    let legs = [Leg::Partner, Leg::Platform, Leg::Affiliate, Leg::Reseller];
    Ok(Explanation {
        price,
        rule: terms.rule,
        figures: figures.clone(),
        turnover_before: figures
            .tiers
            .as_ref()
            .map(|_| Money::new(turnover_before_minor, price.currency())),
        base,
        pieces,
        fixed,
        shares: [0, 1, 2, 3].map(|at| Share {
            leg: legs[at],
            exact: exact[at],
            amount: Money::new(rounded[at], price.currency()),
        }),
    })
}

impl Explanation {
    pub fn legs(&self) -> Legs {
        Legs::from_parts(self.shares.map(|share| share.amount.minor()))
    }
}

/// The price, laid on top of what was sold before and cut where tiers begin.
fn pieces(price: Money, figures: &Figures, before: i64, base_bps: u32) -> Vec<Piece> {
    let (start, end) = (i128::from(before), i128::from(before) + i128::from(price.minor()));
    let mut bands = vec![(0, figures.commission_bps)];
    let tiers = figures.tiers.iter().flat_map(|Tiers { above, .. }| above);
    bands.extend(tiers.map(|tier| (i128::from(tier.above.minor()), tier.commission_bps)));
    let ends = bands.iter().skip(1).map(|(begin, _)| *begin).chain([end.max(start)]);
    let within = bands.iter().zip(ends).filter_map(|((begin, rate), until)| {
        let length = until.min(end) - start.max(*begin);
        // No longer than the price, which is an i64.
        let length = i64::try_from(length).ok().filter(|length| *length > 0)?;
        Some(Piece {
            amount: Money::new(length, price.currency()),
            rate: *rate,
            commission: Exact::share(length, base_bps, *rate),
        })
    });
    within.collect()
}

/// Hands out the `total` that the exact amounts sum to, by largest remainder.
fn round(exact: [Exact; 4], total: i64) -> Result<[i64; 4], MoneyError> {
    let mut rounded = [0; 4];
    let mut left = total;
    for (part, exact) in rounded.iter_mut().zip(exact) {
        *part = i64::try_from(exact.0.div_euclid(UNIT)).map_err(|_| MoneyError::Overflow)?;
        left -= *part;
    }
    let mut by_remainder = [0, 1, 2, 3];
    by_remainder.sort_by_key(|at: &usize| (std::cmp::Reverse(exact[*at].0.rem_euclid(UNIT)), *at));
    for at in by_remainder {
        if left > 0 {
            rounded[at] += 1;
            left -= 1;
        }
    }
    Ok(rounded)
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Count, Counted, FiguresDraft, FiguresError, Tier};
    use super::*;
    use crate::money::Currency;
    use proptest::prelude::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    fn bps(rate: u32) -> BasisPoints {
        BasisPoints::try_from(rate).expect("a rate")
    }

    fn draft(commission: u32) -> FiguresDraft {
        Figures::flat(bps(commission)).into()
    }

    fn tiers(above: &[(i64, u32)]) -> Option<Tiers> {
        let tier = |(above, rate): &(i64, u32)| Tier {
            above: eur(*above),
            commission_bps: bps(*rate),
        };
        Some(Tiers {
            per: Counted::Partner,
            count: Count::Yearly,
            above: above.iter().map(tier).collect(),
        })
    }

    fn terms(draft: FiguresDraft) -> Terms {
        Terms {
            rule: RuleRef::Default,
            figures: draft.try_into().expect("figures that make sense"),
        }
    }

    #[track_caller]
    fn check(draft: FiguresDraft, before: i64, price: i64, expected: [i64; 4]) {
        let division = divide(eur(price), &terms(draft), before).expect("small");
        assert_eq!(division.legs.parts(), expected);
    }

    #[test]
    fn a_price_is_divided_by_the_rate_and_a_tie_goes_to_the_partner() {
        check(draft(2000), 0, 1299, [1039, 260, 0, 0]);
        check(draft(5000), 0, 1, [1, 0, 0, 0]);
        check(draft(10_000), 0, 7, [0, 7, 0, 0]);
        check(draft(2000), 0, 0, [0, 0, 0, 0]);
    }

    #[test]
    fn the_fixed_part_takes_no_more_than_there_is() {
        let figures = |fixed| FiguresDraft {
            fixed: Some(eur(fixed)),
            ..draft(1000)
        };
        check(figures(30), 0, 1000, [870, 130, 0, 0]);
        check(figures(30), 0, 20, [0, 20, 0, 0]);
    }

    #[test]
    fn tiers_are_marginal() {
        let figures = || FiguresDraft {
            tiers: tiers(&[(1000, 2000), (5000, 1000)]),
            ..draft(3000)
        };
        check(figures(), 0, 1000, [700, 300, 0, 0]);
        // 500 at 30 %, 4000 at 20 %, 500 at 10 %.
        check(figures(), 500, 5000, [4000, 1000, 0, 0]);
        check(figures(), 5000, 1000, [900, 100, 0, 0]);
    }

    #[test]
    fn referrals_come_out_of_the_platforms_part_or_off_the_top() {
        let figures = |base| FiguresDraft {
            base,
            affiliate_bps: bps(500),
            reseller_bps: bps(1000),
            ..draft(2000)
        };
        check(figures(Base::Gross), 0, 1000, [800, 50, 50, 100]);
        // 850 are left, of which 20 % are the platform's.
        check(figures(Base::Net), 0, 1000, [680, 170, 50, 100]);
    }

    #[test]
    fn an_explanation_shows_every_step() {
        let figures = FiguresDraft {
            tiers: tiers(&[(1000, 1500)]),
            base: Base::Net,
            affiliate_bps: bps(333),
            ..draft(0)
        };
        let explanation = explain(eur(1299), &terms(figures), 400).expect("small");
        assert_eq!(explanation.turnover_before, Some(eur(400)));
        assert_eq!(explanation.base.to_string(), "1255.7433");
        let pieces: Vec<_> = explanation
            .pieces
            .iter()
            .map(|piece| {
                (
                    piece.amount.minor(),
                    u32::from(piece.rate),
                    piece.commission.to_string(),
                )
            })
            .collect();
        assert_eq!(pieces, [(600, 0, "0".to_owned()), (699, 1500, "101.358495".to_owned())]);
        let shares = explanation
            .shares
            .map(|share| format!("{} {} {}", share.leg, share.exact, share.rounding()));
        assert_eq!(
            shares,
            [
                "partner 1154.384805 0.615195",
                "platform 101.358495 -0.358495",
                "affiliate 43.2567 -0.2567",
                "reseller 0 0"
            ]
            .map(str::to_owned)
        );
    }

    #[track_caller]
    fn check_refused(draft: FiguresDraft, pointer: &str) {
        let error = Figures::try_from(draft).expect_err("figures without sense");
        assert_eq!(error.pointer(), pointer, "{error}");
    }

    #[test]
    fn figures_that_make_no_sense_are_not_made() {
        let tiered = |tiers| FiguresDraft { tiers, ..draft(3000) };
        check_refused(tiered(tiers(&[])), "/tiers/above");
        check_refused(tiered(tiers(&[(0, 1)])), "/tiers/above/0/above/amount");
        check_refused(tiered(tiers(&[(5, 1), (5, 2)])), "/tiers/above/1/above/amount");
        check_refused(
            FiguresDraft {
                fixed: Some(Money::new(30, Currency::USD)),
                ..tiered(tiers(&[(5, 1)]))
            },
            "/tiers/above/0/above/currency",
        );
        check_refused(
            FiguresDraft {
                fixed: Some(eur(0)),
                ..draft(1)
            },
            "/fixed/amount",
        );
        let referred = |base| FiguresDraft {
            base,
            affiliate_bps: bps(600),
            reseller_bps: bps(9500),
            ..draft(10_000)
        };
        assert_eq!(
            Figures::try_from(referred(Base::Gross)),
            Err(FiguresError::ReferralsAboveCommission)
        );
        assert_eq!(
            Figures::try_from(referred(Base::Net)),
            Err(FiguresError::ReferralsAbovePrice)
        );
    }

    /// Figures of every kind, of which some make no sense.
    fn any_figures() -> impl Strategy<Value = FiguresDraft> {
        let tiers = prop::option::of(prop::collection::btree_map(1_i64..200_000, 0_u32..=10_000, 1..5));
        let shares = (0_u32..=10_000, 0_u32..=3000, 0_u32..=3000);
        (shares, prop::option::of(1_i64..1000), tiers, any::<bool>()).prop_map(
            |((commission, affiliate, reseller), fixed, above, is_net)| {
                let above: Option<Vec<_>> = above.map(|above| above.into_iter().collect());
                FiguresDraft {
                    commission_bps: bps(commission),
                    fixed: fixed.map(eur),
                    tiers: above.and_then(|above| self::tiers(&above)),
                    base: if is_net { Base::Net } else { Base::Gross },
                    affiliate_bps: bps(affiliate),
                    reseller_bps: bps(reseller),
                }
            },
        )
    }

    fn sensible() -> impl Strategy<Value = Terms> {
        any_figures().prop_filter_map("figures that make sense", |draft| {
            let figures = Figures::try_from(draft).ok()?;
            Some(Terms {
                rule: RuleRef::Default,
                figures,
            })
        })
    }

    fn commission(price: i64, terms: &Terms, before: i64) -> i128 {
        let explanation = explain(eur(price), terms, before).expect("small");
        explanation.pieces.iter().map(|piece| piece.commission.0).sum()
    }

    proptest! {
        #[test]
        fn legs_are_never_negative_and_sum_to_the_price(
            terms in sensible(), price in prop_oneof![0_i64..300_000, Just(i64::MAX)], before in 0_i64..300_000,
        ) {
            let explanation = explain(eur(price), &terms, before).expect("any price can be divided");
            prop_assert!(explanation.legs().parts().iter().all(|leg| *leg >= 0), "{explanation:?}");
            prop_assert_eq!(explanation.legs().total(), Ok(price));
            for share in explanation.shares {
                prop_assert!(share.rounding().0.abs() < UNIT, "{share:?}");
            }
        }

        #[test]
        fn a_sale_in_two_halves_pays_what_the_whole_pays(
            terms in sensible(), first in 0_i64..150_000, second in 0_i64..150_000, before in 0_i64..200_000,
        ) {
            let halves = commission(first, &terms, before) + commission(second, &terms, before + first);
            prop_assert_eq!(halves, commission(first + second, &terms, before));
        }

        #[test]
        fn one_unit_more_never_costs_more_than_a_unit(terms in sensible(), price in 0_i64..300_000, before in 0_i64..200_000) {
            let step = commission(price + 1, &terms, before) - commission(price, &terms, before);
            prop_assert!((0..=UNIT).contains(&step));
        }

        #[test]
        fn without_tiers_it_does_not_matter_what_was_sold_before(
            commission in 0_u32..=10_000, price in 0_i64..300_000, before in 0_i64..i64::MAX,
        ) {
            let flat = terms(draft(commission));
            prop_assert_eq!(divide(eur(price), &flat, before), divide(eur(price), &flat, 0));
        }
    }
}
