//! From what moved at PayPal, by the text of ours that the transaction carries, or by the one that it follows from.

use jiff::{SignedDuration, Timestamp};
use shared::ids::RefundId;
use shared::ledger::{Account, Fact};
use shared::messages::Message;
use shared::payout::PayoutState;
use shared::processor::ProcessorError;
use shared::processor::paypal::objects::{Capture, Refund, Transaction, TransactionStatus};
use shared::processor::paypal::reference::{self, PaidFor};
use shared::purchase::Order;
use shared::purchase::dispute::{Dispute, Origin};
use shared::purchase::refund::adopted_id;
use shared::reconciliation::{DifferenceKind, Explanation, Movement};
use shared::runtime::Failure;
use shared::store::keys::Key;
use shared::store::{commerce, ledger, payouts, reversals};

use super::{Evidence, Expected, refund_shares, shares};
use crate::books;
use crate::context::Context;

/// How long after a dispute's fee has moved the dispute tells of it at the latest.
const BILLS_ARE_TOLD: SignedDuration = SignedDuration::from_hours(3 * 24);
/// A movement and the one that it follows from bear nearly the same time.
const BEFORE_OR_AFTER: SignedDuration = SignedDuration::from_hours(1);

pub(super) async fn gather(
    context: &Context,
    transaction: &Transaction,
    movement: &Movement,
    now: Timestamp,
) -> Result<Evidence, Failure> {
    let is_understood = matches!(
        transaction.transaction_status,
        TransactionStatus::Success | TransactionStatus::Reversed
    );
    match Explanation::at_paypal(&movement.kind).filter(|_| is_understood) {
        Some(Explanation::Sale) => sale(context, transaction, movement).await,
        Some(Explanation::Refund) => refund(context, transaction, movement).await,
        Some(Explanation::RefundFailed) => refund_failed(context, movement).await,
        Some(Explanation::Transfer | Explanation::TransferReversed) => payout(context, transaction, movement).await,
        Some(Explanation::Own(against)) => Ok(Evidence::Own(against)),
        Some(Explanation::Dispute) => dispute(context, movement).await,
        Some(Explanation::Hold) => hold(context, movement).await,
        Some(Explanation::Bill) => bill(context, movement, now).await,
        None => Ok(Evidence::None(DifferenceKind::NotUnderstood)),
    }
}

async fn sale(context: &Context, transaction: &Transaction, movement: &Movement) -> Result<Evidence, Failure> {
    if context.paypal.is_foreign(transaction.custom_field.as_deref()) {
        return Ok(Evidence::Foreign);
    }
    let Some(order) = order_of(context, transaction.custom_field.as_deref()).await? else {
        return Ok(Evidence::None(DifferenceKind::NotOurs));
    };
    let mut keys = shares(&order, &Fact::Sale(order.id));
    if !movement.fee.is_zero() {
        keys.extend(Expected::entry(None, &Fact::Fee(movement.id.clone())).keys);
    }
    // Settling the order posts both.
    let news = Some(Message::PayPalOrderChanged {
        event_id: movement.id.clone(),
        order: order.id,
    });
    Ok(Evidence::Entries(vec![Expected { keys, news }]))
}

/// PayPal's id of the refund is that of its movement; it follows from the capture's, which names the order.
async fn refund(context: &Context, transaction: &Transaction, movement: &Movement) -> Result<Evidence, Failure> {
    let Some(capture) = &transaction.paypal_reference_id else {
        return Ok(Evidence::None(DifferenceKind::NotOurs));
    };
    let order = match order_of_capture(context, capture).await? {
        CaptureOrder::Ours(order) => order,
        CaptureOrder::Foreign => return Ok(Evidence::Foreign),
        CaptureOrder::None => return Ok(Evidence::None(DifferenceKind::NotOurs)),
    };
    // The text that a refund of ours carries is its id. One that was made by hand is called after when it was made, which the refund tells.
    let custom = transaction.custom_field.as_deref();
    let named = custom.and_then(|custom| reference::id(custom).parse().ok());
    let id = match named {
        Some(id) => Some(id),
        None => refund_at_paypal(context, &movement.id)
            .await?
            .as_ref()
            .and_then(refund_id),
    };
    let keys = match id {
        Some(id) => refund_shares(context, &order, id, Fact::Refund).await?,
        None => Vec::new(),
    };
    let news = Some(Message::PayPalRefundMade {
        event_id: movement.id.clone(),
        refund: movement.id.clone(),
        capture: capture.clone(),
    });
    Ok(Evidence::Entries(vec![Expected { keys, news }]))
}

