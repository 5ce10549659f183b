//! PayPal's part: how it is asked, what buyers, banks and PayPal itself do there, how its events arrive, and its books in the words of Stripe's.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use paypal_standin::{Config, InProcess, Kind};
use serde_json::{Value, json};
use shared::partner::destination::name_receiver;
use shared::partner::{Change, PayPalAddress};
use shared::processor::paypal::intake;
use shared::processor::paypal::objects::Event;
use shared::processor::paypal::reference;
use shared::runtime::secrets::PayPalSecretSource;
use shared::store::partners;

use crate::chance::Chance;
use crate::deed::{Act, Part};
use crate::heard::Heard;
use crate::plan::{Approval, Payee, Payment, Plan};
use crate::run::Run;
use crate::task::{Ended, HTTP_LIMIT, Letter, Task, Work};
use crate::world::{World, at_once};

/// Longer than any run.
const TOKEN_LASTS_S: i64 = 100 * 365 * 24 * 60 * 60;
/// Whoever has this address is paid.
pub(crate) const PAID: &str = "sounds@example.com";
/// In which a pending capture is decided.
const PENDING_MS: i64 = 3 * 60 * 60 * 1000;

pub(crate) fn stand_in(seed: u64, now: Timestamp) -> std::sync::Arc<InProcess> {
    let mut config = Config {
        public_url: Some("https://paypal.example".to_owned()),
        ..Config::default()
    };
    config.settings.token_lifetime_s = TOKEN_LASTS_S;
    config.settings.pending_delay_ms = PENDING_MS;
    std::sync::Arc::new(InProcess::new(config, seed, now.as_millisecond()))
}

/// The app at PayPal, if there is one.
pub(crate) fn secret(is_set_up: bool) -> PayPalSecretSource {
    let Config {
        client_id,
        client_secret,
        webhook_id,
        ..
    } = Config::default();
    if is_set_up {
        PayPalSecretSource::fixed(&client_id, &client_secret, &webhook_id)
    } else {
        PayPalSecretSource::fixed("", "", "")
    }
}

/// How a customer pays at PayPal.
pub(crate) fn approval(chance: &mut Chance) -> Payment {
    let ways = [
        Approval::Success,
        Approval::Success,
        Approval::SecondTry,
        Approval::Pending,
        Approval::Denied,
    ];
    Payment::PayPal(chance.pick(&ways))
}

/// How money of an order that was paid there goes back.
pub(crate) fn acts(part: Part, chance: &mut Chance) -> Vec<Act> {
    let ways = vec![(4, 0), (2, 1), (3, 2), (5, 3), (2, 4)];
    match chance.weighted(ways).unwrap_or_default() {
        0 => vec![Act::Refund(part)],
        1 => vec![
            Act::AskForRefund(part),
            Act::Decide {
                approves: chance.percent(75),
            },
        ],
        2 => vec![Act::RefundAtStripe(part)],
        3 => dispute_acts(chance),
        _ => vec![Act::ReverseAtPayPal(part)],
    }
}

fn dispute_acts(chance: &mut Chance) -> Vec<Act> {
    let mut acts = vec![Act::Dispute {
        inquiry: chance.percent(50),
    }];
    if chance.percent(40) {
        acts.push(Act::Counter);
    }
    acts.push(Act::Close {
        won: chance.percent(50),
    });
    for _ in 0..chance.pick(&[0, 0, 0, 1, 2]) {
        acts.push(Act::Overturn);
    }
    acts
}

/// Somebody who sells in euros alone is paid there: PayPal does not pay in all currencies.
pub(crate) fn payee(plan: &Plan, chance: &mut Chance) -> Option<Payee> {
    let partner = chance.below(plan.partners);
    let address = chance.pick(&[PAID, PAID, "unclaimed@example.com", "blocked@example.com"]);
    let mut theirs = plan.listings.iter().filter(|listing| listing.partner == partner);
    theirs
        .all(|listing| listing.currency == "EUR")
        .then_some(Payee { partner, address })
}

