//! What somebody does by hand in Stripe's dashboard, or Stripe by itself.

use serde_json::json;
use shared::messages::Message;

use crate::run::Run;

impl Run<'_> {
    /// Nothing happens where there is no transfer yet, or the partner's account has nothing left.
    pub(crate) fn reverse_transfer(&mut self, percent: i64) {
        let Some(transfer) = self.heard.transfers.last() else {
            return;
        };
        let sent = self.world.stripe.object(transfer);
        let left = sent["amount"].as_i64().unwrap_or_default() - sent["amount_reversed"].as_i64().unwrap_or_default();
        let amount = (left * percent / 100).max(1);
        let path = format!("transfers/{transfer}/reverse");
        let reversed = self.world.stripe.control(&path, &json!({"amount": amount}));
        self.trace.say(self.world.now, || format!("{path}: {reversed:?}"));
    }

    pub(crate) fn set_account(&self, partner: usize, works: bool) {
        let account = &self.world.partners[partner].account;
        let outcome = if works { "complete" } else { "incomplete" };
        self.world
            .control(&format!("accounts/{account}"), &json!({"outcome": outcome}));
    }

    /// Nobody is to be paid there any more, so what Stripe still tells of the account is nobody's.
    pub(crate) fn is_about_former_account(&self, message: &Message) -> bool {
        matches!(message, Message::AccountChanged { account, .. } if self.former_accounts.contains(account))
    }
}
