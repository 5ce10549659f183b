//! Becoming a partner.

use super::destination::NO_DESTINATION;
use super::hold::{Hold, HoldReason};
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

/// The id that this request's application gets, also when it is sent again.
pub fn partner_id(act: Act) -> PartnerId {
    act.seed.id("partner")
}
