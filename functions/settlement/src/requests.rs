//! Customers' requests for a refund whose reason is gone: what they ask for has gone back by other ways.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::ids::RefundId;
use shared::messages::{Envelope, Message};
use shared::purchase::Order;
use shared::purchase::refund::supersede as ended;
use shared::runtime::Failure;
use shared::seed::Seed;
use shared::store::{Write, reversals};

use crate::context::Context;

/// Ends the order's open requests of which nothing is left, and tells the customer: in the transaction that takes the last of it. `order` is
/// as that transaction leaves it.
pub(crate) async fn supersede(context: &Context, order: &mut Order, now: Timestamp) -> Result<Vec<Write>, Failure> {
    let open: BTreeSet<RefundId> = order.lines.iter().filter_map(|line| line.requested).collect();
    let mut writes = Vec::new();
    for request in open {
        let Some(request) = reversals::refund(&context.store, order.id, request).await? else {
            continue;
        };
        let Some(ended) = ended(order, &request, now) else {
            continue;
        };
        let told = Message::RefundRequestEnded {
            customer: order.customer,
            order: order.id,
            refund: request.id,
        };
        let told = Envelope::new(Seed::of(&request.id).id("request ended"), told);
        writes.push(reversals::update_refund(&ended.refund, request.revision, &[told])?);
        *order = ended.order;
    }
    Ok(writes)
}
