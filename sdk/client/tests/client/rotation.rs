//! One key is replaced by the next while files by the old one are still about.

use ed25519_dalek::SigningKey;
use souk_client::issue::{Draft, Terms};
use souk_client::{KeySet, PublicKey, Verifier, VerifyError};

use crate::support::{KEY, issued, licence, now, public, sign, signer};

/// Signed by this key, which it names so.
fn file(signer: &SigningKey, key_id: Option<&str>) -> String {
    let terms = Terms {
        key_id: key_id.map(str::to_owned),
        ..Terms::new(issued())
    };
    sign(Draft::licence(&licence(), &terms).unwrap(), signer)
}

fn opened(keys: impl IntoIterator<Item = PublicKey>, file: &str) -> Option<VerifyError> {
    Verifier::new(KeySet::new(keys).unwrap())
        .licence_file(file, KEY, now())
        .err()
}

#[test]
fn both_keys_hold_while_one_replaces_the_other() {
    let (old, new) = (signer(1), signer(2));
    for signer in [&old, &new] {
        let id = public(signer).id().to_owned();
        for key_id in [Some(id.as_str()), None] {
            assert_eq!(opened([public(&old), public(&new)], &file(signer, key_id)), None);
        }
    }
}

#[test]
fn a_key_that_was_withdrawn_holds_no_more() {
    let (old, new) = (signer(1), signer(2));
    let kid = public(&old).id().to_owned();
    assert_eq!(opened([public(&new)], &file(&old, None)), Some(VerifyError::Forged));
    let unknown = VerifyError::UnknownKey { kid: kid.clone() };
    assert_eq!(opened([public(&new)], &file(&old, Some(&kid))), Some(unknown));
}

#[test]
fn a_key_may_be_known_under_another_name() {
    let key = signer(1);
    let renamed = PublicKey::named("shipped with 2.0", public(&key).as_bytes()).unwrap();
    assert_eq!(
        opened([public(&signer(2)), renamed], &file(&key, Some(public(&key).id()))),
        None
    );
}

#[test]
fn who_names_a_trusted_key_must_have_signed_with_it() {
    let (ours, theirs) = (signer(1), signer(66));
    let forged = file(&theirs, Some(public(&ours).id()));
    assert_eq!(opened([public(&ours)], &forged), Some(VerifyError::Forged));
    // Also where the key that signed it is trusted under its own name.
    assert_eq!(
        opened([public(&ours), public(&theirs)], &forged),
        Some(VerifyError::Forged)
    );
}
