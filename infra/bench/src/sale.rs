//! What each operation asks of DynamoDB, from one sale that is played through the deployed stack:
//!
//! 1. a partner applies, is approved and connects an account;
//! 2. lists a package, has it scanned and reviewed, and publishes it;
//! 3. a customer orders it and pays, the payment is settled, its fee becomes known, the receipt goes out;
//! 4. the customer downloads it, and the partner is paid;
//! 5. the operator gives the customer the money back.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::api::{self, Answer, Api};
use crate::aws::Aws;
use crate::meter::{Mark, Meter, Usage};
use crate::number::Ratio;
use crate::stack::Stack;
use crate::table::Table;

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);
/// A package that `make run` also seeds, with the version that its manifest says.
const PACKAGE: &str = "catalogue/pocket-grooves/package";
const PACKAGE_VERSION: &str = "1.0.0";
/// Later than any benchmark runs: the fee becomes known when the story says so, and is settled on its own.
const FEE_DELAY_MS: u64 = 3_600_000;

pub(crate) async fn measure(stack: &Stack, aws: &Aws) -> Result<()> {
    let mut story = Story::begin(stack, aws).await?;
    let outcome = story.play().await;
    // What was measured before something failed is still worth seeing.
    story.table().print();
    story.one_payout().print();
    outcome?;
    story.doubts()
}

struct Operation {
    name: &'static str,
    usage: Usage,
    /// Whether every sale pays for it.
    of_sale: bool,
}

struct Story<'a> {
    stack: &'a Stack,
    aws: &'a Aws,
    meter: Meter<'a>,
    partner: Api,
    operator: Api,
    customer: Api,
    operations: Vec<Operation>,
    /// Requests to Stripe.
    stripe_per_payout: u64,
}

impl<'a> Story<'a> {
    async fn begin(stack: &'a Stack, aws: &'a Aws) -> Result<Self> {
        let api = |who| Api::of(stack, who);
        let (partner, operator, customer) = (api("partner")?, api("operator")?, api("customer")?);
        // Whoever signs in for the first time gets a profile; that is not part of what they do next.
        for caller in [&partner, &operator, &customer] {
            caller.get("/me").await?;
        }
        Ok(Self {
            stack,
            aws,
            meter: Meter::new(stack, aws),
            partner,
            operator,
            customer,
            operations: Vec::new(),
            stripe_per_payout: 0,
        })
    }

    async fn play(&mut self) -> Result<()> {
        let partner = self.become_partner().await.context("becoming a partner")?;
        let listing = self.publish(&partner).await.context("publishing")?;
        self.payout_run("payout run with nothing due").await?;
        let order = self.sell(&listing).await.context("selling")?;
        self.download().await.context("downloading")?;
        self.pay_out(&partner).await.context("paying out")?;
        self.refund(&order).await.context("refunding")
    }

    async fn become_partner(&mut self) -> Result<String> {
        let application = json!({
            "name": "Nordlys Audio",
            "country": "SE",
            "support_email": "support@nordlys-audio.example",
            "website": "https://nordlys-audio.example",
            "about": "Two sound designers who make presets and grooves for film and slow electronic music.",
        });
        let since = Meter::mark();
        let answer = self.partner.post("/partners", &application).await?;
        self.note("apply", "onboarding", since, &answer).await?;
        let id = answer.text("id")?;
        let version = self.partner.get("/agreement").await?.text("version")?;
        let accepted = json!({ "version": version });
        let answer = self
            .partner
            .post(&format!("/partners/{id}/agreements"), &accepted)
            .await?;
        self.note("accept the agreement", "onboarding", since, &answer).await?;
        let answer = self
            .operator
            .post(&format!("/partners/{id}/decisions"), &json!({ "decision": "approve" }))
            .await?;
        self.note("approve a partner", "onboarding", since, &answer).await?;
        let back =
            json!({ "return_url": "http://localhost:3000/partner", "refresh_url": "http://localhost:3000/partner" });
        let answer = self
            .partner
            .post(&format!("/partners/{id}/onboarding-links"), &back)
            .await?;
        self.note("connect an account", "onboarding", since, &answer).await?;
        let account = word_in(&answer.text("url")?, "acct_")?;
        api::control(
            self.stack,
            &format!("accounts/{account}"),
            &json!({ "outcome": "complete" }),
        )
        .await?;
        let path = format!("/partners/{id}");
        wait_for("the end of the partner's holds", async || {
            let partner = self.partner.get(&path).await?;
            let holds = partner.body["holds"].as_array().context("no holds")?;
            Ok(holds.iter().all(|hold| !hold["resolved_at"].is_null()))
        })
        .await?;
        Ok(id)
    }

