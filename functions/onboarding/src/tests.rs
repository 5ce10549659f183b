//! Every route in-process: the story of a partner, and everything that is refused.

mod decisions;
mod events;
mod links;
mod partners;
mod payout_account;
mod payout_terms;
mod people;
mod team;
mod trust;

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::auth::FreshFor;
use shared::store::{Write, keys};
use shared::testing::{ScriptedServer, TestApp};

use crate::{Context, router};

/// The function and the Stripe that it talks to.
struct World {
    app: TestApp,
    stripe: ScriptedServer,
}

async fn world() -> World {
    world_where(true).await
}

async fn world_where(paypal_offered: bool) -> World {
    let stripe = ScriptedServer::start().await;
    let client = stripe.stripe();
    let app = TestApp::new(|world| {
        router(Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
            stripe: client,
            fresh_for: FreshFor::minutes(15),
            paypal_offered,
            cool_off: SignedDuration::from_hours(72),
            public_url: "https://souk.example".to_owned(),
        })
    });
    World { app, stripe }
}

fn application() -> Value {
    json!({
        "name": "Warm Pads",
        "country": "DE",
        "support_email": "help@warm.example",
        "website": "https://warm.example",
        "about": "Pads for slow music, made by hand.",
    })
}

/// Applies as `name` and gives the partner as the answer shows it.
async fn applied(app: &TestApp, name: &str) -> Value {
    let answer = app
        .post("/v1/partners", &application())
        .bearer(&app.sign_in(name))
        .send()
        .await
        .expect(201);
    app.take_messages();
    answer.json()
}

fn path(partner: &Value, rest: &str) -> String {
    format!("/v1/partners/{}{rest}", partner["id"].as_str().expect("an id"))
}

/// The codes of the open holds.
fn open_holds(partner: &Value) -> Vec<&str> {
    let holds = partner["holds"].as_array().expect("holds").iter();
    holds
        .filter(|hold| hold["resolved_at"].is_null())
        .filter_map(|hold| hold["reason_code"].as_str())
        .collect()
}

/// What the messages since the last call say.
fn notices(app: &TestApp) -> Vec<String> {
    let text = |envelope: &shared::messages::Envelope| {
        let message = serde_json::to_value(&envelope.message).expect("JSON");
        let notice = message.get("notice")?;
        Some(notice["decision"].as_str().unwrap_or_default().to_owned())
    };
    app.take_messages().iter().filter_map(text).collect()
}

#[track_caller]
fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .filter_map(|error| error["pointer"].as_str())
        .collect()
}

/// Makes the request look as if the function had died after its write and before its answer was kept.
async fn cut_off(app: &TestApp, name: &str, key: &str) {
    let record = keys::request(&app.user(name).await.to_string(), key);
    let kept = app.store.get::<Value>(&record).await.expect("read").expect("a record");
    let mut value = kept.value;
    value["progress"] = json!({"state": "released"});
    app.store
        .write(Write::replace(record, &value, kept.revision).expect("a record"))
        .await
        .expect("written");
}
