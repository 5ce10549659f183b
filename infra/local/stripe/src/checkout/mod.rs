//! Checkout: sessions, the payment page's decisions, the subscriptions that begin there, and what a late bank debit does
//! to a session.

pub(crate) mod cards;
mod items;
pub(crate) mod pay;
pub(crate) mod payment_pages;
pub(crate) mod session;
pub(crate) mod subscribe;

pub(crate) use pay::debit_settles;
