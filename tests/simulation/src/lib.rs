//! A seeded, deterministic simulator of everything that moves money.
//!
//! It drives the real handlers, decisions and store of the functions; only what is outside them is played: the table and the queues in memory, Stripe
//! and PayPal by the stand-ins, and every clock. A seed makes a plan ([`plan`]: who buys, pays, is paid), and a run carries it out while requests
//! are throttled or lost, handlers die at any request, messages come twice, late and in disorder, indexes lag and clocks differ ([`run`]). When all has come
//! to rest, the books must keep every invariant ([`invariants`]), and be the same as if nothing had ever gone wrong.
//!
//! `make simulate SEEDS=10000` tries many seeds; `make simulate SEED=7` tells all that happens in one. What a plan begins with may be chosen
//! (`OPENING=rush`): see [`openings`].

mod books;
mod chance;
mod dashboard;
mod deed;
mod errand;
mod gate;
mod heard;
mod invariants;
mod openings;
mod paypal;
mod plan;
mod run;
mod sqs;
mod standing;
mod strangers;
mod streams;
mod subscriber;
mod task;
mod trace;
mod withdrawal;
mod world;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use books::{Books, Outcome};
use chance::Chance;
use invariants::INVARIANTS;
use openings::OPENINGS;
use plan::Plan;
use run::Run;
use trace::Trace;

/// What a seed has broken.
#[derive(Debug)]
pub struct Violation {
    pub invariant: String,
    pub findings: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.invariant)?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}

/// So many seeds in a row play the same plan, each through a storm of its own.
pub const STORMS: u64 = 8;

/// Which plans the seeds make.
#[derive(Debug, Clone, Copy)]
pub struct Plans(Option<usize>);

impl Plans {
    /// Whatever may come.
    pub fn random() -> Self {
        Self(None)
    }

    /// Those of one opening alone.
    pub fn of_opening(name: &str) -> Option<Self> {
        OPENINGS
            .iter()
            .position(|opening| opening.name == name)
            .map(|index| Self(Some(index)))
    }

    /// The name of every opening, with what happens in it.
    pub fn openings() -> impl Iterator<Item = (&'static str, &'static str)> {
        OPENINGS.iter().map(|opening| (opening.name, opening.about))
    }

    /// The calm before the seed's storm.
    pub fn calm(self, seed: u64) -> Result<Calm, Violation> {
        let (seed, plan) = self.plan(seed);
        let outcome = guarded(|| Ok(check(&mut Run::calm(&plan, seed, Trace::default()))?.outcome()))?;
        Ok(Calm { seed, plan, outcome })
    }

    /// All that happens in the calm.
    pub fn trace_calm(self, seed: u64) -> String {
        let (seed, plan) = self.plan(seed);
        let mut run = Run::calm(&plan, seed, Trace::kept());
        // What it breaks is known.
        let _broken = guarded(|| check(&mut run).map(drop));
        format!("{plan:#?}\n{}", run.trace.into_text())
    }

    fn plan(self, seed: u64) -> (u64, Plan) {
        let seed = seed - seed % STORMS;
        let mut chance = Chance::new(seed, 0);
        let plan = match self.0 {
            None => Plan::random(&mut chance),
            Some(opening) => Plan::of_opening(&OPENINGS[opening], &mut chance),
        };
        (seed, plan)
    }
}

/// A plan, and how it ends when nothing goes wrong.
#[derive(Debug)]
pub struct Calm {
    seed: u64,
    plan: Plan,
    outcome: Outcome,
}

impl Calm {
    /// Plays the plan through the seed's storm.
    pub fn storm(&self, seed: u64) -> Result<(), Violation> {
        guarded(|| self.play(&mut Run::storm(&self.plan, self.seed, seed, Trace::default())))
    }

    /// The same, with all that happens in it.
    pub fn trace(&self, seed: u64) -> (String, Result<(), Violation>) {
        let mut run = Run::storm(&self.plan, self.seed, seed, Trace::kept());
        let played = guarded(|| self.play(&mut run));
        (format!("{:#?}\n{}", self.plan, run.trace.into_text()), played)
    }

    fn play(&self, run: &mut Run<'_>) -> Result<(), Violation> {
        let outcome = check(run)?.outcome();
        if outcome == self.outcome {
            return Ok(());
        }
        Err(Violation {
            invariant: "the same plan ends in the same books, with faults and without".to_owned(),
            findings: vec![format!("with: {outcome:?}"), format!("without: {:?}", self.outcome)],
        })
    }
}

fn check(run: &mut Run<'_>) -> Result<Books, Violation> {
    // The HTTP edge sets time limits, which need a timer to exist, though none ever fires.
    let timer = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let timer = timer.expect("a timer");
    let _entered = timer.enter();
    run.play();
    let books = Books::read(run);
    broken(&books).map_or(Ok(books), Err)
}

/// The first invariant that the books break.
fn broken(books: &Books) -> Option<Violation> {
    INVARIANTS.iter().find_map(|(invariant, check)| {
        let findings = check(books);
        (!findings.is_empty()).then(|| Violation {
            invariant: (*invariant).to_owned(),
            findings,
        })
    })
}

/// A panic breaks the rule that there is none.
fn guarded<T>(work: impl FnOnce() -> Result<T, Violation>) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Violation {
            invariant: "nothing panics".to_owned(),
            findings: vec![text.unwrap_or_default()],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_of_two_days_loses_messages_and_no_money() {
        let opening = OPENINGS.iter().find(|opening| opening.name == "lost-messages");
        let mut plan = Plan::of_opening(opening.expect("the opening"), &mut Chance::new(0, 0));
        let mut run = Run::calm(&plan, 0, Trace::default());
        let after_outage = check(&mut run).expect("the calm holds").outcome();
        assert!(run.streams.forgotten >= 3, "two payments and a refund at least");
        plan.steps.retain(|step| !matches!(step, plan::Step::QueuesOut { .. }));
        let mut run = Run::calm(&plan, 0, Trace::default());
        let without = check(&mut run).expect("the calm holds").outcome();
        assert_eq!((after_outage, run.streams.forgotten), (without, 0));
    }

    #[test]
    fn no_entry_of_the_journal_can_be_missing_or_there_twice() {
        for seed in [0, STORMS, 2 * STORMS, 3 * STORMS] {
            let plan = Plan::random(&mut Chance::new(seed, 0));
            let mut run = Run::calm(&plan, seed, Trace::default());
            let whole = check(&mut run).expect("the calm holds");
            for index in 0..whole.journal.len() {
                let mut books = Books::read(&run);
                let entry = books.journal.remove(index);
                assert!(broken(&books).is_some(), "nobody misses {entry:?}");
                let mut books = Books::read(&run);
                books.journal.push(entry);
                assert!(broken(&books).is_some(), "an entry is there twice and nobody minds");
            }
        }
    }
}
