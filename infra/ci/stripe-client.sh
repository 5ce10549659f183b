#!/usr/bin/env bash
# Starts the stand-in on a free port and runs the official Python library against it.
set -euo pipefail
cd "$(dirname "$0")/../.."

python3 -m infra.local install stripe
cargo build --workspace --bins --locked --quiet
exec target/venv/stripe/bin/python infra/ci/stripe_client.py
