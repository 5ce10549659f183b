//! Where a partner is paid: at PayPal, if it has named a receiver there, else to its account at Stripe.
//!
//! Naming a receiver ends what Stripe's account and the bank behind it held up. Leaving PayPal brings back the account as Stripe sees
//! it then, with whatever holds it calls for.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{AccountReport, note, settle_holds};
use super::hold::{Hold, HoldReason, Origin};
use super::{Act, Change, Partner, PayPalAddress, Status};
use crate::ids::{PayoutId, ReceiverId};
use crate::ledger::Processor;
use crate::messages::PartnerNews;
use crate::seed::Seed;

/// What a missing destination rests on.
pub(super) const NO_DESTINATION: &str = "No account at Stripe is connected and no receiver at PayPal is named.";

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

/// The partner is paid to the receiver with this address from now on; `None` where it is already. Naming a receiver whom PayPal could not
/// pay says that it can now.
pub fn name_receiver(partner: &Partner, address: PayPalAddress, act: Act) -> Result<Option<Change>, Rejected> {
    if partner.status == Status::Rejected {
        return Err(Rejected);
    }
    if partner.paypal_address() == Some(&address) && !partner.is_held_by(Origin::Receiver) {
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
            hold.reason_code.origin(),
            Origin::PayoutAccount | Origin::Bank | Origin::Receiver
        )
    });
    Ok(Some(changed(
        after,
        "partner.name_paypal_receiver",
        PartnerNews::PaidAtPayPal,
        act,
    )))
}

/// The partner is paid to its account at Stripe again, which `report` is about, if it has one; `None` where it is already.
pub fn leave_paypal(partner: &Partner, report: Option<&AccountReport>, act: Act) -> Option<Change> {
    partner.paypal_receiver?;
    let mut after = partner.clone();
    after.paypal_receiver = None;
    after.resolve(act.now, |hold| hold.reason_code.origin() == Origin::Receiver);
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
    Some(changed(after, "partner.leave_paypal", PartnerNews::PaidAtStripe, act))
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
    if partner.paypal_receiver != Some(receiver) || partner.is_held_by(Origin::Receiver) {
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

/// The owner gets a mail: whoever has stolen an owner's sign-in would change this first. The entry does not repeat the address, which
/// stands with the partner.
fn changed(partner: Partner, action: &str, news: PartnerNews, act: Act) -> Change {
    let audit = act.audit(action, &partner.id);
    let messages = vec![partner.notice(act.seed, news)];
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
            let named = name_receiver(partner, address, act(at)).expect("not rejected");
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
        let hold = |partner: &Partner| partner.hold_on(Block::Payout).map(|hold| hold.reason_code);
        let named = name_receiver(&approved(), address(), act(1)).expect("not rejected");
        let named = named.expect("news").partner;
        let (paula, payout) = (named.paypal_receiver.expect("a receiver"), act(2).seed.id("payout"));
        let told = |partner: &Partner| not_received(partner, paula, payout, act(2).now, act(2).seed);
        let held = told(&named).expect("news");
        assert_eq!(
            (hold(&held.partner), held.messages.len()),
            (Some(HoldReason::ReceiverUnpaid), 1)
        );
        assert_eq!(told(&held.partner), None, "once");

        let again = name_receiver(&held.partner, address(), act(3)).expect("not rejected");
        let again = again.expect("it would arrive now").partner;
        assert_eq!((hold(&again), again.paypal_receiver), (None, Some(paula)));
        let left = leave_paypal(&held.partner, None, act(3)).expect("it was there").partner;
        assert_eq!(hold(&left), Some(HoldReason::PayoutAccountMissing));
        assert_eq!(told(&left), None, "nobody is paid there any more");
    }

    #[test]
    fn a_receiver_at_paypal_ends_what_stripe_held_up_until_paypal_is_left() {
        let unfinished = AccountReport {
            account: "acct_1".to_owned(),
            ..AccountReport::default()
        };
        let connected = connected(&unfinished);
        assert!(connected.hold_on(Block::Payout).is_some());
        let named = name_receiver(&connected, address(), act(2))
            .expect("not rejected")
            .expect("news");
        assert_eq!(named.audit.expect("an entry").action, "partner.name_paypal_receiver");
        assert_eq!(named.partner.hold_on(Block::Payout), None);
        let destination = named.partner.destination().expect("paid");
        assert_eq!(destination.processor(), Processor::PayPal);
        assert_eq!(named.partner.shown(&destination), "paula@example.com");
        assert_eq!(name_receiver(&named.partner, address(), act(3)), Ok(None));

        let refused = AccountReport::gone("acct_1");
        let told = update(&named.partner, &refused, act(4).now, act(4).seed).expect("its account");
        assert_eq!(told, None, "what Stripe wants is nothing to who is paid by PayPal");
        let left = leave_paypal(&named.partner, Some(&refused), act(5))
            .expect("it was there")
            .partner;
        assert_eq!(
            left.hold_on(Block::Payout).expect("a hold").reason_code,
            HoldReason::PayoutAccountRefused
        );
        assert_eq!(
            left.destination(),
            Some(Destination::Stripe {
                account: "acct_1".into()
            })
        );
        assert_eq!(leave_paypal(&left, None, act(6)), None);

        let never_connected = name_receiver(&approved(), address(), act(1))
            .expect("not rejected")
            .expect("news")
            .partner;
        let left = leave_paypal(&never_connected, None, act(2))
            .expect("it was there")
            .partner;
        assert_eq!(
            (
                left.destination(),
                left.hold_on(Block::Payout).map(|hold| hold.reason_code)
            ),
            (None, Some(HoldReason::PayoutAccountMissing))
        );
    }
}
