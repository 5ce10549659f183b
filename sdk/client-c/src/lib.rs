//! Souk's licence checks for C and C++. `include/souk.h` is what their callers read; a test holds the two together.
//!
//! Every function answers with a status. Null pointers, text that is not UTF-8 and times out of range are statuses too, never a crash; nothing
//! unwinds into C.

#![expect(unsafe_code, reason = "pointers come from C, and functions are exported by name")]

#[cfg(feature = "online")]
pub mod online;
mod status;

pub use status::Status;

use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use souk_client::fingerprint::Fingerprint;
use souk_client::licence_file::Payload;
use souk_client::{KeySet, SignedDuration, Timestamp, Verifier, clock};

/// A verified file. C sees its address only.
#[derive(Debug)]
pub struct File {
    payload: Payload,
    json: CString,
}

/// 64 digits and the zero behind them.
pub const FINGERPRINT_SIZE: usize = 65;

/// Verifies a licence file.
///
/// # Safety
///
/// Each text is null or ends with a zero byte; `out` is null or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_verify_licence_file(
    file: *const c_char,
    public_keys: *const c_char,
    key: *const c_char,
    now: i64,
    out: *mut *mut File,
) -> i32 {
    guarded(|| {
        // SAFETY: as promised by the caller.
        let (place, file, keys, key) = unsafe { (place(out)?, text(file)?, text(public_keys)?, optional(key)?) };
        let opened = verifier(keys)?.licence_file(file, key, time(now)?)?;
        hand_over(opened.into(), place)
    })
}

/// Verifies a machine's file.
///
/// # Safety
///
/// As [`souk_verify_licence_file`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_verify_machine_file(
    file: *const c_char,
    public_keys: *const c_char,
    key: *const c_char,
    fingerprint: *const c_char,
    now: i64,
    out: *mut *mut File,
) -> i32 {
    guarded(|| {
        // SAFETY: as promised by the caller.
        let (place, file, keys, key) = unsafe { (place(out)?, text(file)?, text(public_keys)?, optional(key)?) };
        // SAFETY: as promised by the caller.
        let fingerprint = unsafe { text(fingerprint)? };
        let opened = verifier(keys)?.machine_file(file, key, fingerprint, time(now)?)?;
        hand_over(opened.into(), place)
    })
}

/// The document of a verified file; it lives as long as the file.
///
/// # Safety
///
/// `file` is null or came from one of the functions above and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_file_json(file: *const File) -> *const c_char {
    // SAFETY: as promised by the caller.
    unsafe { file.as_ref() }.map_or(ptr::null(), |file| file.json.as_ptr())
}

/// When the file was made, in seconds since 1970; of null, 0.
///
/// # Safety
///
/// As [`souk_file_json`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_file_issued(file: *const File) -> i64 {
    // SAFETY: as promised by the caller.
    unsafe { file.as_ref() }.map_or(0, |file| file.payload.meta().issued.as_second())
}

/// When the file ends, in seconds since 1970, or `INT64_MAX` for never; of null, 0.
///
/// # Safety
///
/// As [`souk_file_json`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_file_expiry(file: *const File) -> i64 {
    // SAFETY: as promised by the caller.
    let file = unsafe { file.as_ref() };
    file.map_or(0, |file| {
        file.payload.meta().expiry.map_or(i64::MAX, Timestamp::as_second)
    })
}

/// 1 where the licence has this entitlement, else 0.
///
/// # Safety
///
/// As [`souk_file_json`]; `entitlement` is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_file_allows(file: *const File, entitlement: *const c_char) -> i32 {
    // SAFETY: as promised by the caller.
    let asked = unsafe { (file.as_ref(), text(entitlement)) };
    match asked {
        (Some(file), Ok(entitlement)) => file.payload.allows(entitlement).into(),
        _ => 0,
    }
}

/// Frees a file. Null is nothing to be freed.
///
/// # Safety
///
/// As [`souk_file_json`]; afterwards the file and its document are gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_file_free(file: *mut File) {
    if !file.is_null() {
        // SAFETY: it was made by `hand_over`, as promised by the caller.
        drop(unsafe { Box::from_raw(file) });
    }
}

