//! Where state lives: DynamoDB behind five primitives, with a second backend in memory.
//!
//! [`table`] has the primitives and what they promise; [`keys`] every key there is (`KEYS.md` beside it has the questions that
//! the keys answer); then one file per context turns domain values into items and back. Expressions, attribute names and key
//! texts are found in this folder and nowhere else.

pub mod accounts;
pub mod audit;
pub mod catalogue;
pub mod commerce;
pub mod contention;
pub mod dynamo;
pub mod invoices;
pub mod journals;
pub mod keys;
pub mod leases;
pub mod ledger;
pub mod licences;
mod limits;
pub mod mails;
pub mod memory;
mod merged;
pub mod meter;
pub mod offers;
pub mod outbox;
pub mod partners;
pub mod payouts;
pub mod reconciliation;
pub mod relations;
pub mod revenue;
pub mod reversals;
pub mod room;
pub mod subscriptions;
pub mod sweeps;
pub mod table;
pub mod whole;

pub use contention::{Contended, Tries};
pub use keys::{Key, TableName};
pub use room::Room;
pub use table::{Condition, Page, PageKey, Query, Store, StoreError, TableNames, Update, Versioned, Write};
