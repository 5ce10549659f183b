//! What the stand-in is started with, and the settings the control endpoints may change while it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version answered when a request names none: the one of the specification beside this crate.
pub const API_VERSION: &str = "2026-05-27.dahlia";

/// How a stand-in is started.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; the stand-in holds test data only and has no reason to leave the machine.
    pub bind: String,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// The only API key that is accepted.
    pub secret_key: String,
    /// Origin written into payment and onboarding links; the listening address if absent.
    pub public_url: Option<String>,
    /// Endpoints that receive every event of the platform's own account.
    pub webhook_urls: Vec<String>,
    /// Secret that signs what is sent to `webhook_urls`.
    pub webhook_secret: String,
    /// Endpoints that receive every event of the connected accounts (`connect: true`).
    pub connect_webhook_urls: Vec<String>,
    /// Secret that signs what is sent to `connect_webhook_urls`.
    pub connect_webhook_secret: String,
    pub settings: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: "127.0.0.1".to_owned(),
            port: 0,
            secret_key: "sk_test_standin_local".to_owned(),
            public_url: None,
            webhook_urls: Vec::new(),
            webhook_secret: "whsec_standin_local".to_owned(),
            connect_webhook_urls: Vec::new(),
            connect_webhook_secret: "whsec_standin_local_connect".to_owned(),
            settings: Settings::default(),
        }
    }
}

/// Behaviour that `POST /_control/settings` may change; every field may be given alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Stripe's share of a payment in basis points; 150 is its European card price.
    pub fee_bps: i64,
    /// Stripe's fixed share of a payment in minor units, whatever the currency.
    pub fee_fixed_minor: i64,
    /// Kept by Stripe for every dispute, won or lost.
    pub dispute_fee_minor: i64,
    /// Taken when a dispute is countered with evidence, returned when it is won.
    pub dispute_counter_fee_minor: i64,
    /// The currencies the platform's balance is kept in; payments in another are converted to the first. None named: all.
    pub settlement_currencies: Vec<String>,
    /// Millionths of the first settlement currency for one unit of another; what is not named is worth the same. Stripe converts
    /// each movement at the rate of its moment, so a rate changed between a payment and its refund makes their amounts differ.
    pub exchange_rates_ppm: BTreeMap<String, i64>,
    /// How long the balance transaction (and with it the fee) of a payment stays unknown.
    pub fee_delay_ms: i64,
    /// How long a bank debit takes to succeed or to fail.
    pub async_delay_ms: i64,
    /// How long after a payment with a dispute card the dispute opens.
    pub dispute_delay_ms: i64,
    /// How long a refund that does not settle at once takes to settle or to fail.
    pub refund_delay_ms: i64,
    /// How long a payout takes to be paid.
    pub payout_delay_ms: i64,
    /// How long a payment's funds stay pending; Stripe needs days, a local stack wants them at once.
    pub available_delay_s: i64,
    /// How long the invoice of a renewal stays a draft before it is finalised and paid; Stripe leaves it an hour.
    pub invoice_draft_s: i64,
    /// Days from each failed payment of a renewal to the next attempt.
    pub payment_retry_days: Vec<i64>,
    /// What becomes of a subscription whose last attempt has failed.
    pub after_payment_retries: AfterRetries,
    /// Pauses between attempts to deliver an event; after the last one the delivery has failed.
    pub retry_delays_ms: Vec<i64>,
    /// How long the receiver of an event may take to answer.
    pub delivery_timeout_ms: u64,
    /// Added to every answer of the API.
    pub latency_ms: u64,
}

/// The choices of Stripe's retry settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterRetries {
    Cancel,
    Unpaid,
    PastDue,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fee_bps: 150,
            fee_fixed_minor: 25,
            dispute_fee_minor: 2000,
            dispute_counter_fee_minor: 2000,
            settlement_currencies: Vec::new(),
            exchange_rates_ppm: BTreeMap::new(),
            fee_delay_ms: 300,
            async_delay_ms: 1500,
            dispute_delay_ms: 0,
            refund_delay_ms: 1000,
            payout_delay_ms: 1000,
            available_delay_s: 0,
            invoice_draft_s: 0,
            payment_retry_days: vec![3, 5, 7],
            after_payment_retries: AfterRetries::Cancel,
            retry_delays_ms: vec![250, 500, 1000, 2000, 4000, 8000, 15_000, 30_000],
            delivery_timeout_ms: 20_000,
            latency_ms: 0,
        }
    }
}
