//! Runs the checks over one package and keeps the account of each.

use sha2::{Digest, Sha256};
use strum::IntoEnumIterator;

use crate::account::Account;
use crate::archive::{Archive, ContentError, Entry};
use crate::checks::hashes::Hashes;
use crate::checks::yara::{RulesError, Yara};
use crate::checks::{File, eicar, file_types, secrets};
use crate::clock::Deadline;
use crate::config::{Config, Limits, Policies};
use crate::manifest::{self, FILE_NAME, Manifest};
use crate::report::{CheckId, Finding, NOT_RUN, Report, Severity};

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the compiled rules cannot be used")]
    Rules(#[from] RulesError),
}

/// A scan engine, ready for any number of packages. It can be shared between threads.
#[derive(Debug)]
pub struct Engine {
    yara: Yara,
    limits: Limits,
    policies: Policies,
    ruleset: String,
}

impl Engine {
    /// Deserialises the rules, which were compiled ahead.
    pub fn new(config: Config) -> Result<Engine, EngineError> {
        let Config {
            rules,
            limits,
            policies,
        } = config;
        let yara = Yara::load(&rules)?;
        let mut ruleset = Sha256::new();
        // Limits and built-in rules change only with the version.
        for part in [env!("CARGO_PKG_VERSION"), &yara.sources_sha256, &secrets::fingerprint()] {
            ruleset.update(part);
            ruleset.update([0]);
        }
        Ok(Engine {
            yara,
            limits,
            policies,
            ruleset: hex::encode(ruleset.finalize()),
        })
    }

    /// The hash that reports of this engine carry.
    pub fn ruleset(&self) -> &str {
        &self.ruleset
    }

    /// Scans one package. Any input gives a report; what could not be looked at is held.
    pub fn scan(&self, package: &[u8]) -> Report {
        let mut run = Run {
            deadline: Deadline::after(self.limits.duration),
            engine: self,
            accounts: CheckId::iter().map(Account::new).collect(),
            manifest: None,
        };
        run.package(package);
        Report {
            sha256: hex::encode(Sha256::digest(package)),
            size: package.len() as u64,
            ruleset: self.ruleset.clone(),
            checks: run
                .accounts
                .into_iter()
                .map(|account| account.close(&self.policies))
                .collect(),
            manifest: run.manifest,
        }
    }
}

/// What stopped the whole scan.
struct Stopped;

/// One scan under way.
struct Run<'e> {
    deadline: Deadline,
    engine: &'e Engine,
    accounts: Vec<Account>,
    manifest: Option<Manifest>,
}

impl Run<'_> {
    fn account(&mut self, check: CheckId) -> &mut Account {
        // One account per id, in the order of the ids.
        let index = check as usize;
        &mut self.accounts[index]
    }

    fn package(&mut self, package: &[u8]) {
        if package.len() as u64 <= self.engine.limits.package_bytes {
            self.account(CheckId::Eicar).run(|| eicar::check(None, package));
        }
        let stopped = self.archive(package).is_err();
        for account in &mut self.accounts {
            if stopped && account.check != CheckId::Archive {
                account.interrupt(NOT_RUN, "the archive could not be read to its end");
            }
        }
    }

    fn archive(&mut self, package: &[u8]) -> Result<(), Stopped> {
        let limits = self.engine.limits;
        let account = self.account(CheckId::Archive);
        let opened = account.measure(|| Archive::open(package, &limits));
        let archive = opened.map_err(|findings| {
            account.extend(findings);
            Stopped
        })?;
        let mut buffer = Vec::new();
        self.read_manifest(&archive, &mut buffer)?;
        let manifest = self.manifest.take();
        let content_type = manifest.as_ref().map(|manifest| manifest.package.content_type);
        let mut hashes = manifest.as_ref().map(Hashes::of);
        let mut yara = self.engine.yara.scanner();
        for entry in archive.entries() {
            let content = self.content(&archive, entry, &mut buffer)?;
            if entry.is_folder() {
                continue;
            }
            let file = File {
                path: &entry.path,
                content,
            };
            if let Some(hashes) = &mut hashes {
                self.account(CheckId::Hashes).run(|| hashes.file(file));
            }
            self.account(CheckId::FileTypes)
                .run(|| file_types::check(file, content_type));
            self.account(CheckId::Eicar)
                .run(|| eicar::check(Some(file.path), content));
            let deadline = self.deadline;
            self.account(CheckId::Yara).attempt(|| yara.check(file, &deadline));
            self.account(CheckId::Secrets)
                .attempt(|| secrets::check(file, &deadline));
        }
        match hashes {
            Some(hashes) => self.account(CheckId::Hashes).run(|| hashes.finish()),
            None => {
                let why = "there is no valid `souk.toml` to compare with";
                self.account(CheckId::Hashes).interrupt(NOT_RUN, why);
                self.account(CheckId::FileTypes)
                    .interrupt(NOT_RUN, "the content type is not known");
            }
        }
        self.manifest = manifest;
        Ok(())
    }

    fn read_manifest(&mut self, archive: &Archive<'_>, buffer: &mut Vec<u8>) -> Result<(), Stopped> {
        let limit = self.engine.limits.manifest_bytes;
        let Some(entry) = archive.entries().iter().find(|entry| entry.path == FILE_NAME) else {
            let remedy = "Put `souk.toml` at the root of the archive, not into a folder.";
            let finding = Finding::new("manifest.missing", Severity::Reject, remedy);
            self.account(CheckId::Manifest)
                .push(finding.saw("there is no `souk.toml`"));
            return Ok(());
        };
        if entry.expanded > limit {
            let remedy = "Keep `souk.toml` within 4 MiB.";
            let finding = Finding::new("manifest.too_large", Severity::Reject, remedy);
            let seen = format!("{} bytes, {limit} allowed", entry.expanded);
            self.account(CheckId::Manifest)
                .push(finding.in_file(FILE_NAME).saw(seen));
            return Ok(());
        }
        let content = self.content(archive, entry, buffer)?;
        let account = self.account(CheckId::Manifest);
        match account.measure(|| manifest::parse(content)) {
            Ok(manifest) => self.manifest = Some(manifest),
            Err(findings) => account.extend(findings),
        }
        Ok(())
    }

    fn content<'b>(
        &mut self,
        archive: &Archive<'b>,
        entry: &Entry<'_>,
        buffer: &'b mut Vec<u8>,
    ) -> Result<&'b [u8], Stopped> {
        let deadline = self.deadline;
        let account = self.account(CheckId::Archive);
        let content = account.measure(|| archive.content(entry, buffer, &deadline));
        content.map_err(|error| {
            match error {
                ContentError::Refused(refusal) => account.push(refusal.into()),
                ContentError::OutOfTime => account.out_of_time(),
            }
            Stopped
        })
    }
}
