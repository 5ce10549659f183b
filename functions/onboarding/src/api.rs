//! What clients send and get.

mod people;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::{FieldError, Validate, check_return_address};
use shared::ids::{DecisionId, HoldId, PartnerId, UserId};
use shared::money::Money;
use shared::partner::hold::{Hold, HoldReason, WaitsFor};
use shared::partner::profile;
use shared::partner::{
    Acceptance, Application, Block, Country, Decision, Group, Partner, PartnerName, PayPalAddress, PayoutTerms, Status,
    SupportEmail, Website, payout_terms,
};
use shared::store::accounts::{MemberItem, Role};
use utoipa::{IntoParams, ToSchema};

pub(crate) use people::{ApiTokenView, CreateApiToken, MeView, NewApiToken};

/// Collects what is wrong, field by field.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn check<T, E: ToString>(&mut self, pointer: &str, value: Result<T, E>) -> Option<T> {
        value
            .map_err(|error| self.0.push(FieldError::new(pointer, error.to_string())))
            .ok()
    }
}

/// An application to become a partner.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apply {
    /// The name that customers see, on one line.
    #[schema(min_length = 2, max_length = 80, example = "Warm Pads")]
    pub name: String,
    /// Where the partner is established: ISO 3166-1, two letters.
    #[schema(pattern = "^[A-Z]{2}$", example = "DE")]
    pub country: String,
    /// Where customers find help. It is public.
    #[schema(format = Email, example = "help@warm.example")]
    pub support_email: String,
    /// A public https address.
    #[schema(format = "uri", example = "https://warm.example")]
    pub website: Option<String>,
    /// What is to be sold, for the reviewer.
    #[schema(min_length = 20, max_length = 2000)]
    pub about: String,
}

impl Validate for Apply {
    fn validate(&self) -> Vec<FieldError> {
        self.checked().err().unwrap_or_default()
    }
}

