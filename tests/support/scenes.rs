//! What stories begin with: a partner who may sell, a listing that can be bought, an order. All through the API, as people would.

use serde_json::{Value, json};

use crate::package::{grooves, multipart, sha256};
use crate::{Answer, Api, Person, Stack, eventually, unique};

/// A partner without open holds: approved, bound by the agreement, connected to the processor.
#[derive(Debug, Clone)]
pub struct Partner {
    pub owner: Person,
    pub api: Api,
    pub id: String,
    /// At the processor.
    pub account: String,
}

/// A listing with its newest version.
#[derive(Debug, Clone)]
pub struct Listing {
    pub id: String,
    pub version: String,
    pub submission: String,
    /// A word of the title that no other listing has.
    pub word: String,
    pub title: String,
    pub price_minor: i64,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Order {
    pub id: String,
    pub body: Value,
}

pub fn eur(amount_minor: i64) -> Value {
    json!({"amount": amount_minor, "currency": "EUR"})
}

/// What an applicant says.
pub fn application(name: &str) -> Value {
    json!({
        "name": name, "country": "DE", "support_email": "help@journeys.example", "website": "https://journeys.example",
        "about": "Grooves and chords for those who test marketplaces.",
    })
}

/// What a partner says of a listing.
pub fn content(title: &str, price_minor: i64) -> Value {
    json!({
        "title": title, "summary": "Grooves for a journey.", "description": "# Grooves\n\nOne of them.", "category": "grooves",
        "content_type": "groove-template", "price": eur(price_minor), "tags": ["journey"],
    })
}

impl Partner {
    /// Applied, and nothing else: every hold is open.
    pub async fn applied(stack: &Stack) -> Self {
        Self::of(stack.somebody("Paula Partner").await).await
    }

    /// This person's application, and nothing else.
    pub async fn of(owner: Person) -> Self {
        let name = format!("Journey {}", unique());
        let made = owner.api.post("/partners", application(&name)).await.is(201);
        let id = made["id"].as_str().unwrap().to_owned();
        Self {
            api: owner.api.clone(),
            owner,
            id,
            account: String::new(),
        }
    }

    /// May publish and sell, but is not connected, and so not paid.
    pub async fn approved(stack: &Stack) -> Self {
        let partner = Self::applied(stack).await;
        partner.accept_agreement().await;
        partner.decide(stack, json!({"decision": "approve"})).await.is(201);
        partner
    }

    pub async fn new(stack: &Stack) -> Self {
        let mut partner = Self::approved(stack).await;
        partner.connect(stack).await;
        partner
    }

    /// A path below the partner.
    pub fn path(&self, rest: &str) -> String {
        format!("/partners/{}{rest}", self.id)
    }

    pub async fn accept_agreement(&self) {
        let agreement = self.api.get("/agreement").await.is(200);
        self.api
            .post(&self.path("/agreements"), json!({"version": agreement["version"]}))
            .await
            .is(201);
    }

    pub async fn decide(&self, stack: &Stack, decision: Value) -> Answer {
        stack.operator().post(&self.path("/decisions"), decision).await
    }

    /// Opens an onboarding link, fills everything in, and waits until Souk has heard of it.
    pub async fn connect(&mut self, stack: &Stack) {
        let link = self.api.post(&self.path("/onboarding-links"), json!({})).await.is(201);
        let url = link["url"].as_str().unwrap();
        let account = url.split(['/', '?']).find(|part| part.starts_with("acct_"));
        self.account = account
            .unwrap_or_else(|| panic!("an onboarding link without an account: {url}"))
            .to_owned();
        stack.stripe().visit(&self.account, "complete").await;
        eventually("the end of every hold", async || {
            let partner = self.api.get(&self.path("")).await.is(200);
            let open: Vec<&Value> = partner["holds"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|hold| hold["resolved_at"].is_null())
                .collect();
            if open.is_empty() {
                Ok(())
            } else {
                Err(format!("{open:?}"))
            }
        })
        .await;
    }

    /// The partner's balance in euros: what is owed, in minor units.
    pub async fn owed_minor(&self) -> i64 {
        let balances = self.api.get(&self.path("/balances")).await.is(200);
        let items = balances["items"].as_array().unwrap();
        items
            .iter()
            .map(|balance| balance["owed"]["amount"].as_i64().unwrap())
            .sum()
    }

    pub async fn journal(&self) -> Vec<Value> {
        self.api.all(&self.path("/journal-entries")).await
    }

