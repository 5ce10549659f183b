//! Files that are as they were made: what they say, for whom, and for how long.

use souk_client::issue::{Draft, IssueError, Licence, Terms};
use souk_client::{SignedDuration, VerifyError};

use crate::support::{
    FINGERPRINT, KEY, NONCE, at, issued, licence, licence_file, machine, machine_file, now, sign, signer, terms,
    verifier,
};

#[test]
fn a_licence_file_says_what_the_licence_is() {
    for nonce in [None, Some(NONCE)] {
        let file = verifier().licence_file(&licence_file(nonce), KEY, now()).unwrap();
        assert_eq!(file.licence_id(), Some("lic_06hj0"));
        assert_eq!((file.key(), file.status()), (Some(KEY), Some("ACTIVE")));
        assert_eq!(file.licence_expiry(), licence().expiry);
        assert_eq!(file.entitlements().collect::<Vec<_>>(), ["export-stems", "updates"]);
        assert!(file.allows("updates") && !file.allows("update"));
        assert_eq!(file.value().pointer("/data/attributes/name").unwrap(), "Studio – Zoë");
        assert_eq!(
            file.value().pointer("/data/attributes/metadata/order").unwrap(),
            "ord_1"
        );
        assert_eq!(
            file.value().pointer("/data/relationships/policy/data/id").unwrap(),
            "pol_1"
        );
        assert_eq!((file.machine_id(), file.fingerprint()), (None, None));
        assert_eq!(file.meta().issued, issued());
        assert_eq!(file.meta().expiry, Some(at("2026-03-31T12:00:00Z")));
        assert_eq!(file.meta().ttl_s, Some(30 * 24 * 3600));
        assert!(!format!("{file:?}").contains(KEY));
    }
}

#[test]
fn a_machine_file_says_what_machine_and_licence_are() {
    for nonce in [None, Some(NONCE)] {
        let file = verifier()
            .machine_file(&machine_file(nonce), KEY, FINGERPRINT, now())
            .unwrap();
        assert_eq!(
            (file.machine_id(), file.fingerprint()),
            (Some("mch_1"), Some(FINGERPRINT))
        );
        assert_eq!((file.licence_id(), file.key()), (Some("lic_06hj0"), Some(KEY)));
        assert_eq!(file.components().collect::<Vec<_>>(), [("cpu", "c0ffee")]);
        assert!(file.allows("export-stems"));
    }
}

#[test]
fn an_encrypted_file_shows_nothing() {
    let word = |file: &str| {
        let base64: String = file.lines().filter(|line| !line.starts_with("-----")).collect();
        let json = <base64ct::Base64 as base64ct::Encoding>::decode_vec(&base64).unwrap();
        let enc = serde_json::from_slice::<serde_json::Value>(&json).unwrap()["enc"]
            .as_str()
            .unwrap()
            .to_owned();
        let first = enc.split('.').next().unwrap().to_owned();
        let bytes = <base64ct::Base64 as base64ct::Encoding>::decode_vec(&first).unwrap();
        String::from_utf8_lossy(&bytes).contains("lic_06hj0")
    };
    assert!(word(&licence_file(None)));
    assert!(!word(&licence_file(Some(NONCE))));
}

#[test]
fn the_same_arguments_make_the_same_file() {
    assert_eq!(licence_file(Some(NONCE)), licence_file(Some(NONCE)));
    assert_ne!(licence_file(Some(NONCE)), licence_file(Some([8; 12])));
}

#[test]
fn line_ends_and_white_space_around_it_do_not_matter() {
    let file = licence_file(Some(NONCE));
    for variant in [
        file.replace('\n', "\r\n"),
        format!("\n  {file}\n\n"),
        file.replace("FILE-----\n", "FILE-----\n\n").replace('\n', " \n\t"),
        file.trim_end().to_owned(),
    ] {
        verifier().licence_file(&variant, KEY, now()).unwrap();
    }
}

#[test]
fn a_file_is_for_one_key_and_one_machine() {
    let verifier = verifier();
    let licence = |nonce, key| verifier.licence_file(&licence_file(nonce), key, now()).err();
    assert_eq!(licence(None, Some("SOUK-OTHER")), Some(VerifyError::WrongLicence));
    assert_eq!(
        licence(Some(NONCE), Some("SOUK-OTHER")),
        Some(VerifyError::Undecryptable)
    );
    assert_eq!(licence(Some(NONCE), None), Some(VerifyError::Undecryptable));
    assert_eq!(licence(None, None), None);

    let machine = |nonce, key: &str, fingerprint: &str| {
        let opened = verifier.machine_file(&machine_file(nonce), key, fingerprint, now());
        opened.err()
    };
    assert_eq!(machine(None, KEY, "another"), Some(VerifyError::WrongMachine));
    assert_eq!(
        machine(None, "SOUK-OTHER", FINGERPRINT),
        Some(VerifyError::WrongLicence)
    );
    assert_eq!(machine(Some(NONCE), KEY, "another"), Some(VerifyError::Undecryptable));
    assert_eq!(
        machine(Some(NONCE), "SOUK-OTHER", FINGERPRINT),
        Some(VerifyError::Undecryptable)
    );
    // Key and fingerprint are written one after the other: who moves the border between them gets the same secret, but not the same machine.
    let (key, fingerprint) = (format!("{KEY}{}", &FINGERPRINT[..1]), &FINGERPRINT[1..]);
    assert_eq!(machine(Some(NONCE), &key, fingerprint), Some(VerifyError::WrongLicence));
}