impl World {
    /// The partner is paid at PayPal from now on, which has enough to pay from.
    pub(crate) fn name_receiver(&self, payee: Payee, chance: &mut Chance) {
        let partner = at_once(partners::load(&self.store, self.partners[payee.partner].id));
        let partner = partner.expect("memory does not fail").expect("the partner");
        let address = PayPalAddress::parse(payee.address).expect("an address");
        let named = name_receiver(&partner, address, None, SignedDuration::ZERO, self.act(chance));
        let named = named.expect("not rejected").expect("another receiver");
        let named = Change {
            messages: Vec::new(),
            ..named
        };
        at_once(partners::save(&self.store, &named, partner.revision, [])).expect("nobody else writes");
        let funds = json!({"value": "1000000.00", "currency": "EUR"});
        self.paypal.control("balance", &funds).expect("a balance");
    }
}

impl Run<'_> {
    /// PayPal takes back what the newest receiver has got, if anybody has.
    pub(crate) fn reverse_payout_item(&mut self) {
        if let Some(item) = self.heard.items.last() {
            let path = format!("payouts-items/{item}");
            let reversed = self.world.paypal.control(&path, &json!({"status": "REVERSED"}));
            self.trace.say(self.world.now, || format!("{path}: {reversed:?}"));
        }
    }

    /// Nobody claims what has not been claimed by now.
    pub(crate) fn return_unclaimed(&mut self) {
        for item in self.world.paypal.objects(Kind::Item) {
            if item["transaction_status"] == "UNCLAIMED" {
                let path = format!("payouts-items/{}", text(&item["payout_item_id"]));
                let returned = self.world.paypal.control(&path, &json!({"status": "RETURNED"}));
                self.trace.say(self.world.now, || format!("{path}: {returned:?}"));
            }
        }
        self.collect_paypals();
    }

    /// What somebody does at PayPal.
    pub(crate) fn at_paypal(&self, index: usize, order: &str, act: Act) -> Result<Value, Value> {
        let (paypal, deed) = (&self.world.paypal, &self.deeds[index]);
        let capture = self.heard.charges.get(order).cloned().unwrap_or_default();
        let object = self.object_of(deed).cloned().unwrap_or_default();
        let of_capture = |deed: &str, body: Value| paypal.control(&format!("captures/{capture}/{deed}"), &body);
        let of_dispute = |deed: &str, body: Value| paypal.control(&format!("disputes/{object}/{deed}"), &body);
        match act {
            Act::RefundAtStripe(part) => of_capture("refund", amount(part)),
            Act::ReverseAtPayPal(part) => of_capture("reverse", amount(part)),
            Act::Fail => paypal.control(&format!("refunds/{object}/fail"), &json!({})),
            Act::Dispute { inquiry } => {
                let channel = if inquiry { "INTERNAL" } else { "EXTERNAL" };
                of_capture("dispute", json!({"channel": channel}))
            }
            Act::Escalate | Act::Counter => of_dispute("update", json!({"status": "UNDER_REVIEW"})),
            Act::Close { won } => of_dispute("close", json!({"outcome": if won { "won" } else { "lost" }})),
            Act::Overturn => of_dispute("overturn", json!({})),
            Act::Cancel
            | Act::Refund(_)
            | Act::RefundAsPartner(_)
            | Act::AskForRefund(_)
            | Act::Decide { .. }
            | Act::Wait { .. } => Err(json!("not done at PayPal")),
        }
    }

    /// Takes up what PayPal has told since the last time.
    pub(crate) fn collect_paypals(&mut self) {
        let events = self.world.paypal.events_from(self.paypal_events_seen);
        self.paypal_events_seen += events.len();
        for event in events {
            self.heard.hear_paypal(&event);
            let due = self.arrives();
            self.letters.push(Letter::of_paypal(&event, due));
        }
    }

    /// Takes an event in as the webhook does once it has verified it, which needs certificates and is not money's.
    pub(crate) fn deliver_paypals(&mut self, letter: Letter) -> Task {
        let event: Event = serde_json::from_str(&letter.body).expect("an event of PayPal's");
        let (store, ours) = (self.world.store.clone(), self.world.deployment.clone());
        let seed = self.chance.seed(self.world.now);
        self.task(letter.kind.clone(), Work::Letter(letter), HTTP_LIMIT, |_, now| {
            Box::pin(async move {
                match intake::take_in(&store, event, &ours, seed, now).await {
                    Ok(_) => Ended::Answer(axum::http::StatusCode::OK, Vec::new()),
                    Err(error) => Ended::Answer(
                        axum::http::StatusCode::SERVICE_UNAVAILABLE,
                        error.to_string().into_bytes(),
                    ),
                }
            })
        })
    }
}

