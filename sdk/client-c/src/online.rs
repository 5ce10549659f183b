//! The marketplace's API for C and C++: one client of one licence on one machine, which any thread may ask.
//!
//! What a status does not say, such as which refusal it is, stays with the thread until it asks again.

use std::cell::RefCell;
use std::error::Error;
use std::ffi::{CString, c_char};
use std::ptr;
use std::time::Duration;

use souk_client::fingerprint::Fingerprint;
use souk_client::online::{
    self, Activation, Basis, ClientError, FileStorage, Machine, MemoryStorage, OfflineFile, Storage, UreqTransport,
};
use souk_client::{SignedDuration, Timestamp};

use crate::{Status, guarded, optional, place, text, verifier, write};

/// `souk_settings` of the header, member for member.
#[derive(Debug)]
#[repr(C)]
pub struct Settings {
    size: usize,
    marketplace: *const c_char,
    licence_id: *const c_char,
    key: *const c_char,
    product: *const c_char,
    version: *const c_char,
    salt: *const c_char,
    fingerprint: *const c_char,
    state_path: *const c_char,
    licence_file: *const c_char,
    machine_file: *const c_char,
    public_keys: *const c_char,
    grace_s: i64,
    tolerance_s: i64,
    attempts: u32,
    timeout_s: u32,
}

type Online = online::Client<UreqTransport, Box<dyn Storage + Send + Sync>>;

/// C sees its address only.
#[derive(Debug)]
pub struct Client(Online);

/// What the header promises of threads.
const fn shared<T: Send + Sync>() {}
const _: () = shared::<Client>();

/// How the licence stands. C sees its address only.
#[derive(Debug)]
pub struct Standing {
    standing: online::Standing,
    code: CString,
    message: CString,
}

/// A TypeID, with a prefix as long as they may be, and the zero behind it.
pub const ID_SIZE: usize = 91;

/// An answer is waited for so long, unless the settings say otherwise: a person may be waiting too.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes a client.
///
/// # Safety
///
/// `settings` is null or points to a `souk_settings` whose `size` is true; each text in it is null or ends with a zero byte. `out` is null or may
/// be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_client_new(settings: *const Settings, out: *mut *mut Client) -> i32 {
    asked(|| {
        // SAFETY: as promised by the caller.
        let place = unsafe { place(out)? };
        if settings.is_null() {
            return Err(Status::InvalidArgument.into());
        }
        // SAFETY: as promised by the caller. The size comes first in every version, and says whether the rest is there.
        let size = unsafe { ptr::addr_of!((*settings).size).read() };
        if size != size_of::<Settings>() {
            return Err(Status::InvalidArgument.into());
        }
        // SAFETY: as promised by the caller.
        let client = unsafe { client(&*settings)? };
        *place = Box::into_raw(Box::new(Client(client)));
        Ok(())
    })
}

/// Asks the marketplace, or without a connection what was kept.
///
/// # Safety
///
/// `client` is null or came from [`souk_client_new`] and was not freed; `out` is null or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_client_validate(client: *const Client, out: *mut *mut Standing) -> i32 {
    // SAFETY: as promised by the caller.
    unsafe { stand(client, out, Online::validate) }
}

/// What was kept, without asking the marketplace.
///
/// # Safety
///
/// As [`souk_client_validate`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_client_offline(client: *const Client, out: *mut *mut Standing) -> i32 {
    // SAFETY: as promised by the caller.
    unsafe { stand(client, out, Online::offline) }
}

/// Takes a seat for this machine.
///
/// # Safety
///
/// `client` as in [`souk_client_validate`]; `name` is null or ends with a zero byte; `size` bytes may be written to `machine_id`, unless it is
/// null; `heartbeat_due` is null or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_client_activate(
    client: *const Client,
    name: *const c_char,
    machine_id: *mut c_char,
    size: usize,
    heartbeat_due: *mut i64,
) -> i32 {
    asked(|| {
        // SAFETY: as promised by the caller.
        let (client, name) = unsafe { (open(client)?, optional(name)?) };
        // Before a seat is taken that nobody could give back.
        if machine_id.is_null() || size < ID_SIZE {
            return Err(Status::InvalidArgument.into());
        }
        let name = name.map(str::to_owned);
        let machine = client.activate(&Activation { name })?;
        // SAFETY: as promised by the caller.
        unsafe {
            write(&machine.id, machine_id, size)?;
            write_due(&machine, heartbeat_due);
        }
        Ok(())
    })
}

/// Says that the machine is still in use.
///
/// # Safety
///
/// As [`souk_client_activate`]; `machine_id` is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_client_heartbeat(
    client: *const Client,
    machine_id: *const c_char,
    heartbeat_due: *mut i64,
) -> i32 {
    asked(|| {
        // SAFETY: as promised by the caller.
        let (client, machine_id) = unsafe { (open(client)?, text(machine_id)?) };
        let machine = client.heartbeat(machine_id)?;
        // SAFETY: as promised by the caller.
        unsafe { write_due(&machine, heartbeat_due) };
        Ok(())
    })
}

