//! Every environment variable, in one place: its name, what it means, how it is read.
//!
//! A function's start reads what it needs through [`Env::read`] and gets no context unless *everything* it read was there and right:
//! [`Env::load`] then lists all faults at once. `template.yaml` gives each function exactly what it reads. Nothing else in Souk
//! touches the process's environment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::money::{BasisPoints, Currency};
use crate::processor::Deployment;

/// A variable: how it is called and how its text becomes a value.
pub struct Var<T> {
    pub name: &'static str,
    default: Option<&'static str>,
    /// A text that reads well: documentation, and what stands in while faults are collected.
    sample: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

macro_rules! variables {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $parse:expr, sample $sample:literal $(, default $default:literal)?;)+) => {
        $(
            $(#[$doc])*
            pub const $name: Var<$type> = Var { name: stringify!($name), default: variables!(@ $($default)?), sample: $sample, parse: $parse };
        )+
        /// The names of all variables.
        pub const ALL: &[&str] = &[$(stringify!($name)),+];

        #[cfg(test)]
        fn check_samples() {
            $(($name.parse)($name.sample).unwrap_or_else(|why| panic!("{}: {why}", $name.name));)+
            $($(($name.parse)($default).unwrap_or_else(|why| panic!("{}: {why}", $name.name));)?)+
        }
    };
    (@) => { None };
    (@ $default:literal) => { Some($default) };
}