/// Of an order in euros.
fn amount(part: Part) -> Value {
    match part {
        Part::All => json!({}),
        Part::Line { minor, .. } => {
            let value = format!("{}.{:02}", minor / 100, minor % 100);
            json!({"amount": {"value": value, "currency_code": "EUR"}})
        }
    }
}

impl Heard {
    fn hear_paypal(&mut self, event: &Value) {
        let object = &event["resource"];
        if event["event_type"] == "PAYMENT.PAYOUTS-ITEM.SUCCEEDED" {
            self.items.push(text(&object["payout_item_id"]).to_owned());
            return;
        }
        let ours = object["custom_id"].as_str().map(reference::id);
        let (Some(id), Some(ours)) = (object["id"].as_str(), ours) else {
            return;
        };
        match event["event_type"].as_str() {
            Some("PAYMENT.CAPTURE.COMPLETED") => self.charges.insert(ours.to_owned(), id.to_owned()),
            Some("PAYMENT.CAPTURE.REFUNDED") => self.refunds.insert(ours.to_owned(), id.to_owned()),
            _ => None,
        };
    }
}

/// PayPal's books as the invariants read them, which speak of Stripe's.
pub(crate) struct Theirs {
    pub(crate) sessions: Vec<Value>,
    pub(crate) charges: Vec<Value>,
    pub(crate) refunds: Vec<Value>,
    pub(crate) disputes: Vec<Value>,
    pub(crate) transfers: Vec<Value>,
    pub(crate) transactions: Vec<Value>,
}

pub(crate) fn theirs(paypal: &InProcess) -> Theirs {
    let captures = paypal.objects(Kind::Capture);
    let movements = paypal.objects(Kind::Movement);
    let disputes = paypal.objects(Kind::Dispute);
    let disputed: BTreeSet<&str> = disputes.iter().map(capture_of).collect();
    let reversals = paypal.objects(Kind::Reversal);
    let alone = reversals.iter().filter(|reversal| !disputed.contains(up(reversal)));
    Theirs {
        sessions: paypal
            .objects(Kind::Order)
            .iter()
            .map(|order| session(order, &captures))
            .collect(),
        charges: captures
            .iter()
            .map(|capture| json!({"id": capture["id"], "amount": minor(&capture["amount"])}))
            .collect(),
        refunds: paypal.objects(Kind::Refund).iter().map(refund).collect(),
        disputes: disputes.iter().map(dispute).chain(alone.map(reversal)).collect(),
        transfers: paypal
            .objects(Kind::Item)
            .iter()
            .filter_map(|item| transfer(item, &paypal.objects(Kind::Batch)))
            .collect(),
        transactions: movements
            .iter()
            .filter(|info| info["transaction_status"] != "D")
            .map(|info| transaction(info, &movements))
            .collect(),
    }
}