/// The fingerprint of this machine.
///
/// # Safety
///
/// `salt` is null or ends with a zero byte; `out` is null or `size` bytes may be written to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_fingerprint(salt: *const c_char, out: *mut c_char, size: usize) -> i32 {
    guarded(|| {
        if out.is_null() || size < FINGERPRINT_SIZE {
            return Err(Status::InvalidArgument);
        }
        // SAFETY: as promised by the caller.
        let salt = unsafe { text(salt)? };
        let fingerprint = Fingerprint::of_this_machine(salt.as_bytes())?;
        // SAFETY: as promised by the caller.
        unsafe { write(fingerprint.as_str(), out, size) }
    })
}

/// Moves the latest time that was ever seen forward, or says that the clock was put back.
///
/// # Safety
///
/// `mark` is null or may be read and written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn souk_clock_advance(mark: *mut i64, now: i64, tolerance_s: i64) -> i32 {
    guarded(|| {
        // SAFETY: as promised by the caller.
        let mark = unsafe { mark.as_mut() }.ok_or(Status::InvalidArgument)?;
        let latest = if *mark == 0 { None } else { Some(time(*mark)?) };
        let latest = clock::advance(latest, time(now)?, SignedDuration::from_secs(tolerance_s))?;
        *mark = latest.as_second();
        Ok(())
    })
}

/// A status in words. They are there for ever and need not be freed.
#[unsafe(no_mangle)]
pub extern "C" fn souk_status_message(status: i32) -> *const c_char {
    Status::message_of(status).as_ptr()
}

/// A panic would be a mistake of this library; the host goes on.
fn guarded(work: impl FnOnce() -> Result<(), Status>) -> i32 {
    let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Status::Internal));
    done.err().unwrap_or(Status::Ok) as i32
}

/// Where what was made goes. Whatever happens next, nothing old stands there.
///
/// # Safety
///
/// `out` is null or may be written to.
unsafe fn place<'a, T>(out: *mut *mut T) -> Result<&'a mut *mut T, Status> {
    if out.is_null() {
        return Err(Status::InvalidArgument);
    }
    // SAFETY: as promised by the caller. It is written before it is borrowed, because it may never have been.
    unsafe {
        out.write(ptr::null_mut());
        Ok(&mut *out)
    }
}

/// # Safety
///
/// `text` is null or ends with a zero byte.
unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, Status> {
    if text.is_null() {
        return Err(Status::InvalidArgument);
    }
    // SAFETY: as promised by the caller.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Status::InvalidArgument)
}

/// # Safety
///
/// As [`text`].
unsafe fn optional<'a>(given: *const c_char) -> Result<Option<&'a str>, Status> {
    if given.is_null() {
        return Ok(None);
    }
    // SAFETY: as promised by the caller.
    unsafe { text(given) }.map(Some)
}

/// A short text and the zero behind it, for the caller to keep.
///
/// # Safety
///
/// `size` bytes may be written to `out`.
unsafe fn write(text: &str, out: *mut c_char, size: usize) -> Result<(), Status> {
    let text = CString::new(text)?;
    let bytes = text.as_bytes_with_nul();
    if bytes.len() > size {
        return Err(Status::Internal);
    }
    // SAFETY: `out` takes `size` bytes, as promised by the caller, and two allocations do not overlap.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len()) };
    Ok(())
}

fn verifier(public_keys: &str) -> Result<Verifier, Status> {
    Ok(Verifier::new(public_keys.parse::<KeySet>()?))
}

fn time(seconds: i64) -> Result<Timestamp, Status> {
    Timestamp::from_second(seconds).map_err(|_| Status::InvalidArgument)
}

fn hand_over(payload: Payload, place: &mut *mut File) -> Result<(), Status> {
    let json = CString::new(payload.json())?;
    *place = Box::into_raw(Box::new(File { payload, json }));
    Ok(())
}
