//! One run: the plan's steps among everything that is on its way, in an order and with faults that chance decides.
//!
//! Any number of handlers may be under way. At each turn one of them gets the answer to the request it waits for, or loses it, or dies; or something
//! else begins; or time passes. When the plan is through, the faults end, everything comes to rest, and what is left are the books.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::ids::{MessageId, OrderId, UserId};
use shared::messages::{Envelope, Message};
use shared::store::memory::{Change, Fate};
use shared::store::table::Item;

use crate::chance::Chance;
use crate::deed::Deed;
use crate::errand::{Errand, LEFT_OPEN};
use crate::heard::{Heard, is_subscribed};
use crate::plan::{Plan, Step};
use crate::sqs::{MAX_RECEIVES, Sqs};
use crate::standing::Standing;
use crate::streams::{self, Streams};
use crate::subscriber::Subscriber;
use crate::task::{Job, Letter, Task, Turn};
use crate::trace::Trace;
use crate::withdrawal::Withdrawal;
use crate::world::World;

/// More handlers at once only make a run longer.
const MAX_TASKS: usize = 4;
/// A run that has not come to rest by then never will.
const MAX_TURNS: usize = 20_000;
/// How long the storm goes on after the plan's last step.
const AFTERMATH_TURNS: usize = 40;
/// After that, what still stands is announced again.
const FIRST_STATE: SignedDuration = SignedDuration::from_mins(15);
/// Long enough for every session to expire and all funds to arrive.
const REST: SignedDuration = SignedDuration::from_hours(24 * 10);
/// What is due soon, when nothing is done but to look whether the last step has had its effect.
const SOON: SignedDuration = SignedDuration::from_secs(90);

#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) chance: Chance,
    pub(crate) world: World,
    pub(crate) trace: Trace,
    /// Percent of requests that do not simply succeed; 0 is calm.
    risk: u32,
    /// Whether it never was anything else.
    pub(crate) is_calm: bool,
    next_step: usize,
    /// How many have clicked twice.
    clicked: usize,
    pub(crate) errands: Vec<Errand>,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) subscribers: Vec<Subscriber>,
    /// What every subscription was when all was quiet, before those that ran were ended.
    pub(crate) standings: Vec<Standing>,
    tasks: Vec<Task>,
    begun: usize,
    pub(crate) ticks: Vec<Turn>,
    pub(crate) letters: Vec<Letter>,
    events_seen: usize,
    /// Whether the endpoint for connected accounts is there.
    hears_accounts: bool,
    pub(crate) paypal_events_seen: usize,
    /// By how much every event is late, in calm and storm alike.
    pub(crate) events_late: SignedDuration,
    pub(crate) heard: Heard,
    pub(crate) streams: Streams,
    pub(crate) sqs: Sqs,
    /// The receipts announced for each order.
    pub(crate) receipts: BTreeMap<String, BTreeSet<MessageId>>,
    /// Who was told of which order, one after another.
    pub(crate) paid: Vec<(UserId, OrderId)>,
    pub(crate) former_accounts: BTreeSet<String>,
    /// The journal's items in the order in which they were written, and when.
    pub(crate) journal: Vec<(Item, Timestamp)>,
    pub(crate) withdrawals: Vec<Withdrawal>,
    /// Customers at Stripe who are another deployment's.
    pub(crate) strangers_customers: BTreeSet<String>,
    /// What should not have happened on the way.
    pub(crate) wrong: Vec<String>,
}

/// What can be done next.
#[derive(Debug, Clone)]
enum Choice {
    Step,
    Go(usize),
    Errand(usize),
    Deed(usize),
    Subscriber(usize),
    Letter(usize),
    Relay,
    Receive(crate::sqs::Group),
    Tick(usize),
    Pause,
}

impl<'a> Run<'a> {
    pub(crate) fn calm(plan: &'a Plan, seed: u64, trace: Trace) -> Self {
        Self::new(plan, seed, Chance::new(seed, 2), 0, trace)
    }

    /// `people` is the seed of the calm run, so that partners and customers are the same.
    pub(crate) fn storm(plan: &'a Plan, people: u64, seed: u64, trace: Trace) -> Self {
        let mut chance = Chance::new(seed, 1);
        let risk = chance.pick(&[1, 3, 10, 25]);
        let is_traced = trace.is_kept();
        let run = Self::new(plan, people, chance, risk, trace);
        if is_traced {
            run.world.gate.name_requests();
        }
        run
    }

