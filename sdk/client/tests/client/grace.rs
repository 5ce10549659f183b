//! What holds while the marketplace cannot be reached, and for how long.

use souk_client::issue::{Draft, Terms};
use souk_client::online::{
    Basis, Client, ClientError, FileStorage, MemoryStorage, OfflineFile, Settings, Standing, Storage,
};
use souk_client::{SignedDuration, Timestamp, VerifyError};

use crate::marketplace::{Answer, Marketplace, client, denied, invalid, ok, problem, settings, valid};
use crate::support::{
    FINGERPRINT, KEY, NONCE, at, issued, licence, licence_file, machine_file, now, sign, signer, terms, verifier,
};

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const MOMENT: SignedDuration = SignedDuration::from_millis(1);

/// After a good answer at `now()`, without a connection.
fn after_a_good_answer() -> (Marketplace, MemoryStorage) {
    let (marketplace, storage) = (Marketplace::answering([valid()]), MemoryStorage::default());
    assert!(client(&marketplace, &storage).validate().unwrap().is_valid());
    (marketplace, storage)
}

fn validate_at(marketplace: &Marketplace, storage: &MemoryStorage, now: Timestamp) -> Result<Standing, ClientError> {
    marketplace.set_clock(now);
    client(marketplace, storage).validate()
}

