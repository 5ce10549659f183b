#!/usr/bin/env bash
# template.yaml, and what SAM makes of it, through every linter there is. Silent where nothing is wrong.
set -euo pipefail
cd "$(dirname "$0")/../.."

python3 -m infra.local install sam lint
transformed=target/lint/template.json
mkdir -p target/lint

# `sam validate` wants a region although nothing is asked of it, and an account file it does not need.
AWS_DEFAULT_REGION=eu-central-1 SAM_CLI_TELEMETRY=0 target/venv/sam/bin/sam validate --lint --template template.yaml
target/venv/lint/bin/python infra/lint/transform.py "$transformed"
target/venv/lint/bin/cfn-lint --config-file infra/lint/cfnlint.yaml --template template.yaml --template "$transformed"
target/venv/lint/bin/checkov --config-file infra/lint/checkov.yaml --file "$transformed"
