//! A function that is not told everything does not start.
//!
//! 1. Each function is started with no environment at all.
//! 2. It ends at once, and names everything that it misses: exactly what the template gives it and has no default.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use support::template::{functions, load};

/// What Lambda sets itself, and what has a value of its own where nothing is said.
const NOT_GIVEN: [&str; 5] = [
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "LAMBDA_TASK_ROOT",
    "AWS_SESSION_TOKEN",
];
const WITH_DEFAULTS: [&str; 7] = [
    "OIDC_ROLES_CLAIM",
    "STRIPE_API_BASE",
    "PAYPAL_API_BASE",
    "CURRENCY",
    "SCAN_MAX_RECEIVES",
    "SCAN_POLICIES",
    "LOG_LEVEL",
];

#[test]
fn every_function_names_all_that_it_misses() {
    let template = load();
    for function in functions(&template) {
        let run = Command::new(binaries().join(&function.name)).env_clear().output();
        let run = run.unwrap_or_else(|error| panic!("{}: {error}", function.name));
        let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success(), "{} started with nothing: {said}", function.name);
        let missing = said
            .split("is missing")
            .map(|before| before.trim_end().rsplit([' ', ';', '"']).next().unwrap_or_default());
        let missing: BTreeSet<&str> = missing
            .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
            .collect();
        let missing: Vec<&str> = missing.into_iter().filter(|name| !NOT_GIVEN.contains(name)).collect();
        let global = &template["Globals"]["Function"]["Environment"]["Variables"];
        let own = &function.properties["Environment"]["Variables"];
        let given = [global, own].into_iter().filter_map(Value::as_object).flatten();
        let given = given.map(|(name, _)| name.as_str());
        let given: BTreeSet<&str> = given.filter(|name| !WITH_DEFAULTS.contains(name)).collect();
        assert_eq!(
            missing,
            given.into_iter().collect::<Vec<_>>(),
            "{} says: {said}",
            function.name
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "which binaries were deployed is the caller's to say"
)]
fn binaries() -> PathBuf {
    let folder = std::env::var_os("SOUK_BINARIES");
    folder.map(PathBuf::from).unwrap_or_else(|| {
        panic!("SOUK_BINARIES does not name the folder of the deployed binaries; `make test` sets it")
    })
}
