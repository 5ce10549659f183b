#!/usr/bin/env bash
# Feeds the scanner's readers what a fuzzer makes of good and damaged files, each for so many seconds. What breaks one is kept in
# scanner/fuzz/artifacts and named.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-20}
version=0.13.2
tools=$PWD/target/venv/cargo-fuzz

infra/ci/need.sh c++ g++
if [ ! -x "$tools/bin/cargo-fuzz" ] || [ "$("$tools/bin/cargo-fuzz" --version)" != "cargo-fuzz $version" ]; then
    cargo install cargo-fuzz --version "$version" --locked --quiet --root "$tools"
fi
export PATH="$tools/bin:$PATH"

# Without a sanitizer it builds with the stable compiler; the code has no `unsafe` of its own, and overflows and panics are found as they are.
fuzz() { cargo fuzz "$1" --fuzz-dir scanner/fuzz --target-dir target/fuzz --sanitizer none "${@:2}"; }

fuzz build
passed=0
for target in archive manifest midi preset wasm; do
    corpus=target/fuzz/corpus/$target
    mkdir -p "$corpus"
    log=target/fuzz/$target.log
    if fuzz run "$target" "$corpus" "scanner/fuzz/seeds/$target" -- -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=1024 \
        >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "$target: $(grep -oE 'Done [0-9]+ runs' "$log" | tail -1), nothing found"
    else
        tail -n 40 "$log"
        echo "$target: a file breaks the reader" >&2
        exit 1
    fi
done
echo "$passed readers withstood $seconds s of fuzzing each"
