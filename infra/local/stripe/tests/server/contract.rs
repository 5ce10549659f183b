//! Every answer held against Stripe's published schemas: required fields, types, enums, and no field Stripe has not.

use serde_json::{Value, json};

use crate::support::{Stripe, id};

/// The specification's objects by the `object` an answer calls itself.
fn schema_of(object: &str) -> &str {
    match object {
        "checkout.session"
        | "charge"
        | "refund"
        | "dispute"
        | "transfer"
        | "transfer_reversal"
        | "payout"
        | "balance"
        | "balance_transaction"
        | "billing_portal.session"
        | "event"
        | "webhook_endpoint"
        | "customer"
        | "account"
        | "account_link"
        | "item"
        | "price"
        | "product"
        | "payment_intent"
        | "payment_method"
        | "bank_account"
        | "connect_collection_transfer"
        | "coupon"
        | "customer_balance_transaction"
        | "discount"
        | "invoice"
        | "invoice_payment"
        | "invoiceitem"
        | "line_item"
        | "subscription" => object,
        other => panic!("no schema for {other}"),
    }
}

struct Contract {
    spec: Value,
    problems: Vec<String>,
}

impl Contract {
    fn new() -> Self {
        let spec = serde_json::from_str(include_str!("../../spec/stripe.json")).expect("JSON");
        Self {
            spec,
            problems: Vec::new(),
        }
    }

    /// Checks an object, or every object of a list.
    fn check(&mut self, body: &Value) {
        match body["object"].as_str() {
            Some("list") => {
                assert!(body["url"].is_string() && body["has_more"].is_boolean(), "{body}");
                body["data"]
                    .as_array()
                    .expect("data")
                    .iter()
                    .for_each(|item| self.check(item));
            }
            Some(object) => {
                let schema = self.spec["objects"][schema_of(object)].clone();
                self.value(&schema, body, object);
            }
            None => panic!("not an object: {body}"),
        }
    }

    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            let target = self.spec["objects"][name].clone();
            return self.value(&target, value, path);
        }
        if value.is_null() {
            let open = schema.as_object().is_none_or(|schema| schema.is_empty());
            if !open && schema["nullable"] != json!(true) {
                self.problems.push(format!("{path} is null"));
            }
            return;
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            return self.any(choices, value, path);
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            self.problems.push(format!("{path} is {value}, not one of {allowed:?}"));
        }
        match schema["type"].as_str() {
            Some("object") => self.object(schema, value, path),
            Some("array") => match value.as_array() {
                Some(items) => items.iter().enumerate().for_each(|(at, item)| {
                    self.value(&schema["items"], item, &format!("{path}[{at}]"));
                }),
                None => self.problems.push(format!("{path} is {value}, not an array")),
            },
            Some(kind) => {
                let fits = match kind {
                    "string" => value.is_string(),
                    "integer" => value.is_i64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    _ => false,
                };
                if !fits {
                    self.problems.push(format!("{path} is {value}, not a {kind}"));
                }
            }
            None => {}
        }
    }

    fn any(&mut self, choices: &[Value], value: &Value, path: &str) {
        let before = self.problems.len();
        let mut fewest: Option<Vec<String>> = None;
        for choice in choices {
            self.value(choice, value, path);
            let found = self.problems.split_off(before);
            if fewest.as_ref().is_none_or(|fewest| found.len() <= fewest.len()) {
                fewest = Some(found);
            }
        }
        self.problems.extend(fewest.unwrap_or_default());
    }

    fn object(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(fields) = value.as_object() else {
            self.problems.push(format!("{path} is {value}, not an object"));
            return;
        };
        for required in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !fields.contains_key(required) {
                self.problems.push(format!("{path}.{required} is missing"));
            }
        }
        let Some(known) = schema["properties"].as_object().filter(|known| !known.is_empty()) else {
            return;
        };
        for (name, field) in fields {
            match known.get(name) {
                Some(schema) => self.value(schema, field, &format!("{path}.{name}")),
                None if schema["additionalProperties"] == json!(true) => {}
                None => self.problems.push(format!("{path}.{name} is unknown to Stripe")),
            }
        }
    }

    fn finish(&self) {
        assert!(self.problems.is_empty(), "{}", self.problems.join("\n"));
    }
}

