//! What Souk signs for clients: a key of this deployment, and JSON Web Signatures by it (RFC 7515, Ed25519 by RFC 8037).
//!
//! The key is derived from a secret that the deployment generates for itself, so there is nothing to set up. Its public half is published
//! as a key set; `kid` is the key's thumbprint (RFC 7638).
//!
//! To change the key, publish the next one first (`published` of the secret), then let it sign and publish the old one in its place. One key
//! signs at a time; what any published key has signed stays verifiable, so an old key stays published until the last file of it has ended.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::runtime::secrets::{SecretError, SigningSecret, SigningSecretSource};

#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the key cannot be derived from the secret")]
    Key,
    #[error("what is to be signed is not JSON")]
    Claims(#[from] serde_json::Error),
}

/// Signs with the deployment's key.
#[derive(Debug, Clone)]
pub struct Signer {
    secret: SigningSecretSource,
}

impl Signer {
    pub fn new(secret: SigningSecretSource) -> Self {
        Self { secret }
    }

    /// The claims as a compact JSON Web Signature of this type.
    pub async fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SigningError> {
        let key = self.key().await?;
        let header = json!({"alg": "EdDSA", "kid": key.kid(), "typ": typ});
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims)?);
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(key.pair.sign(signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }

    /// The name of the key that signs now.
    pub async fn key_id(&self) -> Result<String, SigningError> {
        Ok(self.key().await?.kid())
    }

    /// The bare signature of these bytes, for formats of others. What they are must show from the bytes themselves.
    pub async fn sign_bytes(&self, bytes: &[u8]) -> Result<[u8; 64], SigningError> {
        let signature = self.key().await?.pair.sign(bytes);
        signature.as_ref().try_into().map_err(|_| SigningError::Key)
    }

    /// The key set that clients verify with: first the key that signs.
    pub async fn key_set(&self) -> Result<KeySet, SigningError> {
        let SigningSecret { seed, published } = self.secret.get().await?;
        let mut keys: Vec<PublicKey> = Vec::new();
        for seed in std::iter::once(&seed).chain(&published) {
            let key = Key::of(seed)?.public();
            // The same seed twice would be two answers to one name.
            if keys.iter().all(|other| other.kid != key.kid) {
                keys.push(key);
            }
        }
        Ok(KeySet { keys })
    }

    async fn key(&self) -> Result<Key, SigningError> {
        Key::of(&self.secret.get().await?.seed)
    }
}

struct Key {
    pair: Ed25519KeyPair,
}

impl Key {
    fn of(seed: &SecretString) -> Result<Self, SigningError> {
        let seed = Sha256::digest(seed.expose_secret());
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| SigningError::Key)?;
        Ok(Self { pair })
    }

    fn public(&self) -> PublicKey {
        PublicKey {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: self.kid(),
            x: self.x(),
        }
    }

    /// The public key.
    fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key())
    }

    fn kid(&self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KeySet {
    pub keys: Vec<PublicKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PublicKey {
    #[schema(example = "OKP")]
    pub kty: &'static str,
    #[schema(example = "Ed25519")]
    pub crv: &'static str,
    #[schema(example = "EdDSA")]
    pub alg: &'static str,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: &'static str,
    pub kid: String,
    /// The public key, in base64url.
    pub x: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
    use serde_json::Value;

    /// Another implementation verifies what is signed here.
    fn verified(token: &str, keys: &KeySet) -> Result<Value, jsonwebtoken::errors::Error> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let key = DecodingKey::from_ed_components(&keys.keys[0].x)?;
        Ok(decode::<Value>(token, &key, &validation)?.claims)
    }

    #[tokio::test]
    async fn what_is_signed_is_verified_with_the_published_key() {
        let signer = Signer::new(SigningSecretSource::fixed("a seed of this deployment"));
        let claims = json!({"items": ["ver_1"]});
        let token = signer.sign("block-list+jws", &claims).await.expect("signed");
        let keys = signer.key_set().await.expect("a key set");
        assert_eq!(verified(&token, &keys).expect("verified"), claims);
        let header = jsonwebtoken::decode_header(&token).expect("a header");
        assert_eq!(
            (header.kid.as_ref(), header.typ.as_deref()),
            (Some(&keys.keys[0].kid), Some("block-list+jws"))
        );

        let other = Signer::new(SigningSecretSource::fixed("a seed of another one"));
        let others = other.key_set().await.expect("a key set");
        assert!(verified(&token, &others).is_err());
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let forged = format!(
            "{}.{signature}",
            signed.replace(&URL_SAFE_NO_PAD.encode(claims.to_string()), "e30")
        );
        assert!(verified(&forged, &keys).is_err());
    }

    #[tokio::test]
    async fn a_key_is_published_before_it_signs_and_after() {
        let of = |signs, published: &[&str]| Signer::new(SigningSecretSource::rotated(signs, published));
        let steps = [
            of("old", &[]),
            of("old", &["new"]),
            of("new", &["old"]),
            of("new", &["old", "new"]),
            of("new", &[]),
        ];
        let (mut names, mut sets) = (Vec::new(), Vec::new());
        for signer in &steps {
            let set = signer.key_set().await.expect("a key set");
            assert_eq!(set.keys[0].kid, signer.key_id().await.expect("a key"));
            names.push(set.keys[0].kid.clone());
            sets.push(set.keys.into_iter().map(|key| key.kid).collect::<Vec<_>>());
        }
        let (old, new) = (names[0].clone(), names[2].clone());
        assert_ne!(old, new);
        assert_eq!(names, [&old, &old, &new, &new, &new].map(Clone::clone));
        assert_eq!(sets[1], [old.clone(), new.clone()]);
        assert_eq!(
            (&sets[2], &sets[3]),
            (&vec![new.clone(), old.clone()], &vec![new.clone(), old])
        );
        assert_eq!(sets[4], [new], "an old key ends once nothing of it is to be verified");
    }

    /// RFC 8037, appendix A: a key and its thumbprint.
    #[test]
    fn the_thumbprint_is_the_one_of_the_rfc() {
        let seed = URL_SAFE_NO_PAD
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .expect("base64url");
        let key = Key {
            pair: Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key"),
        };
        assert_eq!(key.x(), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
