//! One file for each thing that can be asked for.

pub(crate) mod agreement;
pub(crate) mod audit;
pub(crate) mod decisions;
pub(crate) mod groups;
pub(crate) mod holds;
pub(crate) mod links;
pub(crate) mod me;
pub(crate) mod members;
pub(crate) mod partners;
pub(crate) mod payout_account;
pub(crate) mod payout_terms;
pub(crate) mod tokens;
pub(crate) mod trust;
