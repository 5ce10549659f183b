//! The routes in-process: what partners offer, what customers begin and change, and what is refused.

mod credit;
mod desk;

use serde_json::{Value, json};
use shared::http::Routes;
use shared::messages::{Message, SubscriptionNews};
use shared::store::commerce;
use shared::subscription::Status;
use utoipa::openapi::OpenApi;

use desk::{desk, has, list, monthly, paid, session, told, yearly};

#[tokio::test]
async fn partners_make_and_retire_plans_and_everybody_sees_what_is_sold() {
    let desk = desk().await;
    let (app, owner) = (&desk.app, desk.app.sign_in("anna"));
    let id = desk.plan(monthly()).await;
    app.clock.advance(jiff::SignedDuration::from_secs(1));
    desk.plan(yearly()).await;
    for (field, value, pointer) in [
        ("name", json!(" "), "/name"),
        ("price", json!({"amount": 0, "currency": "EUR"}), "/price/amount"),
        ("price", json!({"amount": 1, "currency": "EUR"}), "/price/amount"),
        ("price", json!({"amount": i64::MAX, "currency": "EUR"}), "/price/amount"),
        ("price", json!({"amount": 505, "currency": "UGX"}), "/price/amount"),
        ("price", json!({"amount": 1050, "currency": "ISK"}), "/price/amount"),
        ("price", json!({"amount": 900, "currency": "USD"}), "/price/currency"),
        // Half of it is less than the least that can be charged.
        (
            "price",
            json!({"amount": 98, "currency": "EUR"}),
            "/educational_percent",
        ),
        ("trial", json!({"days": 181, "card_required": true}), "/trial/days"),
        ("grace_days", json!(61), "/grace_days"),
        ("educational_percent", json!(91), "/educational_percent"),
    ] {
        let mut wrong = monthly();
        wrong[field] = value;
        let refused = app.post(&desk.plans, &wrong).bearer(&owner).send().await;
        let refused = refused.expect_problem(422, "invalid_request").json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    let mut unknown = monthly();
    unknown["policy_id"] = json!("pol_01h455vb4pex5vsknk084sn02q");
    let refused = app.post(&desk.plans, &unknown).bearer(&owner).send().await;
    refused.expect_problem(422, "unknown_policy");
    let elsewhere = desk
        .plans
        .replace(&desk.pads.to_string(), "lst_01h455vb4pex5vsknk084sn02q");
    app.post(elsewhere, &monthly())
        .bearer(&owner)
        .send()
        .await
        .expect_problem(404, "not_found");

    let public = format!("/v1/listings/{}/plans", desk.pads);
    let names = async |path: &str| -> Vec<Value> {
        let list = app.get(path).bearer(&owner).send().await.expect(200).json();
        list["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|plan| plan["name"].clone())
            .collect()
    };
    assert_eq!(names(&public).await, ["Monthly", "Yearly"]);
    let path = format!("{}/{id}", desk.plans);
    let retired = app.delete(&path).bearer(&owner).send().await.expect(200).json();
    assert!(retired["retired_at"].is_string());
    assert_eq!(
        app.delete(&path).bearer(&owner).send().await.expect(200).json(),
        retired
    );
    assert_eq!(names(&public).await, ["Yearly"]);
    assert_eq!(names(&desk.plans).await, ["Monthly", "Yearly"]);
    app.get("/v1/listings/lst_01h455vb4pex5vsknk084sn02q/plans")
        .send()
        .await
        .expect_problem(404, "not_found");
    assert!(desk.anna.to_string().starts_with("ptn_"));
}

#[tokio::test]
async fn a_checkout_asks_stripe_for_the_plan_as_it_is() {
    let desk = desk().await;
    let plan = desk.plan(monthly()).await;
    let made = desk.subscribe(&plan).await;
    assert_eq!(
        (&made["status"], &made["licence_id"]),
        (&json!("pending"), &Value::Null)
    );
    assert_eq!(made["checkout_url"], "https://pay.example/c/1");
    let form = desk.asked();
    for (name, value) in [
        ("mode", "subscription"),
        ("line_items[0][price_data][unit_amount]", "900"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][recurring][interval]", "month"),
        ("line_items[0][quantity]", "2"),
        ("payment_method_collection", "if_required"),
        ("subscription_data[trial_period_days]", "14"),
        (
            "subscription_data[trial_settings][end_behavior][missing_payment_method]",
            "cancel",
        ),
        ("subscription_data[metadata][plan_id]", &plan),
        ("metadata[subscription_id]", made["id"].as_str().expect("an id")),
    ] {
        has(&form, name, value);
    }
    assert!(
        !form.iter().any(|(name, _)| name.starts_with("discounts")),
        "nobody studies: {form:#?}"
    );

    let carla = desk.app.sign_in("carla");
    for (field, value, code) in [
        ("listing_id", json!("lst_01h455vb4pex5vsknk084sn02q"), "not_on_sale"),
        ("plan_id", json!("pln_01h455vb4pex5vsknk084sn02q"), "unknown_plan"),
        (
            "affiliate_id",
            json!("ptn_01h455vb4pex5vsknk084sn02q"),
            "unknown_referrer",
        ),
        ("quantity", json!(0), "invalid_request"),
        ("success_url", json!("ftp://x"), "invalid_request"),
    ] {
        let mut wrong = json!({"listing_id": desk.pads, "plan_id": plan});
        wrong[field] = value;
        let refused = desk.app.post("/v1/subscriptions", &wrong).bearer(&carla).send().await;
        refused.expect_problem(422, code);
    }
    assert_eq!(
        desk.stripe.take_asked().len(),
        0,
        "what is refused here is not asked there"
    );
}

#[tokio::test]
async fn a_listing_is_tried_once_and_subscribed_to_once() {
    let desk = desk().await;
    let plan = desk.plan(monthly()).await;
    let made = desk.subscribe(&plan).await;
    let trial_end = desk.app.now().as_second() + 14 * 86_400;
    desk.hear(&made, &told(&desk, &plan, "trialing", &json!({"trial_end": trial_end})))
        .await;
    let path = format!("/v1/subscriptions/{}", made["id"].as_str().expect("an id"));
    let carla = desk.app.sign_in("carla");
    let tried = desk.app.get(&path).bearer(&carla).send().await.expect(200).json();
    assert_eq!(tried["status"], "trialing");
    let licence = tried["licence_id"]
        .as_str()
        .expect("a licence")
        .parse()
        .expect("its id");
    let licence = commerce::licence(&desk.app.store, licence)
        .await
        .expect("memory")
        .expect("issued");
    assert!(licence.granted().trial);
    let wanted = json!({"listing_id": desk.pads, "plan_id": plan});
    let again = desk.app.post("/v1/subscriptions", &wanted).bearer(&carla).send().await;
    again.expect_problem(409, "already_subscribed");
    let dieter = desk.app.sign_in("dieter");
    desk.app
        .get(&path)
        .bearer(&dieter)
        .send()
        .await
        .expect_problem(404, "not_found");

    let ended = json!({"ended_at": trial_end, "cancellation_details": {"reason": null}});
    desk.hear(&made, &told(&desk, &plan, "canceled", &ended)).await;
    desk.stripe.take_asked();
    desk.subscribe(&plan).await;
    let form = desk.asked();
    assert!(
        !form.iter().any(|(name, _)| name.contains("trial")),
        "once was enough: {form:#?}"
    );
}

#[tokio::test]
async fn changes_are_what_stripe_makes_of_them() {
    let desk = desk().await;
    let (plan, dear) = (desk.plan(monthly()).await, desk.plan(yearly()).await);
    let made = desk.subscribe(&plan).await;
    let path = format!("/v1/subscriptions/{}", made["id"].as_str().expect("an id"));
    let carla = desk.app.sign_in("carla");
    let post = async |rest: &str, body: Value| {
        let path = format!("{path}/{rest}");
        desk.app.post(path, &body).bearer(&carla).send().await
    };
    let change = json!({"plan_id": dear, "quantity": 3});
    post("changes", change.clone())
        .await
        .expect_problem(409, "subscription_not_begun");
    desk.hear(&made, &told(&desk, &plan, "active", &json!({}))).await;
    desk.stripe.take_asked();

    post("changes", json!({})).await.expect_problem(422, "invalid_request");
    post("changes", json!({"quantity": 2}))
        .await
        .expect_problem(409, "nothing_to_change");
    let error = json!({"error": {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}});
    // What paid for the period is looked at first: nothing of it has gone back.
    desk.stripe.answers(200, list(&[])).answers(402, error);
    post("changes", change.clone())
        .await
        .expect_problem(402, "payment_declined");
    let invoice = json!({"id": "upcoming_1", "object": "invoice", "status": "draft", "currency": "eur", "amount_paid": 0, "amount_due": 24_300,
        "total": 24_300, "starting_balance": 0, "created": 1, "lines": {"data": [
            {"id": "il_1", "amount": -1800, "description": "Unused time", "period": {"start": 1, "end": 2}},
            {"id": "il_2", "amount": 26_100, "description": "Yearly", "period": {"start": 1, "end": 2}}]}});
    desk.stripe.answers(200, list(&[])).answers(200, invoice);
    let preview = post("change-previews", change.clone()).await.expect(200).json();
    assert_eq!(preview["due_now"], json!({"amount": 24_300, "currency": "EUR"}));
    assert_eq!(preview["lines"][0]["amount"]["amount"], -1800);
    desk.stripe.take_asked();

    let mut changed = told(&desk, &dear, "active", &json!({}));
    changed["items"]["data"][0]["quantity"] = json!(3);
    changed["metadata"]["educational_percent"] = json!("50");
    desk.stripe.answers(200, list(&[]));
    desk.changes(changed);
    let answer = post("changes", change).await.expect(201).json();
    assert_eq!((&answer["plan"], &answer["quantity"]), (&json!("Yearly"), &json!(3)));
    let form = desk.asked();
    for (name, value) in [
        ("items[0][id]", "si_1"),
        ("items[0][price_data][product]", "prod_1"),
        ("items[0][price_data][unit_amount]", "9000"),
        ("items[0][price_data][recurring][interval]", "year"),
        ("items[0][quantity]", "3"),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "error_if_incomplete"),
        ("metadata[plan_id]", &dear),
        // The other plan has a discount for nobody.
        ("discounts", ""),
        ("metadata[educational_percent]", ""),
    ] {
        has(&form, name, value);
    }
    assert!(!form.iter().any(|(name, _)| name == "trial_end"), "nothing is tried");
    assert_eq!(answer["educational_percent"], 50, "as Stripe has it");
}

/// A trial of a small plan is none of a large one.
#[tokio::test]
async fn a_trial_ends_under_a_plan_that_has_none() {
    let desk = desk().await;
    let (plan, dear) = (desk.plan(monthly()).await, desk.plan(yearly()).await);
    let mut tried_too = monthly();
    tried_too["name"] = json!("Monthly, more");
    let tried_too = desk.plan(tried_too).await;
    let made = desk.subscribe(&plan).await;
    let trial = json!({"trial_end": desk.app.now().as_second() + 14 * 86_400});
    desk.hear(&made, &told(&desk, &plan, "trialing", &trial)).await;
    let path = format!("/v1/subscriptions/{}/changes", made["id"].as_str().expect("an id"));
    let carla = desk.app.sign_in("carla");
    let change = async |to: &str, told: Value| {
        desk.stripe.take_asked();
        desk.changes(told);
        let change = json!({"plan_id": to});
        let changed = desk.app.post(&path, &change).bearer(&carla).send().await;
        changed.expect(201);
        desk.asked()
    };
    let form = change(&tried_too, told(&desk, &tried_too, "trialing", &trial)).await;
    assert!(
        !form.iter().any(|(name, _)| name == "trial_end"),
        "it goes on: {form:#?}"
    );
    // Nothing was given to pay with: Stripe would end the subscription with the trial.
    desk.stripe.answers(200, told(&desk, &tried_too, "trialing", &trial));
    let refused = desk
        .app
        .post(&path, &json!({"plan_id": dear}))
        .bearer(&carla)
        .send()
        .await;
    assert_eq!(refused.expect(409).json()["code"], "card_missing");
    assert!(
        desk.stripe.take_asked().iter().all(|asked| asked.method != "POST"),
        "nothing is changed"
    );
    let card = json!({"trial_end": trial["trial_end"], "default_payment_method": "pm_1"});
    desk.stripe.answers(200, told(&desk, &tried_too, "trialing", &card));
    let form = change(&dear, told(&desk, &dear, "active", &json!({}))).await;
    has(&form, "trial_end", "now");
}

#[tokio::test]
async fn pausing_and_cancelling_can_be_taken_back() {
    let desk = desk().await;
    let plan = desk.plan(monthly()).await;
    let made = desk.subscribe(&plan).await;
    desk.hear(&made, &told(&desk, &plan, "active", &json!({}))).await;
    desk.stripe.take_asked();
    let path = format!("/v1/subscriptions/{}", made["id"].as_str().expect("an id"));
    let (pause, cancellation) = (format!("{path}/pause"), format!("{path}/cancellation"));
    let carla = desk.app.sign_in("carla");

    let paused = json!({"pause_collection": {"behavior": "void"}});
    desk.changes(told(&desk, &plan, "active", &paused));
    assert_eq!(
        desk.put(&pause, &json!({})).await.expect(200).json()["status"],
        "paused"
    );
    has(&desk.asked(), "pause_collection[behavior]", "void");
    desk.put(&pause, &json!({})).await.expect(200);
    assert_eq!(desk.stripe.take_asked().len(), 0, "it is paused already");

    // Within what is paid for it goes on as it was.
    let running = told(&desk, &plan, "active", &paused);
    desk.stripe
        .answers(200, running.clone())
        .answers(200, list(&paid(&running)));
    desk.changes(told(&desk, &plan, "active", &json!({})));
    let resumed = desk.app.delete(&pause).bearer(&carla).send().await.expect(200).json();
    assert_eq!(resumed["status"], "active");
    let form = desk.asked();
    has(&form, "pause_collection", "");
    assert!(
        !form.iter().any(|(name, _)| name == "billing_cycle_anchor"),
        "{form:#?}"
    );
    desk.changes(running.clone());
    desk.put(&pause, &json!({})).await.expect(200);

    // Two periods later nothing is paid for any more: a new one begins, and a card that is declined leaves the pause.
    desk.app.clock.advance(jiff::SignedDuration::from_hours(24 * 60));
    let carla = desk.app.sign_in("carla");
    let later = told(&desk, &plan, "active", &paused);
    let error = json!({"error": {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}});
    desk.stripe
        .answers(200, later.clone())
        .answers(200, list(&paid(&running)))
        .answers(402, error);
    let declined = desk.app.delete(&pause).bearer(&carla).send().await;
    declined.expect_problem(402, "payment_declined");
    desk.stripe.answers(200, later).answers(200, list(&paid(&running)));
    desk.changes(told(&desk, &plan, "active", &json!({})));
    let resumed = desk.app.delete(&pause).bearer(&carla).send().await.expect(200).json();
    assert_eq!(resumed["status"], "active");
    let form = desk.asked();
    has(&form, "billing_cycle_anchor", "now");
    has(&form, "payment_behavior", "error_if_incomplete");

    let end = desk.app.now().as_second() + 30 * 86_400;
    desk.changes(told(&desk, &plan, "active", &json!({"cancel_at": end})));
    let cancelled = desk
        .put(&cancellation, &json!({"when": "period_end"}))
        .await
        .expect(200)
        .json();
    assert_eq!(cancelled["licensed_until"], cancelled["cancels_at"]);
    has(&desk.asked(), "cancel_at_period_end", "true");
    desk.changes(told(&desk, &plan, "active", &json!({})));
    let kept = desk
        .app
        .delete(&cancellation)
        .bearer(&carla)
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(kept["cancels_at"], Value::Null);
    has(&desk.asked(), "cancel_at_period_end", "false");

    let over =
        json!({"ended_at": desk.app.now().as_second(), "cancellation_details": {"reason": "cancellation_requested"}});
    desk.changes(told(&desk, &plan, "canceled", &over));
    let ended = desk
        .put(&cancellation, &json!({"when": "now"}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&ended["status"], &ended["end_reason"]),
        (&json!("ended"), &json!("cancelled"))
    );
    let told = desk.app.take_messages();
    let news = |news: SubscriptionNews| {
        let is = |message: &Message| matches!(message, Message::SubscriptionNotice { news: told, .. } if *told == news);
        told.iter().filter(|envelope| is(&envelope.message)).count()
    };
    assert_eq!((news(SubscriptionNews::Ended), told.len()), (1, 1));
    desk.put(&cancellation, &json!({"when": "now"}))
        .await
        .expect_problem(409, "subscription_ended");
}

#[tokio::test]
async fn what_nobody_has_begun_is_cancelled_with_its_page() {
    let desk = desk().await;
    let made = desk.subscribe(&desk.plan(monthly()).await).await;
    desk.stripe.take_asked();
    let path = format!("/v1/subscriptions/{}/cancellation", made["id"].as_str().expect("an id"));
    let mut expired = session();
    expired["status"] = json!("expired");
    desk.stripe.answers(200, expired);
    let lapsed = desk.put(&path, &json!({"when": "now"})).await.expect(200).json();
    assert_eq!(lapsed["status"], Status::Lapsed.to_string());
    assert!(desk.stripe.take_asked()[0].path.ends_with("/expire"));
}

#[tokio::test]
async fn only_the_last_payment_page_is_open() {
    let desk = desk().await;
    let plan = desk.plan(monthly()).await;
    let first = desk.subscribe(&plan).await;
    let carla = desk.app.sign_in("carla");
    let path = format!("/v1/subscriptions/{}", first["id"].as_str().expect("an id"));
    let wanted = json!({"listing_id": desk.pads, "plan_id": plan});

    // Its page has just been paid: nothing more is opened.
    let error = json!({"error": {"type": "invalid_request_error", "code": "checkout_session_not_open", "message": "It is complete."}});
    let mut complete = session();
    complete["status"] = json!("complete");
    complete["subscription"] = json!("sub_1");
    desk.stripe.answers(400, error).answers(200, complete);
    let refused = desk.app.post("/v1/subscriptions", &wanted).bearer(&carla).send().await;
    refused.expect_problem(409, "subscription_not_begun");

    desk.stripe.take_asked();
    let mut expired = session();
    expired["status"] = json!("expired");
    desk.stripe.answers(200, expired);
    desk.subscribe(&plan).await;
    assert!(desk.stripe.take_asked()[0].path.ends_with("/expire"));
    let lapsed = desk.app.get(&path).bearer(&carla).send().await.expect(200).json();
    assert_eq!(lapsed["status"], Status::Lapsed.to_string());
}

#[tokio::test]
async fn who_has_shown_that_they_study_pays_less() {
    let desk = desk().await;
    let plan = desk.plan(monthly()).await;
    let (carla, operator) = (desk.app.sign_in("carla"), desk.app.sign_in_operator("otto"));
    let shown = json!({"institution": " School of Sound ", "evidence": "carla@school.example"});
    let proof = desk
        .app
        .post("/v1/educational-proofs", &shown)
        .bearer(&carla)
        .send()
        .await
        .expect(201)
        .json();
    assert_eq!(proof["institution"], "School of Sound");
    let again = desk
        .app
        .post("/v1/educational-proofs", &shown)
        .bearer(&carla)
        .send()
        .await;
    again.expect_problem(409, "proof_pending");
    let pending = desk.app.get("/v1/educational-proofs/pending");
    let pending = pending.bearer(&operator).send().await.expect(200).json();
    assert_eq!(pending["items"][0]["evidence"], "carla@school.example");
    let path = format!(
        "/v1/educational-proofs/{}/decisions",
        proof["id"].as_str().expect("an id")
    );
    let decide = async |body: Value, token: &str| desk.app.post(&path, &body).bearer(token).send().await;
    decide(json!({"decision": "accept"}), &carla)
        .await
        .expect_problem(403, "operator_required");
    decide(json!({"decision": "refuse"}), &operator)
        .await
        .expect_problem(422, "invalid_request");
    let accepted = decide(json!({"decision": "accept"}), &operator)
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&accepted["status"], &accepted["evidence"]),
        (&json!("accepted"), &Value::Null)
    );
    decide(json!({"decision": "accept"}), &operator)
        .await
        .expect_problem(409, "proof_decided");
    let messages = desk.app.take_messages();
    assert!(matches!(messages[0].message, Message::EducationalProofDecided { .. }));
    let pending = desk.app.get("/v1/educational-proofs/pending");
    assert_eq!(
        pending.bearer(&operator).send().await.expect(200).json()["items"],
        json!([])
    );

    desk.stripe.answers(200, json!({"id": "souk-educational-50"}));
    let made = desk.subscribe(&plan).await;
    assert_eq!(made["educational_percent"], 50);
    has(&desk.asked(), "discounts[0][coupon]", "souk-educational-50");
}

#[test]
fn the_interface_describes_every_route() {
    let routes: Routes<_> = ::subscriptions::routes();
    let api = routes.describe(OpenApi::default());
    assert_eq!(api.paths.paths.len(), 14, "{:?}", api.paths.paths.keys());
    let text = api.to_json().expect("JSON");
    for listed in ["past_due", "period_end", "educational_percent"] {
        assert!(text.contains(listed), "{listed} is part of the interface");
    }
}
