//! The tables' streams: what was changed and not yet relayed, and for how long no queue answers.
//!
//! The relay's batches come again for as long as a queue does not answer (template.yaml: `MaximumRetryAttempts: -1`, `MaximumRecordAgeInSeconds: -1`),
//! so a change waits here until the queues are back. But a stream keeps it for a day: what is older by then is gone.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use shared::messages::{Envelope, Message};
use shared::store::memory::Change;
use shared::store::outbox;

/// As AWS keeps the records of a table's stream.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug)]
struct Record {
    at: Timestamp,
    change: Change,
}

#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// Changes that announce something, oldest first.
    records: VecDeque<Record>,
    /// Until then no queue takes or gives a message; `None` where they always have.
    out_until: Option<Timestamp>,
    /// How many changes the streams have forgotten.
    pub(crate) forgotten: usize,
}

impl Streams {
    pub(crate) fn push(&mut self, change: Change, at: Timestamp) {
        self.records.push_back(Record { at, change });
    }

    pub(crate) fn set_queues_out(&mut self, until: Timestamp) {
        self.out_until = Some(until);
    }

    /// Until when no queue answers, if none does now.
    pub(crate) fn queues_out_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.out_until.filter(|until| now < *until)
    }

    /// Whether the queues were ever out.
    pub(crate) fn have_waited(&self) -> bool {
        self.out_until.is_some()
    }

    /// How many changes can be relayed now.
    pub(crate) fn ready(&self, now: Timestamp) -> usize {
        match self.queues_out_until(now) {
            Some(_) => 0,
            None => self.records.len(),
        }
    }

    /// The first change of the item that this one is of: a stream is in order for each item only.
    pub(crate) fn first(&self, of: usize) -> (usize, &Change) {
        let key = |record: &Record| {
            let item = record.change.new.as_ref();
            item.map(|item| (record.change.table, item.get("pk").cloned()))
        };
        let wanted = key(&self.records[of]);
        let first = self.records.iter().position(|each| key(each) == wanted);
        let first = first.unwrap_or(of);
        (first, &self.records[first].change)
    }

    pub(crate) fn remove(&mut self, index: usize) {
        self.records.remove(index);
    }

    /// Forgets what became too old before the queues were back, and hands it out.
    pub(crate) fn forget(&mut self, now: Timestamp) -> Vec<Change> {
        let Some(out_until) = self.out_until else {
            return Vec::new();
        };
        let horizon = now.min(out_until) - KEPT;
        let old = self.records.iter().take_while(|record| record.at < horizon).count();
        self.forgotten += old;
        self.records.drain(..old).map(|record| record.change).collect()
    }

    /// Whether a mail is announced: what follows from no state that stands, nobody announces again.
    pub(crate) fn announce_mail(&self) -> bool {
        let mut messages = self.records.iter().flat_map(|record| announced(&record.change));
        messages.any(|envelope| matches!(envelope.message, Message::OrderPaid { .. }))
    }
}

pub(crate) fn announced(change: &Change) -> Vec<Envelope> {
    let new = change.new.as_ref();
    let envelopes = new.map(|new| outbox::announced(change.old.as_ref(), new));
    envelopes
        .transpose()
        .expect("an outbox can be read")
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use shared::store::TableName;

    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    fn change() -> Change {
        Change {
            table: TableName::Commerce,
            old: None,
            new: None,
        }
    }

    #[test]
    fn changes_wait_for_the_queues_and_for_no_longer_than_a_day() {
        let mut streams = Streams::default();
        streams.set_queues_out(at(48));
        streams.push(change(), at(0));
        streams.push(change(), at(30));
        assert_eq!((streams.ready(at(23)), streams.forget(at(23)).len()), (0, 0));
        assert_eq!((streams.ready(at(25)), streams.forget(at(25)).len()), (0, 1));
        assert_eq!((streams.ready(at(47)), streams.forget(at(47)).len()), (0, 0));
        assert_eq!(
            (streams.ready(at(48)), streams.forget(at(60)).len()),
            (1, 0),
            "relayed at once"
        );
        assert_eq!(streams.forgotten, 1);
    }

    /// The simulation lets changes wait because the relay's batches come again without an end.
    #[test]
    fn the_relay_gives_up_no_batch() {
        let template = include_str!("../../../template.yaml");
        let section = template.split("\n  OutboxFunction:").nth(1).expect("the relay");
        let section = section.split("\n  OutboxRole:").next().expect("its events");
        for setting in ["MaximumRetryAttempts: -1", "MaximumRecordAgeInSeconds: -1"] {
            assert_eq!(
                section.matches(setting).count(),
                section.matches("Type: DynamoDB").count(),
                "{setting}"
            );
        }
    }
}
