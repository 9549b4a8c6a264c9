# `make demo` and `make test` need nothing but Python 3.11 or newer, pip and make. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help setup demo test check bench faults clean

help:            ## what there is to make
	@grep -E '^[a-z]+: .*##|^[a-z]+:  +##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/ —/'

setup: .venv/.setup-dev ## the environment in .venv, with everything for development

demo: .venv/.setup-demo ## tune a real network on real digits, and retrain the winner
	@$(BIN)/rungwise demo

test: .venv/.setup-dev ## all tests
	@$(BIN)/pytest -n 2

check: .venv/.setup-dev ## formatting, lint, types, and who may import whom
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: .venv/.setup-dev ## the figures, measured on this machine
	@for script in benchmarks/[!_]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

faults: .venv/.setup-dev ## kill tuners and trials, cut the power, fill the disk: some minutes
	@cd tests && ../$(BIN)/python -m faults

clean:           ## remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rungwise needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv .venv

.venv/.setup-demo: pyproject.toml | .venv/bin/python
	@echo "installing what the demo needs into .venv"
	@$(PIP) -e '.[demo]'
	@touch $@

.venv/.setup-dev: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing what development needs into .venv"
	@$(PIP) -c constraints.txt -e '.[demo,plot,parquet,optuna,bo,storage,ray,dev]'
	@touch .venv/.setup-demo $@