    fn new(plan: &'a Plan, people: u64, chance: Chance, risk: u32, trace: Trace) -> Self {
        let world = World::new(plan, &mut Chance::new(people, 3));
        Self {
            plan,
            chance,
            // What was before the run is known to everybody.
            events_seen: world.stripe.events_from(0).len(),
            world,
            trace,
            risk,
            is_calm: risk == 0,
            next_step: 0,
            clicked: 0,
            errands: Vec::new(),
            deeds: Vec::new(),
            subscribers: Vec::new(),
            standings: Vec::new(),
            paid: Vec::new(),
            tasks: Vec::new(),
            begun: 0,
            ticks: Vec::new(),
            letters: Vec::new(),
            hears_accounts: true,
            paypal_events_seen: 0,
            events_late: SignedDuration::ZERO,
            heard: Heard::default(),
            streams: Streams::default(),
            sqs: Sqs::default(),
            receipts: BTreeMap::new(),
            former_accounts: BTreeSet::new(),
            journal: Vec::new(),
            withdrawals: Vec::new(),
            strangers_customers: BTreeSet::new(),
            wrong: Vec::new(),
        }
    }

    pub(crate) fn is_stormy(&self) -> bool {
        self.risk > 0
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.now
    }

    /// Plays the whole plan and brings everything to rest.
    pub(crate) fn play(&mut self) {
        if self.is_stormy() {
            self.weather();
        } else {
            while self.next_step < self.plan.steps.len() {
                if !self.may_step() {
                    self.settle(LEFT_OPEN);
                }
                self.step();
                self.settle(SOON);
            }
        }
        self.rest();
    }

    fn weather(&mut self) {
        self.world.gate.set_holds(true);
        let mut aftermath = AFTERMATH_TURNS;
        for _ in 0..MAX_TURNS {
            if self.next_step == self.plan.steps.len() && self.errands.iter().all(|errand| errand.is_done()) {
                aftermath -= 1;
            }
            if aftermath == 0 {
                break;
            }
            match self.choose() {
                Some(choice) => self.act(choice),
                None => match self.next_due() {
                    Some(due) if due <= self.now() + REST => self.pass_until(due),
                    _ => break,
                },
            }
        }
        self.world.gate.set_holds(false);
        self.world.memory().set_index_lag(false);
        self.risk = 0;
        self.trace.say(self.now(), || "the storm is over".to_owned());
    }

    /// Everything that is due happens, messages set aside are given back, and the partners get what is theirs.
    fn rest(&mut self) {
        self.world.gate.lose_transfer_answers(0);
        if let Some(until) = self.streams.queues_out_until(self.now()) {
            self.pass_until(until);
        }
        self.settle(REST);
        if self.streams.have_waited() {
            self.world.pass(FIRST_STATE);
            self.ticks.push(Turn::new(Job::Sweep, self.chance.seed(self.now())));
            self.settle(REST);
        }
        self.return_unclaimed();
        self.settle(REST);
        for _ in 0..2 {
            if self.sqs.redrive(self.now()) > 0 {
                self.settle(REST);
            }
        }
        self.end_subscriptions();
        let hold = SignedDuration::from_hours(24 * (i64::from(self.plan.hold_days) + 1));
        for wait in [hold, SignedDuration::from_hours(1)] {
            self.world.pass(wait);
            self.ticks.push(Turn::new(Job::Payouts, self.chance.seed(self.now())));
            self.settle(REST);
            self.return_unclaimed();
            self.settle(SOON);
        }
        // What has just been paid out is then older than the grace. The second run closes the gap that the first finds after a month.
        for _ in 0..2 {
            // PayPal's books are hours late.
            self.world
                .pass(SignedDuration::from_hours(if self.plan.paypal { 6 } else { 2 }));
            let turn = Turn::new(Job::Reconciliation, self.chance.seed(self.now()));
            self.ticks.push(turn);
            self.settle(SOON);
        }
    }

    /// Does what there is to do, faultlessly and in order, until nothing is left that falls due within `patience`.
    fn settle(&mut self, patience: SignedDuration) {
        let until = self.now() + patience;
        for _ in 0..MAX_TURNS {
            let first = |count: usize| (count > 0).then_some(0);
            let choice = None
                .or(first(self.tasks.len()).map(Choice::Go))
                .or_else(|| self.ready_errands().first().copied().map(Choice::Errand))
                .or_else(|| self.ready_deeds().first().copied().map(Choice::Deed))
                .or_else(|| self.ready_subscribers().first().copied().map(Choice::Subscriber))
                .or((self.streams.ready(self.now()) > 0).then_some(Choice::Relay))
                .or_else(|| self.due_letters().first().copied().map(Choice::Letter))
                .or_else(|| self.ready_groups().into_iter().next().map(Choice::Receive))
                .or_else(|| self.due_ticks().first().copied().map(Choice::Tick));
            match (choice, self.next_due()) {
                (Some(choice), _) => self.act(choice),
                (None, Some(due)) if due <= until => self.pass_until(due),
                (None, _) => return,
            }
        }
        self.wrong.push("the run does not come to rest".to_owned());
    }

