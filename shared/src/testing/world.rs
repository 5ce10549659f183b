//! Everything a function talks to, in memory.

use jiff::Timestamp;

use super::issuer::TestIssuer;
use crate::auth::{ApiToken, Scope};
use crate::clock::Clock;
use crate::http::Edge;
use crate::ids::{PartnerId, UserId};
use crate::ledger::{Account, JournalEntry};
use crate::mail::Mail;
use crate::messages::Envelope;
use crate::objects::Objects;
use crate::queues::Queues;
use crate::seed::Seed;
use crate::store::accounts::{self, ApiTokenItem, MemberItem, Role};
use crate::store::{Store, TableName, outbox};

#[derive(Debug, Clone)]
pub struct TestWorld {
    /// Stands at 2026-11-22T09:00:00Z until a test moves it.
    pub clock: Clock,
    pub store: Store,
    pub objects: Objects,
    pub queues: Queues,
    pub mail: Mail,
    pub issuer: TestIssuer,
    /// For the function's context.
    pub edge: Edge,
}

impl TestWorld {
    pub fn new() -> Self {
        Self::with_store(Store::memory())
    }

    /// With a table whose requests have fates.
    pub fn with_store(store: Store) -> Self {
        let clock = Clock::fixed("2026-11-22T09:00:00Z".parse().expect("a time"));
        let issuer = TestIssuer::new();
        let edge = Edge::signed_in(clock.clone(), store.clone(), issuer.verifier());
        Self {
            clock,
            store,
            objects: Objects::memory(),
            queues: Queues::memory(),
            mail: Mail::memory(),
            issuer,
            edge,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A seed nobody has had before.
    pub fn seed(&self) -> Seed {
        Seed::fresh(self.now())
    }

    /// A bearer token of the person `name`.
    pub fn sign_in(&self, name: &str) -> String {
        self.issuer.token(name, self.now()).mint()
    }

    pub fn sign_in_operator(&self, name: &str) -> String {
        self.issuer.token(name, self.now()).operator().mint()
    }

    pub fn sign_in_trusted_reporter(&self, name: &str) -> String {
        self.issuer.token(name, self.now()).trusted_reporter().mint()
    }

    /// The user that the person `name` is, made if nobody has seen them yet.
    pub async fn user(&self, name: &str) -> UserId {
        let claims = self
            .issuer
            .verifier()
            .verify(&self.sign_in(name), self.now())
            .await
            .expect("a valid token");
        accounts::sign_in(&self.store, claims, self.now())
            .await
            .expect("memory does not fail")
            .id
    }

    /// Makes the person `name` a member of the partner's team.
    pub async fn join(&self, partner: PartnerId, name: &str, role: Role) -> UserId {
        let user = self.user(name).await;
        let member = MemberItem {
            partner,
            user,
            role,
            since: self.now(),
        };
        let writes = accounts::add_member(&member).expect("a member is an item");
        self.store.transact(writes.into()).await.expect("not a member yet");
        user
    }

    /// An API token of the person `name`, valid for a day.
    pub async fn api_token(&self, name: &str, scopes: &[Scope]) -> String {
        let token = ApiToken::generate();
        let item = ApiTokenItem {
            id: self.seed().id("token"),
            user: self.user(name).await,
            label: "a test".into(),
            hint: token.hint(),
            scopes: scopes.iter().copied().collect(),
            secret_sha256: token.sha256(),
            created_at: self.now(),
            valid_until: self.now() + jiff::SignedDuration::from_hours(24),
            revoked_at: None,
        };
        let writes = accounts::create_api_token(&item).expect("a token is an item");
        self.store.transact(writes.into()).await.expect("a new token");
        token.reveal().to_owned()
    }

    /// The messages that all changes since the last call announce, in order: what the outbox relay would send.
    pub fn take_messages(&self) -> Vec<Envelope> {
        let changes = self
            .store
            .as_memory()
            .map(|memory| memory.take_changes())
            .unwrap_or_default();
        let announced = changes.iter().filter_map(|change| {
            let new = change.new.as_ref()?;
            Some(outbox::announced(change.old.as_ref(), new).expect("an outbox can be read"))
        });
        announced.flatten().collect()
    }

    /// The whole journal. Reading an entry checks that it balances.
    pub fn journal(&self) -> Vec<JournalEntry> {
        let items = self
            .store
            .as_memory()
            .map(|memory| memory.scan(TableName::Ledger))
            .unwrap_or_default();
        let entries = items.into_iter().filter(|item| item.contains_key("postings"));
        entries
            .map(|item| serde_dynamo::from_item(item).expect("an entry that balances"))
            .collect()
    }

    /// What all entries together say about one account, in minor units.
    pub fn account(&self, account: Account) -> i64 {
        let journal = self.journal();
        let postings = journal.iter().flat_map(JournalEntry::postings);
        postings
            .filter(|posting| posting.account == account)
            .map(|posting| posting.amount.minor())
            .sum()
    }
}

impl Default for TestWorld {
    fn default() -> Self {
        Self::new()
    }
}
