//! Collecting what an invoice comes to: the stored payment method is charged, and charged again some days later.

use serde_json::{Value, json};

use super::lines::subscription_of;
use super::{finalize, intent_of, payments};
use crate::billing::{methods, subscriptions};
use crate::charges::intents::Attempt;
use crate::config::AfterRetries;
use crate::wire::error::ApiError;
use crate::world::{Kind, Work, World, int, text};

const DAY_S: i64 = 24 * 60 * 60;

/// Who asks for an attempt: only the first attempt and those of the schedule count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    BySchedule,
    ByRequest,
}

/// Something about an invoice falls due: its draft is final now, or it is tried again. A no-op when it moved on meanwhile.
pub(crate) fn due(world: &mut World, invoice: &str) {
    let Some(body) = world.shelf.get(Kind::Invoice, invoice).cloned() else {
        return;
    };
    let has_come = |field: &str| body[field].as_i64().is_some_and(|time| time <= world.now());
    if body["auto_advance"] != json!(true) {
        return;
    }
    match text(&body, "status") {
        "draft" if has_come("automatically_finalizes_at") => {
            world.set(invoice, |body| body["automatically_finalizes_at"] = Value::Null);
            finalize(world, invoice);
            // A decline is told by its events and by the state of the invoice.
            let _declined = attempt(world, invoice, None, Asked::BySchedule);
        }
        "open" if has_come("next_payment_attempt") => {
            let _declined = attempt(world, invoice, None, Asked::BySchedule);
        }
        "open" if confirm_by(world, invoice).is_some_and(|time| time <= world.now()) => {
            world.notes.remove(invoice);
            world.update(invoice, "invoice.updated", |body| body["auto_advance"] = json!(false));
            give_up(world, subscription_of(&body));
        }
        _ => {}
    }
}

/// Charges an open invoice's payment method, or another one; an invoice that is not open is left as it is.
pub(crate) fn attempt(world: &mut World, invoice: &str, method: Option<String>, asked: Asked) -> Result<(), ApiError> {
    let Some(body) = world.shelf.get(Kind::Invoice, invoice).cloned() else {
        return Ok(());
    };
    if !matches!(text(&body, "status"), "open" | "uncollectible") {
        return Ok(());
    }
    let intent = intent_of(world, invoice);
    let method = method.or_else(|| method_of(world, &body));
    let charged = match &method {
        Some(method) => methods::charge(world, &intent, method),
        None => Err(no_method()),
    };
    match charged {
        Ok(Attempt::ActionRequired) => {
            counted(world, invoice, asked);
            await_confirmation(world, invoice);
            Err(methods::action_required("invoice_payment_intent_requires_action"))
        }
        Ok(Attempt::Paid | Attempt::Processing | Attempt::Held) => {
            counted(world, invoice, asked);
            paid(world, invoice);
            Ok(())
        }
        Err(error) => {
            counted(world, invoice, asked);
            failed(world, invoice, asked);
            Err(error)
        }
    }
}

/// A bank wants the customer to confirm the payment of an invoice. Nobody can try that again for them: it waits as long as
/// all attempts at a declined one would take. The first invoice of a subscription waits as long as the subscription.
fn await_confirmation(world: &mut World, invoice: &str) {
    let body = world.update(invoice, "invoice.updated", |body| {
        body["next_payment_attempt"] = Value::Null;
    });
    world.emit("invoice.payment_action_required", invoice);
    world.emit("invoice.payment_failed", invoice);
    let subscription = subscription_of(&body).to_owned();
    if subscription.is_empty() || is_first(&body) {
        return;
    }
    let days: i64 = world.settings.payment_retry_days.iter().sum();
    let time = world.now() + days * DAY_S;
    world.notes.insert(invoice.to_owned(), json!({"confirm_by": time}));
    plan(world, invoice, time);
    subscriptions::states::payment_failed(world, &subscription);
}

/// Until when an invoice waits for its customer's confirmation.
fn confirm_by(world: &World, invoice: &str) -> Option<i64> {
    world.notes.get(invoice)?["confirm_by"].as_i64()
}

/// The customer has not confirmed what their bank asked; the invoice stays open, for another card.
pub(crate) fn confirmation_refused(world: &mut World, intent: &str) {
    if let Some(invoice) = payments::waiting_for(world, intent) {
        world.emit("invoice.payment_failed", &invoice);
    }
}

/// Time passes for an invoice that waits for a confirmation.
pub(crate) fn age(world: &mut World, invoice: &str, seconds: i64) {
    if let Some(note) = world.notes.get_mut(invoice) {
        note["confirm_by"] = json!(int(note, "confirm_by") - seconds);
    }
}

/// The intent of an invoice has been paid by a customer at hand.
pub(crate) fn paid_by(world: &mut World, invoice: &str, intent: &str) {
    let body = world.shelf.get(Kind::Invoice, invoice).cloned().unwrap_or_default();
    payments::put(world, &body, intent);
    counted(world, invoice, Asked::BySchedule);
    paid(world, invoice);
}

