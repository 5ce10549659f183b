//! What each control does.

use serde_json::{Value, json};
use standin::control::{Control, Outcome, parsed, patched, time_span};
use standin::{Outage, matches_type};

use crate::accounts::status::{self, Visit};
use crate::balance;
use crate::billing::{age, methods, portal};
use crate::charges::intents::Payer;
use crate::charges::{self, authentication, disputes, refunds};
use crate::checkout::{self, cards, pay, session};
use crate::events::{self, signature::Tampering};
use crate::transfers::{payouts, reversals};
use crate::wire::call::{Answer, Call};
use crate::wire::error::ApiError;
use crate::wire::form;
use crate::world::{Kind, World, text};

pub(super) fn perform(world: &mut World, name: &str, control: &Control) -> Outcome {
    let id = control.id();
    match name {
        "GET " => Ok(summary(world)),
        "POST reset" => {
            world.reset();
            Ok(json!({"reset": true}))
        }
        "POST settings" => {
            world.settings = patched(&world.settings, &control.body)?;
            Ok(json!(world.settings))
        }
        "POST clock/advance" => advance(world, control),
        "GET requests" => Ok(world.log.body(control.asked("method"), control.asked("path"))),
        "DELETE requests" => {
            world.log.clear();
            Ok(json!({"cleared": true}))
        }
        "POST outages" => {
            world.faults.outages.push(patched(&Outage::default(), &control.body)?);
            Ok(json!({"outages": world.faults.outages}))
        }
        "DELETE outages" => {
            world.faults.outages.clear();
            Ok(json!({"outages": []}))
        }
        "POST idempotency_keys/prune" => Ok(json!({"pruned": world.keys.prune(control.body["key"].as_str())})),
        "POST webhooks" => {
            world.webhooks.controls = patched(&world.webhooks.controls, &control.body)?;
            Ok(json!(world.webhooks.controls))
        }
        "GET deliveries" => Ok(list_deliveries(world, control)),
        "POST events" => forge(world, control),
        "POST events/{event}/resend" => resend(world, id, control),
        "POST webhook_endpoints/{endpoint}/secrets" => set_secrets(world, id, control),
        "POST checkout/{session}/pay" => pay_session(world, id, control),
        "POST checkout/{session}/settle" => settle_session(world, id, control),
        "POST checkout/{session}/expire" => {
            existing(world, Kind::Session, id)?;
            session::expire_when_open(world, id);
            existing(world, Kind::Session, id)
        }
        "POST customers/{customer}/card" => set_card(world, id, control),
        "POST subscriptions/{subscription}/age" => {
            existing(world, Kind::Subscription, id)?;
            age(world, id, time_span(&control.body)?);
            existing(world, Kind::Subscription, id)
        }
        "POST portal/{session}/card" => change_card(world, id, control),
        "POST payment_intents/{intent}/authenticate" => told(authentication::answer(
            world,
            id,
            control.body["success"] != json!(false),
        )),
        "POST charges/{charge}/fee" => {
            existing(world, Kind::Charge, id)?;
            charges::fee_arrives(world, id);
            existing(world, Kind::Charge, id)
        }
        "POST charges/{charge}/dispute" => {
            let reason = control.body["reason"].as_str().unwrap_or("fraudulent");
            told(disputes::open(
                world,
                id,
                reason,
                control.body["inquiry"] == json!(true),
            ))
        }
        "POST disputes/{dispute}/escalate" => told(disputes::escalate(world, id)),
        "POST disputes/{dispute}/close" => match control.body["outcome"].as_str().unwrap_or("lost") {
            "won" => told(disputes::decide(world, id, true)),
            "lost" => told(disputes::decide(world, id, false)),
            other => Err((400, format!("outcome is won or lost, not {other}"))),
        },
        "POST disputes/{dispute}/overturn" => told(disputes::overturn(world, id)),
        "POST refunds/{refund}/fail" => told(refunds::fail(
            world,
            id,
            control.body["reason"].as_str().unwrap_or("lost_or_stolen_card"),
        )),
        "POST payouts/{payout}/pay" => {
            payouts::paid(world, id);
            existing(world, Kind::Payout, id)
        }
        "POST payouts/{payout}/fail" => told(payouts::fail(
            world,
            id,
            control.body["code"].as_str().unwrap_or("account_closed"),
        )),
        "POST transfers/{transfer}/reverse" => reverse(world, id, control),
        "POST accounts/{account}" => set_account(world, id, control),
        "POST accounts/{account}/zero" => {
            existing(world, Kind::Account, id)?;
            Ok(json!({"collected": balance::zero_negative(world, id)}))
        }
        "POST balance" => set_balance(world, control),
        "GET objects/{id}" => match world.shelf.entry(id) {
            Some(entry) => Ok(json!({"owner": entry.owner, "object": entry.body})),
            None => Err((404, format!("There is no object {id}"))),
        },
        "GET cards" => Ok(json!(cards::CARDS.iter().map(card).collect::<Vec<_>>())),
        other => Err((404, format!("The control {other} does nothing yet"))),
    }
}

