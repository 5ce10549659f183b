//! PayPal's side: what customers do on its pages.

use serde_json::json;

use crate::Stack;

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

    /// A customer approves an order; `outcome` says what becomes of the money.
    pub async fn approve(&self, order: &str, outcome: &str) {
        let url = format!("{}/_control/orders/{order}/approve", self.base);
        let answer = self
            .http
            .post(url)
            .json(&json!({"outcome": outcome}))
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(
            status.is_success(),
            "the stand-in answered {status} to the approval of {order}: {text}"
        );
    }
}
