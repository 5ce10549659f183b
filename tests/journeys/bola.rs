//! Who may what: every route, asked by everybody who must not have it (OWASP API1, API5).
//!
//! 1. Paula has a team, a published listing, a sale and a payout; Chiara has the order and the licence; Marek has a partner of his own.
//! 2. Each route of the table in `support::routes` is asked by nobody, with tokens that are no good, by strangers, by the wrong role, with
//!    API tokens that lack the scope, and through one's own partner with other people's ids.
//! 3. Each answer is the one that the route's row demands, as a problem document, and afterwards nothing has changed.
//! 4. Those who may are let in, so that the refusals mean something.

mod demands;

use demands::{Demand, member, operator, owner, stranger, without_identity, without_scope};
use serde_json::{Value, json};
use support::routes::{Access, ROUTES, Route};
use support::scenes::eur;
use support::{Answer, Api, Listing, Order, Partner, Person, Stack, eventually, unique};

use crate::forgery::{NO_ALGORITHM, with_other_signature, without_signature};
use crate::reconciliation::reconcile;
use crate::sale::{pay_out, sent_payout};

struct World {
    stack: Stack,
    paula: Partner,
    /// In Paula's team, and no owner of it.
    pieter: Person,
    marek: Partner,
    chiara: Person,
    dev: Person,
    kit: Listing,
    /// Something of Paula's that waits for a moderator.
    case: String,
    /// Against what the scan has refused of Paula's.
    appeal: String,
    payout: String,
    order: String,
    reconciliation: String,
    rescan: String,
    /// Chiara has asked for it, and nobody has decided.
    refund: String,
    /// A refund that has been carried out.
    refunded: String,
    licence: String,
    /// Paula's own.
    policy: String,
    /// Licences that Paula has given to Pieter.
    batch: String,
    /// Of Paula's kit.
    plan: String,
    /// Chiara's, which waits for its checkout.
    subscription: String,
    /// What Chiara has shown of her education.
    proof: String,
    chiaras_token: String,
    pieters_id: String,
    /// For Paula's sales, some day.
    rule: String,
}

impl World {
    async fn new() -> Self {
        let stack = Stack::load();
        let (paula, marek) = (Partner::new(&stack).await, Partner::approved(&stack).await);
        let (pieter, chiara, dev) = (
            stack.somebody("Pieter Member").await,
            stack.somebody("Chiara Customer").await,
            stack.somebody("Dev Customer").await,
        );
        let pieters_id = pieter.id().await;
        paula
            .api
            .post(
                &paula.path("/members"),
                json!({"user_id": pieters_id, "role": "member"}),
            )
            .await
            .is(201);
        let kit = paula.published(&stack, 1299).await;
        let waiting = paula.submitted(&stack, 900).await;
        let case = stack.case(&waiting).await["id"].as_str().unwrap().to_owned();
        let appeal = appealed(&stack, &paula).await;
        let order = Order::place(&chiara, &[&kit]).await;
        let paid = order.pay(&stack, &chiara).await;
        let payout = {
            let _alone = stack.alone_with("payouts").await;
            pay_out(&stack).await;
            sent_payout(&paula).await["id"].as_str().unwrap().to_owned()
        };
        let refunded = refunded(&stack, &chiara, &order).await;
        let asked = chiara
            .api
            .post(
                &format!("/orders/{}/refund-requests", order.id),
                json!({"reason": "other"}),
            )
            .await
            .is(201);
        let (policy, batch) = paula.gives(&kit, &pieters_id).await;
        let (plan, subscription, proof) = subscribed(&paula, &kit, &chiara).await;
        let licence = paid["lines"][0]["licence_id"].as_str().unwrap().to_owned();
        let token = chiara
            .api
            .post("/api-tokens", json!({"label": "Chiara's", "scopes": ["orders:read"]}))
            .await
            .is(201);
        let chiaras_token = token["id"].as_str().unwrap().to_owned();
        let rule = json!({"name": "Paula's", "scope": {"type": "partner", "id": paula.id}, "from": "2099-01-01T00:00:00Z",
            "figures": {"commission_bps": 1500}});
        let rule = stack.operator().post("/commission-rules", rule).await.is(201);
        let rule = rule["id"].as_str().unwrap().to_owned();
        let reconciliation = reconcile(&stack).await["id"].as_str().unwrap().to_owned();
        let rescan = stack.operator().post("/rescans", json!({})).await.is(201);
        let rescan = rescan["id"].as_str().unwrap().to_owned();
        Self {
            stack,
            paula,
            pieter,
            marek,
            chiara,
            dev,
            kit,
            case,
            appeal,
            payout,
            refunded,
            refund: asked["id"].as_str().unwrap().to_owned(),
            order: order.id,
            reconciliation,
            rescan,
            licence,
            policy,
            batch,
            plan,
            subscription,
            proof,
            chiaras_token,
            pieters_id,
            rule,
        }
    }

