//! What can happen in the laws' world, and how often.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Edit(u8),
    Upload {
        version: usize,
        size: u64,
    },
    Arrive {
        upload: usize,
        object: u8,
    },
    Conclude {
        upload: usize,
        object: u8,
        verdict: u8,
        hash: u8,
        with_copy: bool,
        size: u64,
    },
    Submit {
        version: usize,
    },
    Decide {
        submission: usize,
        act: u8,
        of_the_team: bool,
    },
    Overdue {
        submission: usize,
    },
    Judge {
        version: usize,
        release: bool,
    },
    Publish {
        version: usize,
        submission: usize,
    },
    Yank {
        version: usize,
        next: usize,
    },
    Stop {
        version: usize,
        act: ListedAct,
        next: usize,
    },
    Appeal {
        version: usize,
    },
    Settle {
        version: usize,
        uphold: bool,
        by_who_refused: bool,
    },
}

pub(super) const VERSIONS: usize = 3;

pub(super) fn step() -> impl Strategy<Value = Step> {
    let version = 0..VERSIONS;
    let (place, object, size) = (
        0..12_usize,
        prop_oneof![5 => Just(0_u8), 1 => Just(1_u8)],
        prop_oneof![4 => Just(1_000_u64), 1 => Just(1_001_u64)],
    );
    let end = (
        place.clone(),
        object.clone(),
        0..6_u8,
        0..3_u8,
        prop::bool::weighted(0.8),
        size.clone(),
    )
        .prop_map(|(upload, object, verdict, hash, with_copy, size)| Step::Conclude {
            upload,
            object,
            verdict,
            hash,
            with_copy,
            size,
        });
    let decision =
        (place.clone(), 0..5_u8, prop::bool::weighted(0.2)).prop_map(|(submission, act, of_the_team)| Step::Decide {
            submission,
            act,
            of_the_team,
        });
    let act = prop_oneof![
        2 => Just(ListedAct::Suspend),
        2 => Just(ListedAct::Reinstate),
        1 => Just(ListedAct::TakeDown),
    ];
    let settlement =
        (version.clone(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(version, uphold, by_who_refused)| {
            Step::Settle {
                version,
                uphold,
                by_who_refused,
            }
        });
    prop_oneof![
        1 => any::<u8>().prop_map(Step::Edit),
        3 => (version.clone(), size).prop_map(|(version, size)| Step::Upload { version, size }),
        4 => (place.clone(), object).prop_map(|(upload, object)| Step::Arrive { upload, object }),
        4 => end,
        5 => version.clone().prop_map(|version| Step::Submit { version }),
        5 => decision,
        1 => place.clone().prop_map(|submission| Step::Overdue { submission }),
        2 => (version.clone(), any::<bool>()).prop_map(|(version, release)| Step::Judge { version, release }),
        5 => (version.clone(), place).prop_map(|(version, submission)| Step::Publish { version, submission }),
        1 => (version.clone(), 0..VERSIONS).prop_map(|(version, next)| Step::Yank { version, next }),
        5 => (version.clone(), act, 0..VERSIONS).prop_map(|(version, act, next)| Step::Stop { version, act, next }),
        3 => version.prop_map(|version| Step::Appeal { version }),
        3 => settlement,
    ]
}