    pub(crate) fn settle_soon(&mut self) {
        self.settle(SOON);
    }

    fn choose(&mut self) -> Option<Choice> {
        let mut choices: Vec<_> = (0..self.tasks.len()).map(|index| (12, Choice::Go(index))).collect();
        if self.tasks.len() < MAX_TASKS {
            choices.extend(self.may_step().then_some((3, Choice::Step)));
            choices.extend(self.ready_errands().into_iter().map(|index| (4, Choice::Errand(index))));
            choices.extend(self.ready_deeds().into_iter().map(|index| (3, Choice::Deed(index))));
            choices.extend(
                self.ready_subscribers()
                    .into_iter()
                    .map(|index| (3, Choice::Subscriber(index))),
            );
            choices.extend(self.due_letters().into_iter().map(|index| (3, Choice::Letter(index))));
            choices.extend(self.ready_groups().into_iter().map(|group| (3, Choice::Receive(group))));
            choices.extend(self.due_ticks().into_iter().map(|index| (3, Choice::Tick(index))));
        }
        choices.extend((self.streams.ready(self.now()) > 0).then_some((6, Choice::Relay)));
        if !choices.is_empty() {
            choices.push((2, Choice::Pause));
        }
        self.chance.weighted(choices)
    }

    fn act(&mut self, choice: Choice) {
        self.world
            .set_queues_out(self.streams.queues_out_until(self.now()).is_some());
        match choice {
            Choice::Step => self.step(),
            Choice::Go(index) => self.go(index),
            Choice::Errand(index) => self.run_errand(index),
            Choice::Deed(index) => self.run_deed(index),
            Choice::Subscriber(index) => self.run_subscriber(index),
            Choice::Letter(index) => {
                let letter = self.letters.remove(index);
                let task = self.deliver(letter);
                self.begin(task);
            }
            Choice::Relay => self.relay(),
            Choice::Receive(group) => {
                if let Some(task) = self.receive(&group) {
                    self.begin(task);
                }
            }
            Choice::Tick(index) => {
                let turn = self.ticks.remove(index);
                let task = self.scheduled(turn);
                self.begin(task);
            }
            Choice::Pause => self.pause(),
        }
        self.collect();
    }

    fn ready_groups(&self) -> Vec<crate::sqs::Group> {
        match self.streams.queues_out_until(self.now()) {
            Some(_) => Vec::new(),
            None => self.sqs.ready(self.now()),
        }
    }

    /// Whether the plan can go on: time only passes in large steps while nobody stands at the counter.
    fn may_step(&self) -> bool {
        match self.plan.steps.get(self.next_step) {
            None => false,
            Some(Step::Wait { .. }) => {
                let mut subscribers = self.subscribers.iter();
                let is_quiet = |one: &Subscriber| one.is_quiet(self.subscriber_due(one), self.now());
                self.errands.iter().all(Errand::is_done)
                    && self.deeds.iter().all(Deed::is_quiet)
                    && subscribers.all(is_quiet)
            }
            // Items are written by hand then, and nobody who is at one of them waits for that.
            Some(Step::MoveAccount { .. } | Step::Sell { .. }) => self.tasks.is_empty(),
            Some(Step::QueuesOut { .. }) => self.tasks.is_empty() && !self.streams.announce_mail(),
            Some(_) => true,
        }
    }

