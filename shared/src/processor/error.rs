//! How a call to a processor can end other than well, and what that proves.

use crate::runtime::secrets::SecretError;

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// The processor has refused: it is proven that nothing happened.
    #[error("the processor refused with {status} {code}: {message}")]
    Refused { status: u16, code: String, message: String },
    /// Nothing happened; the same call with the same key may be made later.
    #[error("the processor asks for fewer requests")]
    RateLimited,
    /// Another request with the same key is running, or another one has the object; the same call may be made later.
    #[error("the processor is busy with the same object")]
    Conflict,
    /// The key came with other parameters before. What it did then stands; this is a fault of ours.
    #[error("the idempotency key was used for another request: {message}")]
    KeyReused { message: String },
    /// Time-out, 5xx, broken connection, unreadable answer: it may have happened. Look it up, never assume.
    #[error("it is not known what the processor did")]
    Unknown(#[source] Source),
    /// Our key is not accepted, or cannot be had; nothing happened.
    #[error("not authorised at the processor")]
    Unauthorised(#[source] Source),
}

impl ProcessorError {
    /// Whether the call may have had its effect.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether there is an answer that is larger than what is read.
    pub fn is_answer_too_large(&self) -> bool {
        matches!(self, Self::Unknown(source) if source.is::<LargeAnswer>())
    }

    pub(super) fn unknown(source: impl Into<Source>) -> Self {
        Self::Unknown(source.into())
    }

    pub(super) fn unauthorised(source: impl Into<Source>) -> Self {
        Self::Unauthorised(source.into())
    }
}

/// An answer of which no more is read.
#[derive(Debug, thiserror::Error)]
#[error("an answer of more than {0} bytes")]
pub(super) struct LargeAnswer(pub(super) usize);

impl From<SecretError> for ProcessorError {
    fn from(error: SecretError) -> Self {
        Self::unauthorised(error)
    }
}
