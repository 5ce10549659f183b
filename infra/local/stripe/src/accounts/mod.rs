//! Connected accounts: made by the platform, completed by their owner on the onboarding page.

pub(crate) mod links;
pub(crate) mod status;

use serde_json::{Map, Value, json};

use crate::wire::call::{Answer, Call};
use crate::wire::form::Field;
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, World};

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let controller = params.at("controller");
    let kind = match (params.given("type"), controller) {
        (Some(_), Some(_)) => {
            let message = "You may not specify both `type` and `controller`.";
            return Err(ApiError::invalid(message).param("type"));
        }
        (Some(kind), None) => kind.to_owned(),
        // An account made by its properties has no type any more.
        (None, Some(_)) => "none".to_owned(),
        (None, None) => "standard".to_owned(),
    };
    let country = params.given("country").unwrap_or("DE").to_owned();
    if country.len() != 2 {
        return Err(ApiError::invalid(format!(
            "Country '{country}' is unknown. Try using a 2-character alphanumeric country code."
        ))
        .param("country"));
    }
    let id = world.id_with(Kind::Account.prefix(), 16);
    let currency = params
        .given("default_currency")
        .unwrap_or_else(|| currency_of(&country))
        .to_owned();
    let capabilities: Map<String, Value> = requested(params).map(|name| (name, json!("inactive"))).collect();
    let mut body = json!({
        "id": id,
        "object": "account",
        "business_profile": {
            "annual_revenue": null,
            "estimated_worker_count": null,
            "mcc": null,
            "name": null,
            "product_description": null,
            "support_address": null,
            "support_email": null,
            "support_phone": null,
            "support_url": null,
            "url": null,
        },
        "business_type": params.json("business_type"),
        "capabilities": capabilities,
        "charges_enabled": false,
        "controller": controller_of(&kind, params),
        "country": country,
        "created": world.now(),
        "default_currency": currency,
        "details_submitted": false,
        "email": params.json("email"),
        "external_accounts": list::whole(&format!("/v1/accounts/{id}/external_accounts"), &[]),
        "future_requirements": status::no_requirements(),
        "metadata": params.map("metadata"),
        "payouts_enabled": false,
        "requirements": status::no_requirements(),
        "settings": {
            "payouts": {
                "debit_negative_balances": true,
                "schedule": {"delay_days": 7, "interval": "daily"},
                "statement_descriptor": null,
            },
        },
        "tos_acceptance": {"date": null, "ip": null, "user_agent": null},
        "type": kind,
    });
    note_profile(&mut body, params);
    status::not_started(&mut body);
    world.shelf.put(Kind::Account, None, body.clone());
    Ok(body)
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    find(world, call.id())
}

/// The platform's own account, or the connected account in whose name the call is made.
pub(crate) fn retrieve_own(world: &World, call: &Call) -> Answer {
    match call.owner() {
        Some(account) => find(world, account),
        None => Ok(platform()),
    }
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    find(world, call.id())?;
    let params = &call.params;
    let wanted: Vec<(String, bool)> = params
        .children("capabilities")
        .iter()
        .map(|(name, capability)| (name.clone(), capability.flag("requested")))
        .collect();
    Ok(world.update(call.id(), "account.updated", |body| {
        for field in ["email", "business_type", "default_currency"] {
            if params.at(field).is_some() {
                body[field] = params.json(field);
            }
        }
        merge_metadata(body, params);
        note_profile(body, params);
        let complete = body["details_submitted"] == json!(true) && body["requirements"]["disabled_reason"].is_null();
        for (name, requested) in wanted {
            match body["capabilities"].as_object_mut() {
                Some(capabilities) if !requested => {
                    capabilities.remove(&name);
                }
                Some(capabilities) => {
                    capabilities
                        .entry(name)
                        .or_insert_with(|| json!(if complete { "active" } else { "inactive" }));
                }
                None => {}
            }
        }
    }))
}

pub(crate) fn reject(world: &mut World, call: &Call) -> Answer {
    find(world, call.id())?;
    let reason = format!("rejected.{}", call.params.required("reason")?);
    Ok(world.update(call.id(), "account.updated", |body| status::refused(body, &reason)))
}

