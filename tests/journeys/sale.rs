//! A sale that pays a partner.
//!
//! 1. Paula applies, accepts the agreement, is approved and connects her account at the processor.
//! 2. She lists a groove kit, uploads its package with the form she was given, and it passes the scan.
//! 3. An operator approves what she hands in; she publishes; it is found by its category and by the beginning of a word.
//! 4. Chiara orders it and pays; the processor's webhook settles the order, and nothing else does.
//! 5. The journal has the sale with every share, Paula's balance has hers, Chiara has a licence key and a mail with it.
//! 6. Her download gives exactly the bytes that Paula uploaded.
//! 7. The payout run sends Paula her share; her balance is zero, and everything ever posted sums to zero.
//!
//! Then the variations: a cart over two partners, a listing that is free, a debit that comes in late, one that fails, a checkout that lapses.

use serde_json::{Value, json};
use support::scenes::{eur, of_fact, sum_minor};
use support::{Order, Partner, Stack, eventually};

#[tokio::test]
async fn a_partner_sells_and_is_paid() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;

    let found = stack
        .public()
        .get(&format!("/listings?category=grooves&q={}", &kit.word[..9]))
        .await
        .is(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["items"][0]["id"], kit.id.as_str());
    assert_eq!(found["items"][0]["price"], eur(1299));
    let elsewhere = stack
        .public()
        .get(&format!("/listings?category=effects&q={}", kit.word))
        .await
        .is(200);
    assert_eq!(
        elsewhere["items"],
        json!([]),
        "a listing on a shelf that is not its own"
    );
    let shelf = stack.public().all("/listings?category=grooves").await;
    assert!(
        shelf.iter().any(|card| card["id"] == kit.id.as_str()),
        "{} is not on its shelf",
        kit.title
    );
    let page = stack.public().get(&format!("/listings/{}", kit.id)).await.is(200);
    assert_eq!(page["latest"]["sha256"], support::package::sha256(&kit.bytes));

    let _alone = stack.alone_with("payouts").await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    assert_eq!(order.body["status"], "pending");
    assert_eq!(order.body["total"], eur(1299));
    assert!(
        order.body["lines"][0]["licence_id"].is_null(),
        "a licence before the payment: {}",
        order.body
    );
    let paid = order.pay(&stack, &chiara).await;
    assert!(paid["paid_at"].is_string() && paid["checkout_url"].is_null(), "{paid}");

    let journal = paula.journal().await;
    let sales = of_fact(&journal, "sale");
    assert_eq!(sales.len(), 1, "{journal:?}");
    assert_eq!(sales[0]["reference"], order.id.as_str());
    assert_eq!(
        postings(sales[0]),
        [
            ("partner_payable".into(), -1039),
            ("platform_revenue".into(), -260),
            ("processor_clearing".into(), 1299)
        ]
    );
    let balances = paula.api.get(&paula.path("/balances")).await.is(200);
    assert_eq!(
        (&balances["items"][0]["owed"], &balances["items"][0]["payable"]),
        (&eur(1039), &eur(1039)),
        "{balances}"
    );
    fee_is_posted(&stack, &order).await;

    let licence_id = paid["lines"][0]["licence_id"].as_str().unwrap().to_owned();
    let licence = chiara.api.get(&format!("/licences/{licence_id}")).await.is(200);
    let key = licence["key"].as_str().unwrap();
    assert!(key.starts_with("SOUK-"), "{licence}");
    assert_eq!(
        licence,
        chiara.api.get(&format!("/licenses/{licence_id}")).await.is(200),
        "the other spelling is the same place"
    );
    assert_eq!(chiara.api.all("/licences").await.len(), 1);
    receipt(&stack, &chiara.email, &[&order.id, key, &kit.title]).await;
    download_is(&stack, &chiara.api, &licence_id, &kit.bytes).await;

    pay_out(&stack).await;
    let payout = sent_payout(&paula).await;
    assert_eq!(payout["amount"], eur(1039));
    let transfers = stack.stripe().transfers_of(payout["id"].as_str().unwrap()).await;
    assert_eq!(transfers.len(), 1, "{transfers:?}");
    assert_eq!(transfers[0]["id"], payout["transfer"]);
    assert_eq!(
        (&transfers[0]["amount"], &transfers[0]["destination"]),
        (&json!(1039), &json!(paula.account))
    );
    assert_eq!(paula.owed_minor().await, 0);
    let journal = paula.journal().await;
    let facts: Vec<&str> = journal.iter().map(|entry| entry["fact"].as_str().unwrap()).collect();
    assert_eq!(facts, ["payout", "sale", "transfer"]);
    paula.assert_books_balance().await;
    stack.aws().assert_no_dead_letter(&order.id).await;
    stack.aws().assert_no_dead_letter(&paula.id).await;
}

