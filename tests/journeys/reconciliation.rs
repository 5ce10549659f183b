//! A payment whose news never comes.
//!
//! 1. Chiara pays, and the processor never makes the events that would say so: her order stays unpaid, its money is in nobody's books.
//! 2. The reconciliation finds the movement on the platform's balance and says what the webhook should have said.
//! 3. The order is settled, Paula is owed her share; the next run closes the difference, and the reports remember it.
//! 4. The books, folded from the first entry to the last, agree with every balance.

use serde_json::{Value, json};
use shared::clock::Clock;
use shared::runtime::{Clients, Env};
use shared::store::TableName;
use support::scenes::of_fact;
use support::{Order, Partner, Stack, eventually};

/// The types of which a payment makes one event each.
const NEWS_OF_A_PAYMENT: [&str; 4] = ["checkout.session.*", "charge.*", "payment_intent.*", "payment.*"];

#[tokio::test]
async fn what_the_webhook_never_heard_is_found_in_the_processors_books() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    let charge = {
        let _alone = stack.alone_with("webhooks").await;
        let stripe = stack.stripe();
        stripe
            .control("webhooks", json!({"suppressed": NEWS_OF_A_PAYMENT}))
            .await;
        stripe.pay(&order.session(), "fee_at_once").await;
        stripe.control("webhooks", json!({"suppressed": []})).await;
        charge_of(&stack, &order).await
    };
    let unpaid = chiara.api.get(&format!("/orders/{}", order.id)).await.is(200);
    assert_eq!(unpaid["status"], "pending", "nobody has told");

    let found = eventually("the difference being found", async || {
        let run = reconcile(&stack).await;
        let report = stack
            .operator()
            .get(&format!("/reconciliations/{}?limit=100", id(&run)))
            .await
            .is(200);
        let items = report["differences"]["items"].as_array().unwrap().clone();
        let ours = items.into_iter().find(|item| item["source"] == charge.as_str());
        ours.ok_or_else(|| report.to_string())
    })
    .await;
    assert_eq!(found["kind"], "entry_missing", "{found}");
    order.becomes(&chiara, "paid").await;
    assert_eq!(of_fact(&paula.journal().await, "sale").len(), 1);
    assert_eq!(paula.owed_minor().await, 1039);

    let opened_by = found["opened_by"].as_str().unwrap().to_owned();
    let closed = eventually("the difference being closed", async || {
        reconcile(&stack).await;
        let report = stack
            .operator()
            .get(&format!("/reconciliations/{opened_by}?limit=100"))
            .await
            .is(200);
        let items = report["differences"]["items"].as_array().unwrap().clone();
        let ours = items
            .into_iter()
            .find(|item| item["source"] == charge.as_str())
            .unwrap();
        if ours["closed_at"].is_string() {
            Ok(ours)
        } else {
            Err(ours.to_string())
        }
    })
    .await;
    assert_ne!(closed["closed_by"], closed["opened_by"]);
    let open = stack.operator().all("/differences").await;
    assert!(!open.iter().any(|item| item["source"] == charge.as_str()), "{open:?}");
    assert_eq!(
        of_fact(&paula.journal().await, "sale").len(),
        1,
        "however often it was said"
    );
    stack.aws().assert_no_dead_letter(&order.id).await;
    the_books_agree_about(&stack, &paula).await;
}

/// Runs what the schedule runs; the newest report.
pub(crate) async fn reconcile(stack: &Stack) -> Value {
    let event = json!({"id": support::unique(), "time": support::now().to_string(), "detail-type": "Scheduled Event"});
    stack.aws().invoke("reconcile", &event).await;
    let page = stack.operator().get("/reconciliations?limit=1").await.is(200);
    page["items"][0].clone()
}

fn id(run: &Value) -> &str {
    run["id"].as_str().unwrap()
}

async fn charge_of(stack: &Stack, order: &Order) -> String {
    let session = stack.stripe().object(&order.session()).await;
    let intent = stack.stripe().object(session["payment_intent"].as_str().unwrap()).await;
    intent["latest_charge"].as_str().unwrap().to_owned()
}

/// What `make books` does. Other tests are selling meanwhile and forge what they like, so only this partner's amounts are looked at.
async fn the_books_agree_about(stack: &Stack, partner: &Partner) {
    let tables = [TableName::Ledger, TableName::Commerce];
    let description = stack.description();
    let mut variables = vec![
        ("AWS_REGION", description.region.clone()),
        ("AWS_ACCESS_KEY_ID", description.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", description.secret_access_key.clone()),
        ("AWS_ENDPOINT_URL", description.aws_endpoint.clone()),
    ];
    variables.push(("LEDGER_TABLE", description.tables["ledger"].clone()));
    variables.push(("COMMERCE_TABLE", description.tables["commerce"].clone()));
    let store = Env::from_pairs(variables)
        .load(|env| Clients::from_env(env).store(env, &tables))
        .unwrap();
    let verdict = fold::check(&store, Clock::System.now()).await.unwrap();
    assert!(verdict.entries > 0 && verdict.balances > 0, "{}", verdict.summary());
    let theirs: Vec<String> = verdict.differences.iter().map(ToString::to_string).collect();
    assert!(!theirs.iter().any(|line| line.contains(&partner.id)), "{theirs:#?}");
}
