//! What an operator sees of the books.

use jiff::Timestamp;
use serde::Serialize;
use shared::http::Page;
use shared::ids::{MessageId, ReconciliationId};
use shared::messages::{Message, Queue};
use shared::money::Money;
use shared::processor::Processor;
use shared::reconciliation::{Counts, Difference, DifferenceKind, Reconciliation, Subject};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReconciliationView {
    pub id: ReconciliationId,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Null while it runs, and for ever if it broke off.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub ended_at: Option<Timestamp>,
    /// What happened up to this moment has been looked at, if the run is complete.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Whether it got through all of it; the next run goes on where this one stopped.
    pub is_complete: bool,
    #[serde(flatten)]
    pub counts: Counts,
}

impl From<Reconciliation> for ReconciliationView {
    fn from(run: Reconciliation) -> Self {
        Self {
            id: run.id,
            started_at: run.started_at,
            ended_at: run.ended_at,
            until: run.until,
            is_complete: run.is_complete,
            counts: run.counts,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportView {
    #[serde(flatten)]
    pub run: ReconciliationView,
    /// A page of what the run has opened or closed, as it is now.
    pub differences: Page<DifferenceView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DifferenceView {
    pub kind: DifferenceKind,
    /// What happened, and what closes it.
    pub advice: String,
    /// Whose books, or whose events; missing where a message was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<Processor>,
    #[serde(flatten)]
    pub subject: SubjectView,
    /// By the processor's books: what its balance gained, after the fee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Money>,
    /// By the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Money>,
    /// The run that found it; null where a message was rejected, which no run finds.
    #[schema(required)]
    pub opened_by: Option<ReconciliationId>,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// The run that found it healed; null while it stands, and where a message that was rejected has been done.
    #[schema(required)]
    pub closed_by: Option<ReconciliationId>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub closed_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SubjectView {
    Movement {
        /// The processor's id of the movement.
        transaction: String,
        /// Its type, such as `charge`.
        transaction_type: String,
        /// The object that it is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    Events {
        #[schema(value_type = String, format = DateTime)]
        events_from: Timestamp,
        #[schema(value_type = String, format = DateTime)]
        events_until: Timestamp,
    },
    Message {
        message_id: MessageId,
        /// The queue that carries it.
        #[schema(value_type = String)]
        queue: Queue,
        /// What it is to do, as it stands in the queue.
        #[schema(value_type = Object)]
        message: Option<Box<Message>>,
        /// Why it cannot be done.
        reason: Option<String>,
    },
}

impl From<Difference> for DifferenceView {
    fn from(difference: Difference) -> Self {
        let processor = difference.subject.processor();
        let subject = match difference.subject {
            Subject::Movement { id, kind, source, .. } => SubjectView::Movement {
                transaction: id,
                transaction_type: kind,
                source,
            },
            Subject::Events { from, until, .. } => SubjectView::Events {
                events_from: from,
                events_until: until,
            },
            Subject::Message { id, queue } => {
                let (message, reason) = difference
                    .rejection
                    .map(|rejection| (Box::new(rejection.message.message), rejection.reason))
                    .unzip();
                SubjectView::Message {
                    message_id: id,
                    queue,
                    message,
                    reason,
                }
            }
        };
        let closed = difference.closed;
        Self {
            kind: difference.kind,
            advice: difference.kind.advice().to_owned(),
            processor,
            subject,
            expected: difference.expected,
            found: difference.found,
            opened_by: difference.opened_by,
            opened_at: difference.opened_at,
            closed_by: closed.as_ref().and_then(|closed| closed.by),
            closed_at: closed.map(|closed| closed.at),
        }
    }
}
