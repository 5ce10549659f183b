//! `souk check`: from a path to a verdict.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use scanner::{CheckResult, Config, Engine, Finding, PackError, Report, Verdict};
use serde::Serialize;

use crate::say;

/// What a folder may take of the time: the rest is the scan's, and both together stay below the 30 s that are promised.
const PACKING: Duration = Duration::from_secs(10);

/// A finding as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    check: &'a str,
    /// Whether it counts for the verdict, or is only written down.
    enforced: bool,
    #[serde(flatten)]
    finding: &'a Finding,
}

pub(crate) fn check(path: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let kind = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    let package = if kind.is_dir() {
        scanner::pack_within(path, PACKING)
    } else if kind.is_file() {
        scanner::open(path)
    } else {
        bail!("{} is neither a file nor a folder", path.display());
    };
    let mut config = Config::new(scanner::compile_rules().context("cannot compile the rules")?);
    let limits = &mut config.limits;
    limits.duration = limits.duration.saturating_sub(started.elapsed());
    let engine = Engine::new(config)?;
    let report = match package {
        Ok(package) => engine.scan(&package),
        Err(PackError::Refused(findings)) => engine.refuse(findings),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    tell(&report, as_json)
}

fn tell(report: &Report, as_json: bool) -> anyhow::Result<ExitCode> {
    for row in &report.checks {
        for finding in &row.findings {
            say::line(&line(row, finding, as_json)?)?;
        }
    }
    let verdict = report.verdict();
    let words: Vec<String> = std::iter::once(verdict.to_string())
        .chain(report.reason_codes().into_iter().map(str::to_owned))
        .collect();
    say::line(&words.join(" "))?;
    Ok(ExitCode::from(match verdict {
        Verdict::Passed => 0,
        Verdict::Rejected => 1,
        Verdict::Quarantined => 2,
    }))
}

fn line(row: &CheckResult, finding: &Finding, as_json: bool) -> serde_json::Result<String> {
    if as_json {
        return serde_json::to_string(&Line {
            check: row.check.name(),
            enforced: row.enforced,
            finding,
        });
    }
    let path = finding.path.as_deref().unwrap_or("-");
    let parts = [
        finding.rule.as_str(),
        finding.severity.into(),
        path,
        &finding.evidence,
        &finding.remedy,
    ];
    Ok(parts.join("\t"))
}
