//! The pages, used without scripts: forms posted as a browser posts them.

use serde_json::json;

use crate::support::{Stripe, id};

/// The path of an absolute address on the stand-in.
pub(crate) fn path_of(url: &str) -> String {
    url.splitn(4, '/')
        .nth(3)
        .map(|path| format!("/{path}"))
        .unwrap_or_default()
}

#[tokio::test]
async fn a_session_is_paid_on_its_page_after_a_decline() {
    let stripe = Stripe::start().await;
    let session = stripe.session(4900).await;
    let url = stripe.get(&format!("/v1/checkout/sessions/{session}")).await["url"]
        .as_str()
        .expect("a url")
        .to_owned();
    let page = stripe.call("GET", &path_of(&url), "", &[]).await.expect("an answer");
    for part in [
        "<html lang=\"en\">",
        "Pay 49.00 EUR",
        "Invoice Automation",
        "4242 4242 4242 4242",
        "name=\"viewport\"",
    ] {
        assert!(page.text.contains(part), "{part} is not on the page");
    }
    let declined = stripe
        .call("POST", &path_of(&url), "card=declined&email=a@example.com", &[])
        .await
        .expect("an answer");
    assert_eq!(declined.status, 402);
    assert!(declined.text.contains("role=\"alert\"") && declined.text.contains("Your card was declined."));
    let cancelled = stripe
        .call("POST", &path_of(&url), "action=cancel", &[])
        .await
        .expect("an answer");
    assert_eq!(cancelled.header("location"), Some("https://souk.example/no"));
    let paid = stripe
        .call("POST", &path_of(&url), "card=success&email=a@example.com", &[])
        .await
        .expect("an answer");
    assert_eq!(paid.status, 303);
    assert_eq!(
        paid.header("location"),
        Some(format!("https://souk.example/ok?s={session}").as_str())
    );
    let body = stripe.get(&format!("/v1/checkout/sessions/{session}")).await;
    assert_eq!(
        (&body["payment_status"], &body["customer_details"]["email"]),
        (&json!("paid"), &json!("a@example.com"))
    );
    let again = stripe.call("GET", &path_of(&url), "", &[]).await.expect("an answer");
    assert!(again.text.contains("Already paid"));
}

#[tokio::test]
async fn an_account_link_works_once() {
    let stripe = Stripe::start().await;
    let form = "type=express&capabilities[transfers][requested]=true&business_profile[name]=%3Cb%3ENord%3C/b%3E";
    let account = stripe.post("/v1/accounts", form).await;
    assert_eq!(
        (&account["payouts_enabled"], &account["capabilities"]["transfers"]),
        (&json!(false), &json!("inactive"))
    );
    let link = format!(
        "account={}&type=account_onboarding&return_url=https://souk.example/back&refresh_url=https://souk.example/again",
        id(&account)
    );
    let url = stripe.post("/v1/account_links", &link).await["url"]
        .as_str()
        .expect("a url")
        .to_owned();
    let page = stripe.call("GET", &path_of(&url), "", &[]).await.expect("an answer");
    assert!(page.text.contains("&lt;b&gt;Nord&lt;/b&gt;"), "names are escaped");
    let done = stripe
        .call("POST", &path_of(&url), "outcome=complete", &[])
        .await
        .expect("an answer");
    assert_eq!(
        (done.status, done.header("location")),
        (303, Some("https://souk.example/back"))
    );
    let account = stripe.get(&format!("/v1/accounts/{}", id(&account))).await;
    assert_eq!(
        (&account["payouts_enabled"], &account["capabilities"]["transfers"]),
        (&json!(true), &json!("active"))
    );
    assert_eq!(account["external_accounts"]["data"].as_array().map(Vec::len), Some(1));
    let again = stripe.call("GET", &path_of(&url), "", &[]).await.expect("an answer");
    assert_eq!(again.header("location"), Some("https://souk.example/again"));
}

