//! What a scan works with.

use std::path::Path;
use std::sync::Arc;

use scanner::{Config, Engine, Policies};
use shared::messages::Queue;
use shared::objects::Objects;
use shared::queues::Queues;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

/// The compiled YARA rules, in the package of the function beside its executable.
const RULES_FILE: &str = "rules.bin";

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    pub objects: Objects,
    /// For the versions of a rescan, and its next page.
    pub queues: Queues,
    /// Missing only in a context that the runtime refuses to start with.
    pub engine: Option<Arc<Engine>>,
    /// The delivery at which a scan that was not finished before is recorded as errored.
    pub max_receives: u32,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let rules = Path::new(&start.read(&env::LAMBDA_TASK_ROOT)).join(RULES_FILE);
        let policies = start.read(&env::SCAN_POLICIES);
        let engine = load(&rules, &policies).map_err(|why| start.env.fault(why)).ok();
        Self {
            store: start.store(&[TableName::Accounts, TableName::Catalogue]),
            objects: start.objects(),
            queues: start.queues(&[Queue::Scan]),
            engine: engine.map(Arc::new),
            max_receives: start.read(&env::SCAN_MAX_RECEIVES),
        }
    }
}

fn load(path: &Path, policies: &str) -> Result<Engine, String> {
    let rules =
        std::fs::read(path).map_err(|error| format!("the rules in {} cannot be read: {error}", path.display()))?;
    let unusable = |error| {
        format!(
            "the rules in {} cannot be used: {}",
            path.display(),
            shared::http::problem::chain(&error)
        )
    };
    let config = Config {
        policies: parse(policies)?,
        ..Config::new(rules)
    };
    Engine::new(config).map_err(unusable)
}

/// How much each check counts, as the deployment sets it: `{"pdf": {"enforced": false}}`.
pub(crate) fn parse(policies: &str) -> Result<Policies, String> {
    serde_json::from_str(policies).map_err(|error| format!("SCAN_POLICIES is not as it must be: {error}"))
}
