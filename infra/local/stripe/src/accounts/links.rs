//! Account links: single-use addresses of the onboarding page.

use serde_json::json;

use super::find;
use crate::wire::call::{Answer, Call};
use crate::wire::error::ApiError;
use crate::world::World;

/// How long a link may be followed.
const VALID_S: i64 = 300;

/// What a link was made for.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub account: String,
    pub return_url: String,
    pub refresh_url: String,
    pub expires_at: i64,
    /// A link that led to an end of the page is spent.
    pub used: bool,
}

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let account = params.required("account")?;
    find(world, account)?;
    let address = |name: &str| {
        let url = params.required(name)?;
        if url.starts_with("http://") || url.starts_with("https://") {
            Ok(url.to_owned())
        } else {
            Err(ApiError::invalid("Not a valid URL").code("url_invalid").param(name))
        }
    };
    let (return_url, refresh_url) = (address("return_url")?, address("refresh_url")?);
    let created = world.now();
    let expires_at = created + VALID_S;
    let token = world.id_with("link", 24);
    let url = format!("{}/setup/{account}/{token}", world.origin);
    let link = Link {
        account: account.to_owned(),
        return_url,
        refresh_url,
        expires_at,
        used: false,
    };
    world.links.insert(token, link);
    Ok(json!({"object": "account_link", "created": created, "expires_at": expires_at, "url": url}))
}

/// The link if it may still be followed, else the address to go to for a new one.
pub(crate) fn follow(world: &World, account: &str, token: &str) -> Option<Result<Link, String>> {
    let link = world.links.get(token).filter(|link| link.account == account)?;
    let valid = !link.used && link.expires_at > world.now();
    Some(if valid {
        Ok(link.clone())
    } else {
        Err(link.refresh_url.clone())
    })
}
