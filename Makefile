# The commands of this repository; `make` alone lists them. Paths are relative, so that a folder
# with spaces in its name works.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
T ?=
KILLS ?= 40
# test processes; a file stays in one of them, so that its fixtures are built once, and files come in
# order, so that the kill loop (tests/benchmarks) does not begin last
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
BENCH ?= lifecycle exchange rest

.PHONY: help install environment browser run test check goldens bench crash clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo '  make run ARGS="--port 8080"   make test T=tests/connectors   make crash KILLS=40'

install: environment browser ## .venv with the sutong command, browser assets, Chromium for tests

environment: .venv/.python-done console/static/vendor/.assets-done

.venv/.python-done: setup.cfg pyproject.toml constraints.txt deploy/install/python.sh
	@PYTHON='$(PYTHON)' bash deploy/install/python.sh
	@touch $@

console/static/vendor/.assets-done: package.json package-lock.json deploy/assets/build.py \
		deploy/assets/icons.txt | .venv/.python-done
	@$(BIN)/python -m deploy.assets.build
	@touch $@

browser:
	@bash deploy/install/browser.sh

run: environment ## the whole hub with simulated peers; prints address and demo users (ARGS=)
	@$(BIN)/sutong demo $(ARGS)

test: install ## the tests but for the slow ones (kill loops, outages); or T=tests/connectors
	@$(PYTEST) $(or $(T),-m 'not slow')

check: install ## what CI runs: format, lint, types, import contracts, all tests with coverage
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTEST) --cov --cov-report=term --cov-report=json:coverage.json
	@$(BIN)/python -m deploy.coverage_floor coverage.json

goldens: install ## rewrite the golden files, then read the diff line by line
	@SUTONG_UPDATE_GOLDENS=1 $(BIN)/python -m pytest $(or $(T),tests)
	@git status --short -- tests

bench: environment ## the benchmarks, with machine and date (BENCH="lifecycle", ARGS=)
	@for name in $(BENCH); do $(BIN)/python -m benchmarks.$$name $(ARGS) --json || exit 1; done

crash: environment ## kill the hub KILLS times under load (DATABASE_URL=, BROKER_URL=)
	@$(BIN)/python -m benchmarks.crash --kills $(KILLS) \
		$(if $(DATABASE_URL),--database-url '$(DATABASE_URL)') \
		$(if $(BROKER_URL),--broker-url '$(BROKER_URL)')

clean: ## remove what make and the tools built; stores and settings stay
	rm -rf .venv node_modules console/static/vendor build dist sutong.egg-info artefacts
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage coverage.json