#[test]
fn a_file_opens_with_its_key_however_it_is_typed() {
    let licence = Licence {
        key: "SOUK-06D00-00001-R0100-00000-00000-05K0N-BTKZ2-EJ3HK-B1YT5-HZC24-VAWDR".to_owned(),
        ..licence()
    };
    let issued = licence.key.as_str();
    for typed in [
        issued.to_owned(),
        issued.to_lowercase(),
        issued.replace('-', ""),
        issued.replace('0', "o"),
        format!("SOUK{}", issued[4..].replace('0', "O").replace('1', "l")),
        format!(" {issued}\n"),
    ] {
        for nonce in [None, Some(NONCE)] {
            let file = sign(Draft::licence(&licence, &terms(nonce)).unwrap(), &signer(1));
            assert_eq!(
                verifier().licence_file(&file, typed.as_str(), now()).err(),
                None,
                "{typed}"
            );
            let file = sign(Draft::machine(&machine(), &licence, &terms(nonce)).unwrap(), &signer(1));
            let opened = verifier().machine_file(&file, typed.as_str(), FINGERPRINT, now());
            assert_eq!(opened.err(), None, "{typed}");
        }
    }
}

#[test]
fn one_kind_of_file_is_not_the_other() {
    let verifier = verifier();
    let renamed = |file: String, from: &str, to: &str| file.replace(from, to);
    let as_machine = renamed(licence_file(None), "LICENSE", "MACHINE");
    let as_licence = renamed(machine_file(None), "MACHINE", "LICENSE");
    let opened = verifier.machine_file(&as_machine, KEY, FINGERPRINT, now());
    assert_eq!(opened.err(), Some(VerifyError::Forged));
    assert_eq!(
        verifier.licence_file(&as_licence, KEY, now()).err(),
        Some(VerifyError::Forged)
    );
    assert!(matches!(
        verifier.licence_file(&machine_file(None), KEY, now()),
        Err(VerifyError::Malformed(_))
    ));
}

#[test]
fn a_file_lasts_from_its_making_to_its_end() {
    let day = SignedDuration::from_hours(24);
    let (expiry, moment) = (issued() + 30 * day, SignedDuration::from_millis(1));
    for nonce in [None, Some(NONCE)] {
        let file = licence_file(nonce);
        let opened = |now| verifier().licence_file(&file, KEY, now).err();
        assert_eq!(opened(issued()), None);
        assert_eq!(opened(expiry), None);
        assert_eq!(opened(expiry + moment), Some(VerifyError::Expired { expiry }));
        // The clock may be behind by what clocks are allowed.
        assert_eq!(opened(issued() - day), None);
        let early = VerifyError::NotYetValid { issued: issued() };
        assert_eq!(opened(issued() - day - moment), Some(early.clone()));
        let strict = verifier().tolerating(SignedDuration::ZERO);
        assert_eq!(strict.licence_file(&file, KEY, issued() - moment).err(), Some(early));
    }
}

#[test]
fn a_file_can_end_with_its_licence() {
    let until = at("2026-03-02T00:00:00Z");
    let terms = Terms {
        until: Some(until),
        ..terms(None)
    };
    let file = sign(Draft::licence(&licence(), &terms).unwrap(), &signer(1));
    let opened = verifier().licence_file(&file, KEY, issued()).unwrap();
    assert_eq!(
        (opened.meta().expiry, opened.meta().ttl_s),
        (Some(until), Some(12 * 3600))
    );
    let later = Terms {
        until: licence().expiry,
        ..terms
    };
    let file = sign(Draft::licence(&licence(), &later).unwrap(), &signer(1));
    let opened = verifier().licence_file(&file, KEY, issued()).unwrap();
    assert_eq!(opened.meta().ttl_s, Some(30 * 24 * 3600));
}

#[test]
fn no_file_is_issued_that_is_over_or_lasts_less_than_an_hour() {
    let draft = |change: fn(&mut Terms)| {
        let mut terms = terms(None);
        change(&mut terms);
        Draft::machine(&machine(), &licence(), &terms).err()
    };
    assert!(draft(|terms| terms.ttl = SignedDuration::from_hours(1)).is_none());
    let short = draft(|terms| terms.ttl = SignedDuration::from_secs(3599));
    assert!(matches!(short, Some(IssueError::TooShort)));
    let over = draft(|terms| terms.until = Some(terms.issued));
    assert!(matches!(over, Some(IssueError::Over)));
    let far = draft(|terms| terms.ttl = SignedDuration::MAX);
    assert!(matches!(far, Some(IssueError::OutOfRange)));
}
