//! From the engine's report, and from what is wrong before or beside it, to what is stored.

use jiff::Timestamp;
use scanner::{CheckResult, Manifest, Report};
use shared::listing::{Listing, Version};
use shared::scan::{Check, CheckOutcome, Contents, Finding, Severity, Summary, Verdict};

/// The check of this function's own: the package against what the partner said of it.
const DECLARATION: &str = "declaration";

/// What is stored of a scan.
#[derive(Debug)]
pub(crate) struct Scan {
    pub summary: Summary,
    pub checks: Vec<Check>,
    /// Where there is a manifest that could be read.
    pub contents: Option<Contents>,
}

/// What the engine found, and whether the package is the version that it was uploaded as.
pub(crate) fn of(report: Report, listing: &Listing, version: &Version, now: Timestamp) -> Scan {
    let declared = declaration(report.manifest.as_ref(), listing, version, now);
    let mut reason_codes: Vec<String> = report.reason_codes().into_iter().map(str::to_owned).collect();
    let mut verdict = match report.verdict() {
        scanner::Verdict::Passed => Verdict::Passed,
        scanner::Verdict::Quarantined => Verdict::Quarantined,
        scanner::Verdict::Rejected => Verdict::Rejected,
    };
    if declared.outcome != CheckOutcome::Passed {
        verdict = verdict.max(Verdict::Rejected);
        reason_codes.extend(declared.findings.iter().map(|finding| finding.rule.clone()));
    }
    let Report {
        sha256,
        size,
        ruleset,
        checks,
        manifest,
        ..
    } = report;
    let mut checks: Vec<Check> = checks
        .into_iter()
        .map(|check| of_engine(check, &ruleset, now))
        .collect();
    checks.push(Check {
        ruleset: ruleset.clone(),
        ..declared
    });
    Scan {
        summary: Summary {
            verdict,
            reason_codes,
            ruleset,
            sha256,
            size_bytes: size,
            at: now,
        },
        checks,
        contents: manifest.and_then(contents),
    }
}

/// What the package says of itself, and its files with the hashes that the scan has held against them.
fn contents(mut manifest: Manifest) -> Option<Contents> {
    let files = std::mem::take(&mut manifest.files);
    let mut declared = serde_json::to_value(&manifest).ok()?;
    declared.as_object_mut()?.remove("files");
    Some(Contents {
        declared,
        files: files.into_iter().map(|file| (file.path, file.sha256)).collect(),
    })
}

/// The scan could not be carried out.
pub(crate) fn errored(rule: &str, evidence: &str, now: Timestamp) -> Scan {
    let remedy = "Upload the package again. If that does not help either, tell support the id of the upload.";
    without_scan(
        Verdict::Errored,
        finding(rule, Severity::Quarantine, evidence, remedy),
        now,
    )
}

/// The object is not what the upload was asked for.
pub(crate) fn refused(rule: &str, evidence: &str, now: Timestamp) -> Scan {
    let remedy = "Ask for an upload with the package's exact size and hash, then post exactly this package.";
    without_scan(
        Verdict::Rejected,
        finding(rule, Severity::Reject, evidence, remedy),
        now,
    )
}

fn without_scan(verdict: Verdict, finding: Finding, now: Timestamp) -> Scan {
    let (name, outcome) = match verdict {
        Verdict::Errored => ("scan", CheckOutcome::Errored),
        _ => ("upload", CheckOutcome::Found),
    };
    let summary = Summary {
        verdict,
        reason_codes: vec![finding.rule.clone()],
        ruleset: String::new(),
        sha256: String::new(),
        size_bytes: 0,
        at: now,
    };
    Scan {
        summary,
        checks: vec![Check::new(name, outcome, vec![finding], now)],
        contents: None,
    }
}

/// Without a manifest there is nothing to compare, and the engine has said so.
fn declaration(manifest: Option<&Manifest>, listing: &Listing, version: &Version, now: Timestamp) -> Check {
    let mut findings = Vec::new();
    if let Some(package) = manifest.map(|manifest| &manifest.package) {
        if package.version != version.number {
            let seen = format!(
                "souk.toml says version {}, the upload is of {}",
                package.version, version.number
            );
            let remedy = "Set the version in souk.toml to the version's number, or create that version.";
            findings.push(finding("declaration.version", Severity::Reject, &seen, remedy));
        }
        if package.content_type.name() != listing.content.content_type.name() {
            let seen = format!(
                "souk.toml says {}, the listing {}",
                package.content_type.name(),
                listing.content.content_type
            );
            let remedy = "Upload it to a listing of its content type.";
            findings.push(finding("declaration.content_type", Severity::Reject, &seen, remedy));
        }
    }
    let outcome = if findings.is_empty() {
        CheckOutcome::Passed
    } else {
        CheckOutcome::Found
    };
    Check::new(DECLARATION, outcome, findings, now)
}

fn of_engine(check: CheckResult, ruleset: &str, now: Timestamp) -> Check {
    let outcome = match check.outcome {
        scanner::Outcome::Passed => CheckOutcome::Passed,
        scanner::Outcome::Found => CheckOutcome::Found,
        scanner::Outcome::Errored => CheckOutcome::Errored,
    };
    let findings = check.findings.into_iter().map(|found| Finding {
        rule: found.rule,
        severity: match found.severity {
            scanner::Severity::Info => Severity::Info,
            scanner::Severity::Warning => Severity::Warning,
            scanner::Severity::Quarantine => Severity::Quarantine,
            scanner::Severity::Reject => Severity::Reject,
        },
        path: found.path,
        offset: found.offset,
        evidence: found.evidence,
        remedy: found.remedy,
    });
    Check {
        enforced: check.enforced,
        required: check.required,
        ruleset: ruleset.to_owned(),
        duration_us: check.duration_us,
        ..Check::new(check.check.name(), outcome, findings.collect(), now)
    }
}

fn finding(rule: &str, severity: Severity, evidence: &str, remedy: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity,
        path: None,
        offset: None,
        evidence: evidence.to_owned(),
        remedy: remedy.to_owned(),
    }
}
