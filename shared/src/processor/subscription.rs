//! From Stripe's subscription and invoices to what a subscription here is made from.

use jiff::Timestamp;

use super::stripe::billing::{self, Invoice, InvoiceStatus, SubscriptionStatus, time};
use super::stripe::objects::Expandable;
use super::stripe::requests::Metadata;
use crate::ids::{OrderId, PlanId, SubscriptionId, UserId};
use crate::money::{Currency, Money};
use crate::subscription::{AtStripe, EndReason, OpenInvoice, PaidInvoice, Report, Subscription, Told, renewal_order};

/// What Souk puts on a session and a subscription of Stripe's.
pub mod named {
    pub const CUSTOMER: &str = "customer_id";
    pub const SUBSCRIPTION: &str = "subscription_id";
    pub const PLAN: &str = "plan_id";
    /// What is taken off the price at first, if anything is.
    pub const EDUCATIONAL: &str = "educational_percent";
}

impl Subscription {
    /// The metadata by which everything of this subscription is found again.
    pub fn metadata(&self) -> Metadata {
        let always = [
            (named::CUSTOMER.to_owned(), self.customer.to_string()),
            (named::SUBSCRIPTION.to_owned(), self.id.to_string()),
            (named::PLAN.to_owned(), self.plan.id.to_string()),
        ];
        let percent = self.educational_percent.map(|percent| percent.to_string());
        let discounted = percent.map(|percent| (named::EDUCATIONAL.to_owned(), percent));
        always.into_iter().chain(discounted).collect()
    }
}

impl billing::Subscription {
    /// The plan that it is under: the one that its last change named.
    pub fn plan(&self) -> Option<PlanId> {
        self.metadata.get(named::PLAN)?.parse().ok()
    }

    /// What it says, and what its latest invoices say, the newest first. A state that is not known here changes nothing: a person must look
    /// at it.
    pub fn report(&self, invoices: &[Invoice]) -> Result<Report, String> {
        let odd = |what: &str| format!("subscription {}: {what}", self.id);
        let item = self.items.data.first().ok_or_else(|| odd("it has no item"))?;
        let at = |second: i64| time(second).ok_or_else(|| odd("a time that is none"));
        let maybe = |second: Option<i64>| second.map(at).transpose();
        Ok(Report {
            at_stripe: AtStripe {
                subscription: self.id.clone(),
                customer: self.customer.id().to_owned(),
                item: item.id.clone(),
                product: item.price.product.id().to_owned(),
            },
            told: told(self.status).ok_or_else(|| odd("its status is not known here"))?,
            collection_paused: self.pause_collection.is_some(),
            quantity: item.quantity.unwrap_or(1),
            period_start: at(item.current_period_start)?,
            period_end: at(item.current_period_end)?,
            // Not the latest end: who has gone from years to months has another month than the year that was paid once.
            paid_through: maybe(invoices.iter().find_map(Invoice::paid_through))?,
            trial_end: maybe(self.trial_end)?,
            cancel_at: maybe(self.cancel_at)?,
            ended_at: maybe(self.ended_at)?,
            end_reason: self.end_reason(),
            open_invoice: invoices.iter().find_map(open),
            credit: self.credit(invoices)?,
            educational_percent: self
                .metadata
                .get(named::EDUCATIONAL)
                .and_then(|percent| percent.parse().ok()),
        })
    }

    /// What its customer has left to pay the next invoices with: their balance, and what invoices hold of it that are not paid and give it
    /// back when they are made void.
    fn credit(&self, invoices: &[Invoice]) -> Result<Option<Money>, String> {
        let Some(customer) = self.customer.object() else {
            return Ok(None);
        };
        let held = invoices.iter().filter(|invoice| invoice.is_uncollected());
        let minor = (-customer.balance).max(0) + held.map(Invoice::credit_applied).sum::<i64>();
        if minor == 0 {
            return Ok(None);
        }
        let currency = customer.currency.as_deref().map(str::parse::<Currency>);
        match currency {
            Some(Ok(currency)) => Ok(Some(Money::new(minor, currency))),
            _ => Err(format!("subscription {}: its credit is in no currency", self.id)),
        }
    }

    /// Whose it is here, and which; both ids were put there by us.
    pub fn named(&self) -> Option<(UserId, SubscriptionId)> {
        named_in(&self.metadata)
    }

    /// Whether it can be charged, where it was fetched with the cards that it and its customer name.
    pub fn has_payment_method(&self) -> bool {
        let settings = self
            .customer
            .object()
            .and_then(|customer| customer.invoice_settings.as_ref());
        let of_customer = settings.and_then(|settings| settings.default_payment_method.as_ref());
        self.default_payment_method.is_some() || of_customer.is_some()
    }

    /// The card that the customer has named since they named the one that is charged.
    pub fn newer_payment_method(&self) -> Option<&str> {
        let charged = self.default_payment_method.as_ref()?.object()?;
        let settings = self.customer.object()?.invoice_settings.as_ref()?;
        let named = settings.default_payment_method.as_ref()?.object()?;
        (named.id != charged.id && named.created >= charged.created).then_some(named.id.as_str())
    }

