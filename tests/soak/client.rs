//! A client as the README asks for: what was not answered is asked again, a POST under the same key.

use std::time::Duration;

use serde_json::Value;
use support::{Answer, Api};
use tokio::time::sleep;

/// A function that was killed is started again at the next request; several in a row are bad luck.
const TRIES: usize = 30;
const PAUSE: Duration = Duration::from_millis(300);

pub(crate) async fn get(api: &Api, path: &str) -> Answer {
    answered(async || api.get(path).await).await
}

pub(crate) async fn post(api: &Api, path: &str, key: &str, body: &Value) -> Answer {
    answered(async || api.post_with_key(path, key, body.clone()).await).await
}

/// The first answer that is not a failure of the server's, nor that the same request is still being worked on.
async fn answered(ask: impl AsyncFn() -> Answer) -> Answer {
    for _ in 1..TRIES {
        let answer = ask().await;
        let is_running = answer.status == 409 && answer.text().contains("idempotency_");
        if answer.status < 500 && !is_running {
            return answer;
        }
        sleep(PAUSE).await;
    }
    ask().await
}
