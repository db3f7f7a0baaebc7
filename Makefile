# Daybook. `make help` lists what you can do; each target sets up what it needs.
# Written for GNU make 3.81 and newer; needs neither HOME nor PATH in the environment.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# An empty environment (cron, containers) has no PATH; these are the usual places.
export PATH := $(if $(PATH),$(PATH),/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin:/usr/sbin:/sbin)

# Where it is set, each process of each test would compile anew whatever it imports.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
PORT := 8000
READY := .venv/.ready

LOCK := uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command 'make lock'

define NO_PYTHON
Daybook needs Python 3.11 or newer and found none. Do one of these and run make again:
  Debian, Ubuntu   apt install python3 python3-venv
  macOS            brew install python
  any system       uv python install 3.13
  elsewhere        make PYTHON3=/path/to/python3 ...
endef
export NO_PYTHON

.PHONY: format help setup demo serve check check-all lint test bench soak check-install lock clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-14s %s\n' "$$name" "$$text"; done

setup: $(READY) ## Make .venv and install the locked packages (the others do this by themselves)

demo: $(READY) ## Play the scenarios, then serve until Ctrl-C
	@$(PYTHON) manage.py migrate --verbosity 0
	@$(PYTHON) manage.py demo --serve --port $(PORT)

serve: $(READY) ## Serve what is there until Ctrl-C
	@$(PYTHON) manage.py migrate --verbosity 0
	@$(PYTHON) manage.py serve --port $(PORT)

check: lint ## Everything that has to pass before a commit
	$(TESTS) -m 'not soak and not long'

check-all: lint ## The same with the tests that take long, as CI runs it
	$(TESTS) -m 'not soak'

TESTS = $(PYTHON) -m pytest --numprocesses 2 --dist worksteal \
	--cov --cov-report=term:skip-covered --cov-fail-under=95

lint: $(READY)
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	$(PYTHON) manage.py check --fail-level WARNING --database default
	$(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) -m tests.architecture.measures

test: $(READY) ## The tests alone; make test ARGS='-k money'
	@$(PYTHON) -m pytest $(ARGS)

bench: .venv/.ready-bench ## Measure this project beside its rivals
	@$(PYTHON) manage.py migrate --verbosity 0
	@$(PYTHON) manage.py benchmark

soak: $(READY) ## The long proofs: crashes, races, mutations
	$(PYTHON) -m pytest -m soak
	$(PYTHON) tests/mutations/run.py

check-install: $(READY) ## Install fresh clones: as root, as a plain user, with each PostgreSQL
	@$(PYTHON) -m tests.installation

lock: ## Write requirements*.txt anew from pyproject.toml (needs uv)
	$(LOCK) pyproject.toml --upgrade --extra dev --output-file requirements-dev.txt
	$(LOCK) pyproject.toml --upgrade --constraint requirements-dev.txt --output-file requirements.txt
	$(LOCK) pyproject.toml --upgrade --constraint requirements-dev.txt --extra bench --output-file requirements-bench.txt
	$(LOCK) --upgrade --no-deps --group pyproject.toml:postgres --output-file requirements-postgres.txt

format: $(READY) ## Bring the code into the form that make check demands
	@$(PYTHON) -m ruff check --fix --quiet || true
	@$(PYTHON) -m ruff format

clean: ## Remove what the tools made; the data in .daybook stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

# The first of these Pythons that is new enough makes .venv; `make PYTHON3=...` names another.
PYTHON3 := python3 python3.11 python3.12 python3.13 python3.14
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

$(READY): requirements-dev.txt requirements-postgres.txt
	@for python in $(PYTHON3); do \
		if "$$python" -c '$(IS_NEW_ENOUGH)' 2>/dev/null; then \
			"$$python" -m config.install requirements-dev.txt && \
			{ [ -n "$$DATABASE_URL" ] || $(PYTHON) manage.py migrate --verbosity 0; } && \
			touch $@; exit $$?; \
		fi; \
	done; printf '%s\n' "$$NO_PYTHON" >&2; exit 1

.venv/.ready-bench: $(READY) requirements-bench.txt
	@$(PYTHON) -m config.install requirements-bench.txt && touch $@
