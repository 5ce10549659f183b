//! Licences that change hands or run out: the list, the licence and its download follow their owner, the download follows the term; the order
//! stays where it is.

use shared::licence::{LicenceKey, handover};
use shared::store::{Room, leases, licences};
use shared::testing::Answer;

use super::*;

async fn get(app: &TestApp, path: &str, who: &str) -> Answer {
    app.get(path).bearer(&app.sign_in(who)).send().await
}

async fn listed(app: &TestApp, who: &str) -> Vec<Value> {
    let page = get(app, "/v1/licences", who).await.expect(200).json();
    page["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn who_is_handed_a_licence_has_it_with_its_download_and_without_the_order() {
    let Shop { app, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let (licence, kept) = (bought(&app, pads, "carla").await, bought(&app, pads, "carla").await);
    let emil = app.customer("emil").await;
    let before = commerce::licence_revision(&app.store, licence.id).await.expect("read");
    let before = before.expect("bought");
    let offered = handover::offer(&before, emil, app.now()).expect("in good standing");
    let handed = handover::accept(&offered, emil, [9; 16], app.now())
        .expect("offered")
        .licence;
    let also = licences::change_owner(licence.id, licence.owner, emil).expect("items");
    leases::save(&app.store, &before, &handed, Room::People, also)
        .await
        .expect("written");

    let theirs = listed(&app, "emil").await;
    assert_eq!(theirs.len(), 1);
    assert_eq!(
        (&theirs[0]["key"], &theirs[0]["order_id"], &theirs[0]["policy"]),
        (
            &json!(LicenceKey::new(licence.id, [9; 16]).to_string()),
            &Value::Null,
            &json!("Individual")
        )
    );
    let left: Vec<_> = listed(&app, "carla")
        .await
        .iter()
        .map(|one| one["id"].clone())
        .collect();
    assert_eq!(left, [json!(kept.id)]);
    let path = format!("/v1/licences/{}", licence.id);
    get(&app, &path, "emil").await.expect(200);
    get(&app, &path, "carla").await.expect_problem(404, "not_found");
    let download = async |who: &str| {
        let request = app.post(format!("{path}/downloads"), &json!({}));
        request.bearer(&app.sign_in(who)).send().await
    };
    download("emil").await.expect(201);
    download("carla").await.expect_problem(404, "not_found");
    let order = licence.order.expect("a sale");
    get(&app, &format!("/v1/orders/{order}"), "carla").await.expect(200);
    get(&app, &format!("/v1/orders/{order}"), "emil")
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn what_was_given_follows_what_was_bought_page_by_page() {
    let Shop { app, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let mut expected = std::collections::BTreeSet::new();
    for _ in 0..2 {
        expected.insert(bought(&app, pads, "carla").await.id.to_string());
    }
    for _ in 0..3 {
        let licence = bought(&app, pads, "dora").await;
        let carla = app.customer("carla").await;
        let before = commerce::licence_revision(&app.store, licence.id)
            .await
            .expect("read")
            .expect("bought");
        let offered = handover::offer(&before, carla, app.now()).expect("in good standing");
        let handed = handover::accept(&offered, carla, [9; 16], app.now())
            .expect("offered")
            .licence;
        let also = licences::change_owner(licence.id, licence.owner, carla).expect("items");
        leases::save(&app.store, &before, &handed, Room::People, also)
            .await
            .expect("written");
        expected.insert(licence.id.to_string());
    }
    let (mut seen, mut next) = (std::collections::BTreeSet::new(), String::new());
    loop {
        let page = get(&app, &format!("/v1/licences?limit=1{next}"), "carla")
            .await
            .expect(200)
            .json();
        for one in page["items"].as_array().expect("items") {
            assert!(
                seen.insert(one["id"].as_str().expect("an id").to_owned()),
                "{one} twice"
            );
        }
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

/// What becomes of a download, of a licence that was changed to this.
async fn downloaded(change: impl FnOnce(&mut Licence)) -> (Answer, Option<jiff::Timestamp>) {
    let Shop { app, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let licence = bought(&app, pads, "carla").await;
    let before = commerce::licence_revision(&app.store, licence.id)
        .await
        .expect("read")
        .expect("bought");
    let mut changed = before.with(before.granted());
    change(&mut changed);
    leases::save(&app.store, &before, &changed, Room::People, Vec::new())
        .await
        .expect("written");
    let request = app.post(format!("/v1/licences/{}/downloads", licence.id), &json!({}));
    let answer = request.bearer(&app.sign_in("carla")).send().await;
    let after = commerce::licence(&app.store, licence.id)
        .await
        .expect("read")
        .expect("bought");
    (answer, after.granted().expires_at)
}

#[tokio::test]
async fn an_expired_licence_downloads_what_its_policy_leaves_it() {
    let ended = |licence: &mut Licence, at: &str| {
        let grant = licence.grant.as_mut().expect("a grant");
        grant.expires_at = Some(at.parse().expect("a time"));
    };
    let trial = downloaded(|licence| {
        ended(licence, "2026-11-01T00:00:00Z");
        licence.grant.as_mut().expect("a grant").trial = true;
    });
    trial.await.0.expect_problem(409, "licence_expired");
    let too_late = downloaded(|licence| {
        licence.tier = Preset::Studio;
        ended(licence, "2020-01-01T00:00:00Z");
    });
    too_late.await.0.expect_problem(409, "licence_expired");
    let graced = downloaded(|licence| {
        licence.tier = Preset::Studio;
        ended(licence, "2026-11-21T00:00:00Z");
    });
    graced.await.0.expect(201);
}

#[tokio::test]
async fn a_term_that_begins_with_the_first_download_begins_with_it() {
    let (answer, expires_at) = downloaded(|licence| {
        let mut policy = Preset::Studio.policy();
        policy.expiry.basis = shared::licensing::policy::Basis::FirstDownload;
        licence.custom = Some(Box::new(policy));
    })
    .await;
    answer.expect(201);
    assert_eq!(expires_at, Some("2027-11-22T09:00:00Z".parse().expect("a time")));
}
