//! The sample events: what API Gateway hands to the function, with a token of this test's issuer.

use axum::body::Body;
use axum::http::Request;
use shared::testing::Answer;
use utoipa::openapi::OpenApi;

use super::World;

async fn invoke(world: &World, event: &str) -> Answer {
    let event = event.replace("TOKEN", &world.app.sign_in("ada"));
    let request: Request<_> = lambda_http::request::from_str(&event).expect("an event of the HTTP API");
    let request = request.map(|body| Body::from(body.to_vec()));
    world.app.send(request).await
}

#[tokio::test]
async fn sample_events_are_answered() {
    let world = World::new().await;
    let valid = invoke(&world, include_str!("../../../../events/listing/valid.json"))
        .await
        .expect(201)
        .json();
    let duplicate = invoke(&world, include_str!("../../../../events/listing/duplicate.json"))
        .await
        .expect(201);
    assert_eq!(duplicate.json(), valid);
    assert_eq!(
        world.get("/listings").await.expect(200).json()["items"]
            .as_array()
            .expect("items")
            .len(),
        1
    );
    let malformed = invoke(&world, include_str!("../../../../events/listing/malformed.json")).await;
    malformed.expect_problem(400, "malformed_json");
}

#[test]
fn the_interface_describes_every_route() {
    let api = crate::routes().describe(OpenApi::default());
    let routes: Vec<_> = api.paths.paths.keys().collect();
    assert_eq!(routes.len(), 32, "{routes:?}");
    assert!(routes.iter().all(|route| route.starts_with("/v1/")));
    let text = api.to_json().expect("JSON");
    for listed in [
        "infringes_rights",
        "developer-tools",
        "plugin-wasm",
        "withdrawn",
        "changes_requested",
    ] {
        assert!(text.contains(listed), "{listed} is part of the interface");
    }
}
