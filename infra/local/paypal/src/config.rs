//! What the stand-in is started with, and the settings the control endpoints may change while it runs.

use serde::{Deserialize, Serialize};

/// How a stand-in is started.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; the stand-in holds test data only and has no reason to leave the machine.
    pub bind: String,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// The only client that gets a token.
    pub client_id: String,
    pub client_secret: String,
    /// Origin of pages and of the certificate: the API's base as its callers know it. The listening address if absent.
    pub public_url: Option<String>,
    /// They receive every event.
    pub webhook_urls: Vec<String>,
    /// What events are signed for.
    pub webhook_id: String,
    pub settings: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: "127.0.0.1".to_owned(),
            port: 0,
            client_id: "standin-client".to_owned(),
            client_secret: "standin-secret".to_owned(),
            public_url: None,
            webhook_urls: Vec::new(),
            webhook_id: "8PT597110X687430LKGECATA".to_owned(),
            settings: Settings::default(),
        }
    }
}

/// Behaviour that `POST /_control/settings` may change; every field may be given alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// PayPal's share of a payment in basis points; 249 is its German price.
    pub fee_bps: i64,
    /// PayPal's fixed share of a payment in minor units, whatever the currency.
    pub fee_fixed_minor: i64,
    /// What a payout costs in minor units.
    pub payout_fee_minor: i64,
    /// What a chargeback costs in minor units.
    pub chargeback_fee_minor: i64,
    /// How long a token lasts.
    pub token_lifetime_s: i64,
    /// How long a capture that is pending takes to be completed or denied.
    pub pending_delay_ms: i64,
    /// How long PayPal takes to look at a batch.
    pub payout_delay_ms: i64,
    /// Pauses between attempts to deliver an event; after the last one the delivery has failed.
    pub retry_delays_ms: Vec<i64>,
    /// How long the receiver of an event may take to answer.
    pub delivery_timeout_ms: u64,
    /// Added to every answer of the API.
    pub latency_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fee_bps: 249,
            fee_fixed_minor: 35,
            payout_fee_minor: 25,
            chargeback_fee_minor: 1400,
            token_lifetime_s: 32_400,
            pending_delay_ms: 1500,
            payout_delay_ms: 500,
            retry_delays_ms: vec![250, 500, 1000, 2000, 4000, 8000, 15_000, 30_000],
            delivery_timeout_ms: 20_000,
            latency_ms: 0,
        }
    }
}
