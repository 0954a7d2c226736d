# Every target sets up what it needs; the only requirements are Python >= 3.11, make and a POSIX shell.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUNNER := coordinator_pipelines/models/runner-requirements
PORT ?= 3000
REPORT_PORT ?= 8000
MODELS_PORT ?= 9091
PORTS := --port $(PORT) --report-port $(REPORT_PORT) --models-port $(MODELS_PORT)
FEED ?= simulated
DOCS_PORT ?= 8080
KILLS ?= 50
ADVISORIES ?= pypi

.PHONY: help setup demo dev deploy down logs verify-e2e test test-slow test-faults lint format docs docs-build bench bench-short lock sbom audit clean
.DEFAULT_GOAL := help

help: ## What can be made
	@grep -E '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up $(VENV) (once; about a minute) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

setup: $(READY) ## The environment in .venv, which every other target makes as well
	@echo "Ready: . $(VENV)/bin/activate"

demo: $(READY) ## Two days of the starter challenge, from prices to a leaderboard
	@$(BIN)/coordinator demo

dev: $(READY) ## The starter challenge live, UI on http://localhost:3000 (PORT=..., FEED=binance)
	@$(BIN)/coordinator dev $(PORTS) --feed $(FEED)

deploy: $(READY) ## The same in the background; returns when it is ready
	@$(BIN)/coordinator deploy $(PORTS) --feed $(FEED)

down: $(READY) ## Stop it
	@$(BIN)/coordinator down

logs: $(READY) ## What its programs write, until Ctrl-C (NAMES="stack report": only these)
	@$(BIN)/coordinator logs --follow $(NAMES)

# The starter has a submission that never gets set up, so that boards show what that looks like.
verify-e2e: $(READY) ## Wait until all its models are scored and on the leaderboard
	@$(BIN)/coordinator verify-e2e --except unfinished

test: $(READY) ## The tests that take seconds each
	@$(BIN)/pytest -q -n auto -m "not slow"

test-slow: $(READY) ## The end-to-end tests, and the whole chain on PostgreSQL
	@$(BIN)/pytest -q -n auto --dist loadgroup -m slow

test-faults: $(READY) ## A live challenge killed 50 times (KILLS=...), a day of its rounds, and 96 killed backfills
	@COORDINATOR_TEST_KILLS=$(KILLS) $(BIN)/pytest -q tests/faults
	@COORDINATOR_TEST_HOURS=24 $(BIN)/pytest -q tests/assets/test_live_hours.py
	@COORDINATOR_TEST_SEEDS=8 $(BIN)/pytest -q tests/assets/test_crash.py

lint: $(READY) ## Style, types, import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: $(READY) ## The documentation, on http://localhost:8080 (DOCS_PORT=...)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict --dev-addr 127.0.0.1:$(DOCS_PORT)

docs-build: $(READY) ## The documentation as files, in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(READY) ## Speed, as ratios against a baseline of the same run
	@for name in storage replay pipeline capture report certainty metrics fairness; do \
		echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

# Too small to mean anything: it shows that each benchmark still runs.
bench-short: $(READY) ## All of them in a minute, to see that they run
	@for run in "storage 3000" "replay --models 2 --windows 2 --cold-windows 1" "pipeline 2" \
		"capture 10 5" "report 20000" "certainty 120" "metrics 4" "fairness 5"; do \
		echo "== $$run"; $(BIN)/python -m benchmarks.$$run || exit 1; done

# A lock of plain name==version lines with hashes, for Linux and macOS on Python 3.11 to 3.13.
# The markers that every line would share are dropped.
lock: $(READY) ## Resolve the dependencies anew
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --upgrade --quiet \
		--generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links \
		--no-strip-extras --no-annotate --no-header -o requirements.lock
	@sed -i.old -e "s/ ; sys_platform == 'darwin' or sys_platform == 'linux'//" requirements.lock
	@rm requirements.lock.old
	@$(BIN)/uv pip compile $(RUNNER).in --universal --upgrade --quiet --generate-hashes \
		--python-version 3.11 --no-emit-package importlib --no-emit-index-url --no-emit-find-links \
		--no-strip-extras --no-annotate --no-header -o $(RUNNER).txt
	@sed -i.old -e "s/ ; sys_platform == 'darwin' or sys_platform == 'linux'//" $(RUNNER).txt
	@rm $(RUNNER).txt.old

# The same lock gives the same bytes.
sbom: $(READY) ## What is locked, as CycloneDX in build/sbom.json
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
		--output-reproducible --of JSON -o build/sbom.json 2>/dev/null

# Asks the Python Package Index, or by `make audit ADVISORIES=osv` the Open Source Vulnerabilities.
audit: $(READY) ## Known vulnerabilities of what is locked (needs the network)
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock \
		--vulnerability-service $(ADVISORIES)

clean: ## Remove the environment and everything that a demo wrote
	@rm -rf $(VENV) .coordinator