/// Gives the seat back.
///
/// # Safety
///
/// As [`souk_client_heartbeat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_client_deactivate(client: *const Client, machine_id: *const c_char) -> i32 {
    asked(|| {
        // SAFETY: as promised by the caller.
        let (client, machine_id) = unsafe { (open(client)?, text(machine_id)?) };
        Ok(client.deactivate(machine_id)?)
    })
}

/// Frees a client. Null is nothing to be freed.
///
/// # Safety
///
/// As [`souk_client_validate`], and no other thread is asking it; afterwards it is gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_client_free(client: *mut Client) {
    // SAFETY: as promised by the caller.
    unsafe { free(client) }
}

/// 1 where the licence may be used here and now, else 0.
///
/// # Safety
///
/// `standing` is null or came from [`souk_client_validate`] or [`souk_client_offline`] and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_standing_valid(standing: *const Standing) -> i32 {
    // SAFETY: as promised by the caller.
    let standing = unsafe { standing.as_ref() };
    standing.is_some_and(|standing| standing.standing.is_valid()).into()
}

/// Why, as one code; it lives as long as the standing.
///
/// # Safety
///
/// As [`souk_standing_valid`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_standing_code(standing: *const Standing) -> *const c_char {
    // SAFETY: as promised by the caller.
    unsafe { standing.as_ref() }.map_or(ptr::null(), |standing| standing.code.as_ptr())
}

/// The same for people; it lives as long as the standing.
///
/// # Safety
///
/// As [`souk_standing_valid`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_standing_message(standing: *const Standing) -> *const c_char {
    // SAFETY: as promised by the caller.
    unsafe { standing.as_ref() }.map_or(ptr::null(), |standing| standing.message.as_ptr())
}

/// 1 where the licence is valid and has this entitlement, else 0.
///
/// # Safety
///
/// As [`souk_standing_valid`]; `entitlement` is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_standing_allows(standing: *const Standing, entitlement: *const c_char) -> i32 {
    // SAFETY: as promised by the caller.
    match unsafe { (standing.as_ref(), text(entitlement)) } {
        (Some(standing), Ok(entitlement)) => standing.standing.allows(entitlement).into(),
        _ => 0,
    }
}

/// Who says so: 1 the marketplace, 2 its last answer, 3 a file; of null, 0.
///
/// # Safety
///
/// As [`souk_standing_valid`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_standing_basis(standing: *const Standing) -> i32 {
    // SAFETY: as promised by the caller.
    unsafe { standing.as_ref() }.map_or(0, |standing| match standing.standing.basis {
        Basis::Online => 1,
        Basis::Grace { .. } => 2,
        Basis::File { .. } => 3,
        _ => 0,
    })
}

/// Until when it holds without a connection, or `i64::MAX` for ever; 0 where the marketplace itself has answered.
///
/// # Safety
///
/// As [`souk_standing_valid`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_standing_until(standing: *const Standing) -> i64 {
    // SAFETY: as promised by the caller.
    unsafe { standing.as_ref() }.map_or(0, |standing| match standing.standing.basis {
        Basis::Grace { until } => until.as_second(),
        Basis::File { until } => or_never(until),
        _ => 0,
    })
}

/// When the licence ends, or `i64::MAX` for never.
///
/// # Safety
///
/// As [`souk_standing_valid`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_standing_expires_at(standing: *const Standing) -> i64 {
    // SAFETY: as promised by the caller.
    let standing = unsafe { standing.as_ref() };
    standing.map_or(0, |standing| or_never(standing.standing.validation.expires_at))
}

/// 1 where it was kept for a time without a connection, else 0.
///
/// # Safety
///
/// As [`souk_standing_valid`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_standing_kept(standing: *const Standing) -> i32 {
    // SAFETY: as promised by the caller.
    let standing = unsafe { standing.as_ref() };
    standing
        .is_some_and(|standing| standing.standing.not_kept.is_none())
        .into()
}

/// Frees a standing. Null is nothing to be freed.
///
/// # Safety
///
/// As [`souk_standing_valid`]; afterwards the standing and its texts are gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_standing_free(standing: *mut Standing) {
    // SAFETY: as promised by the caller.
    unsafe { free(standing) }
}

/// Which refusal this thread was last answered with, as one code; empty where it was none.
#[unsafe(no_mangle)]
pub extern "C" fn souk_problem_code() -> *const c_char {
    last(|problem| &problem.code)
}

/// Why this thread last got no answer, for people; empty where it got one.
#[unsafe(no_mangle)]
pub extern "C" fn souk_problem_message() -> *const c_char {
    last(|problem| &problem.message)
}

#[derive(Default)]
struct Problem {
    code: CString,
    message: CString,
}

thread_local! {
    static PROBLEM: RefCell<Problem> = RefCell::default();
}

/// A thread that is ending has none any more.
fn last(part: fn(&Problem) -> &CString) -> *const c_char {
    let problem = PROBLEM.try_with(|problem| part(&problem.borrow()).as_ptr());
    problem.unwrap_or(c"".as_ptr())
}

