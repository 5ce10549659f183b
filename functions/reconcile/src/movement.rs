//! One movement at the processor, held against the journal.

use shared::ledger::{Fact, JournalEntry};
use shared::processor::stripe::objects::BalanceTransaction;
use shared::reconciliation::{DifferenceKind, Explanation, Finding, compare, explaining, explanation, own_entry};
use shared::runtime::Failure;
use shared::store::{ledger, reconciliation};

use crate::evidence::{self, Expected};
use crate::run::Run;

pub(crate) async fn look_at(run: &mut Run<'_>, transaction: &BalanceTransaction) -> Result<(), Failure> {
    let store = &run.context.store;
    let (subject, about) = (transaction.subject(), transaction.about());
    let before = reconciliation::difference(store, &subject).await?;
    let before = before.as_ref();
    let Ok(movement) = transaction.movement() else {
        let finding = Finding::of(DifferenceKind::NotUnderstood);
        return run.differs(before, subject, finding, Vec::new()).await;
    };
    let Some(explanation) = explanation(&movement.kind, about.map(|source| source.object.as_str())) else {
        let finding = Finding::expected(DifferenceKind::NotUnderstood, movement.net);
        return run.differs(before, subject, finding, Vec::new()).await;
    };
    let expected = match explanation {
        Explanation::Own(_) => Some(vec![Expected::entry(None, &Fact::Processor(movement.id.clone()))]),
        _ => evidence::gather(run.context, explanation, &movement, about).await?,
    };
    let Some(expected) = expected else {
        let finding = Finding::expected(DifferenceKind::NotOurs, movement.net);
        return run.differs(before, subject, finding, Vec::new()).await;
    };
    let keys: Vec<_> = expected.iter().flat_map(|expected| &expected.keys).cloned().collect();
    let posted = ledger::entries(store, &keys).await?;
    let found: Vec<JournalEntry> = explaining(&movement, &posted).cloned().collect();
    match (compare(&movement, &found).map_err(Failure::reject)?, explanation) {
        (None, _) => run.explained(before, &movement, &found, None).await,
        (Some(_), Explanation::Own(against)) if posted.is_empty() => {
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
