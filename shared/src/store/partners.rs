//! Partners as stored: the partner itself, its pointer from the processor's account, and what privileged people did to it.
//!
//! A [`Change`] is written whole: the partner (at the revision that was read), its audit entry, its messages, and whatever else the
//! caller adds, in one transaction.

use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use super::accounts::{self, MemberItem, Role};
use super::audit::{self, Audited};
use super::keys;
use super::table::{INDEX_PK, Page, PageKey, Store, StoreError, Versioned, Write};
use crate::ids::{PartnerId, UserId};
use crate::partner::{Change, Partner, Status};

/// Says that a name is taken by a user's application, and by which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ApplicationItem {
    partner: PartnerId,
}

/// Which partner an account at the processor is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ProcessorAccountItem {
    partner: PartnerId,
}

pub async fn load(store: &Store, partner: PartnerId) -> Result<Option<Versioned<Partner>>, StoreError> {
    store.get(&keys::partner(partner)).await
}

/// Those of the partners that exist, in the order asked for.
pub async fn load_many(store: &Store, partners: &[PartnerId]) -> Result<Vec<Partner>, StoreError> {
    let keys: Vec<_> = partners.iter().copied().map(keys::partner).collect();
    if keys.is_empty() {
        Ok(Vec::new())
    } else {
        store.get_many(&keys).await
    }
}

/// All partners of a status, oldest first. A page may hold fewer than asked for: the index lags, and each item was read again.
pub async fn with_status(
    store: &Store,
    status: Status,
    limit: usize,
    after: Option<PageKey>,
) -> Result<Page<Partner>, StoreError> {
    let found = store
        .query_keys(keys::partners_by_status(&status.to_string()).limit(limit).after(after))
        .await?;
    let mut items: Vec<Partner> = if found.items.is_empty() {
        Vec::new()
    } else {
        store.get_many(&found.items).await?
    };
    items.retain(|partner| partner.status == status);
    Ok(Page {
        items,
        next: found.next,
    })
}

/// All partners, status by status. A page may hold fewer than asked for.
pub async fn all(store: &Store, limit: usize, after: Option<PageKey>) -> Result<Page<Partner>, StoreError> {
    let begun = after
        .as_ref()
        .and_then(|after| after.0.get(INDEX_PK).map(String::as_str));
    let is_past = |status: &Status| begun.is_some_and(|pk| pk != keys::partners_by_status(&status.to_string()).pk);
    let mut all = Page {
        items: Vec::new(),
        next: None,
    };
    let mut after = after.clone();
    for status in Status::iter().skip_while(is_past) {
        let wanted = limit.saturating_sub(all.items.len()).max(1);
        let page = with_status(store, status, wanted, after.take()).await?;
        all.items.extend(page.items);
        if page.next.is_some() {
            return Ok(Page { next: page.next, ..all });
        }
    }
    Ok(all)
}

/// Whose account at the processor this is.
pub async fn of_processor_account(store: &Store, account: &str) -> Result<Option<PartnerId>, StoreError> {
    let item = store
        .get::<ProcessorAccountItem>(&keys::processor_account(account))
        .await?;
    Ok(item.map(|item| item.partner))
}

/// The partner that the user has applied for under this name, however it is spelled.
pub async fn applied_for(store: &Store, user: UserId, folded_name: &str) -> Result<Option<PartnerId>, StoreError> {
    let item = store
        .get::<ApplicationItem>(&keys::application(user, folded_name))
        .await?;
    Ok(item.map(|item| item.partner))
}

/// A new partner with its first owner. Refused where that user has applied under this name before.
pub async fn create(store: &Store, change: &Change) -> Result<(), StoreError> {
    let partner = &change.partner;
    let owner = MemberItem {
        partner: partner.id,
        user: partner.owner,
        role: Role::Owner,
        since: partner.created_at,
    };
    let claim = ApplicationItem { partner: partner.id };
    let mut writes = vec![
        Write::create(keys::application(partner.owner, &partner.name.folded()), &claim)?,
        indexed(Write::create(keys::partner(partner.id), partner)?, change)?,
    ];
    writes.extend(audit(change)?);
    writes.extend(accounts::add_member(&owner)?);
    store.transact(writes).await
}

