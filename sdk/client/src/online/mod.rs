//! The client of the marketplace's API, and what holds while it cannot be reached.
//!
//! | call | request |
//! |---|---|
//! | [`Client::validate`] | `POST /v1/licences/{licence_id}/validations` |
//! | [`Client::activate`] | `POST /v1/licences/{licence_id}/machines` |
//! | [`Client::heartbeat`] | `POST /v1/licences/{licence_id}/machines/{machine_id}/heartbeats` |
//! | [`Client::deactivate`] | `DELETE /v1/licences/{licence_id}/machines/{machine_id}` |
//! | [`Client::spawn`] | `POST /v1/licences/{licence_id}/machines/{machine_id}/processes` |
//! | [`Client::process_heartbeat`] | `POST /v1/licences/{licence_id}/processes/{process_id}/heartbeats` |
//! | [`Client::end`] | `DELETE /v1/licences/{licence_id}/processes/{process_id}` |
//! | [`Client::check_in`] | `POST /v1/licences/{licence_id}/check-ins` |
//!
//! Every call blocks, for some seconds at worst: not for the thread that draws or plays. A request that got no answer, or was told to wait, is
//! sent again with the same `Idempotency-Key`, so that no seat is taken twice.
//!
//! Without a connection the last good answer holds for a while (the grace), then a licence file. Both depend on the time, and neither
//! outlives a denial or a clock that was put back.

mod error;
mod host;
mod state;
mod transport;
#[cfg(feature = "ureq")]
mod ureq;
mod wire;

pub use self::error::{ClientError, Refusal, RefusalKind};
pub use self::host::{Host, SystemHost};
pub use self::state::{FileStorage, MemoryStorage, Storage};
pub use self::transport::{Method, Request, Response, Transport, TransportError};
#[cfg(feature = "ureq")]
pub use self::ureq::UreqTransport;
pub use self::wire::{Activation, CheckIn, FieldError, Machine, Problem, Process, Validation};

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Map;

use crate::clock::{self, CLOCK_TOLERANCE};
use crate::key;
use crate::licence_file::{Payload, Verifier, VerifyError};

use self::state::{Good, Seal, State};
use self::wire::Asking;

/// Longer pauses than this are the application's to make.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Which licence, which machine, and how patient.
#[derive(Clone)]
pub struct Settings {
    /// `https://…`, without `/v1`.
    pub marketplace: String,
    pub licence_id: String,
    /// As the customer has typed it.
    pub key: String,
    /// The listing that asks: a licence for another one is not valid.
    pub product: Option<String>,
    /// Its version: some licences hold for what was released before they expired.
    pub version: Option<String>,
    pub fingerprint: Option<String>,
    /// Names and fingerprints of the machine's parts.
    pub components: BTreeMap<String, String>,
    /// How long the last good answer holds.
    pub grace: SignedDuration,
    /// How far the clock may be wrong.
    pub tolerance: SignedDuration,
    /// How often a request is sent at most.
    pub attempts: u32,
}

impl Settings {
    /// A grace of a week, three attempts.
    pub fn new(marketplace: impl Into<String>, licence_id: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            marketplace: marketplace.into(),
            licence_id: licence_id.into(),
            key: key.into(),
            product: None,
            version: None,
            fingerprint: None,
            components: BTreeMap::new(),
            grace: SignedDuration::from_hours(7 * 24),
            tolerance: CLOCK_TOLERANCE,
            attempts: 3,
        }
    }

    /// As this product.
    #[must_use]
    pub fn of(mut self, product: impl Into<String>) -> Self {
        self.product = Some(product.into());
        self
    }

    /// In this version.
    #[must_use]
    pub fn in_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// As this machine.
    #[cfg(feature = "fingerprint")]
    #[must_use]
    pub fn on(mut self, machine: &crate::fingerprint::Fingerprint) -> Self {
        self.fingerprint = Some(machine.as_str().to_owned());
        let parts = machine.components().iter();
        self.components = parts
            .map(|part| (part.name.to_owned(), part.fingerprint.clone()))
            .collect();
        self
    }

    fn check(&self) -> Result<(), ClientError> {
        if !is_private(&self.marketplace) {
            return Err(ClientError::Settings("the marketplace's address begins with https://"));
        }
        if !is_id(&self.licence_id) {
            return Err(ClientError::Settings("this is not a licence's id"));
        }
        if self.key.is_empty() || !self.key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ClientError::Settings("this is not a licence key"));
        }
        Ok(())
    }
}