    fn step(&mut self) {
        let step = &self.plan.steps[self.next_step];
        self.next_step += 1;
        self.trace.say(self.world.now, || format!("{step:?}"));
        match step {
            Step::Order {
                customer,
                listings,
                payment,
            } => self
                .errands
                .push(Errand::new(*customer, listings.clone(), *payment, self.world.now)),
            Step::Reverse { order, acts } => self.deeds.push(Deed::new(*order, acts, self.world.now)),
            Step::PayoutRun => self.schedule(Job::Payouts),
            Step::Reconciliation => self.schedule(Job::Reconciliation),
            Step::Sweep => self.schedule(Job::Sweep),
            Step::ReverseTransfer { percent } => self.reverse_transfer(*percent),
            Step::ReversePayoutItem => self.reverse_payout_item(),
            Step::QueuesOut { minutes } => {
                let until = self.world.now + SignedDuration::from_mins(*minutes);
                self.streams.set_queues_out(until);
            }
            Step::LoseTransferAnswers => self.world.gate.lose_transfer_answers(MAX_RECEIVES),
            Step::LoseConnectEvents => self.hears_accounts = false,
            Step::DelayEvents { minutes } => self.events_late = SignedDuration::from_mins(*minutes),
            Step::Wait { minutes } => self.wait(SignedDuration::from_mins(*minutes)),
            Step::Account { partner, works } => self.set_account(*partner, *works),
            Step::MoveAccount { partner } => {
                let former = self.calmly(|run| run.world.move_account(*partner, &mut run.chance));
                self.former_accounts.insert(former);
            }
            Step::Sell { what, may } => self.sell(*what, *may),
            Step::Clicks { listings } => {
                let customer = self.plan.customers + self.clicked;
                self.clicked += 1;
                self.errands.extend(Errand::clicks(customer, listings, self.world.now));
            }
            Step::Subscribe(wanted) => self.subscribe(wanted),
            Step::Stranger(what) => self.stranger(*what),
        }
    }

    /// In a storm messages may wait as long; in calm what falls due meanwhile happens then.
    fn wait(&mut self, time: SignedDuration) {
        let until = self.now() + time;
        if !self.is_stormy() {
            self.settle(time);
        }
        self.world.pass(until.duration_since(self.now()));
    }

    /// Sometimes the schedule fires twice.
    fn schedule(&mut self, job: Job) {
        let times = if self.is_stormy() && self.chance.percent(30) {
            2
        } else {
            1
        };
        for _ in 0..times {
            self.ticks.push(Turn::new(job, self.chance.seed(self.world.now)));
        }
    }

    /// What somebody outside the functions does is not held at the gate.
    pub(crate) fn calmly<T>(&mut self, deed: impl FnOnce(&mut Self) -> T) -> T {
        self.world.gate.set_holds(false);
        let done = deed(self);
        self.world.gate.set_holds(self.is_stormy());
        done
    }

    pub(crate) fn begin(&mut self, mut task: Task) {
        self.begun += 1;
        task.name = format!("[{}] {}", self.begun, task.name);
        self.trace.say(self.now(), || format!("{} begins", task.name));
        self.tasks.push(task);
        self.poll(self.tasks.len() - 1, None);
    }

    /// Gives a handler the answer it waits for, or makes it die waiting.
    fn go(&mut self, index: usize) {
        let fate = match self.chance.percent(self.risk) {
            false => Some(Fate::Done),
            true => self.chance.pick(&[
                Some(Fate::Refused),
                Some(Fate::Lost),
                Some(Fate::AnswerLost),
                None,
                None,
            ]),
        };
        let in_time = self.now() < self.tasks[index].dies_at;
        if fate.is_none() || !in_time && self.is_stormy() {
            self.world.gate.let_end_alone(self.chance.percent(50));
            let task = self.tasks.remove(index);
            self.trace.say(self.now(), || format!("{} dies", task.name));
            self.crashed(task.work);
        } else {
            self.poll(index, fate);
        }
    }

    fn poll(&mut self, index: usize, fate: Option<Fate>) {
        let now = self.world.now;
        let task = &mut self.tasks[index];
        self.world.set_clock(now + task.skew);
        if let Some(fate) = fate {
            self.trace
                .say(now, || format!("{} gets its answer: {fate:?}", task.name));
            self.world.gate.decide(fate);
        }
        match task.poll() {
            None => {
                let waiting = self.world.gate.take_waiting();
                self.trace.say(now, || format!("{} asks: {waiting}", task.name));
            }
            Some(ended) => {
                let task = self.tasks.remove(index);
                self.trace.say(now, || format!("{} ends: {ended}", task.name));
                self.ended(task.work, ended);
            }
        }
    }

    /// The relay reads a change and sends what it announces; if it dies before it has said so, it reads it again.
    fn relay(&mut self) {
        let pick = if self.is_stormy() {
            self.chance.below(self.streams.ready(self.now()))
        } else {
            0
        };
        let (first, change) = self.streams.first(pick);
        let messages = streams::announced(change);
        for message in &messages {
            self.trace
                .say(self.world.now, || format!("relayed: {:?}", message.message));
            self.sqs.send(message, self.world.now);
            self.note_receipt(message);
        }
        if !self.chance.percent(self.risk) {
            self.streams.remove(first);
        }
    }

