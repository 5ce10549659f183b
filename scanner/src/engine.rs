//! Runs the checks over one package and keeps the account of each.

use std::collections::{BTreeSet, HashSet};

use sha2::{Digest, Sha256};
use strum::IntoEnumIterator;

use crate::account::Account;
use crate::archive::{Archive, ContentError, Entry};
use crate::checks::declared::{self, Played};
use crate::checks::hashes::Hashes;
use crate::checks::kinds::{self, Kind};
use crate::checks::sandbox::Sandbox;
use crate::checks::yara::{PackageScanner, RulesError, Yara};
use crate::checks::{
    File, audio, eicar, file_types, images, intents, json, markdown, midi, native, pdf, presets, projects, secrets, svg,
};
use crate::clock::Deadline;
use crate::config::{Config, Limits, Policies};
use crate::manifest::{self, ContentType, FILE_NAME, Manifest, Platform};
use crate::report::{CheckId, Finding, NOT_RUN, Report};

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
    sandbox: Sandbox,
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
            sandbox: Sandbox::new(),
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
        let mut run = self.run();
        run.package(package);
        run.report(hex::encode(Sha256::digest(package)), package.len() as u64)
    }

    /// The report on what never became a package, for these reasons.
    pub fn refuse(&self, findings: Vec<Finding>) -> Report {
        let mut run = self.run();
        for finding in findings {
            let check = CheckId::iter().find(|check| finding.rule.starts_with(check.name()));
            let check = check.unwrap_or(CheckId::Archive);
            run.account(check).push(finding);
        }
        run.stop();
        run.report(String::new(), 0)
    }

    fn run(&self) -> Run<'_> {
        Run {
            deadline: Deadline::after(self.limits.duration),
            engine: self,
            accounts: CheckId::iter().map(Account::new).collect(),
            manifest: None,
            played: Played::default(),
        }
    }
}

/// What stopped the whole scan.
struct Stopped;

/// What the checks of all files of a package share.
struct Look<'m, 'e> {
    content_type: Option<ContentType>,
    platforms: &'m [Platform],
    yara: PackageScanner<'e>,
    /// What archives in the package may expand to.
    bytes_left: u64,
}