    async fn publish(&mut self, partner: &str) -> Result<String> {
        let listing = json!({
            "title": "Pocket Grooves",
            "summary": "Ten drum grooves as MIDI, from straight rock to seven-eight, ready to loop.",
            "description": "Every groove loops on the bar, uses the General MIDI drum map and has four levels of velocity.",
            "category": "grooves",
            "content_type": "groove-template",
            "price": { "amount": 900, "currency": "EUR" },
            "tags": ["drums", "midi"],
        });
        let since = Meter::mark();
        let listings = format!("/partners/{partner}/listings");
        let answer = self.partner.post(&listings, &listing).await?;
        self.note("create a listing", "listing", since, &answer).await?;
        let id = answer.text("id")?;
        let versions = format!("{listings}/{id}/versions");
        let answer = self
            .partner
            .post(
                &versions,
                &json!({ "number": PACKAGE_VERSION, "notes": "First release." }),
            )
            .await?;
        self.note("create a version", "listing", since, &answer).await?;
        let at = format!("{versions}/{}", answer.text("id")?);
        self.scan(&at).await?;
        let answer = self.partner.post(&format!("{at}/submissions"), &json!({})).await?;
        self.note("submit", "listing", since, &answer).await?;
        let decision = json!({ "decision": "approve", "reason_code": "meets_guidelines", "note": "Welcome." });
        let path = format!("/partners/{partner}/submissions/{}/decisions", answer.text("id")?);
        let answer = self.operator.post(&path, &decision).await?;
        self.note("approve a submission", "listing", since, &answer).await?;
        let answer = self.partner.post(&format!("{at}/publish"), &json!({})).await?;
        self.note("publish", "listing", since, &answer).await?;
        Ok(id)
    }

    /// Uploads the package to the version at this path and waits for the verdict.
    async fn scan(&mut self, at: &str) -> Result<()> {
        let package = self.pack().await?;
        let since = Meter::mark();
        let announced = json!({ "size_bytes": package.len(), "sha256": hex::encode(Sha256::digest(&package)) });
        let answer = self.partner.post(&format!("{at}/uploads"), &announced).await?;
        self.note("ask for an upload form", "listing", since, &answer).await?;
        api::upload(&answer.body, &package).await?;
        wait_for("the scan", async || {
            let status = self.partner.get(at).await?.text("status")?;
            ensure!(
                ["draft", "scanning", "passed"].contains(&status.as_str()),
                "the scan ended {status}"
            );
            Ok(status == "passed")
        })
        .await?;
        let [scanning] = self.meter.when_quiet(since, ["scanning"]).await?;
        self.add("scan", scanning, false);
        Ok(())
    }

    async fn pack(&self) -> Result<Vec<u8>> {
        let package: PathBuf = self.stack.state.join("bench-package.zip");
        let done = Command::new(self.stack.binary("souk")?)
            .arg("pack")
            .arg(PACKAGE)
            .arg(&package)
            .status()
            .await?;
        ensure!(done.success(), "souk refused {PACKAGE}");
        let bytes = std::fs::read(&package)?;
        std::fs::remove_file(&package)?;
        Ok(bytes)
    }

