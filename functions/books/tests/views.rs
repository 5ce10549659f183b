//! The operator's views in-process.

use books::Context;
use shared::ids::ReconciliationId;
use shared::money::{Currency, Money};
use shared::processor::Processor;
use shared::reconciliation::{Counts, Difference, DifferenceKind, Finding, Reconciliation, Subject};
use shared::store::reconciliation as store;
use shared::testing::{Answer, TestApp};

fn app() -> TestApp {
    TestApp::new(|world| {
        let context = Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
        };
        shared::http::router(books::routes(), context)
    })
}

async fn ask(app: &TestApp, path: &str) -> Answer {
    let token = app.sign_in_operator("olga");
    app.get(path).bearer(&token).send().await
}

async fn ran(app: &TestApp, opened: u32) -> ReconciliationId {
    let run = Reconciliation {
        id: app.seed().id("run"),
        started_at: app.now(),
        ended_at: None,
        until: app.now(),
        is_complete: false,
        counts: Counts::default(),
    };
    store::begin(&app.store, &run).await.expect("memory");
    let ended = Reconciliation {
        ended_at: Some(app.now()),
        is_complete: true,
        counts: Counts {
            opened,
            open: opened,
            events_refused: 2,
            ..Counts::default()
        },
        ..run
    };
    store::finish(&app.store, &ended).await.expect("memory");
    ended.id
}

async fn open(app: &TestApp, run: ReconciliationId, transaction: &str) -> Difference {
    let subject = Subject::Movement {
        processor: Processor::Stripe,
        id: transaction.into(),
        kind: "charge".into(),
        source: Some("ch_1".into()),
    };
    let finding = Finding::expected(DifferenceKind::EntryMissing, Money::new(1255, Currency::EUR));
    let difference = Difference::open(subject, finding, run, app.now());
    let writes = store::save_difference(&difference, None, run, &[]).expect("items");
    app.store.transact(writes.into()).await.expect("memory");
    difference
}

#[tokio::test]
async fn a_report_has_its_differences_page_by_page() {
    let app = app();
    let run = ran(&app, 3).await;
    for transaction in ["txn_1", "txn_2", "txn_3"] {
        open(&app, run, transaction).await;
    }
    let list = ask(&app, "/v1/reconciliations").await.expect(200).json();
    assert_eq!(
        (list["items"][0]["id"].as_str(), &list["items"][0]["opened"]),
        (Some(run.to_string().as_str()), &3.into())
    );
    assert_eq!(
        list["items"][0]["events_refused"], 2,
        "what could not be taken in is told"
    );
    let first = ask(&app, &format!("/v1/reconciliations/{run}?limit=2"))
        .await
        .expect(200)
        .json();
    assert_eq!((&first["is_complete"], &first["open"]), (&true.into(), &3.into()));
    let shown = &first["differences"]["items"];
    assert_eq!(shown.as_array().map(Vec::len), Some(2));
    assert_eq!(shown[0]["transaction"], "txn_1");
    assert_eq!(
        (shown[0]["kind"].as_str(), shown[0]["expected"]["amount"].as_i64()),
        (Some("entry_missing"), Some(1255))
    );
    assert!(shown[0]["closed_at"].is_null() && shown[0]["advice"].as_str().is_some_and(|advice| advice.len() > 20));
    let next = first["differences"]["next"].as_str().expect("a next page");
    let second = ask(&app, &format!("/v1/reconciliations/{run}?limit=2&cursor={next}"))
        .await
        .expect(200)
        .json();
    assert_eq!(second["differences"]["items"][0]["transaction"], "txn_3");
}

#[tokio::test]
async fn what_is_closed_leaves_the_list_and_stays_in_the_reports() {
    let app = app();
    let (first, second) = (ran(&app, 1).await, ran(&app, 0).await);
    open(&app, first, "txn_1").await;
    let subject = open(&app, first, "txn_2").await.subject;
    let known = store::difference(&app.store, &subject)
        .await
        .expect("memory")
        .expect("open");
    let closed = store::save_difference(&known.close(second, app.now()), Some(&known), second, &[]).expect("items");
    app.store.transact(closed.into()).await.expect("as it was read");
    let open = ask(&app, "/v1/differences").await.expect(200).json();
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(open["items"][0]["transaction"], "txn_1");
    for run in [first, second] {
        let report = ask(&app, &format!("/v1/reconciliations/{run}"))
            .await
            .expect(200)
            .json();
        let items = report["differences"]["items"].as_array().expect("items").clone();
        let healed = items
            .iter()
            .find(|item| item["transaction"] == "txn_2")
            .expect("it stays in the report");
        assert_eq!(healed["closed_by"], second.to_string());
    }
}

#[tokio::test]
async fn only_operators_see_the_books() {
    let app = app();
    let run = ran(&app, 0).await;
    let token = app.sign_in("carla");
    for path in [
        "/v1/reconciliations".to_owned(),
        format!("/v1/reconciliations/{run}"),
        "/v1/differences".to_owned(),
    ] {
        app.get(path.clone())
            .bearer(&token)
            .send()
            .await
            .expect_problem(403, "operator_required");
        app.get(path).send().await.expect_problem(401, "unauthenticated");
    }
    let nobodys: ReconciliationId = app.seed().id("never ran");
    ask(&app, &format!("/v1/reconciliations/{nobodys}"))
        .await
        .expect_problem(404, "not_found");
}
