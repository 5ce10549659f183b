//! Balances and the balance transactions they are the sum of.
//!
//! Every movement of money is posted here and nowhere else; a balance is never stored, so it cannot disagree.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::billing::rounded;
use crate::pages::digits;
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, Work, World, int, text};

/// A movement of money on one balance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting<'a> {
    /// Stripe's `type`.
    pub kind: &'a str,
    pub category: &'a str,
    /// Gross, in minor units; negative leaves the balance.
    pub amount: i64,
    pub fee: i64,
    pub currency: &'a str,
    pub source: &'a str,
    pub description: Option<&'a str>,
    /// Seconds until the funds may be used.
    pub pending_s: i64,
}

/// Posts a movement and returns the balance transaction's id.
pub(crate) fn post(world: &mut World, owner: Option<&str>, posting: &Posting<'_>) -> String {
    let id = world.id(Kind::BalanceTransaction);
    let now = world.now();
    let fees = if posting.fee == 0 {
        json!([])
    } else {
        let description = if posting.kind == "adjustment" {
            "Dispute fee"
        } else {
            "Stripe processing fees"
        };
        json!([{
            "amount": posting.fee,
            "application": null,
            "currency": posting.currency,
            "description": description,
            "type": "stripe_fee",
        }])
    };
    let body = json!({
        "id": id,
        "object": "balance_transaction",
        "amount": posting.amount,
        "available_on": now + posting.pending_s,
        "balance_type": "payments",
        "created": now,
        "currency": posting.currency,
        "description": posting.description,
        "exchange_rate": null,
        "fee": posting.fee,
        "fee_details": fees,
        "net": posting.amount - posting.fee,
        "reporting_category": posting.category,
        "source": posting.source,
        "status": if posting.pending_s > 0 { "pending" } else { "available" },
        "type": posting.kind,
    });
    world.shelf.put(Kind::BalanceTransaction, owner, body);
    if posting.pending_s > 0 {
        world.later(
            posting.pending_s * 1000,
            Work::FundsAvailable {
                transaction: id.clone(),
            },
        );
    }
    id
}

/// An amount as it reaches a balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub amount: i64,
    pub currency: String,
    /// Millionths of the balance's currency for one unit of the other; `None` where nothing is converted.
    pub rate_ppm: Option<i64>,
}

/// What an amount comes to on a balance at this moment. The platform's is kept in the settlement currencies, everything else
/// is converted to the first of them; a connected account's balances are kept in whatever reaches them.
pub(crate) fn settled(world: &World, owner: Option<&str>, amount: i64, currency: &str) -> Settled {
    let settings = &world.settings;
    let kept = owner.is_some() || settings.settlement_currencies.iter().any(|each| each == currency);
    match settings.settlement_currencies.first().filter(|_| !kept) {
        None => Settled {
            amount,
            currency: currency.to_owned(),
            rate_ppm: None,
        },
        Some(to) => {
            let rate_ppm = settings.exchange_rates_ppm.get(currency).copied().unwrap_or(PPM);
            Settled {
                amount: converted(amount, rate_ppm, digits(currency), digits(to)),
                currency: to.clone(),
                rate_ppm: Some(rate_ppm),
            }
        }
    }
}

const PPM: i64 = 1_000_000;

/// Minor units to minor units by a rate of whole units, rounded half away from zero.
fn converted(amount: i64, rate_ppm: i64, from_digits: u32, to_digits: u32) -> i64 {
    let dividend = i128::from(amount) * i128::from(rate_ppm) * 10_i128.pow(to_digits);
    rounded(dividend, i128::from(PPM) * 10_i128.pow(from_digits))
}

/// Posts a movement as it reaches the balance: its amount is converted there, its fee is in the balance's currency already.
pub(crate) fn post_settled(world: &mut World, owner: Option<&str>, posting: &Posting<'_>) -> String {
    let settled = settled(world, owner, posting.amount, posting.currency);
    let converted = Posting {
        amount: settled.amount,
        currency: &settled.currency,
        ..*posting
    };
    let id = post(world, owner, &converted);
    if let Some(rate) = settled.rate_ppm {
        let written = format!("{}.{:06}", rate / PPM, rate % PPM);
        let rate: Value = serde_json::from_str(&written).unwrap_or_default();
        world.set(&id, |body| body["exchange_rate"] = rate);
    }
    id
}

/// Pending funds have become available.
pub(crate) fn funds_available(world: &mut World, transaction: &str) {
    world.set(transaction, |body| body["status"] = json!("available"));
}

/// `balance.available`: the balance as it is now. Only told of funds that are available at once, as the card for it does.
pub(crate) fn tell_available(world: &mut World, owner: Option<&str>) {
    let body = of(world, owner);
    crate::events::emit(world, "balance.available", owner, &body, None);
}

/// What may be spent now.
pub(crate) fn available(world: &World, owner: Option<&str>, currency: &str) -> i64 {
    sums(world, owner).get(currency).map_or(0, |sum| sum.0)
}

/// Available and pending funds by currency.
pub(crate) fn sums(world: &World, owner: Option<&str>) -> BTreeMap<String, (i64, i64)> {
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for entry in world.shelf.newest_first(Kind::BalanceTransaction) {
        if entry.owner.as_deref() == owner {
            let sum = sums.entry(text(&entry.body, "currency").to_owned()).or_default();
            let net = int(&entry.body, "net");
            if text(&entry.body, "status") == "available" {
                sum.0 += net;
            } else {
                sum.1 += net;
            }
        }
    }
    sums
}

