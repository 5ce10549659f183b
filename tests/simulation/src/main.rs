//! Tries seeds on every core (`simulate --seeds 10000 --from 40000`), or tells what happens in one (`simulate --seed 7`); of random plans, or of those
//! with one opening alone (`--opening rush`, or `every`).

use std::fmt;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use mimalloc::MiMalloc;
use simulation::{Plans, STORMS, Violation};

/// A fifth of the time would go into memory that is taken and given back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const USAGE: &str = "simulate [--opening <name> | --opening every] --seeds <how many> [--from <the first>]
simulate [--opening <name>] --seed <which one>
simulate --openings";
const EVERY: &str = "every";

#[derive(Default)]
struct Arguments {
    opening: Option<String>,
    seeds: Option<u64>,
    from: u64,
    seed: Option<u64>,
    lists_openings: bool,
}

impl Arguments {
    /// `None` where they make no sense.
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut read = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--opening" => read.opening = Some(words.next()?),
                "--seeds" => read.seeds = Some(words.next()?.parse().ok()?),
                "--from" => read.from = words.next()?.parse().ok()?,
                "--seed" => read.seed = Some(words.next()?.parse().ok()?),
                "--openings" => read.lists_openings = true,
                _ => return None,
            }
        }
        Some(read)
    }
}

/// Plans under the name that one asks for them by.
#[derive(Clone)]
struct Named {
    plans: Plans,
    opening: Option<String>,
}

impl Named {
    /// `None` where there is no such opening.
    fn all(opening: Option<&str>) -> Option<Vec<Self>> {
        let named = |name: &str| {
            let plans = Plans::of_opening(name)?;
            let opening = Some(name.to_owned());
            Some(Self { plans, opening })
        };
        match opening {
            None => Some(vec![Self {
                plans: Plans::random(),
                opening: None,
            }]),
            Some(EVERY) => Plans::openings().map(|(name, _)| named(name)).collect(),
            Some(name) => Some(vec![named(name)?]),
        }
    }

    /// Seeds that have one plan.
    fn try_plan(&self, mut seeds: Range<u64>) -> Result<(), (u64, Violation)> {
        let calm = self.plans.calm(seeds.start);
        let calm = calm.map_err(|violation| (seeds.start, violation))?;
        seeds.try_for_each(|seed| calm.storm(seed).map_err(|violation| (seed, violation)))
    }

    fn ended(&self, seed: u64, outcome: Result<(), Violation>) -> ExitCode {
        match outcome {
            Ok(()) => {
                say(format_args!("seed {seed}{self} held"));
                ExitCode::SUCCESS
            }
            Err(violation) => {
                let opening = self.opening.as_ref().map(|name| format!("OPENING={name} "));
                let opening = opening.unwrap_or_default();
                say(format_args!(
                    "{violation}\nseed {seed}{self} failed; `make simulate {opening}SEED={seed}` tells all that happened"
                ));
                ExitCode::FAILURE
            }
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opening = self.opening.as_ref();
        opening.map_or(Ok(()), |opening| write!(f, " of the opening {opening}"))
    }
}

fn main() -> ExitCode {
    let read = Arguments::read(std::env::args().skip(1));
    let named = read.and_then(|read| Some((Named::all(read.opening.as_deref())?, read)));
    match named.as_ref().map(|(named, read)| (named.as_slice(), read)) {
        Some((
            _,
            Arguments {
                lists_openings: true, ..
            },
        )) => {
            Plans::openings().for_each(|(name, about)| say(format_args!("{name:20} {about}")));
            ExitCode::SUCCESS
        }
        Some(([named], Arguments { seed: Some(seed), .. })) => tell(named, *seed),
        Some((
            all,
            Arguments {
                seeds: Some(count),
                from,
                ..
            },
        )) => {
            let mut codes = all.iter().map(|named| try_all(named, *from..from + count));
            codes
                .find(|code| *code != ExitCode::SUCCESS)
                .unwrap_or(ExitCode::SUCCESS)
        }
        _ => {
            say(format_args!("{USAGE}"));
            ExitCode::from(2)
        }
    }
}

fn tell(named: &Named, seed: u64) -> ExitCode {
    let calm = match named.plans.calm(seed) {
        Ok(calm) => calm,
        Err(violation) => {
            say(format_args!("{}", named.plans.trace_calm(seed)));
            return named.ended(seed, Err(violation));
        }
    };
    let (trace, outcome) = calm.trace(seed);
    say(format_args!("{trace}"));
    named.ended(seed, outcome)
}

fn try_all(named: &Named, seeds: Range<u64>) -> ExitCode {
    let (next, started) = (AtomicU64::new(seeds.start / STORMS), Instant::now());
    let failed: Mutex<Option<(u64, Violation)>> = Mutex::new(None);
    let failure = || failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let work = || {
        loop {
            let first = next.fetch_add(1, Ordering::Relaxed) * STORMS;
            if first >= seeds.end || failure().is_some() {
                return;
            }
            if let Err(failed) = named.try_plan(seeds.start.max(first)..seeds.end.min(first + STORMS)) {
                *failure() = Some(failed);
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let failed = failure().take();
    match failed {
        Some((seed, violation)) => named.ended(seed, Err(violation)),
        None => {
            let count = seeds.end - seeds.start;
            let took = started.elapsed().as_secs();
            say(format_args!(
                "{count} of {count} seeds held{named}, from {} on, in {took} s on {cores} cores",
                seeds.start
            ));
            ExitCode::SUCCESS
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program for people answers on its terminal")]
fn say(what: fmt::Arguments<'_>) {
    println!("{what}");
}
