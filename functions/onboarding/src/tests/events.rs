//! The sample events: what API Gateway hands to the function, with a token of this test's issuer.

use axum::body::Body;
use axum::http::Request;
use shared::testing::Answer;

use super::{World, notices, world};

async fn invoke(world: &World, event: &str) -> Answer {
    let event = event.replace("TOKEN", &world.app.sign_in("ada"));
    let request: Request<_> = lambda_http::request::from_str(&event).expect("an event of the HTTP API");
    let request = request.map(|body| Body::from(body.to_vec()));
    world.app.send(request).await
}

#[tokio::test]
async fn sample_events_are_answered() {
    let world = world().await;
    let valid = invoke(&world, include_str!("../../../../events/onboarding/valid.json"))
        .await
        .expect(201)
        .json();
    let duplicate = invoke(&world, include_str!("../../../../events/onboarding/duplicate.json"))
        .await
        .expect(201);
    assert_eq!(duplicate.json(), valid);
    assert_eq!(notices(&world.app), ["received"]);
    let malformed = invoke(&world, include_str!("../../../../events/onboarding/malformed.json")).await;
    malformed.expect_problem(400, "malformed_json");
}

#[test]
fn the_interface_describes_every_route() {
    let api = crate::openapi();
    let routes: Vec<_> = api.paths.paths.keys().collect();
    assert_eq!(routes.len(), 17, "{routes:?}");
    assert!(routes.iter().all(|route| route.starts_with("/v1/")));
    assert!(
        api.to_json().expect("JSON").contains("application_review"),
        "the reason codes are part of the interface"
    );
}
