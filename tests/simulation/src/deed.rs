//! Money that goes back: people who refund at the counter or in Stripe's dashboard, customers who ask, banks that dispute.
//!
//! A deed is a row of acts about one order, each done as soon as it can be. Those at the counter are done again until there is an answer,
//! as a customer orders ([`crate::errand`]); those at Stripe happen at once, and what cannot be is not done: Stripe refuses it.

use std::collections::VecDeque;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::plan::Listing;
use crate::run::Run;
use crate::task::Work;

/// How much of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    All,
    Line { line: usize, minor: i64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// The customer cancels what is not paid yet.
    Cancel,
    /// An operator refunds.
    Refund(Part),
    /// The partner who sold the first line refunds.
    RefundAsPartner(Part),
    /// The customer asks for it, and an operator decides.
    AskForRefund(Part),
    Decide {
        approves: bool,
    },
    /// Somebody refunds in the processor's dashboard.
    RefundAtStripe(Part),
    /// The customer's bank sends the refund back.
    Fail,
    /// The customer's bank wants the money back, or first asks why it should not.
    Dispute {
        inquiry: bool,
    },
    Escalate,
    /// Evidence is handed in.
    Counter,
    Close {
        won: bool,
    },
    /// The bank changes its mind: a lost dispute is won later, a won one takes the money once more.
    Overturn,
    /// PayPal takes money back without a dispute.
    ReverseAtPayPal(Part),
    /// Nobody does anything for so long.
    Wait {
        hours: i64,
    },
}

/// Who stands at the counter.
#[derive(Debug, Clone, Copy)]
enum Caller {
    Operator,
    Customer(usize),
    Partner(usize),
}

/// What an act is about.
#[derive(Debug)]
enum Bought {
    /// The order with this number.
    Order(usize),
    Renewal(Renewed),
}

/// An order that an invoice of a subscription has become.
#[derive(Debug)]
pub(crate) struct Renewed {
    pub(crate) order: String,
    pub(crate) charge: Option<String>,
    pub(crate) customer: usize,
    pub(crate) listing: usize,
}

#[derive(Debug)]
pub(crate) struct Deed {
    of: Bought,
    /// What is still to be done, in this order.
    acts: VecDeque<Act>,
    /// Not before this time; `None` while an answer is on its way.
    at: Option<Timestamp>,
    /// Whether the next act has been tried, and who tried it waits to hear of it.
    is_tried: bool,
    /// Our refund.
    refund: Option<String>,
    /// Stripe's refund or dispute.
    object: Option<String>,
}

impl Deed {
    pub(crate) fn new(order: usize, acts: &[Act], at: Timestamp) -> Self {
        Self::of(Bought::Order(order), acts, at)
    }

    pub(crate) fn of_renewal(renewed: Renewed, acts: &[Act], at: Timestamp) -> Self {
        Self::of(Bought::Renewal(renewed), acts, at)
    }

    fn of(of: Bought, acts: &[Act], at: Timestamp) -> Self {
        Self {
            of,
            acts: acts.iter().copied().collect(),
            at: Some(at),
            is_tried: false,
            refund: None,
            object: None,
        }
    }

    /// Whether nobody waits for an answer.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.is_tried
    }
}

