//! What the triggers of Stripe's command line ask for, about the objects Souk uses: each is a few requests after which an event
//! has come. Written down from what they do; the public fixtures themselves are in stripe/stripe-cli, pkg/fixtures/triggers.

use serde_json::{Value, json};

use crate::support::Stripe;

/// A request of a trigger. `{name}` in path and form is the id that the request of that name answered.
#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    form: &'static str,
    status: u16,
}

const fn get(name: &'static str, path: &'static str) -> Step {
    Step {
        name,
        method: "GET",
        path,
        form: "",
        status: 200,
    }
}

const fn post(name: &'static str, path: &'static str, form: &'static str) -> Step {
    Step {
        method: "POST",
        form,
        ..get(name, path)
    }
}

const fn delete(path: &'static str) -> Step {
    Step {
        method: "DELETE",
        ..get("deleted", path)
    }
}

/// The card is declined, or wants to be confirmed first.
const fn refused(step: Step) -> Step {
    Step { status: 402, ..step }
}

const CUSTOMER: Step = post("customer", "customers", "description=By+hand");
const STORED: Step = post(
    "customer",
    "customers",
    "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa",
);
const PRODUCT: Step = post("product", "products", "name=Pads&description=By+hand");
const PRICE: Step = post("price", "prices", "product={product}&unit_amount=1500&currency=usd");
const MONTHLY: Step = post(
    "price",
    "prices",
    "product={product}&unit_amount=1500&currency=usd&recurring[interval]=month",
);
const SUBSCRIPTION: Step = post(
    "subscription",
    "subscriptions",
    "customer={customer}&items[0][price]={price}",
);
const ITEM: Step = post(
    "item",
    "invoiceitems",
    "amount=2000&currency=usd&customer={customer}&description=By+hand",
);
const INVOICE: Step = post(
    "invoice",
    "invoices",
    "customer={customer}&description=By+hand&pending_invoice_items_behavior=include",
);
const FINAL: Step = post("final", "invoices/{invoice}/finalize", "");
const PAY: Step = post("paid", "invoices/{invoice}/pay", "payment_method={method}");
const PAID: Step = post(
    "intent",
    "payment_intents",
    "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&payment_method_types[0]=card",
);
const FUNDS: Step = post(
    "intent",
    "payment_intents",
    "amount=2000&currency=usd&confirm=true&payment_method=pm_card_bypassPending&payment_method_types[0]=card",
);
const INQUIRY: Step = post(
    "intent",
    "payment_intents",
    "amount=100&currency=usd&confirm=true&payment_method=pm_card_createDisputeInquiry&payment_method_types[0]=card",
);
const DISPUTES: Step = get("dispute", "disputes?payment_intent={intent}");
const REFUND: Step = post("refund", "refunds", "payment_intent={intent}");
const HELD: Step = post(
    "intent",
    "payment_intents",
    "amount=2000&currency=usd&confirm=true&capture_method=manual&payment_method=pm_card_visa&payment_method_types[0]=card",
);
const SESSION: Step = post(
    "session",
    "checkout/sessions",
    "mode=payment&success_url=https://souk.example/ok&cancel_url=https://souk.example/no&line_items[0][price]={price}\
     &line_items[0][quantity]=2",
);
const EUROS: Step = post("price", "prices", "product={product}&unit_amount=1500&currency=eur");
const DEBIT_SESSION: Step = post(
    "session",
    "checkout/sessions",
    "mode=payment&success_url=https://souk.example/ok&cancel_url=https://souk.example/no&payment_method_types[0]=sepa_debit\
     &line_items[0][price]={price}&line_items[0][quantity]=2&payment_intent_data[setup_future_usage]=off_session",
);
const PAGE: Step = get("page", "payment_pages/{session}");
const CONFIRM: Step = post(
    "confirmed",
    "payment_pages/{session}/confirm",
    "payment_method={method}&expected_amount=3000",
);
const ACCOUNT: Step = post("account", "accounts", "type=standard");
const TRANSFER: Step = post(
    "transfer",
    "transfers",
    "destination={account}&amount=1000&currency=usd",
);
const METADATA: &str = "metadata[foo]=bar";

/// Each trigger by the event it is there for.
fn triggers() -> Vec<(&'static str, Vec<Step>)> {
    let mut all = payments();
    all.extend(checkouts());
    all.extend(invoices());
    all.extend(subscriptions());
    all.extend(the_rest());
    all
}

