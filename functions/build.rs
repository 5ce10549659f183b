//! How every function is linked.
//!
//! At a fixed address: a program that can lie anywhere has each of its 18 000 pointers corrected before it starts, which copies 70 pages,
//! at every cold start. Libraries, heap and stack lie at random addresses all the same.

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts by variables")]
fn main() {
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
