# What people type. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PYTEST := $(BIN)/python -m pytest

.PHONY: help setup setup-dev demo up down test lint lock fault-test bench-release bench-analysis bench-serving load-test test-soak bench-saturation

help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(STAMPS)/project ## Install everything into .venv (instant when nothing changed)

setup-dev: $(STAMPS)/dev

demo: setup ## Watch models go from the registry to live traffic, and back
	$(BIN)/tiffin demo

up: setup ## Start the embedded stack
	$(BIN)/tiffin up

down: setup ## Stop the embedded stack
	$(BIN)/tiffin down

test: setup-dev ## Run all tests, the end-to-end ones on a real stack
	$(PYTEST) -m "not faults" $(ARGS)

lint: setup-dev ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(STAMPS)/uv ## Pin requirements.in and requirements-dev.in, with hashes
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url requirements.in -o requirements.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url requirements-dev.in -o requirements-dev.txt

fault-test: setup-dev ## Kill every part at every phase, under load
	$(PYTEST) -m faults -s $(ARGS)

bench-release: setup-dev ## Measure rollback, weight changes and the steps of a release
	$(BIN)/python -m benchmarks.bench_release

bench-analysis: setup-dev ## Measure the error rates and the speed of the analysis
	$(BIN)/python -m benchmarks.bench_analysis

bench-serving: setup-dev ## Measure the model servers beside those of others (needs wrk)
	$(BIN)/python -m benchmarks.bench_serving $(ARGS)

load-test: setup-dev ## Find where a running service saturates (ARGS="--url http://…"), and draw it
	$(BIN)/python -m benchmarks.load_test $(ARGS)

test-soak: setup-dev ## Load a server for ten minutes and see that it stays as it is (ARGS=--minutes=60)
	$(BIN)/python -m benchmarks.soak $(ARGS)

bench-saturation: setup-dev ## Measure what is still answered at twice the load that can be
	$(BIN)/python -m benchmarks.bench_saturation $(ARGS)

$(STAMPS)/venv:
	@command -v python3 > /dev/null || { echo "python3 is missing; install Python 3.11 or newer and run make again." >&2; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python3 is $$(python3 -V | cut -d' ' -f2) and Tiffin needs 3.11 or newer; install it and run make again." >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2> /dev/null || { echo "Python can't make virtual environments; install its venv package (apt-get install python3-venv) and run make again." >&2; exit 1; }
	@echo "Making $(VENV)"
	@python3 -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/uv: $(STAMPS)/venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(STAMPS)/requirements: requirements.txt $(STAMPS)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/requirements
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

$(STAMPS)/dev: requirements-dev.txt $(STAMPS)/project
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@