#[track_caller]
fn offline(result: Result<Standing, ClientError>, why: Option<&VerifyError>) {
    match result {
        Err(ClientError::Offline { file, .. }) => assert_eq!(file.as_ref(), why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_good_answer_holds_for_the_grace() {
    let (marketplace, storage) = after_a_good_answer();
    let until = now() + WEEK;
    for time in [now(), now() + MOMENT, until] {
        let standing = validate_at(&marketplace, &storage, time).unwrap();
        assert!(standing.is_valid() && standing.allows("export-stems"));
        assert_eq!(standing.basis, Basis::Grace { until });
    }
    offline(validate_at(&marketplace, &storage, until + MOMENT), None);
    // Grace is not prolonged by using it; a connection is what prolongs it.
    marketplace.answer(valid());
    assert_eq!(
        validate_at(&marketplace, &storage, until + MOMENT).unwrap().basis,
        Basis::Online
    );
    assert!(validate_at(&marketplace, &storage, until + WEEK).is_ok());
}

#[test]
fn what_holds_offline_is_told_without_asking() {
    let (marketplace, storage) = after_a_good_answer();
    let standing = client(&marketplace, &storage).offline().unwrap();
    assert_eq!(
        (standing.is_valid(), standing.basis),
        (true, Basis::Grace { until: now() + WEEK })
    );
    offline(client(&marketplace, &MemoryStorage::default()).offline(), None);
    assert_eq!(marketplace.requests().len(), 1);
}

#[test]
fn faults_of_the_marketplace_and_of_networks_are_bridged_too() {
    let bridged = [
        problem(500, "internal_error"),
        problem(503, "unavailable"),
        problem(429, "rate_limited"),
        Answer::Body(200, "<html>".to_owned()),
        Answer::Body(403, "<html>".to_owned()),
    ];
    for answer in bridged {
        let (marketplace, storage) = after_a_good_answer();
        for _ in 0..3 {
            marketplace.answer(answer.clone());
        }
        assert!(
            validate_at(&marketplace, &storage, now()).unwrap().is_valid(),
            "{answer:?}"
        );
    }
}

#[test]
fn a_mistake_in_the_request_is_neither_bridged_nor_a_denial() {
    let (marketplace, storage) = after_a_good_answer();
    marketplace.answer(problem(422, "invalid_request"));
    assert!(matches!(
        validate_at(&marketplace, &storage, now()),
        Err(ClientError::Refused(_))
    ));
    assert!(validate_at(&marketplace, &storage, now()).unwrap().is_valid());
}

#[test]
fn a_denial_ends_the_grace() {
    for answer in [
        denied(),
        invalid(),
        problem(401, "unauthenticated"),
        problem(403, "licence_revoked"),
    ] {
        let (marketplace, storage) = after_a_good_answer();
        marketplace.answer(answer);
        let standing = validate_at(&marketplace, &storage, now());
        assert!(standing.map_or_else(|error| error.is_denial(), |standing| !standing.is_valid()));
        offline(validate_at(&marketplace, &storage, now() + MOMENT), None);
    }
}

#[test]
fn a_seat_that_was_given_back_leaves_no_grace() {
    // At once, when only its answer got lost, and when somebody else has given it back already.
    let gone = || Answer::Body(204, String::new());
    for answers in [vec![gone()], vec![Answer::Nothing, denied()], vec![denied()]] {
        let (marketplace, storage) = after_a_good_answer();
        for answer in answers {
            marketplace.answer(answer);
        }
        let answer = client(&marketplace, &storage).deactivate("mch_1");
        assert!(answer.is_ok() || answer.is_err_and(|error| error.is_denial()));
        offline(validate_at(&marketplace, &storage, now() + MOMENT), None);
        let before = OfflineFile::Licence(licence_file(Some(NONCE)));
        let with_file = client(&marketplace, &storage).with_file(verifier(), before);
        offline(with_file.validate(), None);
        // The marketplace's next good answer counts again.
        marketplace.answer(valid());
        assert!(validate_at(&marketplace, &storage, now() + MOMENT).is_ok());
        assert!(validate_at(&marketplace, &storage, now() + 2 * MOMENT).is_ok());
    }
}

#[test]
fn a_seat_that_could_not_be_given_back_keeps_its_grace() {
    let (marketplace, storage) = after_a_good_answer();
    let answer = client(&marketplace, &storage).deactivate("mch_1");
    assert!(answer.is_err_and(|error| error.is_unreachable()));
    assert!(validate_at(&marketplace, &storage, now()).unwrap().is_valid());
}

#[test]
fn grace_ends_with_the_licence() {
    let end = now() + SignedDuration::from_hours(1);
    let answer =
        |expires_at: Timestamp| ok(&serde_json::json!({"valid": true, "code": "VALID", "expires_at": expires_at}));
    let (marketplace, storage) = (Marketplace::answering([answer(end)]), MemoryStorage::default());
    validate_at(&marketplace, &storage, now()).unwrap();
    assert_eq!(
        validate_at(&marketplace, &storage, end).unwrap().basis,
        Basis::Grace { until: end }
    );
    offline(validate_at(&marketplace, &storage, end + MOMENT), None);
    // Where the policy lets it work beyond its end, the marketplace has said so after that end.
    marketplace.answer(answer(end));
    let later = end + 2 * MOMENT;
    validate_at(&marketplace, &storage, later).unwrap();
    assert_eq!(
        validate_at(&marketplace, &storage, later).unwrap().basis,
        Basis::Grace { until: later + WEEK }
    );
}

#[test]
fn a_clock_that_was_put_back_ends_the_grace() {
    let (marketplace, storage) = after_a_good_answer();
    let day = SignedDuration::from_hours(24);
    let (latest, back) = (now() + 5 * day, now() + 4 * day - MOMENT);
    assert!(validate_at(&marketplace, &storage, latest).is_ok());
    let rolled_back = validate_at(&marketplace, &storage, back);
    assert!(
        matches!(rolled_back, Err(ClientError::ClockRolledBack(clock)) if clock.latest == latest && clock.now == back)
    );
    assert!(
        validate_at(&marketplace, &storage, back + MOMENT).is_ok(),
        "clocks may be a day wrong"
    );
    let strict = Settings {
        tolerance: SignedDuration::ZERO,
        ..settings()
    };
    marketplace.set_clock(latest - MOMENT);
    let strict = Client::on(&marketplace, strict, &marketplace, &storage).unwrap();
    assert!(matches!(strict.validate(), Err(ClientError::ClockRolledBack(_))));
    // With a connection, the clock does not matter, and counts from then on.
    marketplace.answer(valid());
    assert!(validate_at(&marketplace, &storage, back).unwrap().is_valid());
    assert!(validate_at(&marketplace, &storage, back).unwrap().is_valid());
}

#[test]
fn what_is_kept_cannot_be_edited_or_carried_to_another_machine() {
    let (marketplace, storage) = after_a_good_answer();
    let kept = storage.load().unwrap().unwrap();
    assert!(kept.contains("2026-03-10"));
    let edited = kept.replace("2026-03-10", "2026-09-10");
    for text in [edited.as_str(), "", "\n", "x\n{}", &kept[1..]] {
        let storage = MemoryStorage::default();
        storage.save(text).unwrap();
        offline(validate_at(&marketplace, &storage, now()), None);
    }
    let elsewhere: [fn(&mut Settings); 3] = [
        |settings| settings.fingerprint = None,
        |settings| settings.key.push('X'),
        |settings| settings.licence_id.push('x'),
    ];
    for change in elsewhere {
        let mut settings = settings();
        change(&mut settings);
        let storage = MemoryStorage::default();
        storage.save(&kept).unwrap();
        offline(
            Client::on(&marketplace, settings, &marketplace, &storage)
                .unwrap()
                .validate(),
            None,
        );
    }
    assert!(validate_at(&marketplace, &storage, now()).is_ok());
}

#[test]
fn a_key_that_was_typed_is_the_one_that_was_issued() {
    let issued = "SOUK-06D00-00001-R0100-00000-00000-05K0N-BTKZ2-EJ3HK-B1YT5-HZC24-VAWDR";
    let (marketplace, storage) = (Marketplace::answering([valid()]), MemoryStorage::default());
    let typed = [issued.to_lowercase(), issued.replace('-', ""), issued.replace('1', "I")];
    for (typed, is_online) in typed.into_iter().zip([true, false, false]) {
        let settings = Settings {
            key: typed,
            ..settings()
        };
        let client = Client::on(&marketplace, settings, &marketplace, &storage).unwrap();
        let basis = client.validate().unwrap().basis;
        assert_eq!(basis == Basis::Online, is_online, "{basis:?}");
    }
    let key = format!("License {issued}");
    let requests = marketplace.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.header("Authorization") == Some(key.as_str()))
    );
}

fn with_file(file: OfflineFile, now: Timestamp) -> Result<Standing, ClientError> {
    let (marketplace, storage) = (Marketplace::answering([]), MemoryStorage::default());
    marketplace.set_clock(now);
    client(&marketplace, &storage).with_file(verifier(), file).validate()
}

#[test]
fn a_licence_file_stands_in_for_the_marketplace() {
    for file in [
        OfflineFile::Licence(licence_file(Some(NONCE))),
        OfflineFile::Machine(machine_file(Some(NONCE))),
    ] {
        let standing = with_file(file.clone(), now()).unwrap();
        assert!(standing.is_valid() && standing.allows("updates"));
        let until = at("2026-03-31T12:00:00Z");
        assert_eq!(standing.basis, Basis::File { until: Some(until) });
        let expired = VerifyError::Expired { expiry: until };
        offline(with_file(file, until + MOMENT), Some(&expired));
    }
    offline(
        with_file(OfflineFile::Licence(machine_file(None)), now()),
        Some(&VerifyError::Malformed("it does not begin and end as such a file does")),
    );
}

#[test]
fn a_file_of_another_licence_with_the_same_key_does_not() {
    let mut other = licence();
    other.id = "lic_other".to_owned();
    let file = sign(Draft::licence(&other, &terms(None)).unwrap(), &signer(1));
    offline(
        with_file(OfflineFile::Licence(file), now()),
        Some(&VerifyError::WrongLicence),
    );
}

#[test]
fn a_file_from_before_a_denial_does_not_survive_it() {
    let (marketplace, storage) = (Marketplace::answering([invalid()]), MemoryStorage::default());
    let file = OfflineFile::Licence(licence_file(Some(NONCE)));
    let validate = |file: &OfflineFile| {
        client(&marketplace, &storage)
            .with_file(verifier(), file.clone())
            .validate()
    };
    assert!(!validate(&file).unwrap().is_valid());
    offline(validate(&file), None);
    // One that was issued since shows that the licence is good again.
    let since = Terms {
        issued: now() + MOMENT,
        ..terms(None)
    };
    let newer = sign(Draft::licence(&licence(), &since).unwrap(), &signer(1));
    assert!(validate(&OfflineFile::Licence(newer)).unwrap().is_valid());
    assert!(issued() < now());
}

#[test]
fn it_is_remembered_across_runs_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileStorage::new(folder.path().join("made/when/needed/licence.state"));
    assert!(storage.load().unwrap().is_none());
    let marketplace = Marketplace::answering([valid()]);
    for basis in [Basis::Online, Basis::Grace { until: now() + WEEK }] {
        let client = Client::on(&marketplace, settings(), &marketplace, storage.clone()).unwrap();
        let standing = client.validate().unwrap();
        assert_eq!(standing.basis, basis);
        assert!(standing.not_kept.is_none());
    }
    let left: Vec<_> = std::fs::read_dir(folder.path().join("made/when/needed"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1, "nothing unfinished");
    assert!(!storage.load().unwrap().unwrap().contains(KEY));
    assert!(!storage.load().unwrap().unwrap().contains(FINGERPRINT));
}

#[test]
fn threads_that_write_at_once_leave_one_whole_state() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileStorage::new(folder.path().join("licence.state"));
    let texts = ["one", "another"].map(|word| word.repeat(10_000));
    std::thread::scope(|scope| {
        for text in &texts {
            let storage = &storage;
            scope.spawn(move || (0..50).for_each(|_| storage.save(text).unwrap()));
        }
    });
    assert!(texts.contains(&storage.load().unwrap().unwrap()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_kept_is_told_and_still_answered() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileStorage::new(folder.path());
    let marketplace = Marketplace::answering([valid()]);
    let client = Client::on(&marketplace, settings(), &marketplace, storage).unwrap();
    let standing = client.validate().unwrap();
    assert!(standing.is_valid() && standing.not_kept.is_some());
}