/// Makes one of everything, in most of the states it can have.
async fn everything(stripe: &Stripe) -> (String, Vec<Value>) {
    let mut seen = vec![
        stripe
            .post("/v1/accounts", "controller[stripe_dashboard][type]=none&country=FR")
            .await,
    ];
    let account = stripe.account().await;
    for outcome in ["pending", "document_due", "incomplete", "refused", "complete"] {
        seen.push(
            stripe
                .control(&format!("accounts/{account}"), json!({"outcome": outcome}))
                .await,
        );
    }
    let link =
        format!("account={account}&type=account_onboarding&return_url=https://a.example&refresh_url=https://b.example");
    seen.push(stripe.post("/v1/account_links", &link).await);
    stripe
        .post("/v1/customers", "email=c@example.com&name=C&metadata[a]=b")
        .await;
    stripe
        .post("/v1/webhook_endpoints", "url=http://127.0.0.1:1/x&enabled_events[]=*")
        .await;
    for outcome in [
        "declined",
        "async_failure",
        "async_success",
        "async_pending",
        "dispute",
        "inquiry",
        "refund_fails",
    ] {
        let session = stripe.session(5000).await;
        stripe.pay(&session, outcome).await;
    }
    let charge = stripe.charge(50_000, "fee_at_once").await;
    for amount in [100, 200] {
        stripe
            .post(
                "/v1/refunds",
                &format!("charge={charge}&amount={amount}&reason=requested_by_customer"),
            )
            .await;
    }
    let disputed = stripe.charge(3000, "success").await;
    let dispute = id(&stripe.control(&format!("charges/{disputed}/dispute"), json!({})).await);
    let evidence = "evidence[uncategorized_text]=winning_evidence&metadata[a]=b";
    seen.push(stripe.post(&format!("/v1/disputes/{dispute}"), evidence).await);
    let transfer = format!("amount=9000&currency=eur&destination={account}&transfer_group=pay_1&metadata[a]=b");
    let transfer = id(&stripe.post("/v1/transfers", &transfer).await);
    seen.push(
        stripe
            .post(&format!("/v1/transfers/{transfer}/reversals"), "amount=1000")
            .await,
    );
    let payout = id(&stripe.post("/v1/payouts", "amount=500&currency=eur").await);
    seen.push(stripe.control(&format!("payouts/{payout}/fail"), json!({})).await);
    stripe
        .control(
            "balance",
            json!({"account": account, "currency": "eur", "amount": -300}),
        )
        .await;
    stripe.control(&format!("accounts/{account}/zero"), json!({})).await;
    (account, seen)
}

/// Invoices made by hand, in most of the states they can have; a payment method that was made by itself.
async fn made_by_hand(stripe: &Stripe, customer: &str) -> Vec<Value> {
    let method = "type=card&card[token]=tok_threeDSecure2Required&billing_details[name]=C&metadata[a]=b";
    let mut seen = vec![stripe.post("/v1/payment_methods", method).await];
    let method = id(&seen[0]);
    let attach = format!("/v1/payment_methods/{method}/attach");
    seen.push(stripe.post(&attach, &format!("customer={customer}")).await);
    let draft = stripe
        .post("/v1/invoices", &format!("customer={customer}&currency=eur"))
        .await;
    let path = format!("/v1/invoices/{}", id(&draft));
    let item = format!("customer={customer}&amount=5000&currency=eur&invoice={}", id(&draft));
    seen.extend([draft, stripe.post("/v1/invoiceitems", &item).await]);
    seen.push(stripe.post(&path, "description=By+hand&metadata[a]=b").await);
    let open = stripe.post(&format!("{path}/send"), "").await;
    assert_eq!((&open["status"], &open["total"]), (&json!("open"), &json!(5000)));
    let code = "invoice_payment_intent_requires_action";
    let pay = format!("payment_method={method}");
    stripe.refused(&format!("{path}/pay"), &pay, 402, code).await;
    seen.push(open);
    seen
}

