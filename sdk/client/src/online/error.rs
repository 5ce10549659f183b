//! Why there is no answer, or not the wished one.

use std::time::Duration;

use crate::clock::ClockRolledBack;
use crate::licence_file::VerifyError;

use super::transport::TransportError;
use super::wire::Problem;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The client was made with something that cannot be sent.
    #[error("{0}")]
    Settings(&'static str),
    /// The marketplace has understood, and refuses.
    #[error("{}", .0.problem.detail)]
    Refused(Refusal),
    /// No answer, after several attempts. Whether a request has arrived is not known.
    #[error("the marketplace cannot be reached")]
    Unreachable(#[source] TransportError),
    /// Somebody else answers in the marketplace's place: a portal that wants a log-in first, or a proxy.
    #[error("what answers with status {status} is not the marketplace")]
    NotTheMarketplace { status: u16 },
    /// The marketplace cannot be reached, and nothing stands in for its answer: no good one that is young enough, no licence file.
    #[error("the licence can only be checked with a connection")]
    Offline {
        #[source]
        cause: Box<ClientError>,
        /// Why the licence file does not stand in, where there is one and it does not verify.
        file: Option<VerifyError>,
    },
    /// The same, and the clock has been put back, so that nothing could stand in for it.
    #[error(transparent)]
    ClockRolledBack(#[from] ClockRolledBack),
}

impl ClientError {
    /// Whether nothing was decided: the marketplace could not be asked, or could not answer.
    pub fn is_unreachable(&self) -> bool {
        match self {
            ClientError::Unreachable(_) | ClientError::NotTheMarketplace { .. } | ClientError::Offline { .. } => true,
            ClientError::Refused(refusal) => refusal.is_temporary(),
            ClientError::Settings(_) | ClientError::ClockRolledBack(_) => false,
        }
    }

    /// Whether this licence key opens nothing (any more).
    pub fn is_denial(&self) -> bool {
        matches!(self, ClientError::Refused(refusal)
            if matches!(refusal.kind, RefusalKind::Unauthorised | RefusalKind::Forbidden | RefusalKind::NotFound))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub problem: Problem,
    /// How long to wait before the next attempt, where the marketplace says so.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self.kind {
            RefusalKind::RateLimited | RefusalKind::Server => true,
            // The first attempt of the same request is still being worked on.
            RefusalKind::Conflict => self.retry_after.is_some(),
            _ => false,
        }
    }
}

/// What kind of refusal it is; [`Problem::code`] says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalKind {
    /// 400, 422: the request is wrong; `errors` points at it.
    Invalid,
    /// 401: the licence key is not one.
    Unauthorised,
    /// 403: the licence may not do this.
    Forbidden,
    /// 404, 410: there is no such licence or machine, or the key is not its.
    NotFound,
    /// 409: not as things stand, such as when all seats are taken.
    Conflict,
    /// 429: too often.
    RateLimited,
    /// 5xx: the marketplace's fault.
    Server,
    Other,
}

impl RefusalKind {
    pub(super) fn of(status: u16) -> Self {
        match status {
            400 | 422 => RefusalKind::Invalid,
            401 => RefusalKind::Unauthorised,
            403 => RefusalKind::Forbidden,
            404 | 410 => RefusalKind::NotFound,
            409 => RefusalKind::Conflict,
            429 => RefusalKind::RateLimited,
            500..=599 => RefusalKind::Server,
            _ => RefusalKind::Other,
        }
    }
}
