#!/usr/bin/env bash
# The workspace's tests through nextest, with line coverage recorded.
#
# Only the workspace's own crates are instrumented (RUSTC_WORKSPACE_WRAPPER), so the dependencies are the ones built already, and
# cargo keeps the instrumented crates apart from the others.
set -euo pipefail
cd "$(dirname "$0")/../.."

mkdir -p target/coverage
export RUSTC_WORKSPACE_WRAPPER="$PWD/infra/ci/instrument.sh"
export LLVM_PROFILE_FILE="$PWD/target/coverage/%m-%p.profraw"
exec cargo nextest run --workspace --locked --no-fail-fast "$@"
