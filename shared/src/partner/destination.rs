//! Where a partner is paid: at PayPal, if it has named a receiver there, else to its account at Stripe.
//!
//! A hold is never lifted by going elsewhere: what Stripe found follows the partner, what its bank or receiver did not take waits there. A
//! change of who is paid opens a hold of its own, for as long as an owner may need to say that they did not want it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::account::{AccountReport, note, settle_holds};
use super::hold::{EndedBy, Hold, HoldReason, Origin};
use super::{Act, Change, Partner, PayPalAddress, Status};
use crate::ids::{PayoutId, ReceiverId};
use crate::ledger::Processor;
use crate::messages::PartnerNews;
use crate::seed::Seed;

/// What a missing destination rests on.
pub(super) const NO_DESTINATION: &str = "No account at Stripe is connected and no receiver at PayPal is named.";

/// What a change of destination rests on.
const CHANGED: &str = "An owner has changed where the partner is paid.";

/// More former receivers than this are forgotten, the oldest first: the item must not grow without end.
const MAX_RECEIVERS: usize = 20;

/// As payouts keep it: without the receiver's address, which stands with the partner alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "processor", rename_all = "lowercase")]
pub enum Destination {
    Stripe { account: String },
    PayPal { receiver: ReceiverId },
}

/// A receiver at PayPal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayPalReceiver {
    pub id: ReceiverId,
    pub address: PayPalAddress,
}