fn payments() -> Vec<(&'static str, Vec<Step>)> {
    let declined = refused(post(
        "intent",
        "payment_intents",
        "amount=100&currency=usd&confirm=true&payment_method=pm_card_visa_chargeDeclined&payment_method_types[0]=card",
    ));
    let refused_later = refused(post(
        "intent",
        "payment_intents",
        "amount=2000&currency=usd&confirm=true&payment_method=pm_card_chargeDeclined&payment_method_types[0]=card",
    ));
    let open = || {
        post(
            "intent",
            "payment_intents",
            "amount=2000&currency=usd&payment_method_types[0]=card",
        )
    };
    let asked = post(
        "intent",
        "payment_intents",
        "amount=2000&currency=usd&confirm=true&payment_method=pm_card_authenticationRequired&payment_method_types[0]=card",
    );
    let account = post(
        "method",
        "payment_methods",
        "type=sepa_debit&sepa_debit[iban]=AT321904300235473204&billing_details[name]=Bob&billing_details[email]=bob@example.com",
    );
    let debit = post(
        "intent",
        "payment_intents",
        "amount=1000&currency=eur&confirm=true&payment_method={method}&payment_method_types[0]=sepa_debit\
         &mandate_data[customer_acceptance][type]=offline",
    );
    let cancelled = post(
        "cancelled",
        "payment_intents/{intent}/cancel",
        "cancellation_reason=requested_by_customer",
    );
    vec![
        ("balance.available", vec![FUNDS]),
        (
            "charge.captured",
            vec![HELD, post("captured", "payment_intents/{intent}/capture", "")],
        ),
        ("charge.dispute.created", vec![INQUIRY, DISPUTES]),
        (
            "charge.dispute.updated",
            vec![INQUIRY, DISPUTES, post("told", "disputes/{dispute}", METADATA)],
        ),
        (
            "charge.dispute.closed",
            vec![INQUIRY, DISPUTES, post("closed", "disputes/{dispute}/close", "")],
        ),
        ("charge.failed", vec![declined]),
        ("charge.refunded", vec![PAID, REFUND]),
        (
            "charge.refund.updated",
            vec![PAID, REFUND, post("told", "refunds/{refund}", METADATA)],
        ),
        ("charge.succeeded", vec![PAID]),
        ("payment_intent.amount_capturable_updated", vec![HELD]),
        ("payment_intent.canceled", vec![open(), cancelled]),
        ("payment_intent.created", vec![open()]),
        ("payment_intent.payment_failed", vec![refused_later]),
        ("payment_intent.processing", vec![account, debit]),
        ("payment_intent.requires_action", vec![asked]),
        ("payment_intent.succeeded", vec![PAID]),
    ]
}

fn checkouts() -> Vec<(&'static str, Vec<Step>)> {
    let card = post(
        "method",
        "payment_methods",
        "type=card&card[token]=tok_visa&billing_details[email]=stripe@example.com&billing_details[name]=Jenny+Rosen",
    );
    let account = |form| post("method", "payment_methods", form);
    let pays =
        account("type=sepa_debit&sepa_debit[iban]=AT611904300234573201&billing_details[email]=stripe@example.com");
    let fails =
        account("type=sepa_debit&sepa_debit[iban]=AT861904300235473202&billing_details[email]=stripe@example.com");
    let debited = |method| vec![PRODUCT, EUROS, DEBIT_SESSION, PAGE, method, CONFIRM];
    vec![
        (
            "checkout.session.completed",
            vec![PRODUCT, PRICE, SESSION, PAGE, card, CONFIRM],
        ),
        ("checkout.session.async_payment_succeeded", debited(pays)),
        ("checkout.session.async_payment_failed", debited(fails)),
        (
            "checkout.session.expired",
            vec![
                PRODUCT,
                PRICE,
                SESSION,
                post("expired", "checkout/sessions/{session}/expire", ""),
            ],
        ),
    ]
}