    fn note_receipt(&mut self, message: &Envelope) {
        if let Message::OrderPaid { order, customer } = &message.message {
            self.paid.push((*customer, *order));
            self.receipts.entry(order.to_string()).or_default().insert(message.id);
        }
    }

    fn note_entry(&mut self, change: &Change) {
        match (&change.old, &change.new) {
            (None, Some(entry)) => self.journal.push((entry.clone(), self.world.now)),
            _ => self.wrong.push(format!("a journal entry was changed: {change:?}")),
        }
    }

    fn pause(&mut self) {
        let ms = self.chance.pick(&[50, 800, 5_000, 40_000]);
        self.world.pass(SignedDuration::from_millis(ms));
        if self.is_stormy() {
            let lags = self.chance.percent(15);
            self.world.memory().set_index_lag(lags);
        }
    }

    fn pass_until(&mut self, due: Timestamp) {
        let by = due.duration_since(self.now()).max(SignedDuration::from_millis(1));
        self.world.pass(by);
        self.collect();
    }

    /// When the next thing will happen by itself.
    fn next_due(&self) -> Option<Timestamp> {
        let (stripe, paypal) = (self.world.stripe.next_due_ms(), self.world.paypal.next_due_ms());
        let processors = stripe.into_iter().chain(paypal);
        let processors = processors.filter_map(|ms| Timestamp::from_millisecond(ms).ok());
        let errands = self.errands.iter().filter_map(Errand::due);
        let deeds = self.deeds.iter().filter_map(|deed| self.deed_due(deed));
        let subscribers = self.subscribers.iter();
        let subscribers = subscribers.filter_map(|subscriber| self.subscriber_due(subscriber));
        let letters = self.letters.iter().map(|letter| letter.due);
        let ticks = self.ticks.iter().map(|turn| turn.due);
        let all = errands
            .chain(deeds)
            .chain(subscribers)
            .chain(letters)
            .chain(ticks)
            .chain(processors)
            .chain(self.sqs.next_visible(self.now()))
            .chain(self.streams.queues_out_until(self.now()));
        all.min()
    }

    fn ready_errands(&self) -> Vec<usize> {
        let ready = |errand: &Errand| errand.due().is_some_and(|due| due <= self.now());
        positions(&self.errands, ready)
    }

    fn ready_deeds(&self) -> Vec<usize> {
        positions(&self.deeds, |deed| {
            self.deed_due(deed).is_some_and(|due| due <= self.now())
        })
    }

    fn due_letters(&self) -> Vec<usize> {
        positions(&self.letters, |letter| letter.due <= self.now())
    }

    fn due_ticks(&self) -> Vec<usize> {
        positions(&self.ticks, |turn| turn.due <= self.now())
    }

    /// Takes up what the last act has left: changes of the table that announce something, events of Stripe.
    pub(crate) fn collect(&mut self) {
        for change in self.world.memory().take_changes() {
            if is_journal(&change) {
                self.note_entry(&change);
            }
            if change.new.as_ref().is_some_and(|new| new.contains_key("outbox")) {
                self.streams.push(change, self.world.now);
            }
        }
        for change in self.streams.forget(self.world.now) {
            self.trace.say(self.world.now, || format!("forgotten: {change:?}"));
        }
        for message in self.world.take_sent() {
            self.sqs.send(&message, self.world.now);
        }
        let events = self.world.stripe.events_from(self.events_seen);
        self.events_seen += events.len();
        for event in events {
            self.heard.hear(&event);
            if is_subscribed(&event) && (self.hears_accounts || !event["account"].is_string()) {
                let due = self.arrives();
                self.letters.push(Letter::new(&event, due));
            }
        }
        self.collect_paypals();
    }
}

fn is_journal(change: &Change) -> bool {
    let item = change.new.as_ref().or(change.old.as_ref());
    let key = item.and_then(|item| item.get("pk")).and_then(|key| key.as_s().ok());
    key.is_some_and(|key| key.starts_with("JRN#"))
}

pub(crate) fn positions<T>(all: &[T], wanted: impl Fn(&T) -> bool) -> Vec<usize> {
    let wanted = all.iter().enumerate().filter(|(_, each)| wanted(each));
    wanted.map(|(index, _)| index).collect()
}