    fn end_reason(&self) -> Option<EndReason> {
        match self.cancellation_details.as_ref()?.reason.as_deref()? {
            "payment_failed" => Some(EndReason::NotPaid),
            "payment_disputed" => Some(EndReason::DisputedPayment),
            _ => Some(EndReason::Cancelled),
        }
    }
}

fn told(status: SubscriptionStatus) -> Option<Told> {
    Some(match status {
        SubscriptionStatus::Incomplete => Told::Incomplete,
        SubscriptionStatus::IncompleteExpired => Told::IncompleteExpired,
        SubscriptionStatus::Trialing => Told::Trialing,
        SubscriptionStatus::Active => Told::Active,
        SubscriptionStatus::PastDue => Told::PastDue,
        SubscriptionStatus::Unpaid => Told::Unpaid,
        SubscriptionStatus::Paused => Told::Paused,
        SubscriptionStatus::Canceled => Told::Canceled,
        SubscriptionStatus::Other => return None,
    })
}

fn open(invoice: &Invoice) -> Option<OpenInvoice> {
    (invoice.status == Some(InvoiceStatus::Open)).then(|| OpenInvoice {
        id: invoice.id.clone(),
        page: invoice.hosted_invoice_url.clone(),
        attempts: invoice.attempt_count,
        next_attempt: invoice.next_payment_attempt.and_then(time),
        needs_confirmation: false,
    })
}

impl Invoice {
    /// Whose it is, and of which subscription; both ids were put there by us.
    pub fn named(&self) -> Option<(UserId, SubscriptionId)> {
        named_in(self.metadata())
    }

    /// Those of its subscription; none where it is of none.
    pub fn metadata(&self) -> &Metadata {
        static NONE: Metadata = Metadata::new();
        let parent = self.parent.as_ref();
        let details = parent.and_then(|parent| parent.subscription_details.as_ref());
        details.map_or(&NONE, |details| &details.metadata)
    }

    /// The order that it is, once it is paid.
    pub fn order(&self) -> Option<OrderId> {
        Some(renewal_order(&self.id, time(self.created)?))
    }

    /// What was paid by it; nothing where it is not paid, or cost nothing.
    pub fn paid(&self) -> Result<Option<PaidInvoice>, String> {
        let odd = |what: &str| format!("invoice {}: {what}", self.id);
        // What somebody has marked as paid by other means never came to Stripe: there is nothing of it to share.
        let amount_paid = self.amount_paid - self.amount_paid_off_stripe;
        if self.status != Some(InvoiceStatus::Paid) || amount_paid <= 0 {
            return Ok(None);
        }
        let currency: Currency = self
            .currency
            .parse()
            .map_err(|_| odd("its currency is not known here"))?;
        let created = time(self.created).ok_or_else(|| odd("a time that is none"))?;
        let until = self.lines.data.iter().map(|line| line.period.end).max();
        Ok(Some(PaidInvoice {
            id: self.id.clone(),
            created,
            paid_at: self.status_transitions.paid_at.and_then(time),
            amount: Money::new(amount_paid, currency),
            until: until.and_then(time).unwrap_or(created),
        }))
    }

    /// The end of the latest period that it has paid for. The difference that a change makes to a period does not pay for the period itself.
    fn paid_through(&self) -> Option<i64> {
        let whole = self.lines.data.iter().filter(|line| !line.is_proration());
        let paid = self.status == Some(InvoiceStatus::Paid);
        whole.map(|line| line.period.end).max().filter(|_| paid)
    }

    /// Whether it waits to be paid, by whomever.
    fn is_uncollected(&self) -> bool {
        matches!(self.status, Some(InvoiceStatus::Open | InvoiceStatus::Uncollectible))
    }

    /// How much of it credit has paid.
    pub fn credit_applied(&self) -> i64 {
        self.ending_balance
            .map_or(0, |ending| (ending - self.starting_balance).max(0))
    }

    /// Whether credit has paid a part of a period that ends then, or later.
    pub fn drew_credit_for(&self, paid_until: Timestamp) -> bool {
        let last = self.paid_through().and_then(time);
        self.credit_applied() > 0 && last.is_some_and(|until| until >= paid_until)
    }

    /// The payment that it waits for.
    pub fn open_payment(&self) -> Option<&str> {
        let payments = self.payments.as_ref()?;
        let open = payments.data.iter().find(|payment| payment.status == "open")?;
        open.payment.payment_intent.as_ref().map(Expandable::id)
    }

    /// The payment that paid it.
    pub fn payment_intent(&self) -> Option<&str> {
        let payments = self.payments.as_ref()?;
        let paid = payments.data.iter().find(|payment| payment.status == "paid")?;
        paid.payment.payment_intent.as_ref().map(Expandable::id)
    }
}

