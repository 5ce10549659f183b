//! The sample events: what API Gateway hands to the function, with this test's key.

use axum::body::Body;
use axum::http::Request;
use shared::licensing::Preset;
use shared::testing::Answer;
use utoipa::openapi::OpenApi;

use super::World;

async fn invoke(world: &World, event: &str) -> Answer {
    let event = event.replace("KEY", &world.key.to_string());
    let request: Request<_> = lambda_http::request::from_str(&event).expect("an event of the HTTP API");
    let request = request.map(|body| Body::from(body.to_vec()));
    world.app.send(request).await
}

#[tokio::test]
async fn sample_events_are_answered() {
    let world = World::new(Preset::Individual).await;
    let valid = invoke(&world, include_str!("../../../../events/licensing/valid.json")).await;
    let valid = valid.expect(201).json();
    let duplicate = invoke(&world, include_str!("../../../../events/licensing/duplicate.json")).await;
    assert_eq!(duplicate.expect(200).json()["id"], valid["id"]);
    let malformed = invoke(&world, include_str!("../../../../events/licensing/malformed.json")).await;
    malformed.expect_problem(400, "malformed_json");
}

#[test]
fn the_interface_describes_every_route() {
    let api = crate::routes().describe(OpenApi::default());
    assert_eq!(api.paths.paths.len(), 30, "{:?}", api.paths.paths.keys());
    let text = api.to_json().expect("JSON");
    for listed in ["TOO_MANY_MACHINES", "key_leaked", "not_started", "enterprise"] {
        assert!(text.contains(listed), "{listed} is part of the interface");
    }
}
