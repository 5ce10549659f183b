//! Who somebody is, and what opens something, is told to nobody who need not know.
//!
//! 1. Chiara buys from Paula, who is paid; both get mail.
//! 2. Their names and addresses are in the table of accounts and in no other; the ledger knows ids only.
//! 3. No function has logged them, nor a licence key, a token, a signature or a secret.

use support::{Order, Partner, Stack, eventually};

#[tokio::test]
async fn people_are_in_one_table_and_in_no_log() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Unmistakable").await;
    let order = Order::place(&chiara, &[&kit]).await;
    let paid = order.pay(&stack, &chiara).await;
    let licence = paid["lines"][0]["licence_id"].as_str().unwrap();
    let licence = chiara.api.get(&format!("/licences/{licence}")).await.is(200);
    let token = chiara.api_token(&["orders:read"]).await;
    stack.with_token(&token).get("/orders").await.is(200);
    eventually("the mails", async || {
        let (customers, owners) = (
            stack.aws().mails_to(&chiara.email).await,
            stack.aws().mails_to(&paula.owner.email).await,
        );
        let said = format!("{} and {} mails", customers.len(), owners.len());
        if customers.is_empty() || owners.is_empty() {
            Err(said)
        } else {
            Ok(())
        }
    })
    .await;

    for (what, text) in [
        ("an address", &chiara.email),
        ("an address", &paula.owner.email),
        ("a name", &chiara.name),
    ] {
        for table in ["catalogue", "commerce", "ledger", "requests"] {
            let items = stack.aws().items_about(table, text).await;
            assert!(items.is_empty(), "{table} holds {what}: {items:?}");
        }
    }
    let account = stack.aws().items_about("accounts", &chiara.email).await;
    assert_eq!(account.len(), 1, "an address is in one item: {account:?}");

    let description = stack.description();
    let secrets = [
        ("a customer's address", chiara.email.as_str()),
        ("an owner's address", paula.owner.email.as_str()),
        ("a name", chiara.name.as_str()),
        ("a licence key", licence["key"].as_str().unwrap()),
        ("a sign-in token", &chiara.token),
        ("an API token", &token),
        ("the webhook's secret", &description.stripe_webhook_secret),
        ("the other webhook's secret", &description.stripe_connect_webhook_secret),
        ("the processor's key", &description.stripe_secret_key),
    ];
    for function in description.functions.keys() {
        for (what, text) in secrets {
            let calls = stack.aws().invocations(function, text).await;
            assert!(calls.is_empty(), "{function} has logged {what}: {calls:#?}");
        }
    }
}
