//! Files that are not as they were made: every one is refused.

use base64ct::{Base64, Encoding};
use proptest::prelude::*;
use serde_json::{Value, json};
use souk_client::issue::Draft;
use souk_client::{Verifier, VerifyError};

use crate::support::{
    FINGERPRINT, KEY, NONCE, licence, licence_file, machine_file, now, public, sign, signer, terms, verifier,
};

fn refused(verifier: &Verifier, file: &str) -> bool {
    verifier.licence_file(file, KEY, now()).is_err() && verifier.machine_file(file, KEY, FINGERPRINT, now()).is_err()
}

/// The JSON object in a file's armour.
fn object(file: &str) -> Value {
    let base64: String = file.lines().filter(|line| !line.starts_with("-----")).collect();
    serde_json::from_slice(&Base64::decode_vec(&base64).unwrap()).unwrap()
}

fn armoured(object: &Value) -> String {
    let base64 = Base64::encode_string(object.to_string().as_bytes());
    format!("-----BEGIN LICENSE FILE-----\n{base64}\n-----END LICENSE FILE-----\n")
}

/// A licence file after its object was changed.
#[track_caller]
fn changed(nonce: Option<[u8; 12]>, change: impl Fn(&mut Value), error: &VerifyError) {
    let mut object = object(&licence_file(nonce));
    assert_eq!(verifier().licence_file(&armoured(&object), KEY, now()).err(), None);
    change(&mut object);
    let opened = verifier().licence_file(&armoured(&object), KEY, now());
    assert_eq!(opened.err().as_ref(), Some(error));
}

