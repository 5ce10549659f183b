use jiff::SignedDuration;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::*;
use crate::testing::TestIssuer;

fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().expect("a time")
}

#[track_caller]
fn refused(outcome: Result<Claims, SignInError>, why: &str) {
    match outcome {
        Err(SignInError::Refused(said)) => assert!(said.contains(why), "refused with {said:?}, expected {why:?}"),
        other => panic!("expected a refusal with {why:?}, got {other:?}"),
    }
}

#[tokio::test]
async fn a_good_token_says_who_it_is() {
    let issuer = TestIssuer::new();
    let claims = issuer
        .verifier()
        .verify(&issuer.token("ada", now()).mint(), now())
        .await
        .expect("valid");
    assert_eq!(claims.subject, "ada");
    assert_eq!(claims.email.as_deref(), Some("ada@example.com"));
    assert!(!claims.operator);
}

#[tokio::test]
async fn an_address_that_is_not_verified_is_not_taken() {
    let issuer = TestIssuer::new();
    let token = issuer.token("ada", now()).claim("email_verified", json!(false)).mint();
    assert_eq!(
        issuer.verifier().verify(&token, now()).await.expect("valid").email,
        None
    );
}

#[tokio::test]
async fn claims_are_checked_each_for_itself() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let token = || issuer.token("ada", now());
    let at = now().as_second();
    for (token, why) in [
        (token().claim("iss", json!("https://other.example")), "another issuer"),
        (token().without("iss"), "another issuer"),
        (token().claim("aud", json!("other")), "another audience"),
        (token().claim("aud", json!(["other", "more"])), "another audience"),
        (token().without("aud"), "another audience"),
        (token().without("exp"), "when it expires"),
        (token().claim("exp", json!("tomorrow")), "when it expires"),
        (token().claim("exp", json!(at - 60)), "expired"),
        (token().claim("nbf", json!(at + 61)), "not valid yet"),
        (token().without("sub"), "whose it is"),
        (token().claim("sub", json!("")), "whose it is"),
        (token().claim("sub", json!("x".repeat(256))), "whose it is"),
        (token().claim("email", json!({})), "malformed"),
    ] {
        refused(verifier.verify(&token.mint(), now()).await, why);
    }
    for token in [
        token().claim("exp", json!(at - 59)),
        token().claim("nbf", json!(at + 60)),
        token().claim("aud", json!(["other", "souk"])),
        token().claim(
            "exp",
            serde_json::from_str(&format!("{}.5", at + 10)).expect("a number"),
        ),
    ] {
        verifier.verify(&token.mint(), now()).await.expect("within the leeway");
    }
}

#[tokio::test]
async fn roles_come_as_text_or_list_or_nested() {
    let issuer = TestIssuer::new();
    for (roles, operator) in [
        (json!("operator"), true),
        (json!("reader operator"), true),
        (json!(["reader", "operator"]), true),
        (json!(["operators"]), false),
        (json!({"operator": true}), false),
        (json!(1), false),
    ] {
        let token = issuer.token("ada", now()).claim("roles", roles.clone()).mint();
        assert_eq!(
            issuer.verifier().verify(&token, now()).await.expect("valid").operator,
            operator,
            "{roles}"
        );
    }
    let nested = json!({"realm_access": {"roles": ["operator"]}});
    assert!(has_role(
        nested.as_object().expect("an object"),
        "realm_access.roles",
        OPERATOR
    ));
    let flat = json!({"https://souk.example/roles": "operator"});
    assert!(has_role(
        flat.as_object().expect("an object"),
        "https://souk.example/roles",
        OPERATOR
    ));
}

#[tokio::test]
async fn signatures_and_algorithms_cannot_be_talked_round() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let good = issuer.token("ada", now()).mint();
    let (rest, signature) = good.rsplit_once('.').expect("three parts");

    refused(verifier.verify("", now()).await, "not a JWT");
    refused(verifier.verify("a.b.c", now()).await, "not a JWT");
    refused(verifier.verify(&"x".repeat(9_000), now()).await, "too long");
    refused(verifier.verify(&format!("{rest}."), now()).await, "signature");
    refused(
        verifier
            .verify(&format!("{rest}.{}", signature.replace(&signature[..4], "AAAA")), now())
            .await,
        "signature",
    );
    // Signed by a key that claims to be the published one.
    refused(
        verifier
            .verify(
                &issuer
                    .token("ada", now())
                    .signed_with(2)
                    .header(|h| h.kid = Some("key-1".into()))
                    .mint(),
                now(),
            )
            .await,
        "signature",
    );
    refused(
        verifier
            .verify(
                &issuer
                    .token("ada", now())
                    .header(|h| h.crit = Some(vec!["exp".into()]))
                    .mint(),
                now(),
            )
            .await,
        "extensions",
    );

    // The public key as an HMAC secret, and no signature at all.
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("key-1".into());
    let hmac =
        jsonwebtoken::encode(&header, &json!({"sub": "ada"}), &EncodingKey::from_secret(b"public")).expect("a token");
    refused(verifier.verify(&hmac, now()).await, "algorithm");
    refused(
        verifier.verify("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.", now()).await,
        "not a JWT",
    );
}

