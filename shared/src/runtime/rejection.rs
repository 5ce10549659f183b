//! Messages about money that cannot be done.
//!
//! A message that is rejected reaches the dead-letter queue after its last receive, and says nothing there about what it was to do. Money must
//! not wait for somebody who looks: the first rejection opens a difference, with the message and the reason, beside those that the
//! reconciliation finds. Every run of the reconciliation has the message tried once more ([`Message::Reconsider`]); when it is done, the
//! difference closes.

use super::queue::{Delivery, Failure};
use crate::http::problem::chain;
use crate::messages::{Envelope, Message};
use crate::reconciliation::{Difference, Subject};
use crate::seed::Seed;
use crate::store::{Store, reconciliation};

/// Does a message about money. `handle` knows nothing of earlier rejections.
pub async fn accounted<H>(store: &Store, delivery: Delivery<Envelope>, handle: H) -> Result<(), Failure>
where
    H: AsyncFnOnce(Delivery<Envelope>) -> Result<(), Failure>,
{
    let now = delivery.now;
    match delivery.message.message {
        Message::Reconsider { rejected } => {
            let (id, queue) = (rejected.id, rejected.message.queue());
            let again = Delivery {
                seed: Seed::of(&id),
                message: *rejected,
                ..delivery
            };
            // Boxed: the layout of a whole handler inside another future is deeper than the compiler looks.
            match Box::pin(handle(again)).await {
                Ok(()) => Ok(reconciliation::close_message(store, &Subject::Message { id, queue }, now).await?),
                // It is known to operators; another dead letter at every look would tell them nothing more.
                Err(Failure::Reject(source)) => {
                    tracing::error!(message.id = %id, error = %chain(source.as_ref()), "a message about money is still rejected");
                    Ok(())
                }
                Err(failure) => Err(failure),
            }
        }
        _ => {
            let message = delivery.message.clone();
            let outcome = Box::pin(handle(delivery)).await;
            if let Err(Failure::Reject(source)) = &outcome {
                let rejected = Difference::of_rejected(message, chain(source.as_ref()), now);
                // Where this fails, the message's next receive does it.
                if let Err(error) = reconciliation::reject_message(store, &rejected).await {
                    tracing::error!(error = %chain(&error), "a rejection cannot be written down");
                }
            }
            outcome
        }
    }
}
