//! Billing: what is sold again and again, and the invoices it makes.
//!
//! `amounts` and `calendar` compute and know nothing of documents; the rest changes documents and tells of it. `cycle`
//! says what falls due and when: the clock drives it, and nothing else renews a subscription.

mod age;
mod amounts;
mod calendar;
pub(crate) mod catalogue;
pub(crate) mod coupons;
pub(crate) mod customer_balance;
pub(crate) mod cycle;
pub(crate) mod invoices;
pub(crate) mod methods;
pub(crate) mod portal;
pub(crate) mod subscriptions;

pub(crate) use age::age;
pub(crate) use amounts::{Reduction, least, rounded, settle};