fn summary(world: &World) -> Value {
    let count = |kind| world.shelf.count(kind);
    let balance: serde_json::Map<String, Value> = balance::sums(world, None)
        .into_iter()
        .map(|(currency, (available, pending))| (currency, json!({"available": available, "pending": pending})))
        .collect();
    json!({
        "now": world.now(),
        "origin": world.origin,
        "settings": world.settings,
        "planned": world.plan.len(),
        "requests": world.log.total(),
        "webhooks": {
            "controls": world.webhooks.controls,
            "deliveries": world.webhooks.list.len(),
            "open": world.webhooks.open(),
        },
        "outages": world.faults.outages,
        "idempotency_keys": world.keys.summary(),
        "platform_balance": balance,
        "counts": {
            "accounts": count(Kind::Account),
            "checkout_sessions": count(Kind::Session),
            "portal_sessions": count(Kind::PortalSession),
            "payment_intents": count(Kind::PaymentIntent),
            "charges": count(Kind::Charge),
            "subscriptions": count(Kind::Subscription),
            "invoices": count(Kind::Invoice),
            "refunds": count(Kind::Refund),
            "disputes": count(Kind::Dispute),
            "transfers": count(Kind::Transfer),
            "reversals": count(Kind::Reversal),
            "payouts": count(Kind::Payout),
            "balance_transactions": count(Kind::BalanceTransaction),
            "events": count(Kind::Event),
            "webhook_endpoints": count(Kind::Endpoint),
        },
    })
}

fn advance(world: &mut World, control: &Control) -> Outcome {
    let seconds = time_span(&control.body)?;
    world.advance(seconds * 1000);
    Ok(json!({"now": world.now(), "advanced_s": seconds}))
}

fn list_deliveries(world: &World, control: &Control) -> Value {
    let (wanted_type, wanted_state) = (control.asked("type"), control.asked("state"));
    let matching: Vec<Value> = world
        .webhooks
        .list
        .iter()
        .filter(|each| wanted_type.is_none_or(|pattern| matches_type(pattern, &each.kind)))
        .map(|each| json!(each))
        .filter(|each| wanted_state.is_none_or(|state| text(each, "state") == state))
        .collect();
    json!({"total": world.webhooks.list.len(), "open": world.webhooks.open(), "deliveries": matching})
}

fn forge(world: &mut World, control: &Control) -> Outcome {
    let Some(kind) = control.body["type"].as_str() else {
        return Err((400, "type is missing".to_owned()));
    };
    let data = match &control.body["data"] {
        Value::Null => json!({"object": control.body["object"]}),
        data => data.clone(),
    };
    let tampering = tampering(control)?;
    let first = world.webhooks.list.len();
    let event = events::forge(world, kind, control.body["account"].as_str(), &data);
    let id = text(&event, "id").to_owned();
    for delivery in world.webhooks.list.iter_mut().skip(first) {
        delivery.tampering = tampering;
    }
    // Fields of the envelope a test may want otherwise: `created`, `livemode`, `api_version`, `id` stays.
    Ok(world.set(&id, |body| {
        for (field, value) in control.body["envelope"].as_object().into_iter().flatten() {
            if field != "id" {
                body[field] = value.clone();
            }
        }
    }))
}

