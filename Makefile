# The recipes that people and CI both use. `make help` lists them.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(name)),$(name))))
PORT   ?=
KILLS  ?= 200
FUZZ   ?= 40
JOBS   ?= 2
DATA   ?= data
VENV   := .venv
BIN    := $(VENV)/bin
UI     := src/madang/server/ui
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes
PYTEST  = $(BIN)/python -m pytest
NPM     = PATH="$(abspath $(BIN)):$$PATH" npm --prefix web

.DEFAULT_GOAL := help
.PHONY: help run setup ui test check fmt docs lock wheel clean crash crash-short fuzz fuzz-short e2e bench bench-short conformance

help: ## list the recipes
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/run.stamp $(UI)/index.html ## start the platform on examples/home (PORT=, DATA= choose others)
	@exec $(BIN)/madang up examples/home --data "$(DATA)" $(if $(PORT),--port $(PORT))

setup: $(VENV)/dev.stamp $(UI)/index.html ## set up everything without starting

ui: $(UI)/index.html ## build the web UI

test: $(VENV)/dev.stamp ## the tests: under five minutes
	$(PYTEST) -q -n $(JOBS) --dist loadfile -m "not slow and not bench and not e2e"
	$(NPM) run --silent test

check: $(VENV)/dev.stamp ## formatting, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run --silent check

fmt: $(VENV)/dev.stamp ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/dev.stamp ## write the reference pages and API types again from the models
	$(BIN)/python -m madang.project.reference
	$(BIN)/python -m madang.cli.reference
	$(BIN)/python -m madang.server.reference
	$(NPM) run --silent types

crash: $(VENV)/dev.stamp ## every crash test, long: 200 kills (KILLS= another number)
	MADANG_KILLS=$(KILLS) $(PYTEST) -q -m crash --timeout 7200 tests

crash-short: $(VENV)/dev.stamp ## kills, full disk and faults of the whole platform
	MADANG_KILLS=20 $(PYTEST) -q -m "crash and slow" --timeout 1200 tests/crash

fuzz: $(VENV)/dev.stamp ## the property tests, long: 40 times their examples (FUZZ= another number)
	MADANG_FUZZ=$(FUZZ) $(PYTEST) -q -m hypothesis --timeout 3600 tests

fuzz-short: ## the property tests with four times their examples
	@$(MAKE) --no-print-directory fuzz FUZZ=4

e2e: setup ## a real browser against a real platform
	$(PYTEST) -q -m e2e --timeout 600 tests/e2e

conformance: $(VENV)/dev.stamp ## cases that others wrote, where they are there (tests/conformance/README.md)
	$(PYTEST) -q tests/conformance

bench: $(VENV)/bench.stamp ## measure side by side; writes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks $(BENCH)

bench-short: $(VENV)/dev.stamp ## every benchmark at a small size: are its answers right? writes nothing
	$(BIN)/python -m benchmarks --short

wheel: $(VENV)/dev.stamp $(UI)/index.html ## build the wheel, with the UI in it
	$(BIN)/python -m build --wheel --no-isolation

lock: ## write the lock files again (needs uv)
	for group in run dev bench; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-annotate --upgrade requirements/$$group.in -o requirements/$$group.lock; \
	done

clean: ## remove what was built, not the data
	rm -rf $(VENV) $(UI) web/node_modules build dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: no Python found; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than Python 3.11; name another: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "make: cannot write $(VENV) here: is this folder read-only, or python3-venv missing?" >&2; exit 1; }

$(VENV)/run.stamp: requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Installing Madang into $(VENV) (about a minute, once)"
	@$(PIP) -r requirements/run.lock || { echo "make: the packages could not be installed: the lines above say which. Every one comes as a ready-built wheel, so no compiler is needed; is a package registry reachable?" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock $(VENV)/run.stamp web/node_modules/.stamp
	@$(PIP) -r requirements/dev.lock
	@touch $@

$(VENV)/bench.stamp: requirements/bench.lock $(VENV)/dev.stamp
	@$(subst --only-binary :all:,,$(PIP)) -r requirements/bench.lock
	@touch $@

web/node_modules/.stamp: web/package-lock.json $(VENV)/run.stamp
	@echo "Installing the UI's packages"
	@$(NPM) ci --silent --no-audit --no-fund || { echo "make: npm could not install the UI's packages; is a package registry reachable?" >&2; exit 1; }
	@touch $@

$(UI)/index.html: web/node_modules/.stamp $(shell find web/src web/index.html web/vite.config.ts -type f 2>/dev/null)
	@echo "Building the UI"
	@$(NPM) run --silent build -- --logLevel warn
	@touch $@