    /// Gives back the order's path.
    async fn sell(&mut self, listing: &str) -> Result<String> {
        // Mails and events of what came before are not the sale's.
        self.meter
            .when_quiet(Meter::mark(), ["purchase-webhook", "notify", "onboarding-events"])
            .await?;
        api::control(self.stack, "settings", &json!({ "fee_delay_ms": FEE_DELAY_MS })).await?;
        let since = Meter::mark();
        let answer = self
            .customer
            .post("/orders", &json!({ "lines": [{ "listing_id": listing }] }))
            .await?;
        let usage = self.meter.of_request("purchase", since, &answer.request_id).await?;
        self.add("place an order", usage, true);
        let session = word_in(&answer.text("checkout_url")?, "cs_")?;
        let paid = api::control(
            self.stack,
            &format!("checkout/{session}/pay"),
            &json!({ "outcome": "success" }),
        )
        .await?;
        let order = format!("/orders/{}", answer.text("id")?);
        wait_for("the settlement", async || {
            Ok(self.customer.get(&order).await?.text("status")? == "paid")
        })
        .await?;
        let functions = ["purchase-webhook", "settlement", "notify"];
        let [webhook, settlement, receipt] = self.meter.when_quiet(since, functions).await?;
        self.add("webhooks of a payment", webhook, true);
        self.add("settlement", settlement, true);
        self.add("receipt", receipt, true);
        self.fee(&paid).await?;
        Ok(order)
    }

    /// The fee becomes known: another webhook, another message.
    async fn fee(&mut self, paid: &Value) -> Result<()> {
        let intent = paid["session"]["payment_intent"]
            .as_str()
            .context("a paid session without a payment")?;
        let intent = api::stripe_object(self.stack, intent).await?;
        let charge = intent["latest_charge"].as_str().context("a payment without a charge")?;
        let since = Meter::mark();
        api::control(self.stack, &format!("charges/{charge}/fee"), &json!({})).await?;
        let meter = &self.meter;
        wait_for("the fee", async || {
            let [webhook, settlement] = meter.when_quiet(since, ["purchase-webhook", "settlement"]).await?;
            Ok(webhook.invocations > 0 && settlement.invocations > 0)
        })
        .await?;
        let [webhook, settlement] = self.meter.when_quiet(since, ["purchase-webhook", "settlement"]).await?;
        self.add("webhook of a fee", webhook, true);
        self.add("fee", settlement, true);
        Ok(())
    }

    async fn download(&mut self) -> Result<()> {
        let licences = self.customer.get("/licences").await?;
        let licence = licences.body["items"][0]["id"]
            .as_str()
            .context("no licence")?
            .to_owned();
        let since = Meter::mark();
        let answer = self
            .customer
            .post(&format!("/licences/{licence}/downloads"), &json!({}))
            .await?;
        let usage = self.meter.of_request("purchase", since, &answer.request_id).await?;
        self.add("download", usage, true);
        Ok(())
    }

    async fn pay_out(&mut self, partner: &str) -> Result<()> {
        let stripe_before = api::stripe_requests(self.stack).await?;
        let since = self.payout_run("payout run with one balance due").await?;
        let path = format!("/partners/{partner}/payouts");
        wait_for("the transfer", async || {
            Ok(self.partner.get(&path).await?.body["items"][0]["status"] == "sent")
        })
        .await?;
        let [transfer] = self.meter.when_quiet(since, ["payout-transfer"]).await?;
        self.add("transfer", transfer, false);
        self.stripe_per_payout = api::stripe_requests(self.stack).await? - stripe_before;
        Ok(())
    }

    async fn refund(&mut self, order: &str) -> Result<()> {
        let since = Meter::mark();
        let asked = json!({ "reason": "requested_by_customer" });
        let answer = self.operator.post(&format!("{order}/refunds"), &asked).await?;
        let usage = self.meter.of_request("refunds", since, &answer.request_id).await?;
        self.add("decide a refund", usage, false);
        wait_for("the refund", async || {
            Ok(self.customer.get(&format!("{order}/refunds")).await?.body["items"][0]["status"] == "succeeded")
        })
        .await?;
        let functions = ["purchase-webhook", "settlement", "notify"];
        let [webhook, settlement, notice] = self.meter.when_quiet(since, functions).await?;
        self.add("webhooks of a refund", webhook, false);
        self.add("refund, sent and posted", settlement, false);
        self.add("notice of a refund", notice, false);
        Ok(())
    }

