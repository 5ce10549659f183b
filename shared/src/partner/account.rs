//! The partner's account at Stripe, and the holds that follow from what Stripe wants to know and finds. What it finds about those who run
//! the account holds the partner wherever it is paid; what it still wants of an account that nobody has finished does not.
//!
//! What the processor reports replaces what it reported before: the report is always fetched, never taken from an event, so it does
//! not matter in which order events arrive or how often.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::hold::{Block, Hold, HoldReason, Origin};
use super::{Act, Change, Partner, Status};
use crate::messages::PartnerNews;
use crate::seed::Seed;

/// An item can hold this many of Stripe's requirement names with ease; a longer list says how many more there are.
const MAX_NAMED_REQUIREMENTS: usize = 20;

/// Stripe's name of the bank account that it wants: no finding about anybody.
const BANK: &str = "external_account";

/// The connected account, as last reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutAccount {
    /// The processor's id of it.
    pub account: String,
    pub details_submitted: bool,
    /// Whether money can be transferred to it.
    pub transfers_active: bool,
    /// Whether the processor pays it out to the partner's bank.
    pub payouts_enabled: bool,
    pub connected_at: Timestamp,
}

/// What the processor says about an account now (Stripe: the object `account`, its `requirements` and capability `transfers`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountReport {
    pub account: String,
    pub details_submitted: bool,
    pub transfers_active: bool,
    pub payouts_enabled: bool,
    /// Wanted now; by `current_deadline` where there is one.
    pub currently_due: Vec<String>,
    /// Wanted too long ago.
    pub past_due: Vec<String>,
    /// Submitted and being checked.
    pub pending_verification: Vec<String>,
    pub current_deadline: Option<Timestamp>,
    /// Why the account is switched off, such as `requirements.past_due` or `rejected.fraud`.
    pub disabled_reason: Option<String>,
}

impl AccountReport {
    /// Of an account that is closed, or that the partner no longer lets us see.
    pub fn gone(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            disabled_reason: Some("rejected.gone".to_owned()),
            ..Self::default()
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error("the partner was rejected")]
    Rejected,
    #[error("the partner is connected to the account {account} already")]
    AlreadyConnected { account: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("the report is about an account that is not this partner's")]
    OtherAccount,
}

/// Whether an account may be made for the partner, asked before one is.
pub fn may_connect(partner: &Partner) -> Result<(), ConnectError> {
    match (&partner.payout_account, partner.status) {
        (_, Status::Rejected) => Err(ConnectError::Rejected),
        (Some(known), _) => Err(ConnectError::AlreadyConnected {
            account: known.account.clone(),
        }),
        (None, _) => Ok(()),
    }
}

/// A new account has been made for the partner; what is known of it is that it exists.
pub fn connect(partner: &Partner, report: &AccountReport, act: Act) -> Result<Change, ConnectError> {
    may_connect(partner)?;
    let mut partner = partner.clone();
    let account = report.account.clone();
    partner.payout_account = Some(PayoutAccount {
        account,
        details_submitted: false,
        transfers_active: false,
        payouts_enabled: false,
        connected_at: act.now,
    });
    settle_holds(&mut partner, report, act.now, act.seed);
    note(&mut partner, report);
    let mut audit = act.audit("partner.connect_payout_account", &partner.id);
    audit.evidence = Some(report.account.clone());
    let messages = partner.notices([], act.seed, PartnerNews::AccountConnected);
    Ok(Change {
        partner,
        audit: Some(audit),
        messages,
    })
}

/// The partner as it is after the report; `None` where the report says nothing new.
pub fn update(
    partner: &Partner,
    report: &AccountReport,
    now: Timestamp,
    seed: Seed,
) -> Result<Option<Change>, ReportError> {
    if partner
        .payout_account
        .as_ref()
        .is_none_or(|known| known.account != report.account)
    {
        return Err(ReportError::OtherAccount);
    }
    let before = partner.hold_on_payout_account(now);
    let mut after = partner.clone();
    settle_holds(&mut after, report, now, seed);
    note(&mut after, report);
    if after == *partner {
        return Ok(None);
    }
    // A mail for what the partner must act upon, or has waited for; not for every field that Stripe ticks off.
    let messages = match (before, after.hold_on_payout_account(now)) {
        (Some(_), None) => vec![after.notice(seed, PartnerNews::PayoutsEnabled)],
        (was, Some(is)) if was != Some(is) => vec![after.notice(seed, PartnerNews::PayoutsHeld)],
        _ => Vec::new(),
    };
    Ok(Some(Change {
        partner: after,
        audit: None,
        messages,
    }))
}

