//! One run: what it has done so far, and what it writes of it.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use shared::ids::{MessageId, ReconciliationId};
use shared::ledger::JournalEntry;
use shared::messages::{Envelope, Message};
use shared::processor::intake::Intake;
use shared::reconciliation::{Counts, Difference, Finding, Match, Movement, Reconciliation, Subject};
use shared::runtime::{Failure, Tick};
use shared::store::{StoreError, Versioned, Write, ledger, reconciliation};

use crate::context::Context;

/// What a run leaves of its time for the movement in hand.
const RESERVE: SignedDuration = SignedDuration::from_secs(10);

pub(crate) struct Run<'a> {
    pub(crate) context: &'a Context,
    pub(crate) tick: &'a Tick,
    pub(crate) counts: Counts,
    id: ReconciliationId,
    /// The differences that this run has looked at and that still stand.
    standing: HashSet<Subject>,
}

impl<'a> Run<'a> {
    pub(crate) async fn begin(context: &'a Context, tick: &'a Tick) -> Result<Self, Failure> {
        let run = Self {
            context,
            tick,
            counts: Counts::default(),
            id: tick.seed.id("reconciliation"),
            standing: HashSet::new(),
        };
        reconciliation::begin(&context.store, &run.report(None, false)).await?;
        Ok(run)
    }

    /// What happened up to here can be expected to have arrived.
    pub(crate) fn until(&self) -> Timestamp {
        self.tick.now - self.context.grace
    }

    pub(crate) fn is_out_of_time(&self) -> bool {
        self.tick.deadline.duration_since(self.context.clock.now()) < RESERVE
    }

