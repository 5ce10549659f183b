//! Which deployment has made an object at a processor. Several may share one account there, and each gets the news of all of them.
//!
//! Every object that Souk makes carries the deployment's name, or its mark where there is little room. An object without either is ours: it
//! was made before there were marks, or by hand for something of ours.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The key of the name in Stripe's metadata.
pub const DEPLOYMENT: &str = "deployment";
/// A value of Stripe's metadata takes 500 characters; so long a name is a mistake.
const MAX_NAME: usize = 200;
/// What a mark is made of: no vowels, so that it spells nothing.
const LETTERS: &[u8; 32] = b"0123456789bcdfghjkmnpqrstvwxyz-_";
/// What is left beside two ids in PayPal's shortest field.
const MARK_LENGTH: usize = 9;

/// A deployment's name, such as `123456789012/eu-central-1/souk`, and the mark that is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    name: String,
    mark: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be of 1 to {MAX_NAME} printable characters")]
pub struct DeploymentError;

impl FromStr for Deployment {
    type Err = DeploymentError;

    fn from_str(name: &str) -> Result<Self, DeploymentError> {
        let fits = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return Err(DeploymentError);
        }
        let digest = Sha256::digest(name.as_bytes());
        let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
        Ok(Self {
            name: name.to_owned(),
            mark: digest.iter().take(MARK_LENGTH).map(letter).collect(),
        })
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Deployment {
    /// What stands in metadata.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands behind an id.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Whether metadata name another deployment.
    pub fn is_foreign(&self, metadata: &BTreeMap<String, String>) -> bool {
        self.is_foreign_name(metadata.get(DEPLOYMENT).map(String::as_str))
    }

    pub fn is_foreign_name(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| name != self.name)
    }

    pub fn is_foreign_mark(&self, mark: Option<&str>) -> bool {
        mark.is_some_and(|mark| mark != self.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_short_and_the_names_own() {
        let name = |text: &str| text.parse::<Deployment>().expect("a name");
        let (ours, other) = (
            name("123456789012/eu-central-1/souk"),
            name("123456789012/eu-central-1/stage"),
        );
        assert_eq!(ours.mark().len(), MARK_LENGTH);
        assert_ne!(ours.mark(), other.mark());
        assert_eq!(ours, name("123456789012/eu-central-1/souk"));
        for wrong in ["", "a b", "ä", &"x".repeat(201)] {
            assert_eq!(wrong.parse::<Deployment>(), Err(DeploymentError), "{wrong:?}");
        }
    }

    #[test]
    fn what_bears_no_mark_is_ours() {
        let ours: Deployment = "souk".parse().expect("a name");
        let bearing = |name: &str| BTreeMap::from([(DEPLOYMENT.to_owned(), name.to_owned())]);
        assert!(!ours.is_foreign(&BTreeMap::new()));
        assert!(!ours.is_foreign(&bearing("souk")));
        assert!(ours.is_foreign(&bearing("stage")));
        assert!(!ours.is_foreign_mark(None));
        assert!(!ours.is_foreign_mark(Some(ours.mark())));
        assert!(ours.is_foreign_mark(Some("souk")));
    }
}