/// What a refund of PayPal's is called here.
fn refund_id(refund: &Refund) -> Option<RefundId> {
    let named = refund
        .custom_id
        .as_deref()
        .and_then(|custom| reference::id(custom).parse().ok());
    named.or_else(|| Some(adopted_id(refund.create_time?, &refund.id)))
}

/// It follows from the refund, which says in a link only what it is of.
async fn refund_failed(context: &Context, movement: &Movement) -> Result<Evidence, Failure> {
    let Some(refund) = &movement.source else {
        return Ok(Evidence::None(DifferenceKind::NotOurs));
    };
    let found = refund_at_paypal(context, refund).await?;
    let Some((found, capture)) = found.as_ref().and_then(|found| Some((found, found.capture()?))) else {
        return Ok(Evidence::None(DifferenceKind::NotOurs));
    };
    let order = match order_of_capture(context, capture).await? {
        CaptureOrder::Ours(order) => order,
        CaptureOrder::Foreign => return Ok(Evidence::Foreign),
        CaptureOrder::None => return Ok(Evidence::None(DifferenceKind::NotOurs)),
    };
    let keys = match refund_id(found) {
        Some(id) => refund_shares(context, &order, id, Fact::RefundFailed).await?,
        None => Vec::new(),
    };
    let news = Some(Message::PayPalRefundMade {
        event_id: movement.id.clone(),
        refund: refund.clone(),
        capture: capture.to_owned(),
    });
    Ok(Evidence::Entries(vec![Expected { keys, news }]))
}

/// What a dispute moves has no id at PayPal but in its books, so that the entry is the one of this amount which is nearest in time. A reversal
/// without a dispute has its movement's id.
async fn dispute(context: &Context, movement: &Movement) -> Result<Evidence, Failure> {
    let Some(capture) = &movement.source else {
        return Ok(Evidence::None(DifferenceKind::NotOurs));
    };
    let order = match order_of_capture(context, capture).await? {
        CaptureOrder::Ours(order) => order,
        CaptureOrder::Foreign => return Ok(Evidence::Foreign),
        CaptureOrder::None => return Ok(Evidence::None(DifferenceKind::NotOurs)),
    };
    let disputes = reversals::all_disputes(&context.store, order.id).await?;
    Ok(Evidence::Entries(vec![Expected {
        keys: funds(context, &disputes, movement).await?,
        news: news_of_dispute(&disputes, movement, capture),
    }]))
}

/// The entry of the disputes that has moved as much, nearest in time.
async fn funds(context: &Context, disputes: &[Dispute], movement: &Movement) -> Result<Vec<Key>, Failure> {
    let movements = disputes.iter().flat_map(|dispute| &dispute.movements);
    let keys: Vec<_> = movements
        .map(|id| ledger::fact_key(None, &Fact::DisputeFunds(id.clone())))
        .collect();
    let mut posted = ledger::entries(&context.store, &keys).await?;
    let clearing = Account::clearing(movement.processor);
    posted.retain(|entry| {
        let mut postings = entry.postings().iter();
        postings.any(|posting| posting.account == clearing && posting.amount == movement.net)
    });
    let nearest = posted
        .iter()
        .min_by_key(|entry| entry.occurred_at().duration_since(movement.at).abs());
    Ok(nearest.map(ledger::journal_key).into_iter().collect())
}

/// What would have told of it. What comes back is told by the dispute that has taken it; what is taken may be news of a dispute that nobody has
/// heard of.
fn news_of_dispute(disputes: &[Dispute], movement: &Movement, capture: &str) -> Option<Message> {
    if movement.net.is_negative() {
        return Some(Message::PayPalCaptureReversed {
            event_id: movement.id.clone(),
            reversal: movement.id.clone(),
            capture: capture.to_owned(),
        });
    }
    let told = disputes.iter().find(|dispute| dispute.origin == Origin::Processor)?;
    Some(Message::PayPalDisputeChanged {
        event_id: movement.id.clone(),
        dispute: told.id.clone(),
        capture: capture.to_owned(),
    })
}

/// What PayPal holds for a dispute, a review or a payout is the platform's still: only what is available changes.
async fn hold(context: &Context, movement: &Movement) -> Result<Evidence, Failure> {
    let is_foreign = match &movement.source {
        Some(of) => matches!(order_of_capture(context, of).await?, CaptureOrder::Foreign),
        None => false,
    };
    Ok(if is_foreign {
        Evidence::Foreign
    } else {
        Evidence::Own(Account::FundsOnHold)
    })
}