    /// An event was taken in, or cannot be stored as it is: that is told, and the run goes on past it.
    pub(crate) fn count_event(&mut self, taken: Result<Intake, StoreError>) -> Result<(), Failure> {
        match taken {
            Ok(taken) => self.counts.events_taken_in += u32::from(taken == Intake::New),
            Err(error @ (StoreError::Corrupt(_) | StoreError::TooLarge)) => {
                self.counts.events_refused += 1;
                tracing::error!(%error, quarantined_events = 1, "an event cannot be stored");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    pub(crate) fn has_seen(&self, subject: &Subject) -> bool {
        self.standing.contains(subject)
    }

    /// These entries explain the movement; `post` is one that is not posted yet. A difference about it has healed.
    pub(crate) async fn explained(
        &mut self,
        before: Option<&Versioned<Difference>>,
        movement: &Movement,
        entries: &[JournalEntry],
        post: Option<&JournalEntry>,
    ) -> Result<(), Failure> {
        let found = Match {
            processor: movement.processor,
            transaction: movement.id.clone(),
            net: movement.net,
            entries: entries.iter().chain(post).map(JournalEntry::id).collect(),
            by: self.id,
            at: self.tick.now,
        };
        let mut writes = vec![reconciliation::create_match(&found)?];
        writes.extend(post.map(|entry| ledger::post(entry, self.tick.now)).transpose()?);
        let healed = before.filter(|difference| difference.is_open());
        if let Some(healed) = healed {
            writes.extend(self.closing(healed)?);
        }
        if self.write(writes).await? {
            self.counts.matched += 1;
            self.counts.posted += u32::from(post.is_some());
            self.counts.closed += u32::from(healed.is_some());
            return Ok(());
        }
        // Another run has matched it. Where that run had read no difference, it has closed none: this one was opened at the same time.
        match healed {
            Some(difference) => self.healed(difference).await,
            None => Ok(()),
        }
    }

    /// Something does not fit. It is written down when it is news, with the messages that may heal it.
    pub(crate) async fn differs(
        &mut self,
        before: Option<&Versioned<Difference>>,
        subject: Subject,
        finding: Finding,
        news: Vec<Message>,
    ) -> Result<(), Failure> {
        self.standing.insert(subject.clone());
        let found = Difference::open(subject, finding, self.id, self.tick.now);
        let difference = before.map_or(found.clone(), |before| before.found_again(found));
        if before.is_some_and(|before| before.value == difference) {
            return Ok(());
        }
        tracing::error!(difference.kind = %difference.kind, difference.subject = ?difference.subject,
            difference.expected = ?difference.expected, difference.found = ?difference.found, "the books and the processor's differ");
        let envelope = |(index, message): (usize, Message)| {
            let label = format!("{:?} {index}", difference.subject);
            Envelope::new(self.tick.seed.id::<MessageId>(&label), message)
        };
        let messages: Vec<_> = news.into_iter().enumerate().map(envelope).collect();
        let writes = reconciliation::save_difference(&difference, before, self.id, &messages)?;
        if self.write(writes.into()).await? {
            self.counts.opened += u32::from(before.is_none());
        }
        Ok(())
    }

    /// A message that was rejected is tried once more; whoever does it closes the difference.
    pub(crate) async fn try_again(&mut self, difference: &Versioned<Difference>) -> Result<(), Failure> {
        self.standing.insert(difference.subject.clone());
        let Some(rejection) = &difference.rejection else {
            return Ok(());
        };
        let rejected = Box::new(rejection.message.clone());
        let id = self.tick.seed.id::<MessageId>(&rejected.id.to_string());
        let again = Envelope::new(id, Message::Reconsider { rejected });
        self.write(vec![reconciliation::announce_rejected(difference, &again)?])
            .await?;
        Ok(())
    }

    /// The movement is another deployment's: nothing is to be said of it here.
    pub(crate) async fn is_foreign(&mut self, before: Option<&Versioned<Difference>>) -> Result<(), Failure> {
        match before.filter(|difference| difference.is_open()) {
            Some(difference) => self.healed(difference).await,
            None => Ok(()),
        }
    }

    /// The difference has healed without a movement that would say so.
    pub(crate) async fn healed(&mut self, difference: &Versioned<Difference>) -> Result<(), Failure> {
        if self.write(self.closing(difference)?.into()).await? {
            self.counts.closed += 1;
        }
        Ok(())
    }

    fn closing(&self, difference: &Versioned<Difference>) -> Result<[Write; 2], StoreError> {
        let closed = difference.close(self.id, self.tick.now);
        reconciliation::save_difference(&closed, Some(difference), self.id, &[])
    }

    /// `false` when another run was quicker: it has written the same.
    async fn write(&self, mut writes: Vec<Write>) -> Result<bool, Failure> {
        let store = &self.context.store;
        // A write by itself costs half of what it costs in a transaction.
        let outcome = match writes.len() {
            1 => store.write(writes.remove(0)).await,
            _ => store.transact(writes).await,
        };
        match outcome {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn end(mut self, is_complete: bool) -> Result<(), Failure> {
        self.counts.open = u32::try_from(self.standing.len()).unwrap_or(u32::MAX);
        let counts = self.counts;
        let report = self.report(Some(self.context.clock.now()), is_complete);
        reconciliation::finish(&self.context.store, &report).await?;
        if !is_complete {
            tracing::warn!(reconciliation.id = %self.id, "the run ended before everything was looked at; the next one goes on");
        }
        // The alarm on differences reads `open_differences` (template.yaml).
        tracing::info!(
            reconciliation.id = %self.id,
            open_differences = counts.open,
            opened = counts.opened,
            closed = counts.closed,
            matched = counts.matched,
            posted = counts.posted,
            events_taken_in = counts.events_taken_in,
            events_refused = counts.events_refused,
            "reconciliation ended"
        );
        Ok(())
    }

    fn report(&self, ended_at: Option<Timestamp>, is_complete: bool) -> Reconciliation {
        Reconciliation {
            id: self.id,
            started_at: self.tick.now,
            ended_at,
            until: self.until(),
            is_complete,
            counts: self.counts,
        }
    }
}
