//! What will happen later by itself.

use std::collections::BTreeMap;

/// Planned work in order of its time; of the same time, in order of planning.
#[derive(Debug)]
pub struct Plan<W> {
    work: BTreeMap<(i64, u64), W>,
    planned: u64,
}

impl<W> Plan<W> {
    pub fn add(&mut self, due_ms: i64, work: W) {
        self.planned += 1;
        self.work.insert((due_ms, self.planned), work);
    }

    pub fn take_due(&mut self, now_ms: i64) -> Option<W> {
        let first = self.work.first_entry()?;
        (first.key().0 <= now_ms).then(|| first.remove())
    }

    /// When the next piece of work is due.
    pub fn next_ms(&self) -> Option<i64> {
        self.work.first_key_value().map(|((due_ms, _), _)| *due_ms)
    }

    pub fn len(&self) -> usize {
        self.work.len()
    }

    pub fn is_empty(&self) -> bool {
        self.work.is_empty()
    }
}

impl<W> Default for Plan<W> {
    fn default() -> Self {
        Self {
            work: BTreeMap::new(),
            planned: 0,
        }
    }
}
