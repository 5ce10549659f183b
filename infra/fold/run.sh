#!/bin/sh
# Folds the books of the local stack; or, with LEDGER_TABLE and COMMERCE_TABLE set beside AWS's own variables, those of any other.
set -eu
cd "$(dirname "$0")/../.."

if [ -z "${LEDGER_TABLE:-}" ]; then
	variables=$(python3 infra/fold/local.py "${SOUK_STACK:-target/local/stack.json}") || exit 1
	eval "$variables"
fi
cargo build --workspace --bin fold --locked --quiet
exec "${CARGO_TARGET_DIR:-target}/debug/fold"