#[tokio::test]
async fn a_cart_over_two_partners_pays_both() {
    let stack = Stack::load();
    let (paula, marek) = (Partner::new(&stack).await, Partner::new(&stack).await);
    let (kit, loops, extra) = (
        paula.published(&stack, 1299).await,
        marek.published(&stack, 500).await,
        marek.published(&stack, 51).await,
    );
    let chiara = stack.somebody("Chiara Customer").await;
    for listing in [&kit, &loops, &extra, &kit] {
        chiara.api.put(&format!("/cart/lines/{}", listing.id)).await.is(200);
    }
    let cart = chiara.api.get("/cart").await.is(200);
    assert_eq!(
        cart["lines"].as_array().unwrap().len(),
        3,
        "twice the same listing is one line: {cart}"
    );
    assert_eq!(cart["lines"][1]["price"], eur(500));

    let _alone = stack.alone_with("payouts").await;
    let order = Order::of(chiara.api.post("/orders", json!({})).await.is(201));
    assert_eq!(order.body["total"], eur(1850));
    let paid = order.pay(&stack, &chiara).await;
    assert_eq!(paid["lines"].as_array().unwrap().len(), 3);

    let journals = [paula.journal().await, marek.journal().await];
    for (journal, clearing) in journals.iter().zip([1299, 551]) {
        let sales = of_fact(journal, "sale");
        assert_eq!(sales.len(), 1, "one entry for each order and partner: {journal:?}");
        assert_eq!(sum_minor(sales.iter().copied()), 0);
        let taken = postings(sales[0])
            .into_iter()
            .find(|(account, _)| account == "processor_clearing");
        assert_eq!(taken.map(|(_, amount)| amount), Some(clearing));
    }
    assert_eq!((paula.owed_minor().await, marek.owed_minor().await), (1039, 441));
    let licences = chiara.api.all("/licences").await;
    assert_eq!(licences.len(), 3);
    receipt(
        &stack,
        &chiara.email,
        &[&order.id, &kit.title, &loops.title, &extra.title],
    )
    .await;

    pay_out(&stack).await;
    assert_eq!(sent_payout(&paula).await["amount"], eur(1039));
    assert_eq!(sent_payout(&marek).await["amount"], eur(441));
    assert_eq!((paula.owed_minor().await, marek.owed_minor().await), (0, 0));
    paula.assert_books_balance().await;
    marek.assert_books_balance().await;
}

#[tokio::test]
async fn what_is_free_is_settled_without_the_processor() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 0).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    assert!(order.body["checkout_url"].is_null(), "{}", order.body);
    let paid = order.becomes(&chiara, "paid").await;
    let licence = paid["lines"][0]["licence_id"].as_str().unwrap().to_owned();
    download_is(&stack, &chiara.api, &licence, &kit.bytes).await;
    assert_eq!(
        paula.journal().await,
        Vec::<Value>::new(),
        "nothing was paid, so nothing is posted"
    );
    receipt(&stack, &chiara.email, &[&order.id, &kit.title]).await;
}

#[tokio::test]
async fn a_debit_that_comes_in_late_settles_then_and_not_before() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 2000).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    stack.stripe().pay(&order.session(), "async_pending").await;
    order.becomes(&chiara, "awaiting_payment").await;
    assert_eq!(
        paula.journal().await,
        Vec::<Value>::new(),
        "a completed checkout moves no money"
    );
    assert_eq!(chiara.api.all("/licences").await, Vec::<Value>::new());

    stack.stripe().settle(&order.session(), true).await;
    order.becomes(&chiara, "paid").await;
    assert_eq!(of_fact(&paula.journal().await, "sale").len(), 1);
    assert_eq!(chiara.api.all("/licences").await.len(), 1);
}

