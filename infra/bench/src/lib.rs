//! The benchmarks of what ships: release binaries, deployed from `template.yaml` to a stack of their own.
//!
//! Eight sections, each with ratios: cold starts beside a Lambda that does nothing, sizes, what each operation of a sale, a refund and a
//! payout asks of DynamoDB and Stripe, payout decisions a second, postings a second, requests a second through the stack, what a scan costs
//! beside the YARA engine alone, and what a licence costs to check beside copying it, doing nothing, and the bare signature. Ratios
//! and counts travel from machine to machine; times do not, so no time fails anything: the exit status says only whether everything
//! could be measured.

mod api;
mod artifact;
mod aws;
mod cold_start;
mod corpus;
mod decisions;
mod events;
mod function;
mod ledger;
mod licences;
mod load;
mod meter;
mod noop;
mod number;
mod runtime_api;
mod sale;
mod scan;
mod stack;
mod table;
mod targets;
mod zip;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::aws::Aws;
use crate::stack::Stack;
use crate::targets::Targets;

const SECTIONS: [&str; 8] = [
    "cold-start",
    "size",
    "usage",
    "decisions",
    "ledger",
    "load",
    "scan",
    "licences",
];

/// Measures the sections named, or all of them.
pub async fn run(sections: Vec<String>) -> ExitCode {
    if let [first, files @ ..] = sections.as_slice()
        && first == scan::ALONE
    {
        return scan::alone(files);
    }
    let mut targets = Targets::default();
    let failures = match measure(&sections, &mut targets).await {
        Ok(failures) => failures,
        Err(error) => vec![error],
    };
    table::line("");
    for target in targets.lines() {
        table::line(&target);
    }
    table::line(&targets.verdict());
    for failure in &failures {
        table::line(&format!("Not measured: {failure:#}"));
    }
    if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What could not be measured. A section that fails does not keep the others from being measured.
async fn measure(sections: &[String], targets: &mut Targets) -> Result<Vec<anyhow::Error>> {
    if let Some(unknown) = sections.iter().find(|name| !SECTIONS.contains(&name.as_str())) {
        bail!("there is no section {unknown:?}; there are {}", SECTIONS.join(", "));
    }
    let wanted = |name: &str| sections.is_empty() || sections.iter().any(|section| section == name);
    let stack = Stack::from_process()?;
    let aws = Aws::of(&stack);
    let functions = function::all(&stack, &aws)
        .await
        .context("the functions of the stack")?;
    let mut failures = Vec::new();
    if wanted("cold-start") {
        let outcome = cold_start::measure(&stack, &functions, targets).await;
        failures.extend(outcome.err().map(|error| error.context("cold starts")));
    }
    if wanted("size") {
        let outcome = artifact::measure(&stack, &functions, targets);
        failures.extend(outcome.err().map(|error| error.context("sizes")));
    }
    if wanted("usage") {
        let outcome = sale::measure(&stack, &aws).await;
        failures.extend(
            outcome
                .err()
                .map(|error| error.context("what operations ask of DynamoDB")),
        );
    }
    if wanted("decisions") {
        let outcome = decisions::measure();
        failures.extend(outcome.err().map(|error| error.context("payout decisions")));
    }
    if wanted("ledger") {
        let outcome = ledger::measure(&stack).await;
        failures.extend(outcome.err().map(|error| error.context("postings")));
    }
    if wanted("load") {
        let outcome = load::measure(&stack, &aws, &functions).await;
        failures.extend(outcome.err().map(|error| error.context("requests a second")));
    }
    if wanted("scan") {
        let outcome = scan::measure(&stack, &functions, targets).await;
        failures.extend(outcome.err().map(|error| error.context("scans")));
    }
    if wanted("licences") {
        let outcome = licences::measure(&stack, &aws, &functions).await;
        failures.extend(outcome.err().map(|error| error.context("licences")));
    }
    Ok(failures)
}
