#!/usr/bin/env bash
# Everything at once, for so many minutes, on a local stack of its own: `soak.sh 10`. tests/soak says what is done and what must hold.
# Uncaptured, so that it also tells what it did.
set -euo pipefail
cd "$(dirname "$0")/.."

export SOAK_MINUTES=${1:?how many minutes}
exec python3 -m infra.local test-stack --state target/soak -- infra/ci/nextest.sh --filterset 'binary(soak)' --no-capture
