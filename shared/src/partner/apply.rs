//! Becoming a partner.

use super::destination::NO_DESTINATION;
use super::hold::{Block, EndedBy, Hold, HoldReason};
use super::profile::Application;
use super::{Act, Change, Partner, PayoutTerms, Status};
use crate::ids::PartnerId;
use crate::messages::PartnerNews;

/// The partner that an application makes: not approved, and with all that is still missing as holds.
///
/// Cannot fail: whatever can be wrong with an application is wrong with one of its parts.
pub fn apply(application: Application, act: Act) -> Change {
    let Act { actor, now, seed } = act;
    let missing = [
        (HoldReason::ApplicationReview, "The application was received."),
        (
            HoldReason::AgreementNotAccepted,
            "No owner has accepted the agreement yet.",
        ),
        (HoldReason::PayoutAccountMissing, NO_DESTINATION),
    ];
    let partner = Partner {
        id: partner_id(act),
        name: application.name,
        country: application.country,
        support_email: application.support_email,
        website: application.website,
        about: application.about,
        status: Status::Applied,
        created_at: now,
        owner: actor,
        co_owners: Vec::new(),
        former_owners: Vec::new(),
        team_size: 1,
        agreement: None,
        holds: missing
            .map(|(reason, evidence)| Hold::opened(reason, evidence, now, seed))
            .into(),
        payout_account: None,
        paypal_receiver: None,
        paypal_receivers: Vec::new(),
        group: None,
        payout_terms: PayoutTerms::default(),
        trust: None,
    };
    let audit = act.audit("partner.apply", &partner.id);
    let messages = vec![partner.notice(seed, PartnerNews::Received)];
    Change {
        partner,
        audit: Some(audit),
        messages,
    }
}

/// The application with what else its applicant answers for and is held there: who reviews it must not have to find out that somebody who
/// was refused under one name comes back under another.
pub fn mention_held(mut change: Change, others: &[Partner]) -> Change {
    let held = others.iter().filter_map(|other| {
        let reason = other
            .holds_on(Block::Payout)
            .find(|hold| is_finding(hold.reason_code))?;
        Some(format!("{} ({})", other.id, reason.reason_code))
    });
    let held: Vec<String> = held.collect();
    let review = change.partner.holds.iter_mut();
    let mut review = review.filter(|hold| hold.reason_code == HoldReason::ApplicationReview);
    if let (Some(review), false) = (review.next(), held.is_empty()) {
        review.evidence = format!(
            "{} The applicant is held elsewhere: {}.",
            review.evidence,
            held.join(", ")
        );
    }
    change
}

/// Whether it says something about people rather than about what is still to be done.
fn is_finding(reason: HoldReason) -> bool {
    matches!(reason.ended_by(), EndedBy::Decision | EndedBy::StripeReport)
        && !matches!(
            reason,
            HoldReason::ApplicationReview | HoldReason::PayoutAccountIncomplete | HoldReason::PayoutAccountVerifying
        )
}

/// The id that this request's application gets, also when it is sent again.
pub fn partner_id(act: Act) -> PartnerId {
    act.seed.id("partner")
}