    fn id(&self, name: &str) -> String {
        match name {
            "partner_id" => &self.paula.id,
            "listing_id" => &self.kit.id,
            "version_id" => &self.kit.version,
            "submission_id" => &self.kit.submission,
            "case_id" => &self.case,
            "appeal_id" => &self.appeal,
            "payout_id" => &self.payout,
            "order_id" => &self.order,
            "refund_id" => &self.refund,
            "licence_id" => &self.licence,
            "token_id" => &self.chiaras_token,
            "user_id" => &self.pieters_id,
            "policy_id" => &self.policy,
            "batch_id" => &self.batch,
            "plan_id" => &self.plan,
            "subscription_id" => &self.subscription,
            "proof_id" => &self.proof,
            "process_id" => return self.pieters_id.replacen("usr_", "prc_", 1),
            "dispute_id" => return self.pieters_id.replacen("usr_", "dsp_", 1),
            "hold_id" => return self.pieters_id.replacen("usr_", "hld_", 1),
            "machine_id" => return self.pieters_id.replacen("usr_", "mac_", 1),
            "rule_id" => &self.rule,
            "reconciliation_id" => &self.reconciliation,
            "rescan_id" => &self.rescan,
            "index" => return "0".to_owned(),
            "period" => return "2026-11".to_owned(),
            "year" => return "2026".to_owned(),
            other => panic!("no {other} to fill a path with"),
        }
        .clone()
    }