fn resend(world: &mut World, event: &str, control: &Control) -> Outcome {
    let body = existing(world, Kind::Event, event)?;
    let tampering = tampering(control)?;
    let receivers = events::endpoints::receivers(world, text(&body, "type"), body.get("account").is_some());
    let numbers: Vec<usize> = receivers
        .iter()
        .map(|(endpoint, url)| world.webhooks.add(event, text(&body, "type"), endpoint, url, tampering))
        .collect();
    Ok(json!({"event": event, "deliveries": numbers}))
}

fn set_secrets(world: &mut World, endpoint: &str, control: &Control) -> Outcome {
    let secrets: Vec<String> = control.body["secrets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|secret| secret.as_str().map(str::to_owned))
        .collect();
    match world.receivers.get_mut(endpoint) {
        Some(_) if secrets.is_empty() => Err((400, "secrets is a list of at least one text".to_owned())),
        Some(receiver) => {
            receiver.secrets = secrets;
            Ok(json!({"endpoint": endpoint, "secrets": receiver.secrets.len()}))
        }
        None => Err((404, format!("There is no webhook endpoint {endpoint}"))),
    }
}

fn pay_session(world: &mut World, id: &str, control: &Control) -> Outcome {
    let outcome = control.body["outcome"].as_str().unwrap_or("success");
    let card = if outcome == "no_card" {
        None
    } else {
        cards::find(outcome)
    };
    if card.is_none() && outcome != "no_card" {
        return Err((400, format!("outcome is no_card, {}; not {outcome}", card_names())));
    }
    let key = card.map_or(outcome, |card| card.key);
    let field = |name: &str| control.body[name].as_str().map(str::to_owned);
    let payer = Payer {
        email: field("email").or_else(|| Some("customer@example.com".to_owned())),
        name: field("name").or_else(|| Some("Jenny Rosen".to_owned())),
        country: field("country").or_else(|| Some("DE".to_owned())),
    };
    match pay::pay(world, id, card, &payer) {
        Ok(session) => Ok(json!({"outcome": key, "session": session})),
        // A decline is an outcome like any other, not a mistake of the caller.
        Err(error) if error.status == 402 => {
            Ok(json!({"outcome": key, "declined": error.object(), "session": existing(world, Kind::Session, id)?}))
        }
        Err(error) => Err((error.status, error.message().to_owned())),
    }
}

/// Makes a customer's stored cards fail, or mends them.
fn set_card(world: &mut World, customer: &str, control: &Control) -> Outcome {
    existing(world, Kind::Customer, customer)?;
    let charges = match &control.body["declines"] {
        Value::Null => -1,
        given if given == "all" => -1,
        given if given == "next" => 1,
        given if given == "none" => 0,
        given => given
            .as_i64()
            .filter(|count| *count >= 0)
            .ok_or_else(|| (400, "declines is all, next, none or a number".to_owned()))?,
    };
    let name = control.body["as"].as_str().unwrap_or("declined");
    let failing = |card: &&cards::Card| {
        matches!(
            card.effect,
            cards::Effect::Declines { .. } | cards::Effect::Authenticates
        )
    };
    let Some(card) = cards::find(name).filter(failing) else {
        return Err((
            400,
            format!("as is a card that is declined or to be confirmed, not {name}"),
        ));
    };
    methods::make_trouble(world, customer, charges, card);
    Ok(json!({"customer": customer, "declines": charges, "as": card.key}))
}

/// Does what submitting the portal's page does.
fn change_card(world: &mut World, id: &str, control: &Control) -> Outcome {
    let name = control.body["card"].as_str().unwrap_or("success");
    let Some(card) = cards::find(name) else {
        return Err((400, format!("card is {}; not {name}", card_names())));
    };
    match portal::change_card(world, id, card) {
        Ok(method) => Ok(
            json!({"card": card.key, "payment_method": method, "session": existing(world, Kind::PortalSession, id)?}),
        ),
        // A decline is an outcome like any other, not a mistake of the caller.
        Err(error) if error.status == 402 => Ok(
            json!({"card": card.key, "declined": error.object(), "session": existing(world, Kind::PortalSession, id)?}),
        ),
        Err(error) => Err((error.status, error.message().to_owned())),
    }
}

fn settle_session(world: &mut World, id: &str, control: &Control) -> Outcome {
    let session = existing(world, Kind::Session, id)?;
    let Some(intent) = session["payment_intent"].as_str() else {
        return Err((400, format!("Session {id} has not been paid by bank debit")));
    };
    checkout::debit_settles(world, intent, control.body["success"] != json!(false));
    existing(world, Kind::Session, id)
}

fn reverse(world: &mut World, transfer: &str, control: &Control) -> Outcome {
    let amount = control.body["amount"]
        .as_i64()
        .map(|amount| format!("amount={amount}"))
        .unwrap_or_default();
    let params = form::parse(&amount).map_err(|error| (400, error.message().to_owned()))?;
    let endpoint = "POST /v1/transfers/{id}/reversals";
    told(reversals::create(
        world,
        &Call {
            endpoint,
            args: vec![transfer.to_owned()],
            params,
            account: None,
        },
    ))
}

fn set_account(world: &mut World, id: &str, control: &Control) -> Outcome {
    existing(world, Kind::Account, id)?;
    if !control.body["outcome"].is_null() {
        let visit: Visit = parsed(control.body["outcome"].clone())?;
        status::visited(world, id, visit);
    }
    let settable = [
        "capabilities",
        "requirements",
        "charges_enabled",
        "payouts_enabled",
        "details_submitted",
    ];
    let fields: Vec<(&String, &Value)> = control
        .body
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "outcome")
        .collect();
    if let Some((name, _)) = fields.iter().find(|(name, _)| !settable.contains(&name.as_str())) {
        return Err((
            400,
            format!("{name} cannot be set; outcome, {} can", settable.join(", ")),
        ));
    }
    if !fields.is_empty() {
        world.update(id, "account.updated", |body| {
            for (name, value) in fields {
                match (body[name].as_object_mut(), value.as_object()) {
                    (Some(old), Some(new)) => old.extend(new.clone()),
                    _ => body[name] = value.clone(),
                }
            }
        });
    }
    existing(world, Kind::Account, id)
}

