//! A thousand machines compete for ten floating leases over a bad network.
//!
//! 1. Every machine asks for a lease again and again until it gets one, works for a while with heartbeats, and leaves. One in four crashes
//!    instead: nobody deactivates it, and only culling frees its lease.
//! 2. The network loses requests and answers, delivers some twice, and each as late as it likes.
//! 3. Several servers decide at once on what they read, and write on the condition that the revision is still the one they read.
//!
//! After every event at most ten machines hold a lease, and at most ten believe that they do; in the end everybody has been served. The
//! clock is the simulation's own, and the seed decides everything that chance would.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use jiff::{SignedDuration, Timestamp};

use super::grant::Grant;
use super::machine::{Elsewhere, MachineError, activate, deactivate, heartbeat};
use super::policy::{Limits, Policy, Resurrection};
use super::sample;
use crate::ids::MachineId;

const MACHINES: usize = 1_000;
const LEASES: u64 = 10;
/// From the last heartbeat to death.
const LIFE_MS: u64 = 60_000;
const PING_EVERY_MS: u64 = 15_000;
/// Far more events than any seed needs: whoever is not served by then never will be.
const MAX_EVENTS: u64 = 20_000_000;

/// SplitMix64: the same numbers on every machine and in every release.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

#[derive(Debug, Clone, Copy)]
enum Ask {
    Activate,
    Heartbeat(MachineId),
    Deactivate(MachineId),
}

#[derive(Debug, Clone, Copy)]
struct Request {
    client: usize,
    ask: Ask,
    sent_ms: u64,
    attempts: u8,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Alive(MachineId),
    Lost(MachineId),
    Full,
    Conflict,
}

enum Event {
    /// A client does what it does next.
    Wake {
        client: usize,
        turn: u64,
    },
    /// A request reaches a server, which decides.
    Arrive(Request),
    /// The server writes what it decided.
    Write(Request, Box<Grant>, Answer),
    Answer(Request, Answer),
}

enum Client {
    Waiting,
    /// It may work until `until_ms`, which it counts from when it asked: no answer makes it believe more than the server granted.
    Working {
        machine: MachineId,
        until_ms: u64,
        ends_ms: u64,
    },
    Done,
}

/// How often each thing went wrong: a simulation in which nothing does proves nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Trouble {
    lost_requests: u64,
    lost_answers: u64,
    twice: u64,
    conflicts: u64,
    crashes: u64,
    culled: u64,
    refused: u64,
    paused: u64,
}

