//! Reconciling in-process: the real walks against the stand-in's books, whatever was lost on the way.

mod accounts;
mod desk;
mod events;
mod movements;
mod paypal;
mod paypal_disputes;
mod rejected;
