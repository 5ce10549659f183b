//! From starting a process to its asking for work, and to its first answer; beside the baseline, in turns.
//!
//! What AWS adds before that (fetching the code, a fresh machine) is the same for a function and the baseline, and is not here: the
//! ratio is that of the part that the code decides.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::body::Bytes;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::events;
use crate::function::{Function, Trigger};
use crate::number::{Ratio, as_ms, median, micros};
use crate::runtime_api::{RuntimeApi, What};
use crate::stack::Stack;
use crate::table::Table;
use crate::targets::Targets;

/// Starts of each of the two, in turns: what else the machine does meets both.
const RUNS: usize = 40;
/// More before that, which bring the files into memory.
const WARM_UPS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(10);
/// For functions behind the API, where somebody waits.
const TARGET: Ratio = Ratio::hundredths(150);
/// Nothing listens on the discard port: a function that called AWS here would fail, and be told of.
const NO_AWS: &str = "http://127.0.0.1:9";

pub(crate) async fn measure(stack: &Stack, functions: &[Function], targets: &mut Targets) -> Result<()> {
    let mut api = RuntimeApi::start().await?;
    let noop = stack.binary("noop")?;
    let title = format!("Cold start: from spawn, median of {RUNS}, in turns with a Lambda that does nothing (ms)");
    let header = [
        "function", "trigger", "ready", "noop", "ratio", "answer", "noop", "ratio",
    ];
    let mut table = Table::new(&title, &header);
    let mut misses = Vec::new();
    for function in functions {
        let pair = pair(stack, function, &noop, &mut api)
            .await
            .with_context(|| function.name.clone())?;
        let ready = [
            as_ms(pair.function.ready),
            as_ms(pair.noop.ready),
            pair.ready_ratio().to_string(),
        ];
        let answer = match events::simple(function.trigger) {
            Some(_) => [
                as_ms(pair.function.answer),
                as_ms(pair.noop.answer),
                pair.answer_ratio().to_string(),
            ],
            None => ["–".to_owned(), "–".to_owned(), "–".to_owned()],
        };
        let name = [function.name.clone(), function.trigger.name().to_owned()];
        table.row(name.into_iter().chain(ready).chain(answer));
        if function.trigger == Trigger::Http && pair.answer_ratio() > TARGET {
            misses.push(format!("{} {}", function.name, pair.answer_ratio()));
        }
    }
    table.print();
    targets.judge(
        &format!("cold start of HTTP functions at most {TARGET} of a Lambda that does nothing"),
        misses,
    );
    Ok(())
}

/// Medians in microseconds.
#[derive(Debug, Default, Clone, Copy)]
struct Start {
    ready: u64,
    answer: u64,
}

struct Pair {
    function: Start,
    noop: Start,
}

impl Pair {
    fn ready_ratio(&self) -> Ratio {
        Ratio::of(self.function.ready, self.noop.ready)
    }

    fn answer_ratio(&self) -> Ratio {
        Ratio::of(self.function.answer, self.noop.answer)
    }
}

/// What is started, and as what.
struct Program<'a> {
    path: PathBuf,
    folder: PathBuf,
    environment: &'a BTreeMap<String, String>,
    event: Option<Bytes>,
}

async fn pair(stack: &Stack, function: &Function, noop: &Path, api: &mut RuntimeApi) -> Result<Pair> {
    let folder = stack.code(&function.name);
    let environment = environment(stack, function, &folder, api);
    let event = events::simple(function.trigger).map(|event| Bytes::from(event.to_string()));
    let path = folder.join("bootstrap");
    let subject = Program {
        path,
        folder: folder.clone(),
        environment: &environment,
        event: event.clone(),
    };
    let baseline = Program {
        path: noop.to_owned(),
        folder,
        environment: &environment,
        event,
    };
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for run in 0..WARM_UPS + RUNS {
        let (first, _) = once(&baseline, api).await.context("the baseline")?;
        let (second, answer) = once(&subject, api).await?;
        if answer.is_some_and(|answer| !events::is_expected(function.trigger, &answer)) {
            bail!("it does not answer a simple event as it must");
        }
        if run >= WARM_UPS {
            theirs.add(first);
            ours.add(second);
        }
    }
    Ok(Pair {
        function: ours.medians(),
        noop: theirs.medians(),
    })
}

#[derive(Default)]
struct Samples {
    ready: Vec<u64>,
    answer: Vec<u64>,
}

impl Samples {
    fn add(&mut self, start: Start) {
        self.ready.push(start.ready);
        self.answer.push(start.answer);
    }

    fn medians(mut self) -> Start {
        Start {
            ready: median(&mut self.ready),
            answer: median(&mut self.answer),
        }
    }
}

/// One process from its start to its first answer, or to its readiness where there is no event for it.
async fn once(program: &Program<'_>, api: &mut RuntimeApi) -> Result<(Start, Option<Value>)> {
    api.expect_process(program.event.clone());
    let mut command = Command::new(&program.path);
    command
        .env_clear()
        .envs(program.environment)
        .current_dir(&program.folder);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let began = Instant::now();
    let mut child = command.spawn().with_context(|| program.path.display().to_string())?;
    let mut start = Start::default();
    loop {
        let moment = tokio::select! {
            moment = api.moment() => moment,
            _ = child.wait() => bail!("it ended before it answered: {}", last_words(&mut child).await),
            () = tokio::time::sleep(PATIENCE) => bail!("it did nothing for {} s", PATIENCE.as_secs()),
        };
        let elapsed = micros(moment.at.duration_since(began));
        let answer = match moment.what {
            What::Ready => {
                start.ready = elapsed;
                if program.event.is_some() {
                    continue;
                }
                None
            }
            What::Answered(body) => {
                start.answer = elapsed;
                Some(serde_json::from_slice(&body).context("its answer is not JSON")?)
            }
            What::Failed(body) => bail!("it failed: {}", String::from_utf8_lossy(&body)),
        };
        child.kill().await?;
        return Ok((start, answer));
    }
}

async fn last_words(child: &mut Child) -> String {
    let mut words = String::new();
    if let Some(mut out) = child.stdout.take() {
        let _ = out.read_to_string(&mut words).await;
    }
    if let Some(mut err) = child.stderr.take() {
        let _ = err.read_to_string(&mut words).await;
    }
    words
}

/// What Lambda sets (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html), and the template's variables.
fn environment(stack: &Stack, function: &Function, code: &Path, api: &RuntimeApi) -> BTreeMap<String, String> {
    let own = [
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "AQoEXAMPLEH4aoAH0gNCAPy"),
        ("AWS_REGION", &stack.region),
        ("AWS_DEFAULT_REGION", &stack.region),
        ("AWS_ENDPOINT_URL", NO_AWS),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/22/[$LATEST]bench"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_LAMBDA_RUNTIME_API", &api.address.to_string()),
        ("LAMBDA_TASK_ROOT", &code.to_string_lossy()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    function.variables.clone().into_iter().chain(own).collect()
}