#[tokio::test]
async fn scenario_5_a_debit_that_fails_cancels_and_posts_nothing() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 2000).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    stack.stripe().pay(&order.session(), "async_pending").await;
    order.becomes(&chiara, "awaiting_payment").await;
    stack.stripe().settle(&order.session(), false).await;
    order.becomes(&chiara, "cancelled").await;
    assert_eq!(paula.journal().await, Vec::<Value>::new());
    assert_eq!(chiara.api.all("/licences").await, Vec::<Value>::new());
    assert_eq!(stack.aws().mails_to(&chiara.email).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_declined_card_leaves_the_checkout_open_and_a_lapsed_one_expires() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 2000).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let declined = Order::place(&chiara, &[&kit]).await;
    stack.stripe().pay(&declined.session(), "declined").await;
    let still = chiara.api.get(&format!("/orders/{}", declined.id)).await.is(200);
    assert_eq!(still["status"], "pending");
    assert_eq!(
        still["checkout_url"], declined.body["checkout_url"],
        "the page to pay on is still offered"
    );

    let lapsed = Order::place(&chiara, &[&kit]).await;
    stack.stripe().expire(&lapsed.session()).await;
    let expired = lapsed.becomes(&chiara, "expired").await;
    assert!(expired["checkout_url"].is_null(), "{expired}");
    declined.pay(&stack, &chiara).await;
    assert_eq!(of_fact(&paula.journal().await, "sale").len(), 1);
}

#[tokio::test]
async fn what_is_yanked_is_no_longer_sold_but_stays_with_those_who_have_it() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 0).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    let paid = order.becomes(&chiara, "paid").await;
    let licence = paid["lines"][0]["licence_id"].as_str().unwrap();

    let yank = json!({"reason_code": "withdrawn", "note": "A better one comes."});
    let yanked = paula.api.post(&paula.version_path(&kit, "/yank"), yank).await.is(200);
    assert_eq!(yanked["status"], "yanked");
    stack
        .public()
        .get(&format!("/listings/{}", kit.id))
        .await
        .refused(404, "not_found");
    assert_eq!(
        stack.public().get(&format!("/listings?q={}", kit.word)).await.is(200)["items"],
        json!([])
    );
    chiara
        .api
        .post("/orders", json!({"lines": [{"listing_id": kit.id}]}))
        .await
        .refused(422, "invalid_request");
    let named = json!({"version_id": kit.version});
    let link = chiara
        .api
        .post(&format!("/licences/{licence}/downloads"), named)
        .await
        .is(201);
    assert_eq!(fetch(&stack, link["url"].as_str().unwrap()).await, kit.bytes);
}

#[tokio::test]
async fn a_partner_under_suspension_neither_sells_nor_publishes() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let (kit, next) = (paula.published(&stack, 700).await, paula.submitted(&stack, 700).await);
    paula.review(&stack, &next, support::scenes::approval()).await.is(201);
    let suspend = json!({"decision": "suspend", "reason_code": "policy_violation", "evidence": "A complaint."});
    paula.decide(&stack, suspend).await.is(201);

    let partner = paula.api.get(&paula.path("")).await.is(200);
    let open: Vec<&Value> = partner["holds"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|hold| hold["resolved_at"].is_null())
        .collect();
    assert_eq!(open.len(), 1, "{partner}");
    assert_eq!(
        (&open[0]["reason_code"], &open[0]["evidence"]),
        (&json!("policy_violation"), &json!("A complaint."))
    );
    assert!(
        open[0]["due_at"].is_string() && open[0]["explanation"].as_str().unwrap().len() > 10,
        "{open:?}"
    );
    paula
        .api
        .post(&paula.version_path(&next, "/publish"), json!({}))
        .await
        .refused(409, "policy_violation");
    let chiara = stack.somebody("Chiara Customer").await;
    chiara
        .api
        .post("/orders", json!({"lines": [{"listing_id": kit.id}]}))
        .await
        .refused(422, "invalid_request");

    paula
        .decide(
            &stack,
            json!({"decision": "reinstate", "evidence": "It was a mistake."}),
        )
        .await
        .is(201);
    paula
        .api
        .post(&paula.version_path(&next, "/publish"), json!({}))
        .await
        .is(200);
    Order::place(&chiara, &[&kit]).await;
    let audit = stack.operator().all(&paula.path("/audit-events")).await;
    let actions: Vec<&str> = audit.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert!(
        ["partner.suspend", "partner.reinstate", "partner.approve"]
            .iter()
            .all(|action| actions.contains(action)),
        "{actions:?}"
    );
}