/// Makes one of everything that is billed, in most of the states it can have.
async fn everything_billed(stripe: &Stripe) -> Vec<Value> {
    let coupon = id(&stripe
        .post("/v1/coupons", "percent_off=33.33&duration=forever&name=School")
        .await);
    let form = format!(
        "mode=subscription&success_url=https://souk.example/ok&line_items[0][quantity]=2&discounts[0][coupon]={coupon}\
         &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=900\
         &line_items[0][price_data][recurring][interval]=month\
         &line_items[0][price_data][product_data][name]=Pro"
    );
    let session = id(&stripe.post("/v1/checkout/sessions", &form).await);
    let paid = stripe.pay(&session, "success").await["session"].clone();
    let subscription = paid["subscription"].as_str().expect("a subscription");
    let customer = paid["customer"].as_str().expect("a customer");
    let path = format!("/v1/subscriptions/{subscription}");
    let item = id(&stripe.get(&path).await["items"]["data"][0]);
    let fee = format!("customer={customer}&amount=250&currency=eur&description=Set-up");
    let mut seen = vec![paid.clone(), stripe.post("/v1/invoiceitems", &fee).await];
    for change in [
        format!("items[0][id]={item}&items[0][quantity]=5"),
        format!("items[0][id]={item}&items[0][quantity]=1&proration_behavior=always_invoice"),
        "pause_collection[behavior]=void".to_owned(),
        "pause_collection=&cancel_at_period_end=true".to_owned(),
        "cancel_at_period_end=false&discounts=".to_owned(),
    ] {
        seen.push(stripe.post(&path, &change).await);
    }
    let preview = format!("subscription={subscription}");
    seen.push(stripe.post("/v1/invoices/create_preview", &preview).await);
    seen.extend(made_by_hand(stripe, customer).await);
    stripe
        .control(&format!("customers/{customer}/card"), json!({"declines": "all"}))
        .await;
    stripe.control("clock/advance", json!({"days": 31})).await;
    let trial = form.replace(
        "mode=subscription",
        "mode=subscription&payment_method_collection=if_required",
    );
    let trial = id(&stripe
        .post(
            "/v1/checkout/sessions",
            &format!("{trial}&subscription_data[trial_period_days]=14"),
        )
        .await);
    seen.push(stripe.pay(&trial, "no_card").await["session"].clone());
    let flow = "flow_data[type]=payment_method_update&flow_data[after_completion][type]=redirect\
                &flow_data[after_completion][redirect][return_url]=https://souk.example/changed";
    for more in [
        "",
        "&return_url=https://souk.example/billing&locale=de",
        &format!("&{flow}"),
    ] {
        let form = format!("customer={customer}{more}");
        seen.push(stripe.post("/v1/billing_portal/sessions", &form).await);
    }
    seen
}

#[tokio::test]
async fn everything_billed_has_the_shape_of_the_specification() {
    let stripe = Stripe::start().await;
    let mut contract = Contract::new();
    for body in everything_billed(&stripe).await {
        contract.check(&body);
    }
    let customer = id(&stripe.get("/v1/customers?limit=1").await["data"][0]);
    for list in [
        "products?",
        "prices?expand[]=data.product&",
        "coupons?",
        "payment_methods?",
        "subscriptions?status=all&expand[]=data.latest_invoice.payments&expand[]=data.discounts&expand[]=data.customer&",
        "invoices?expand[]=data.payments.data.payment.payment_intent&expand[]=data.discounts&",
        "invoice_payments?expand[]=data.invoice&",
        "invoiceitems?",
        "checkout/sessions?expand[]=data.subscription&expand[]=data.invoice&expand[]=data.line_items&",
        "events?",
        "customers?",
        "charges?",
    ] {
        let body = stripe.get(&format!("/v1/{list}limit=100")).await;
        assert!(!body["data"].as_array().expect("data").is_empty(), "{list} is empty");
        contract.check(&body);
    }
    let moves = format!("/v1/customers/{customer}/balance_transactions");
    stripe
        .post(&moves, "amount=-100&currency=eur&description=Goodwill")
        .await;
    contract.check(&stripe.get(&moves).await);
    let invoice = id(&stripe.get("/v1/invoices?limit=1").await["data"][0]);
    contract.check(&stripe.get(&format!("/v1/invoices/{invoice}/lines")).await);
    for event in stripe.get("/v1/events?limit=100").await["data"]
        .as_array()
        .expect("data")
    {
        contract.check(&event["data"]["object"]);
    }
    contract.finish();
}