fn invoices() -> Vec<(&'static str, Vec<Step>)> {
    let attached = |path| post("method", path, "customer={customer}");
    let paid_with = |path, pay| vec![CUSTOMER, attached(path), ITEM, INVOICE, pay];
    let after = |step| vec![CUSTOMER, ITEM, INVOICE, FINAL, step];
    let sent = post(
        "invoice",
        "invoices",
        "customer={customer}&pending_invoice_items_behavior=include&collection_method=send_invoice&days_until_due=7",
    );
    vec![
        ("invoice.created", vec![CUSTOMER, ITEM, INVOICE]),
        (
            "invoice.deleted",
            vec![CUSTOMER, ITEM, INVOICE, delete("invoices/{invoice}")],
        ),
        ("invoice.finalized", vec![CUSTOMER, ITEM, INVOICE, FINAL]),
        (
            "invoice.marked_uncollectible",
            after(post("given_up", "invoices/{invoice}/mark_uncollectible", "")),
        ),
        ("invoice.paid", paid_with("payment_methods/pm_card_visa/attach", PAY)),
        (
            "invoice.payment_action_required",
            paid_with("payment_methods/pm_card_threeDSecure2Required/attach", refused(PAY)),
        ),
        (
            "invoice.payment_failed",
            paid_with("payment_methods/pm_card_chargeCustomerFail/attach", refused(PAY)),
        ),
        (
            "invoice.sent",
            vec![CUSTOMER, ITEM, sent, post("sent", "invoices/{invoice}/send", "")],
        ),
        (
            "invoice.updated",
            vec![CUSTOMER, ITEM, INVOICE, post("told", "invoices/{invoice}", METADATA)],
        ),
        ("invoice.voided", after(post("void", "invoices/{invoice}/void", ""))),
        ("invoiceitem.created", vec![CUSTOMER, ITEM]),
        (
            "invoiceitem.deleted",
            vec![CUSTOMER, ITEM, delete("invoiceitems/{item}")],
        ),
    ]
}

fn subscriptions() -> Vec<(&'static str, Vec<Step>)> {
    let begun = |more| {
        let mut steps = vec![STORED, PRODUCT, MONTHLY, SUBSCRIPTION];
        steps.extend(more);
        steps
    };
    let trial = |form, more: Option<Step>| {
        let mut steps = vec![CUSTOMER, PRODUCT, MONTHLY, post("subscription", "subscriptions", form)];
        steps.extend(more);
        steps
    };
    let paused = "customer={customer}&items[0][price]={price}&trial_period_days=7\
                  &trial_settings[end_behavior][missing_payment_method]=pause";
    let ended = post("ended", "subscriptions/{subscription}", "trial_end=now");
    let short = "customer={customer}&items[0][price]={price}&trial_period_days=1";
    let with_token = |token| {
        vec![
            post("method", "payment_methods", token),
            CUSTOMER,
            post("attached", "payment_methods/{method}/attach", "customer={customer}"),
            post(
                "default",
                "customers/{customer}",
                "invoice_settings[default_payment_method]={method}",
            ),
            PRODUCT,
            MONTHLY,
            SUBSCRIPTION,
        ]
    };
    vec![
        ("customer.subscription.created", begun(None)),
        (
            "customer.subscription.deleted",
            begun(Some(delete("subscriptions/{subscription}"))),
        ),
        (
            "customer.subscription.updated",
            begun(Some(post("told", "subscriptions/{subscription}", METADATA))),
        ),
        ("customer.subscription.paused", trial(paused, Some(ended))),
        ("customer.subscription.trial_will_end", trial(short, None)),
        (
            "invoice.payment_succeeded",
            with_token("type=card&card[token]=tok_visa"),
        ),
        (
            "invoice.payment_failed",
            with_token("type=card&card[token]=tok_chargeCustomerFail"),
        ),
    ]
}