/// A status, and what it does not say.
struct Failure(Status, Problem);

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self(status, Problem::default())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match &error {
            ClientError::Refused(refusal) => refusal.problem.code.as_str(),
            _ => "",
        };
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        if let ClientError::Offline { file: Some(file), .. } = &error {
            message = format!("{message}; {file}");
        }
        let (code, message) = (c_text(code), c_text(&message));
        Self(Status::from(&error), Problem { code, message })
    }
}

/// Nothing of an earlier problem is left when there is none.
fn asked(work: impl FnOnce() -> Result<(), Failure>) -> i32 {
    guarded(|| {
        PROBLEM.take();
        work().map_err(|Failure(status, problem)| {
            PROBLEM.set(problem);
            status
        })
    })
}

/// # Safety
///
/// As [`souk_client_new`], but that the settings are there.
unsafe fn client(given: &Settings) -> Result<Online, Failure> {
    // SAFETY: as promised by the caller.
    let required = unsafe { [text(given.marketplace)?, text(given.licence_id)?, text(given.key)?] };
    let [marketplace, licence_id, key] = required;
    let mut settings = online::Settings::new(marketplace, licence_id, key);
    // SAFETY: as promised by the caller.
    let named = unsafe { (optional(given.product)?, optional(given.version)?) };
    settings.product = named.0.map(str::to_owned);
    settings.version = named.1.map(str::to_owned);
    // SAFETY: as promised by the caller.
    match unsafe { (optional(given.salt)?, optional(given.fingerprint)?) } {
        (Some(salt), None) => {
            let machine = Fingerprint::of_this_machine(salt.as_bytes()).map_err(Status::from)?;
            settings = settings.on(&machine);
        }
        (None, fingerprint) => settings.fingerprint = fingerprint.map(str::to_owned),
        (Some(_), Some(_)) => return Err(Status::InvalidArgument.into()),
    }
    if given.grace_s != 0 {
        settings.grace = SignedDuration::from_secs(given.grace_s);
    }
    if given.tolerance_s != 0 {
        settings.tolerance = SignedDuration::from_secs(given.tolerance_s.max(0));
    }
    if given.attempts != 0 {
        settings.attempts = given.attempts;
    }
    let timeout = Some(given.timeout_s).filter(|seconds| *seconds != 0);
    let timeout = timeout.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into()));
    let tolerance = settings.tolerance;
    // SAFETY: as promised by the caller.
    let storage: Box<dyn Storage + Send + Sync> = match unsafe { optional(given.state_path)? } {
        Some(path) => Box::new(FileStorage::new(path)),
        None => Box::new(MemoryStorage::default()),
    };
    let client = Online::new(settings, UreqTransport::new(timeout), storage)?;
    // SAFETY: as promised by the caller.
    let file = match unsafe { (optional(given.licence_file)?, optional(given.machine_file)?) } {
        (None, None) => return Ok(client),
        (Some(file), None) => OfflineFile::Licence(file.to_owned()),
        (None, Some(file)) => OfflineFile::Machine(file.to_owned()),
        (Some(_), Some(_)) => return Err(Status::InvalidArgument.into()),
    };
    // SAFETY: as promised by the caller.
    let verifier = verifier(unsafe { text(given.public_keys)? })?.tolerating(tolerance);
    Ok(client.with_file(verifier, file))
}

/// # Safety
///
/// As [`souk_client_validate`].
unsafe fn stand(
    client: *const Client,
    out: *mut *mut Standing,
    ask: fn(&Online) -> Result<online::Standing, ClientError>,
) -> i32 {
    asked(|| {
        // SAFETY: as promised by the caller.
        let (place, client) = unsafe { (place(out)?, open(client)?) };
        let standing = ask(client)?;
        let code = c_text(&standing.validation.code);
        let message = c_text(standing.validation.detail.as_deref().unwrap_or_default());
        *place = Box::into_raw(Box::new(Standing {
            standing,
            code,
            message,
        }));
        Ok(())
    })
}

/// # Safety
///
/// As [`souk_client_validate`].
unsafe fn open<'a>(client: *const Client) -> Result<&'a Online, Status> {
    // SAFETY: as promised by the caller.
    let client = unsafe { client.as_ref() };
    client.map(|client| &client.0).ok_or(Status::InvalidArgument)
}

/// # Safety
///
/// `heartbeat_due` is null or may be written to.
unsafe fn write_due(machine: &Machine, heartbeat_due: *mut i64) {
    if !heartbeat_due.is_null() {
        // SAFETY: as promised by the caller.
        unsafe { heartbeat_due.write(or_never(machine.heartbeat_due_at)) };
    }
}

/// # Safety
///
/// `made` is null or was made by `Box::into_raw`, and nobody uses it any more.
unsafe fn free<T>(made: *mut T) {
    guarded(|| {
        if !made.is_null() {
            // SAFETY: as promised by the caller.
            drop(unsafe { Box::from_raw(made) });
        }
        Ok(())
    });
}

fn or_never(time: Option<Timestamp>) -> i64 {
    time.map_or(i64::MAX, Timestamp::as_second)
}

/// Zero bytes, which no sound answer has, are left out.
fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}