variables! {
    /// Which deployment this is, such as `prod`.
    STAGE: String = text, sample "local";
    /// What marks everything that this deployment makes at the payment processors, since several may share one account there.
    DEPLOYMENT: Deployment = parsed, sample "123456789012/eu-central-1/souk";

    ACCOUNTS_TABLE: String = text, sample "souk-accounts";
    CATALOGUE_TABLE: String = text, sample "souk-catalogue";
    COMMERCE_TABLE: String = text, sample "souk-commerce";
    LEDGER_TABLE: String = text, sample "souk-ledger";
    REQUESTS_TABLE: String = text, sample "souk-requests";

    /// Where packages are uploaded to; nothing in it is served.
    QUARANTINE_BUCKET: String = text, sample "souk-quarantine";
    /// What has passed the scan.
    CLEAN_BUCKET: String = text, sample "souk-clean";

    SETTLEMENT_QUEUE_URL: Url = parsed, sample "https://sqs.eu-central-1.amazonaws.com/1/souk-settlement.fifo";
    ONBOARDING_QUEUE_URL: Url = parsed, sample "https://sqs.eu-central-1.amazonaws.com/1/souk-onboarding.fifo";
    PAYOUT_DECIDE_QUEUE_URL: Url = parsed, sample "https://sqs.eu-central-1.amazonaws.com/1/souk-payout-decide";
    PAYOUT_TRANSFER_QUEUE_URL: Url = parsed, sample "https://sqs.eu-central-1.amazonaws.com/1/souk-payout-transfer.fifo";
    SCAN_QUEUE_URL: Url = parsed, sample "https://sqs.eu-central-1.amazonaws.com/1/souk-scan";
    NOTIFY_QUEUE_URL: Url = parsed, sample "https://sqs.eu-central-1.amazonaws.com/1/souk-notify";
    /// Where the outbox relay puts what it cannot relay.
    PARKED_QUEUE_URL: Url = parsed, sample "https://sqs.eu-central-1.amazonaws.com/1/souk-parked";

    /// Exactly as the issuer calls itself in its discovery document, trailing slash included.
    OIDC_ISSUER: String = issuer, sample "https://id.example.com";
    /// What the tokens' `aud` must contain.
    OIDC_AUDIENCE: String = text, sample "souk";
    /// The claim whose value `operator` makes an operator; dots lead into objects.
    OIDC_ROLES_CLAIM: String = text, sample "roles", default "roles";

    /// Secrets Manager secret: `{"secret_key": "sk_…", "webhook_secrets": ["whsec_…"], "connect_webhook_secrets": ["whsec_…"]}`.
    STRIPE_SECRET_ARN: String = text, sample "arn:aws:secretsmanager:eu-central-1:1:secret:souk-stripe";
    STRIPE_API_BASE: Url = parsed, sample "https://api.stripe.com", default "https://api.stripe.com";
    /// Whether events and objects must be of Stripe's live mode; those of the other mode are set aside.
    STRIPE_LIVEMODE: bool = boolean, sample "false";

    /// Secrets Manager secret: `{"client_id": "…", "client_secret": "…", "webhook_id": "…"}`.
    PAYPAL_SECRET_ARN: String = text, sample "arn:aws:secretsmanager:eu-central-1:1:secret:souk-paypal";
    /// PayPal's live API or its sandbox; webhooks must be signed by the same.
    PAYPAL_API_BASE: Url = parsed, sample "https://api-m.paypal.com", default "https://api-m.paypal.com";

    /// Whether this marketplace pays, and is paid, through PayPal at all.
    PAYPAL_OFFERED: bool = boolean, sample "true";

    /// For how many minutes a sign-in is good enough to change who is paid.
    FRESH_SIGN_IN_MINUTES: u32 = parsed, sample "15";
    /// For how many hours nothing is sent after a change of who is paid.
    PAYOUT_COOL_OFF_HOURS: u32 = parsed, sample "72";

    /// Secrets Manager secret: `{"seed": "…"}`, from which the key is derived that clients verify with.
    SIGNING_SECRET_ARN: String = text, sample "arn:aws:secretsmanager:eu-central-1:1:secret:souk-signing";

    /// The marketplace's share of a sale, in hundredths of a percent.
    COMMISSION_BPS: BasisPoints = basis_points, sample "2000";
    /// The currency listings are priced in.
    CURRENCY: Currency = parsed, sample "EUR", default "EUR";
    /// Days from a sale until the partner's share is due.
    PAYOUT_HOLD_DAYS: u32 = parsed, sample "14";
    /// Days after the payment within which partners may refund and customers may ask.
    REFUND_WINDOW_DAYS: u32 = parsed, sample "14";
    /// Less than this, in minor units of the currency, stays owed until there is more; unless the partner's terms say otherwise.
    PAYOUT_MINIMUM_MINOR: u32 = parsed, sample "1000";
    /// How long after a movement at the processor its entry may still be on its way.
    RECONCILE_GRACE_MINUTES: u32 = parsed, sample "60";
    /// At which delivery a scan that cannot be finished is recorded as errored.
    SCAN_MAX_RECEIVES: u32 = parsed, sample "4", default "4";
    /// Which checks of a scan only monitor, or hold nothing when they cannot be carried out: JSON, by check.
    SCAN_POLICIES: String = text, sample "{\"pdf\": {\"enforced\": false}}", default "{}";

    /// Who issues invoices and statements: the legal name.
    SELLER_NAME: String = text, sample "Souk GmbH";
    /// Its address, the lines parted by semicolons.
    SELLER_ADDRESS: Vec<String> = lines, sample "Marktplatz 1; 10115 Berlin; Germany";
    /// Its number for value-added or sales tax.
    SELLER_TAX_ID: String = text, sample "DE123456789";

    /// The address that mails come from; verified in SES.
    MAIL_SENDER: String = mail_address, sample "souk@example.com";
    /// The SES configuration set that says what becomes of bounces and complaints.
    MAIL_CONFIGURATION_SET: String = text, sample "MailConfiguration-1";
    /// Origin of the web pages, without a slash at the end: links in mails, and where checkout returns to.
    PUBLIC_URL: String = origin, sample "https://souk.example.com";

    /// Set by Lambda: the folder with the function's executable and whatever lies beside it.
    LAMBDA_TASK_ROOT: String = text, sample "/var/task";
    /// Set by Lambda.
    AWS_REGION: String = text, sample "eu-central-1";
    /// Set by Lambda; a secret.
    AWS_ACCESS_KEY_ID: String = text, sample "AKIA";
    /// Set by Lambda; a secret.
    AWS_SECRET_ACCESS_KEY: String = text, sample "secret";
    /// Set by Lambda; a secret. Missing where long-lived test credentials are used.
    AWS_SESSION_TOKEN: Option<String> = optional_text, sample "", default "";
    /// Only set where AWS is not AWS, as in the local stack.
    AWS_ENDPOINT_URL: Option<Url> = optional_url, sample "", default "";
    /// How much is logged, such as `info` or `info,shared=debug`.
    LOG_LEVEL: String = text, sample "info", default "info";
}

/// The variables that a process was started with, and what was found wrong with them so far.
pub struct Env {
    values: HashMap<String, String>,
    faults: RefCell<Vec<String>>,
}

/// All that is missing or wrong, one line each.
#[derive(Debug, thiserror::Error)]
#[error("the environment is not as it must be: {}", .0.join("; "))]
pub struct EnvError(pub Vec<String>);

