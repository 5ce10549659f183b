//! The rules of the source tree, as plain tests: folder, template, policy, sample events and code of every function agree, and what a
//! reviewer would otherwise have to say every time is said here once. Needs no stack and reads everything from the checkout.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod code;
mod deployment;
mod folders;
mod infrastructure;
mod mutants;
mod samples;
mod tree;
