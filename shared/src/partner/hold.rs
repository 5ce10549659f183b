//! Why something is held back, for whom it waits, and until when.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::working_days;
use crate::ids::{HoldId, UserId};
use crate::seed::Seed;

/// A reason why a partner cannot do something. Never deleted while it is open; resolved, it is history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub id: HoldId,
    pub reason_code: HoldReason,
    /// What the hold rests on, in words or as the processor's list of what it wants.
    pub evidence: String,
    /// By when whoever the hold waits for must have acted.
    pub due_at: Timestamp,
    /// What cannot be done meanwhile; nothing, where the hold only announces what is coming.
    pub blocks: Vec<Block>,
    pub opened_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
    /// The operator who ended it, where it did not get what it waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// An operator's end of a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub by: UserId,
    /// What the operator bases it on; shown to the partner.
    pub evidence: String,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::Display, strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Block {
    /// Submitting versions and publishing them.
    Publish,
    /// Being bought.
    Sell,
    /// Being paid.
    Payout,
}

/// Who has to act for the hold to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WaitsFor {
    Partner,
    Operator,
    /// Stripe.
    Processor,
    /// Nobody: it ends by itself on its due date.
    Time,
}

const EVERYTHING: &[Block] = &[Block::Publish, Block::Sell, Block::Payout];
const PAYOUT: &[Block] = &[Block::Payout];

/// When a hold is due, counted from its opening.
#[derive(Debug, Clone, Copy)]
enum Due {
    WorkingDays(u32),
    Days(i64),
}

/// What ends a hold, beside an operator's release ([`HoldReason::may_be_released`]). Nothing else does: least of all what the
/// partner does about something other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// An operator's decision about the partner.
    Decision,
    /// An owner's acceptance of the current agreement.
    Acceptance,
    /// An account or a receiver, where there was none.
    Destination,
    /// What Stripe reports about the account. What Stripe found about those who run it follows the partner to any other destination.
    StripeReport,
    /// A later payout that reaches the same account's bank. Follows the account: it stands while the partner is paid elsewhere.
    BankPayout,
    /// The partner's naming of a receiver.
    NamedReceiver,
    /// Its due date.
    Time,
}

/// The closed list of reasons. Codes are stable: partners' tools and mails refer to them.
///
/// | code | opened by | waits for | blocks | due |
/// |---|---|---|---|---|
/// | `application_review` | an application, a reopened one | operator | everything | 3 working days |
/// | `application_incomplete`, `identity_unverified`, `unsuitable_offer`, `duplicate_application` | a rejection | partner (may ask to reopen) | everything | 30 days |
/// | `agreement_not_accepted` | an application | partner | publish | 14 days |
/// | `policy_violation`, `malicious_content`, `infringement_claim`, `fraud_suspected`, `requested_by_partner` | a suspension | operator (reviews it) | everything | 10 working days |
/// | `payout_account_missing` | an application; leaving PayPal without an account at Stripe | partner | payout | 14 days |
/// | `payout_account_incomplete` | Stripe: information is missing, transfers do not work | partner | payout | Stripe's deadline, else 14 days |
/// | `payout_account_verifying` | Stripe checks what was submitted | processor | payout | 3 working days |
/// | `payout_account_paused` | Stripe stopped the account for a reason of its own | processor | payout | 5 working days |
/// | `payout_account_refused` | Stripe rejected the account | operator (looks into it) | payout | 30 days |
/// | `bank_payout_failed` | the partner's bank sent money back | partner (corrects the bank account at Stripe) | payout | 14 days |
/// | `receiver_unpaid` | PayPal could not pay the receiver, or nobody claimed the money | partner (names a receiver, the same or another) | payout | 14 days |
/// | `payout_account_information_due` | Stripe wants information, transfers still work | partner | nothing | Stripe's deadline, else 14 days |
/// | `payout_destination_changed` | a receiver was named, or PayPal was left | time | payout | 72 hours, as the deployment says; it then ends by itself |
///
/// A hold ends by what its origin waits for ([`HoldReason::ended_by`]) or, where the money alone is held, by an operator's release.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::Display, strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HoldReason {
    ApplicationReview,
    ApplicationIncomplete,
    IdentityUnverified,
    UnsuitableOffer,
    DuplicateApplication,
    AgreementNotAccepted,
    PolicyViolation,
    MaliciousContent,
    InfringementClaim,
    FraudSuspected,
    RequestedByPartner,
    PayoutAccountMissing,
    PayoutAccountIncomplete,
    PayoutAccountVerifying,
    PayoutAccountPaused,
    PayoutAccountRefused,
    PayoutAccountInformationDue,
    BankPayoutFailed,
    ReceiverUnpaid,
    PayoutDestinationChanged,
}

/// What opens a hold of this reason; decides who may name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Review,
    Rejection,
    Suspension,
    Agreement,
    PayoutAccount,
    Bank,
    Receiver,
    /// A change of who is paid.
    Destination,
}

impl HoldReason {
    pub fn ended_by(self) -> EndedBy {
        match self.origin() {
            Origin::Review | Origin::Rejection | Origin::Suspension => EndedBy::Decision,
            Origin::Agreement => EndedBy::Acceptance,
            Origin::PayoutAccount if self == Self::PayoutAccountMissing => EndedBy::Destination,
            Origin::PayoutAccount => EndedBy::StripeReport,
            Origin::Bank => EndedBy::BankPayout,
            Origin::Receiver => EndedBy::NamedReceiver,
            Origin::Destination => EndedBy::Time,
        }
    }

    /// Whether an operator may end it before it got what it waits for. What holds more than money is decided otherwise, and nobody
    /// can be paid nowhere.
    pub fn may_be_released(self) -> bool {
        match self.ended_by() {
            EndedBy::Decision | EndedBy::Acceptance | EndedBy::Destination => false,
            EndedBy::StripeReport | EndedBy::BankPayout | EndedBy::NamedReceiver | EndedBy::Time => true,
        }
    }

    pub fn origin(self) -> Origin {
        match self {
            Self::ApplicationReview => Origin::Review,
            Self::ApplicationIncomplete
            | Self::IdentityUnverified
            | Self::UnsuitableOffer
            | Self::DuplicateApplication => Origin::Rejection,
            Self::PolicyViolation
            | Self::MaliciousContent
            | Self::InfringementClaim
            | Self::FraudSuspected
            | Self::RequestedByPartner => Origin::Suspension,
            Self::AgreementNotAccepted => Origin::Agreement,
            Self::PayoutAccountMissing
            | Self::PayoutAccountIncomplete
            | Self::PayoutAccountVerifying
            | Self::PayoutAccountPaused
            | Self::PayoutAccountRefused
            | Self::PayoutAccountInformationDue => Origin::PayoutAccount,
            Self::BankPayoutFailed => Origin::Bank,
            Self::ReceiverUnpaid => Origin::Receiver,
            Self::PayoutDestinationChanged => Origin::Destination,
        }
    }

    pub fn waits_for(self) -> WaitsFor {
        match self.origin() {
            Origin::Review | Origin::Suspension => WaitsFor::Operator,
            Origin::PayoutAccount if self == Self::PayoutAccountRefused => WaitsFor::Operator,
            Origin::PayoutAccount if matches!(self, Self::PayoutAccountVerifying | Self::PayoutAccountPaused) => {
                WaitsFor::Processor
            }
            Origin::Rejection | Origin::Agreement | Origin::PayoutAccount | Origin::Bank | Origin::Receiver => {
                WaitsFor::Partner
            }
            Origin::Destination => WaitsFor::Time,
        }
    }