impl Env {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn from_process() -> Self {
        Self::from_pairs(std::env::vars())
    }

    pub fn from_pairs(pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let values = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self {
            values: values.collect(),
            faults: RefCell::default(),
        }
    }

    /// Builds something from the environment, or says everything that is wrong with it.
    pub fn load<T>(self, build: impl FnOnce(&Self) -> T) -> Result<T, EnvError> {
        let built = build(&self);
        let faults = self.faults.into_inner();
        if faults.is_empty() {
            Ok(built)
        } else {
            Err(EnvError(faults))
        }
    }

    /// The variable's value. A fault is noted and a stand-in returned, which goes no further than [`Env::load`].
    pub fn read<T>(&self, var: &Var<T>) -> T {
        let given = self
            .values
            .get(var.name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty());
        match given.or(var.default) {
            Some(text) => match (var.parse)(text) {
                Ok(value) => return value,
                // The value itself is not repeated: it may be a secret in the wrong place.
                Err(why) => self.fault(format!("{} {why}", var.name)),
            },
            None => self.fault(format!("{} is missing", var.name)),
        }
        (var.parse)(var.sample).unwrap_or_else(|why| unreachable!("the sample of {} {why}", var.name))
    }

    /// Notes that variables which are right each for itself do not fit together.
    pub fn fault(&self, what: String) {
        self.faults.borrow_mut().push(what);
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets.
        f.debug_struct("Env")
            .field("names", &self.values.keys())
            .field("faults", &self.faults)
            .finish()
    }
}

impl<T> fmt::Debug for Var<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all variables")]
fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all variables")]
fn optional_text(text: &str) -> Result<Option<String>, String> {
    Ok(Some(text).filter(|text| !text.is_empty()).map(str::to_owned))
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all variables")]
fn lines(text: &str) -> Result<Vec<String>, String> {
    Ok(text.split(';').map(|line| line.trim().to_owned()).collect())
}

fn optional_url(text: &str) -> Result<Option<Url>, String> {
    if text.is_empty() {
        Ok(None)
    } else {
        parsed(text).map(Some)
    }
}

fn parsed<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("cannot be read: {error}"))
}

fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

fn basis_points(text: &str) -> Result<BasisPoints, String> {
    let number: u32 = parsed(text)?;
    BasisPoints::try_from(number).map_err(|error| format!("cannot be read: {error}"))
}

fn issuer(text: &str) -> Result<String, String> {
    parsed::<Url>(text).map(|_| text.to_owned())
}

fn origin(text: &str) -> Result<String, String> {
    let url: Url = parsed(text)?;
    if url.cannot_be_a_base() || url.query().is_some() || url.fragment().is_some() {
        return Err("must be an origin, such as https://souk.example.com".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn mail_address(text: &str) -> Result<String, String> {
    if text.contains('@') {
        Ok(text.to_owned())
    } else {
        Err("must be a mail address".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_defaults_are_readable() {
        check_samples();
        let mut names = ALL.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let env = Env::from_pairs([("STRIPE_LIVEMODE", "yes"), ("COMMISSION_BPS", "10001"), ("STAGE", " ")]);
        let error = env
            .load(|env| {
                (
                    env.read(&STAGE),
                    env.read(&STRIPE_LIVEMODE),
                    env.read(&COMMISSION_BPS),
                    env.read(&MAIL_SENDER),
                    env.read(&CURRENCY),
                )
            })
            .expect_err("faults");
        assert_eq!(error.0.len(), 4, "{error}");
        assert!(
            error
                .to_string()
                .contains("STAGE is missing; STRIPE_LIVEMODE must be true or false; COMMISSION_BPS")
        );
    }

    #[test]
    fn what_is_right_is_read() {
        let env = Env::from_pairs([
            ("STAGE", "prod"),
            ("PUBLIC_URL", "https://souk.example.com/"),
            ("PAYOUT_HOLD_DAYS", "14"),
        ]);
        let read = env.load(|env| {
            (
                env.read(&STAGE),
                env.read(&PUBLIC_URL),
                env.read(&PAYOUT_HOLD_DAYS),
                env.read(&AWS_ENDPOINT_URL),
            )
        });
        assert_eq!(
            read.expect("no faults"),
            ("prod".into(), "https://souk.example.com".into(), 14, None)
        );
    }
}
