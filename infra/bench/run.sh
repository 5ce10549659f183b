#!/bin/sh
# Builds what ships, deploys it to a stack of its own on free ports, measures, and ends the stack. ARGS: sections, see src/lib.rs.
set -eu
cd "$(dirname "$0")/../.."

# The functions and the two programs that only the benchmark needs, in one build: each form of it would compile the SDKs anew.
cargo build --workspace --bins --features bench/bench,noop/bench --release --locked

binaries=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
exec python3 -m infra.local test-stack --profile release --state target/bench --binaries "$binaries" -- "$binaries/bench" "$@"
