//! What is suspended or taken down: neither downloaded nor sold, and on the block list.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::ids::PartnerId;
use shared::listing::{ListedAct, Published, ReasonCode, Stage, Standing, Version, sample};
use shared::objects::Bucket;
use shared::store::{Condition, Write, keys};
use shared::testing::TestApp;

use super::{Shop, bought, lines, session, shop};

/// Publishes a version, with a package in the bucket.
async fn publish(app: &TestApp, pads: &mut sample::Shop, number: &str) {
    let place = pads.approved(number);
    let version = &mut pads.versions[place];
    let Stage::Approved { artifact, .. } = &mut version.stage else {
        panic!("approved")
    };
    let key = artifact.object_key.clone();
    let package = number.as_bytes().to_vec();
    let put = app.objects.put(Bucket::Clean, &key, "application/zip", package).await;
    artifact.object_version = put.expect("written").version.expect("versioned");
    let submission = pads.submissions.get_mut(&version.id).expect("handed in");
    submission.artifact = artifact.clone();
    pads.publish(place).expect("approved");
}

/// Stores the seller's listing as it is now: its versions, and what the public sees of them.
async fn stock(app: &TestApp, seller: PartnerId, pads: &sample::Shop) {
    let version = |version: &Version| {
        let key = keys::version(version.listing, version.id);
        Write::overwrite(key, version).expect("an item")
    };
    let mut writes: Vec<_> = pads.versions.iter().map(version).collect();
    let seen = keys::published(pads.listing.id);
    writes.push(match &pads.published {
        Some(published) => {
            let published = Published {
                partner: seller,
                ..published.clone()
            };
            Write::overwrite(seen, &published).expect("an item")
        }
        None => Write::delete(seen, Condition::Present),
    });
    app.store.transact(writes).await.expect("written");
}

#[tokio::test]
async fn what_is_stopped_is_neither_downloaded_nor_sold() {
    let Shop { app, stripe, .. } = shop().await;
    let (anna, token) = (app.seller("anna").await, app.sign_in("carla"));
    let mut pads = sample::Shop::new();
    for number in ["1.0.0", "2.0.0"] {
        publish(&app, &mut pads, number).await;
    }
    stock(&app, anna, &pads).await;
    let listing = pads.listing.id;
    let licence = bought(&app, listing, "carla").await;
    let downloads = format!("/v1/licences/{}/downloads", licence.id);
    let download = async |request: &Value| app.post(&downloads, request).bearer(&token).send().await;
    let order = async || app.post("/v1/orders", &lines(&[listing])).bearer(&token).send().await;
    let (first, second) = (
        json!({"version_id": pads.versions[0].id}),
        json!({"version_id": pads.versions[1].id}),
    );
    let latest = json!({});
    assert_eq!(download(&second).await.expect(201).json()["version"], "2.0.0");

    pads.rule_on("2.0.0", ListedAct::Suspend, ReasonCode::UnderInvestigation, &[])
        .expect("listed");
    stock(&app, anna, &pads).await;
    let refused = download(&second).await.expect_problem(409, "version_stopped").json();
    let detail = refused["detail"].as_str().expect("a sentence");
    assert!(
        detail.contains("2.0.0") && detail.contains("under_investigation"),
        "{detail}"
    );
    for other in [&first, &latest] {
        assert_eq!(download(other).await.expect(201).json()["version"], "1.0.0");
    }
    stripe.answers(200, session("cs_test_1"));
    order().await.expect(201);

    pads.rule_on("1.0.0", ListedAct::TakeDown, ReasonCode::Malicious, &[])
        .expect("listed");
    stock(&app, anna, &pads).await;
    for stopped in [&first, &second] {
        download(stopped).await.expect_problem(409, "version_stopped");
    }
    download(&latest).await.expect_problem(409, "no_published_version");
    let refused = order().await.expect_problem(422, "invalid_request").json();
    assert_eq!(refused["errors"][0]["pointer"], "/lines/0/listing_id");
    let cart = app.put(format!("/v1/cart/lines/{listing}"), &json!({})).bearer(&token);
    cart.send().await.expect_problem(404, "not_found");
    let page = app.get(format!("/v1/listings/{listing}")).send().await;
    page.expect_problem(404, "not_found");

    pads.rule_on("2.0.0", ListedAct::Reinstate, ReasonCode::Unfounded, &[])
        .expect("suspended");
    stock(&app, anna, &pads).await;
    for back in [&second, &latest] {
        assert_eq!(download(back).await.expect(201).json()["version"], "2.0.0");
    }
    download(&first).await.expect_problem(409, "version_stopped");
}

/// Clients believe the signature, not the answer around it.
#[tokio::test]
async fn what_is_stopped_is_on_the_signed_block_list() {
    let Shop { app, .. } = shop().await;
    let empty = app.get("/v1/block-list").send().await.expect(200).json();
    assert_eq!(empty["items"], json!([]));
    let mut pads = sample::Shop::new();
    for number in ["1.0.0", "2.0.0"] {
        publish(&app, &mut pads, number).await;
    }
    pads.rule_on("1.0.0", ListedAct::TakeDown, ReasonCode::Malicious, &[])
        .expect("listed");
    let [stopped, listed] = pads.versions.as_slice() else {
        panic!("two versions")
    };
    for (version, standing) in [(stopped, Standing::Stopped), (listed, Standing::Listed)] {
        let key = keys::version(version.listing, version.id);
        let write = Write::overwrite(key, version).expect("an item");
        let write = write.indexed(keys::version_by_standing(standing, version.listing, version.id));
        app.store.write(write).await.expect("written");
    }
    let kept = app.get("/v1/block-list").send().await.expect(200).json();
    assert_eq!(
        kept, empty,
        "a function that has just read a page does not read it again"
    );
    app.clock.advance(SignedDuration::from_secs(60));
    let list = app.get("/v1/block-list").send().await.expect(200).json();
    let items = list["items"].as_array().expect("items");
    let [item] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(
        (&item["version_id"], &item["status"], &item["reason_code"]),
        (&json!(stopped.id), &json!("taken_down"), &json!("malicious"))
    );
    assert_eq!(item["sha256"], json!(stopped.artifact().expect("bytes").sha256));

    let keys = app.get("/v1/signing-keys").send().await.expect(200).json();
    let key = keys["keys"][0]["x"].as_str().expect("a key");
    let key = jsonwebtoken::DecodingKey::from_ed_components(key).expect("a key");
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let signed = |list: &Value| {
        let jws = list["jws"].as_str().expect("a signature");
        jsonwebtoken::decode::<Value>(jws, &key, &validation)
            .expect("verified")
            .claims
    };
    for member in ["issued_at", "expires_at", "cursor", "items", "next"] {
        assert_eq!(signed(&list)[member], list[member]);
    }
    assert_eq!((&list["cursor"], &list["next"]), (&Value::Null, &Value::Null));

    // However many there are, an answer has so many and says where the others are.
    for number in 0..600 {
        let another = Version {
            id: app.seed().id(&format!("stopped {number}")),
            ..stopped.clone()
        };
        let write = Write::create(keys::version(another.listing, another.id), &another).expect("an item");
        let write = write.indexed(keys::version_by_standing(
            Standing::Stopped,
            another.listing,
            another.id,
        ));
        app.store.write(write).await.expect("written");
    }
    app.clock.advance(SignedDuration::from_secs(60));
    let (mut read, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let path = cursor.as_str().map_or_else(
            || "/v1/block-list".to_owned(),
            |next| format!("/v1/block-list?cursor={next}"),
        );
        let page = app.get(&path).send().await.expect(200).json();
        assert_eq!(
            (&signed(&page)["cursor"], &signed(&page)["next"]),
            (&cursor, &page["next"])
        );
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= 500, "{}", items.len());
        read.extend(items.iter().map(|item| item["version_id"].to_string()));
        cursor = page["next"].clone();
        if cursor.is_null() {
            break;
        }
    }
    read.sort();
    read.dedup();
    assert_eq!(read.len(), 601);
    app.get("/v1/block-list?cursor=nonsense").send().await.expect(400);
}

#[tokio::test]
async fn what_is_yanked_is_downloaded_until_it_is_stopped_too() {
    let Shop { app, .. } = shop().await;
    let (anna, token) = (app.seller("anna").await, app.sign_in("carla"));
    let mut pads = sample::Shop::new();
    publish(&app, &mut pads, "1.0.0").await;
    stock(&app, anna, &pads).await;
    let licence = bought(&app, pads.listing.id, "carla").await;
    let downloads = format!("/v1/licences/{}/downloads", licence.id);
    let request = json!({"version_id": pads.versions[0].id});
    let download = async || app.post(&downloads, &request).bearer(&token).send().await;
    pads.yank("1.0.0").expect("live");
    stock(&app, anna, &pads).await;
    download().await.expect(201);
    pads.rule_on("1.0.0", ListedAct::Suspend, ReasonCode::FoundByRescan, &[])
        .expect("listed");
    let version = &pads.versions[0];
    let write = Write::overwrite(keys::version(version.listing, version.id), version).expect("an item");
    app.store.write(write).await.expect("written");
    download().await.expect_problem(409, "version_stopped");
}
