//! What the client remembers: the last good answer, the last denial, and the latest time it has seen.
//!
//! It lies in the customer's hands. A seal (HMAC-SHA256 with the licence key) notices what was edited, or brought from another licence or
//! machine, and such a state counts as none; who takes the whole state away has no grace.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::wire::Validation;

/// Keeps one small text between the application's runs.
pub trait Storage {
    /// `None` where nothing was kept yet.
    fn load(&self) -> io::Result<Option<String>>;
    fn save(&self, text: &str) -> io::Result<()>;
}

impl<S: Storage + ?Sized> Storage for Box<S> {
    fn load(&self) -> io::Result<Option<String>> {
        (**self).load()
    }

    fn save(&self, text: &str) -> io::Result<()> {
        (**self).save(text)
    }
}

impl<S: Storage + ?Sized> Storage for &S {
    fn load(&self) -> io::Result<Option<String>> {
        (**self).load()
    }

    fn save(&self, text: &str) -> io::Result<()> {
        (**self).save(text)
    }
}

/// In a file of the application's own, which is replaced whole.
#[derive(Debug, Clone)]
pub struct FileStorage {
    path: PathBuf,
}

impl FileStorage {
    /// Its folder is made when it is needed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Storage for FileStorage {
    fn load(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn save(&self, text: &str) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        // Two instances of an application, or two threads of one, write at once: each its own file, and one of them stays.
        static SAVED: AtomicU64 = AtomicU64::new(0);
        let nth = SAVED.fetch_add(1, Ordering::Relaxed);
        let mut unfinished = self.path.clone().into_os_string();
        unfinished.push(format!(".{}-{nth}", std::process::id()));
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, &self.path)
    }
}

/// Until the application ends: no grace across its runs.
#[derive(Default)]
pub struct MemoryStorage(Mutex<Option<String>>);

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").finish_non_exhaustive()
    }
}

impl Storage for MemoryStorage {
    fn load(&self) -> io::Result<Option<String>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn save(&self, text: &str) -> io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
        Ok(())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// The latest time that was ever seen.
    pub(super) mark: Option<Timestamp>,
    /// The last answer, where it was a good one.
    pub(super) good: Option<Good>,
    /// When the marketplace last denied it, where nothing good has come since.
    pub(super) denied: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Good {
    pub(super) at: Timestamp,
    pub(super) validation: Validation,
}

/// Seals states of one licence on one machine.
pub(super) struct Seal(Hmac<Sha256>);

impl Seal {
    pub(super) fn new(licence: &str, key: &str, fingerprint: &str) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
        for part in ["souk-client-state-1", licence, fingerprint] {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        Self(mac)
    }

    /// A line of seal, a line of JSON.
    pub(super) fn write(&self, state: &State) -> io::Result<String> {
        let json = serde_json::to_string(state)?;
        let seal = self.over(&json).finalize().into_bytes();
        Ok(format!("{}\n{json}\n", Base64::encode_string(&seal)))
    }

    pub(super) fn read(&self, text: &str) -> Option<State> {
        let (seal, json) = text.trim_end().split_once('\n')?;
        let seal = Base64::decode_vec(seal.trim_end()).ok()?;
        // In constant time.
        self.over(json).verify_slice(&seal).ok()?;
        serde_json::from_str(json).ok()
    }

    fn over(&self, json: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(json.as_bytes());
        mac
    }
}
