# Everything a developer does, each target with its own set-up.
#
# Needs Python 3.11 or newer with its venv module, and make. Nothing is installed outside this folder: packages
# go into .venv, and only those that a lock file names by hash. Paths of this checkout may contain spaces.

SHELL := /bin/sh
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

SECONDS ?= 20
ARGS ?=
# Tried in this order; every locked package has a wheel for each of them.
PYTHONS ?= python3.14 python3.13 python3.12 python3.11 python3
UV_VERSION := 0.13.8

PYTHON := .venv/bin/python
DEMO_READY := .venv/.demo-ready
DEV_READY := .venv/.dev-ready
# --only-binary: a package without a wheel for this machine is told at once, not after minutes of compiling.
PIP_INSTALL := $(PYTHON) -m pip install --quiet --no-input --disable-pip-version-check \
	--require-hashes --only-binary :all:
UV_COMPILE := $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --custom-compile-command "make lock"
# With ARGS="-k name" one of the runs may have nothing to do, which pytest ends with 5.
NOTHING_CHOSEN := { test $$? -eq 5 && test -n '$(ARGS)'; }
SAY := printf '%s\n' >&2

.PHONY: help setup demo test check lint bench campaign lock schema asyncapi picture clean

help: ## say what there is to make
	@echo "make TARGET [ARGS=...]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

setup: $(DEV_READY) ## make .venv with everything that development needs

demo: $(DEMO_READY) ## sort a simulated belt for SECONDS (20); ARGS=--json and others are passed on
	@$(PYTHON) run_sorter.py demo --seconds $(SECONDS) $(ARGS)

test: lint ## everything that continuous integration holds: lint, types, imports, all tests
	@$(PYTHON) -m pytest -n auto tests/unit tests/contract $(ARGS) || $(NOTHING_CHOSEN)
	@$(PYTHON) -m pytest -n 2 --dist loadfile -m "not alone" tests/system $(ARGS) || $(NOTHING_CHOSEN)
	@$(PYTHON) -m pytest -m alone tests/system $(ARGS) || $(NOTHING_CHOSEN)

check: lint ## the fast part of test: lint, types, imports, unit tests
	@$(PYTHON) -m pytest -q -n auto tests/unit $(ARGS)

lint: $(DEV_READY) ## ruff, mypy and the import contracts
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --no-logo

bench: $(DEV_READY) ## time each stage on this machine, beside reference computations
	@$(PYTHON) -m benchmarks $(ARGS)

schema: $(DEMO_READY) ## write config/schema again from the settings models, and docs/asyncapi.yaml from it
	@$(PYTHON) -m sorter.settings.schema
	@$(PYTHON) -m docs.write_asyncapi

asyncapi: $(DEV_READY) ## take the examples of docs/asyncapi.yaml afresh from a running service; needs mosquitto
	@$(PYTHON) -m docs.write_asyncapi --collect

campaign: $(DEV_READY) ## the routing contract under every fault, as one table (forty-five minutes; ARGS=--short: three)
	@$(PYTHON) -m benchmarks campaign $(ARGS)

picture: $(DEMO_READY) ## draw docs/belt.jpg again
	@$(PYTHON) -m docs.draw_picture

lock: $(PYTHON) ## write the lock files again from pyproject.toml; ARGS=--upgrade takes the newest versions
	@$(SAY) "Resolving the lock files (uv $(UV_VERSION), into .venv)"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(UV_COMPILE) pyproject.toml --extra dev --extra demo -o requirements-dev.lock $(ARGS)
	@$(UV_COMPILE) pyproject.toml --extra demo -c requirements-dev.lock -o requirements-demo.lock
	@$(UV_COMPILE) pyproject.toml --extra genicam -c requirements-dev.lock -o requirements-genicam.lock
	@$(UV_COMPILE) pyproject.toml -c requirements-dev.lock -o requirements.lock
	@$(UV_COMPILE) benchmarks/peers/requirements.in -c requirements-dev.lock -o benchmarks/peers/requirements.lock

clean: ## remove .venv and everything that tools left behind
	@rm -rf .venv .build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The demo's packages are a part of the developer's, at the same versions: two steps, never two pips at once.
$(DEV_READY): requirements-dev.lock $(DEMO_READY)
	@$(SAY) "Installing the development packages of requirements-dev.lock"
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@

$(DEMO_READY): requirements-demo.lock $(PYTHON)
	@$(SAY) "Installing the packages of requirements-demo.lock"
	@$(PIP_INSTALL) -r requirements-demo.lock
	@touch $@

# ensurepip is asked for because Debian ships venv without it, and such a venv fails halfway.
$(PYTHON):
	@for python in $(PYTHONS); do \
	    version=$$("$$python" -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null) || continue; \
	    test "$$version" = True || continue; \
	    found=$$python; \
	    "$$python" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	    $(SAY) "Making .venv with $$("$$python" -V)"; \
	    exec "$$python" -m venv --clear .venv; \
	done; \
	if test -n "$$found"; then \
	    $(SAY) "make: $$found has no venv module: install it (Debian and Ubuntu: apt install $$found-venv)"; \
	else \
	    $(SAY) "make: no Python 3.11 or newer was found: install one, or name it with make PYTHONS=/path/to/python3"; \
	fi; \
	exit 1
