//! Kills functions of this stack, one at a time, by their process ids.
//!
//! The emulator runs each concurrent call of a function as a process in its own process group, and the stack's record names that group.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use support::Stack;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};

const EXECUTABLE: &str = "bootstrap";
const PAUSE_MS: std::ops::Range<u64> = 600..1_800;

#[derive(Debug, Clone)]
pub(crate) struct Killer {
    group: u32,
    calm: Arc<Mutex<()>>,
}

impl Killer {
    /// # Panics
    /// Where the stack's record has no emulator: killing by guess is out of the question.
    pub(crate) fn of(stack: &Stack) -> Self {
        let file = stack.folder().join("processes.json");
        let text = std::fs::read_to_string(&file).unwrap();
        let processes: Vec<Value> = serde_json::from_str(&text).unwrap();
        let emulator = processes.iter().find(|process| process["name"] == "ministack");
        let pid = emulator.and_then(|process| process["pid"].as_u64());
        Self {
            group: pid
                .and_then(|pid| pid.try_into().ok())
                .unwrap_or_else(|| panic!("no emulator in {}: {text}", file.display())),
            calm: Arc::default(),
        }
    }

    /// Nothing is killed as long as this is held: for what a person does step by step, with no key to ask again under.
    pub(crate) async fn calm(&self) -> MutexGuard<'_, ()> {
        self.calm.lock().await
    }

    /// How many it has killed.
    pub(crate) async fn kill_until(self, until: Instant) -> usize {
        let mut killed = 0;
        while Instant::now() < until {
            sleep(Duration::from_millis(rand::random_range(PAUSE_MS))).await;
            let _alone = self.calm.lock().await;
            let functions = self.functions();
            if functions.is_empty() {
                continue;
            }
            let victim = functions[rand::random_range(0..functions.len())].to_string();
            let done = Command::new("kill").args(["-KILL", &victim]).status();
            killed += usize::from(done.is_ok_and(|status| status.success()));
        }
        killed
    }

    fn functions(&self) -> Vec<u32> {
        let processes = std::fs::read_dir("/proc").unwrap();
        let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        ids.filter(|pid| is_function_of(self.group, *pid)).collect()
    }
}

/// `/proc/<pid>/stat` has the executable's name in parentheses, then state, parent and group.
fn is_function_of(group: u32, pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    let Some((name, rest)) = stat.rsplit_once(')') else {
        return false;
    };
    let of_group = rest.split_whitespace().nth(2).and_then(|text| text.parse().ok());
    name.ends_with(&format!("({EXECUTABLE}")) && of_group == Some(group)
}
