//! What a licence costs to check: the decision alone, through the stack, and without a connection; each beside what it cannot do without.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ed25519_dalek::{Signer, SigningKey};
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use shared::licensing::machine::activate;
use shared::licensing::{
    Activation, Elsewhere, Fingerprint, Grant, Issue, Limits, Policy, Preset, Scope, lifecycle, validate,
};
use shared::seed::Seed;
use souk_client::issue::{Draft, Licence, Terms};
use souk_client::{PublicKey, Verifier};

use crate::api::Api;
use crate::aws::Aws;
use crate::function::Function;
use crate::noop;
use crate::number::{Ratio, as_ms, median, micros, percentile};
use crate::stack::Stack;
use crate::table::Table;

const ROUNDS: usize = 5;
/// Decisions of one turn.
const DECISIONS: u64 = 20_000;
/// Files verified in one turn.
const FILES: u64 = 500;
/// Requests of one turn, one after the other.
const REQUESTS: usize = 100;
const TWIN: &str = "licensing";
const NOW: &str = "2026-11-22T06:00:00Z";

pub(crate) async fn measure(stack: &Stack, aws: &Aws, functions: &[Function]) -> Result<()> {
    decided().context("the pure decision")?;
    offline().context("licence files")?;
    online(stack, aws, functions).await.context("through the stack")
}

// ---- the decision

/// Beside a copy of the same licence: what merely holding it costs.
fn decided() -> Result<()> {
    let title = format!("Validation, pure: {DECISIONS} decisions that say VALID, by how many machines hold a lease");
    let mut table = Table::new(&title, &["", "machines", "a second", "time, of copying the licence"]);
    for (preset, machines) in [(Preset::Individual, 3), (Preset::Studio, 10), (Preset::Enterprise, 5)] {
        let (policy, grant, now) = (preset.policy(), in_use(&preset.policy(), machines)?, NOW.parse()?);
        let scope = Scope {
            fingerprint: Some(fingerprint(0)),
            ..Scope::default()
        };
        let outcome = validate(&policy, &grant, &scope, now);
        if !outcome.valid {
            bail!("the licence {}", outcome.detail);
        }
        let (mut copied, mut decided) = (Vec::new(), Vec::new());
        // Side by side, so that what disturbs one disturbs the other.
        for _ in 0..ROUNDS {
            copied.push(timed(DECISIONS, || drop(black_box(grant.clone()))));
            decided.push(timed(DECISIONS, || {
                drop(black_box(validate(&policy, black_box(&grant), &scope, now)));
            }));
        }
        let (copied, decided) = (median(&mut copied), median(&mut decided));
        table.row([
            preset.to_string(),
            machines.to_string(),
            per_second(DECISIONS, decided),
            Ratio::of(decided, copied).to_string(),
        ]);
    }
    table.print();
    Ok(())
}

fn in_use(policy: &Policy, machines: u64) -> Result<Grant> {
    let (seed, now): (Seed, Timestamp) = (Seed::named(NOW.parse()?, "licences"), NOW.parse()?);
    let order = Issue {
        licence: seed.id("licence"),
        product: seed.id("product"),
        partner: seed.id("partner"),
        owner: seed.id("owner"),
        limits: Limits::default(),
        entitlements: [].into(),
    };
    let mut grant = lifecycle::issue(policy, &order, now);
    for number in 0..machines {
        let activation = Activation {
            fingerprint: Fingerprint::try_from(fingerprint(number))?,
            components: [].into(),
            name: None,
            user: None,
            cores: 8,
            memory_bytes: 1 << 34,
            disk_bytes: 1 << 40,
        };
        let seed = Seed::named(now, &number.to_string());
        grant = activate(policy, &grant, &activation, Elsewhere::default(), now, &seed)?.grant;
    }
    Ok(grant)
}

fn fingerprint(number: u64) -> String {
    format!("machine-{number}")
}

// ---- files

/// Beside the bare signature: what remains is reading the file, decrypting it, and comparing what it says.
fn offline() -> Result<()> {
    let (now, key): (Timestamp, _) = (NOW.parse()?, SigningKey::from_bytes(&[7; 32]));
    let verifier = Verifier::new(PublicKey::new(key.verifying_key().as_bytes())?);
    let title = format!("Licence files without a connection: {FILES} verified, one after the other");
    let mut table = Table::new(&title, &["", "a second", "time, of the signature alone"]);
    for (name, nonce) in [("plain", None), ("encrypted", Some([7; 12]))] {
        let terms = Terms {
            nonce,
            ..Terms::new(now)
        };
        let draft = Draft::licence(&described(now), &terms)?;
        let (message, signature) = (draft.message().to_vec(), key.sign(draft.message()));
        let file = draft.signed(&signature.to_bytes())?;
        verifier.licence_file(&file, LICENCE_KEY, now)?;
        let (mut bare, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(timed(FILES, || {
                black_box(key.verifying_key().verify_strict(&message, &signature).is_ok());
            }));
            whole.push(timed(FILES, || {
                black_box(verifier.licence_file(&file, LICENCE_KEY, now).is_ok());
            }));
        }
        let (bare, whole) = (median(&mut bare), median(&mut whole));
        let rows = [("the signature alone", bare), ("the whole file", whole)];
        for (what, took) in rows {
            let rate = per_second(FILES, took);
            table.row([format!("{name}: {what}"), rate, Ratio::of(took, bare).to_string()]);
        }
    }
    table.print();
    Ok(())
}

