//! Tries seeds on every core: `simulate --seeds 10000`. Or tells what happens in one: `simulate --seed 7`.

use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use mimalloc::MiMalloc;
use simulation::{Calm, STORMS, Violation};

/// A fifth of the time would go into memory that is taken and given back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[expect(clippy::print_stdout, reason = "a program for people answers on its terminal")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = arguments.iter().map(String::as_str).collect::<Vec<_>>();
    match wanted.as_slice() {
        ["--seeds", count] if count.parse::<u64>().is_ok() => try_all(count.parse().unwrap_or_default()),
        ["--seed", seed] if seed.parse::<u64>().is_ok() => {
            let seed = seed.parse().unwrap_or_default();
            let calm = match Calm::before(seed) {
                Ok(calm) => calm,
                Err(violation) => return ended(seed, Err(violation)),
            };
            let (trace, outcome) = calm.trace(seed);
            print!("{trace}");
            ended(seed, outcome)
        }
        _ => {
            println!("simulate --seeds <how many> | --seed <which one>");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program for people answers on its terminal")]
fn try_all(count: u64) -> ExitCode {
    let (next, started) = (AtomicU64::new(0), Instant::now());
    let failed: Mutex<Option<(u64, Violation)>> = Mutex::new(None);
    let failure = || failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let work = || {
        loop {
            let first = next.fetch_add(STORMS, Ordering::Relaxed);
            if first >= count || failure().is_some() {
                return;
            }
            if let Err(failed) = try_plan(first..count.min(first + STORMS)) {
                *failure() = Some(failed);
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let failed = failure().take();
    match failed {
        Some((seed, violation)) => ended(seed, Err(violation)),
        None => {
            println!(
                "{count} of {count} seeds held in {} s on {cores} cores",
                started.elapsed().as_secs()
            );
            ExitCode::SUCCESS
        }
    }
}

/// Seeds that have one plan.
fn try_plan(mut seeds: Range<u64>) -> Result<(), (u64, Violation)> {
    let calm = Calm::before(seeds.start).map_err(|violation| (seeds.start, violation))?;
    seeds.try_for_each(|seed| calm.storm(seed).map_err(|violation| (seed, violation)))
}

#[expect(clippy::print_stdout, reason = "a program for people answers on its terminal")]
fn ended(seed: u64, outcome: Result<(), Violation>) -> ExitCode {
    match outcome {
        Ok(()) => {
            println!("seed {seed} held");
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("{violation}\nseed {seed} failed; `make simulate SEED={seed}` tells all that happened");
            ExitCode::FAILURE
        }
    }
}