/// A customer at hand has confirmed a payment intent; if an invoice waits for it, it is paid.
pub(crate) fn intent_paid(world: &mut World, intent: &str) {
    if let Some(invoice) = payments::waiting_for(world, intent) {
        counted(world, &invoice, Asked::ByRequest);
        paid(world, &invoice);
    }
}

/// The customer has paid in another way: nothing is charged.
pub(crate) fn paid_elsewhere(world: &mut World, invoice: &str) {
    payments::cancel(world, invoice);
    world.set(invoice, |body| {
        body["amount_paid_off_stripe"] = body["amount_due"].clone();
    });
    paid(world, invoice);
}

/// Nothing is left to be paid, and the subscription hears of it.
pub(crate) fn paid(world: &mut World, invoice: &str) {
    let now = world.now();
    let body = world.set(invoice, |body| {
        body["status"] = json!("paid");
        body["amount_paid"] = body["amount_due"].clone();
        body["amount_remaining"] = json!(0);
        body["auto_advance"] = json!(false);
        body["next_payment_attempt"] = Value::Null;
        body["status_transitions"]["paid_at"] = json!(now);
    });
    world.notes.remove(invoice);
    payments::paid(world, invoice, int(&body, "amount_due"));
    world.emit("invoice.paid", invoice);
    world.emit("invoice.payment_succeeded", invoice);
    subscriptions::states::invoice_paid(world, subscription_of(&body), invoice);
}

/// What an invoice is paid with.
pub(crate) fn method_of(world: &World, invoice: &Value) -> Option<String> {
    if let Some(own) = invoice["default_payment_method"].as_str() {
        return Some(own.to_owned());
    }
    match world.shelf.get(Kind::Subscription, subscription_of(invoice)) {
        Some(subscription) => methods::of_subscription(world, subscription),
        None => methods::of_customer(world, text(invoice, "customer")),
    }
}

/// As Stripe refuses to charge a customer who has stored nothing.
pub(crate) fn no_method() -> ApiError {
    let message = "This customer has no attached payment source or default payment method. Please consider adding a \
                   default payment method.";
    ApiError::refused("resource_missing", message)
}

fn counted(world: &mut World, invoice: &str, asked: Asked) {
    world.set(invoice, |body| {
        body["attempted"] = json!(true);
        if asked == Asked::BySchedule || int(body, "attempt_count") == 0 {
            body["attempt_count"] = json!(int(body, "attempt_count") + 1);
        }
    });
}

/// Plans the next attempt, or ends the attempts as the settings say.
fn failed(world: &mut World, invoice: &str, asked: Asked) {
    let Some(body) = world.shelf.get(Kind::Invoice, invoice).cloned() else {
        return;
    };
    // The first invoice is the customer's to pay: it is not tried again by itself.
    let first = is_first(&body);
    let next = match asked {
        _ if first => None,
        Asked::ByRequest if int(&body, "attempt_count") > 1 => body["next_payment_attempt"].as_i64(),
        _ => next_attempt(
            &world.settings.payment_retry_days,
            int(&body, "attempt_count"),
            world.now(),
        ),
    };
    world.update(invoice, "invoice.updated", |body| {
        body["next_payment_attempt"] = json!(next);
        if next.is_none() && !first {
            body["auto_advance"] = json!(false);
        }
    });
    world.emit("invoice.payment_failed", invoice);
    let subscription = subscription_of(&body).to_owned();
    match next {
        Some(time) => {
            plan(world, invoice, time);
            subscriptions::states::payment_failed(world, &subscription);
        }
        None if first => {}
        None => {
            subscriptions::states::payment_failed(world, &subscription);
            give_up(world, &subscription);
        }
    }
}

fn is_first(invoice: &Value) -> bool {
    text(invoice, "billing_reason") == "subscription_create"
}

/// What becomes of a subscription that could not be paid for in time.
fn give_up(world: &mut World, subscription: &str) {
    match world.settings.after_payment_retries {
        AfterRetries::Cancel => subscriptions::states::end(world, subscription, Some("payment_failed")),
        AfterRetries::Unpaid => subscriptions::states::unpaid(world, subscription),
        AfterRetries::PastDue => {}
    }
}

/// When an invoice is tried again after so many attempts; `None` after the last.
fn next_attempt(retry_days: &[i64], attempts: i64, now: i64) -> Option<i64> {
    let done = usize::try_from(attempts - 1).ok()?;
    retry_days.get(done).map(|days| now + days * DAY_S)
}

pub(crate) fn plan(world: &mut World, invoice: &str, time: i64) {
    let work = Work::InvoiceDue {
        invoice: invoice.to_owned(),
    };
    world.plan.add(time * 1000, work);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_tried_three_times_more() {
        let day = |attempts| next_attempt(&[3, 5, 7], attempts, 0).map(|time| time / DAY_S);
        assert_eq!([1, 2, 3, 4, 0].map(day), [Some(3), Some(5), Some(7), None, None]);
    }
}