const LICENCE_KEY: &str = "SOUK-06HJ0-00000-0G0R4-0M30E-209185-GR38E";

fn described(now: Timestamp) -> Licence {
    Licence {
        id: "lic_bench".to_owned(),
        key: LICENCE_KEY.to_owned(),
        name: Some("Individual".to_owned()),
        status: "ACTIVE".to_owned(),
        expiry: None,
        uses: 0,
        floating: true,
        strict: true,
        suspended: false,
        protected: false,
        require_heartbeat: false,
        require_check_in: false,
        max_machines: Some(3),
        max_processes: None,
        max_users: Some(1),
        max_uses: None,
        metadata: serde_json::Map::new(),
        product_id: Some("lst_bench".to_owned()),
        policy_id: Some("pol_bench".to_owned()),
        entitlements: Vec::new(),
        created: now,
        updated: now,
    }
}

// ---- through the stack

/// Beside a Lambda that does nothing, behind the same API, in turns.
async fn online(stack: &Stack, aws: &Aws, functions: &[Function]) -> Result<()> {
    let twin = functions
        .iter()
        .find(|function| function.name == TWIN)
        .context("the function that validates")?;
    let baseline = noop::deploy(stack, aws, twin, "licences").await?;
    let http = Client::new();
    let (path, key) = given(stack).await.context("a licence to ask about")?;
    let url = format!("{}/v1{path}", stack.api_url);
    let asked = |rest: &str, body: Value| {
        let request = http.post(format!("{url}{rest}"));
        request.header("authorization", format!("License {key}")).json(&body)
    };
    let machine = json!({"fingerprint": "bench"});
    let activated = answered(asked("/machines", machine.clone())).await?;
    let heartbeats = format!("/machines/{}/heartbeats", activated["id"].as_str().context("an id")?);
    let (mut nothing, mut validated, mut beaten) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let mut turn = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..REQUESTS {
            turn[0].push(took(http.get(&baseline)).await?);
            turn[1].push(took(asked("/validations", machine.clone())).await?);
            turn[2].push(took(asked(&heartbeats, json!({}))).await?);
        }
        // The first round warms up.
        if round > 0 {
            let [first, second, third] = turn;
            nothing.extend(first);
            validated.extend(second);
            beaten.extend(third);
        }
    }
    let title = format!(
        "Licences through the stack, one client, {} requests of each in turns",
        REQUESTS * ROUNDS
    );
    let mut table = Table::new(&title, &["", "p50 ms", "p99 ms", "p50 ratio"]);
    let base = median(&mut nothing.clone());
    for (name, mut latencies) in [
        ("a Lambda that does nothing", nothing),
        ("validation: one read", validated),
        ("heartbeat: one read, one write", beaten),
    ] {
        let p50 = median(&mut latencies);
        table.row([
            name.to_owned(),
            as_ms(p50),
            as_ms(percentile(&mut latencies, 99)),
            Ratio::of(p50, base).to_string(),
        ]);
    }
    table.print();
    Ok(())
}

/// The path of a licence that is given to the customer, and its key. The story of a sale leaves a listing behind to give one of.
async fn given(stack: &Stack) -> Result<(String, String)> {
    let (operator, customer) = (Api::of(stack, "operator")?, Api::of(stack, "customer")?);
    let owner = customer.get("/me").await?.text("id")?;
    let listings = operator.get("/listings?limit=1").await?.body;
    let listing = listings["items"][0]["id"].as_str();
    let listing = listing.context("nothing is published: run the section \"usage\" with this one")?;
    let partner = operator
        .get(&format!("/listings/{listing}"))
        .await?
        .text("partner_id")?;
    let gift = json!({"listing_id": listing, "policy_id": Preset::Individual.id(), "owner_id": owner});
    let issued = operator
        .post(&format!("/partners/{partner}/licence-batches"), &gift)
        .await?
        .body;
    let text = |field: &str| issued["licences"][0][field].as_str().map(str::to_owned);
    let id = text("licence_id").context("an id")?;
    Ok((format!("/licences/{id}"), text("key").context("a key")?))
}

async fn answered(request: RequestBuilder) -> Result<Value> {
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("answered {status}: {text}");
    }
    Ok(serde_json::from_str(&text)?)
}

async fn took(request: RequestBuilder) -> Result<u64> {
    let began = Instant::now();
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("answered {status}: {text}");
    }
    Ok(micros(began.elapsed()))
}

/// Microseconds that it takes so many times.
fn timed(times: u64, mut work: impl FnMut()) -> u64 {
    let began = Instant::now();
    for _ in 0..times {
        work();
    }
    micros(began.elapsed())
}

fn per_second(count: u64, micros: u64) -> String {
    (count * 1_000_000).checked_div(micros).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_valid_and_can_be_told_from_what_is_not() {
        let now = NOW.parse().expect("a time");
        for preset in [Preset::Individual, Preset::Studio, Preset::Enterprise] {
            let (policy, grant) = (preset.policy(), in_use(&preset.policy(), 3).expect("leases"));
            let asked = |fingerprint: String| Scope {
                fingerprint: Some(fingerprint),
                ..Scope::default()
            };
            assert!(validate(&policy, &grant, &asked(fingerprint(0)), now).valid, "{preset}");
            assert!(
                !validate(&policy, &grant, &asked("other".into()), now).valid,
                "{preset}"
            );
        }
    }
}