fn named_in(metadata: &Metadata) -> Option<(UserId, SubscriptionId)> {
    Some((
        metadata.get(named::CUSTOMER)?.parse().ok()?,
        metadata.get(named::SUBSCRIPTION)?.parse().ok()?,
    ))
}

impl billing::InvoiceLine {
    fn is_proration(&self) -> bool {
        let parent = self.parent.as_ref();
        let origins = parent.map(|parent| [parent.invoice_item_details, parent.subscription_item_details]);
        origins.into_iter().flatten().flatten().any(|origin| origin.proration)
    }
}

/// The time of an event that names none.
pub fn told_at(created: i64) -> Timestamp {
    time(created).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn subscription() -> billing::Subscription {
        let body = json!({"id": "sub_1", "status": "active", "customer": "cus_1", "pause_collection": null, "trial_end": null, "cancel_at": null,
            "ended_at": null, "cancellation_details": null, "metadata": {"educational_percent": "50"},
            "items": {"data": [{"id": "si_1", "quantity": 2, "current_period_start": 100, "current_period_end": 200,
                "price": {"product": "prod_1"}}]}});
        serde_json::from_value(body).expect("a subscription")
    }

    /// With one line, for a period until then.
    fn invoice(id: &str, status: &str, until: i64, proration: bool) -> Value {
        json!({"id": id, "status": status, "currency": "eur", "amount_paid": 900, "total": 900, "starting_balance": 0, "created": 100,
            "lines": {"data": [{"id": "il_1", "amount": 900, "description": null, "period": {"start": 0, "end": until},
                "parent": {"subscription_item_details": {"proration": proration}, "invoice_item_details": null}}]}})
    }

    #[track_caller]
    fn check(invoices: &[Value], paid_through: Option<i64>, open: Option<&str>) {
        let told: Vec<Invoice> = serde_json::from_value(json!(invoices)).expect("invoices");
        let report = subscription().report(&told).expect("understood");
        assert_eq!(
            report.paid_through.map(|at| at.as_second()),
            paid_through,
            "{invoices:?}"
        );
        assert_eq!(report.open_invoice.map(|invoice| invoice.id).as_deref(), open);
        assert_eq!(report.educational_percent, Some(50));
    }

    #[test]
    fn only_a_paid_invoice_says_until_when_is_paid() {
        let paid = |until| invoice("in_1", "paid", until, false);
        check(&[], None, None);
        check(&[paid(100)], Some(100), None);
        check(&[invoice("in_2", "draft", 200, false), paid(100)], Some(100), None);
        check(
            &[invoice("in_2", "open", 200, false), paid(100)],
            Some(100),
            Some("in_2"),
        );
        check(&[invoice("in_2", "void", 200, false), paid(100)], Some(100), None);
        // The difference that a change makes to a period does not pay for the period.
        check(&[invoice("in_2", "paid", 200, true), paid(100)], Some(100), None);
        // From years to months: the year that was paid once is over.
        check(&[paid(130), paid(465)], Some(130), None);
        // The older of two is paid first; the younger is what stands between the customer and the month that runs.
        let late = [
            invoice("in_3", "draft", 300, false),
            invoice("in_2", "open", 200, false),
            paid(100),
        ];
        check(&late, Some(100), Some("in_2"));
    }

    #[test]
    fn credit_is_what_the_customer_has_and_what_unpaid_invoices_hold() {
        let check = |balance: i64, invoices: &[(&str, i64, i64)], expected: Option<i64>| {
            let held = |(status, starting, ending): &(&str, i64, i64)| {
                let mut body = invoice("in_1", status, 100, false);
                (body["starting_balance"], body["ending_balance"]) = (json!(starting), json!(ending));
                serde_json::from_value::<Invoice>(body).expect("an invoice")
            };
            let held: Vec<_> = invoices.iter().map(held).collect();
            let mut told = subscription();
            let customer = json!({"id": "cus_1", "balance": balance, "currency": "eur", "invoice_settings": null});
            told.customer = serde_json::from_value(customer).expect("a customer");
            let credit = told.report(&held).expect("understood").credit;
            assert_eq!(credit.map(|credit| credit.minor()), expected, "{balance} {invoices:?}");
        };
        check(0, &[], None);
        check(-89_100, &[], Some(89_100));
        // Too little to be charged waits there as well: that is no credit.
        check(30, &[], None);
        check(0, &[("open", -500, 0)], Some(500));
        check(-100, &[("uncollectible", -500, -100)], Some(500));
        check(-100, &[("paid", -500, -100), ("void", -500, -100)], Some(100));
    }

    #[test]
    fn what_never_came_to_stripe_is_not_shared() {
        let paid = |off_stripe: i64| {
            let mut body = invoice("in_1", "paid", 100, false);
            body["amount_paid_off_stripe"] = json!(off_stripe);
            let invoice: Invoice = serde_json::from_value(body).expect("an invoice");
            let paid = invoice.paid().expect("understood");
            paid.map(|paid| paid.amount.minor())
        };
        assert_eq!((paid(0), paid(300), paid(900)), (Some(900), Some(600), None));
    }
}