/// A changed partner, if it still is what it was when it was read; `more` is written with it.
pub async fn save(
    store: &Store,
    change: &Change,
    revision: u64,
    more: impl IntoIterator<Item = Write>,
) -> Result<(), StoreError> {
    let partner = &change.partner;
    let mut writes = vec![indexed(
        Write::replace(keys::partner(partner.id), partner, revision)?,
        change,
    )?];
    writes.extend(audit(change)?);
    writes.extend(more);
    store.transact(writes).await
}

/// Makes a partner findable by its account at the processor. Refused where the account is a partner's already.
pub fn claim_processor_account(partner: PartnerId, account: &str) -> Result<Write, StoreError> {
    Write::create(keys::processor_account(account), &ProcessorAccountItem { partner })
}

fn indexed(write: Write, change: &Change) -> Result<Write, StoreError> {
    let partner = &change.partner;
    write
        .indexed(keys::partner_by_status(&partner.status.to_string(), partner.id))
        .outbox(&change.messages)
}

fn audit(change: &Change) -> Result<Option<Write>, StoreError> {
    let event = change.audit.as_ref();
    event
        .map(|event| audit::entry(Audited::Partner(change.partner.id), event))
        .transpose()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::partner::apply::apply;
    use crate::partner::{Act, Application, Country, Decision, PartnerName, SupportEmail, decide};
    use crate::seed::Seed;

    fn act(step: i64) -> Act {
        let seed = |number: i64| {
            format!("019a0000-{number:04}-7000-8000-000000000000")
                .parse::<Seed>()
                .expect("a uuid")
        };
        let now = Timestamp::from_millisecond(1_795_338_000_000 + step).expect("a time");
        Act {
            actor: seed(0).id("operator"),
            now,
            seed: seed(step),
        }
    }

    fn application(owner: UserId, act: Act) -> Change {
        let application = Application {
            name: PartnerName::parse("Warm Pads").expect("a name"),
            country: Country::parse("DE").expect("a country"),
            support_email: SupportEmail::parse("help@warm.example").expect("an address"),
            website: None,
            about: "Pads for slow music, made by hand.".to_owned(),
        };
        apply(application, Act { actor: owner, ..act })
    }

    #[tokio::test]
    async fn a_partner_is_written_whole_and_found_by_status() {
        let (store, owner) = (Store::memory(), act(0).actor);
        let applied = application(owner, act(1));
        create(&store, &applied).await.expect("written");
        let found = load(&store, applied.partner.id).await.expect("read").expect("found");
        assert_eq!((&found.value, found.revision), (&applied.partner, 1));
        assert_eq!(
            applied_for(&store, owner, "warmpads").await.expect("read"),
            Some(applied.partner.id)
        );
        assert!(
            accounts::member(&store, applied.partner.id, owner)
                .await
                .expect("read")
                .is_some()
        );
        let again = create(&store, &application(owner, act(2))).await;
        assert!(
            again.expect_err("taken").is_conflict(),
            "the same user applied twice under one name"
        );

        let approve = Decision::Approve { evidence: None };
        let approved = decide::decide(&found, &approve, act(3)).expect("approved");
        save(&store, &approved, found.revision, []).await.expect("written");
        let stale = save(&store, &approved, found.revision, []).await;
        assert!(stale.expect_err("stale").is_conflict());

        let page = with_status(&store, Status::Applied, 10, None).await.expect("read");
        assert_eq!(page.items, []);
        let page = with_status(&store, Status::Approved, 10, None).await.expect("read");
        assert_eq!(page.items, std::slice::from_ref(&approved.partner));
        let acts = audit::events(&store, Audited::Partner(found.id), None, 10)
            .await
            .expect("read");
        let actions: Vec<_> = acts.items.iter().map(|event| event.action.as_str()).collect();
        assert_eq!(actions, ["partner.approve", "partner.apply"]);
        assert!(
            audit::event(&store, Audited::Partner(found.id), act(3).audit_id())
                .await
                .expect("read")
                .is_some()
        );
        assert!(
            audit::event(&store, Audited::Partner(found.id), act(4).audit_id())
                .await
                .expect("read")
                .is_none(),
            "another act"
        );
    }
}
