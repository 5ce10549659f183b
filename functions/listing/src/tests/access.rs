//! Who may: every route for those who may not.

use axum::http::Method;
use serde_json::json;
use shared::auth::Scope;
use shared::scan::Verdict;

use super::{World, content, text};

/// Every route of a partner, with ids that exist.
async fn routes(world: &World) -> Vec<(Method, String)> {
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    world.scan(&version, Verdict::Passed).await;
    let submission = world.submit(&version).await;
    let refused = world.version(listing, "0.9.0").await;
    world.scan(&refused, Verdict::Rejected).await;
    let appeal = world.appealed(&refused).await;
    let (get, post) = (Method::GET, Method::POST);
    [
        (get.clone(), "/listings".to_owned()),
        (post.clone(), "/listings".to_owned()),
        (get.clone(), format!("/listings/{listing}")),
        (Method::PATCH, format!("/listings/{listing}")),
        (get.clone(), format!("/listings/{listing}/versions")),
        (post.clone(), format!("/listings/{listing}/versions")),
        (get.clone(), version.path.clone()),
        (post.clone(), format!("{}/uploads", version.path)),
        (post.clone(), format!("{}/submissions", version.path)),
        (post.clone(), format!("{}/publish", version.path)),
        (post.clone(), format!("{}/yank", version.path)),
        (get.clone(), "/submissions".to_owned()),
        (get.clone(), submission.clone()),
        (post.clone(), format!("{submission}/decisions")),
        (post.clone(), format!("{}/decisions", version.path)),
        (post.clone(), format!("{}/appeals", version.path)),
        (get.clone(), "/appeals".to_owned()),
        (get, appeal.clone()),
        (post, format!("{appeal}/decisions")),
    ]
    .map(|(method, rest)| (method, world.path(&rest)))
    .into()
}

#[tokio::test]
async fn to_everybody_else_a_partner_s_things_do_not_exist() {
    let world = World::new().await;
    for (method, path) in routes(&world).await {
        let request = || world.app.request(method.clone(), &path).json(&content());
        request().send().await.expect_problem(401, "unauthenticated");
        request()
            .bearer(&world.app.sign_in("eve"))
            .send()
            .await
            .expect_problem(404, "not_found");
        let nobody = path.replace(&world.partner.to_string(), "ptn_01h2xcejqtf2nbrexx3vqjhp41");
        let request = world.app.request(method.clone(), nobody).json(&content());
        request
            .bearer(&world.app.sign_in("ada"))
            .send()
            .await
            .expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn operators_look_and_do_not_touch() {
    let world = World::new().await;
    for (method, path) in routes(&world).await {
        if path.ends_with("/decisions") {
            continue;
        }
        let answer = world
            .app
            .request(method.clone(), &path)
            .json(&content())
            .bearer(&world.app.sign_in_operator("olga"))
            .send()
            .await;
        if method == Method::GET {
            answer.expect(200);
        } else {
            answer.expect_problem(403, "operators_only_look");
        }
    }
}

/// A listing, version, submission or appeal of one partner is nowhere to be found below another one.
#[tokio::test]
async fn one_partner_s_ids_lead_nowhere_below_another_partner() {
    let world = World::new().await;
    let routes = routes(&world).await;
    let other = "ptn_01kb200000e9v1s2d3f4g5h6j7".parse().expect("an id");
    world.app.join(other, "eve", shared::store::accounts::Role::Owner).await;
    for (method, path) in routes {
        let (_, rest) = path.split_once(&world.partner.to_string()).expect("a partner's path");
        if ["/listings", "/submissions", "/appeals"].contains(&rest) {
            continue;
        }
        let path = format!("/v1/partners/{other}{rest}");
        let body = json!({"number": "9.0.0"});
        let answer = world
            .app
            .request(method.clone(), &path)
            .json(&body)
            .bearer(&world.app.sign_in("eve"))
            .send()
            .await;
        assert!(
            matches!(answer.status.as_u16(), 403 | 404 | 422),
            "{method} {path}: {}",
            answer.text()
        );
        if method == Method::GET {
            answer.expect_problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn api_tokens_do_what_their_scopes_say_and_never_decide() {
    let world = World::new().await;
    let reads = world.app.api_token("ada", &[Scope::ListingsRead]).await;
    let writes = world.app.api_token("ada", &[Scope::ListingsWrite]).await;
    let listings = world.path("/listings");
    world.app.get(&listings).bearer(&reads).send().await.expect(200);
    world
        .app
        .get(&listings)
        .bearer(&writes)
        .send()
        .await
        .expect_problem(403, "insufficient_scope");
    world
        .app
        .post(&listings, &content())
        .bearer(&reads)
        .send()
        .await
        .expect_problem(403, "insufficient_scope");
    world
        .app
        .post(&listings, &content())
        .bearer(&writes)
        .send()
        .await
        .expect(201);
    world
        .app
        .get("/v1/review-cases")
        .bearer(&writes)
        .send()
        .await
        .expect_problem(403, "sign_in_required");
}

#[tokio::test]
async fn malformed_ids_and_methods_are_problem_documents() {
    let world = World::new().await;
    for rest in [
        "/listings/nonsense",
        "/listings/lst_1/versions",
        "/submissions/ver_01h2xcejqtf2nbrexx3vqjhp41",
        "/nothing",
    ] {
        world.get(rest).await.expect_problem(404, "not_found");
    }
    let delete = world
        .app
        .delete(world.path("/listings"))
        .bearer(&world.app.sign_in("ada"));
    delete.send().await.expect_problem(405, "method_not_allowed");
    world
        .get("/listings?limit=0")
        .await
        .expect_problem(422, "invalid_request");
    world
        .get("/listings?cursor=made-up")
        .await
        .expect_problem(400, "invalid_cursor");
    let plain = world
        .app
        .request(Method::POST, world.path("/listings"))
        .body("title=x")
        .bearer(&world.app.sign_in("ada"));
    plain.send().await.expect_problem(415, "unsupported_media_type");
    let made = world.post("/listings", &content()).await.expect(201).json();
    let other = text(&made, "id").replace("lst_", "ptn_");
    world
        .get(&format!("/listings/{other}"))
        .await
        .expect_problem(404, "not_found");
}
