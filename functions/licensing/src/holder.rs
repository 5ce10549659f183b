//! The proof that who asks holds a licence's key.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use lambda_http::request::RequestContext;
use serde::Deserialize;
use shared::http::{Call, Problem};
use shared::ids::LicenceId;
use shared::licence::{Licence, LicenceKey};
use shared::store::{Store, Versioned, commerce};

use crate::context::Context;
use crate::guesses::{self, WINDOW_MINUTES};

/// A licence, opened by its key.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) licence: Versioned<Licence>,
    pub(crate) call: Call,
}

#[derive(Deserialize)]
struct InPath {
    licence_id: LicenceId,
}

impl FromRequestParts<Context> for Holder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Problem> {
        let call = Call::from_request_parts(parts, context).await?;
        let text = key(&parts.headers)?;
        let path = Path::<InPath>::from_request_parts(parts, context).await;
        let id = path.map(|path| path.licence_id).map_err(|_| Problem::not_found())?;
        let source = guesses::source(&address(parts));
        if context.guesses.are_refused(&source, call.now) {
            return Err(refused(too_many_wrong_keys(), id));
        }
        if let Some(licence) = opened(&context.store, id, &text).await? {
            return Ok(Self { licence, call });
        }
        let guess = (source.as_str(), id, text.as_str());
        let too_many = context.guesses.count(&context.store, guess, call.now).await?;
        let problem = if too_many {
            too_many_wrong_keys()
        } else {
            Problem::not_found()
        };
        Err(refused(problem, id))
    }
}

fn too_many_wrong_keys() -> Problem {
    let detail = format!("Too many wrong licence keys. Check the key, and wait {WINDOW_MINUTES} minutes.");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_wrong_keys", detail)
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let missing = || Problem::unauthenticated(None, "Send Authorization: License and the licence key.");
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, key) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(missing)?;
    let is_licence = scheme.eq_ignore_ascii_case("license") || scheme.eq_ignore_ascii_case("licence");
    is_licence.then(|| key.trim().to_owned()).ok_or_else(missing)
}

/// The licence that this key opens; a key that is none, is unknown or is another licence's opens nothing.
async fn opened(store: &Store, id: LicenceId, text: &str) -> Result<Option<Versioned<Licence>>, Problem> {
    let Ok(key) = text.parse::<LicenceKey>() else {
        return Ok(None);
    };
    if key.licence() != id {
        return Ok(None);
    }
    let licence = commerce::licence_revision(store, id).await?;
    Ok(licence.filter(|licence| licence.key.opens(&key)))
}

/// Where the request comes from, as API Gateway saw it.
fn address(parts: &Parts) -> String {
    match parts.extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

/// Every denial is a line of its own in the log, which the deployment counts by its code.
pub(crate) fn denied(code: impl std::fmt::Display, licence: LicenceId) {
    tracing::info!(licence.id = %licence, denial_code = %code, "licence denied");
}

/// The same, where the answer is a problem.
pub(crate) fn refused(problem: Problem, licence: LicenceId) -> Problem {
    denied(problem.code(), licence);
    problem
}
