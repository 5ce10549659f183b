//! What a scan works with.

use std::path::Path;
use std::sync::Arc;

use scanner::{Config, Engine};
use shared::objects::Objects;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

/// The compiled YARA rules, in the package of the function beside its executable.
const RULES_FILE: &str = "rules.bin";

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    pub objects: Objects,
    /// Missing only in a context that the runtime refuses to start with.
    pub engine: Option<Arc<Engine>>,
    /// The delivery at which a scan that was not finished before is recorded as errored.
    pub max_receives: u32,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let rules = Path::new(&start.read(&env::LAMBDA_TASK_ROOT)).join(RULES_FILE);
        let engine = load(&rules).map_err(|why| start.env.fault(why)).ok();
        Self {
            store: start.store(&[TableName::Catalogue]),
            objects: start.objects(),
            engine: engine.map(Arc::new),
            max_receives: start.read(&env::SCAN_MAX_RECEIVES),
        }
    }
}

fn load(path: &Path) -> Result<Engine, String> {
    let rules =
        std::fs::read(path).map_err(|error| format!("the rules in {} cannot be read: {error}", path.display()))?;
    let unusable = |error| {
        format!(
            "the rules in {} cannot be used: {}",
            path.display(),
            shared::http::problem::chain(&error)
        )
    };
    Engine::new(Config::new(rules)).map_err(unusable)
}