fn set_balance(world: &mut World, control: &Control) -> Outcome {
    let (Some(amount), Some(currency)) = (control.body["amount"].as_i64(), control.body["currency"].as_str()) else {
        return Err((400, "amount (integer, minor units) and currency are needed".to_owned()));
    };
    let account = control.body["account"].as_str();
    if let Some(account) = account {
        existing(world, Kind::Account, account)?;
    }
    balance::set_available(world, account, currency, amount);
    Ok(json!({"currency": currency, "available": balance::available(world, account, currency)}))
}

/// How a test card may be named, to be told to who named none.
fn card_names() -> String {
    let keys: Vec<&str> = cards::CARDS.iter().map(|card| card.key).collect();
    format!("one of {}, or a test card's number", keys.join(", "))
}

fn card(card: &cards::Card) -> Value {
    json!({"key": card.key, "number": card.number, "label": card.label})
}

fn tampering(control: &Control) -> Result<Tampering, (u16, String)> {
    match &control.body["tampering"] {
        Value::Null => Ok(Tampering::None),
        given => parsed(given.clone()),
    }
}

fn existing(world: &World, kind: Kind, id: &str) -> Outcome {
    world
        .shelf
        .get(kind, id)
        .cloned()
        .ok_or_else(|| (404, format!("There is no {} {id}", kind.noun())))
}

fn told(answer: Answer) -> Outcome {
    answer.map_err(|error: ApiError| (error.status, error.message().to_owned()))
}