impl Partner {
    /// Why the processor's account keeps the partner from being paid.
    fn hold_on_payout_account(&self, now: Timestamp) -> Option<HoldReason> {
        let blocking =
            |hold: &&Hold| hold.reason_code.origin() == Origin::PayoutAccount && hold.blocks.contains(&Block::Payout);
        self.open_holds(now).find(blocking).map(|hold| hold.reason_code)
    }
}

pub(super) fn note(partner: &mut Partner, report: &AccountReport) {
    if let Some(account) = &mut partner.payout_account {
        account.details_submitted = report.details_submitted;
        account.transfers_active = report.transfers_active;
        account.payouts_enabled = report.payouts_enabled;
    }
}

/// Opens the hold that the report calls for and resolves all others of the payout account. A hold that stays keeps its id and its
/// day of opening, whatever else is asked for meanwhile.
pub(super) fn settle_holds(partner: &mut Partner, report: &AccountReport, now: Timestamp, seed: Seed) {
    let follows = |(reason, evidence): &(HoldReason, String)| {
        partner.paypal_receiver.is_none()
            || (follows_partner(*reason, report) && !partner.is_released(*reason, evidence))
    };
    let wanted = wanted_hold(report).filter(follows);
    let reason = wanted.as_ref().map(|(reason, _)| *reason);
    partner.resolve(now, |hold| {
        hold.reason_code.origin() == Origin::PayoutAccount && Some(hold.reason_code) != reason
    });
    let Some((reason, evidence)) = wanted else { return };
    let deadline = report.current_deadline.filter(|_| follows_deadline(reason));
    if let Some(hold) = partner
        .holds
        .iter_mut()
        .find(|hold| hold.is_open(now) && hold.reason_code == reason)
    {
        hold.evidence = evidence;
        hold.due_at = deadline.unwrap_or_else(|| reason.due_after(hold.opened_at));
        return;
    }
    let mut hold = Hold::opened(reason, evidence, now, seed);
    hold.due_at = deadline.unwrap_or(hold.due_at);
    partner.open(hold);
}

/// Whether what Stripe says holds the partner also where another processor pays it. Who was refused, paused or is still being looked at is
/// that wherever they go; an account that was never filled in says nothing about anybody.
fn follows_partner(reason: HoldReason, report: &AccountReport) -> bool {
    match reason {
        HoldReason::PayoutAccountInformationDue => false,
        HoldReason::PayoutAccountIncomplete => {
            let wanted = report.past_due.iter().chain(&report.currently_due);
            let about_people = wanted.chain(&report.pending_verification).any(|name| name != BANK);
            report.details_submitted && about_people
        }
        _ => true,
    }
}

fn follows_deadline(reason: HoldReason) -> bool {
    matches!(
        reason,
        HoldReason::PayoutAccountIncomplete | HoldReason::PayoutAccountInformationDue
    )
}

/// The one hold that describes where the account stands, the worst first, with the processor's own words as evidence.
fn wanted_hold(report: &AccountReport) -> Option<(HoldReason, String)> {
    let disabled = report.disabled_reason.as_deref().unwrap_or_default();
    if disabled.starts_with("rejected.") {
        return Some((HoldReason::PayoutAccountRefused, disabled.to_owned()));
    }
    let works = report.transfers_active && report.payouts_enabled;
    let asked = named(report.past_due.iter().chain(&report.currently_due));
    match (works, asked) {
        (true, Some(asked)) => Some((HoldReason::PayoutAccountInformationDue, asked)),
        (true, None) => None,
        (false, Some(asked)) => Some((HoldReason::PayoutAccountIncomplete, asked)),
        (false, None) if !report.details_submitted => {
            Some((HoldReason::PayoutAccountIncomplete, "details_submitted".to_owned()))
        }
        (false, None) if disabled.is_empty() || disabled == "requirements.pending_verification" => {
            let checked =
                named(report.pending_verification.iter()).unwrap_or_else(|| "capability transfers".to_owned());
            Some((HoldReason::PayoutAccountVerifying, checked))
        }
        (false, None) => Some((HoldReason::PayoutAccountPaused, disabled.to_owned())),
    }
}

/// The names in order and once each; `None` for none.
fn named<'a>(requirements: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut names: Vec<&str> = requirements.map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let surplus = names.len().saturating_sub(MAX_NAMED_REQUIREMENTS);
    names.truncate(MAX_NAMED_REQUIREMENTS);
    let list = names.join(", ");
    match (names.is_empty(), surplus) {
        (true, _) => None,
        (false, 0) => Some(list),
        (false, more) => Some(format!("{list} and {more} more")),
    }
}
