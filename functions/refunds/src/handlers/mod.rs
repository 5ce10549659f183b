//! Who may do what: [`customer`]s ask, [`partner`]s refund what they sold, as far as they are still owed for it, [`operator`]s refund and
//! decide everything but what is their own.

pub(crate) mod customer;
pub(crate) mod disputes;
pub(crate) mod operator;
pub(crate) mod partner;
mod promises;

use axum::Json as PlainJson;
use axum::http::{HeaderName, StatusCode, header};
use shared::audit::AuditEvent;
use shared::auth::User;
use shared::http::{Call, Problem};
use shared::ids::{OrderId, RefundId};
use shared::messages::{Envelope, Message};
use shared::purchase::Order;
use shared::purchase::promise::ReviewReason;
use shared::purchase::refund::{
    Refund, RefundError, RefundOrigin, RefundRequest, RefundState, approve, ask_operator, begin, decline,
};
use shared::store::{Versioned, reversals};

use crate::api::{Decide, DecisionKind, RefundView};
use crate::context::Context;

pub(crate) type Created = (StatusCode, [(HeaderName, String); 1], PlainJson<RefundView>);

/// Begins a refund, or gives back the one that the same request began before.
async fn start(
    context: &Context,
    order: &Versioned<Order>,
    request: &RefundRequest,
    origin: RefundOrigin,
    user: &User,
    call: &Call,
) -> Result<Created, Problem> {
    if let Some(begun) = reversals::refund(&context.store, order.id, call.seed.id("refund")).await? {
        return Ok(created(begun.value));
    }
    let (mut tries, mut order) = (context.store.tries(), order.clone());
    let refund = loop {
        let begun = begin(&order, request, origin, context.policy, call.seed, call.now).map_err(refused)?;
        let (begun, promises) = match origin {
            RefundOrigin::Partner { .. } => match promises::secure(context, &order, begun.clone(), call.now).await? {
                Some(secured) => secured,
                None => {
                    let asked = ask_operator(&order, &begun.refund, ReviewReason::BeyondOwed);
                    (asked.map_err(refused)?, Vec::new())
                }
            },
            _ => (begun, Vec::new()),
        };
        let refund = begun.refund;
        let evidence = refund.note.clone();
        let (messages, audit) = match (refund.state.clone(), refund.review) {
            (RefundState::Requested, None) => (Vec::new(), None),
            (RefundState::Requested, Some(_)) => {
                (Vec::new(), Some(act("refund.request", &refund, user, call, evidence)))
            }
            _ => {
                let audit = act("refund.create", &refund, user, call, evidence);
                (vec![decided(&refund, call)], Some(audit))
            }
        };
        let mut writes = reversals::begin_refund(&begun.order, order.revision, &refund, audit.as_ref(), &messages)?;
        writes.extend(promises);
        match context.store.transact(writes).await {
            Ok(()) => break refund,
            // A sale or a payout has changed a balance meanwhile, or somebody the order: look again.
            Err(error) if tries.again(&error).await => {
                order = context.order(order.id).await?;
            }
            Err(error) => return Err(error.into()),
        }
    };
    tracing::info!(order.id = %order.id, refund.id = %refund.id, amount = %refund.amount, "refund begun");
    Ok(created(refund))
}

/// Who decides what somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decider {
    Operator,
    /// As far as the partner is still owed what the refund takes back.
    Partner,
}

/// Approves or declines what a customer asked for, or a partner who could not pay for it.
async fn settle_request(
    context: &Context,
    order: &Versioned<Order>,
    refund: Versioned<Refund>,
    request: &Decide,
    (user, decider): (&User, Decider),
    call: &Call,
) -> Result<RefundView, Problem> {
    let note = request.note.clone();
    let decided_refund = match request.decision {
        DecisionKind::Approve => {
            let begun = approve(order, &refund).map_err(refused)?;
            let secured = match decider {
                Decider::Partner => promises::secure(context, order, begun, call.now).await?,
                Decider::Operator => Some((begun, Vec::new())),
            };
            let Some((begun, promises)) = secured else {
                return pass_on(context, order, refund, user, call, note).await;
            };
            let audit = act("refund.approve", &begun.refund, user, call, note);
            let messages = [decided(&begun.refund, call)];
            let mut writes = reversals::update_both(
                &begun.order,
                order.revision,
                &begun.refund,
                refund.revision,
                Some(&audit),
                &messages,
            )?;
            writes.extend(promises);
            context.store.transact(writes).await?;
            begun.refund
        }
        DecisionKind::Decline => {
            let note_text = note.clone().unwrap_or_default();
            let declined = decline(order, &refund, &note_text, call.now).map_err(refused)?;
            let audit = act("refund.decline", &declined.refund, user, call, note);
            let writes = reversals::update_both(
                &declined.order,
                order.revision,
                &declined.refund,
                refund.revision,
                Some(&audit),
                &[ended(&declined.refund, call)],
            )?;
            context.store.transact(writes).await?;
            declined.refund
        }
    };
    Ok(RefundView::from(decided_refund))
}

