//! The listening server: accepts connections, hands requests on, and can hang up on a caller without an answer.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use crate::{World, sender};

/// The stand-in's shared state and the bell that tells its background task about new work.
#[derive(Debug)]
pub struct App<W> {
    world: Arc<Mutex<W>>,
    bell: Arc<Notify>,
}

impl<W> Clone for App<W> {
    fn clone(&self) -> Self {
        Self {
            world: Arc::clone(&self.world),
            bell: Arc::clone(&self.bell),
        }
    }
}

impl<W> App<W> {
    pub fn new(world: W) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
            bell: Arc::new(Notify::new()),
        }
    }

    /// Locks the world. A panic while it was locked is a bug of one request, not a reason to refuse the next.
    pub fn world(&self) -> MutexGuard<'_, W> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was planned or emitted.
    pub fn wake(&self) {
        self.bell.notify_one();
    }

    pub(crate) fn bell(&self) -> impl Future<Output = ()> + '_ {
        self.bell.notified()
    }
}

/// A response that is never sent: the connection closes instead.
#[derive(Clone, Debug)]
pub struct HangUp;

impl HangUp {
    pub fn response() -> Response<Body> {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Self);
        response
    }
}

/// A running stand-in. Dropping it ends it, with every connection and delivery under way.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:12345`, to be used as the API's base.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Starts a stand-in and returns once it listens. `world` is told the origin of its pages: the public one, or where it listens.
pub async fn serve<W: World>(
    (bind, port): (&str, u16),
    public_url: Option<&str>,
    world: impl FnOnce(String) -> W,
    router: impl FnOnce(App<W>) -> Router,
) -> io::Result<Server> {
    let listener = TcpListener::bind((bind, port)).await?;
    let address = listener.local_addr()?;
    let origin = public_url.map_or_else(|| format!("http://{address}"), str::to_owned);
    let app = App::new(world(origin.trim_end_matches('/').to_owned()));
    let router = router(app.clone());
    let tasks = vec![tokio::spawn(accept(listener, router)), tokio::spawn(sender::run(app))];
    Ok(Server { address, tasks })
}

/// Ends at Ctrl-C or at the signal a supervisor sends.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
        }
        Err(_) => {
            let _interrupt = tokio::signal::ctrl_c().await;
        }
    }
}

async fn accept(listener: TcpListener, router: Router) {
    // Owned here, so that aborting this task aborts every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(serve_connection(stream, router.clone())); }
                // Out of file descriptors, usually: wait for some to be closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let router = router.clone();
        async move {
            let response = match router.oneshot(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            // hyper closes the connection without a word when the service fails.
            if response.extensions().get::<HangUp>().is_some() {
                Err(io::Error::other("hang up"))
            } else {
                Ok(response)
            }
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new());
    // A caller that goes away is not an error of the stand-in.
    let _closed = builder.serve_connection(TokioIo::new(stream), service).await;
}