/// A plain licence file and an encrypted machine's file.
#[test]
fn no_bit_of_a_file_can_be_flipped() {
    let verifier = verifier();
    for file in [licence_file(None), machine_file(Some(NONCE))] {
        // The last line end is no part of it.
        let file = file.trim_end();
        for at in 0..file.len() {
            // The eighth bit makes it something else than text, which cannot even be asked about.
            for bit in 0..7 {
                let mut bytes = file.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let text = String::from_utf8(bytes).unwrap();
                assert!(refused(&verifier, &text), "bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn no_part_of_a_file_can_be_left_out() {
    let verifier = verifier();
    for file in [licence_file(None), machine_file(Some(NONCE))] {
        let file = file.trim_end();
        for at in 0..file.len() {
            assert!(refused(&verifier, &file[..at]), "the first {at} bytes");
            assert!(at == 0 || refused(&verifier, &file[at..]), "from byte {at}");
        }
        let lines: Vec<&str> = file.lines().collect();
        for at in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(at);
            assert!(refused(&verifier, &fewer.join("\n")), "without line {at}");
        }
        for at in 1..lines.len() - 2 {
            let mut exchanged = lines.clone();
            exchanged.swap(at, at + 1);
            assert!(
                refused(&verifier, &exchanged.join("\n")),
                "lines {at} and the next exchanged"
            );
        }
    }
}

#[test]
fn parts_of_two_genuine_files_make_none() {
    let other_terms = terms(Some([9; 12]));
    let other = object(&sign(Draft::licence(&licence(), &other_terms).unwrap(), &signer(1)));
    for part in ["enc", "sig"] {
        changed(
            Some(NONCE),
            |file| file[part] = other[part].clone(),
            &VerifyError::Forged,
        );
    }
    for part in 0..3 {
        let exchange = |file: &mut Value| {
            let theirs: Vec<&str> = other["enc"].as_str().unwrap().split('.').collect();
            let ours = file["enc"].as_str().unwrap().to_owned();
            let mut ours: Vec<&str> = ours.split('.').collect();
            ours[part] = theirs[part];
            file["enc"] = ours.join(".").into();
        };
        changed(Some(NONCE), exchange, &VerifyError::Forged);
    }
}

#[test]
fn another_algorithm_is_none() {
    let alg = |name: &'static str| move |file: &mut Value| file["alg"] = name.into();
    for name in [
        "",
        "none",
        "ed25519",
        "base64",
        "BASE64+ED25519",
        "base64+rsa-sha256",
        "aes-256-gcm+rsa-pss-sha256",
    ] {
        changed(None, alg(name), &VerifyError::UnsupportedAlgorithm);
    }
    let plain = VerifyError::Malformed("enc is not ciphertext, nonce and tag");
    changed(None, alg("aes-256-gcm+ed25519"), &plain);
    changed(
        Some(NONCE),
        alg("base64+ed25519"),
        &VerifyError::Malformed("enc is not base64"),
    );
}

#[test]
fn the_name_of_the_key_is_signed_too() {
    changed(None, |file| file["kid"] = "another".into(), &VerifyError::Forged);
    let without = |file: &mut Value| drop(file.as_object_mut().unwrap().remove("kid"));
    changed(None, without, &VerifyError::Forged);
}

#[test]
fn members_of_other_types_or_none_are_no_file() {
    let object = VerifyError::Malformed("it is not a JSON object with enc, sig and alg");
    for part in ["enc", "sig", "alg"] {
        for value in [Value::Null, json!(1), json!(["x"]), json!({})] {
            changed(None, |file| file[part] = value.clone(), &object);
        }
        changed(None, |file| drop(file.as_object_mut().unwrap().remove(part)), &object);
    }
    let sig = VerifyError::Malformed("sig is not 64 bytes in base64");
    for value in ["", "AAAA", "not base64", &"A".repeat(88)] {
        changed(None, |file| file["sig"] = value.into(), &sig);
    }
    changed(
        None,
        |file| file["sig"] = Base64::encode_string(&[0; 64]).into(),
        &VerifyError::Forged,
    );
    // What others add is not our affair.
    let mut more = self::object(&licence_file(None));
    more["comment"] = "hello".into();
    verifier().licence_file(&armoured(&more), KEY, now()).unwrap();
}

/// Signed properly, by somebody who writes other documents than Souk does.
#[track_caller]
fn document(payload: &Value, error: Option<&str>) {
    use ed25519_dalek::Signer;
    let enc = Base64::encode_string(payload.to_string().as_bytes());
    let signature = signer(1).sign(format!("license/{enc}").as_bytes());
    let sig = Base64::encode_string(&signature.to_bytes());
    let file = armoured(&json!({"enc": enc, "sig": sig, "alg": "base64+ed25519"}));
    let opened = Verifier::new(public(&signer(1))).licence_file(&file, KEY, now()).err();
    match (opened, error) {
        (Some(VerifyError::Malformed(what)), Some(error)) => assert_eq!(what, error),
        (opened, _) => assert!(opened.is_none() && error.is_none(), "{opened:?}"),
    }
}

#[test]
fn documents_of_other_shapes_are_read_or_refused_never_guessed() {
    let meta = json!({"issued": "2026-03-01T12:00:00.000Z", "expiry": null, "ttl": null});
    let data = json!({"id": "1", "type": "licenses", "attributes": {}});
    // Without an end, as Keygen makes them on demand.
    document(&json!({"data": data, "meta": meta}), None);
    document(&json!({"data": data}), Some("its payload has no meta"));
    document(&json!([]), Some("its payload has no meta"));
    let unissued = Some("its payload does not say when it was issued");
    document(&json!({"data": data, "meta": {}}), unissued);
    document(&json!({"data": data, "meta": {"issued": 1}}), unissued);
    document(
        &json!({"data": data, "meta": {"issued": "yesterday"}}),
        Some("issued is not a time"),
    );
    let endless = json!({"issued": "2026-03-01T12:00:00Z", "expiry": "never"});
    document(&json!({"data": data, "meta": endless}), Some("expiry is not a time"));
    let other = Some("its payload is about something else");
    document(&json!({"meta": meta}), other);
    document(&json!({"data": {"type": "machines"}, "meta": meta}), other);
    // Members of unexpected types are as good as none.
    document(
        &json!({"data": {"type": "licenses", "id": 1, "attributes": []}, "included": 7, "meta": meta}),
        None,
    );
}

#[test]
fn an_enormous_file_costs_nothing() {
    let long = format!(
        "-----BEGIN LICENSE FILE-----\n{}\n-----END LICENSE FILE-----",
        "A".repeat(1 << 20)
    );
    let opened = verifier().licence_file(&long, KEY, now());
    assert_eq!(
        opened.err(),
        Some(VerifyError::Malformed("it is longer than a megabyte"))
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text: String, json in "[\\[{\"a-z:,0-9}\\]]{0,60}") {
        let verifier = verifier();
        prop_assert!(refused(&verifier, &text));
        let base64 = Base64::encode_string(json.as_bytes());
        for body in [&text, &base64] {
            let file = format!("-----BEGIN LICENSE FILE-----{body}-----END LICENSE FILE-----");
            prop_assert!(refused(&verifier, &file));
        }
    }
}
