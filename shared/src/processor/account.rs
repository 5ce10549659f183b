//! From Stripe's account, and its payouts to a bank, to what a partner's holds are made from.

use jiff::Timestamp;

use super::ProcessorError;
use super::stripe::objects::{Account, BankPayout, BankPayoutStatus, CapabilityStatus};
use super::stripe::{ACCOUNT_GONE, StripeClient};
use crate::partner::AccountReport;
use crate::partner::bank::{BankOutcome, BankReport};

impl StripeClient {
    /// What Stripe says about an account at this moment. One that is closed or disconnected is reported gone; it is no error.
    pub async fn account_report(&self, account: &str) -> Result<AccountReport, ProcessorError> {
        match self.account(account).await {
            Ok(found) => Ok(found.report()),
            Err(ProcessorError::Refused { code, .. }) if matches!(code.as_str(), ACCOUNT_GONE | "resource_missing") => {
                Ok(AccountReport::gone(account))
            }
            Err(error) => Err(error),
        }
    }
}

impl Account {
    pub fn report(&self) -> AccountReport {
        let requirements = self.requirements.clone().unwrap_or_default();
        let transfers = self
            .capabilities
            .as_ref()
            .and_then(|capabilities| capabilities.transfers);
        AccountReport {
            account: self.id.clone(),
            details_submitted: self.details_submitted,
            transfers_active: transfers == Some(CapabilityStatus::Active),
            payouts_enabled: self.payouts_enabled,
            currently_due: requirements.currently_due.unwrap_or_default(),
            past_due: requirements.past_due.unwrap_or_default(),
            pending_verification: requirements.pending_verification.unwrap_or_default(),
            current_deadline: requirements
                .current_deadline
                .and_then(|second| Timestamp::from_second(second).ok()),
            disabled_reason: requirements.disabled_reason,
        }
    }
}

impl BankPayout {
    pub fn report(&self) -> BankReport {
        let reason = || {
            self.failure_code
                .clone()
                .unwrap_or_else(|| "for no given reason".to_owned())
        };
        BankReport {
            payout: self.id.clone(),
            begun_at: Timestamp::from_second(self.created).unwrap_or(Timestamp::MIN),
            outcome: match self.status {
                BankPayoutStatus::Paid => BankOutcome::Paid,
                BankPayoutStatus::Failed => BankOutcome::Failed(reason()),
                BankPayoutStatus::Other => BankOutcome::Open,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stripe_leaves_out_is_not_granted() {
        let bare: Account = serde_json::from_str(r#"{"id":"acct_1","object":"account"}"#).expect("an account");
        assert_eq!(
            bare.report(),
            AccountReport {
                account: "acct_1".to_owned(),
                ..AccountReport::default()
            }
        );
    }

    #[test]
    fn requirements_are_read_as_stripe_writes_them() {
        let account: Account = serde_json::from_value(serde_json::json!({
            "id": "acct_1", "object": "account", "details_submitted": true, "payouts_enabled": true,
            "capabilities": {"transfers": "active", "card_payments": "a state of the future"},
            "requirements": {
                "alternatives": [], "currently_due": ["individual.id_number"], "past_due": null,
                "pending_verification": [], "current_deadline": 1_798_070_400, "disabled_reason": null,
            },
        }))
        .expect("an account");
        let report = account.report();
        assert!(report.transfers_active && report.payouts_enabled && report.details_submitted);
        assert_eq!(report.currently_due, ["individual.id_number"]);
        assert_eq!(
            report.current_deadline.expect("a deadline").to_string(),
            "2026-12-24T00:00:00Z"
        );
        assert_eq!(report.disabled_reason, None);
    }
}
