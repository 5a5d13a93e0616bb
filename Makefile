# What a person types. Each target can be run twice; what misses is installed for root, and named to others.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo
NEEDS := ./scripts/needs.sh
# `make demo SUDO=sudo` builds as whoever types it and runs only the program as root.
SUDO ?=
TARGET_DIR = $$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
# Root has no way to rustup's own `rustc`, which the demo builds the shop with.
AS_ROOT = $(if $(SUDO),$(SUDO) env "RUSTC=$$(rustc --print sysroot)/bin/rustc")

.PHONY: help demo test test-clients test-injection check eval web web-test ebpf ebpf-check bench-store bench-speed bench-analysis bench-deploy bench-loop bench-redact bench-knowledge local-model embeddings record bench-attribution

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a small shop, one fault, and the whole way to the posted finding (FAULT=name picks the fault, SUDO=sudo runs it as root)
	@command -v $(CARGO) >/dev/null || { printf '%s\n' "error: \`$(CARGO)\` is not there" \
		"hint: https://rustup.rs; where you have it and root has not, \`make demo SUDO=sudo\`" >&2; exit 1; }
	@$(SUDO) $(NEEDS) git
	@$(SUDO) $(NEEDS) --if-root ip iptables
	@if command -v node >/dev/null && ! ./scripts/has-node.sh; then \
		echo "Node.js is older than 18; the demo serves a plain page in place of the web page"; \
	else \
		$(MAKE) --no-print-directory web || echo "the web page was not built; the demo serves a plain page in its place"; \
	fi
	$(CARGO) build --workspace
	@exec $(AS_ROOT) "$(TARGET_DIR)/debug/waggle" demo --fault "$(or $(FAULT),slow-commit)" $(ARGS)

test: ## everything that must hold: formatting, lints, tests, a fresh eBPF object
	@$(NEEDS) git
	@$(NEEDS) --if-root ip iptables
	$(CARGO) fmt --all --check
	@$(MAKE) --no-print-directory ebpf-check
	@if command -v npm >/dev/null && ./scripts/has-node.sh; then \
		$(MAKE) --no-print-directory web web-test; \
	else \
		echo "no npm, or no Node.js 18 or newer: the web page is not tested"; \
	fi
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) test --workspace --no-fail-fast

test-clients: ## real clients and servers: the OpenAI and MCP SDKs for Python, a server that speaks S3 (Python 3.11 or newer, PyPI)
	@./scripts/test-clients/openai.sh
	@./scripts/test-clients/mcp.sh
	@./scripts/test-clients/s3.sh

test-injection: ## texts that try to lead the agent astray, with a small real model (MODEL=qwen-0.5b, CASES=40; or WAGGLE_MODEL_URL and WAGGLE_MODEL_NAME of another)
	@[ -n "$$WAGGLE_MODEL_URL" ] || ./scripts/local-model.sh start "$(or $(MODEL),qwen-0.5b)"
	@WAGGLE_MODEL_URL="$${WAGGLE_MODEL_URL:-http://127.0.0.1:$${PORT:-8089}/v1}" WAGGLE_MODEL_NAME="$${WAGGLE_MODEL_NAME:-$(or $(MODEL),qwen-0.5b)}" \
		WAGGLE_INJECTION_CASES="$(or $(CASES),40)" \
		$(CARGO) test -p waggle-tools --features openai --test injection -- --ignored --nocapture; \
		status=$$?; [ -n "$$WAGGLE_MODEL_URL" ] || ./scripts/local-model.sh stop; exit $$status

eval: ## score the agent (SUITE=demo or a folder with LAYOUT=name; ARGS for `waggle eval`)
	$(CARGO) build --workspace
	@"$(TARGET_DIR)/debug/waggle" eval --suite "$(or $(SUITE),demo)" $(if $(LAYOUT),--layout $(LAYOUT)) $(ARGS)

local-model: ## fetch a small language model and serve it on this machine (MODEL=qwen-0.5b, qwen-1.5b or smollm-135m)
	@./scripts/local-model.sh start "$(or $(MODEL),qwen-0.5b)"

embeddings: ## fetch the weights of the local embeddings, 31 MB (DIR=folder)
	@./scripts/embedding-weights.sh $(DIR)

check: ## the quick half of `test`
	$(CARGO) fmt --all --check
	$(CARGO) clippy -p waggle-signals -p waggle-analysis -p waggle-agent-core -p waggle-tools --all-targets -- -D warnings
	$(CARGO) test -p waggle-signals -p waggle-analysis -p waggle-agent-core -p waggle-tools

web: ## build the web page into chat-adapters/web-ui/dist
	@$(NEEDS) npm
	@chat-adapters/web-ui/build.sh

web-test: web ## type-check and test the web page
	cd chat-adapters/web-ui && npm run --silent check && npm test --silent

ebpf: ## rebuild the eBPF object (installs rust-src and bpf-linker when they are missing)
	@collectors-ebpf/build.sh

ebpf-check: ## fail when the committed eBPF object is not built from the sources beside it
	@collectors-ebpf/build.sh --check

bench-knowledge: embeddings ## how well and how fast passages are found, in English and Chinese (DATA=folder)
	$(CARGO) build --workspace
	@WAGGLE_EMBEDDINGS="$${WAGGLE_MODELS:-$$HOME/.cache/waggle/models}/universal-sentence-encoder" "$(TARGET_DIR)/debug/waggle-retrieval-evals" --data "$(or $(DATA),$$WAGGLE_DATA)"

bench-store: ## rows per second in, milliseconds per query out
	$(CARGO) run --release -p waggle-telemetry-store --example bench

record: ## record every fault of the demo anew (root, Linux)
	@./scripts/record.sh

bench-speed: ## how long the analysis takes, against its budgets
	$(CARGO) bench -q -p waggle-analysis

bench-loop: ## what the loop itself costs: milliseconds a step, 100 investigations at once
	$(CARGO) run --release -q -p waggle-memory --example loop_bench

bench-redact: ## what the redactor takes for secrets in clean logs, and how fast it reads (DATA=folder of *.log, SAMPLES per rule)
	$(CARGO) run --release -q -p waggle-agent-core --example redact_bench -- "$(or $(DATA),$(WAGGLE_DATA))" $(or $(SAMPLES),3)

bench-deploy: ## how often healthy deploys fail the check, and how soon bad ones do (DEPLOYS=2000, EACH=100 per cell, SEED)
	$(CARGO) run --release -q -p waggle-analysis --example deploy_power -- $(or $(DEPLOYS),2000) $(or $(EACH),100) $(or $(SEED),0)

bench-analysis: ## the analysis on public data (DATA=folder), beside the published numbers
	$(CARGO) run --release -q -p waggle-public-evals -- --data "$(or $(DATA),$(WAGGLE_DATA))" $(SETS)

bench-attribution: ## the guilty commit and hunk among 2,000 commits and 50 deploys a seed (SEEDS, ARGS=--verbose)
	$(CARGO) run -q -p waggle-change-evals -- $(or $(SEEDS),101 102) $(ARGS)
