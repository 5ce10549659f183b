//! Publications as the public finds them, on the memory backend.

use super::*;
use crate::ids::Id;
use crate::listing::browse::Terms;
use crate::listing::{Card, Content, Occasion, Published, Seller, YankReason, YankRequest, publish, sample, yank};
use crate::money::{Currency, Money};
use crate::store::TableName;
use crate::store::audit::{self, Audited};

/// Puts a listing with one approved version into the store, as the rules made them.
async fn approved(store: &Store, number: u64, content: Content) -> (Listing, Version, Submission) {
    let mut shop = sample::Shop::new();
    shop.listing.content = content;
    let place = shop.approved("1.0.0");
    let (mut listing, mut version) = (shop.listing, shop.versions.remove(place));
    let mut submission = shop.submissions.remove(&version.id).expect("approved");
    listing.id = sample::seed(number).id("listing");
    version.id = sample::seed(number).id("version");
    (version.listing, submission.listing, submission.version) = (listing.id, listing.id, version.id);
    create_listing(store, &listing).await.expect("written");
    store
        .write(Write::create(keys::version(listing.id, version.id), &version).expect("an item"))
        .await
        .expect("written");
    (listing, version, submission)
}

async fn bring_out(store: &Store, number: u64, content: Content) -> (Listing, Version, Submission) {
    let (listing, version, submission) = approved(store, number, content).await;
    let seed = sample::seed(number + 500);
    let change = publish(
        &listing,
        &version,
        &submission,
        None,
        &sample::seller(),
        sample::occasion(&seed),
    )
    .expect("approved");
    save_publication(store, &change, basis(None, 1, 1))
        .await
        .expect("written");
    (change.listing, change.version, submission)
}

fn basis(before: Option<&Versioned<Published>>, listing_revision: u64, version_revision: u64) -> PublicationBasis<'_> {
    PublicationBasis {
        listing_revision,
        version_revision,
        submission: None,
        partner_revision: None,
        before,
        moderation: None,
    }
}

fn titled(title: &str, category: crate::listing::Category) -> Content {
    Content {
        title: title.into(),
        category,
        ..sample::content()
    }
}

async fn found(store: &Store, category: Option<&str>, query: &str) -> Vec<String> {
    let terms = Terms::parse(query).expect("long enough");
    titles(find(store, category, &terms, None, 20).await.expect("read"))
}

fn titles(page: Page<Card>) -> Vec<String> {
    page.items.into_iter().map(|card| card.title).collect()
}

#[tokio::test]
async fn what_is_published_is_on_its_shelves_and_found_by_its_words() {
    use crate::listing::Category::{Grooves, Presets};
    let store = Store::memory();
    bring_out(&store, 1, titled("Warm Tape Pads", Presets)).await;
    bring_out(&store, 2, titled("Äolian Warmth & Warm Keys", Presets)).await;
    bring_out(&store, 3, titled("Slow Grooves", Grooves)).await;

    let shelved = |category| async move { titles(shelf(&Store::clone(category), None, None, 10).await.expect("read")) };
    assert_eq!(
        shelved(&store).await,
        ["Slow Grooves", "Warm Tape Pads", "Äolian Warmth & Warm Keys"]
    );
    let presets = titles(shelf(&store, Some("presets"), None, 10).await.expect("read"));
    assert_eq!(presets, ["Warm Tape Pads", "Äolian Warmth & Warm Keys"]);

    assert_eq!(
        found(&store, None, "warm").await,
        ["Warm Tape Pads", "Äolian Warmth & Warm Keys"]
    );
    assert_eq!(found(&store, None, "WARM ta").await, ["Warm Tape Pads"]);
    assert_eq!(found(&store, Some("grooves"), "warm").await, [""; 0]);
    assert_eq!(found(&store, None, "äo").await, ["Äolian Warmth & Warm Keys"]);
    assert_eq!(found(&store, None, "groovy").await, [""; 0]);
}

#[tokio::test]
async fn pages_of_a_search_lead_to_every_answer() {
    let store = Store::memory();
    for number in 1..=7 {
        bring_out(
            &store,
            number,
            titled(
                &format!("Warm Pack {number}{number}"),
                crate::listing::Category::Presets,
            ),
        )
        .await;
    }
    let terms = Terms::parse("warm pack").expect("long enough");
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = find(&store, None, &terms, after, 2).await.expect("read");
        let next = page.next.clone();
        all.extend(titles(page));
        match next {
            None => break,
            next => after = next,
        }
    }
    assert_eq!(all.len(), 7);
}