#[tokio::test]
async fn a_missing_document_switches_the_account_off_at_its_deadline() {
    let stripe = Stripe::start().await;
    let account = stripe.account().await;
    let due = stripe
        .control(&format!("accounts/{account}"), json!({"outcome": "document_due"}))
        .await;
    assert!(due["requirements"]["current_deadline"].is_i64());
    assert_eq!(due["payouts_enabled"], true);
    stripe.control("clock/advance", json!({"days": 15})).await;
    let off = stripe.get(&format!("/v1/accounts/{account}")).await;
    assert_eq!(
        (&off["payouts_enabled"], &off["requirements"]["disabled_reason"]),
        (&json!(false), &json!("requirements.past_due"))
    );
}

#[tokio::test]
async fn the_index_page_shows_what_happened_and_every_control() {
    let stripe = Stripe::start().await;
    let charge = stripe.charge(1000, "success").await;
    stripe.account().await;
    let page = stripe.call("GET", "/", "", &[]).await.expect("an answer").text;
    for part in [
        charge.as_str(),
        "Connected accounts",
        "clock/advance",
        "POST /v1/transfers",
        "Webhook deliveries",
    ] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    let object = stripe.observe(&format!("objects/{charge}")).await;
    assert_eq!(object["object"]["id"], json!(charge));
    assert!(
        stripe
            .observe("cards")
            .await
            .as_array()
            .is_some_and(|cards| cards.len() > 10)
    );
}

#[tokio::test]
async fn controls_say_what_is_wrong() {
    let stripe = Stripe::start().await;
    for (path, body, told) in [
        ("nothing", "{}", "There is no control"),
        ("settings", "{\"fee_bsp\": 1}", "fee_bsp"),
        ("settings", "{", "not JSON"),
        ("clock/advance", "{\"days\": -1}", "only moves forward"),
        ("outages", "{\"how\": \"explode\"}", "explode"),
        ("checkout/cs_x/pay", "{\"outcome\": \"gold\"}", "gold"),
        ("checkout/cs_x/pay", "{}", "cs_x"),
        ("portal/bps_x/card", "{\"card\": \"gold\"}", "gold"),
        ("portal/bps_x/card", "{}", "bps_x"),
        ("accounts/acct_x", "{}", "acct_x"),
        ("balance", "{}", "amount"),
    ] {
        let reply = stripe
            .call("POST", &format!("/_control/{path}"), body, &[])
            .await
            .expect("an answer");
        assert!(
            matches!(reply.status, 400 | 404) && reply.text.contains(told),
            "{path} {body}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn an_invoice_that_could_not_be_collected_is_paid_on_its_page() {
    let stripe = Stripe::start().await;
    let form = "mode=subscription&success_url=https://souk.example/ok&line_items[0][quantity]=1\
                &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=1200\
                &line_items[0][price_data][recurring][interval]=month\
                &line_items[0][price_data][product_data][name]=Pro\
                &payment_method_collection=if_required&subscription_data[trial_period_days]=7";
    let session = stripe.post("/v1/checkout/sessions", form).await;
    let page = path_of(session["url"].as_str().expect("a url"));
    let shown = stripe.call("GET", &page, "", &[]).await.expect("an answer");
    assert!(shown.text.contains("No card"), "a trial may begin without a card");
    let begun = stripe
        .call("POST", &page, "card=no_card", &[])
        .await
        .expect("an answer");
    assert_eq!(begun.status, 303);
    stripe.control("clock/advance", json!({"days": 8})).await;
    let invoice = stripe.get("/v1/invoices?status=open").await["data"][0].clone();
    let page = path_of(invoice["hosted_invoice_url"].as_str().expect("a url"));
    let shown = stripe.call("GET", &page, "", &[]).await.expect("an answer");
    assert!(shown.text.contains("Pay 12.00 EUR"), "{}", shown.text);
    let declined = stripe
        .call("POST", &page, "card=declined", &[])
        .await
        .expect("an answer");
    assert!(declined.status == 402 && declined.text.contains("Your card was declined."));
    let paid = stripe
        .call("POST", &page, "card=success", &[])
        .await
        .expect("an answer");
    assert!(paid.status == 200 && !paid.text.contains("Pay 12.00 EUR"));
    assert_eq!(
        stripe.get(&format!("/v1/invoices/{}", id(&invoice))).await["status"],
        "paid"
    );
    assert_eq!(stripe.get("/v1/subscriptions").await["data"][0]["status"], "active");
}
