//! The processor's part played in the same process, for a simulation.

use std::error::Error;
use std::fmt;
use std::pin::Pin;

use axum::http::{Request, Response};

/// An error is no answer: whether the request was done is not known.
pub type Answer = Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>>;

pub trait Peer: fmt::Debug + Send + Sync {
    fn answer(&self, request: Request<Vec<u8>>) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>>;
}

pub(super) async fn ask(peer: &dyn Peer, request: reqwest::Request) -> Answer {
    let request = Request::try_from(request)?;
    let body = |body: reqwest::Body| body.as_bytes().unwrap_or_default().to_vec();
    peer.answer(request.map(body)).await
}