impl Apply {
    pub(crate) fn checked(&self) -> Result<Application, Vec<FieldError>> {
        let mut faults = Faults::default();
        let name = faults.check("/name", PartnerName::parse(&self.name));
        let country = faults.check("/country", Country::parse(&self.country));
        let support_email = faults.check("/support_email", SupportEmail::parse(&self.support_email));
        let website = faults.check("/website", self.website.as_deref().map(Website::parse).transpose());
        let about = faults.check("/about", profile::about(&self.about));
        match (name, country, support_email, website, about) {
            (Some(name), Some(country), Some(support_email), Some(website), Some(about)) => Ok(Application {
                name,
                country,
                support_email,
                website,
                about,
            }),
            _ => Err(faults.0),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartnerView {
    pub id: PartnerId,
    pub name: String,
    #[schema(example = "DE")]
    pub country: String,
    pub support_email: String,
    #[schema(required)]
    pub website: Option<String>,
    pub about: String,
    pub status: Status,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// What the caller is in the partner's team; null for operators who are not in it.
    #[schema(required)]
    pub role: Option<Role>,
    #[schema(required)]
    pub agreement: Option<AcceptanceView>,
    /// The account at Stripe; it is not paid to while there is a receiver at PayPal.
    #[schema(required)]
    pub payout_account: Option<PayoutAccountView>,
    /// Who is paid at PayPal, instead of the account at Stripe.
    #[schema(required, format = Email)]
    pub paypal_receiver: Option<String>,
    /// The group that commission rules may name.
    #[schema(required)]
    pub group: Option<Group>,
    pub payout_terms: PayoutTermsBody,
    /// Since when clean patches are approved as soon as they are handed in; `null` where they wait for a moderator like everything else.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub trusted_since: Option<Timestamp>,
    /// Everything that is or was held back. Open ones have no `resolved_at`.
    pub holds: Vec<HoldView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptanceView {
    pub version: String,
    pub accepted_by: UserId,
    #[schema(value_type = String, format = DateTime)]
    pub accepted_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutAccountView {
    /// Stripe's id of the account.
    #[schema(example = "acct_1032D82eZvKYlo2C")]
    pub account: String,
    pub details_submitted: bool,
    pub transfers_active: bool,
    pub payouts_enabled: bool,
}

/// What has been agreed about payouts, where it is not what holds for everybody. Each list names a currency at most once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayoutTermsBody {
    /// Less than this stays owed until there is more.
    #[serde(default)]
    pub minimums: Vec<Money>,
    /// This much always stays owed.
    #[serde(default)]
    pub reserves: Vec<Money>,
}

impl Validate for PayoutTermsBody {
    fn validate(&self) -> Vec<FieldError> {
        let lists = [("minimums", &self.minimums), ("reserves", &self.reserves)];
        let unfit = lists.into_iter().filter_map(|(name, amounts)| {
            let (place, why) = payout_terms::unfit(amounts)?;
            Some(FieldError::new(format!("/{name}/{place}"), why.to_string()))
        });
        unfit.collect()
    }
}

impl From<PayoutTerms> for PayoutTermsBody {
    fn from(terms: PayoutTerms) -> Self {
        Self {
            minimums: terms.minimums().to_vec(),
            reserves: terms.reserves().to_vec(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldView {
    pub id: HoldId,
    pub reason_code: HoldReason,
    /// The reason in words, and what to do.
    pub explanation: &'static str,
    /// What it rests on.
    pub evidence: String,
    /// Who has to act.
    pub waits_for: WaitsFor,
    pub blocks: Vec<Block>,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// By when.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub resolved_at: Option<Timestamp>,
    /// The operator who ended it, where it did not get what it waited for.
    #[schema(required)]
    pub released: Option<ReleaseView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReleaseView {
    pub by: UserId,
    /// What the operator bases it on.
    pub evidence: String,
}

impl From<Acceptance> for AcceptanceView {
    fn from(accepted: Acceptance) -> Self {
        Self {
            version: accepted.version,
            accepted_by: accepted.accepted_by,
            accepted_at: accepted.accepted_at,
        }
    }
}

impl PartnerView {
    pub(crate) fn of(partner: Partner, role: Option<Role>, now: Timestamp) -> Self {
        let paypal_receiver = partner.paypal_address().map(ToString::to_string);
        Self {
            id: partner.id,
            name: partner.name.into(),
            country: partner.country.into(),
            support_email: partner.support_email.into(),
            website: partner.website.map(Into::into),
            about: partner.about,
            status: partner.status,
            created_at: partner.created_at,
            role,
            agreement: partner.agreement.map(AcceptanceView::from),
            payout_account: partner.payout_account.map(|account| PayoutAccountView {
                account: account.account,
                details_submitted: account.details_submitted,
                transfers_active: account.transfers_active,
                payouts_enabled: account.payouts_enabled,
            }),
            paypal_receiver,
            group: partner.group,
            payout_terms: partner.payout_terms.into(),
            trusted_since: partner.trust.map(|trust| trust.since),
            holds: partner.holds.into_iter().map(|hold| HoldView::of(hold, now)).collect(),
        }
    }
}

impl HoldView {
    fn of(hold: Hold, now: Timestamp) -> Self {
        Self {
            resolved_at: hold.ended_at(now),
            released: hold.release.map(|release| ReleaseView {
                by: release.by,
                evidence: release.evidence,
            }),
            id: hold.id,
            reason_code: hold.reason_code,
            explanation: hold.reason_code.explanation(),
            evidence: hold.evidence,
            waits_for: hold.reason_code.waits_for(),
            blocks: hold.blocks,
            opened_at: hold.opened_at,
            due_at: hold.due_at,
        }
    }
}

/// Puts a partner into a group, or with null into none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignGroup {
    // Named, so that leaving it out is not taken for null.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub group: Option<Group>,
}

impl Validate for AssignGroup {}

/// Trusts a partner to mend what has been approved, or no longer does.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetTrust {
    pub trusted: bool,
    /// What that rests on, for the audit log.
    #[schema(min_length = 1, max_length = 2000)]
    pub evidence: String,
}

impl SetTrust {
    pub(crate) fn checked(&self) -> Result<String, Vec<FieldError>> {
        let mut faults = Faults::default();
        let evidence = faults.check("/evidence", profile::evidence(&self.evidence));
        evidence.ok_or(faults.0)
    }
}

impl Validate for SetTrust {
    fn validate(&self) -> Vec<FieldError> {
        self.checked().err().unwrap_or_default()
    }
}

/// Ends a hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseHold {
    /// What that rests on; the partner sees it.
    #[schema(min_length = 1, max_length = 2000)]
    pub evidence: String,
}

impl ReleaseHold {
    pub(crate) fn checked(&self) -> Result<String, Vec<FieldError>> {
        let mut faults = Faults::default();
        let evidence = faults.check("/evidence", profile::evidence(&self.evidence));
        evidence.ok_or(faults.0)
    }
}

impl Validate for ReleaseHold {
    fn validate(&self) -> Vec<FieldError> {
        self.checked().err().unwrap_or_default()
    }
}

/// Where a partner is paid from now on: to a receiver at PayPal, or with null to the account at Stripe.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetPayoutAccount {
    // Named, so that leaving it out is not taken for null.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub paypal: Option<NamePayPalReceiver>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamePayPalReceiver {
    /// The mail address of the receiver's account at PayPal.
    #[schema(format = Email, max_length = 127, example = "paula@warm.example")]
    pub receiver: String,
}

impl Validate for SetPayoutAccount {
    fn validate(&self) -> Vec<FieldError> {
        self.checked().err().unwrap_or_default()
    }
}

impl SetPayoutAccount {
    pub(crate) fn checked(&self) -> Result<Option<PayPalAddress>, Vec<FieldError>> {
        let mut faults = Faults::default();
        let named = self
            .paypal
            .as_ref()
            .map(|paypal| PayPalAddress::parse(&paypal.receiver));
        let named = faults.check("/paypal/receiver", named.transpose());
        named.ok_or(faults.0)
    }
}

/// Which partners to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PartnerFilter {
    /// All partners of this status, oldest first: for operators. Without it, the partners that the caller works for.
    pub status: Option<Status>,
}

/// The agreement that binds partners.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgreementView {
    #[schema(example = "2026-11-01")]
    pub version: &'static str,
    /// Markdown.
    pub text: &'static str,
}

/// An owner accepts the agreement for the partner.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptAgreement {
    /// The version that was read: the current one.
    #[schema(example = "2026-11-01")]
    pub version: String,
}

impl Validate for AcceptAgreement {}

/// Asks for a page at Stripe on which the partner's owner sets up how the partner is paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateOnboardingLink {
    /// Where Stripe sends the browser afterwards: https, or http on the caller's own machine. Being there proves nothing: read the partner.
    #[schema(format = "uri", max_length = 2000)]
    pub return_url: Option<String>,
    /// Where Stripe sends the browser when the link has expired: a page that asks for a new one. As `return_url` unless given.
    #[schema(format = "uri", max_length = 2000)]
    pub refresh_url: Option<String>,
}

impl Validate for CreateOnboardingLink {
    fn validate(&self) -> Vec<FieldError> {
        let flaws = [("/return_url", &self.return_url), ("/refresh_url", &self.refresh_url)];
        let flaws = flaws.map(|(pointer, url)| check_return_address(pointer, url.as_deref()));
        flaws.into_iter().flatten().collect()
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OnboardingLinkView {
    /// For one visit, by the owner only: it leads into the account.
    #[schema(format = "uri")]
    pub url: String,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DecisionKind {
    Approve,
    Reject,
    Suspend,
    Reinstate,
    /// Lets a rejected application be reviewed again.
    Reopen,
}

/// A decision about a partner.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    pub decision: DecisionKind,
    /// For `reject` and `suspend`: one of the codes that belong to it.
    pub reason_code: Option<HoldReason>,
    /// What the decision rests on; the partner sees it. Only `approve` may do without.
    #[schema(min_length = 1, max_length = 2000)]
    pub evidence: Option<String>,
}

impl Validate for Decide {
    fn validate(&self) -> Vec<FieldError> {
        self.checked().err().unwrap_or_default()
    }
}

impl Decide {
    pub(crate) fn checked(&self) -> Result<Decision, Vec<FieldError>> {
        let mut faults = Faults::default();
        let evidence = faults.check("/evidence", self.evidence.as_deref().map(profile::evidence).transpose());
        let names_reason = matches!(self.decision, DecisionKind::Reject | DecisionKind::Suspend);
        match (self.reason_code, names_reason) {
            (None, true) => faults
                .0
                .push(FieldError::new("/reason_code", "is needed to reject or suspend")),
            (Some(_), false) => faults
                .0
                .push(FieldError::new("/reason_code", "belongs to reject and suspend only")),
            _ => {}
        }
        if self.evidence.is_none() && self.decision != DecisionKind::Approve {
            faults.0.push(FieldError::new(
                "/evidence",
                "is needed: say what the decision rests on",
            ));
        }
        let decision = match (self.decision, self.reason_code, evidence.flatten()) {
            (DecisionKind::Approve, _, evidence) => Some(Decision::Approve { evidence }),
            (DecisionKind::Reject, Some(reason), Some(evidence)) => Some(Decision::Reject { reason, evidence }),
            (DecisionKind::Suspend, Some(reason), Some(evidence)) => Some(Decision::Suspend { reason, evidence }),
            (DecisionKind::Reinstate, _, Some(evidence)) => Some(Decision::Reinstate { evidence }),
            (DecisionKind::Reopen, _, Some(evidence)) => Some(Decision::Reopen { evidence }),
            _ => None,
        };
        decision.filter(|_| faults.0.is_empty()).ok_or(faults.0)
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionView {
    pub id: DecisionId,
    pub decision: DecisionKind,
    #[schema(required)]
    pub reason_code: Option<HoldReason>,
    #[schema(required)]
    pub evidence: Option<String>,
    pub decided_by: UserId,
    #[schema(value_type = String, format = DateTime)]
    pub decided_at: Timestamp,
    /// The partner as it now is.
    pub partner: PartnerView,
}

/// Somebody joins the team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddMember {
    /// Who: the `id` that they see in `GET /v1/me`.
    pub user_id: UserId,
    pub role: Role,
}

impl Validate for AddMember {}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberView {
    pub user_id: UserId,
    pub role: Role,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

impl From<MemberItem> for MemberView {
    fn from(member: MemberItem) -> Self {
        Self {
            user_id: member.user,
            role: member.role,
            since: member.since,
        }
    }
}
