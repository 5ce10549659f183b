#!/usr/bin/env bash
# Everything that must hold, in the order in which it is quickest found out. `make test` and .ci/run are this.
#
# Deployed binaries, tests and clippy are built in one target folder, one profile and one form (`--workspace`): each switch would
# compile the AWS SDKs anew. Nothing is kept for a next, smaller build, which would take more of the disk than all the rest.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_INCREMENTAL=0

log=target/test.log
mkdir -p target
: >"$log"
trap 'status=$?; python3 infra/ci/totals.py "$log" "$status"' EXIT

step() { printf '\n━━ %s\n' "$*"; }
# The runners' own words, on the screen and in the log that the totals are taken from.
counted() { "$@" 2>&1 | tee -a "$log"; }

command -v cargo >/dev/null || { echo "cargo is missing: install Rust with rustup, then run this again" >&2; exit 1; }
# What other people's tools write and read, the scanner's tests compare with.
infra/ci/need.sh zip zip
infra/ci/need.sh unzip unzip
python3 -m infra.local install cargo-tools
# What the machine has comes first; the pinned tools fill the gaps.
export PATH="$PATH:$PWD/target/venv/cargo-tools/bin"

step "format"
cargo fmt --all --check

step "template.yaml: sam validate, cfn-lint, checkov"
infra/lint/check.sh

step "clippy"
cargo clippy --workspace --all-targets --locked --quiet -- --deny warnings

step "dependencies: bans, licences, sources"
cargo deny --config infra/deny.toml check --hide-inclusion-graph bans licenses sources
infra/ci/advisories.sh

step "the pure core compiles without AWS"
cargo check --package shared --no-default-features --locked --quiet

step "unit tests, with coverage"
rm -rf target/coverage
counted infra/ci/nextest.sh --filterset 'not binary(journeys) and not binary(soak)'

step "simulation: every opening, then seeds that no commit before has played"
counted infra/ci/simulation.sh

step "mutants: whether all compile, and five of them in turn"
python3 tests/simulation/mutants.py --turn "$(git rev-parse HEAD 2>/dev/null || echo 00000000)"

step "fuzzing: the scanner's readers"
counted infra/ci/fuzz.sh

step "licence files: without std, examples, another library that verifies them, the client over a socket"
counted cargo test --package souk-client --doc --locked --quiet
cargo check --package souk-client --no-default-features --target-dir target/interop --locked --quiet
cargo clippy --manifest-path sdk/interop/Cargo.toml --package souk-client --package souk-client-c --target-dir target/interop --locked --quiet -- --deny warnings
counted cargo test --manifest-path sdk/interop/Cargo.toml --target-dir target/interop --locked --quiet

step "the official Stripe library against the stand-in"
counted infra/ci/stripe-client.sh

step "journeys through the deployed stack"
counted python3 -m infra.local test-stack -- infra/ci/nextest.sh --filterset 'binary(journeys)'

step "soak: a minute of everything at once, on a stack of its own"
counted infra/soak.sh 1
# After both: the suite that both backends of the table pass runs on DynamoDB among the journeys.
python3 infra/ci/coverage.py shared