/// Takes a listing's entries to where they lay before shelves were spread.
async fn unspread(store: &Store, listing: ListingId) {
    let card = published(store, listing)
        .await
        .expect("read")
        .expect("published")
        .card();
    let title = crate::listing::browse::normalised(&card.title);
    for category in [None, Some(card.category.name())] {
        let mut moves = vec![(
            keys::shelf(category, &title, listing),
            keys::whole_shelf(category, &title, listing),
        )];
        let words = crate::listing::browse::words(&card.title).into_iter();
        moves.extend(words.map(|word| {
            let whole = keys::whole_word(category, &word, listing);
            (keys::word(category, &word, listing), whole)
        }));
        for (from, to) in moves {
            let entry: serde_json::Value = store.get(&from).await.expect("read").expect("on the shelf").value;
            let writes = vec![
                Write::delete(from, Condition::Present),
                Write::overwrite(to, &entry).expect("an item"),
            ];
            store.transact(writes).await.expect("written");
        }
    }
}

/// By title, each once, wherever they lie: over all shards, and where shelves lay before there were any.
#[tokio::test]
async fn pages_of_a_shelf_lead_through_all_shards_in_order() {
    let store = Store::memory();
    let mut titles_by_name = Vec::new();
    for number in 1..=40 {
        let title = format!("Warm Pack {:02}", number * 7 % 41);
        let (listing, _, _) = bring_out(&store, number, titled(&title, crate::listing::Category::Presets)).await;
        if number % 3 == 0 {
            unspread(&store, listing.id).await;
        }
        titles_by_name.push(title);
    }
    titles_by_name.sort();
    for limit in [1, 2, 7, 40, 100] {
        for category in [None, Some("presets")] {
            let (mut browsed, mut searched) = (Vec::new(), Vec::new());
            let mut after = None;
            loop {
                let page = shelf(&store, category, after, limit).await.expect("read");
                assert!(page.items.len() <= limit);
                after = page.next.clone();
                browsed.extend(titles(page));
                if after.is_none() {
                    break;
                }
            }
            let terms = Terms::parse("warm pa").expect("long enough");
            loop {
                let page = find(&store, category, &terms, after, limit).await.expect("read");
                assert!(page.items.len() <= limit);
                after = page.next.clone();
                searched.extend(titles(page));
                if after.is_none() {
                    break;
                }
            }
            // What is found stands by word and listing.
            searched.sort();
            assert_eq!(
                (&browsed, &searched),
                (&titles_by_name, &titles_by_name),
                "{limit} at a time"
            );
        }
    }
    let foreign = PageKey(
        [("pk", "PUB#x"), ("sk", "y")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
    );
    let refused = shelf(&store, None, Some(foreign), 10).await;
    assert!(matches!(refused, Err(StoreError::ForeignPage)), "{refused:?}");
}

/// What lies where it did before shelves were spread goes with its listing's next change.
#[tokio::test]
async fn a_change_takes_what_was_never_spread_along() {
    let store = Store::memory();
    let (listing, version, _) = bring_out(&store, 1, sample::content()).await;
    unspread(&store, listing.id).await;
    let before = published_revision(&store, listing.id)
        .await
        .expect("read")
        .expect("published");
    let change = yank_of(&listing, &version, &before, None);
    let revisions = basis(Some(&before), 2, 2);
    save_publication(&store, &change, revisions).await.expect("written");
    assert!(shelf(&store, None, None, 10).await.expect("read").items.is_empty());
    assert!(found(&store, None, "warm").await.is_empty());
}

/// The name of a title finds it, as long as it is published, and a few others of the same name and no more.
#[tokio::test]
async fn a_title_is_found_by_its_name_as_long_as_it_is_published() {
    use crate::listing::lookalike::name;
    let store = Store::memory();
    let under = async |title: &str| {
        let names = [name(title).expect("a name")];
        let found = titled_by(&store, &names).await;
        found.into_iter().map(|titled| titled.title).collect::<Vec<_>>()
    };
    bring_out(&store, 1, titled("Warm Tape Pads", crate::listing::Category::Presets)).await;
    assert_eq!(under("WARM TAPE PADS").await, ["Warm Tape Pads"]);
    bring_out(&store, 2, titled("WARM TAPE PADS", crate::listing::Category::Presets)).await;
    assert_eq!(under("Warm Tape Pads").await, ["Warm Tape Pads", "WARM TAPE PADS"]);
    for number in 3..20 {
        bring_out(
            &store,
            number,
            titled("Warm Tape Pads", crate::listing::Category::Presets),
        )
        .await;
    }
    assert_eq!(under("Warm Tape Pads").await.len(), 8);
    assert_eq!(under("Cold Tape Pads").await, [""; 0]);
}

async fn titled_by(store: &Store, names: &[String]) -> Vec<crate::listing::lookalike::NamedTitle> {
    super::titled(store, names).await.expect("read")
}

/// The second release has another title, category and price; nothing of the first may remain in the index.
#[tokio::test]
async fn a_new_title_and_category_leave_no_trace_of_the_old_ones() {
    let store = Store::memory();
    let (listing, first, first_submission) = bring_out(&store, 1, sample::content()).await;
    let content = Content {
        title: "Cold Bells".into(),
        category: crate::listing::Category::Samples,
        price: Money::new(500, Currency::EUR),
        ..sample::content()
    };
    let second = Version {
        id: sample::seed(2).id("version"),
        number: semver::Version::new(2, 0, 0),
        stage: approved(&Store::memory(), 3, sample::content()).await.1.stage,
        ..first.clone()
    };
    store
        .write(Write::create(keys::version(listing.id, second.id), &second).expect("an item"))
        .await
        .expect("written");
    let submission = Submission {
        id: second.submission().expect("approved"),
        version: second.id,
        content,
        ..first_submission.clone()
    };
    let before = published_revision(&store, listing.id)
        .await
        .expect("read")
        .expect("published");
    let (seller, seed) = (
        Seller {
            name: "New Name".into(),
            ..sample::seller()
        },
        sample::seed(9),
    );
    let change = publish(
        &listing,
        &second,
        &submission,
        Some(&before),
        &seller,
        sample::occasion(&seed),
    )
    .expect("approved");
    save_publication(&store, &change, basis(Some(&before), 2, 1))
        .await
        .expect("written");

    assert_eq!(found(&store, None, "warm").await, [""; 0]);
    assert_eq!(found(&store, Some("samples"), "cold").await, ["Cold Bells"]);
    assert_eq!(
        titles(shelf(&store, Some("presets"), None, 10).await.expect("read")),
        [""; 0]
    );
    let now = published(&store, listing.id).await.expect("read").expect("published");
    assert_eq!(
        (now.partner_name.as_str(), now.content.price.minor()),
        ("New Name", 500)
    );

    let stale = save_publication(&store, &change, basis(Some(&before), 2, 1)).await;
    assert!(stale.expect_err("stale").is_conflict(), "a publication is written once");

    // Yanked again, the first release is what the public sees, as it was approved.
    let before = published_revision(&store, listing.id)
        .await
        .expect("read")
        .expect("published");
    let change = yank_of(
        &change.listing,
        &change.version,
        &before,
        Some((&first, &first_submission)),
    );
    save_publication(&store, &change, basis(Some(&before), 3, 2))
        .await
        .expect("written");
    assert_eq!(found(&store, None, "warm").await, ["Warm Tape Pads"]);
    assert_eq!(found(&store, None, "cold").await, [""; 0]);

    let before = published_revision(&store, listing.id)
        .await
        .expect("read")
        .expect("published");
    let change = yank_of(&change.listing, &first, &before, None);
    save_publication(&store, &change, basis(Some(&before), 4, 2))
        .await
        .expect("written");
    assert_eq!(published(&store, listing.id).await.expect("read"), None);
    let left = store.as_memory().expect("in memory").scan(TableName::Catalogue);
    let derived = |item: &&crate::store::table::Item| {
        let pk = item["pk"].as_s().expect("text");
        ["SHELF", "WORD", "PUB", "LOOK"]
            .iter()
            .any(|prefix| pk.starts_with(prefix))
    };
    assert_eq!(
        left.iter().filter(derived).count(),
        0,
        "nothing of it is left in the index"
    );
    let acts = audit::events(&store, Audited::Listing(listing.id), None, 10)
        .await
        .expect("read");
    assert_eq!(acts.items.len(), 4);
}

fn yank_of(
    listing: &Listing,
    version: &Version,
    before: &Published,
    next: Option<(&Version, &Submission)>,
) -> crate::listing::Publication {
    let seed = sample::seed(u64::from(version.id.uuid().as_bytes()[15]) + 10_000);
    let request = YankRequest {
        reason: YankReason::Security,
        note: String::new(),
    };
    let occasion = Occasion {
        by: sample::author(),
        now: sample::now(),
        seed: &seed,
    };
    yank(listing, version, before, next, &request, occasion).expect("live")
}

#[tokio::test]
async fn a_version_number_is_taken_once() {
    let store = Store::memory();
    let listing = create_listing(&store, &sample::listing()).await.expect("written");
    let request = crate::listing::NewVersion {
        number: "1.0.0".into(),
        notes: String::new(),
    };
    let make = |seed| {
        crate::listing::new_version(&listing, sample::author(), &request, sample::now(), &seed).expect("a version")
    };
    let (counted, first) = make(sample::seed(1));
    assert!(matches!(
        create_version(&store, &counted, 1, &first).await,
        Ok(VersionCreated::Created)
    ));
    assert!(
        matches!(create_version(&store, &counted, 1, &first).await, Ok(VersionCreated::Already(version)) if *version == first)
    );
    let (_, other) = make(sample::seed(2));
    assert!(matches!(
        create_version(&store, &counted, 2, &other).await,
        Ok(VersionCreated::NumberTaken)
    ));
    assert_eq!(all_versions(&store, listing.id).await.expect("read"), [first]);
}
