//! `expand[]`: ids in an answer replaced by their objects, along paths up to four deep, `data.*` in lists.

use serde_json::Value;

use super::call::Call;
use super::error::ApiError;
use super::list;
use crate::world::{World, text};

/// Stripe refuses longer paths.
const MAX_DEPTH: usize = 4;

pub(crate) fn expand(world: &World, call: &Call, answer: &mut Value) -> Result<(), ApiError> {
    for path in call.params.texts("expand") {
        let keys: Vec<&str> = path.split('.').collect();
        let depth = if keys.first() == Some(&"data") {
            keys.len() - 1
        } else {
            keys.len()
        };
        if depth > MAX_DEPTH {
            let message = format!("You cannot expand more than {MAX_DEPTH} levels of a property ({path}).");
            return Err(ApiError::invalid(message).param("expand"));
        }
        follow(world, answer, &keys)
            .map_err(|()| ApiError::invalid(format!("This property cannot be expanded ({path}).")).param("expand"))?;
    }
    Ok(())
}

fn follow(world: &World, value: &mut Value, keys: &[&str]) -> Result<(), ()> {
    let Some((key, rest)) = keys.split_first() else {
        return Ok(());
    };
    if let Some(items) = value.as_array_mut() {
        return items.iter_mut().try_for_each(|item| follow(world, item, keys));
    }
    include(world, value, key);
    let child = match value.as_object_mut().and_then(|map| map.get_mut(*key)) {
        None => return Err(()),
        Some(Value::Null) => return Ok(()),
        Some(child) => child,
    };
    if let Some(items) = child.as_array_mut() {
        return items.iter_mut().try_for_each(|item| replace(world, item, rest));
    }
    replace(world, child, rest)
}

/// Puts the object in the place of its id, and goes on along the path.
fn replace(world: &World, child: &mut Value, rest: &[&str]) -> Result<(), ()> {
    if let Some(id) = child.as_str() {
        *child = world.shelf.entry(id).ok_or(())?.body.clone();
    } else if !child.is_object() {
        return Err(());
    }
    follow(world, child, rest)
}

/// Lists that an object only shows when asked for.
fn include(world: &World, value: &mut Value, key: &str) {
    let id = text(value, "id").to_owned();
    let included = match (text(value, "object"), key) {
        ("checkout.session", "line_items") => {
            let items: Vec<&Value> = world.line_items.get(&id).into_iter().flatten().collect();
            list::whole(&format!("/v1/checkout/sessions/{id}/line_items"), &items)
        }
        ("charge", "refunds") => {
            let owner = world.shelf.entry(&id).and_then(|entry| entry.owner.as_deref());
            let refunds = world.select(crate::world::Kind::Refund, owner, |refund| text(refund, "charge") == id);
            list::whole(&format!("/v1/charges/{id}/refunds"), &refunds)
        }
        ("invoice", "payments") => {
            let payments = crate::billing::invoices::payments::of_invoice(world, &id);
            list::whole("/v1/invoice_payments", &payments)
        }
        _ => return,
    };
    value[key] = included;
}
