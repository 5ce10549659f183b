//! One movement at a processor, held against the journal.

use shared::ledger::{Fact, JournalEntry};
use shared::reconciliation::{DifferenceKind, Finding, compare, explaining, own_entry};
use shared::runtime::Failure;
use shared::store::{ledger, reconciliation};

use crate::books::Told;
use crate::evidence::{self, Evidence, Expected};
use crate::run::Run;

pub(crate) async fn look_at(run: &mut Run<'_>, told: &Told) -> Result<(), Failure> {
    let store = &run.context.store;
    let subject = told.subject();
    let before = reconciliation::difference(store, &subject).await?;
    let before = before.as_ref();
    let Ok(movement) = told.movement() else {
        let finding = Finding::of(DifferenceKind::NotUnderstood);
        return run.differs(before, subject, finding, Vec::new()).await;
    };
    let movement = evidence::trace(run.context, told, movement).await?;
    let (expected, own) = match evidence::gather(run.context, told, &movement, run.tick.now).await? {
        Evidence::Entries(expected) => (expected, None),
        Evidence::Own(against) => {
            let fact = Fact::Processor(movement.id.clone());
            (vec![Expected::entry(None, &fact)], Some(against))
        }
        Evidence::Foreign => return run.is_foreign(before).await,
        Evidence::None(kind) => {
            // An operator may have said what it was, by a dispute made by hand.
            let by_hand = ledger::fact_key(None, &Fact::DisputeFunds(movement.id.clone()));
            let posted = ledger::entries(store, &[by_hand]).await?;
            if !posted.is_empty() && compare(&movement, &posted).map_err(Failure::reject)?.is_none() {
                return run.explained(before, &movement, &posted, None).await;
            }
            let finding = Finding::expected(kind, movement.net);
            return run.differs(before, subject, finding, Vec::new()).await;
        }
    };
    let keys: Vec<_> = expected.iter().flat_map(|expected| &expected.keys).cloned().collect();
    let posted = ledger::entries(store, &keys).await?;
    let found: Vec<JournalEntry> = explaining(&movement, &posted).cloned().collect();
    match (compare(&movement, &found).map_err(Failure::reject)?, own) {
        (None, _) => run.explained(before, &movement, &found, None).await,
        (Some(_), Some(against)) if posted.is_empty() => {
            let entry = own_entry(run.tick.seed.id(&movement.id), &movement, against).map_err(Failure::reject)?;
            run.explained(before, &movement, &[], Some(&entry)).await
        }
        (Some(finding), _) => {
            let missing = expected.into_iter().filter(|expected| !expected.is_among(&found));
            let news = missing.filter_map(|expected| expected.news).collect();
            run.differs(before, subject, finding, news).await
        }
    }
}
