#!/usr/bin/env bash
# Plays what was once found broken, each opening through many storms, and then seeds that are new with each commit, so that more is known with each.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --workspace --bin simulate --locked --quiet
target/debug/simulate --opening every --seeds 200
# Twelve hexadecimal digits of the commit name the first seed. What is not a repository plays from the beginning.
commit=$(git rev-parse HEAD 2>/dev/null || echo 000000000000)
from=$((16#${commit:0:12}))
echo "10000 seeds from $from on; the same again: make simulate SEEDS=10000 FROM=$from"
target/debug/simulate --seeds 10000 --from "$from"
