//! What every processor's webhooks are held to: a recent signature over the raw bytes, and only then a meaning.

use jiff::Timestamp;

/// How old a signature may be, or how far in the future. Stripe's own libraries refuse old ones only, PayPal's none.
const TOLERANCE_S: u64 = 300;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("the signature's headers are missing or malformed")]
    MalformedHeader,
    #[error("the signature's time is more than 300 seconds from now")]
    OutsideTolerance,
    #[error("no signature fits the body")]
    WrongSignature,
    /// Signed by the processor, and yet not an event: for people to look at.
    #[error("the body is not an event: {0}")]
    MalformedEvent(String),
}

impl WebhookError {
    /// Refuses a signature that was not made at about `now`.
    pub(super) fn unless_recent(sent_at_s: i64, now: Timestamp) -> Result<(), Self> {
        if now.as_second().abs_diff(sent_at_s) > TOLERANCE_S {
            return Err(Self::OutsideTolerance);
        }
        Ok(())
    }
}
