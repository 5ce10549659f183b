//! The stack under measurement, as the local runner describes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

/// The part of stack.json that is used.
#[derive(Debug, Deserialize)]
struct Description {
    stack: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
    aws_endpoint: String,
    api_url: String,
    stripe_url: String,
    functions: BTreeMap<String, String>,
    tables: BTreeMap<String, String>,
    tokens: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) aws_endpoint: String,
    pub(crate) api_url: String,
    pub(crate) stripe_url: String,
    /// Folder name → deployed name.
    pub(crate) functions: BTreeMap<String, String>,
    tables: BTreeMap<String, String>,
    tokens: BTreeMap<String, String>,
    /// The stack's folder. What was deployed lies in its `package`.
    pub(crate) state: PathBuf,
    /// The other programs of the workspace.
    binaries: PathBuf,
}

impl Stack {
    #[expect(
        clippy::disallowed_methods,
        reason = "the two variables that the local runner gives a command"
    )]
    pub(crate) fn from_process() -> Result<Self> {
        let variable = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set: run `make bench`"));
        Self::read(
            Path::new(&variable("SOUK_STACK")?),
            PathBuf::from(variable("SOUK_BINARIES")?),
        )
    }

    fn read(file: &Path, binaries: PathBuf) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let told: Description = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
        Ok(Self {
            name: told.stack,
            region: told.region,
            access_key_id: told.access_key_id,
            secret_access_key: told.secret_access_key,
            aws_endpoint: told.aws_endpoint,
            api_url: told.api_url,
            stripe_url: told.stripe_url,
            functions: told.functions,
            tables: told.tables,
            tokens: told.tokens,
            state: file.parent().unwrap_or(Path::new(".")).to_owned(),
            binaries,
        })
    }

    /// The folder that was deployed as a function's code.
    pub(crate) fn code(&self, function: &str) -> PathBuf {
        self.state.join("package/functions").join(function)
    }

    pub(crate) fn binary(&self, name: &str) -> Result<PathBuf> {
        let path = self.binaries.join(name);
        path.is_file()
            .then(|| path.clone())
            .with_context(|| format!("{} is missing: run `make bench`", path.display()))
    }

    pub(crate) fn token(&self, who: &str) -> Result<&str> {
        self.tokens
            .get(who)
            .map(String::as_str)
            .with_context(|| format!("the stack has no token for {who}"))
    }

    /// The deployed name of a table.
    pub(crate) fn table(&self, table: &str) -> Result<&str> {
        self.tables
            .get(table)
            .map(String::as_str)
            .with_context(|| format!("the stack has no table {table}"))
    }

    /// The deployed name of a function.
    pub(crate) fn deployed(&self, function: &str) -> Result<&str> {
        self.functions
            .get(function)
            .map(String::as_str)
            .with_context(|| format!("the stack has no function {function}"))
    }
}
