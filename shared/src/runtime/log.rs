//! The log: one JSON object per line on standard output, which is where Lambda takes it from. Each names the invocation it belongs to.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged where LOG_LEVEL says nothing usable.
const FALLBACK: tracing::Level = tracing::Level::INFO;

/// A second call changes nothing.
pub(super) fn start(level: &str) {
    let targets: Targets = level.parse().unwrap_or_else(|_| Targets::new().with_default(FALLBACK));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false);
    // Refused where a test has set its own subscriber.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}
