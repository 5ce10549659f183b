//! What is sent, how often, and what the answers mean.

use std::time::Duration;

use serde_json::{Value, json};
use souk_client::online::{
    Activation, Basis, Client, ClientError, MemoryStorage, Method, RefusalKind, Settings, TransportError,
};

use crate::marketplace::{Answer, Marketplace, client, denied, down, ok, problem, settings, valid};
use crate::support::{KEY, at};

#[test]
fn a_validation_names_licence_machine_and_key() {
    let marketplace = Marketplace::answering([valid()]);
    let standing = client(&marketplace, &MemoryStorage::default()).validate().unwrap();
    assert!(standing.is_valid() && standing.allows("export-stems") && !standing.allows("more"));
    assert_eq!(standing.basis, Basis::Online);
    assert!(standing.not_kept.is_none());
    assert_eq!(standing.validation.expires_at, Some(at("2027-01-01T00:00:00Z")));
    assert_eq!(standing.validation.more["policy"], "studio");

    let [request] = marketplace.requests().try_into().unwrap();
    assert_eq!(request.method, Method::Post);
    assert_eq!(
        request.url,
        "https://souk.example.com/v1/licences/lic_06hj0/validations"
    );
    assert_eq!(request.header("authorization"), Some(format!("License {KEY}").as_str()));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({"fingerprint": crate::support::FINGERPRINT, "components": {"cpu": "c0ffee"}})
    );
}

#[test]
fn a_machine_takes_a_seat_beats_and_leaves() {
    let machine = || ok(&json!({"id": "mch_1", "heartbeat_due_at": "2026-03-10T00:10:00Z", "name": "Studio A"}));
    let marketplace = Marketplace::answering([machine(), machine(), Answer::Body(204, String::new())]);
    let storage = MemoryStorage::default();
    let client = client(&marketplace, &storage);
    let activation = Activation {
        name: Some("Studio A".to_owned()),
    };
    let machine = client.activate(&activation).unwrap();
    assert_eq!(machine.id, "mch_1");
    assert_eq!(machine.heartbeat_due_at, Some(at("2026-03-10T00:10:00Z")));
    assert_eq!(client.heartbeat(&machine.id).unwrap(), machine);
    client.deactivate(&machine.id).unwrap();

    let requests = marketplace.requests();
    let lines: Vec<String> = requests.iter().map(|request| format!("{request:?}")).collect();
    let machines = "https://souk.example.com/v1/licences/lic_06hj0/machines";
    assert_eq!(
        lines,
        [
            format!("POST {machines}"),
            format!("POST {machines}/mch_1/heartbeats"),
            format!("DELETE {machines}/mch_1")
        ]
    );
    let body: Value = serde_json::from_str(requests[0].body.as_deref().unwrap()).unwrap();
    assert_eq!(body["name"], "Studio A");
    assert_eq!(requests[2].body, None);
    let mut keys: Vec<_> = requests
        .iter()
        .map(|request| request.header("Idempotency-Key").unwrap())
        .collect();
    keys.dedup();
    assert_eq!(keys.len(), 3, "another request has another key");
}

#[test]
fn a_product_says_which_one_it_is_when_it_validates() {
    let marketplace = Marketplace::answering([valid(), ok(&json!({"id": "mch_1"}))]);
    let storage = MemoryStorage::default();
    let client = Client::on(
        &marketplace,
        settings().of("lst_1").in_version("1.2.0"),
        &marketplace,
        &storage,
    )
    .unwrap();
    client.validate().unwrap();
    client.activate(&Activation::default()).unwrap();
    let requests = marketplace.requests();
    let bodies = requests.iter().map(|request| request.body.as_deref().unwrap());
    let said: Vec<_> = bodies
        .map(|body| serde_json::from_str::<Value>(body).unwrap())
        .map(|body| (body["product"].clone(), body["version"].clone()))
        .collect();
    assert_eq!(
        said,
        [(json!("lst_1"), json!("1.2.0")), (Value::Null, Value::Null)],
        "activation is for the licence's own"
    );
}

#[test]
fn a_process_starts_beats_and_ends() {
    let process = || ok(&json!({"id": "prc_1", "pid": "7", "heartbeat_due_at": "2026-03-10T00:10:00Z"}));
    let due = ok(&json!({"checked_in_at": "2026-03-10T00:00:00Z", "due_at": "2026-04-10T00:00:00Z"}));
    let marketplace = Marketplace::answering([process(), process(), Answer::Body(204, String::new()), due]);
    let storage = MemoryStorage::default();
    let client = client(&marketplace, &storage);
    let process = client.spawn("mch_1", "7").unwrap();
    assert_eq!(process.heartbeat_due_at, Some(at("2026-03-10T00:10:00Z")));
    assert_eq!(client.process_heartbeat(&process.id).unwrap(), process);
    client.end(&process.id).unwrap();
    assert_eq!(client.check_in().unwrap().due_at, Some(at("2026-04-10T00:00:00Z")));
    assert!(matches!(client.end("../machines/mch_1"), Err(ClientError::Settings(_))));

    let requests = marketplace.requests();
    let lines: Vec<String> = requests.iter().map(|request| format!("{request:?}")).collect();
    let licence = "https://souk.example.com/v1/licences/lic_06hj0";
    assert_eq!(
        lines,
        [
            format!("POST {licence}/machines/mch_1/processes"),
            format!("POST {licence}/processes/prc_1/heartbeats"),
            format!("DELETE {licence}/processes/prc_1"),
            format!("POST {licence}/check-ins"),
        ]
    );
    assert_eq!(requests[0].body.as_deref(), Some(r#"{"pid":"7"}"#));
}

#[test]
fn what_got_no_answer_is_sent_again_with_the_same_key() {
    let machine = ok(&json!({"id": "mch_1"}));
    let busy = Answer::Problem(409, "request_in_progress", Some(3));
    let marketplace = Marketplace::answering([down(), busy, machine]);
    let storage = MemoryStorage::default();
    client(&marketplace, &storage).activate(&Activation::default()).unwrap();
    let requests = marketplace.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| *request == requests[0]));
    let pauses = [Duration::from_millis(500), Duration::from_secs(3)];
    assert_eq!(marketplace.pauses(), pauses, "the second as long as it was asked to");
}

