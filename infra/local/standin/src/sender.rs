//! The background task: runs planned work when it is due and sends what `deliveries` decided.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::deliveries::{self, Outgoing};
use crate::{App, World};

/// How often time is looked at; fine enough for delays of some hundred milliseconds.
const TICK: Duration = Duration::from_millis(15);

pub(crate) async fn run<W: World>(app: App<W>) {
    // Owned here, so that ending this task ends what is on its way.
    let mut sending = JoinSet::new();
    loop {
        tokio::select! {
            () = app.bell() => {}
            () = tokio::time::sleep(TICK) => {}
        }
        while sending.try_join_next().is_some() {}
        let (batch, one_by_one) = {
            let mut world = app.world();
            world.run_due();
            deliveries::take_due(&mut *world)
        };
        if batch.is_empty() {
            continue;
        }
        if one_by_one {
            sending.spawn(send_in_turn(app.clone(), batch));
        } else {
            for outgoing in batch {
                sending.spawn(send(app.clone(), outgoing));
            }
        }
    }
}

async fn send_in_turn<W: World>(app: App<W>, batch: Vec<Outgoing>) {
    for outgoing in batch {
        send(app.clone(), outgoing).await;
    }
    app.world().deliveries().busy = false;
}

async fn send<W: World>(app: App<W>, outgoing: Outgoing) {
    let (number, event) = (outgoing.number, outgoing.event.clone());
    let limit = Duration::from_millis(outgoing.message.timeout_ms);
    let outcome = match tokio::time::timeout(limit, post(outgoing)).await {
        Ok(outcome) => outcome,
        Err(_) => Err("Timed out waiting for the endpoint's answer".to_owned()),
    };
    deliveries::record(&mut *app.world(), number, &event, &outcome);
}

/// One POST over a connection of its own; returns the status.
async fn post(outgoing: Outgoing) -> Result<u16, String> {
    let uri: Uri = outgoing.url.parse().map_err(|error| format!("Invalid URL: {error}"))?;
    let host = uri.host().ok_or("The URL has no host")?;
    if uri.scheme_str() != Some("http") {
        return Err("The stand-in delivers to http:// only".to_owned());
    }
    let port = uri.port_u16().unwrap_or(80);
    // Browsers and curl take every name below `localhost` for this machine (RFC 6761); resolvers often do not.
    let stream = if host.ends_with(".localhost") {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
    } else {
        TcpStream::connect((host.trim_matches(['[', ']']), port)).await
    };
    let stream = stream.map_err(|error| format!("Cannot connect: {error}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let driver = tokio::spawn(connection);
    let authority = uri.authority().map_or(host, axum::http::uri::Authority::as_str);
    let mut request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header("host", authority)
        .header("accept", "*/*");
    for (name, value) in outgoing.message.headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(outgoing.message.body)))
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    // The answer's body means nothing, but it is read so that the receiver is not cut off while it writes.
    let _body = response.into_body().collect().await;
    driver.abort();
    Ok(status)
}
