//! One exchange with a processor: its status and body, or that the outcome is unknown. Nothing is ever sent twice from here.

#[cfg(feature = "test-util")]
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use tokio::sync::OnceCell;
use url::Url;

use super::ProcessorError;
use super::error::LargeAnswer;
#[cfg(feature = "test-util")]
use super::peer::Peer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Processors answer most calls within a second; creating an account takes several.
const TIMEOUT: Duration = Duration::from_secs(20);
/// More than any single object. A page of large ones may be more than that, and is asked for in smaller pages.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Connects at the first request.
#[derive(Debug, Default)]
pub(super) struct Http {
    client: OnceCell<reqwest::Client>,
    #[cfg(feature = "test-util")]
    peer: Option<Arc<dyn Peer>>,
}

/// Writes the requests that never leave the process: it takes longer to make than a test runs.
#[cfg(feature = "test-util")]
static WRITER: LazyLock<Option<reqwest::Client>> = LazyLock::new(|| build().ok());

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Http {
    /// With somebody in the same process who plays the processor's part.
    #[cfg(feature = "test-util")]
    pub(super) fn in_process(peer: Arc<dyn Peer>) -> Self {
        Self {
            client: OnceCell::new_with(WRITER.clone()),
            peer: Some(peer),
        }
    }

    pub(super) async fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, ProcessorError> {
        let client = self.client.get_or_try_init(async || build()).await;
        Ok(client.map_err(ProcessorError::unauthorised)?.request(method, url))
    }

    /// Sends a request that is complete.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, ProcessorError> {
        #[cfg(feature = "test-util")]
        if let Some(peer) = &self.peer {
            let answer = super::peer::ask(&**peer, request.build().map_err(ProcessorError::unknown)?).await;
            let (head, body) = answer.map_err(ProcessorError::unknown)?.into_parts();
            return Ok(Answer {
                status: head.status,
                body,
            });
        }
        read(request.send().await.map_err(ProcessorError::unknown)?).await
    }
}

async fn read(mut response: reqwest::Response) -> Result<Answer, ProcessorError> {
    let status = response.status();
    tracing::debug!(
        http.status = status.as_u16(),
        path = response.url().path(),
        "the processor answered"
    );
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ProcessorError::unknown)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            return Err(ProcessorError::unknown(LargeAnswer(MAX_ANSWER_BYTES)));
        }
    }
    Ok(Answer { status, body })
}

/// The address of a path's segments. Ids come from the processor, but a segment that is pushed cannot leave its place in the path
/// whatever it holds.
pub(super) fn address(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

fn build() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("souk")
        .build()
}
