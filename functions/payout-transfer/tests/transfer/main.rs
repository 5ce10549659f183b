//! Payouts in-process: through crashes, time-outs, refusals and second deliveries, money leaves at most once; and what is taken back
//! later is owed again, once.

mod desk;
mod paypal;
mod reversals;
mod sending;
