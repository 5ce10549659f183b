//! How fast payouts are decided, without anything that is stored or sent: what remains when DynamoDB and Stripe cost no time.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use jiff::{Timestamp, ToSpan};
use shared::ids::{JournalId, PartnerId, PayoutId};
use shared::money::{Currency, Money};
use shared::partner::Destination;
use shared::payout::{Balance, Due, Payout, Terms, available_on, due, payout_entry};
use shared::seed::Seed;

use crate::number::{Ratio, median, micros};
use crate::table::Table;

const BALANCES: i64 = 100_000;
const ROUNDS: usize = 5;
/// As of which balances are decided.
const NOW: &str = "2026-11-22T06:00:00Z";

pub(crate) fn measure() -> Result<()> {
    let (seed, now): (Seed, Timestamp) = ("019a0000-0000-7000-8000-000000000000".parse()?, NOW.parse()?);
    let balances = (0..BALANCES)
        .map(|number| balance(seed, number, now))
        .collect::<Result<Vec<_>>>()?;
    let terms = Terms {
        minimum: Money::new(1_000, Currency::EUR),
        reserve: Money::zero(Currency::EUR),
        owner_debt: Money::zero(Currency::EUR),
    };
    let (mut only_read, mut decided, mut payouts) = (Vec::new(), Vec::new(), 0);
    // Side by side, so that what disturbs one disturbs the other.
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for balance in &balances {
            black_box(balance.available(&terms, now)?);
        }
        only_read.push(micros(began.elapsed()));
        let began = Instant::now();
        payouts = decide_all(&balances, &terms, seed, now)?;
        decided.push(micros(began.elapsed()));
    }
    let (only_read, decided) = (median(&mut only_read), median(&mut decided));
    let title = "Payout decisions over 100,000 balances, pure: due or not, and for what is due the payout and its journal entry";
    let mut table = Table::new(
        title,
        &["", "balances", "payouts", "a second", "of telling what is payable"],
    );
    let per_second = |count: u64, micros: u64| (count * 1_000_000).checked_div(micros).unwrap_or_default().to_string();
    let count = BALANCES.unsigned_abs();
    table.row([
        "tell what is payable".to_owned(),
        count.to_string(),
        "–".to_owned(),
        per_second(count, only_read),
        Ratio::of(only_read, only_read).to_string(),
    ]);
    table.row([
        "decide".to_owned(),
        count.to_string(),
        payouts.to_string(),
        per_second(payouts, decided),
        Ratio::of(decided, only_read).to_string(),
    ]);
    table.print();
    Ok(())
}

/// Of ten balances eight are due, one is below the minimum, one below zero; each still holds a week of sales.
fn balance(seed: Seed, number: i64, now: Timestamp) -> Result<Balance> {
    let partner: PartnerId = seed.id(&number.to_string());
    let owed = match number % 10 {
        0 => -500,
        1 => 8_000,
        _ => 20_000 + number,
    };
    let mut balance = Balance::empty(partner, Currency::EUR);
    balance.owed = Money::new(owed, Currency::EUR);
    for day in 1_i64..=7 {
        let until = available_on(now, 0).checked_add(day.days())?;
        balance.held_until.insert(until, Money::new(1_100, Currency::EUR));
    }
    Ok(balance)
}

fn decide_all(balances: &[Balance], terms: &Terms, seed: Seed, now: Timestamp) -> Result<u64> {
    let mut payouts = 0;
    for balance in balances {
        if let Due::Pay(amount) = due(balance, terms, None, now)? {
            let label = balance.partner.to_string();
            let account = Destination::Stripe {
                account: "acct_1".to_owned(),
            };
            let payout = Payout::new(seed.id::<PayoutId>(&label), balance.partner, amount, account, now);
            black_box(payout_entry(seed.id::<JournalId>(&label), &payout)?);
            payouts += 1;
        }
    }
    Ok(payouts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_of_ten_balances_are_due() {
        let seed: Seed = "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid");
        let now = NOW.parse().expect("a time");
        let balances: Vec<_> = (0..20)
            .map(|number| balance(seed, number, now).expect("a balance"))
            .collect();
        let terms = Terms {
            minimum: Money::new(1_000, Currency::EUR),
            reserve: Money::zero(Currency::EUR),
            owner_debt: Money::zero(Currency::EUR),
        };
        assert_eq!(decide_all(&balances, &terms, seed, now).expect("decisions"), 16);
    }
}