    async fn licence_key(&self) -> String {
        let licence = self
            .chiara
            .api
            .get(&format!("/licences/{}", self.licence))
            .await
            .is(200);
        licence["key"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, api: &Api, route: &Route) -> Answer {
        let credited = route.path.contains("/credit-notes/");
        let path = route.path_with(|name| match name {
            "refund_id" if credited => self.refunded.clone(),
            name => self.id(name),
        });
        send(api, route, &path).await
    }

    /// Everything that the routes could have changed.
    async fn state(&self) -> Value {
        let (paula, chiara) = (&self.paula, &self.chiara);
        json!({
            "partner": paula.api.get(&paula.path("")).await.is(200),
            "members": paula.api.all(&paula.path("/members")).await,
            "listings": paula.api.all(&paula.path("/listings")).await,
            "versions": paula.api.all(&paula.path(&format!("/listings/{}/versions", self.kit.id))).await,
            "submissions": paula.api.all(&paula.path("/submissions")).await,
            "appeals": paula.api.all(&paula.path("/appeals")).await,
            "policies": paula.api.all(&paula.path("/policies")).await,
            "plans": paula.api.all(&paula.path(&format!("/listings/{}/plans", self.kit.id))).await,
            "subscriptions": chiara.api.all("/subscriptions").await,
            "proofs": chiara.api.all("/educational-proofs").await,
            "batches": paula.api.all(&paula.path("/licence-batches")).await,
            "audit": self.stack.operator().all(&paula.path("/audit-events")).await,
            "refunds": chiara.api.all(&format!("/orders/{}/refunds", self.order)).await,
            "orders": chiara.api.all("/orders").await,
            "licences": chiara.api.all("/licences").await,
            "tokens": chiara.api.all("/api-tokens").await,
            "cart": chiara.api.get("/cart").await.is(200),
        })
    }
}

/// A plan of the kit, a subscription under it that nobody has paid, and what the customer has shown of their education.
async fn subscribed(partner: &Partner, kit: &Listing, customer: &Person) -> (String, String, String) {
    let id = |made: Value| made["id"].as_str().unwrap().to_owned();
    let plan = json!({"name": "Monthly", "every": "month", "price": eur(900)});
    let plans = partner.path(&format!("/listings/{}/plans", kit.id));
    let plan = id(partner.api.post(&plans, plan).await.is(201));
    let wanted = json!({"listing_id": kit.id, "plan_id": plan});
    let subscription = id(customer.api.post("/subscriptions", wanted).await.is(201));
    let shown = json!({"institution": "School of Sound", "evidence": "chiara@school.example"});
    let proof = id(customer.api.post("/educational-proofs", shown).await.is(201));
    (plan, subscription, proof)
}

/// Appeals against the rejection of something that is no package: the appeal's id.
async fn appealed(stack: &Stack, partner: &Partner) -> String {
    let refused = partner.draft(900).await;
    partner
        .upload(stack, &refused, b"This is a letter and not a package.")
        .await
        .ok();
    let version = partner.scanned(&refused).await;
    assert_eq!(version["status"], "rejected", "{version:#}");
    let appeal = json!({"text": "It is a letter in the form of a package."});
    let lodged = partner
        .api
        .post(&partner.version_path(&refused, "/appeals"), appeal)
        .await
        .is(201);
    lodged["id"].as_str().unwrap().to_owned()
}

/// A cent of the order's first line, given back: the refund's id once it has succeeded.
async fn refunded(stack: &Stack, customer: &Person, order: &Order) -> String {
    let cent = json!({"lines": [{"line": 0, "amount": eur(1)}], "reason": "other"});
    let path = format!("/orders/{}/refunds", order.id);
    let begun = stack.operator().post(&path, cent).await.is(201);
    eventually("a refund of a cent", async || {
        let refunds = customer.api.all(&path).await;
        match refunds
            .iter()
            .find(|refund| refund["id"] == begun["id"] && refund["status"] == "succeeded")
        {
            Some(refund) => Ok(refund["id"].as_str().unwrap().to_owned()),
            None => Err(format!("{refunds:?}")),
        }
    })
    .await
}

async fn send(api: &Api, route: &Route, path: &str) -> Answer {
    let call = api.call(route.method, path);
    match (route.method, route.body) {
        ("GET" | "DELETE", _) => call.send().await,
        (_, body) => {
            call.key(&unique())
                .raw("application/json", body.unwrap_or("{}"))
                .send()
                .await
        }
    }
}

#[tokio::test]
async fn every_route_asked_by_everybody_who_must_not_have_it() {
    let world = World::new().await;
    let (stack, before) = (&world.stack, world.state().await);
    let audience = Person::for_audience(stack, "Other Audience", json!({}), "another-application").await;
    let expired = Person::new(
        stack,
        "Late Comer",
        json!({"exp": support::now().as_second() - 3600, "iat": support::now().as_second() - 7200}),
    )
    .await;
    let revoked = world
        .dev
        .api_token(&[
            "orders:read",
            "licences:read",
            "partners:read",
            "listings:read",
            "earnings:read",
        ])
        .await;
    let tokens = world.dev.api.all("/api-tokens").await;
    world
        .dev
        .api
        .delete(&format!("/api-tokens/{}", tokens[0]["id"].as_str().unwrap()))
        .await
        .is(204);
    let operators_token = stack.description().tokens["operator"].clone();
    let unsigned = format!(
        "{}.",
        without_signature(&operators_token)
            .replace(&operators_token[..operators_token.find('.').unwrap()], NO_ALGORITHM)
    );

    let callers: Vec<(&str, Api, Demand)> = vec![
        ("nobody", stack.public(), without_identity),
        (
            "a text that is no token",
            stack.with_token("nonsense"),
            without_identity,
        ),
        (
            "a token with another signature",
            stack.with_token(&with_other_signature(&operators_token)),
            without_identity,
        ),
        (
            "a token without a signature",
            stack.with_token(&unsigned),
            without_identity,
        ),
        ("a token for another application", audience.api, without_identity),
        ("a token that has expired", expired.api, without_identity),
        (
            "an API token that has been revoked",
            stack.with_token(&revoked),
            without_identity,
        ),
        (
            "an API token that never was",
            stack.with_token("souk_pat_0000000000000000000000000000000000000000000AAAAAA"),
            without_identity,
        ),
        ("the owner of another partner", world.marek.api.clone(), stranger),
        ("another customer", world.dev.api.clone(), stranger),
        ("a member of the team", world.pieter.api.clone(), member),
        ("the partner's owner", world.paula.api.clone(), owner),
        ("an operator", stack.operator(), operator),
    ];
    let mut wrong = Vec::new();
    for route in ROUTES {
        for (who, api, demand) in &callers {
            if let Some(status) = demand(route.access) {
                judge(&world.ask(api, route).await, who, status, &mut wrong);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.state().await, before, "one of the refusals changed something");
}

#[tokio::test]
async fn an_api_token_does_what_its_scopes_say_and_no_more() {
    let world = World::new().await;
    let before = world.state().await;
    let scopes = [
        "partners:read",
        "partners:write",
        "listings:read",
        "listings:write",
        "earnings:read",
        "earnings:write",
        "refunds:read",
        "refunds:write",
        "orders:read",
        "orders:write",
        "licences:read",
    ];
    let mut wrong = Vec::new();
    for route in ROUTES {
        let needed = match route.access {
            Access::SignedIn(scope) | Access::Holder(scope) | Access::TeamWrites(scope) | Access::Owner(scope) => scope,
            Access::HolderOrOperator(scope) | Access::TeamReads(scope) | Access::OwnerOrOperator(scope) => Some(scope),
            Access::Public | Access::Anybody | Access::Key | Access::Webhook => continue,
            Access::Operator | Access::PartnersOperator => None,
        };
        let is_customers = matches!(route.access, Access::Holder(_) | Access::HolderOrOperator(_))
            || matches!(route.access, Access::SignedIn(_))
                && (route.path.starts_with("/v1/orders") || route.path.starts_with("/v1/lic"));
        let holder = if is_customers {
            &world.chiara
        } else {
            &world.paula.owner
        };
        let others: Vec<&str> = scopes.iter().copied().filter(|scope| Some(*scope) != needed).collect();
        let without = world.stack.with_token(&holder.api_token(&others).await);
        judge(
            &world.ask(&without, route).await,
            "an API token with every scope but the right one",
            without_scope(route.access).unwrap(),
            &mut wrong,
        );
        if let (Some(scope), "GET") = (needed, route.method) {
            let with = world.stack.with_token(&holder.api_token(&[scope]).await);
            judge(
                &world.ask(&with, route).await,
                "an API token with just the right scope",
                200,
                &mut wrong,
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut after = world.state().await;
    // The tokens that this test has made are the only news.
    after["tokens"] = before["tokens"].clone();
    assert_eq!(after, before);
}

#[tokio::test]
async fn other_peoples_things_are_not_found_through_ones_own_partner() {
    let world = World::new().await;
    let before = world.state().await;
    let marek = &world.marek;
    let mut wrong = Vec::new();
    let nested = ROUTES
        .iter()
        .filter(|route| route.parameters().first() == Some(&"partner_id") && route.parameters().len() > 1)
        // A period is nobody's.
        .filter(|route| !route.parameters().contains(&"period"));
    for route in nested.clone() {
        let path = route.path_with(|name| {
            if name == "partner_id" {
                marek.id.clone()
            } else {
                world.id(name)
            }
        });
        if route.access == Access::PartnersOperator {
            judge(
                &send(&world.stack.operator(), route, &path).await,
                "an operator, at the wrong partner",
                404,
                &mut wrong,
            );
        } else {
            judge(
                &send(&marek.api, route, &path).await,
                "the owner of another partner, at their own",
                404,
                &mut wrong,
            );
        }
    }
    assert!(nested.count() >= 10, "the table has lost its nested routes");
    // A listing of one's own with a version of another's.
    let own = marek.draft(100).await;
    for route in ROUTES.iter().filter(|route| route.parameters().contains(&"version_id")) {
        let path = route.path_with(|name| match name {
            "partner_id" => marek.id.clone(),
            "listing_id" => own.id.clone(),
            other => world.id(other),
        });
        let caller = match route.access {
            Access::PartnersOperator => world.stack.operator(),
            _ => marek.api.clone(),
        };
        judge(
            &send(&caller, route, &path).await,
            "another's version under one's own listing",
            404,
            &mut wrong,
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.state().await, before);
}

#[tokio::test]
async fn operators_alone_see_all_and_none_decides_about_their_own_work() {
    let stack = Stack::load();
    let somebody = stack.somebody("Curious Visitor").await;
    for status in ["applied", "approved", "suspended", "rejected"] {
        let path = format!("/partners?status={status}");
        somebody.api.get(&path).await.refused(403, "operator_required");
    }
    let oscar = Person::new(&stack, "Oscar Operator", json!({"roles": ["operator"]})).await;
    let partner = Partner::of(oscar).await;
    let waiting = partner.api.all("/partners?status=applied").await;
    assert!(
        waiting.iter().any(|one| one["id"] == partner.id.as_str()),
        "an operator sees who has applied"
    );
    partner.accept_agreement().await;
    partner.decide(&stack, json!({"decision": "approve"})).await.is(201);
    let kit = partner.submitted(&stack, 100).await;
    let path = partner.path(&format!("/submissions/{}/decisions", kit.submission));
    partner
        .api
        .post(&path, support::scenes::approval())
        .await
        .refused(403, "own_work");
    partner.review(&stack, &kit, support::scenes::approval()).await.is(201);
}

#[tokio::test]
async fn those_who_may_are_let_in() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let api = match route.access {
            Access::Public => world.stack.public(),
            Access::Operator | Access::PartnersOperator => world.stack.operator(),
            Access::TeamReads(_) => world.pieter.api.clone(),
            Access::Key => world.stack.with_licence_key(&world.licence_key().await),
            _ => world.chiara.api.clone(),
        };
        judge(&world.ask(&api, route).await, "whoever may", 200, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let ended = Route {
        method: "DELETE",
        ..*ROUTES.iter().find(|route| route.path.ends_with("{token_id}")).unwrap()
    };
    world.ask(&world.chiara.api, &ended).await.is(204);
    world
        .pieter
        .api
        .delete(&world.paula.path(&format!("/members/{}", world.pieters_id)))
        .await
        .is(204);
    world
        .pieter
        .api
        .get(&world.paula.path(""))
        .await
        .refused(404, "not_found");
}

fn judge(answer: &Answer, who: &str, status: u16, wrong: &mut Vec<String>) {
    if answer.status != status {
        wrong.push(format!(
            "{} by {who}: {} instead of {status}: {}",
            answer.what,
            answer.status,
            answer.text()
        ));
    } else if status >= 400 {
        answer.problem();
        if status == 401 && !answer.header("www-authenticate").starts_with("Bearer") {
            wrong.push(format!("{} by {who}: 401 without a challenge", answer.what));
        }
    }
}