#[tokio::test]
async fn a_key_for_something_else_does_not_verify() {
    let issuer = TestIssuer::new();
    issuer.lock().keys[0].common.public_key_use = Some(PublicKeyUse::Encryption);
    refused(
        issuer
            .verifier()
            .verify(&issuer.token("ada", now()).mint(), now())
            .await,
        "cannot have signed",
    );
    let issuer = TestIssuer::new();
    issuer.lock().keys[0].common.key_algorithm = Some(jsonwebtoken::jwk::KeyAlgorithm::RS256);
    refused(
        issuer
            .verifier()
            .verify(&issuer.token("ada", now()).mint(), now())
            .await,
        "cannot have signed",
    );
}

#[tokio::test]
async fn rotation_is_followed_and_strangers_do_not_make_us_fetch() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let old = issuer.token("ada", now()).mint();
    let new = issuer.token("ada", now()).signed_with(2).mint();
    verifier.verify(&old, now()).await.expect("the published key");
    assert_eq!(issuer.lock().fetches, 1);

    issuer.publish(&[1, 2]);
    for _ in 0..5 {
        refused(verifier.verify(&new, now()).await, "does not publish");
    }
    assert_eq!(
        issuer.lock().fetches,
        1,
        "within a minute of the last fetch nobody fetches"
    );
    let later = now() + SignedDuration::from_secs(60);
    verifier.verify(&new, later).await.expect("the new key");
    assert_eq!(issuer.lock().fetches, 2);

    issuer.publish(&[2]);
    verifier.verify(&old, later).await.expect("not known to be withdrawn");
    let much_later = now() + SignedDuration::from_mins(59) + SignedDuration::from_secs(60);
    let old = issuer.token("ada", much_later).mint();
    verifier.verify(&old, much_later).await.expect("an hour is not over");
    let after_an_hour = later + SignedDuration::from_hours(1);
    refused(
        verifier
            .verify(&issuer.token("ada", after_an_hour).mint(), after_an_hour)
            .await,
        "does not publish",
    );
}

#[tokio::test]
async fn an_issuer_that_is_down_is_no_refusal() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    issuer.lock().broken = true;
    assert!(matches!(
        verifier.verify(&issuer.token("ada", now()).mint(), now()).await,
        Err(SignInError::Unavailable(_))
    ));

    issuer.lock().broken = false;
    verifier
        .verify(&issuer.token("ada", now()).mint(), now())
        .await
        .expect("up again, at once");
    issuer.lock().broken = true;
    let in_two_hours = now() + SignedDuration::from_hours(2);
    verifier
        .verify(&issuer.token("ada", in_two_hours).mint(), in_two_hours)
        .await
        .expect("old keys still serve");
    let in_two_days = now() + SignedDuration::from_hours(48);
    let outcome = verifier
        .verify(&issuer.token("ada", in_two_days).mint(), in_two_days)
        .await;
    assert!(matches!(outcome, Err(SignInError::Unavailable(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_token_without_a_key_id_needs_a_single_key() {
    let issuer = TestIssuer::new();
    let token = issuer.token("ada", now()).header(|header| header.kid = None).mint();
    issuer.verifier().verify(&token, now()).await.expect("the only key");
    issuer.publish(&[1, 2]);
    refused(issuer.verifier().verify(&token, now()).await, "does not publish");
}

mod over_http {
    use super::*;
    use crate::testing::ScriptedServer;

    async fn verify(issuer: &str, server: &ScriptedServer) -> Result<Claims, SignInError> {
        let verifier = Verifier::discover(issuer.to_owned(), "souk".into(), "roles".into());
        let token = TestIssuer::new().token("ada", now()).claim("iss", json!(issuer)).mint();
        let _ = server;
        verifier.verify(&token, now()).await
    }

    #[tokio::test]
    async fn keys_are_found_through_the_discovery_document() {
        let server = ScriptedServer::start().await;
        let issuer = server.base().as_str().to_owned();
        let odd_key = json!({"kty": "future", "kid": "odd"});
        server.answers(200, json!({"issuer": issuer, "jwks_uri": format!("{issuer}keys")}));
        server.answers(200, json!({"keys": [odd_key, TestIssuer::public_key(1)]}));
        assert_eq!(verify(&issuer, &server).await.expect("valid").subject, "ada");
        let asked: Vec<_> = server.take_asked().into_iter().map(|request| request.path).collect();
        assert_eq!(asked, ["/.well-known/openid-configuration", "/keys"]);
    }

    #[tokio::test]
    async fn an_issuer_by_another_name_or_without_tls_is_not_believed() {
        let server = ScriptedServer::start().await;
        let issuer = server.base().as_str().to_owned();
        server.answers(
            200,
            json!({"issuer": "https://other.example", "jwks_uri": format!("{issuer}keys")}),
        );
        assert!(matches!(
            verify(&issuer, &server).await,
            Err(SignInError::Unavailable(_))
        ));
        server.answers(200, json!({"issuer": issuer, "jwks_uri": "http://keys.example/keys"}));
        assert!(matches!(
            verify(&issuer, &server).await,
            Err(SignInError::Unavailable(_))
        ));
        server.answers(500, json!({}));
        assert!(matches!(
            verify(&issuer, &server).await,
            Err(SignInError::Unavailable(_))
        ));
        assert!(matches!(
            verify("http://issuer.example", &server).await,
            Err(SignInError::Unavailable(_))
        ));
    }
}
