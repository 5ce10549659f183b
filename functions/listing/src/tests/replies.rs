//! What partners and moderators say to each other.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::messages::{Message, Notice};
use shared::scan::Verdict;
use shared::testing::Answer;

use super::{Draft, World, content, pointers, text};

struct Waiting {
    world: World,
    version: Draft,
    submission: String,
    case: String,
}

impl Waiting {
    async fn new() -> Self {
        let world = World::new().await;
        let listing = world.listing(&content()).await.id;
        let version = world.version(listing, "1.0.0").await;
        world.scan(&version, Verdict::Passed).await;
        let submission = world.submit(&version).await;
        let queue = world.as_olga("/v1/review-cases").await;
        let case = format!("/review-cases/{}", text(&queue["items"][0], "id"));
        world.app.take_messages();
        Self {
            world,
            version,
            submission,
            case,
        }
    }

    async fn ask(&self, operator: &str, asked: &str) -> Answer {
        let world = &self.world;
        let path = world.path(&format!("{}/replies", self.case));
        let question = world.app.post(path, &json!({"text": asked}));
        question.bearer(&world.app.sign_in_operator(operator)).send().await
    }

    async fn answer(&self, said: &str) -> Answer {
        let path = format!("{}/replies", self.version.path);
        self.world.post(&path, &json!({"text": said})).await
    }
}

impl World {
    async fn as_olga(&self, path: &str) -> Value {
        let operator = self.app.sign_in_operator("olga");
        self.app
            .get(path.to_owned())
            .bearer(&operator)
            .send()
            .await
            .expect(200)
            .json()
    }
}

#[tokio::test]
async fn a_question_goes_out_by_mail_and_its_answer_stands_in_the_case() {
    let waiting = Waiting::new().await;
    let world = &waiting.world;
    let asked = waiting.ask("olga", "Whose samples are these?").await.expect(201).json();
    assert_eq!((text(&asked, "side"), &asked["by"]), ("moderator", &Value::Null));
    let messages = world.app.take_messages();
    let Message::PartnerNotice {
        notice: Notice::Reply { text: told, .. },
        ..
    } = &messages[0].message
    else {
        panic!("{messages:?}")
    };
    assert_eq!(told, "Whose samples are these?");

    world.app.clock.advance(SignedDuration::from_mins(5));
    waiting.answer("Our own, recorded in May.").await.expect(201);
    let seen = world
        .get(&format!("{}/replies", waiting.version.path))
        .await
        .expect(200)
        .json();
    let said: Vec<_> = seen["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|reply| text(reply, "text"))
        .collect();
    assert_eq!(said, ["Whose samples are these?", "Our own, recorded in May."]);
    assert_eq!(seen["items"][1]["by"], json!(world.app.user("ada").await));

    let case = world.as_olga(&world.path(&waiting.case)).await;
    assert_eq!(case["replies"].as_array().expect("replies").len(), 2);
    assert_eq!(text(&case, "answered_at"), world.app.now().to_string());
    assert!(world.app.take_messages().is_empty(), "moderators look into the queue");
}

#[tokio::test]
async fn what_was_said_outlives_the_case() {
    let waiting = Waiting::new().await;
    let world = &waiting.world;
    world
        .decide(&waiting.submission, &json!({"decision": "approve"}))
        .await
        .expect(201);
    world.app.take_messages();
    waiting.answer("Thank you!").await.expect(201);
    waiting.ask("olga", "Too late?").await.expect_problem(404, "not_found");
    let seen = world
        .get(&format!("{}/replies", waiting.version.path))
        .await
        .expect(200)
        .json();
    assert_eq!(seen["items"].as_array().expect("items").len(), 1);
}

#[tokio::test]
async fn who_may_not_say_anything_is_told_why() {
    let waiting = Waiting::new().await;
    let world = &waiting.world;
    assert_eq!(
        pointers(&waiting.answer("").await.expect_problem(422, "invalid_request").json()),
        ["/text"]
    );
    world
        .post(&format!("{}/replies", waiting.case), &json!({"text": "Please!"}))
        .await
        .expect_problem(403, "operator_required");
    let operator = world.app.sign_in_operator("olga");
    let path = world.path(&format!("{}/replies", waiting.version.path));
    let as_partner = world.app.post(path, &json!({"text": "Hello"})).bearer(&operator);
    as_partner.send().await.expect_problem(403, "operators_only_look");
    let claim = world.path(&format!("{}/claim", waiting.case));
    world
        .app
        .post(claim, &json!({}))
        .bearer(&operator)
        .send()
        .await
        .expect(200);
    waiting
        .ask("oskar", "And these?")
        .await
        .expect_problem(409, "case_claimed");
}

#[tokio::test]
async fn the_same_request_says_it_once() {
    let waiting = Waiting::new().await;
    let world = &waiting.world;
    let path = world.path(&format!("{}/replies", waiting.version.path));
    for _ in 0..2 {
        let again = world.app.post(path.clone(), &json!({"text": "Once."}));
        let again = again.bearer(&world.app.sign_in("ada")).idempotency_key("once");
        again.send().await.expect(201);
    }
    let seen = world
        .get(&format!("{}/replies", waiting.version.path))
        .await
        .expect(200)
        .json();
    assert_eq!(seen["items"].as_array().expect("items").len(), 1);
}