struct World {
    policy: Policy,
    stored: Grant,
    clients: Vec<Client>,
    working: BTreeSet<usize>,
    /// So that a wake-up that was planned before something else happened is not obeyed.
    turns: Vec<u64>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    planned: u64,
    now_ms: u64,
    chance: Chance,
    trouble: Trouble,
    most_alive: usize,
    seeds: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut heartbeat = sample::heartbeat();
        heartbeat.duration_seconds = LIFE_MS / 1_000;
        heartbeat.resurrection = Resurrection::Within { seconds: 20 };
        let policy = Policy {
            limits: Limits {
                machines: Some(LEASES),
                ..Limits::default()
            },
            heartbeat: Some(heartbeat),
            ..sample::policy()
        };
        assert_eq!(policy.flaws(), vec![]);
        let mut world = Self {
            policy,
            stored: sample::grant(),
            clients: (0..MACHINES).map(|_| Client::Waiting).collect(),
            working: BTreeSet::new(),
            turns: vec![0; MACHINES],
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            planned: 0,
            now_ms: 0,
            chance: Chance(seed),
            trouble: Trouble::default(),
            most_alive: 0,
            seeds: 0,
        };
        for client in 0..MACHINES {
            let at = world.chance.below(30_000);
            world.wake(client, at);
        }
        world
    }

    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.now_ms).expect("far from the end of time");
        sample::now() + SignedDuration::from_millis(ms)
    }

    fn plan(&mut self, in_ms: u64, event: Event) {
        self.planned += 1;
        self.queue.push(Reverse((self.now_ms + in_ms, self.planned)));
        self.events.insert(self.planned, event);
    }

    fn wake(&mut self, client: usize, in_ms: u64) {
        self.turns[client] += 1;
        let turn = self.turns[client];
        self.plan(in_ms, Event::Wake { client, turn });
    }

    /// Mostly quick, now and then so slow that later ones overtake it.
    fn latency(&mut self) -> u64 {
        if self.chance.percent(5) {
            self.chance.below(90_000)
        } else {
            20 + self.chance.below(400)
        }
    }

    fn send(&mut self, client: usize, ask: Ask) {
        let request = Request {
            client,
            ask,
            sent_ms: self.now_ms,
            attempts: 0,
        };
        if self.chance.percent(10) {
            self.trouble.lost_requests += 1;
            return;
        }
        let latency = self.latency();
        self.plan(latency, Event::Arrive(request));
        if self.chance.percent(10) {
            self.trouble.twice += 1;
            let latency = self.latency();
            self.plan(latency, Event::Arrive(request));
        }
    }

    fn answer(&mut self, request: Request, answer: Answer) {
        if self.chance.percent(10) {
            self.trouble.lost_answers += 1;
            return;
        }
        let latency = self.latency();
        self.plan(latency, Event::Answer(request, answer));
    }

    /// Until everybody is done and nothing is under way.
    fn run(&mut self) {
        for _ in 0..MAX_EVENTS {
            let Some(Reverse((at_ms, number))) = self.queue.pop() else {
                break;
            };
            self.now_ms = at_ms;
            let event = self.events.remove(&number).expect("planned");
            self.handle(event);
            self.check();
        }
        let served = self.clients.iter().filter(|client| matches!(client, Client::Done));
        assert_eq!(
            served.count(),
            MACHINES,
            "somebody was never served: {:?}",
            self.trouble
        );
    }

    fn turn_into(&mut self, client: usize, state: Client) {
        if matches!(state, Client::Working { .. }) {
            self.working.insert(client);
        } else {
            self.working.remove(&client);
        }
        self.clients[client] = state;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Wake { client, turn } if turn == self.turns[client] => self.act(client),
            Event::Wake { .. } => {}
            Event::Arrive(request) => self.decide(request),
            Event::Write(request, next, answer) => self.write(request, *next, answer),
            Event::Answer(request, answer) => self.hear(request, answer),
        }
    }

    fn act(&mut self, client: usize) {
        match self.clients[client] {
            Client::Done => {}
            Client::Waiting => {
                self.send(client, Ask::Activate);
                let pause = 10_000 + self.chance.below(20_000);
                self.wake(client, pause);
            }
            Client::Working { machine, ends_ms, .. } if self.now_ms >= ends_ms => {
                self.turn_into(client, Client::Done);
                if self.chance.percent(25) {
                    self.trouble.crashes += 1;
                } else {
                    self.send(client, Ask::Deactivate(machine));
                }
            }
            Client::Working { until_ms, .. } if self.now_ms >= until_ms => {
                self.trouble.paused += 1;
                self.turn_into(client, Client::Waiting);
                self.act(client);
            }
            Client::Working {
                machine,
                until_ms,
                ends_ms,
            } => {
                self.send(client, Ask::Heartbeat(machine));
                let next = (self.now_ms + PING_EVERY_MS).min(until_ms).min(ends_ms);
                self.wake(client, next - self.now_ms);
            }
        }
    }

    fn decide(&mut self, request: Request) {
        self.seeds += 1;
        let (policy, grant, now, seed) = (&self.policy, &self.stored, self.now(), sample::seed(self.seeds));
        let decided = match request.ask {
            Ask::Activate => {
                let activation = sample::activation(&format!("machine-{}", request.client));
                activate(policy, grant, &activation, Elsewhere::default(), now, &seed)
                    .map(|done| (done.grant, Answer::Alive(done.machine.id)))
            }
            Ask::Heartbeat(machine) => {
                heartbeat(policy, grant, machine, now).map(|done| (done.grant, Answer::Alive(machine)))
            }
            Ask::Deactivate(machine) => {
                deactivate(policy, grant, machine, now).map(|freed| (freed.grant, Answer::Lost(machine)))
            }
        };
        match (decided, request.ask) {
            (Ok((next, answer)), _) => {
                let takes = 1 + self.chance.below(40);
                self.plan(takes, Event::Write(request, Box::new(next), answer));
            }
            (Err(MachineError::OverLimit(_)), Ask::Activate) => {
                self.trouble.refused += 1;
                self.answer(request, Answer::Full);
            }
            (
                Err(MachineError::NotActive | MachineError::Dead { .. }),
                Ask::Heartbeat(machine) | Ask::Deactivate(machine),
            ) => self.answer(request, Answer::Lost(machine)),
            (Err(error), ask) => panic!("{ask:?}: {error}"),
        }
    }

    fn write(&mut self, request: Request, next: Grant, answer: Answer) {
        if next.revision == self.stored.revision + 1 {
            let left = |machine: &&MachineId| !next.machines.contains_key(machine);
            let gone = self.stored.machines.keys().filter(left).count() as u64;
            self.trouble.culled += gone - u64::from(matches!(request.ask, Ask::Deactivate(_)));
            self.stored = next;
            self.answer(request, answer);
            return;
        }
        self.trouble.conflicts += 1;
        if request.attempts < 3 {
            self.decide(Request {
                attempts: request.attempts + 1,
                ..request
            });
        } else {
            self.answer(request, Answer::Conflict);
        }
    }

    fn hear(&mut self, request: Request, answer: Answer) {
        let (client, believed_ms) = (request.client, request.sent_ms + LIFE_MS);
        match (answer, &mut self.clients[client]) {
            (Answer::Alive(machine), Client::Waiting) if self.now_ms < believed_ms => {
                let ends_ms = self.now_ms + 2_000 + self.chance.below(60_000);
                let working = Client::Working {
                    machine,
                    until_ms: believed_ms,
                    ends_ms,
                };
                self.turn_into(client, working);
                let next = PING_EVERY_MS.min(ends_ms - self.now_ms).min(believed_ms - self.now_ms);
                self.wake(client, next);
            }
            (Answer::Alive(alive), Client::Working { machine, until_ms, .. }) if alive == *machine => {
                *until_ms = believed_ms.max(*until_ms);
            }
            (Answer::Lost(lost), Client::Working { machine, until_ms, .. }) => {
                assert!(
                    lost != *machine || self.now_ms >= *until_ms,
                    "a lease was taken from who held it"
                );
            }
            (Answer::Alive(_) | Answer::Full | Answer::Conflict | Answer::Lost(_), _) => {}
        }
    }

    fn check(&mut self) {
        let now = self.now();
        let alive = self.stored.holding(&self.policy, now).count();
        assert!(alive as u64 <= LEASES, "{alive} machines hold a lease");
        self.most_alive = self.most_alive.max(alive);
        let mut believing = 0_u64;
        for client in &self.working {
            if let Client::Working { machine, until_ms, .. } = &self.clients[*client]
                && self.now_ms < *until_ms
            {
                believing += 1;
                let held = self.stored.machines.get(machine);
                let held = held.is_some_and(|held| !held.is_gone(self.policy.heartbeat.as_ref(), now));
                assert!(held, "somebody works without a lease");
            }
        }
        assert!(believing <= LEASES, "{believing} machines work");
    }
}

fn simulate(seed: u64) -> Trouble {
    let mut world = World::new(seed);
    world.run();
    assert_eq!(world.most_alive as u64, LEASES, "there was competition");
    // Nobody asks any more: time alone frees what the crashed hold.
    world.now_ms += 200 * LIFE_MS;
    assert_eq!(world.stored.holding(&world.policy, world.now()).count(), 0);
    world.trouble
}

#[test]
fn ten_leases_serve_a_thousand_machines() {
    for seed in [1, 2] {
        let trouble = simulate(seed);
        let Trouble {
            lost_requests,
            lost_answers,
            twice,
            conflicts,
            crashes,
            culled,
            refused,
            paused,
        } = trouble;
        let all = [
            lost_requests,
            lost_answers,
            twice,
            conflicts,
            crashes,
            culled,
            refused,
            paused,
        ];
        assert!(all.iter().all(|times| *times > 0), "nothing went wrong: {trouble:?}");
        assert!(crashes >= 100 && culled >= crashes / 2, "{trouble:?}");
    }
}

#[test]
fn the_same_seed_takes_the_same_course() {
    assert_eq!(simulate(3), simulate(3));
}
