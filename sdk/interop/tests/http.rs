//! The transport that comes with the client crate, over a socket.

use std::io::{Read, Write};
use std::time::Duration;

use souk_client::online::{Method, Request, Response, Transport, UreqTransport};

/// One request over a socket of this machine, as the HTTP library sends it and reads the answer.
#[test]
fn it_speaks_http() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/v1/licences/lic_1/validations",
        listener.local_addr().unwrap()
    );
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        while !received.ends_with(b"{\"a\":1}") {
            let length = stream.read(&mut buffer).unwrap();
            received.extend_from_slice(&buffer[..length]);
        }
        let answer =
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(received).unwrap()
    });
    let transport = UreqTransport::new(Duration::from_secs(20));
    let request = Request {
        method: Method::Post,
        url,
        headers: vec![("Authorization", "License x".to_owned())],
        body: Some("{\"a\":1}".to_owned()),
    };
    let response = transport.send(&request).unwrap();
    let expected = Response {
        status: 429,
        retry_after: Some(Duration::from_secs(7)),
        body: "{}".to_owned(),
    };
    assert_eq!(response, expected);
    let received = server.join().unwrap().to_lowercase();
    assert!(
        received.starts_with("post /v1/licences/lic_1/validations http/1.1\r\n"),
        "{received}"
    );
    assert!(received.contains("authorization: license x\r\n"), "{received}");
    // Now nobody listens.
    assert!(transport.send(&request).is_err());
}
