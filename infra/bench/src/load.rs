//! Requests a second through the stack, beside what the stack itself can do, measured in turns.
//!
//! The emulator is one process and the bottleneck: the ratio to a Lambda that does nothing behind the same API is what a function costs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::Client;
use tokio::task::JoinSet;

use crate::aws::Aws;
use crate::function::Function;
use crate::noop;
use crate::number::{Ratio, as_ms, micros, percentile};
use crate::stack::Stack;
use crate::table::Table;

const CLIENTS: [usize; 3] = [1, 8, 16];
/// Turns that everything measured gets at each number of clients.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(1_500);
/// Starts as many processes as the widest round needs.
const WARM_UP: Duration = Duration::from_millis(1_500);
/// Which function serves the public reads.
const TWIN: &str = "purchase";

struct Subject {
    name: &'static str,
    url: String,
}

pub(crate) async fn measure(stack: &Stack, aws: &Aws, functions: &[Function]) -> Result<()> {
    let twin = functions
        .iter()
        .find(|function| function.name == TWIN)
        .context("the function that serves public reads")?;
    let noop = noop::deploy(stack, aws, twin, "load")
        .await
        .context("deploying the baseline")?;
    let mut subjects = vec![
        Subject {
            name: "a Lambda that does nothing",
            url: noop,
        },
        Subject {
            name: "GET /v1/listings",
            url: format!("{}/v1/listings", stack.api_url),
        },
    ];
    let http = Client::new();
    if let Some(listing) = any_listing(&http, stack).await? {
        let url = format!("{}/v1/listings/{listing}", stack.api_url);
        subjects.push(Subject {
            name: "GET /v1/listings/{listing_id}",
            url,
        });
    }
    subjects.push(Subject {
        name: "the emulator's health",
        url: format!("{}/_ministack/health", stack.aws_endpoint),
    });
    let most = CLIENTS.into_iter().max().unwrap_or(1);
    for subject in &subjects {
        turn(&http, &subject.url, most, WARM_UP).await.context(subject.name)?;
    }
    let title = format!(
        "Load: requests through the stack, {ROUNDS} turns of {} ms each",
        ROUND.as_millis()
    );
    let mut table = Table::new(
        &title,
        &[
            "request",
            "clients",
            "a second",
            "ratio",
            "p50 ms",
            "p99 ms",
            "p50 ratio",
        ],
    );
    for clients in CLIENTS {
        rows(&http, &subjects, clients, &mut table).await?;
    }
    table.print();
    Ok(())
}

/// One row for each subject; ratios are to the first.
async fn rows(http: &Client, subjects: &[Subject], clients: usize, table: &mut Table) -> Result<()> {
    let mut turns: Vec<Turn> = subjects.iter().map(|_| Turn::default()).collect();
    for _ in 0..ROUNDS {
        for (subject, sum) in subjects.iter().zip(&mut turns) {
            sum.add(turn(http, &subject.url, clients, ROUND).await.context(subject.name)?);
        }
    }
    let mut baseline = None;
    for (subject, mut turn) in subjects.iter().zip(turns) {
        let (rate, p50) = (turn.rate(), percentile(&mut turn.latencies, 50));
        let (base_rate, base_p50) = *baseline.get_or_insert((rate, p50));
        table.row([
            subject.name.to_owned(),
            clients.to_string(),
            rate.to_string(),
            Ratio::of(rate, base_rate).to_string(),
            as_ms(p50),
            as_ms(percentile(&mut turn.latencies, 99)),
            Ratio::of(p50, base_p50).to_string(),
        ]);
    }
    Ok(())
}

/// Latencies of all requests in microseconds, and how long it took to send them all.
#[derive(Default)]
struct Turn {
    latencies: Vec<u64>,
    took: Duration,
}

impl Turn {
    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.took += other.took;
    }

    fn rate(&self) -> u64 {
        let count = u64::try_from(self.latencies.len()).unwrap_or(u64::MAX);
        count.saturating_mul(1_000_000) / micros(self.took).max(1)
    }
}

/// So many clients, each with its next request as soon as the last is answered.
async fn turn(http: &Client, url: &str, clients: usize, length: Duration) -> Result<Turn> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (http, url) = (http.clone(), url.to_owned());
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < length {
                let sent = Instant::now();
                get(&http, &url).await?;
                latencies.push(micros(sent.elapsed()));
            }
            anyhow::Ok(latencies)
        });
    }
    let mut turn = Turn::default();
    while let Some(latencies) = tasks.join_next().await {
        turn.latencies.extend(latencies??);
    }
    turn.took = began.elapsed();
    Ok(turn)
}

async fn get(http: &Client, url: &str) -> Result<Vec<u8>> {
    let answer = http.get(url).send().await?;
    if !answer.status().is_success() {
        bail!("GET {url} answered {}", answer.status());
    }
    Ok(answer.bytes().await?.to_vec())
}

/// Something published; the story of a sale leaves one behind.
async fn any_listing(http: &Client, stack: &Stack) -> Result<Option<String>> {
    let body = get(http, &format!("{}/v1/listings?limit=1", stack.api_url)).await?;
    let page: serde_json::Value = serde_json::from_slice(&body)?;
    Ok(page["items"][0]["id"].as_str().map(str::to_owned))
}
