//! Whether a partner may do what it asks for, and if not, what to do about it.

use axum::http::StatusCode;
use shared::http::Problem;
use shared::ids::PartnerId;
use shared::listing::Seller;
use shared::partner::agreement::CURRENT_VERSION;
use shared::partner::{Block, Hold, HoldReason, Partner};
use shared::store::{Store, Versioned, partners};

/// A partner that was free to hand in and to publish when it was read; the revision makes sure of it when the change is written.
#[derive(Debug)]
pub(crate) struct Free {
    pub(crate) partner: Versioned<Partner>,
}

/// Whose name stands on what the partner publishes.
pub(crate) fn seller(partner: &Partner) -> Seller {
    Seller {
        partner: partner.id,
        name: partner.name.as_str().to_owned(),
    }
}

/// For drafts, versions and uploads: whoever has applied and accepted the agreement may prepare while the application is reviewed.
pub(crate) async fn may_prepare(store: &Store, partner: PartnerId) -> Result<(), Problem> {
    let partner = load(store, partner).await?;
    agreed(&partner)?;
    let held = partner
        .holds_on(Block::Publish)
        .find(|hold| hold.reason_code != HoldReason::ApplicationReview);
    held.map_or(Ok(()), |hold| Err(problem(hold)))
}

/// For handing in and publishing: nothing may stand against it.
pub(crate) async fn may_publish(store: &Store, partner: PartnerId) -> Result<Free, Problem> {
    let partner = load(store, partner).await?;
    agreed(&partner)?;
    match partner.hold_on(Block::Publish) {
        Some(hold) => Err(problem(hold)),
        None => Ok(Free { partner }),
    }
}

pub(crate) async fn load(store: &Store, partner: PartnerId) -> Result<Versioned<Partner>, Problem> {
    partners::load(store, partner).await?.ok_or_else(Problem::not_found)
}

/// A new version of the agreement binds from the day it is out, even where no hold has been opened for it.
fn agreed(partner: &Partner) -> Result<(), Problem> {
    let current = partner
        .agreement
        .as_ref()
        .is_some_and(|accepted| accepted.version == CURRENT_VERSION);
    let reason = HoldReason::AgreementNotAccepted;
    let what_to_do = "An owner accepts it with POST /v1/partners/{partner_id}/agreements.";
    let detail = format!("{} {what_to_do}", reason.explanation());
    if current {
        Ok(())
    } else {
        Err(Problem::new(StatusCode::CONFLICT, reason.to_string(), detail))
    }
}

/// The hold's reason is the problem's code.
fn problem(hold: &Hold) -> Problem {
    let waits_for = hold.reason_code.waits_for();
    let detail = format!(
        "{} It waits for the {waits_for}, until {}.",
        hold.reason_code.explanation(),
        hold.due_at
    );
    Problem::new(StatusCode::CONFLICT, hold.reason_code.to_string(), detail)
}