    /// Checks that every entry sums to zero, and that the balance is what the entries make of it.
    pub async fn assert_books_balance(&self) {
        let journal = self.journal().await;
        assert!(journal.iter().all(|entry| sum_minor([entry]) == 0), "{journal:?}");
        let payable = format!("partner_payable:{}", self.id);
        let postings = journal.iter().flat_map(|entry| entry["postings"].as_array().unwrap());
        let owed = postings.filter(|posting| posting["account"] == payable.as_str());
        let owed_minor: i64 = owed.map(|posting| -posting["amount"]["amount"].as_i64().unwrap()).sum();
        assert_eq!(self.owed_minor().await, owed_minor, "{journal:?}");
    }

    pub async fn payouts(&self) -> Vec<Value> {
        self.api.all(&self.path("/payouts")).await
    }

    pub async fn payout_becomes(&self, payout: &Value, status: &str) -> Value {
        let path = self.path(&format!("/payouts/{}", payout["id"].as_str().unwrap()));
        eventually(&format!("a payout being {status}"), async || {
            let payout = self.api.get(&path).await.is(200);
            if payout["status"] == status {
                Ok(payout)
            } else {
                Err(payout.to_string())
            }
        })
        .await
    }

    /// A listing with a first version and nothing uploaded.
    pub async fn draft(&self, price_minor: i64) -> Listing {
        let word = format!("q{}", spoken(&unique()));
        let title = format!("Groove Kit {word}");
        let listing = self
            .api
            .post(&self.path("/listings"), content(&title, price_minor))
            .await
            .is(201);
        let id = listing["id"].as_str().unwrap().to_owned();
        let mut listing = Listing {
            id,
            version: String::new(),
            submission: String::new(),
            word,
            title,
            price_minor,
            bytes: Vec::new(),
        };
        listing.version = self.new_version(&listing, "1.0.0").await;
        listing
    }

    pub async fn new_version(&self, listing: &Listing, number: &str) -> String {
        let path = self.path(&format!("/listings/{}/versions", listing.id));
        let version = self
            .api
            .post(&path, json!({"number": number, "notes": "A new take."}))
            .await
            .is(201);
        version["id"].as_str().unwrap().to_owned()
    }

    /// A path below the listing's version.
    pub fn version_path(&self, listing: &Listing, rest: &str) -> String {
        self.path(&format!("/listings/{}/versions/{}{rest}", listing.id, listing.version))
    }

    /// Asks for an upload of these bytes and sends them with the form: the bucket's answer.
    pub async fn upload(&self, stack: &Stack, listing: &Listing, bytes: &[u8]) -> Answer {
        let request = json!({"size_bytes": bytes.len(), "sha256": sha256(bytes)});
        let upload = self
            .api
            .post(&self.version_path(listing, "/uploads"), request)
            .await
            .is(201);
        send_form(stack, &upload, bytes).await
    }

    /// The version once it has been scanned.
    pub async fn scanned(&self, listing: &Listing) -> Value {
        eventually("the end of the scan", async || {
            let version = self.api.get(&self.version_path(listing, "")).await.is(200);
            match version["status"].as_str() {
                Some("draft" | "scanning") => Err(version.to_string()),
                _ => Ok(version),
            }
        })
        .await
    }

    /// Uploads a package that passes, and hands it in.
    pub async fn submitted(&self, stack: &Stack, price_minor: i64) -> Listing {
        let mut listing = self.draft(price_minor).await;
        listing.bytes = grooves("1.0.0");
        let stored = self.upload(stack, &listing, &listing.bytes).await;
        assert!(
            (200..300).contains(&stored.status),
            "the bucket answered {}: {}",
            stored.status,
            stored.text()
        );
        let version = self.scanned(&listing).await;
        assert_eq!(version["status"], "passed", "{version}");
        let submission = self
            .api
            .post(&self.version_path(&listing, "/submissions"), json!({}))
            .await
            .is(201);
        listing.submission = submission["id"].as_str().unwrap().to_owned();
        listing
    }

    pub async fn review(&self, stack: &Stack, listing: &Listing, decision: Value) -> Answer {
        let path = self.path(&format!("/submissions/{}/decisions", listing.submission));
        stack.operator().post(&path, decision).await
    }

    /// Two licences of a policy of the partner's own: the ids of the policy and of the batch.
    pub async fn gives(&self, listing: &Listing, owner: &str) -> (String, String) {
        let terms = json!({"name": "Campus", "limits": {"machines": 2}});
        let policy = self.api.post(&self.path("/policies"), terms).await.is(201);
        let gift = json!({"listing_id": listing.id, "policy_id": policy["id"], "owner_id": owner, "count": 2});
        let issued = self.api.post(&self.path("/licence-batches"), gift).await.is(201);
        let text = |id: &Value| id.as_str().unwrap_or_else(|| panic!("no id in {issued}")).to_owned();
        (text(&policy["id"]), text(&issued["batch"]["id"]))
    }

