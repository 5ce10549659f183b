//! The first walk: refunds that have been accepted and have not reached the customer. PayPal tells nobody when one fails, so the
//! settlement is asked to look at each again, whichever processor has it.

use shared::ids::MessageId;
use shared::purchase::refund::RefundState;
use shared::runtime::Failure;
use shared::store::{StoreError, reversals};

use crate::run::Run;

/// How many are read for each page of the index.
const PAGE: usize = 100;

/// `false` when there was not enough time.
pub(crate) async fn ask_again(run: &Run<'_>) -> Result<bool, Failure> {
    let store = &run.context.store;
    let mut after = None;
    loop {
        let page = reversals::pending_refund_keys(store, after, PAGE).await?;
        for key in &page.items {
            if run.is_out_of_time() {
                return Ok(false);
            }
            let Some(refund) = reversals::refund_at(store, key).await? else {
                continue;
            };
            // What is younger is left to the processor's own news of it.
            if !matches!(refund.state, RefundState::Pending { at } if at < run.until()) {
                continue;
            }
            let id = run.tick.seed.id::<MessageId>(&refund.id.to_string());
            match store.write(reversals::announce_again(&refund, id)?).await {
                Ok(()) => {
                    tracing::info!(refund.id = %refund.id, order.id = %refund.order, "pending refund is asked about");
                }
                // It moves after all.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(true);
        }
    }
}