pub(crate) fn delete(world: &mut World, call: &Call) -> Answer {
    find(world, call.id())?;
    if crate::balance::sums(world, Some(call.id()))
        .values()
        .any(|sum| sum.0 + sum.1 != 0)
    {
        let message = "This account cannot be deleted because it has a non-zero balance.";
        return Err(ApiError::refused("account_invalid", message));
    }
    world.shelf.remove(call.id());
    Ok(json!({"id": call.id(), "object": "account", "deleted": true}))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    list::page(
        call,
        Kind::Account,
        "/v1/accounts",
        world.select(Kind::Account, None, |_| true),
    )
}

/// The account, or the 403 Stripe answers for accounts a key cannot see.
pub(crate) fn find(world: &World, id: &str) -> Result<Value, ApiError> {
    world
        .shelf
        .get(Kind::Account, id)
        .cloned()
        .ok_or_else(|| ApiError::no_access(id))
}

/// `metadata` of an update: given keys are set, empty ones unset, `metadata=` unsets all.
pub(crate) fn merge_metadata(body: &mut Value, params: &Field) {
    match params.at("metadata") {
        Some(Field::Text(_)) => body["metadata"] = json!({}),
        Some(Field::Node(pairs)) => {
            for (key, value) in pairs {
                match (value.as_text(), body["metadata"].as_object_mut()) {
                    (Some(""), Some(metadata)) => {
                        metadata.remove(key);
                    }
                    (Some(value), Some(metadata)) => {
                        metadata.insert(key.clone(), json!(value));
                    }
                    _ => {}
                }
            }
        }
        None => {}
    }
}

fn requested(params: &Field) -> impl Iterator<Item = String> + '_ {
    params
        .children("capabilities")
        .iter()
        .filter(|(_, each)| each.flag("requested"))
        .map(|(name, _)| name.clone())
}

fn note_profile(body: &mut Value, params: &Field) {
    for field in [
        "name",
        "url",
        "product_description",
        "mcc",
        "support_email",
        "support_phone",
        "support_url",
    ] {
        let path = format!("business_profile.{field}");
        if params.at(&path).is_some() {
            body["business_profile"][field] = params.json(&path);
        }
    }
}

/// The properties of a type, or those asked for, with Stripe's defaults.
fn controller_of(kind: &str, params: &Field) -> Value {
    let (fees, losses, collection, dashboard) = match kind {
        "express" => ("application_express", "application", "stripe", "express"),
        "custom" => ("application_custom", "application", "application", "none"),
        "standard" => ("account", "stripe", "stripe", "full"),
        _ => (
            params.given("controller.fees.payer").unwrap_or("account"),
            params.given("controller.losses.payments").unwrap_or("stripe"),
            params.given("controller.requirement_collection").unwrap_or("stripe"),
            params.given("controller.stripe_dashboard.type").unwrap_or("full"),
        ),
    };
    json!({
        "fees": {"payer": fees},
        "is_controller": true,
        "losses": {"payments": losses},
        "requirement_collection": collection,
        "stripe_dashboard": {"type": dashboard},
        "type": "application",
    })
}

fn platform() -> Value {
    json!({
        "id": "acct_standinplatform",
        "object": "account",
        "business_profile": {"name": "Stand-in platform"},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": true,
        "controller": {"type": "account"},
        "country": "DE",
        "created": 1_700_000_000,
        "default_currency": "eur",
        "details_submitted": true,
        "email": "platform@example.com",
        "metadata": {},
        "payouts_enabled": true,
        "requirements": status::no_requirements(),
        "type": "standard",
    })
}

fn currency_of(country: &str) -> &'static str {
    match country {
        "US" => "usd",
        "GB" => "gbp",
        "CH" => "chf",
        "JP" => "jpy",
        "CA" => "cad",
        "AU" => "aud",
        "SE" => "sek",
        "DK" => "dkk",
        "NO" => "nok",
        "PL" => "pln",
        "CZ" => "czk",
        "HU" => "huf",
        _ => "eur",
    }
}