/// The key is a secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("marketplace", &self.marketplace)
            .field("licence_id", &self.licence_id)
            .finish_non_exhaustive()
    }
}

/// Nobody reads along: TLS, or a stand-in on this machine.
fn is_private(address: &str) -> bool {
    if address.starts_with("https://") {
        return true;
    }
    let host = address.strip_prefix("http://").unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| {
        let rest = host.strip_prefix(local);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']) && !rest.contains('@'))
    })
}

/// What may stand in a path as it is.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// A file that stands in for the marketplace's answer.
#[derive(Clone)]
pub enum OfflineFile {
    Licence(String),
    /// Bound to the fingerprint in [`Settings`].
    Machine(String),
}

/// A plain file shows the licence.
impl fmt::Debug for OfflineFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OfflineFile::Licence(_) => "Licence(…)",
            OfflineFile::Machine(_) => "Machine(…)",
        })
    }
}

/// How the licence stands, and who says so.
#[derive(Debug)]
pub struct Standing {
    pub validation: Validation,
    pub basis: Basis,
    /// Why it could not be kept for later, where that is so: without a connection it will not be remembered.
    pub not_kept: Option<std::io::Error>,
}

impl Standing {
    pub fn is_valid(&self) -> bool {
        self.validation.valid
    }

    pub fn allows(&self, entitlement: &str) -> bool {
        self.validation.allows(entitlement)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Basis {
    /// The marketplace, just now.
    Online,
    /// The marketplace's last answer, which holds until then.
    Grace { until: Timestamp },
    /// A licence file or a machine's file, which holds until then, or for ever.
    File { until: Option<Timestamp> },
}

/// Asks the marketplace about one licence on one machine.
pub struct Client<T, S, H = SystemHost> {
    settings: Settings,
    transport: T,
    storage: S,
    host: H,
    seal: Seal,
    file: Option<(Verifier, OfflineFile)>,
}

impl<T, S, H> fmt::Debug for Client<T, S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<T: Transport, S: Storage> Client<T, S> {
    pub fn new(settings: Settings, transport: T, storage: S) -> Result<Self, ClientError> {
        Self::on(SystemHost, settings, transport, storage)
    }
}

impl<T: Transport, S: Storage, H: Host> Client<T, S, H> {
    /// With a clock of the application's own.
    pub fn on(host: H, mut settings: Settings, transport: T, storage: S) -> Result<Self, ClientError> {
        settings.key = key::as_issued(&settings.key).into_owned();
        settings.check()?;
        let fingerprint = settings.fingerprint.as_deref().unwrap_or_default();
        let seal = Seal::new(&settings.licence_id, &settings.key, fingerprint);
        Ok(Self {
            settings,
            transport,
            storage,
            host,
            seal,
            file: None,
        })
    }

    /// A file that stands in for the marketplace's answer while it cannot be reached.
    #[must_use]
    pub fn with_file(mut self, verifier: Verifier, file: OfflineFile) -> Self {
        self.file = Some((verifier, file));
        self
    }

    /// Whether the licence may be used here and now. `Ok` is an answer, not a yes: see [`Standing::is_valid`].
    pub fn validate(&self) -> Result<Standing, ClientError> {
        let state = self.kept();
        let answer: Result<Validation, _> = self.post("validations", &self.asking(None));
        let now = self.host.now();
        match answer {
            Ok(validation) => {
                let good = validation.valid.then(|| Good {
                    at: now,
                    validation: validation.clone(),
                });
                let denied = (!validation.valid).then_some(now);
                // The marketplace's word counts whatever the clock shows, so that a clock that was once ahead locks nobody out for ever.
                let not_kept = self.keep(&State {
                    mark: Some(now),
                    good,
                    denied,
                });
                Ok(Standing {
                    validation,
                    basis: Basis::Online,
                    not_kept,
                })
            }
            Err(error) if error.is_denial() => {
                self.deny(state.mark, now);
                Err(error)
            }
            Err(error) if error.is_unreachable() => self.stand_in(state, now, error),
            Err(error) => Err(error),
        }
    }

    /// What holds without asking the marketplace, for a start that must not wait: the last good answer within the grace, then the file.
    pub fn offline(&self) -> Result<Standing, ClientError> {
        let not_asked = TransportError("it was not asked".to_owned());
        self.stand_in(self.kept(), self.host.now(), ClientError::Unreachable(not_asked))
    }

    /// Takes a seat for this machine. Again for the same machine, it is the same seat.
    pub fn activate(&self, activation: &Activation) -> Result<Machine, ClientError> {
        self.post("machines", &self.asking(Some(activation)))
    }

    /// Says that the machine is still in use, where the policy wants to know.
    pub fn heartbeat(&self, machine_id: &str) -> Result<Machine, ClientError> {
        let machine = in_path(machine_id)?;
        self.post(&format!("machines/{machine}/heartbeats"), &Map::new())
    }

    /// Gives the seat back. With it goes what was kept: another machine may have the seat now, so that neither the last answer nor a file from
    /// before holds here until the marketplace says so again.
    pub fn deactivate(&self, machine_id: &str) -> Result<(), ClientError> {
        let answer = self.delete(&format!("machines/{}", in_path(machine_id)?));
        let is_gone = answer.as_ref().map_or_else(ClientError::is_denial, |()| true);
        if is_gone {
            self.deny(self.kept().mark, self.host.now());
        }
        answer
    }

    /// Starts a copy of the software on a machine that has a seat; `pid` is what the machine calls it. Again, it is the same process.
    pub fn spawn(&self, machine_id: &str, pid: &str) -> Result<Process, ClientError> {
        let machine = in_path(machine_id)?;
        let body = Map::from_iter([("pid".to_owned(), pid.into())]);
        self.post(&format!("machines/{machine}/processes"), &body)
    }

    /// Says that a process still runs.
    pub fn process_heartbeat(&self, process_id: &str) -> Result<Process, ClientError> {
        let process = in_path(process_id)?;
        self.post(&format!("processes/{process}/heartbeats"), &Map::new())
    }

    /// Makes room for another process.
    pub fn end(&self, process_id: &str) -> Result<(), ClientError> {
        self.delete(&format!("processes/{}", in_path(process_id)?))
    }

    /// Checks in, where the policy asks for it every now and then.
    pub fn check_in(&self) -> Result<CheckIn, ClientError> {
        self.post("check-ins", &Map::new())
    }

    fn delete(&self, path: &str) -> Result<(), ClientError> {
        let mut attempts = 0;
        let answer = self.send(Method::Delete, path, None, &mut attempts);
        match answer {
            Ok(_) => Ok(()),
            // An earlier attempt has arrived after all.
            Err(ClientError::Refused(refusal)) if attempts > 1 && refusal.kind == RefusalKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn asking<'a>(&'a self, activation: Option<&'a Activation>) -> Asking<'a> {
        Asking {
            product: self.settings.product.as_deref().filter(|_| activation.is_none()),
            version: self.settings.version.as_deref().filter(|_| activation.is_none()),
            fingerprint: self.settings.fingerprint.as_deref(),
            components: &self.settings.components,
            activation,
        }
    }

    fn post<A: DeserializeOwned>(&self, path: &str, body: &impl serde::Serialize) -> Result<A, ClientError> {
        let body = serde_json::to_string(body).map_err(|_| ClientError::Settings("the request is not JSON"))?;
        let response = self.send(Method::Post, path, Some(body), &mut 0)?;
        let status = response.status;
        serde_json::from_str(&response.body).map_err(|_| ClientError::NotTheMarketplace { status })
    }

    /// The answer to a request that may be sent more than once, because it carries the same key each time.
    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        attempts: &mut u32,
    ) -> Result<Response, ClientError> {
        let Settings {
            marketplace,
            licence_id,
            key,
            ..
        } = &self.settings;
        let mut headers = vec![
            ("Accept", "application/json".to_owned()),
            ("Authorization", format!("License {key}")),
            ("Idempotency-Key", format!("{:032x}", self.host.chance())),
        ];
        if body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let request = Request {
            method,
            url: format!("{}/v1/licences/{licence_id}/{path}", marketplace.trim_end_matches('/')),
            headers,
            body,
        };
        let mut pause = FIRST_PAUSE;
        loop {
            *attempts += 1;
            let error = match self.transport.send(&request) {
                Ok(response) => match refusal(&response) {
                    None => return Ok(response),
                    Some(error) => error,
                },
                Err(error) => ClientError::Unreachable(error),
            };
            let asked = match &error {
                ClientError::Refused(refusal) => refusal.retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            let again = *attempts < self.settings.attempts && error.is_unreachable() && asked <= LONGEST_PAUSE;
            if !again {
                return Err(error);
            }
            self.host.pause(pause.max(asked));
            pause *= 2;
        }
    }

    /// What holds without the marketplace.
    fn stand_in(&self, mut state: State, now: Timestamp, cause: ClientError) -> Result<Standing, ClientError> {
        state.mark = Some(clock::advance(state.mark, now, self.settings.tolerance)?);
        let not_kept = self.keep(&state);
        let answer = match self.last_answer(&state, now) {
            Some(answer) => Ok(Some(answer)),
            None => self.read_file(&state, now),
        };
        let offline = |file| ClientError::Offline {
            cause: Box::new(cause),
            file,
        };
        let (validation, basis) = match answer {
            Ok(Some(answer)) => answer,
            Ok(None) => return Err(offline(None)),
            Err(file) => return Err(offline(Some(file))),
        };
        Ok(Standing {
            validation,
            basis,
            not_kept,
        })
    }

    fn last_answer(&self, state: &State, now: Timestamp) -> Option<(Validation, Basis)> {
        let Good { at, validation } = state.good.as_ref()?;
        let mut until = at.saturating_add(self.settings.grace).ok()?;
        // What was good beyond the licence's end already is good regardless of it.
        if let Some(end) = validation.expires_at.filter(|end| end > at) {
            until = until.min(end);
        }
        (now <= until).then(|| (validation.clone(), Basis::Grace { until }))
    }

    fn read_file(&self, state: &State, now: Timestamp) -> Result<Option<(Validation, Basis)>, VerifyError> {
        let Settings { key, fingerprint, .. } = &self.settings;
        let payload: Payload = match &self.file {
            None => return Ok(None),
            Some((verifier, OfflineFile::Licence(file))) => verifier.licence_file(file, key.as_str(), now)?.into(),
            Some((verifier, OfflineFile::Machine(file))) => {
                let fingerprint = fingerprint.as_deref().ok_or(VerifyError::WrongMachine)?;
                verifier.machine_file(file, key.as_str(), fingerprint, now)?.into()
            }
        };
        let is_denied = state.denied.is_some_and(|denied| payload.meta().issued <= denied);
        let is_ours = payload.licence_id() == Some(self.settings.licence_id.as_str());
        if !is_ours {
            return Err(VerifyError::WrongLicence);
        }
        if is_denied {
            return Ok(None);
        }
        let validation = Validation {
            valid: true,
            code: "VALID".to_owned(),
            detail: None,
            expires_at: payload.licence_expiry(),
            entitlements: payload.entitlements().map(str::to_owned).collect(),
            more: Map::new(),
        };
        let until = payload.meta().expiry;
        Ok(Some((validation, Basis::File { until })))
    }

    /// What is remembered, where it can be read and its seal fits.
    fn kept(&self) -> State {
        let kept = self.storage.load().ok().flatten();
        kept.and_then(|text| self.seal.read(&text)).unwrap_or_default()
    }

    /// From now on nothing stands in that was good before.
    fn deny(&self, mark: Option<Timestamp>, now: Timestamp) {
        self.keep(&State {
            mark: mark.max(Some(now)),
            good: None,
            denied: Some(now),
        });
    }

    fn keep(&self, state: &State) -> Option<std::io::Error> {
        let saved = self.seal.write(state).and_then(|text| self.storage.save(&text));
        saved.err()
    }
}

fn in_path(id: &str) -> Result<&str, ClientError> {
    let wrong = ClientError::Settings("this is not an id of the marketplace's");
    if is_id(id) { Ok(id) } else { Err(wrong) }
}

/// Nothing where the answer is a success. A refusal is believed when it is a problem document: proxies and portals refuse too.
fn refusal(response: &Response) -> Option<ClientError> {
    let status = response.status;
    if (200..300).contains(&status) {
        return None;
    }
    Some(match serde_json::from_str(&response.body) {
        Ok(problem) if status >= 400 => ClientError::Refused(Refusal {
            kind: RefusalKind::of(status),
            problem,
            retry_after: response.retry_after,
        }),
        _ => ClientError::NotTheMarketplace { status },
    })
}