    pub fn blocks(self) -> &'static [Block] {
        match self.origin() {
            Origin::Review | Origin::Rejection | Origin::Suspension => EVERYTHING,
            Origin::Agreement => &[Block::Publish],
            Origin::PayoutAccount if self == Self::PayoutAccountInformationDue => &[],
            Origin::PayoutAccount | Origin::Bank | Origin::Receiver | Origin::Destination => PAYOUT,
        }
    }

    /// What the partner should know and do.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::ApplicationReview => "The application is being reviewed. You will get a mail by the due date.",
            Self::ApplicationIncomplete => {
                "The application does not say enough to be decided. Ask to reopen it with what is missing."
            }
            Self::IdentityUnverified => {
                "We could not confirm who is applying. Ask to reopen the application with proof."
            }
            Self::UnsuitableOffer => "What the application offers does not belong in this marketplace.",
            Self::DuplicateApplication => "The same company has another application or account here.",
            Self::AgreementNotAccepted => {
                "Nothing can be published before an owner accepts the current partner agreement."
            }
            Self::PolicyViolation => "Suspended: something breaks the rules of the marketplace. See the evidence.",
            Self::MaliciousContent => {
                "Suspended: something published does harm to those who install it. See the evidence."
            }
            Self::InfringementClaim => "Suspended: somebody claims to own what is published here. See the evidence.",
            Self::FraudSuspected => "Suspended while sales or payments that look like fraud are being examined.",
            Self::RequestedByPartner => "Suspended at the partner's own request.",
            Self::PayoutAccountMissing => {
                "Earnings are kept, but not paid out before an account at Stripe is connected or a receiver at PayPal is named."
            }
            Self::PayoutAccountIncomplete => {
                "Stripe needs more information before money can be sent. Open an onboarding link and complete it."
            }
            Self::PayoutAccountVerifying => "Stripe is checking what was submitted. Nothing has to be done meanwhile.",
            Self::PayoutAccountPaused => "Stripe has paused the account. Earnings are kept until it is released.",
            Self::PayoutAccountRefused => {
                "Stripe has refused the account. Earnings are kept, wherever they would be paid to, until Stripe takes that back or support releases them: write to support."
            }
            Self::PayoutAccountInformationDue => {
                "Payouts work, but Stripe wants more information by the due date. Open an onboarding link."
            }
            Self::BankPayoutFailed => {
                "Your bank sent a payout of Stripe back. Correct the bank account at Stripe; the next payout that arrives ends this."
            }
            Self::ReceiverUnpaid => {
                "PayPal could not pay your receiver, or nobody claimed the money. Mend that, then name the same receiver again, or another."
            }
            Self::PayoutDestinationChanged => {
                "Who is paid has just been changed. Nothing is sent before the due date, so that owners who did not want that can say so."
            }
        }
    }

    fn due(self) -> Due {
        match self {
            Self::ApplicationReview | Self::PayoutAccountVerifying => Due::WorkingDays(3),
            Self::PayoutAccountPaused => Due::WorkingDays(5),
            Self::AgreementNotAccepted
            | Self::PayoutAccountMissing
            | Self::PayoutAccountIncomplete
            | Self::PayoutAccountInformationDue
            | Self::BankPayoutFailed
            | Self::ReceiverUnpaid => Due::Days(14),
            Self::PayoutDestinationChanged => Due::Days(3),
            Self::PayoutAccountRefused => Due::Days(30),
            _ if self.origin() == Origin::Rejection => Due::Days(30),
            _ => Due::WorkingDays(10),
        }
    }

    pub fn due_after(self, opened_at: Timestamp) -> Timestamp {
        match self.due() {
            Due::WorkingDays(days) => working_days::after(opened_at, days),
            Due::Days(days) => opened_at
                .saturating_add(SignedDuration::from_hours(24 * days))
                .unwrap_or(Timestamp::MAX),
        }
    }
}

impl Hold {
    /// A hold that is due as the list of reasons says.
    pub fn opened(reason: HoldReason, evidence: impl Into<String>, now: Timestamp, seed: Seed) -> Self {
        Self {
            id: seed.id(&reason.to_string()),
            reason_code: reason,
            evidence: evidence.into(),
            due_at: reason.due_after(now),
            blocks: reason.blocks().to_vec(),
            opened_at: now,
            resolved_at: None,
            release: None,
        }
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        self.ended_at(now).is_none()
    }

    /// When it ended; of a hold that ends by itself, its due date once that has come.
    pub fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        let lapsed = self.reason_code.ended_by() == EndedBy::Time && self.due_at <= now;
        self.resolved_at.or(lapsed.then_some(self.due_at))
    }
}