    /// Starts the payout function as its schedule would, and waits until all pages are decided.
    async fn payout_run(&mut self, name: &'static str) -> Result<Mark> {
        let since = Meter::mark();
        let path = format!("/2015-03-31/functions/{}/invocations", self.stack.deployed("payout")?);
        let answer = self.aws.post("lambda", &path, &json!({})).await?;
        ensure!(answer["errorMessage"].is_null(), "the payout run failed: {answer}");
        let [usage] = self.meter.when_quiet(since, ["payout-decide"]).await?;
        self.add(name, usage, false);
        Ok(since)
    }

    /// Adds what one request used.
    async fn note(&mut self, name: &'static str, function: &str, since: Mark, answer: &Answer) -> Result<()> {
        let usage = self.meter.of_request(function, since, &answer.request_id).await?;
        self.add(name, usage, false);
        Ok(())
    }

    fn add(&mut self, name: &'static str, usage: Usage, of_sale: bool) {
        self.operations.push(Operation { name, usage, of_sale });
    }

    /// Operations that were carried out and yet not measured.
    fn doubts(&self) -> Result<()> {
        let names = |is_doubtful: fn(&Usage) -> bool| {
            let doubtful = self.operations.iter().filter(|operation| is_doubtful(&operation.usage));
            doubtful.map(|operation| operation.name).collect::<Vec<_>>().join(", ")
        };
        let (uncounted, failed) = (names(|usage| usage.requests == 0), names(|usage| usage.failed > 0));
        ensure!(uncounted.is_empty(), "the log lines count no request of: {uncounted}");
        ensure!(
            failed.is_empty(),
            "messages failed and came again, so that more was counted than an undisturbed sale needs: {failed}"
        );
        Ok(())
    }

    /// What a run asks for one more balance that is due, with the transfer that follows.
    fn one_payout(&self) -> Table {
        let usage = |name: &str| {
            let found = self.operations.iter().find(|operation| operation.name == name);
            found.map(|operation| operation.usage).unwrap_or_default()
        };
        let (idle, due) = (
            usage("payout run with nothing due"),
            usage("payout run with one balance due"),
        );
        let transfer = usage("transfer");
        let requests = due.requests.saturating_sub(idle.requests) + transfer.requests;
        let write_units = due.write_units.saturating_sub(idle.write_units) + transfer.write_units;
        let header = ["", "DynamoDB requests", "write units", "Stripe requests"];
        let mut table = Table::new("One payout, decided and sent", &header);
        let numbers = [requests, write_units, self.stripe_per_payout].map(|number| number.to_string());
        table.row(["one payout".to_owned()].into_iter().chain(numbers));
        table
    }

    fn table(&self) -> Table {
        let title = "DynamoDB: what each operation asks of it, and its share of a sale's write units";
        let mut table = Table::new(
            title,
            &["operation", "invocations", "requests", "write units", "of the sale"],
        );
        let of_sale = self.operations.iter().filter(|operation| operation.of_sale);
        let sale = of_sale.fold(Usage::default(), |sum, operation| sum.plus(operation.usage));
        let row = |name: &str, usage: Usage, share: String| {
            let numbers = [usage.invocations, usage.requests, usage.write_units].map(|number| number.to_string());
            [name.to_owned()].into_iter().chain(numbers).chain([share])
        };
        for Operation { name, usage, of_sale } in &self.operations {
            let share = if *of_sale {
                Ratio::of(usage.write_units, sale.write_units).to_string()
            } else {
                "–".to_owned()
            };
            table.row(row(name, *usage, share));
        }
        table.row(row(
            "one sale",
            sale,
            Ratio::of(sale.write_units, sale.write_units).to_string(),
        ));
        table
    }
}

/// The first word in a text that begins with `prefix`, such as an id in a link.
fn word_in(text: &str, prefix: &str) -> Result<String> {
    let start = text.find(prefix).with_context(|| format!("no {prefix}… in {text}"))?;
    let is_part = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
    Ok(text[start..].chars().take_while(is_part).collect())
}

async fn wait_for(what: &str, mut happened: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if happened().await? {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("{what} did not happen within {} s", PATIENCE.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_a_link() {
        let link = "http://localhost:4568/c/pay/cs_test_a1B2#fid";
        assert_eq!(word_in(link, "cs_").expect("an id"), "cs_test_a1B2");
        assert!(word_in(link, "acct_").is_err());
    }
}