    /// A listing that can be bought.
    pub async fn published(&self, stack: &Stack, price_minor: i64) -> Listing {
        let listing = self.submitted(stack, price_minor).await;
        self.review(stack, &listing, approval()).await.is(201);
        self.api
            .post(&self.version_path(&listing, "/publish"), json!({}))
            .await
            .ok();
        listing
    }
}

/// A hexadecimal number as one can say it: no review stumbles over what it happens to spell.
fn spoken(hex: &str) -> String {
    const SYLLABLES: [&str; 16] = [
        "la", "lo", "ma", "mi", "na", "ne", "ra", "ro", "ta", "to", "va", "ve", "sa", "so", "wa", "we",
    ];
    let syllable = |c: char| c.to_digit(16).and_then(|digit| SYLLABLES.get(digit as usize));
    hex.chars().filter_map(syllable).copied().collect()
}

pub fn approval() -> Value {
    json!({"decision": "approve", "reason_code": "meets_guidelines", "note": "Welcome."})
}

/// Sends a file with an upload's form.
pub async fn send_form(stack: &Stack, upload: &Value, bytes: &[u8]) -> Answer {
    let (content_type, body) = multipart(&upload["fields"], bytes);
    let url = upload["url"]
        .as_str()
        .unwrap_or_else(|| panic!("an upload without a form: {upload}"));
    let response = stack
        .http()
        .post(url)
        .header("content-type", content_type)
        .body(body)
        .send()
        .await
        .unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer {
        what: format!("POST {url}"),
        status,
        headers,
        bytes: response.bytes().await.unwrap().to_vec(),
    }
}

impl Order {
    /// Orders these listings.
    pub async fn place(customer: &Person, listings: &[&Listing]) -> Self {
        let lines: Vec<Value> = listings
            .iter()
            .map(|listing| json!({"listing_id": listing.id}))
            .collect();
        Self::of(customer.api.post("/orders", json!({"lines": lines})).await.is(201))
    }

    pub fn of(body: Value) -> Self {
        Self {
            id: body["id"]
                .as_str()
                .unwrap_or_else(|| panic!("an order without an id: {body}"))
                .to_owned(),
            body,
        }
    }

    /// The checkout session, from the address of its page.
    pub fn session(&self) -> String {
        let url = self.body["checkout_url"]
            .as_str()
            .unwrap_or_else(|| panic!("an order without a checkout: {}", self.body));
        let session = url.split(['/', '?', '#']).find(|part| part.starts_with("cs_"));
        session
            .unwrap_or_else(|| panic!("a checkout without a session: {url}"))
            .to_owned()
    }

    /// PayPal's order, from the address of its page.
    pub fn paypal_order(&self) -> String {
        let url = self.body["checkout_url"].as_str().unwrap_or_default();
        let (_, token) = url
            .split_once("token=")
            .unwrap_or_else(|| panic!("an order without a page of PayPal's: {}", self.body));
        token.to_owned()
    }

    /// The order once it has this status.
    pub async fn becomes(&self, customer: &Person, status: &str) -> Value {
        eventually(&format!("order {} being {status}", self.id), async || {
            let order = customer.api.get(&format!("/orders/{}", self.id)).await.is(200);
            if order["status"] == status {
                Ok(order)
            } else {
                Err(order.to_string())
            }
        })
        .await
    }

    /// Pays with a card that works, and waits until Souk has settled.
    pub async fn pay(&self, stack: &Stack, customer: &Person) -> Value {
        stack.stripe().pay(&self.session(), "fee_at_once").await;
        self.becomes(customer, "paid").await
    }
}

/// The sum of a journal's postings, which must be zero.
pub fn sum_minor<'a>(entries: impl IntoIterator<Item = &'a Value>) -> i64 {
    let postings = entries.into_iter().flat_map(|entry| {
        entry["postings"]
            .as_array()
            .unwrap_or_else(|| panic!("no postings: {entry}"))
    });
    postings
        .map(|posting| posting["amount"]["amount"].as_i64().unwrap())
        .sum()
}

/// The entries of one fact.
pub fn of_fact<'a>(journal: &'a [Value], fact: &str) -> Vec<&'a Value> {
    journal.iter().filter(|entry| entry["fact"] == fact).collect()
}
