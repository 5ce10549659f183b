//! A rule at work on the deployed stack.
//!
//! 1. An operator makes a tiered rule for one partner of a group and a wider one for the group; a second rule for the same scope is refused.
//! 2. Chiara buys through an affiliate; the order's terms are those of the narrower rule, and the sale is divided by them.
//! 3. She buys again: the tier has counted the first sale, and the explanation shows it to the partner, cent by cent.
//! 4. The affiliate finds the referral in a journal of their own.
//! 5. The operator ends the rule; the next order falls under the group's.

use serde_json::{Value, json};
use support::{Order, Partner, Person, Stack, eventually};

/// Pays for the listing through an affiliate, and gives the explanation of its line.
async fn bought(stack: &Stack, customer: &Person, listing: &str, affiliate: &Partner, seller: &Partner) -> Value {
    let body = json!({"lines": [{"listing_id": listing}], "affiliate_id": affiliate.id});
    let placed = customer.api.post("/orders", body).await.is(201);
    let order = Order::of(placed);
    order.pay(stack, customer).await;
    let path = format!("/orders/{}/lines/0/explanation", order.id);
    seller.api.get(&path).await.is(200)
}

fn leg(explanation: &Value, name: &str) -> i64 {
    let legs = explanation["legs"].as_array().unwrap();
    let leg = legs.iter().find(|leg| leg["leg"] == name).unwrap();
    leg["amount"]["amount"].as_i64().unwrap()
}

#[tokio::test]
async fn a_rule_divides_what_is_sold_under_it() {
    let stack = Stack::load();
    let (paula, marek) = (Partner::new(&stack).await, Partner::new(&stack).await);
    let kit = paula.published(&stack, 1000).await;
    let operator = stack.operator();
    // A group of its own for each run.
    let group = format!("g-{}", &paula.id[4..]);
    let grouped = operator
        .call("PUT", &paula.path("/group"))
        .json(&json!({"group": group}));
    assert_eq!(grouped.send().await.is(200)["group"], group.as_str());
    let rule = |name: &str, scope: Value, figures: Value| json!({"name": name, "scope": scope, "figures": figures});
    let tiers = json!({"per": "partner", "count": {"reset": "never"},
        "above": [{"above": {"amount": 1500, "currency": "EUR"}, "commission_bps": 500}]});
    let figures = json!({"commission_bps": 1500, "affiliate_bps": 300, "tiers": tiers});
    let of_paula = rule("Paula's", json!({"type": "partner", "id": paula.id}), figures);
    let narrow = operator.post("/commission-rules", of_paula.clone()).await.is(201);
    let of_group = rule(
        "The group's",
        json!({"type": "group", "id": group}),
        json!({"commission_bps": 1200}),
    );
    operator.post("/commission-rules", of_group).await.is(201);
    operator
        .post("/commission-rules", of_paula)
        .await
        .refused(409, "rule_overlaps");

    let chiara = stack.somebody("Chiara Customer").await;
    let first = bought(&stack, &chiara, &kit.id, &marek, &paula).await;
    assert_eq!(first["rule"], format!("{}@1", narrow["id"].as_str().unwrap()));
    assert_eq!(
        ["partner", "platform", "affiliate"].map(|name| leg(&first, name)),
        [850, 120, 30]
    );
    let second = bought(&stack, &chiara, &kit.id, &marek, &paula).await;
    assert_eq!(second["turnover_before"]["amount"], 1000);
    // 500 at 15 % and 500 at 5 %.
    assert_eq!(
        ["partner", "platform", "affiliate"].map(|name| leg(&second, name)),
        [900, 70, 30]
    );

    eventually("the affiliate's journal", async || {
        let entries = marek.api.all(&marek.path("/journal-entries")).await;
        let referrals = entries.iter().filter(|entry| entry["fact"] == "referral").count();
        if referrals == 2 {
            Ok(())
        } else {
            Err(format!("{referrals} referrals"))
        }
    })
    .await;
    let end = format!("/commission-rules/{}/end", narrow["id"].as_str().unwrap());
    operator.post(&end, json!({})).await.is(200);
    let third = bought(&stack, &chiara, &kit.id, &marek, &paula).await;
    assert_eq!(
        ["partner", "platform", "affiliate"].map(|name| leg(&third, name)),
        [880, 120, 0]
    );
}