#[tokio::test]
async fn every_object_has_the_shape_of_the_specification() {
    let stripe = Stripe::start().await;
    let (account, seen) = everything(&stripe).await;
    // The cards that make trouble have made it.
    stripe
        .until("/v1/disputes", |list| {
            list["data"].as_array().is_some_and(|data| data.len() == 3)
        })
        .await;
    let mut contract = Contract::new();
    seen.iter().for_each(|body| contract.check(body));
    let mut kinds = 0;
    for list in [
        "accounts?",
        "checkout/sessions?expand[]=data.line_items&expand[]=data.payment_intent.latest_charge&",
        "payment_intents?expand[]=data.payment_method&expand[]=data.latest_charge.balance_transaction&",
        "charges?expand[]=data.refunds&expand[]=data.balance_transaction&",
        "refunds?expand[]=data.charge&expand[]=data.balance_transaction&",
        "disputes?expand[]=data.charge&",
        "transfers?expand[]=data.destination&expand[]=data.balance_transaction&",
        "payouts?expand[]=data.balance_transaction&",
        "balance_transactions?expand[]=data.source&",
        "events?",
        "webhook_endpoints?",
        "customers?",
    ] {
        let body = stripe.get(&format!("/v1/{list}limit=100")).await;
        assert!(!body["data"].as_array().expect("data").is_empty(), "{list} is empty");
        contract.check(&body);
        kinds += 1;
    }
    for list in ["charges", "balance_transactions", "refunds", "events", "balance"] {
        let reply = stripe
            .call("GET", &format!("/v1/{list}"), "", &[("stripe-account", &account)])
            .await;
        contract.check(&reply.expect("an answer").json());
    }
    contract.check(&stripe.get("/v1/account").await);
    contract.check(&stripe.get("/v1/balance").await);
    assert_eq!(kinds, 12);
    contract.finish();
}

#[tokio::test]
async fn every_event_carries_an_object_of_its_kind() {
    let stripe = Stripe::start().await;
    everything(&stripe).await;
    let deliveries = stripe.observe("deliveries").await;
    let mut contract = Contract::new();
    let mut types = std::collections::BTreeSet::new();
    for delivery in deliveries["deliveries"].as_array().expect("deliveries") {
        let event = stripe
            .observe(&format!("objects/{}", delivery["event"].as_str().expect("an id")))
            .await;
        contract.check(&event["object"]);
        contract.check(&event["object"]["data"]["object"]);
        types.insert(delivery["type"].as_str().expect("a type").to_owned());
    }
    contract.finish();
    for expected in [
        "transfer.created",
        "transfer.reversed",
        "charge.dispute.closed",
        "payout.failed",
        "refund.created",
    ] {
        assert!(types.contains(expected), "{expected} is not among {types:?}");
    }
}

#[tokio::test]
async fn every_endpoint_of_the_specification_file_is_served() {
    let stripe = Stripe::start().await;
    let contract = Contract::new();
    for name in contract.spec["requests"].as_object().expect("requests").keys() {
        let (method, route) = name.split_once(' ').expect("method and path");
        let path: String = route
            .split('/')
            .map(|part| if part.starts_with('{') { "/x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let path = path.replace("//x", "/x");
        let reply = stripe.call(method, &path, "", &[]).await.expect("an answer");
        assert!(
            !reply.text.contains("Unrecognized request URL"),
            "{name}: {}",
            reply.text
        );
    }
}