/// Leaves a request that a partner would approve, and is not owed enough for, to an operator.
async fn pass_on(
    context: &Context,
    order: &Versioned<Order>,
    refund: Versioned<Refund>,
    user: &User,
    call: &Call,
    note: Option<String>,
) -> Result<RefundView, Problem> {
    let asked = Refund {
        review: Some(ReviewReason::BeyondOwed),
        ..refund.value
    };
    let audit = act("refund.request", &asked, user, call, note);
    let writes = reversals::update_both(order, order.revision, &asked, refund.revision, Some(&audit), &[])?;
    context.store.transact(writes).await?;
    Ok(RefundView::from(asked))
}

async fn find(context: &Context, order: OrderId, refund: RefundId) -> Result<Versioned<Refund>, Problem> {
    let found = reversals::refund(&context.store, order, refund).await?;
    found.ok_or_else(Problem::not_found)
}

fn created(refund: Refund) -> Created {
    let location = [(header::LOCATION, format!("/v1/orders/{}/refunds", refund.order))];
    (StatusCode::CREATED, location, PlainJson(refund.into()))
}

fn decided(refund: &Refund, call: &Call) -> Envelope {
    let message = Message::RefundDecided {
        customer: refund.customer,
        order: refund.order,
        refund: refund.id,
    };
    Envelope::new(call.seed.id("refund decided"), message)
}

/// The customer hears how the request has ended.
fn ended(refund: &Refund, call: &Call) -> Envelope {
    let message = Message::RefundRequestEnded {
        customer: refund.customer,
        order: refund.order,
        refund: refund.id,
    };
    Envelope::new(call.seed.id("request ended"), message)
}

fn act(action: &str, refund: &Refund, user: &User, call: &Call, evidence: Option<String>) -> AuditEvent {
    AuditEvent {
        id: call.seed.id("audit"),
        at: call.now,
        actor: user.id,
        action: action.to_owned(),
        subject: refund.id.to_string(),
        reason_code: Some(refund.reason.to_string()),
        evidence,
    }
}

fn refused(error: RefundError) -> Problem {
    let detail = format!("{}.", capitalised(&error.to_string()));
    let line = |line: usize, field: &str| format!("/lines/{line}/{field}");
    match error {
        RefundError::NotPaid => Problem::conflict("order_not_paid", detail),
        RefundError::NothingPaid => Problem::conflict("nothing_paid", detail),
        RefundError::NothingLeft => Problem::conflict("nothing_left", detail),
        RefundError::TooLate { .. } => Problem::conflict(
            "refund_window_closed",
            format!("{detail} Ask the marketplace's operator."),
        ),
        RefundError::NotRequested => Problem::conflict("already_decided", detail),
        RefundError::RequestOpen { .. } => Problem::conflict(
            "refund_request_open",
            format!("{detail} Wait until it is decided, or ask for the other lines."),
        ),
        RefundError::NoSuchLine { line: at } | RefundError::NotYours { line: at } => Problem::refused(
            "unknown_line",
            &line(at, "line"),
            format!("Line {at} is not one that you can refund."),
        ),
        RefundError::Duplicate { line: at } => Problem::refused("duplicate_line", &line(at, "line"), detail),
        RefundError::NotPositive { line: at } => Problem::refused("amount_not_positive", &line(at, "amount"), detail),
        RefundError::NotInSteps { line: at, .. } => {
            Problem::refused("amount_not_refundable", &line(at, "amount"), detail)
        }
        RefundError::AboveRemainder { line: at, .. } => {
            Problem::refused("refund_above_remainder", &line(at, "amount"), detail)
        }
        RefundError::CreditUnspent { line: at, .. } => Problem::refused(
            "credit_unspent",
            &line(at, "amount"),
            format!(
                "{detail} What a subscription has as credit is not paid out as well; once it has ended, that can be refunded too."
            ),
        ),
        RefundError::OtherCurrency { .. } => Problem::refused("other_currency", "/lines", detail),
        RefundError::Money(_) => Problem::refused("amount_too_large", "/lines", detail),
        RefundError::Ledger(error) => Problem::internal(error),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    first + chars.as_str()
}
