//! The processor's side: what customers and partners do on its pages, and what it knows.

use serde_json::{Value, json};

use crate::Stack;

#[derive(Debug, Clone)]
pub struct Stripe {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Stripe {
    pub(crate) fn new(stack: &Stack) -> Self {
        Self {
            http: stack.http().clone(),
            base: stack.description().stripe_url.clone(),
            key: stack.description().stripe_secret_key.clone(),
        }
    }

    /// One of the stand-in's controls; its page `/` lists them.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let answer = self
            .http
            .post(format!("{}/_control/{path}", self.base))
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(
            status.is_success(),
            "the stand-in answered {status} to {path} {body}: {text}"
        );
        serde_json::from_str(&text).unwrap()
    }

    async fn look(&self, path: &str) -> Value {
        let answer = self
            .http
            .get(format!("{}/_control/{path}", self.base))
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "the stand-in answered {status} to {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Any object by its id.
    pub async fn object(&self, id: &str) -> Value {
        self.look(&format!("objects/{id}")).await["object"].clone()
    }

    /// A customer pays on the checkout page; `card` is the key of a test card.
    pub async fn pay(&self, session: &str, card: &str) -> Value {
        self.control(&format!("checkout/{session}/pay"), json!({"outcome": card}))
            .await
    }

    /// A bank debit comes in or fails.
    pub async fn settle(&self, session: &str, success: bool) {
        self.control(&format!("checkout/{session}/settle"), json!({"success": success}))
            .await;
    }

    pub async fn expire(&self, session: &str) {
        self.control(&format!("checkout/{session}/expire"), json!({})).await;
    }

    /// A partner's visit to the onboarding page.
    pub async fn visit(&self, account: &str, outcome: &str) {
        self.control(&format!("accounts/{account}"), json!({"outcome": outcome}))
            .await;
    }

    /// Makes sure that no transfer fails for want of money.
    pub async fn fund(&self) {
        self.control("balance", json!({"amount": 1_000_000_000, "currency": "eur"}))
            .await;
    }

    pub async fn deliveries(&self) -> Vec<Value> {
        self.look("deliveries").await["deliveries"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// Every event of the platform that mentions this text, the newest first.
    pub async fn events_about(&self, needle: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let url = format!("{}/v1/events?limit=100{after}", self.base);
            let page: Value = self
                .http
                .get(url)
                .bearer_auth(&self.key)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            let events = page["data"]
                .as_array()
                .unwrap_or_else(|| panic!("no list of events: {page}"));
            found.extend(
                events
                    .iter()
                    .filter(|event| event.to_string().contains(needle))
                    .cloned(),
            );
            match events.last() {
                Some(last) if page["has_more"] == true => {
                    after = format!("&starting_after={}", last["id"].as_str().unwrap());
                }
                _ => return found,
            }
        }
    }

    /// An event once more, as Stripe does when an answer was lost.
    pub async fn resend(&self, event: &str) {
        self.control(&format!("events/{event}/resend"), json!({})).await;
    }

    /// Gives money of a charge back, as somebody in the dashboard would.
    pub async fn refund_by_hand(&self, charge: &str, amount_minor: i64) -> Value {
        let form = [("charge", charge.to_owned()), ("amount", amount_minor.to_string())];
        self.make(self.http.post(format!("{}/v1/refunds", self.base)).form(&form))
            .await
    }

    /// A payout from an account's balance to its owner's bank, as the processor makes them by itself.
    pub async fn pay_bank(&self, account: &str, amount_minor: i64) -> Value {
        let form = [("currency", "eur".to_owned()), ("amount", amount_minor.to_string())];
        let request = self.http.post(format!("{}/v1/payouts", self.base)).form(&form);
        self.make(request.header("Stripe-Account", account)).await
    }

    async fn make(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.bearer_auth(&self.key).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "the stand-in answered {status}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The transfers of a payout.
    pub async fn transfers_of(&self, payout: &str) -> Vec<Value> {
        let request = self
            .http
            .get(format!("{}/v1/transfers?transfer_group={payout}&limit=100", self.base))
            .bearer_auth(&self.key);
        let list: Value = request.send().await.unwrap().json().await.unwrap();
        list["data"]
            .as_array()
            .unwrap_or_else(|| panic!("no list of transfers: {list}"))
            .clone()
    }
}
