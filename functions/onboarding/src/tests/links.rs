use serde_json::{Value, json};
use shared::store::partners;

use super::{applied, open_holds, path, pointers, world};

fn account() -> Value {
    json!({"id": "acct_1", "object": "account", "requirements": {"currently_due": ["external_account"], "past_due": ["external_account"]}})
}

fn link() -> Value {
    json!({"object": "account_link", "url": "https://connect.stripe.example/setup/1", "expires_at": 1_795_338_300})
}

#[tokio::test]
async fn the_first_link_makes_the_account_and_later_ones_use_it() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let ask = |body: &Value| {
        app.post(path(&partner, "/onboarding-links"), body)
            .bearer(&app.sign_in("ada"))
    };

    world
        .stripe
        .answers(200, account())
        .answers(200, link())
        .answers(200, link());
    let first = ask(&json!({"return_url": "https://warm.example/back"}))
        .send()
        .await
        .expect(201)
        .json();
    assert_eq!(
        first,
        json!({"url": "https://connect.stripe.example/setup/1", "expires_at": "2026-11-22T09:05:00Z"})
    );
    let asked = world.stripe.take_asked();
    assert_eq!(asked[0].path, "/v1/accounts");
    let id = partner["id"].as_str().expect("an id");
    assert_eq!(
        asked[0].header("idempotency-key"),
        Some(format!("account-{id}").as_str())
    );
    assert!(asked[0].form().contains(&("country".to_owned(), "DE".to_owned())));
    assert!(
        asked[0]
            .form()
            .contains(&("metadata[partner]".to_owned(), id.to_owned()))
    );
    let addresses: Vec<_> = asked[1]
        .form()
        .into_iter()
        .filter(|(name, _)| name.ends_with("_url"))
        .map(|(_, url)| url)
        .collect();
    assert_eq!(addresses, ["https://warm.example/back", "https://warm.example/back"]);

    let read = app
        .get(path(&partner, ""))
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(read["payout_account"]["account"], "acct_1");
    assert_eq!(
        open_holds(&read),
        [
            "application_review",
            "agreement_not_accepted",
            "payout_account_incomplete"
        ]
    );
    let found = partners::of_processor_account(&app.store, "acct_1")
        .await
        .expect("read");
    assert_eq!(found.map(|id| id.to_string()).as_deref(), Some(id));

    ask(&json!({})).send().await.expect(201);
    let asked = world.stripe.take_asked();
    assert_eq!(asked.len(), 1, "no second account: {asked:?}");
    let home = format!("https://souk.example/partners/{id}");
    assert!(asked[0].form().contains(&("return_url".to_owned(), home)));
    app.take_messages();
}

#[tokio::test]
async fn a_cut_off_request_ends_with_one_account() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let ask = || {
        app.post(path(&partner, "/onboarding-links"), &json!({}))
            .bearer(&app.sign_in("ada"))
            .idempotency_key("k1")
    };
    // Stripe made the account, but its answer was lost; then the link failed; then all went well.
    world.stripe.answers(500, json!({}));
    ask().send().await.expect_problem(503, "unavailable");
    world.stripe.answers(200, account()).answers(429, json!({}));
    ask().send().await.expect_problem(503, "unavailable");
    world.stripe.answers(200, link());
    ask().send().await.expect(201);
    let asked = world.stripe.take_asked();
    let keys: Vec<_> = asked
        .iter()
        .filter_map(|call| Some((call.path.as_str(), call.header("idempotency-key")?)))
        .collect();
    let (account_key, link_key) = (keys[0].1, keys[2].1);
    let (account, link) = (("/v1/accounts", account_key), ("/v1/account_links", link_key));
    assert_eq!(keys, [account, account, link, link]);
    app.take_messages();
}

#[tokio::test]
async fn stripe_sends_nobody_to_a_strange_address() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let check = async |url: &str| {
        let body = json!({"return_url": url, "refresh_url": url});
        let answer = app
            .post(path(&partner, "/onboarding-links"), &body)
            .bearer(&app.sign_in("ada"))
            .send()
            .await;
        let problem = answer.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&problem), ["/return_url", "/refresh_url"], "{url}");
    };
    for url in [
        "http://warm.example",
        "javascript:alert(1)",
        "//warm.example",
        "",
        "https://u:p@warm.example",
        "http://localhost.evil.example",
    ] {
        check(url).await;
    }
    check(&format!("https://warm.example/{}", "x".repeat(2_000))).await;
    assert!(world.stripe.take_asked().is_empty());

    world.stripe.answers(200, account()).answers(200, link());
    let own_machine = json!({"return_url": "http://localhost:3000/back"});
    app.post(path(&partner, "/onboarding-links"), &own_machine)
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(201);
    app.take_messages();
}

#[tokio::test]
async fn what_stripe_refuses_is_told() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let error = json!({"error": {"type": "invalid_request_error", "code": "country_unsupported", "message": "no"}});
    world.stripe.answers(400, error);
    let answer = app
        .post(path(&partner, "/onboarding-links"), &json!({}))
        .bearer(&app.sign_in("ada"))
        .send()
        .await;
    answer.expect_problem(502, "processor_refused");
}
