//! Which messages have become mails.
//!
//! A mail cannot be taken back and SES knows no idempotency key, so a sender first leases the message, then sends, then says so.
//! A second delivery finds `sent` and does nothing. A sender that crashed in between leaves a lease that runs out, and the mail is
//! sent again: once too often is better than never.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::keys;
use super::table::{Store, StoreError, Write};
use crate::ids::MessageId;

/// Longer than a sender runs, shorter than the pause before SQS delivers a message again.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Longer than any queue keeps a message (14 days), its dead-letter queue included.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 35);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MailItem {
    leased_until: Timestamp,
    sent_at: Option<Timestamp>,
}

/// The right to send one mail, until the lease runs out.
#[derive(Debug)]
#[must_use = "a lease is to be ended, by sending or by giving it back"]
pub struct Lease {
    message: MessageId,
    revision: u64,
    kept_until: Timestamp,
}

#[derive(Debug)]
pub enum Claim {
    Leased(Lease),
    /// There is nothing left to do.
    Sent,
    /// Somebody else is sending it, or has crashed doing so; it may be asked again later.
    Busy,
}

pub async fn claim(store: &Store, message: MessageId, now: Timestamp) -> Result<Claim, StoreError> {
    let key = keys::mail(message);
    let kept_until = now.saturating_add(KEPT_FOR).unwrap_or(now);
    let item = MailItem {
        leased_until: now.saturating_add(LEASE).unwrap_or(now),
        sent_at: None,
    };
    let (write, revision) = match store.get::<MailItem>(&key).await? {
        None => (Write::create(key, &item)?, 1),
        Some(known) if known.sent_at.is_some() => return Ok(Claim::Sent),
        Some(known) if known.leased_until > now => return Ok(Claim::Busy),
        Some(known) => (Write::replace(key, &item, known.revision)?, known.revision + 1),
    };
    match store.write(write.expires_at(kept_until)).await {
        Ok(()) => Ok(Claim::Leased(Lease {
            message,
            revision,
            kept_until,
        })),
        Err(StoreError::Conflict { .. }) => Ok(Claim::Busy),
        Err(error) => Err(error),
    }
}

impl Lease {
    /// The mail is out.
    pub async fn sent(self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        self.end(
            store,
            MailItem {
                leased_until: now,
                sent_at: Some(now),
            },
        )
        .await
    }

    /// The mail could not be sent; whoever asks next may try at once.
    pub async fn give_back(self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        self.end(
            store,
            MailItem {
                leased_until: now,
                sent_at: None,
            },
        )
        .await
    }

    async fn end(self, store: &Store, item: MailItem) -> Result<(), StoreError> {
        let write = Write::replace(keys::mail(self.message), &item, self.revision)?;
        store.write(write.expires_at(self.kept_until)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[tokio::test]
    async fn a_message_is_leased_once_and_again_after_a_crash() {
        let store = Store::memory();
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().expect("a time");
        let message = Seed::fresh(now).id("message");
        let claim_at = async |seconds| {
            claim(&store, message, now + SignedDuration::from_secs(seconds))
                .await
                .expect("an answer")
        };

        assert!(
            matches!(claim_at(0).await, Claim::Leased(_)),
            "the first sender crashes here"
        );
        assert!(matches!(claim_at(59).await, Claim::Busy));
        let Claim::Leased(lease) = claim_at(60).await else {
            panic!("the lease had run out")
        };
        lease
            .give_back(&store, now + SignedDuration::from_secs(61))
            .await
            .expect("given back");
        let Claim::Leased(lease) = claim_at(62).await else {
            panic!("the lease was given back")
        };
        lease
            .sent(&store, now + SignedDuration::from_secs(63))
            .await
            .expect("noted");
        assert!(matches!(claim_at(9_999).await, Claim::Sent));
    }
}
