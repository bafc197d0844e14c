# `make help` lists what there is. Only Python 3.11 or later and the network are needed for `run` and `test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup run demo check test fuzz chaos lint types format format-check schemas reference kafka bench lock vendor screenshots clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Create .venv with everything, from the lock file

# uv takes seconds where pip takes minutes; pip knows indexes and proxies of its own configuration, and so has
# the last word where uv fails.
install = $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) \
	|| $(BIN)/python -m pip install --quiet $(1)

# The stamp is made last: what was interrupted is done again, what is done takes no time.
$(INSTALLED): requirements.lock infra/requirements.uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Tallygate needs Python 3.11 or later; run make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { echo "No virtual environment could be made; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "installing into $(VENV) from requirements.lock"
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement infra/requirements.uv.lock
	@$(call install,--require-hashes --requirement requirements.lock)
	@$(call install,--no-deps --no-build-isolation --editable .)
	@touch $(INSTALLED)

run: setup ## Start everything: gateway on 127.0.0.1:8080, API and pages on 127.0.0.1:8081
	@exec $(BIN)/tallygate up

demo: setup ## Show it at work with simulated providers and traffic; needs no key
	@exec $(BIN)/tallygate demo

check: setup ## Validate the configuration and reach everything that it names
	@$(BIN)/tallygate check

test: setup ## Run the test suite; what this machine lacks is skipped, and said at the end
	$(BIN)/ruff check --quiet .
	$(BIN)/pytest $(ARGS)

fuzz: setup ## Send made-up requests to the gateway and the query API, FUZZ_S seconds (600) each
	TALLYGATE_TEST_FUZZ_S=$${FUZZ_S:-600} $(BIN)/pytest -s tests/contract/test_fuzz.py

chaos: setup ## Kill, freeze and starve every part under load, BLOWS times (25) at each way to run; SEED=n repeats a run
	$(BIN)/python -m tests.chaos --blows $${BLOWS:-25} $${SEED:+--seed $$SEED}

lint: setup ## Check style
	$(BIN)/ruff check .

types: setup ## Check types
	$(BIN)/mypy

format: setup ## Rewrite the code in the project's format
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

format-check: setup ## Fail if the code is not in the project's format
	$(BIN)/ruff format --check .

schemas: setup ## Write schemas/json from the models
	$(BIN)/python -m tallygate.schemas.generate

reference: setup ## Write docs/configuration.md from the settings, and the table of docs/pricing.md from the tests
	$(BIN)/python -m tallygate.infra.reference
	$(BIN)/python -m tests.stream_processors.pricing.document

kafka: setup ## Start Apache Kafka of one node on 127.0.0.1:9092 (needs Java 17 and Maven)
	@exec $(BIN)/python -m tallygate.infra.kafka.dev_broker

bench: setup ## Measure
	@$(BIN)/python -m bench

lock: ## Resolve the dependencies anew and write the lock files
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet 'uv>=0.13,<0.14'
	echo 'uv>=0.13,<0.14' | $(BIN)/uv pip compile $(LOCK_OPTIONS) - -o infra/requirements.uv.lock
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --all-extras pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --extra embedded --extra distributed \
		--constraint requirements.lock pyproject.toml -o infra/requirements.runtime.lock

# For every platform and Python that the project supports; hashes, and no address of an index.
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	--no-emit-find-links --no-annotate $(UPGRADE)

vendor: setup ## Take the page's libraries from npm again, as analytics/web/vendor/vendor.json pins them
	$(BIN)/python -m tallygate.analytics.web.vendor

screenshots: setup ## Take docs/screenshots from a gateway with simulated calls (needs Chromium)
	$(BIN)/python -m tests.analytics.web.screenshots

clean: ## Remove the environment and what tools have left; data/ stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +
