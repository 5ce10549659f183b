# Thin names for what README.md promises. What they do is in infra/.
# Everything that is installed goes to target/venv, in pinned versions; `rm -rf target` starts afresh.

.PHONY: books run stop test check lint bench simulate mutants soak

run: ## build, deploy and seed the local stack; ARGS=--detach returns when it is ready
	@python3 -m infra.local run $(ARGS)

stop: ## end a stack that runs in the background
	@python3 -m infra.local stop $(ARGS)

test: ## everything that must hold
	@infra/ci/test.sh

check: ## the quick part: format, clippy, the pure core
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	cargo check --package shared --no-default-features --locked

lint: ## template.yaml through sam validate, cfn-lint and checkov
	@infra/lint/check.sh

books: ## folds the whole journal and compares every balance; of the local stack, or of LEDGER_TABLE and COMMERCE_TABLE
	@infra/fold/run.sh

simulate: ## money under faults: SEEDS=N tries so many seeds FROM=X on, SEED=X tells all that happens in one; OPENING=name (or every) of those plans
	@cargo build --workspace --bin simulate --locked --quiet
	@target/debug/simulate $(if $(OPENING),--opening $(OPENING)) $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),10000) --from $(or $(FROM),0))

mutants: ## faults put into the money code, each of which the simulation must find; ARGS=word for some of them
	@python3 tests/simulation/mutants.py $(ARGS)

soak: ## everything at once for MINUTES=10, with functions killed and webhooks late and twice; then the audit
	@infra/soak.sh $(or $(MINUTES),10)

bench: ## cold starts, sizes, costs and throughput, as a table
	@infra/bench/run.sh $(ARGS)
