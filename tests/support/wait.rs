//! Waiting for what happens behind a queue: bounded, quick to notice, and telling what was seen when it did not happen.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Long enough for a cold function behind two queues on a machine that runs other tests beside this one.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// What `look` finds, as soon as it finds it. `Err` says what is there instead.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Result<T, String>) -> T {
    eventually_within(PATIENCE, what, look).await
}

/// [`eventually`] for what takes longer, such as a message on its way to the dead letters.
pub async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => {
                panic!("{what}: not within {} s. Last seen: {seen}", patience.as_secs())
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}
