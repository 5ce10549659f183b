//! What falls due about a subscription as time passes: trials end, periods follow one another, cancellations come.

use serde_json::{Value, json};

use super::calendar::Period;
use super::invoices::{self, collect};
use super::subscriptions::change::UnpayableTrial;
use super::subscriptions::{self, items, states};
use crate::world::{Kind, Work, World, int, text};

const DAY_S: i64 = 24 * 60 * 60;
/// How long before the end of a trial Stripe tells of it.
const TRIAL_NOTICE_S: i64 = 3 * DAY_S;
/// How long Stripe waits for the first payment.
const INCOMPLETE_S: i64 = 23 * 60 * 60;

/// The next thing about a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Expires,
    // Of what falls on the same second a cancellation comes first: a cancelled subscription is not renewed.
    Cancels,
    CollectionResumes,
    TrialWillEnd,
    TrialEnds,
    Renews,
}

/// What comes next by itself and when; `told_of` is the end of the trial that notice was given of.
fn next(subscription: &Value, told_of: Option<i64>) -> Option<(i64, Step)> {
    match text(subscription, "status") {
        "incomplete" => Some((int(subscription, "created") + INCOMPLETE_S, Step::Expires)),
        "canceled" | "incomplete_expired" | "paused" => None,
        status => {
            let trial_end = subscription["trial_end"].as_i64().filter(|_| status == "trialing");
            let notice = trial_end
                .filter(|end| told_of != Some(*end))
                .map(|end| (end - TRIAL_NOTICE_S, Step::TrialWillEnd));
            let ends = match trial_end {
                Some(end) => (end, Step::TrialEnds),
                None => (items::period(subscription).end, Step::Renews),
            };
            let resumes = subscription["pause_collection"]["resumes_at"].as_i64();
            [
                subscription["cancel_at"].as_i64().map(|time| (time, Step::Cancels)),
                resumes.map(|time| (time, Step::CollectionResumes)),
                notice,
                Some(ends),
            ]
            .into_iter()
            .flatten()
            .min()
        }
    }
}

fn next_of(world: &World, id: &str) -> Option<(i64, Step)> {
    let told_of = world.notes.get(id).and_then(|note| note["told_of"].as_i64());
    next(world.shelf.get(Kind::Subscription, id)?, told_of)
}

/// Plans the next thing; earlier plans that no longer hold do nothing when their time comes.
pub(crate) fn plan(world: &mut World, id: &str) {
    if let Some((time, _)) = next_of(world, id) {
        let work = Work::SubscriptionDue {
            subscription: id.to_owned(),
        };
        world.plan.add(time.max(world.now()) * 1000, work);
    }
}

/// Does everything about a subscription whose time has come, in order.
pub(crate) fn due(world: &mut World, id: &str) {
    let mut moved = false;
    while let Some((_, step)) = next_of(world, id).filter(|(time, _)| *time <= world.now()) {
        moved = true;
        match step {
            Step::Expires => states::expire(world, id),
            Step::Cancels => states::end(world, id, None),
            Step::CollectionResumes => {
                world.update(id, "customer.subscription.updated", |body| {
                    body["pause_collection"] = Value::Null;
                });
            }
            Step::TrialWillEnd => {
                let end = world.set(id, |_| {})["trial_end"].clone();
                world.notes.insert(id.to_owned(), json!({"told_of": end}));
                world.emit("customer.subscription.trial_will_end", id);
            }
            Step::TrialEnds => trial_ends(world, id),
            Step::Renews => renew(world, id),
        }
    }
    if moved {
        plan(world, id);
    }
}

fn trial_ends(world: &mut World, id: &str) {
    let body = world.set(id, |_| {});
    match UnpayableTrial::at_end(world, &body) {
        Some(unpayable) => unpayable.happens(world, id),
        None => renew(world, id),
    }
}

