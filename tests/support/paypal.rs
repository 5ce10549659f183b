//! PayPal's side: what customers do on its pages, and what becomes of its payouts.

use serde_json::{Value, json};

use crate::{Stack, eventually};

#[derive(Debug, Clone)]
pub struct PayPal {
    http: reqwest::Client,
    base: String,
}

impl PayPal {
    pub(crate) fn new(stack: &Stack) -> Self {
        Self {
            http: stack.http().clone(),
            base: stack.description().paypal_url.clone(),
        }
    }

    /// One of the stand-in's controls.
    async fn control(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}/_control/{path}", self.base)).json(&body);
        Self::ask(request, path).await
    }

    async fn observe(&self, path: &str) -> Value {
        Self::ask(self.http.get(format!("{}/_control/{path}", self.base)), path).await
    }

    async fn ask(request: reqwest::RequestBuilder, path: &str) -> Value {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "the stand-in answered {status} to {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// A customer approves an order; `outcome` says what becomes of the money.
    pub async fn approve(&self, order: &str, outcome: &str) {
        let path = format!("orders/{order}/approve");
        self.control(&path, json!({"outcome": outcome})).await;
    }

    /// The capture that has paid an order of ours, once PayPal has told of it.
    pub async fn capture_of(&self, order: &str) -> String {
        eventually("a capture", async || {
            let told = self.observe("deliveries?type=PAYMENT.CAPTURE.COMPLETED").await;
            for delivery in told["deliveries"].as_array().unwrap() {
                let event = self
                    .observe(&format!("objects/{}", delivery["event"].as_str().unwrap()))
                    .await;
                let capture = &event["resource"];
                if capture["invoice_id"] == order {
                    return Ok(capture["id"].as_str().unwrap().to_owned());
                }
            }
            Err(told["total"].to_string())
        })
        .await
    }

    /// The buyer's bank wants the money of a capture back. The dispute's id.
    pub async fn dispute(&self, capture: &str) -> String {
        let path = format!("captures/{capture}/dispute");
        let opened = self.control(&path, json!({"channel": "EXTERNAL"})).await;
        opened["dispute_id"].as_str().unwrap().to_owned()
    }

    pub async fn close(&self, dispute: &str, outcome: &str) {
        self.control(&format!("disputes/{dispute}/close"), json!({"outcome": outcome}))
            .await;
    }

    /// What was decided is decided otherwise.
    pub async fn overturn(&self, dispute: &str) {
        self.control(&format!("disputes/{dispute}/overturn"), json!({})).await;
    }

    /// PayPal takes the money of a capture back by itself.
    pub async fn reverse(&self, capture: &str) {
        self.control(&format!("captures/{capture}/reverse"), json!({})).await;
    }

    /// Somebody gives back a part, in minor units of euros, in PayPal's dashboard.
    pub async fn refund_by_hand(&self, capture: &str, minor: i64) {
        let value = format!("{}.{:02}", minor / 100, minor % 100);
        let body = json!({"amount": {"value": value, "currency_code": "EUR"}});
        self.control(&format!("captures/{capture}/refund"), body).await;
    }

    /// Money enough to be paid out.
    pub async fn fund(&self) {
        self.control("balance", json!({"value": "10000.00", "currency": "EUR"}))
            .await;
    }

    /// The item of a payout that nobody has claimed, once PayPal has told of it.
    pub async fn unclaimed(&self, payout: &str) -> String {
        eventually("an unclaimed item", async || {
            let told = self.observe("deliveries?type=PAYMENT.PAYOUTS-ITEM.UNCLAIMED").await;
            for delivery in told["deliveries"].as_array().unwrap() {
                let event = self
                    .observe(&format!("objects/{}", delivery["event"].as_str().unwrap()))
                    .await;
                let item = &event["resource"];
                let reference = item["payout_item"]["sender_item_id"].as_str().unwrap_or_default();
                // With a mark behind the ids, these stand there without their prefixes.
                if reference.contains(payout.trim_start_matches("pay_")) {
                    return Ok(item["payout_item_id"].as_str().unwrap().to_owned());
                }
            }
            Err(told["total"].to_string())
        })
        .await
    }

    /// PayPal gives an item this status.
    pub async fn settle(&self, item: &str, status: &str) {
        let path = format!("payouts-items/{item}");
        self.control(&path, json!({"status": status})).await;
    }
}