impl Destination {
    pub fn processor(&self) -> Processor {
        match self {
            Self::Stripe { .. } => Processor::Stripe,
            Self::PayPal { .. } => Processor::PayPal,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stripe { account } => f.write_str(account),
            Self::PayPal { receiver } => receiver.fmt(f),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the partner was rejected")]
pub struct Rejected;

impl Partner {
    /// Where the partner would be paid; whether it may be is said by its holds.
    pub fn destination(&self) -> Option<Destination> {
        let at_paypal = self.paypal_receiver.map(|receiver| Destination::PayPal { receiver });
        at_paypal.or_else(|| {
            let account = self.payout_account.as_ref()?.account.clone();
            Some(Destination::Stripe { account })
        })
    }

    /// The address of somebody who was named at PayPal.
    pub fn address_of(&self, receiver: ReceiverId) -> Option<&PayPalAddress> {
        let mut known = self.paypal_receivers.iter();
        known.find(|known| known.id == receiver).map(|known| &known.address)
    }

    /// Who is paid at PayPal, as PayPal knows them.
    pub fn paypal_address(&self) -> Option<&PayPalAddress> {
        self.address_of(self.paypal_receiver?)
    }

    /// A destination as the partner knows it: the account's id, or the receiver's address.
    pub fn shown(&self, destination: &Destination) -> String {
        let address = match destination {
            Destination::PayPal { receiver } => self.address_of(*receiver),
            Destination::Stripe { .. } => None,
        };
        address.map_or_else(|| destination.to_string(), PayPalAddress::to_string)
    }
}

/// The partner is paid to the receiver with this address from now on, the first time when it has cooled off; `None` where it is already.
/// Naming a receiver whom PayPal could not pay says that it can now. `report` is what Stripe says about the partner's account at this
/// moment, where it has one: without it, what was known of the account stays.
pub fn name_receiver(
    partner: &Partner,
    address: PayPalAddress,
    report: Option<&AccountReport>,
    cool_off: SignedDuration,
    act: Act,
) -> Result<Option<Change>, Rejected> {
    if partner.status == Status::Rejected {
        return Err(Rejected);
    }
    if partner.paypal_address() == Some(&address) && !partner.is_held_by(Origin::Receiver, act.now) {
        return Ok(None);
    }
    let mut after = partner.clone();
    let known = after.paypal_receivers.iter().find(|known| known.address == address);
    let id = known.map_or_else(|| act.seed.id("receiver"), |known| known.id);
    if known.is_none() {
        after.paypal_receivers.push(PayPalReceiver { id, address });
        let too_many = after.paypal_receivers.len().saturating_sub(MAX_RECEIVERS);
        after.paypal_receivers.drain(..too_many);
    }
    after.paypal_receiver = Some(id);
    after.resolve(act.now, |hold| {
        matches!(
            hold.reason_code.ended_by(),
            EndedBy::Destination | EndedBy::NamedReceiver
        )
    });
    if let Some(report) = report {
        settle_holds(&mut after, report, act.now, act.seed);
        note(&mut after, report);
    }
    if partner.destination() != after.destination() {
        after.begin_cooling_off(cool_off, act);
    }
    Ok(Some(changed(
        after,
        "partner.name_paypal_receiver",
        PartnerNews::PaidAtPayPal,
        act,
    )))
}

/// The partner is paid to its account at Stripe again, which `report` is about, if it has one; `None` where it is already.
pub fn leave_paypal(
    partner: &Partner,
    report: Option<&AccountReport>,
    cool_off: SignedDuration,
    act: Act,
) -> Option<Change> {
    partner.paypal_receiver?;
    let mut after = partner.clone();
    after.paypal_receiver = None;
    match report {
        Some(report) => {
            settle_holds(&mut after, report, act.now, act.seed);
            note(&mut after, report);
        }
        None => {
            let reason = HoldReason::PayoutAccountMissing;
            after.open(Hold::opened(reason, NO_DESTINATION, act.now, act.seed));
        }
    }
    after.begin_cooling_off(cool_off, act);
    Some(changed(after, "partner.leave_paypal", PartnerNews::PaidAtStripe, act))
}

impl Partner {
    /// Nothing is sent for a while: counted anew with each change.
    fn begin_cooling_off(&mut self, cool_off: SignedDuration, act: Act) {
        self.resolve(act.now, |hold| hold.reason_code.origin() == Origin::Destination);
        if cool_off.is_positive() {
            let reason = HoldReason::PayoutDestinationChanged;
            let mut hold = Hold::opened(reason, CHANGED, act.now, act.seed);
            hold.due_at = act.now.saturating_add(cool_off).unwrap_or(Timestamp::MAX);
            self.open(hold);
        }
    }
}

/// PayPal could not pay this receiver, or nobody claimed the money there: nothing more is sent until the partner says that it would arrive.
/// `None` where that is known, or somebody else is paid by now.
pub fn not_received(
    partner: &Partner,
    receiver: ReceiverId,
    payout: PayoutId,
    now: Timestamp,
    seed: Seed,
) -> Option<Change> {
    if partner.paypal_receiver != Some(receiver) || partner.is_held_by(Origin::Receiver, now) {
        return None;
    }
    let mut after = partner.clone();
    after.open(Hold::opened(HoldReason::ReceiverUnpaid, payout.to_string(), now, seed));
    let messages = vec![after.notice(seed, PartnerNews::ReceiverUnpaid)];
    Some(Change {
        partner: after,
        audit: None,
        messages,
    })
}

/// The entry does not repeat the address, which stands with the partner.
fn changed(partner: Partner, action: &str, news: PartnerNews, act: Act) -> Change {
    let audit = act.audit(action, &partner.id);
    let messages = partner.notices([], act.seed, news);
    Change {
        partner,
        audit: Some(audit),
        messages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partner::Block;
    use crate::partner::account::update;
    use crate::partner::tests::{act, approved, connected};

    fn address() -> PayPalAddress {
        PayPalAddress::parse("paula@example.com").expect("an address")
    }

    #[test]
    fn a_receiver_keeps_its_id_and_is_forgotten_last() {
        let name = |partner: &Partner, address: &str, at: i64| {
            let address = PayPalAddress::parse(address).expect("an address");
            let named = name_receiver(partner, address, None, SignedDuration::ZERO, act(at)).expect("not rejected");
            named.expect("another receiver").partner
        };
        let first = name(&approved(), "paula@example.com", 1);
        let (paula, to_paula) = (first.paypal_receiver.expect("a receiver"), first.destination());
        let second = name(&first, "peter@example.com", 2);
        assert_ne!(second.paypal_receiver, Some(paula));
        assert_eq!(
            second.shown(&to_paula.expect("paid")),
            "paula@example.com",
            "what went there went to her"
        );
        assert_eq!(name(&second, "paula@example.com", 3).paypal_receiver, Some(paula));

        let mut partner = second;
        for at in 0..30 {
            partner = name(&partner, &format!("p{at}@example.com"), at);
        }
        assert_eq!(partner.paypal_receivers.len(), MAX_RECEIVERS);
        assert_eq!(
            partner.paypal_address().expect("a receiver").as_str(),
            "p29@example.com"
        );
        assert_eq!(partner.address_of(paula), None);
    }

    #[test]
    fn nothing_is_sent_to_who_was_not_paid_until_somebody_is_named() {
        let hold = |partner: &Partner| partner.payout_hold(act(9).now).map(|hold| hold.reason_code);
        let named = name_receiver(&approved(), address(), None, SignedDuration::ZERO, act(1)).expect("not rejected");
        let named = named.expect("news").partner;
        let (paula, payout) = (named.paypal_receiver.expect("a receiver"), act(2).seed.id("payout"));
        let told = |partner: &Partner| not_received(partner, paula, payout, act(2).now, act(2).seed);
        let held = told(&named).expect("news");
        assert_eq!(
            (hold(&held.partner), held.messages.len()),
            (Some(HoldReason::ReceiverUnpaid), 1)
        );
        assert_eq!(told(&held.partner), None, "once");

        let again = name_receiver(&held.partner, address(), None, SignedDuration::ZERO, act(3)).expect("not rejected");
        let again = again.expect("it would arrive now").partner;
        assert_eq!((hold(&again), again.paypal_receiver), (None, Some(paula)));
        let left = leave_paypal(&held.partner, None, SignedDuration::ZERO, act(3))
            .expect("it was there")
            .partner;
        assert_eq!(hold(&left), Some(HoldReason::PayoutAccountMissing));
        assert_eq!(told(&left), None, "nobody is paid there any more");
    }

    fn found(report: &AccountReport) -> Partner {
        let partner = connected(&AccountReport::default());
        let report = AccountReport {
            account: partner.payout_account.as_ref().expect("an account").account.clone(),
            ..report.clone()
        };
        update(&partner, &report, act(3).now, act(3).seed)
            .expect("its account")
            .map_or(partner, |change| change.partner)
    }

    fn held(partner: &Partner) -> Option<HoldReason> {
        partner.payout_hold(act(9).now).map(|hold| hold.reason_code)
    }

    /// What Stripe finds, then a receiver at PayPal: what still holds the partner.
    #[track_caller]
    fn check_follows(report: &AccountReport, expected: Option<HoldReason>) {
        let partner = found(report);
        for told in [Some(report), None] {
            let named = name_receiver(&partner, address(), told, SignedDuration::ZERO, act(4));
            let named = named.expect("not rejected").expect("news").partner;
            if told.is_some() || expected.is_some() {
                assert_eq!(held(&named), expected, "{report:?}");
            }
        }
        // Stripe's word comes later: it finds the partner at PayPal.
        let early = name_receiver(&approved(), address(), None, SignedDuration::ZERO, act(1));
        let mut early = early.expect("not rejected").expect("news").partner;
        early.payout_account = partner.payout_account.clone();
        let told = AccountReport {
            account: partner.payout_account.expect("an account").account,
            ..report.clone()
        };
        let told = update(&early, &told, act(5).now, act(5).seed).expect("its account");
        assert_eq!(told.and_then(|change| held(&change.partner)), expected, "{report:?}");
    }

    #[test]
    fn what_stripe_finds_follows_the_partner_and_an_unfinished_account_does_not() {
        let submitted = AccountReport {
            details_submitted: true,
            ..AccountReport::default()
        };
        let disabled = |reason: &str| AccountReport {
            disabled_reason: Some(reason.to_owned()),
            ..submitted.clone()
        };
        let wants = |what: &str| AccountReport {
            currently_due: vec![what.to_owned()],
            ..submitted.clone()
        };
        check_follows(&disabled("rejected.fraud"), Some(HoldReason::PayoutAccountRefused));
        check_follows(&AccountReport::gone("acct_1"), Some(HoldReason::PayoutAccountRefused));
        check_follows(&disabled("platform_paused"), Some(HoldReason::PayoutAccountPaused));
        check_follows(&submitted, Some(HoldReason::PayoutAccountVerifying));
        let document = "individual.verification.document";
        check_follows(&wants(document), Some(HoldReason::PayoutAccountIncomplete));
        check_follows(&wants("external_account"), None);
        check_follows(&AccountReport::default(), None);
    }

    #[test]
    fn a_change_of_who_is_paid_cools_off_and_each_change_anew() {
        let day = SignedDuration::from_hours(24);
        let name = |partner: &Partner, address: &str, at: i64| {
            let address = PayPalAddress::parse(address).expect("an address");
            let named = name_receiver(partner, address, None, day, act(at)).expect("not rejected");
            named.expect("another receiver").partner
        };
        let until = |partner: &Partner, at: Timestamp| partner.payout_hold(at).map(|hold| hold.due_at);
        let first = name(&approved(), "paula@example.com", 1);
        assert_eq!(until(&first, act(2).now), Some(act(1).now + day));
        let second = name(&first, "peter@example.com", 60);
        let over = act(60).now + day;
        assert_eq!(until(&second, act(61).now), Some(over));
        assert_eq!(until(&second, over - SignedDuration::from_secs(1)), Some(over));
        assert_eq!(until(&second, over), None, "it ends by itself");
        let hold = second.holds.last().expect("a hold");
        assert_eq!((hold.ended_at(over), hold.resolved_at), (Some(over), None));
        let left = leave_paypal(&second, None, day, act(120))
            .expect("it was there")
            .partner;
        assert!(
            left.payout_holds(act(121).now)
                .any(|hold| hold.due_at == act(120).now + day)
        );
    }

    #[test]
    fn what_a_bank_did_not_take_waits_there_for_whoever_comes_back() {
        use crate::partner::bank::{self, BankOutcome, BankReport};
        let works = AccountReport {
            details_submitted: true,
            transfers_active: true,
            payouts_enabled: true,
            ..AccountReport::default()
        };
        let failed = |payout: &str| BankReport {
            payout: payout.to_owned(),
            begun_at: act(5).now,
            outcome: BankOutcome::Failed("account_closed".to_owned()),
        };
        let told = bank::update(&found(&works), &failed("po_1"), act(5).now, act(5).seed);
        let told = told.expect("news").partner;
        assert_eq!(held(&told), Some(HoldReason::BankPayoutFailed));
        let named = name_receiver(&told, address(), Some(&works), SignedDuration::ZERO, act(6));
        let named = named.expect("not rejected").expect("news").partner;
        assert_eq!(held(&named), None, "PayPal is no bank of Stripe's");
        let left = leave_paypal(&named, Some(&works), SignedDuration::ZERO, act(7));
        assert_eq!(
            held(&left.expect("it was there").partner),
            Some(HoldReason::BankPayoutFailed)
        );
        let later = bank::update(&named, &failed("po_2"), act(8).now, act(8).seed);
        assert_eq!(later.expect("news").partner.open_holds(act(9).now).count(), 3);
    }

    #[test]
    fn a_released_finding_holds_nobody_at_paypal_and_everybody_at_stripe() {
        use crate::partner::release::{ReleaseError, release};
        let refused = AccountReport {
            details_submitted: true,
            disabled_reason: Some("rejected.fraud".to_owned()),
            ..AccountReport::default()
        };
        let named = name_receiver(
            &found(&refused),
            address(),
            Some(&refused),
            SignedDuration::ZERO,
            act(4),
        );
        let named = named.expect("not rejected").expect("news").partner;
        let hold = named.payout_hold(act(9).now).expect("a hold").id;
        let released = release(&named, hold, "Stripe took them for somebody else.", act(5)).expect("released");
        let audit = released.audit.expect("an entry");
        assert_eq!(
            (audit.action.as_str(), audit.reason_code.as_deref()),
            ("partner.release_hold", Some("payout_account_refused"))
        );
        let partner = released.partner;
        assert_eq!(held(&partner), None);
        let again = |partner: &Partner, words: &str| {
            let account = partner.payout_account.as_ref().expect("an account").account.clone();
            let report = AccountReport {
                account,
                disabled_reason: Some(words.to_owned()),
                ..refused.clone()
            };
            let told = update(partner, &report, act(6).now, act(6).seed).expect("its account");
            held(&told.map_or(partner.clone(), |change| change.partner))
        };
        assert_eq!(
            again(&partner, "rejected.fraud"),
            None,
            "what was weighed is not held against them again"
        );
        assert_eq!(
            again(&partner, "rejected.terms_of_service"),
            Some(HoldReason::PayoutAccountRefused)
        );
        let left = leave_paypal(&partner, Some(&refused), SignedDuration::ZERO, act(7)).expect("it was there");
        assert_eq!(
            held(&left.partner),
            Some(HoldReason::PayoutAccountRefused),
            "Stripe still does not pay them"
        );

        assert_eq!(release(&partner, hold, "twice", act(8)), Err(ReleaseError::Ended));
        let agreement = partner.hold_on(Block::Publish).expect("a hold").id;
        let reason = HoldReason::AgreementNotAccepted;
        assert_eq!(
            release(&partner, agreement, "no", act(8)),
            Err(ReleaseError::EndsOtherwise { reason })
        );
        assert_eq!(
            release(&partner, act(8).seed.id("hold"), "no", act(8)),
            Err(ReleaseError::NoSuchHold)
        );
    }

    #[test]
    fn leaving_paypal_brings_the_account_back_as_stripe_sees_it() {
        let partner = found(&AccountReport::default());
        let named = name_receiver(
            &partner,
            address(),
            Some(&AccountReport::default()),
            SignedDuration::ZERO,
            act(4),
        );
        let named = named.expect("not rejected").expect("news");
        assert_eq!(named.audit.expect("an entry").action, "partner.name_paypal_receiver");
        let named = named.partner;
        let destination = named.destination().expect("paid");
        assert_eq!(destination.processor(), Processor::PayPal);
        assert_eq!(named.shown(&destination), "paula@example.com");
        assert_eq!(
            name_receiver(&named, address(), None, SignedDuration::ZERO, act(5)),
            Ok(None)
        );
        let refused = AccountReport::gone("acct_1");
        let left = leave_paypal(&named, Some(&refused), SignedDuration::ZERO, act(6)).expect("it was there");
        assert_eq!(held(&left.partner), Some(HoldReason::PayoutAccountRefused));
        assert!(matches!(left.partner.destination(), Some(Destination::Stripe { .. })));
        assert_eq!(leave_paypal(&left.partner, None, SignedDuration::ZERO, act(7)), None);

        let never_connected = name_receiver(&approved(), address(), None, SignedDuration::ZERO, act(1));
        let never_connected = never_connected.expect("not rejected").expect("news").partner;
        let left = leave_paypal(&never_connected, None, SignedDuration::ZERO, act(2));
        let left = left.expect("it was there").partner;
        assert_eq!(
            (left.destination(), held(&left)),
            (None, Some(HoldReason::PayoutAccountMissing))
        );
    }
}
