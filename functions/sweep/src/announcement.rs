//! The message that each thing waits for, with the same id at every sweep.

use jiff::SignedDuration;
use shared::ids::MessageId;
use shared::listing::{Stage, Version};
use shared::messages::{Envelope, Message, PaymentSubject};
use shared::processor::Processor;
use shared::purchase::Order;
use shared::purchase::refund::{Refund, RefundState};
use shared::seed::Seed;
use shared::store::sweeps::SweepRound;

use crate::due::is_due;

/// Nothing where no checkout has been opened: then nobody can have paid.
pub(crate) fn of_order(order: &Order) -> Option<Envelope> {
    let (id, customer) = (order.id, order.customer);
    let event_id = format!("sweep {id}");
    let message = match (order.processor, &order.session) {
        _ if order.total.is_zero() => Message::FreeOrderPlaced { customer, order: id },
        (_, None) => return None,
        (Processor::Stripe, Some(session)) => Message::PaymentChanged {
            event_id,
            subject: PaymentSubject::WholePayment,
            object_id: session.clone(),
            customer,
            order: id,
        },
        (Processor::PayPal, Some(_)) => Message::PayPalOrderChanged { event_id, order: id },
    };
    Some(again(Seed::of(&id), message))
}

/// Of a refund that no processor has accepted. Those that one has are followed by the reconciliation.
pub(crate) fn of_refund(refund: &Refund, round: &SweepRound) -> Option<Envelope> {
    let since = match refund.state {
        RefundState::Created => refund.created_at,
        RefundState::Sending { since } => since,
        _ => return None,
    };
    let message = Message::RefundDecided {
        customer: refund.customer,
        order: refund.order,
        refund: refund.id,
    };
    is_due(since, round).then(|| again(Seed::of(&refund.id), message))
}

/// Longer than a queue keeps what the bucket tells: an upload that has not come by then never will.
const UPLOADS_ARE_AWAITED: SignedDuration = SignedDuration::from_hours(15 * 24);

/// The upload is as old as its id: its form was used, and its scan begun, some time after. Who scans sees whether anything was uploaded.
pub(crate) fn of_scan(version: &Version, round: &SweepRound) -> Option<Envelope> {
    let (upload, is_there) = match &version.stage {
        Stage::Draft { upload } => (upload.as_ref()?, false),
        Stage::Scanning { upload, .. } => (upload, true),
        _ => return None,
    };
    let message = Message::ScanAgain {
        partner: version.partner,
        listing: version.listing,
        version: version.id,
        upload: *upload,
    };
    let seed = Seed::of(upload);
    let since = seed.begun_at();
    let may_come = is_there || round.begun_at.duration_since(since) < UPLOADS_ARE_AWAITED;
    (may_come && is_due(since, round)).then(|| again(seed, message))
}

fn again(seed: Seed, message: Message) -> Envelope {
    Envelope::new(seed.id::<MessageId>("announced again"), message)
}
