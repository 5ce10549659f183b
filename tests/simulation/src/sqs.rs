//! The queues: first in, first out within a group, again after a failure, again for no reason, aside after too many failures.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use shared::ids::MessageId;
use shared::messages::{Envelope, Message, Queue};

/// As in template.yaml.
pub(crate) const MAX_RECEIVES: u32 = 5;
const VISIBILITY: SignedDuration = SignedDuration::from_secs(180);
/// For how long a FIFO queue drops what it has been sent before.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(5);
/// The runtime's longest pause before a failed message comes again.
const MAX_PAUSE_S: i64 = 60;

/// How long a message rests at most that has failed after so many receives.
pub(crate) fn longest_pause_s(receives: u32) -> i64 {
    1_i64.checked_shl(receives).unwrap_or(MAX_PAUSE_S).min(MAX_PAUSE_S)
}

/// A queue, and what its messages must stay in order with. Where order does not matter, every message is a group of its own.
pub(crate) type Group = (String, String);

#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) group: Group,
    pub(crate) queue: Queue,
    pub(crate) message: Envelope,
    pub(crate) receives: u32,
}

#[derive(Debug)]
struct Held {
    queue: Queue,
    message: Envelope,
    receives: u32,
    visible_at: Timestamp,
    /// Why it was not done when it was last received.
    failure: String,
}

#[derive(Debug, Default)]
pub(crate) struct Sqs {
    groups: BTreeMap<Group, VecDeque<Held>>,
    dead: Vec<(Group, Held)>,
    remembered: BTreeMap<MessageId, Timestamp>,
}

impl Sqs {
    pub(crate) fn send(&mut self, message: &Envelope, now: Timestamp) {
        let (queue, ordered) = (message.message.queue(), message.message.group());
        if ordered.is_some() {
            let known = self.remembered.get(&message.id);
            if known.is_some_and(|sent| now.duration_since(*sent) < REMEMBERED) {
                return;
            }
            self.remembered.insert(message.id, now);
        }
        let group = (queue.to_string(), ordered.unwrap_or_else(|| message.id.to_string()));
        self.groups.entry(group).or_default().push_back(Held {
            queue,
            message: message.clone(),
            receives: 0,
            visible_at: now,
            failure: String::new(),
        });
    }

    /// The groups that have a message to give.
    pub(crate) fn ready(&self, now: Timestamp) -> Vec<Group> {
        let ready = |held: &VecDeque<Held>| held.front().is_some_and(|held| held.visible_at <= now);
        let groups = self.groups.iter().filter(|(_, held)| ready(held));
        groups.map(|(group, _)| group.clone()).collect()
    }

    /// When the next message can be received that cannot be now.
    pub(crate) fn next_visible(&self, now: Timestamp) -> Option<Timestamp> {
        let fronts = self.groups.values().filter_map(VecDeque::front);
        fronts.map(|held| held.visible_at).filter(|at| *at > now).min()
    }

    /// Hands out the group's first message; `None` where it has been received too often and is set aside instead.
    pub(crate) fn receive(&mut self, group: &Group, now: Timestamp) -> Option<Received> {
        let held = self.groups.get_mut(group)?.front_mut()?;
        if held.receives == MAX_RECEIVES {
            let held = self.take(group)?;
            self.dead.push((group.clone(), held));
            return None;
        }
        held.receives += 1;
        held.visible_at = now + VISIBILITY;
        Some(Received {
            group: group.clone(),
            queue: held.queue,
            message: held.message.clone(),
            receives: held.receives,
        })
    }

    /// The message is done.
    pub(crate) fn delete(&mut self, received: &Received) {
        if self.front(received).is_some() {
            self.take(&received.group);
        }
    }

    /// The message was not done, and can be received again from then on.
    pub(crate) fn fail(&mut self, received: &Received, why: String, visible_at: Timestamp) {
        if let Some(held) = self.front(received) {
            held.visible_at = visible_at;
            held.failure = why;
        }
    }

    /// The message is seen again at once, though it may have been done.
    pub(crate) fn show_again(&mut self, received: &Received, now: Timestamp) {
        if let Some(held) = self.front(received) {
            held.visible_at = now;
        }
    }

    /// Gives the dead letters back to their queues; says how many there were.
    pub(crate) fn redrive(&mut self, now: Timestamp) -> usize {
        let dead = std::mem::take(&mut self.dead);
        let count = dead.len();
        for (group, held) in dead {
            self.groups.entry(group).or_default().push_back(Held {
                receives: 0,
                visible_at: now,
                ..held
            });
        }
        count
    }

    /// What is left, here or set aside, with the reason why it is.
    pub(crate) fn left(&self) -> impl Iterator<Item = (&Message, &str)> {
        let dead = self.dead.iter().map(|(_, held)| held);
        let held = self.groups.values().flatten().chain(dead);
        held.map(|held| (&held.message.message, held.failure.as_str()))
    }

    fn front(&mut self, received: &Received) -> Option<&mut Held> {
        let held = self.groups.get_mut(&received.group)?.front_mut()?;
        (held.message.id == received.message.id).then_some(held)
    }

    fn take(&mut self, group: &Group) -> Option<Held> {
        let held = self.groups.get_mut(group)?;
        let first = held.pop_front();
        if held.is_empty() {
            self.groups.remove(group);
        }
        first
    }
}