/// Runs what the schedule runs.
pub(crate) async fn pay_out(stack: &Stack) {
    stack.stripe().fund().await;
    stack
        .aws()
        .invoke(
            "payout",
            &json!({"id": support::unique(), "time": support::now().to_string(), "detail-type": "Scheduled Event"}),
        )
        .await;
}

/// The partner's only payout, once it has been sent.
pub(crate) async fn sent_payout(partner: &Partner) -> Value {
    eventually("a payout being sent", async || {
        let payouts = partner.payouts().await;
        match payouts.as_slice() {
            [payout] if payout["status"] == "sent" => Ok(payout.clone()),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

/// Accounts without their owner, and amounts, in the order of the accounts' names.
fn postings(entry: &Value) -> Vec<(String, i64)> {
    let posting = |posting: &Value| {
        let account = posting["account"]
            .as_str()
            .unwrap()
            .split(':')
            .next()
            .unwrap_or_default();
        (account.to_owned(), posting["amount"]["amount"].as_i64().unwrap())
    };
    let mut all: Vec<_> = entry["postings"].as_array().unwrap().iter().map(posting).collect();
    all.sort();
    all
}

/// The processor's fee on the order's charge is posted once it is known.
async fn fee_is_posted(stack: &Stack, order: &Order) {
    let session = stack.stripe().object(&order.session()).await;
    let intent = stack.stripe().object(session["payment_intent"].as_str().unwrap()).await;
    let charge = intent["latest_charge"].as_str().unwrap().to_owned();
    eventually("the fee being posted", async || {
        let entries = stack.aws().items_about("ledger", &charge).await;
        let fee = entries.iter().find(|entry| entry["fact"]["fee"] == charge.as_str());
        fee.map(|_| ()).ok_or_else(|| format!("{entries:?}"))
    })
    .await;
}

/// The one mail to a customer, with all of this in it.
async fn receipt(stack: &Stack, address: &str, texts: &[&str]) {
    let mails = eventually("a receipt", async || {
        let mails = stack.aws().mails_to(address).await;
        if mails.is_empty() {
            Err("no mail".to_owned())
        } else {
            Ok(mails)
        }
    })
    .await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    for text in texts {
        assert!(
            mails[0]["BodyText"].as_str().unwrap_or_default().contains(text),
            "no {text:?} in {}",
            mails[0]
        );
    }
}

async fn download_is(stack: &Stack, customer: &support::Api, licence: &str, bytes: &[u8]) {
    let link = customer
        .post(&format!("/licences/{licence}/downloads"), json!({}))
        .await
        .is(201);
    assert_eq!(link["sha256"], support::package::sha256(bytes));
    assert_eq!(link["size_bytes"], bytes.len());
    let url = link["url"].as_str().unwrap();
    assert_eq!(fetch(stack, url).await, bytes);
    // The link is for these bytes and this while.
    for (signed, forged) in [
        ("X-Amz-Expires=", "X-Amz-Expires=9"),
        ("versionId=", "versionId=0"),
        ("/lst_", "/lst_0"),
    ] {
        assert!(url.contains(signed), "the link does not say {signed}: {url}");
        let answer = stack.http().get(url.replacen(signed, forged, 1)).send().await.unwrap();
        assert!(
            answer.status().is_client_error(),
            "{forged} was answered {}",
            answer.status()
        );
    }
}

async fn fetch(stack: &Stack, url: &str) -> Vec<u8> {
    let answer = stack.http().get(url).send().await.unwrap();
    assert!(answer.status().is_success(), "{url} answered {}", answer.status());
    answer.bytes().await.unwrap().to_vec()
}
