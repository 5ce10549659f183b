//! What a machine is known by: one fingerprint, and one for each of its parts.
//!
//! Nothing that the system says leaves the machine. Every value is hashed with a salt of the application's choice (HMAC-SHA256), so that two
//! applications see different fingerprints of one machine and cannot compare notes.
//!
//! A part is what no two machines share, because the marketplace takes machines with enough of the same parts for one: not the processor's
//! model, not a name that people choose. What cannot be read without privileges is left out.
//!
//! | part | Linux | macOS | Windows |
//! |---|---|---|---|
//! | `machine-id` | `/etc/machine-id` | `IOPlatformUUID` | `MachineGuid` |
//! | `board` | UUID or serial number, of the BIOS as root, else of the device tree | serial number | UUID of the BIOS |
//! | `disk` | worldwide name of the first fixed disk | | serial number of the volume C: |
//! | `network` | lowest address that a built-in interface was made with | that of `en0` | |

mod sources;

pub use sources::{Platform, Sources, SystemSources};

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A machine's fingerprint and those of its parts, each 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    id: String,
    components: Vec<Component>,
}

/// A part of a machine, which has it alone. A policy says how many of them have to be the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    pub name: &'static str,
    pub fingerprint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    #[error("the system does not say which machine this is")]
    NoMachineId,
    #[error("the salt is empty: every application has one of its own")]
    NoSalt,
    #[error("fingerprints are known of Linux, macOS and Windows")]
    UnknownPlatform,
}

/// Tells these hashes from all others that an application may make with its salt.
const DOMAIN: &str = "souk-fingerprint-1";

impl Fingerprint {
    /// Of the machine that this runs on.
    pub fn of_this_machine(salt: &[u8]) -> Result<Self, FingerprintError> {
        let platform = Platform::current().ok_or(FingerprintError::UnknownPlatform)?;
        Self::read(platform, &SystemSources, salt)
    }

    /// Of the machine that these sources speak of.
    pub fn read(platform: Platform, sources: &impl Sources, salt: &[u8]) -> Result<Self, FingerprintError> {
        if salt.is_empty() {
            return Err(FingerprintError::NoSalt);
        }
        let machine_id = platform.machine_id(sources).ok_or(FingerprintError::NoMachineId)?;
        let parts = [
            ("machine-id", Some(machine_id)),
            ("board", platform.board(sources)),
            ("disk", platform.disk(sources)),
            ("network", platform.network(sources)),
        ];
        let components: Vec<Component> = parts
            .into_iter()
            .filter_map(|(name, value)| {
                let fingerprint = hash(salt, name, &value?);
                Some(Component { name, fingerprint })
            })
            .collect();
        Ok(Self {
            id: components[0].fingerprint.clone(),
            components,
        })
    }

    /// The fingerprint itself: it lasts as long as the installed system does.
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// The parts that could be read; the system's own id is the first.
    pub fn components(&self) -> &[Component] {
        &self.components
    }
}

fn hash(salt: &[u8], name: &str, value: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes keys of any length");
    for part in [DOMAIN, name, value] {
        mac.update(part.as_bytes());
        // No part has a zero byte, so that the borders between them cannot be moved.
        mac.update(&[0]);
    }
    let mut hex = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
