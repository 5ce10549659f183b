//! People, their ways in, and their places in partners' teams.
//!
//! Name and email of a person are in one item only, the profile; everything else refers to it by id, so that erasing a person is
//! erasing one item.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::keys;
use super::table::{Condition, Page, PageKey, Store, StoreError, Update, Versioned, Write};
use crate::auth::{ApiToken, Claims, Scopes};
use crate::ids::{PartnerId, TokenId, UserId};
use crate::partner::FormerOwner;
use crate::seed::Seed;

/// A person's profile: the only place of personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserItem {
    pub id: UserId,
    pub email: Option<String>,
    pub name: Option<String>,
    pub created_at: Timestamp,
}

/// Which user a subject of an issuer is, and what the profile was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SubjectItem {
    user: UserId,
    /// Changes when the issuer tells another name or address.
    profile_sha256: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Member,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberItem {
    pub partner: PartnerId,
    pub user: UserId,
    pub role: Role,
    pub since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTokenItem {
    pub id: TokenId,
    pub user: UserId,
    /// What its owner calls it.
    pub label: String,
    /// The last characters of the secret.
    pub hint: String,
    pub scopes: Scopes,
    pub secret_sha256: String,
    pub created_at: Timestamp,
    pub valid_until: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// The user whom the claims are about, made on first sight and kept up with what the issuer says.
pub async fn sign_in(store: &Store, claims: Claims, now: Timestamp) -> Result<UserItem, StoreError> {
    let subject = keys::subject(&claims.issuer, &claims.subject);
    let told = Profile {
        email: claims.email,
        name: claims.name,
    };
    if let Some(known) = store.get::<SubjectItem>(&subject).await? {
        return returning(store, known, told, subject, now).await;
    }
    let user = UserItem {
        id: Seed::fresh(now).id("user"),
        created_at: now,
        email: told.email.clone(),
        name: told.name.clone(),
    };
    let item = SubjectItem {
        user: user.id,
        profile_sha256: told.sha256(),
    };
    let writes = vec![
        Write::create(subject.clone(), &item)?,
        Write::create(keys::user(user.id), &user)?,
    ];
    match store.transact(writes).await {
        Ok(()) => Ok(user),
        // Two first requests at once: the other one was quicker.
        Err(StoreError::Conflict { .. } | StoreError::Busy) => match store.get::<SubjectItem>(&subject).await? {
            Some(known) => Ok(told.of(known.user, now)),
            None => Err(StoreError::Busy),
        },
        Err(error) => Err(error),
    }
}

/// What the issuer tells about a person.
#[derive(Serialize)]
struct Profile {
    email: Option<String>,
    name: Option<String>,
}

impl Profile {
    fn sha256(&self) -> String {
        // Two optional texts always serialise.
        hex::encode(Sha256::digest(serde_json::to_vec(self).unwrap_or_default()))
    }

    fn of(self, id: UserId, created_at: Timestamp) -> UserItem {
        UserItem {
            id,
            email: self.email,
            name: self.name,
            created_at,
        }
    }
}

async fn returning(
    store: &Store,
    known: Versioned<SubjectItem>,
    told: Profile,
    subject: keys::Key,
    now: Timestamp,
) -> Result<UserItem, StoreError> {
    let user = known.user;
    if known.profile_sha256 != told.sha256() {
        let item = SubjectItem {
            profile_sha256: told.sha256(),
            ..known.value.clone()
        };
        let mut update = Update::new();
        update = if let Some(email) = &told.email {
            update.set_text("email", email)
        } else {
            update.remove("email")
        };
        update = if let Some(name) = &told.name {
            update.set_text("name", name)
        } else {
            update.remove("name")
        };
        let profile = Write::update(keys::user(user), update).when(Condition::Present);
        match store
            .transact(vec![Write::replace(subject, &item, known.revision)?, profile])
            .await
        {
            // Refused: another request is writing the same news.
            Ok(()) | Err(StoreError::Conflict { .. } | StoreError::Busy) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(told.of(user, now))
}

pub async fn user(store: &Store, user: UserId) -> Result<Option<Versioned<UserItem>>, StoreError> {
    store.get(&keys::user(user)).await
}

pub async fn member(
    store: &Store,
    partner: PartnerId,
    user: UserId,
) -> Result<Option<Versioned<MemberItem>>, StoreError> {
    store.get(&keys::member(partner, user)).await
}

/// Both sides of a new membership: the partner's and the user's. Refused where the user is of the team already.
pub fn add_member(item: &MemberItem) -> Result<[Write; 2], StoreError> {
    let (partner, user) = (item.partner, item.user);
    Ok([
        Write::create(keys::member(partner, user), item)?,
        Write::create(keys::membership(user, partner), item)?,
    ])
}

/// Somebody who was an owner of a partner, from their own side.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct FormerOwnershipItem {
    partner: PartnerId,
    left_at: Timestamp,
}

/// Remembers that an owner has left, and when: for a while they still answer for what the partner owes.
pub fn remember_former_owner(partner: PartnerId, user: UserId, left_at: Timestamp) -> Write {
    let update = Update::new()
        .set_text("partner", partner.to_string())
        .set_text("left_at", left_at.to_string());
    Write::update(keys::former_ownership(user, partner), update)
}

/// The partners that the user answers for: those that they own, and those that they have not left for long.
pub async fn answered_for(store: &Store, user: UserId, now: Timestamp) -> Result<BTreeSet<PartnerId>, StoreError> {
    let mut partners = BTreeSet::new();
    let mut after = None;
    loop {
        let page: Page<MemberItem> = memberships(store, user, OWNERSHIPS, after).await?;
        let owned = page.items.iter().filter(|member| member.role == Role::Owner);
        partners.extend(owned.map(|member| member.partner));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let query = keys::former_ownerships(user).limit(OWNERSHIPS).after(after);
        let page: Page<FormerOwnershipItem> = store.query(query).await?;
        let former = page.items.into_iter().filter(|left| {
            let left_at = left.left_at;
            FormerOwner { user, left_at }.answers(now)
        });
        partners.extend(former.map(|left| left.partner));
        after = page.next;
        if after.is_none() {
            return Ok(partners);
        }
    }
}

/// Memberships in one read; hardly anybody has as many.
const OWNERSHIPS: usize = 100;

pub fn remove_member(partner: PartnerId, user: UserId) -> [Write; 2] {
    [
        Write::delete(keys::member(partner, user), Condition::Present),
        Write::delete(keys::membership(user, partner), Condition::Present),
    ]
}

pub async fn members(
    store: &Store,
    partner: PartnerId,
    limit: usize,
    after: Option<PageKey>,
) -> Result<Page<MemberItem>, StoreError> {
    store.query(keys::members(partner).limit(limit).after(after)).await
}

/// The partners that a user works for.
pub async fn memberships(
    store: &Store,
    user: UserId,
    limit: usize,
    after: Option<PageKey>,
) -> Result<Page<MemberItem>, StoreError> {
    store.query(keys::memberships(user).limit(limit).after(after)).await
}

pub(crate) async fn api_token(store: &Store, token: &ApiToken) -> Result<Option<Versioned<ApiTokenItem>>, StoreError> {
    store.get(&keys::api_token(&token.sha256())).await
}

/// A new token, findable by its secret's hash and in its owner's list.
pub fn create_api_token(item: &ApiTokenItem) -> Result<[Write; 2], StoreError> {
    Ok([
        Write::create(keys::api_token(&item.secret_sha256), item)?,
        Write::create(keys::user_token(item.user, item.id), item)?,
    ])
}

/// One of the user's own tokens.
pub async fn user_api_token(
    store: &Store,
    user: UserId,
    token: TokenId,
) -> Result<Option<Versioned<ApiTokenItem>>, StoreError> {
    store.get(&keys::user_token(user, token)).await
}

pub async fn user_api_tokens(
    store: &Store,
    user: UserId,
    limit: usize,
    after: Option<PageKey>,
) -> Result<Page<ApiTokenItem>, StoreError> {
    store.query(keys::user_tokens(user).limit(limit).after(after)).await
}

/// Ends a token in both places, at once.
pub fn revoke_api_token(item: &ApiTokenItem, now: Timestamp) -> [Write; 2] {
    let revoked = || Update::new().set_text("revoked_at", now.to_string());
    [
        Write::update(keys::api_token(&item.secret_sha256), revoked()).when(Condition::Present),
        Write::update(keys::user_token(item.user, item.id), revoked()).when(Condition::Present),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestWorld;

    fn claims(subject: &str, email: Option<&str>) -> Claims {
        let (issuer, email) = ("https://issuer.example".into(), email.map(str::to_owned));
        Claims {
            issuer,
            subject: subject.into(),
            email,
            name: Some("Ada".into()),
            operator: false,
            trusted_reporter: false,
            signed_in_at: None,
        }
    }

    #[tokio::test]
    async fn a_person_is_made_once_and_kept_up_to_date() {
        let world = TestWorld::new();
        let first = sign_in(&world.store, claims("ada", Some("a@example.com")), world.now())
            .await
            .expect("made");
        world.store.meter().take();
        let again = sign_in(&world.store, claims("ada", Some("a@example.com")), world.now())
            .await
            .expect("known");
        assert_eq!(first.id, again.id);
        assert_eq!(world.store.meter().take().requests, 1, "a known person costs one read");

        let moved = sign_in(&world.store, claims("ada", Some("b@example.com")), world.now())
            .await
            .expect("known");
        assert_eq!(moved.id, first.id);
        let profile = user(&world.store, first.id).await.expect("read").expect("there");
        assert_eq!(profile.email.as_deref(), Some("b@example.com"));
        sign_in(&world.store, claims("ada", None), world.now())
            .await
            .expect("known");
        assert_eq!(
            user(&world.store, first.id).await.expect("read").expect("there").email,
            None
        );

        let other = sign_in(&world.store, claims("bob", None), world.now())
            .await
            .expect("made");
        assert_ne!(other.id, first.id);
    }

    #[tokio::test]
    async fn a_token_ends_in_both_places() {
        let world = TestWorld::new();
        world.api_token("ada", &[]).await;
        let owner = world.user("ada").await;
        let tokens = user_api_tokens(&world.store, owner, 10, None)
            .await
            .expect("a list")
            .items;
        let writes = revoke_api_token(&tokens[0], world.now());
        world.store.transact(writes.into()).await.expect("revoked");
        let own = user_api_token(&world.store, owner, tokens[0].id)
            .await
            .expect("read")
            .expect("there");
        assert_eq!(own.revoked_at, Some(world.now()));
        let by_secret: Versioned<ApiTokenItem> = world
            .store
            .get(&keys::api_token(&tokens[0].secret_sha256))
            .await
            .expect("read")
            .expect("there");
        assert_eq!(by_secret.revoked_at, Some(world.now()));
    }

    #[tokio::test]
    async fn a_membership_has_two_sides() {
        let world = TestWorld::new();
        let partner: PartnerId = world.seed().id("partner");
        let ada = world.join(partner, "ada", Role::Owner).await;
        assert_eq!(
            members(&world.store, partner, 10, None)
                .await
                .expect("a list")
                .items
                .len(),
            1
        );
        assert_eq!(
            memberships(&world.store, ada, 10, None).await.expect("a list").items[0].partner,
            partner
        );
        world
            .store
            .transact(remove_member(partner, ada).into())
            .await
            .expect("removed");
        assert!(member(&world.store, partner, ada).await.expect("read").is_none());
        assert!(
            memberships(&world.store, ada, 10, None)
                .await
                .expect("a list")
                .items
                .is_empty()
        );
    }
}
