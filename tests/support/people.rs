//! People who sign in at the issuer as a browser would: the form, the redirect with the code, the exchange.

use serde_json::{Value, json};

use crate::{Api, Stack, unique};

/// The issuer sends the browser here; nobody listens, the code is read from the address.
const CALLBACK: &str = "http://localhost/signed-in";

#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    pub email: String,
    pub token: String,
    pub api: Api,
}

impl Person {
    /// A new person, whose token has these claims beside the usual ones.
    pub async fn new(stack: &Stack, name: &str, claims: Value) -> Self {
        Self::for_audience(stack, name, claims, &stack.description().oidc_audience).await
    }

    /// A person who signed in to another application of the same issuer.
    pub async fn for_audience(stack: &Stack, name: &str, claims: Value, audience: &str) -> Self {
        let subject = format!("{}-{}", name.to_lowercase().replace(' ', "-"), unique());
        let email = format!("{subject}@people.example");
        let signed_in_at = crate::now().as_second();
        let mut all = json!({"name": name, "email": email, "email_verified": true, "auth_time": signed_in_at});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let issuer = &stack.description().oidc_issuer;
        let made = stack
            .http()
            .put(format!("{issuer}/users/{subject}"))
            .json(&all)
            .send()
            .await
            .unwrap();
        assert!(
            made.status().is_success(),
            "the issuer did not take {subject}: {}",
            made.status()
        );
        let token = sign_in(stack, &subject, audience).await;
        Self {
            name: name.to_owned(),
            email,
            api: stack.with_token(&token),
            token,
        }
    }

    /// The person's id in Souk.
    pub async fn id(&self) -> String {
        self.api.get("/me").await.is(200)["id"].as_str().unwrap().to_owned()
    }

    /// An API token of the person with these scopes: the secret.
    pub async fn api_token(&self, scopes: &[&str]) -> String {
        let made = self
            .api
            .post("/api-tokens", json!({"label": "a test's", "scopes": scopes}))
            .await
            .is(201);
        made["secret"].as_str().unwrap().to_owned()
    }
}

async fn sign_in(stack: &Stack, subject: &str, audience: &str) -> String {
    let issuer = &stack.description().oidc_issuer;
    let query = format!(
        "client_id={audience}&redirect_uri={CALLBACK}&response_type=code&scope=openid%20email%20profile&state=x"
    );
    let form = stack
        .http()
        .post(format!("{issuer}/oauth2/authorize?{query}"))
        .form(&[("sub", subject)]);
    let redirect = form.send().await.unwrap();
    let place = redirect
        .headers()
        .get("location")
        .and_then(|place| place.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let code = place
        .split(['?', '&'])
        .find_map(|part| part.strip_prefix("code="))
        .unwrap_or_else(|| panic!("{issuer} did not sign {subject} in: {place:?}"));
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("client_id", audience),
        ("client_secret", "any"),
    ];
    let answer: Value = stack
        .http()
        .post(format!("{issuer}/oauth2/token"))
        .form(&exchange)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    answer["id_token"]
        .as_str()
        .unwrap_or_else(|| panic!("{issuer} gave {subject} no token: {answer}"))
        .to_owned()
}
