//! Checkout: sessions, the payment page's decisions, and what a late bank debit does to a session.

pub(crate) mod cards;
mod items;
pub(crate) mod pay;
pub(crate) mod session;

pub(crate) use pay::debit_settles;