/// The next period begins, and its invoice is made.
fn renew(world: &mut World, id: &str) {
    let before = world.set(id, |_| {});
    let (past, sold) = (items::period(&before), items::of(&before));
    let Some(cycle) = items::cycle(&sold) else { return };
    let period = cycle.period(int(&before, "billing_cycle_anchor"), past.end);
    let body = world.set(id, |body| {
        body["items"] = items::list(id, &sold, period);
        if text(body, "status") == "trialing" {
            body["status"] = json!("active");
        }
    });
    let mut lines = items::lines(world, &body, &sold, period, false);
    lines.extend(invoices::items::waiting(world, &body));
    let invoice = issue(world, &body, "subscription_cycle", past, lines);
    world.emit_since("customer.subscription.updated", id, &before);
    advance(world, id, &invoice);
}

/// Makes an invoice of a subscription as a draft.
pub(super) fn issue(
    world: &mut World,
    subscription: &Value,
    reason: &'static str,
    period: Period,
    lines: Vec<invoices::lines::Line>,
) -> String {
    let bill = subscriptions::bill(world, subscription, reason, period, lines);
    let invoice = invoices::put(world, &bill);
    subscriptions::note_billed(world, text(subscription, "id"), &invoice);
    invoice
}

/// What becomes of a renewal's draft: collected, now or in a while; or not, because collection is paused or given up.
fn advance(world: &mut World, id: &str, invoice: &str) {
    let body = world.set(id, |_| {});
    let paused = body["pause_collection"]["behavior"].as_str();
    let draft_s = world.settings.invoice_draft_s;
    match paused {
        Some("void") => {
            invoices::give_up(world, invoice, "void");
        }
        Some("mark_uncollectible") => {
            invoices::give_up(world, invoice, "uncollectible");
        }
        Some(_) => leave_as_draft(world, invoice),
        None if text(&body, "status") == "unpaid" => leave_as_draft(world, invoice),
        None if draft_s > 0 => {
            let time = world.now() + draft_s;
            world.set(invoice, |body| body["automatically_finalizes_at"] = json!(time));
            collect::plan(world, invoice, time);
        }
        None => {
            invoices::finalize(world, invoice);
            // A decline is told by its events and by the state of the subscription.
            let _declined = collect::attempt(world, invoice, None, collect::Asked::BySchedule);
        }
    }
}

fn leave_as_draft(world: &mut World, invoice: &str) {
    world.set(invoice, |body| body["auto_advance"] = json!(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(fields: &Value) -> Value {
        let mut body = json!({"status": "active", "created": 0,
            "items": {"data": [{"current_period_start": 0, "current_period_end": 30 * DAY_S}]}});
        crate::checkout::session::merge(&mut body, fields.clone());
        body
    }

    #[track_caller]
    fn comes(fields: &Value, told_of: Option<i64>, day: i64, step: Step) {
        assert_eq!(
            next(&subscription(fields), told_of),
            Some((day * DAY_S, step)),
            "{fields}"
        );
    }

    #[test]
    fn a_trial_is_told_of_before_it_ends() {
        let trial = json!({"status": "trialing", "trial_end": 14 * DAY_S});
        comes(&trial, None, 11, Step::TrialWillEnd);
        comes(&trial, Some(14 * DAY_S), 14, Step::TrialEnds);
        // A trial that was made longer is told of again.
        comes(&trial, Some(10 * DAY_S), 11, Step::TrialWillEnd);
    }

    #[test]
    fn a_cancellation_at_the_end_of_the_period_comes_before_its_renewal() {
        comes(&json!({"cancel_at": 30 * DAY_S}), None, 30, Step::Cancels);
        comes(&json!({"cancel_at": 45 * DAY_S}), None, 30, Step::Renews);
        comes(
            &json!({"pause_collection": {"resumes_at": 30 * DAY_S}}),
            None,
            30,
            Step::CollectionResumes,
        );
    }

    #[test]
    fn what_is_over_or_paused_waits_for_nothing() {
        for status in ["canceled", "incomplete_expired", "paused"] {
            assert_eq!(next(&subscription(&json!({"status": status})), None), None, "{status}");
        }
    }
}