fn session(order: &Value, captures: &[Value]) -> Value {
    let paid_by = |capture: &&Value| capture["supplementary_data"]["related_ids"]["order_id"] == order["id"];
    let status = captures
        .iter()
        .find(paid_by)
        .and_then(|capture| capture["status"].as_str());
    let (status, payment_status) = match status {
        Some("COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED") => ("complete", "paid"),
        Some("DECLINED") => ("complete", "unpaid"),
        _ => ("open", "unpaid"),
    };
    json!({
        "client_reference_id": order["purchase_units"][0]["invoice_id"],
        "status": status,
        "payment_status": payment_status,
    })
}

fn refund(refund: &Value) -> Value {
    let status = match refund["status"].as_str() {
        Some("COMPLETED") => "succeeded",
        _ => "failed",
    };
    json!({"id": refund["id"], "charge": up(refund), "amount": minor(&refund["amount"]), "status": status})
}

fn dispute(dispute: &Value) -> Value {
    let status = match dispute["dispute_outcome"]["outcome_code"].as_str() {
        Some("RESOLVED_BUYER_FAVOUR" | "ACCEPTED") => "lost",
        Some("RESOLVED_SELLER_FAVOUR" | "RESOLVED_WITH_PAYOUT") => "won",
        Some("CANCELED_BY_BUYER") => "warning_closed",
        _ => "needs_response",
    };
    let taken = minor(&dispute["dispute_outcome"]["amount_refunded"]);
    json!({"id": dispute["dispute_id"], "charge": capture_of(dispute), "amount": taken, "status": status})
}

fn reversal(reversal: &Value) -> Value {
    json!({"id": reversal["id"], "charge": up(reversal), "amount": minor(&reversal["amount"]), "status": "lost"})
}

/// What was paid to somebody, though it may have been taken back; `None` for what never reached anybody.
fn transfer(item: &Value, batches: &[Value]) -> Option<Value> {
    let amount = minor(&item["payout_item"]["amount"]);
    let reversed = match item["transaction_status"].as_str()? {
        "SUCCESS" => 0,
        "REVERSED" => amount,
        _ => return None,
    };
    let batch = batches
        .iter()
        .find(|batch| batch["payout_batch_id"] == item["payout_batch_id"])?;
    Some(json!({
        "id": item["payout_item_id"],
        "transfer_group": batch["sender_batch_header"]["sender_batch_id"],
        "amount": amount,
        "amount_reversed": reversed,
        "currency": item["payout_item"]["amount"]["currency"],
    }))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What moves for a dispute is the capture's, and so is the bill for it.
fn transaction(info: &Value, all: &[Value]) -> Value {
    let id = info["transaction_id"].as_str().unwrap_or_default();
    let of = info["paypal_reference_id"].as_str().unwrap_or_default();
    let before = all.iter().find(|before| before["transaction_id"] == of);
    let (id, source) = match info["transaction_event_code"].as_str() {
        Some("T1106" | "T1201" | "T1202" | "T1100") => (id.to_owned(), of),
        Some("T0106") => (
            id.to_owned(),
            before
                .and_then(|before| before["paypal_reference_id"].as_str())
                .unwrap_or_default(),
        ),
        Some("T1111") => (format!("{id}.T1111"), id),
        _ => (id.to_owned(), id),
    };
    let net = minor(&info["transaction_amount"]) + minor(&info["fee_amount"]);
    json!({"id": id, "source": source, "net": net})
}

fn capture_of(dispute: &Value) -> &str {
    dispute["disputed_transactions"][0]["seller_transaction_id"]
        .as_str()
        .unwrap_or_default()
}

/// The capture that a refund, or a reversal, is of.
fn up(refund: &Value) -> &str {
    let link = refund["links"][1]["href"].as_str().unwrap_or_default();
    link.rsplit('/').next().unwrap_or_default()
}

/// PayPal's decimals in cents.
fn minor(amount: &Value) -> i64 {
    let digits = amount["value"].as_str().unwrap_or_default().replace('.', "");
    digits.parse().unwrap_or_default()
}