/// A bill is the platform's own, but for one that a dispute tells of: that is posted with the dispute, which may tell of it a little later.
async fn bill(context: &Context, movement: &Movement, now: Timestamp) -> Result<Evidence, Failure> {
    let own = Evidence::Own(Account::ProcessorFees);
    let Some(capture) = &movement.source else {
        return Ok(own);
    };
    let order = match order_of_capture(context, capture).await? {
        CaptureOrder::Ours(order) => order,
        CaptureOrder::Foreign => return Ok(Evidence::Foreign),
        CaptureOrder::None => return Ok(own),
    };
    let disputes = reversals::all_disputes(&context.store, order.id).await?;
    let keys = funds(context, &disputes, movement).await?;
    let is_told_by_now = movement.at < now - BILLS_ARE_TOLD;
    if keys.is_empty() && is_told_by_now {
        return Ok(own);
    }
    let news = news_of_dispute(&disputes, movement, capture);
    Ok(Evidence::Entries(vec![Expected { keys, news }]))
}

/// Where a movement follows from another one, and not from a capture, it is of what that other one is of.
pub(super) async fn trace(context: &Context, movement: Movement) -> Result<Movement, Failure> {
    let is_of_dispute = matches!(
        Explanation::at_paypal(&movement.kind),
        Some(Explanation::Dispute | Explanation::Bill)
    );
    let Some(of) = movement.source.as_deref().filter(|_| is_of_dispute) else {
        return Ok(movement);
    };
    if capture(context, of).await?.is_some() {
        return Ok(movement);
    }
    let mut found = books::at_paypal(context, of, movement.at + BEFORE_OR_AFTER).await?;
    let source = found.find_map(|one| one.paypal_reference_id);
    Ok(Movement {
        source: source.or_else(|| movement.source.clone()),
        ..movement
    })
}

/// Both ways: PayPal writes the item's text on what leaves for it, and on what comes back.
async fn payout(context: &Context, transaction: &Transaction, movement: &Movement) -> Result<Evidence, Failure> {
    let item = transaction.custom_field.as_deref();
    if item.is_some_and(|item| context.paypal.is_foreign_item(item)) {
        return Ok(Evidence::Foreign);
    }
    let named = item.and_then(|text| text.parse().ok());
    let Some(PaidFor { partner, payout }) = named else {
        return Ok(Evidence::None(DifferenceKind::NotOurs));
    };
    let Some(known) = payouts::load(&context.store, partner, payout).await? else {
        return Ok(Evidence::None(DifferenceKind::NotOurs));
    };
    let comes_back = movement.net.is_positive();
    let expected = match &known.state {
        // Given back without ever having been paid: it went through the balance there and back, and no entry knows.
        PayoutState::Cancelled { .. } => return Ok(Evidence::Own(Account::PayoutsInTransit(partner))),
        PayoutState::Sent { transfer, .. } if comes_back => {
            let fact = Fact::TransferReversed(transfer.clone());
            Expected::entry(Some(partner), &fact).made_by(Message::PayPalPayoutItemChanged {
                event_id: movement.id.clone(),
                item: transfer.clone(),
                partner,
                payout,
            })
        }
        _ => {
            let sent = Expected::entry(Some(partner), &Fact::Transfer(payout));
            sent.made_by(Message::PayoutDecided { partner, payout })
        }
    };
    Ok(Evidence::Entries(vec![expected]))
}

/// Whose order a capture has paid.
enum CaptureOrder {
    Ours(Box<Order>),
    Foreign,
    None,
}

async fn order_of_capture(context: &Context, id: &str) -> Result<CaptureOrder, Failure> {
    let Some(capture) = capture(context, id).await? else {
        return Ok(CaptureOrder::None);
    };
    if context.paypal.is_foreign(capture.custom_id.as_deref()) {
        return Ok(CaptureOrder::Foreign);
    }
    let order = order_of(context, capture.custom_id.as_deref()).await?;
    Ok(order.map_or(CaptureOrder::None, |order| CaptureOrder::Ours(Box::new(order))))
}

/// `None` where PayPal has no capture of this id: what moves by other ways than ours follows from something else.
async fn capture(context: &Context, id: &str) -> Result<Option<Capture>, Failure> {
    found(context.paypal.capture(id).await)
}

async fn refund_at_paypal(context: &Context, id: &str) -> Result<Option<Refund>, Failure> {
    found(context.paypal.refund(id).await)
}

fn found<T>(answer: Result<T, ProcessorError>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(ProcessorError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The order that PayPal was told when it was made there.
async fn order_of(context: &Context, custom: Option<&str>) -> Result<Option<Order>, Failure> {
    let Some(id) = custom.and_then(|custom| reference::id(custom).parse().ok()) else {
        return Ok(None);
    };
    let found = commerce::order_by_id(&context.store, id).await?;
    Ok(found.map(|order| order.value))
}