#[test]
fn it_gives_up_after_its_attempts() {
    let marketplace = Marketplace::answering([down(), down(), down()]);
    let storage = MemoryStorage::default();
    let error = client(&marketplace, &storage).heartbeat("mch_1").unwrap_err();
    assert_eq!(error, ClientError::Unreachable(TransportError("no route".to_owned())));
    assert_eq!(marketplace.requests().len(), 3);
}

#[test]
fn a_long_pause_is_left_to_the_application() {
    let marketplace = Marketplace::answering([Answer::Problem(429, "rate_limited", Some(60))]);
    let storage = MemoryStorage::default();
    let Err(ClientError::Refused(refusal)) = client(&marketplace, &storage).heartbeat("mch_1") else {
        panic!("refused")
    };
    assert_eq!(
        (refusal.kind, refusal.retry_after),
        (RefusalKind::RateLimited, Some(Duration::from_secs(60)))
    );
    assert!(marketplace.pauses().is_empty());
}

#[track_caller]
fn refused(status: u16, kind: RefusalKind) {
    let answers = std::iter::repeat_with(|| problem(status, "some_code")).take(3);
    let marketplace = Marketplace::answering(answers);
    let storage = MemoryStorage::default();
    let Err(ClientError::Refused(refusal)) = client(&marketplace, &storage).activate(&Activation::default()) else {
        panic!("refused")
    };
    assert_eq!((refusal.kind, refusal.problem.code.as_str()), (kind, "some_code"));
    assert_eq!(refusal.problem.errors[0].pointer, "/fingerprint");
    let attempts = if status >= 500 || status == 429 { 3 } else { 1 };
    assert_eq!(marketplace.requests().len(), attempts, "{status}");
}

#[test]
fn problem_documents_become_errors_of_their_kind() {
    refused(400, RefusalKind::Invalid);
    refused(401, RefusalKind::Unauthorised);
    refused(403, RefusalKind::Forbidden);
    refused(404, RefusalKind::NotFound);
    refused(409, RefusalKind::Conflict);
    refused(410, RefusalKind::NotFound);
    refused(415, RefusalKind::Other);
    refused(422, RefusalKind::Invalid);
    refused(429, RefusalKind::RateLimited);
    refused(500, RefusalKind::Server);
    refused(503, RefusalKind::Server);
}

#[test]
fn who_is_not_the_marketplace_is_not_believed() {
    let answers = [
        (200, "<html>Log in to the hotel's network"),
        (302, ""),
        (403, "<h1>Forbidden</h1>"),
        (404, "{}"),
    ];
    for (status, body) in answers {
        let body = Answer::Body(status, body.to_owned());
        let marketplace = Marketplace::answering([body.clone(), body.clone(), body]);
        let storage = MemoryStorage::default();
        let error = client(&marketplace, &storage)
            .activate(&Activation::default())
            .unwrap_err();
        assert_eq!(error, ClientError::NotTheMarketplace { status });
    }
}

#[test]
fn a_seat_that_is_gone_already_was_given_back() {
    let storage = MemoryStorage::default();
    let marketplace = Marketplace::answering([down(), denied()]);
    assert_eq!(client(&marketplace, &storage).deactivate("mch_1"), Ok(()));
    let marketplace = Marketplace::answering([denied()]);
    let unknown = client(&marketplace, &storage).deactivate("mch_1");
    assert!(
        unknown.is_err_and(|error| error.is_denial()),
        "nobody has given it back"
    );
}

#[test]
fn what_cannot_be_sent_safely_is_not_sent() {
    let marketplace = Marketplace::answering([]);
    let storage = MemoryStorage::default();
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        Client::on(&marketplace, settings, &marketplace, &storage).is_ok()
    };
    assert!(with(|_| {}));
    for local in ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:80/souk"] {
        let mut settings = settings();
        settings.marketplace = local.to_owned();
        assert!(
            Client::on(&marketplace, settings, &marketplace, &storage).is_ok(),
            "{local}"
        );
    }
    assert!(!with(
        |settings| settings.marketplace = "http://souk.example.com".to_owned()
    ));
    assert!(!with(
        |settings| settings.marketplace = "http://localhost.example.com".to_owned()
    ));
    assert!(!with(
        |settings| settings.marketplace = "http://localhost:x@example.com".to_owned()
    ));
    assert!(!with(|settings| settings.marketplace = "souk.example.com".to_owned()));
    assert!(!with(|settings| settings.licence_id = "../partners".to_owned()));
    assert!(!with(|settings| settings.licence_id.clear()));
    assert!(!with(|settings| settings.key = "a key\r\nHost: elsewhere".to_owned()));
    assert!(!with(|settings| settings.key.clear()));
    let client = client(&marketplace, &storage);
    assert!(client.heartbeat("mch_1/../mch_2").is_err() && client.deactivate("").is_err());
    assert!(marketplace.requests().is_empty());
    assert!(!format!("{client:?}").contains(KEY));
}
