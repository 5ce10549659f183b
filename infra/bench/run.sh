#!/bin/sh
# Builds what ships, deploys it to a stack of its own on free ports, measures, and ends the stack. ARGS: sections, see src/lib.rs.
set -eu
cd "$(dirname "$0")/../.."

# The stack and the two programs that only the benchmark needs, in one build: each form of it would compile the SDKs anew.
python3 -m infra.local build --state target/bench --extra bench/bench --extra noop/bench

binaries=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
exec python3 -m infra.local test-stack --profile release --state target/bench --binaries "$binaries" -- "$binaries/bench" "$@"
