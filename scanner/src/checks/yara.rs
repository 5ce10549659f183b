//! The YARA rules in `rules/`: compiled ahead, deserialised at the start, run over every file.

use std::fmt;

use sha2::{Digest, Sha256};
use yara_x::{MetaValue, Rules, ScanError, Scanner};

use super::{File, Interrupted};
use crate::clock::Deadline;
use crate::report::{Finding, Severity};

/// Namespace and source of every rule file.
const SOURCES: &[(&str, &str)] = &[
    ("downloaders", include_str!("../../rules/downloaders.yar")),
    ("exfiltration", include_str!("../../rules/exfiltration.yar")),
    ("hidden_programs", include_str!("../../rules/hidden_programs.yar")),
    ("miners", include_str!("../../rules/miners.yar")),
    ("obfuscation", include_str!("../../rules/obfuscation.yar")),
    ("shells", include_str!("../../rules/shells.yar")),
];

/// Start of the file that [`compile`] makes: a name and the version of the layout.
const MAGIC: &[u8; 12] = b"SOUK-RULES\0\x01";
const HASH_BYTES: usize = 32;
/// A rule that matches a million times says no more than one that matches a few times.
const MATCHES_PER_PATTERN: usize = 32;

/// Why there are no rules to scan with.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error("the rules do not compile")]
    Compile(#[source] Box<yara_x::errors::CompileError>),
    #[error("the rules cannot be serialised")]
    Serialize(#[source] yara_x::errors::SerializationError),
    #[error("this is not a file of compiled rules")]
    Format,
    #[error("the compiled rules are damaged: their checksum differs")]
    Damaged,
    #[error("the compiled rules were made by another version of the engine; compile them anew")]
    Deserialize(#[source] yara_x::errors::SerializationError),
}

/// Compiles the rules that this crate carries, for [`Config::rules`](crate::Config::rules).
///
/// The result holds machine code for the processor it was made on. Elsewhere it works all the
/// same, but the engine then compiles that part again when it starts, which takes ten times as
/// long: compile on the architecture that will scan.
pub fn compile() -> Result<Vec<u8>, RulesError> {
    let mut compiler = yara_x::Compiler::new();
    let mut sources = Sha256::new();
    for (namespace, source) in SOURCES {
        compiler.new_namespace(namespace);
        compiler
            .add_source(*source)
            .map_err(|error| RulesError::Compile(Box::new(error)))?;
        sources.update(namespace);
        sources.update([0]);
        sources.update(source);
        sources.update([0]);
    }
    let body = compiler.build().serialize().map_err(RulesError::Serialize)?;
    let parts: [&[u8]; 4] = [MAGIC, &sources.finalize(), &Sha256::digest(&body), &body];
    Ok(parts.concat())
}

/// Rules ready to scan with.
pub(crate) struct Yara {
    rules: Rules,
    /// SHA-256 of the sources: the same wherever they were compiled.
    pub(crate) sources_sha256: String,
}

impl fmt::Debug for Yara {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yara")
            .field("sources_sha256", &self.sources_sha256)
            .finish_non_exhaustive()
    }
}

impl Yara {
    pub(crate) fn load(compiled: &[u8]) -> Result<Self, RulesError> {
        let rest = compiled.strip_prefix(MAGIC).ok_or(RulesError::Format)?;
        let (sources, rest) = rest.split_at_checked(HASH_BYTES).ok_or(RulesError::Format)?;
        let (hash, body) = rest.split_at_checked(HASH_BYTES).ok_or(RulesError::Format)?;
        if Sha256::digest(body).as_slice() != hash {
            return Err(RulesError::Damaged);
        }
        let rules = Rules::deserialize(body).map_err(RulesError::Deserialize)?;
        Ok(Yara {
            rules,
            sources_sha256: hex::encode(sources),
        })
    }

    /// A scanner for the files of one package.
    pub(crate) fn scanner(&self) -> PackageScanner<'_> {
        let mut scanner = Scanner::new(&self.rules);
        scanner.max_matches_per_pattern(MATCHES_PER_PATTERN);
        PackageScanner(scanner)
    }
}

pub(crate) struct PackageScanner<'r>(Scanner<'r>);

impl PackageScanner<'_> {
    /// How many rules match, and nothing more.
    pub(crate) fn matches(&mut self, content: &[u8]) -> Option<usize> {
        let results = self.0.scan(content).ok()?;
        Some(results.matching_rules().len())
    }

    pub(crate) fn check(&mut self, file: File<'_>, deadline: &Deadline) -> Result<Vec<Finding>, Interrupted> {
        let left = deadline.left().ok_or(Interrupted::OutOfTime)?;
        self.0.set_timeout(left);
        let results = self.0.scan(file.content).map_err(|error| match error {
            ScanError::Timeout => Interrupted::OutOfTime,
            other => Interrupted::Failed(other.to_string()),
        })?;
        let hits = results.matching_rules().filter(|rule| is_for(rule, file));
        Ok(hits.map(|rule| hit(&rule, file)).collect())
    }
}

/// The text of one metadata field of a rule.
fn meta<'r>(rule: &yara_x::Rule<'_, 'r>, name: &str) -> Option<&'r str> {
    rule.metadata().find_map(|(key, value)| match value {
        MetaValue::String(text) if key == name => Some(text),
        _ => None,
    })
}

/// Rules that look for what a program does would also find it described, and some of them in noise.
fn is_for(rule: &yara_x::Rule<'_, '_>, file: File<'_>) -> bool {
    match meta(rule, "scope") {
        Some("program") => !file.is_prose(),
        Some("source") => file.is_text() && !file.is_prose(),
        _ => true,
    }
}

fn hit(rule: &yara_x::Rule<'_, '_>, file: File<'_>) -> Finding {
    // A rule without a known severity holds: forgetting the field must not let anything through.
    let severity = match meta(rule, "severity") {
        Some("info") => Severity::Info,
        Some("warning") => Severity::Warning,
        Some("reject") => Severity::Reject,
        _ => Severity::Quarantine,
    };
    let remedy = meta(rule, "remedy").unwrap_or("Remove it, or tell the reviewer what it is for.");
    let what = meta(rule, "description").unwrap_or("a pattern of known malware");
    let first = rule
        .patterns()
        .flat_map(|p| p.matches())
        .min_by_key(|found| found.range().start);
    let finding = Finding::new(format!("yara.{}", rule.identifier()), severity, remedy).in_file(file.path);
    match first {
        None => finding.saw(what),
        Some(found) => {
            let excerpt = found.data().get(..80).unwrap_or(found.data());
            let excerpt = String::from_utf8_lossy(excerpt).into_owned();
            finding
                .at(found.range().start as u64)
                .saw(format!("{what}: `{excerpt}`"))
        }
    }
}

#[cfg(test)]
#[path = "yara_tests.rs"]
mod tests;