/// `balance_insufficient`, which an idempotency key keeps.
pub(crate) fn insufficient() -> ApiError {
    ApiError::refused(
        "balance_insufficient",
        "You have insufficient available funds in your Stripe account. Try adding funds directly to your available \
         balance by creating Charges using the 4000000000000077 test card. See: \
         https://stripe.com/docs/testing#available-balance",
    )
}

/// Stripe's share of a payment: basis points, rounded half up, plus the fixed part; never more than the payment.
pub(crate) fn fee_of(world: &World, amount: i64) -> i64 {
    let settings = &world.settings;
    ((amount * settings.fee_bps + 5000).div_euclid(10_000) + settings.fee_fixed_minor).clamp(0, amount.max(0))
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    Ok(of(world, call.owner()))
}

fn of(world: &World, owner: Option<&str>) -> Value {
    let mut sums = sums(world, owner);
    if sums.is_empty() {
        let own = owner.and_then(|id| world.shelf.get(Kind::Account, id));
        sums.insert(
            own.map_or("eur", |account| text(account, "default_currency"))
                .to_owned(),
            (0, 0),
        );
    }
    let column = |pick: fn(&(i64, i64)) -> i64| -> Vec<Value> {
        sums.iter()
            .map(|(currency, sum)| {
                let amount = pick(sum);
                json!({"amount": amount, "currency": currency, "source_types": {"card": amount}})
            })
            .collect()
    };
    let mut body = json!({
        "object": "balance",
        "available": column(|sum| sum.0),
        "livemode": false,
        "pending": column(|sum| sum.1),
    });
    if owner.is_none() {
        body["connect_reserved"] = json!(
            sums.keys()
                .map(|key| json!({"amount": 0, "currency": key}))
                .collect::<Vec<_>>()
        );
    }
    body
}

pub(crate) fn retrieve_transaction(world: &World, call: &Call) -> Answer {
    world.find(Kind::BalanceTransaction, call.id(), call.owner(), "id")
}

pub(crate) fn list_transactions(world: &World, call: &Call) -> Answer {
    if call.params.given("payout").is_some() {
        let message = "Balance transaction history can only be filtered on automatic transfers, not manual.";
        return Err(ApiError::invalid(message).param("payout"));
    }
    let transactions = world.select(Kind::BalanceTransaction, call.owner(), |body| {
        ["type", "currency", "source"]
            .iter()
            .all(|field| call.keeps(body, field))
    });
    list::page(call, Kind::BalanceTransaction, "/v1/balance_transactions", transactions)
}

/// Brings an available balance to an amount by a top-up or an adjustment, for tests.
pub(crate) fn set_available(world: &mut World, owner: Option<&str>, currency: &str, amount: i64) {
    let difference = amount - available(world, owner, currency);
    if difference == 0 {
        return;
    }
    let (kind, category) = if difference > 0 {
        ("topup", "topup")
    } else {
        ("adjustment", "other_adjustment")
    };
    let source = world.id_with("tu", 24);
    let description = Some("Set by control");
    let posting = Posting {
        kind,
        category,
        amount: difference,
        fee: 0,
        currency,
        source: &source,
        description,
        pending_s: 0,
    };
    let id = post(world, owner, &posting);
    // Top-ups are not served as objects, so nothing may point to one.
    world.set(&id, |body| body["source"] = Value::Null);
}

/// Zeroes a connected account's negative balances out of the platform's, as Stripe does after 180 days.
pub(crate) fn zero_negative(world: &mut World, account: &str) -> Vec<Value> {
    let negative: Vec<(String, i64)> = sums(world, Some(account))
        .into_iter()
        .filter_map(|(currency, (available, pending))| {
            (available + pending < 0).then_some((currency, -(available + pending)))
        })
        .collect();
    let mut collected = Vec::new();
    for (currency, owed) in negative {
        let id = world.id(Kind::Collection);
        let body = json!({
            "id": id,
            "object": "connect_collection_transfer",
            "amount": owed,
            "currency": currency,
            "destination": account,
            "livemode": false,
        });
        world.shelf.put(Kind::Collection, None, body.clone());
        for (owner, amount) in [(Some(account), owed), (None, -owed)] {
            let kind = "connect_collection_transfer";
            let description = Some("Negative balance of a connected account");
            let posting = Posting {
                kind,
                category: kind,
                amount,
                fee: 0,
                currency: &currency,
                source: &id,
                description,
                pending_s: 0,
            };
            post(world, owner, &posting);
        }
        collected.push(body);
    }
    collected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_converted_between_minor_units() {
        assert_eq!(converted(10_000, 920_000, 2, 2), 9200);
        assert_eq!(converted(-999, 920_000, 2, 2), -919);
        // 1000 yen at 0.0062 euros each are 6.20 EUR; 1.234 dinars at 3.0 are 3.70 EUR.
        assert_eq!(converted(1000, 6200, 0, 2), 620);
        assert_eq!(converted(1234, 3_000_000, 3, 2), 370);
    }
}