impl Run<'_> {
    /// When the deed's next act can be done, as far as can be known now.
    pub(crate) fn deed_due(&self, deed: &Deed) -> Option<Timestamp> {
        let order = self.order_of(deed)?;
        let can_be = match deed.acts.front()? {
            // Who refunds at the counter has seen the order there as paid.
            Act::Refund(_) | Act::RefundAsPartner(_) | Act::AskForRefund(_) => self.receipts.contains_key(order),
            Act::Decide { .. } => deed.refund.is_some(),
            Act::RefundAtStripe(_) | Act::Dispute { .. } | Act::ReverseAtPayPal(_) => {
                self.charge_of_deed(deed).is_some()
            }
            Act::Fail => self.object_of(deed).is_some(),
            Act::Escalate | Act::Counter | Act::Close { .. } | Act::Overturn => deed.object.is_some(),
            Act::Cancel | Act::Wait { .. } => true,
        };
        deed.at.filter(|_| can_be)
    }

    fn order_of<'a>(&'a self, deed: &'a Deed) -> Option<&'a String> {
        match &deed.of {
            Bought::Order(order) => self.errands[*order].order.as_ref(),
            Bought::Renewal(renewed) => Some(&renewed.order),
        }
    }

    fn charge_of_deed<'a>(&'a self, deed: &'a Deed) -> Option<&'a String> {
        match &deed.of {
            Bought::Order(_) => self.heard.charges.get(self.order_of(deed)?),
            Bought::Renewal(renewed) => renewed.charge.as_ref(),
        }
    }

    /// Subscriptions are Stripe's alone.
    fn is_at_paypal(&self, index: usize) -> bool {
        match self.deeds[index].of {
            Bought::Order(order) => self.errands[order].payment.is_at_paypal(),
            Bought::Renewal(_) => false,
        }
    }

    fn customer_of(&self, deed: &Deed) -> usize {
        match &deed.of {
            Bought::Order(order) => self.errands[*order].customer,
            Bought::Renewal(renewed) => renewed.customer,
        }
    }

    /// Of the first line.
    fn listing_of(&self, deed: &Deed) -> Option<&Listing> {
        let listing = match &deed.of {
            Bought::Order(order) => *self.errands[*order].listings.first()?,
            Bought::Renewal(renewed) => renewed.listing,
        };
        self.plan.listings.get(listing)
    }

    /// Stripe's refund or dispute.
    pub(crate) fn object_of<'a>(&'a self, deed: &'a Deed) -> Option<&'a String> {
        deed.object
            .as_ref()
            .or_else(|| self.heard.refunds.get(deed.refund.as_ref()?))
    }

    pub(crate) fn run_deed(&mut self, index: usize) {
        let deed = &self.deeds[index];
        let (Some(act), Some(order)) = (deed.acts.front().copied(), self.order_of(deed).cloned()) else {
            return;
        };
        self.trace.say(self.world.now, || format!("deed {index}: {act:?}"));
        match act {
            Act::Cancel => {
                let customer = Caller::Customer(self.customer_of(deed));
                self.at_counter(index, &format!("orders/{order}/cancellation"), customer, &json!({}));
            }
            Act::Refund(part) => {
                let body = asked(part, self.currency_of(index));
                self.at_counter(index, &format!("orders/{order}/refunds"), Caller::Operator, &body);
            }
            Act::RefundAsPartner(part) => {
                let body = asked(part, self.currency_of(index));
                let partner = self.seller_of(index);
                let id = self.world.partners[partner].id;
                let path = format!("partners/{id}/orders/{order}/refunds");
                self.at_counter(index, &path, Caller::Partner(partner), &body);
            }
            Act::AskForRefund(part) => {
                let customer = Caller::Customer(self.customer_of(deed));
                let body = asked(part, self.currency_of(index));
                self.at_counter(index, &format!("orders/{order}/refund-requests"), customer, &body);
            }
            Act::Decide { approves } => {
                let refund = deed.refund.clone().unwrap_or_default();
                let body = if approves {
                    json!({"decision": "approve"})
                } else {
                    json!({"decision": "decline", "note": "It works."})
                };
                let path = format!("orders/{order}/refunds/{refund}/decisions");
                self.at_counter(index, &path, Caller::Operator, &body);
            }
            Act::Wait { hours } => {
                let deed = &mut self.deeds[index];
                deed.acts.pop_front();
                deed.at = Some(self.world.now + SignedDuration::from_hours(hours));
            }
            act => {
                let done = if self.is_at_paypal(index) {
                    self.at_paypal(index, &order, act)
                } else {
                    self.at_stripe(index, act)
                };
                let later = self.later();
                let deed = &mut self.deeds[index];
                match done {
                    Ok(object) => {
                        deed.acts.pop_front();
                        let id = object["id"].as_str().or(object["dispute_id"].as_str());
                        deed.object = id.map(str::to_owned);
                        deed.at = Some(later);
                    }
                    Err(refusal) => {
                        deed.acts.clear();
                        self.refused(index, &refusal.to_string());
                    }
                }
            }
        }
    }

    fn currency_of(&self, index: usize) -> &'static str {
        self.listing_of(&self.deeds[index])
            .map_or("EUR", |listing| listing.currency)
    }

    /// Who sold the first line.
    fn seller_of(&self, index: usize) -> usize {
        self.listing_of(&self.deeds[index]).map_or(0, |listing| listing.partner)
    }

    /// Does what the caller does at the counter.
    fn at_counter(&mut self, index: usize, path: &str, caller: Caller, body: &Value) {
        let deed = &mut self.deeds[index];
        (deed.at, deed.is_tried) = (None, true);
        let counter = match deed.acts.front() {
            Some(Act::Cancel) => &self.world.shop,
            _ => &self.world.refunds,
        };
        let counter = counter.clone();
        let token = match caller {
            Caller::Customer(customer) => self.world.customers[customer].reveal(),
            Caller::Partner(partner) => self.world.partners[partner].token.reveal(),
            Caller::Operator => &self.world.operator,
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/{path}"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("idempotency-key", format!("deed {index}: {:?}", deed.acts.front()))
            .extension(self.chance.seed(self.world.now))
            .body(Body::from(body.to_string()))
            .expect("a request");
        let task = self.http(format!("deed {index}"), counter, request, Work::Deed(index));
        self.begin(task);
    }

    /// The counter has answered, or (`None`) broken off.
    pub(crate) fn deed_answered(&mut self, index: usize, answer: Option<(StatusCode, &[u8])>) {
        let again = self.world.now + SignedDuration::from_secs(self.chance.between(1, 90));
        let later = self.later();
        let deed = &mut self.deeds[index];
        let body: Value = answer
            .and_then(|(_, body)| serde_json::from_slice(body).ok())
            .unwrap_or_default();
        let code = body["code"].as_str().unwrap_or_default();
        match answer {
            Some((status, _)) if status.is_success() || is_done(code) => {
                if let Some(id) = body["id"].as_str() {
                    deed.refund = Some(id.to_owned());
                }
                deed.acts.pop_front();
                (deed.at, deed.is_tried) = (Some(later), false);
            }
            Some(_) if matches!(code, "nothing_left" | "refund_above_remainder" | "credit_unspent") => {
                let was = deed.acts.front().copied();
                deed.acts.clear();
                if was == Some(Act::Decide { approves: true }) {
                    deed.acts.push_back(Act::Decide { approves: false });
                }
                (deed.at, deed.is_tried) = (Some(later), false);
                self.refused(index, code);
            }
            Some((status, _)) if status.is_client_error() && !is_not_now(status) => {
                self.wrong.push(format!("deed {index} is refused: {status} {body}"));
                deed.acts.clear();
                deed.is_tried = false;
            }
            _ => deed.at = Some(again),
        }
    }

    /// Only other deeds about the same order can be in the way of one, or what else gives its money back.
    fn refused(&mut self, index: usize, why: &str) {
        let Bought::Order(order) = self.deeds[index].of else {
            return;
        };
        let is_of = |deed: &&Deed| matches!(deed.of, Bought::Order(of) if of == order);
        let is_alone = self.deeds.iter().filter(is_of).count() == 1;
        if is_alone && !self.plan.is_raced(order) {
            self.wrong.push(format!("deed {index} is refused: {why}"));
        }
    }

    /// Some banks take their time.
    fn later(&mut self) -> Timestamp {
        let seconds = if self.is_stormy() {
            self.chance.pick(&[0, 0, 60, 30 * 3_600])
        } else {
            0
        };
        self.world.now + SignedDuration::from_secs(seconds)
    }

    fn at_stripe(&self, index: usize, act: Act) -> Result<Value, Value> {
        let (stripe, deed) = (&self.world.stripe, &self.deeds[index]);
        let charge = self.charge_of_deed(deed).cloned().unwrap_or_default();
        let object = self.object_of(deed).cloned().unwrap_or_default();
        match act {
            Act::RefundAtStripe(part) => {
                let amount = match part {
                    Part::All => String::new(),
                    Part::Line { minor, .. } => format!("&amount={minor}"),
                };
                self.world.by_hand("/v1/refunds", &format!("charge={charge}{amount}"))
            }
            Act::Counter => {
                let evidence = "evidence[uncategorized_text]=It was delivered.";
                self.world.by_hand(&format!("/v1/disputes/{object}"), evidence)
            }
            Act::Fail => stripe.control(&format!("refunds/{object}/fail"), &json!({})),
            Act::Dispute { inquiry } => {
                stripe.control(&format!("charges/{charge}/dispute"), &json!({"inquiry": inquiry}))
            }
            Act::Escalate => stripe.control(&format!("disputes/{object}/escalate"), &json!({})),
            Act::Close { won } => {
                let outcome = if won { "won" } else { "lost" };
                stripe.control(&format!("disputes/{object}/close"), &json!({"outcome": outcome}))
            }
            Act::Overturn => stripe.control(&format!("disputes/{object}/overturn"), &json!({})),
            Act::Cancel
            | Act::Refund(_)
            | Act::RefundAsPartner(_)
            | Act::AskForRefund(_)
            | Act::Decide { .. }
            | Act::ReverseAtPayPal(_)
            | Act::Wait { .. } => Err(json!("not done at Stripe")),
        }
    }
}

fn asked(part: Part, currency: &str) -> Value {
    match part {
        Part::All => json!({"reason": "requested_by_customer"}),
        Part::Line { line, minor } => json!({
            "reason": "does_not_work",
            "lines": [{"line": line, "amount": {"amount": minor, "currency": currency}}],
        }),
    }
}

/// Answers that say that it is done, or that nothing is to be done any more.
fn is_done(code: &str) -> bool {
    matches!(code, "already_decided" | "order_paid" | "payment_under_way")
}

/// Answers after which the same request may be made again: that nobody is known by this token may be a clock's fault.
fn is_not_now(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::UNAUTHORIZED
    )
}