fn the_rest() -> Vec<(&'static str, Vec<Step>)> {
    let attached = || post("method", "payment_methods/pm_card_visa/attach", "customer={customer}");
    let payout = || post("payout", "payouts", "amount=1100&currency=usd");
    let coupon = || post("coupon", "coupons", "percent_off=20");
    // What of 20 USD is left after the fee has to pay for it.
    let moved = |more: Option<Step>| {
        let mut steps = vec![FUNDS, post("account", "accounts", ""), TRANSFER];
        steps.extend(more);
        steps
    };
    vec![
        (
            "account.updated",
            vec![ACCOUNT, post("told", "accounts/{account}", METADATA)],
        ),
        (
            "billing_portal.session.created",
            vec![
                CUSTOMER,
                post("portal", "billing_portal/sessions", "customer={customer}"),
            ],
        ),
        ("coupon.created", vec![coupon()]),
        (
            "coupon.updated",
            vec![coupon(), post("told", "coupons/{coupon}", METADATA)],
        ),
        ("coupon.deleted", vec![coupon(), delete("coupons/{coupon}")]),
        ("customer.created", vec![CUSTOMER]),
        (
            "customer.updated",
            vec![CUSTOMER, post("told", "customers/{customer}", METADATA)],
        ),
        ("customer.deleted", vec![CUSTOMER, delete("customers/{customer}")]),
        ("payment_method.attached", vec![CUSTOMER, attached()]),
        (
            "payment_method.detached",
            vec![CUSTOMER, attached(), post("off", "payment_methods/{method}/detach", "")],
        ),
        ("payout.created", vec![FUNDS, payout()]),
        (
            "payout.updated",
            vec![FUNDS, payout(), post("told", "payouts/{payout}", METADATA)],
        ),
        ("price.created", vec![PRODUCT, MONTHLY]),
        (
            "price.updated",
            vec![PRODUCT, MONTHLY, post("told", "prices/{price}", METADATA)],
        ),
        ("product.created", vec![PRODUCT]),
        (
            "product.updated",
            vec![PRODUCT, post("told", "products/{product}", METADATA)],
        ),
        ("product.deleted", vec![PRODUCT, delete("products/{product}")]),
        ("transfer.created", moved(None)),
        (
            "transfer.reversed",
            moved(Some(post("reversed", "transfers/{transfer}/reversals", "amount=100"))),
        ),
        (
            "transfer.updated",
            moved(Some(post("told", "transfers/{transfer}", METADATA))),
        ),
    ]
}

/// Plays a trigger, and returns the connected account that it is about, or what went otherwise than it expects.
async fn play(stripe: &Stripe, steps: &[Step]) -> Result<Option<String>, String> {
    let mut ids: Vec<(&str, String)> = Vec::new();
    for step in steps {
        let filled = |text: &str| {
            ids.iter().rev().fold(text.to_owned(), |text, (name, id)| {
                text.replace(&format!("{{{name}}}"), id)
            })
        };
        let (path, form) = (format!("/v1/{}", filled(step.path)), filled(step.form));
        let reply = stripe.call(step.method, &path, &form, &[]).await?;
        if reply.status != step.status {
            return Err(format!(
                "{} {path} {form}: {} {}",
                step.method, reply.status, reply.text
            ));
        }
        let body: Value = reply.json();
        // Of a list the first is meant.
        let id = [&body["id"], &body["data"][0]["id"]]
            .into_iter()
            .find_map(Value::as_str);
        if let (200, None) = (reply.status, id) {
            return Err(format!("{} {path} answers nothing with an id", step.method));
        }
        ids.push((step.name, id.unwrap_or_default().to_owned()));
    }
    let account = ids.into_iter().find(|(name, _)| *name == "account");
    Ok(account.map(|(_, id)| id))
}

/// Whether the platform, or the account that the event is about, is told of it.
async fn is_told(stripe: &Stripe, event: &str, account: Option<&str>) -> bool {
    let path = format!("/v1/events?type={event}");
    let about = account.filter(|_| event.starts_with("account."));
    let headers: Vec<_> = about.map(|account| ("stripe-account", account)).into_iter().collect();
    let told = stripe.call("GET", &path, "", &headers).await.expect("an answer").json();
    told["data"][0]["type"] == event
}

#[tokio::test]
async fn every_trigger_about_what_souk_uses_makes_its_event() {
    let mut problems = Vec::new();
    for (event, steps) in triggers() {
        // Those who play them do not wait for what Stripe does at once.
        let stripe = Stripe::start().await;
        stripe
            .control(
                "settings",
                json!({"fee_delay_ms": 300, "dispute_delay_ms": stripe_standin::Settings::default().dispute_delay_ms}),
            )
            .await;
        let account = match play(&stripe, &steps).await {
            Ok(account) => account,
            Err(problem) => {
                problems.push(format!("{event}: {problem}"));
                continue;
            }
        };
        let mut is_told_of = is_told(&stripe, event, account.as_deref()).await;
        if !is_told_of {
            // Bank debits take their time.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            is_told_of = is_told(&stripe, event, account.as_deref()).await;
        }
        if !is_told_of {
            problems.push(format!("{event} never came"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
