//! Partners: what they sell, that they publish more, and that they ask for their money.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use support::{Listing, Partner, Stack, unique};
use tokio::time::{Instant, sleep};

use crate::client;
use crate::killer::Killer;

const PAUSE: Duration = Duration::from_secs(4);
/// Every so many rounds the partner publishes.
const PUBLISHES_EVERY: usize = 4;

/// Who sells what. The first partner's sales are kept, and paid out; the second one's may be taken back.
#[derive(Debug, Clone)]
pub(crate) struct Market(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stack: Stack,
    paid_out: (Partner, Vec<Listing>),
    taken_back: (Partner, Vec<Listing>),
}

/// What sellers did.
#[derive(Debug, Default)]
pub(crate) struct Selling {
    pub(crate) published: usize,
    pub(crate) payouts_asked_for: usize,
}

impl Market {
    pub(crate) async fn open(stack: &Stack) -> Self {
        let (paula, marek) = (Partner::new(stack).await, Partner::new(stack).await);
        let (mut paulas, mut mareks) = (Vec::new(), Vec::new());
        for price in [700, 1299] {
            paulas.push(paula.published(stack, price).await);
            mareks.push(marek.published(stack, price + 101).await);
        }
        stack.stripe().fund().await;
        Self(Arc::new(Inner {
            stack: stack.clone(),
            paid_out: (paula, paulas),
            taken_back: (marek, mareks),
        }))
    }

    pub(crate) fn stack(&self) -> &Stack {
        &self.0.stack
    }

    pub(crate) fn partners(&self) -> [&Partner; 2] {
        [&self.0.paid_out.0, &self.0.taken_back.0]
    }

    /// Something to buy, whose sale is kept or may be taken back.
    pub(crate) fn listing(&self, is_kept: bool) -> &Listing {
        let listings = if is_kept {
            &self.0.paid_out.1
        } else {
            &self.0.taken_back.1
        };
        &listings[rand::random_range(0..listings.len())]
    }
}

pub(crate) async fn sell_until(market: Market, killer: Killer, until: Instant) -> Selling {
    let (mut selling, mut round) = (Selling::default(), 0);
    let [paula, marek] = market.partners();
    while Instant::now() < until {
        round += 1;
        let ask = json!({"currency": "EUR"});
        let asked = client::post(&paula.api, &paula.path("/payouts"), &unique(), &ask).await;
        // Nothing may have become payable since the last one.
        assert!(matches!(asked.status, 201 | 409), "{}: {}", asked.what, asked.text());
        selling.payouts_asked_for += usize::from(asked.status == 201);
        if round % PUBLISHES_EVERY == 0 {
            let _calm = killer.calm().await;
            marek.published(market.stack(), 500).await;
            selling.published += 1;
        }
        sleep(PAUSE).await;
    }
    selling
}
