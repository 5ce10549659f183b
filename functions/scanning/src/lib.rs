//! Scans every package that arrives in the quarantine bucket.
//!
//! Trigger: SQS, with the bucket's notifications inside, with what a moderator has released to be scanned again, and with the pages of a
//! rescan. Writes, in one transaction, what each check said, the upload's outcome, the version's new status and the case of what a moderator
//! has to look at; before that, what passed is copied to the clean bucket under its own hash. Of a rescan it writes what it found, and
//! suspends it where an operator has said so. Idempotency: the upload ends once. The first object that arrives for it is the one that is
//! scanned, by its S3 version id; its second delivery, and any other object under the same key, changes nothing. A rescan counts each version
//! once.
//!
//! It fails closed. A package is passed only when a whole scan of exactly the bytes that were announced says so; what cannot be scanned
//! is tried again, and recorded as errored at the delivery number `SCAN_MAX_RECEIVES`.

mod context;
mod handler;
mod notification;
mod rescan;
mod verdict;

#[cfg(test)]
mod tests;

pub use context::Context;
pub use handler::handle;
pub use notification::Notification;