/// One scan under way.
struct Run<'e> {
    deadline: Deadline,
    engine: &'e Engine,
    accounts: Vec<Account>,
    manifest: Option<Manifest>,
    played: Played,
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
        if self.archive(package).is_err() {
            self.stop();
        }
    }

    fn stop(&mut self) {
        for account in &mut self.accounts {
            if account.check != CheckId::Archive {
                account.interrupt(NOT_RUN, "the archive could not be read to its end");
            }
        }
    }

    fn report(self, sha256: String, size: u64) -> Report {
        let Run {
            engine,
            accounts,
            manifest,
            ..
        } = self;
        let close = |account: Account| account.close(&engine.policies);
        Report {
            sha256,
            size,
            ruleset: engine.ruleset.clone(),
            checks: accounts.into_iter().map(close).collect(),
            manifest,
            waived: BTreeSet::new(),
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
        let platforms = manifest
            .as_ref()
            .map_or(&[][..], |manifest| &manifest.compatibility.platforms);
        let archive = match content_type {
            Some(ContentType::GenreTemplate) => archive.nesting(projects::EXTENSION),
            _ => archive,
        };
        let mut hashes = manifest.as_ref().map(Hashes::of);
        let expanded: u64 = archive.entries().iter().map(|entry| entry.expanded).sum();
        let mut look = Look {
            content_type,
            platforms,
            yara: self.engine.yara.scanner(),
            bytes_left: limits.expanded_bytes.saturating_sub(expanded),
        };
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
            let account = self.account(CheckId::FileTypes);
            let kind = account.measure(|| kinds::of(file));
            account.run(|| file_types::check(file, kind, content_type));
            self.file(file, kind, &mut look);
            if kind == Some(Kind::Project) && content_type == Some(ContentType::GenreTemplate) {
                self.project(file, &mut look);
            }
        }
        match (hashes, &manifest) {
            (Some(hashes), Some(manifest)) => {
                self.account(CheckId::Hashes).run(|| hashes.finish());
                let played = std::mem::take(&mut self.played);
                self.account(CheckId::Declared)
                    .run(|| declared::check(manifest, &played));
            }
            _ => {
                let why = "there is no valid `souk.toml` to compare with";
                self.account(CheckId::Hashes).interrupt(NOT_RUN, why);
                self.account(CheckId::Declared).interrupt(NOT_RUN, why);
                self.account(CheckId::FileTypes)
                    .interrupt(NOT_RUN, "the content type is not known");
            }
        }
        self.manifest = manifest;
        Ok(())
    }

    /// Shows the file to every check that looks into files.
    fn file(&mut self, file: File<'_>, kind: Option<Kind>, look: &mut Look<'_, '_>) {
        self.account(CheckId::Eicar)
            .run(|| eicar::check(Some(file.path), file.content));
        self.content_of_its_kind(file, kind, look.content_type);
        if look.content_type == Some(ContentType::PluginNative) && kinds::native(file.content).is_some() {
            let platforms = look.platforms;
            self.account(CheckId::Native).run(|| native::check(file, platforms));
        }
        let deadline = self.deadline;
        self.account(CheckId::Yara).attempt(|| look.yara.check(file, &deadline));
        self.account(CheckId::Secrets)
            .attempt(|| secrets::check(file, &deadline));
    }

    /// Shows the files of a project to the same checks. Its archive is read as strictly as the package, and within the package's bounds.
    fn project(&mut self, project: File<'_>, look: &mut Look<'_, '_>) {
        let deadline = self.deadline;
        let limits = Limits {
            expanded_bytes: look.bytes_left,
            ..self.engine.limits
        };
        let account = self.account(CheckId::Projects);
        let archive = match account.measure(|| Archive::open(project.content, &limits)) {
            Ok(archive) => archive,
            Err(findings) => {
                account.extend(
                    findings
                        .into_iter()
                        .map(|found| projects::of_archive(project.path, found)),
                );
                return;
            }
        };
        let files: HashSet<_> = archive.entries().iter().map(|entry| entry.path.as_str()).collect();
        if !files.contains(projects::PROJECT) {
            let seen = format!("there is no `{}` in it", projects::PROJECT);
            account.push(projects::finding("damaged", project.path, seen));
        }
        let mut buffer = Vec::new();
        for entry in archive.entries() {
            look.bytes_left = look.bytes_left.saturating_sub(entry.expanded);
            let account = self.account(CheckId::Projects);
            let content = match account.measure(|| archive.content(entry, &mut buffer, &deadline)) {
                Ok(content) => content,
                Err(ContentError::Refused(refusal)) => {
                    return account.push(projects::of_archive(project.path, refusal.into()));
                }
                Err(ContentError::OutOfTime) => return account.out_of_time(),
            };
            if entry.is_folder() {
                continue;
            }
            if entry.path == projects::PROJECT {
                account.run(|| projects::check(project.path, content, &files));
            }
            let path = format!("{}/{}", project.path, entry.path);
            let file = File { path: &path, content };
            let account = self.account(CheckId::FileTypes);
            let kind = account.measure(|| kinds::of(file));
            if ![projects::PROJECT, projects::METADATA].contains(&entry.path.as_str()) {
                account.run(|| file_types::check(file, kind, look.content_type));
            }
            self.file(file, kind, look);
        }
    }

    /// Shows the file to the check that reads what it is.
    fn content_of_its_kind(&mut self, file: File<'_>, kind: Option<Kind>, content_type: Option<ContentType>) {
        let Some(kind) = kind else {
            return;
        };
        let (engine, deadline) = (self.engine, self.deadline);
        match (kind, file.extension().as_str()) {
            (Kind::Text, "json") => {
                let account = self.account(CheckId::Json);
                let findings = account.measure(|| json::check(file));
                let is_read_alike = findings.is_empty();
                account.extend(findings);
                if is_read_alike && content_type == Some(ContentType::IntentPreset) {
                    self.intent_preset(file);
                }
            }
            (Kind::Text, "md") => self.account(CheckId::Markdown).run(|| markdown::check(file)),
            (Kind::Text, "svg") => self.account(CheckId::Svg).run(|| svg::check(file)),
            (Kind::Midi, _) => {
                let music = self.account(CheckId::Midi).read(|| Ok(midi::check(file)));
                self.played
                    .music
                    .extend(music.map(|music| (file.path.to_owned(), music)));
            }
            (Kind::Png | Kind::Jpeg | Kind::Webp | Kind::Gif, _) => {
                self.account(CheckId::Images).run(|| images::check(file));
            }
            (Kind::VstPreset | Kind::Fxp | Kind::PropertyList, _) => {
                self.account(CheckId::Presets).run(|| presets::check(file, kind));
            }
            (Kind::Pdf, _) => self.account(CheckId::Pdf).run(|| pdf::check(file)),
            (recording, _) if recording.is_recording() => {
                let sound = self.account(CheckId::Audio).read(|| audio::check(file, &deadline));
                self.played
                    .sounds
                    .extend(sound.map(|sound| (file.path.to_owned(), sound)));
            }
            (Kind::Wasm, _) => self
                .account(CheckId::Wasm)
                .attempt(|| engine.sandbox.check(file, &deadline)),
            _ => {}
        }
    }

    fn intent_preset(&mut self, file: File<'_>) {
        let account = self.account(CheckId::Presets);
        match account.measure(|| intents::read(file)) {
            Ok(intents) => {
                self.played.intents.insert(file.path.to_owned(), intents);
            }
            Err(findings) => account.extend(findings),
        }
    }

    fn read_manifest(&mut self, archive: &Archive<'_>, buffer: &mut Vec<u8>) -> Result<(), Stopped> {
        let Some(entry) = archive.entries().iter().find(|entry| entry.path == FILE_NAME) else {
            self.account(CheckId::Manifest).push(manifest::missing());
            return Ok(());
        };
        if entry.expanded > self.engine.limits.manifest_bytes {
            let finding = manifest::too_large(entry.expanded, &self.engine.limits);
            self.account(CheckId::Manifest).push(finding);
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
