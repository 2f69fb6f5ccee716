# Linecard. `make` alone lists what there is.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet
LEFT_OUT := $(CURDIR)/$(VENV)/left-out
# The demo ISP's data folder that the products of all parts of `make test` begin with.
SEED := $(CURDIR)/$(VENV)/demo
STRICT := core netdiag gates billing
# Every process a test starts is measured, wherever it runs.
MEASURED := COVERAGE_PROCESS_START="$(CURDIR)/pyproject.toml" COVERAGE_FILE="$(CURDIR)/.coverage"
PEERS := arp-scan fping tshark snmpget snmpd prometheus-snmp-exporter nft ip chromium
UNMEASURED := LEFT_OUT="$(LEFT_OUT)" $(BIN)/python -m pytest
PYTEST := $(MEASURED) $(UNMEASURED)

# tests/conftest.py says what stays with one worker and what comes first.
BY_FILE := --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run test unit house integration netlab browser assets texts coverage check bench bench-net bench-gates chaos bench-deps bench-billing billing-properties migration lock system-deps

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: $(VENV)/run.stamp ## start everything with the demo ISP on http://127.0.0.1:8765; Ctrl-C ends it
	@$(BIN)/python hatch_build.py
	@test -f "$${LINECARD_CONFIG:-config.toml}" || $(BIN)/python -m linecard init
	@exec $(BIN)/python -m linecard up

test: export DEMO_SEED = $(SEED)
test: $(VENV)/dev.stamp ## all tests in parts, with coverage; REQUIRE=all makes a skip a failure
	@rm -rf .coverage .coverage.* "$(LEFT_OUT)" "$(SEED)" "$(SEED)".*
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory house
	@$(MAKE) --no-print-directory integration
	@$(MAKE) --no-print-directory netlab
	@$(MAKE) --no-print-directory browser
	@$(MAKE) --no-print-directory coverage

unit: $(VENV)/dev.stamp ## tests of pure code: no socket, no database
	$(PYTEST) tests/unit -n 2 -q

house: $(VENV)/dev.stamp ## the rules of the house, as tests
	$(PYTEST) tests/house -n 2 -q

integration: assets ## tests on a real PostgreSQL and Valkey
	$(PYTEST) tests/integration -n 2 -q

netlab: assets ## tests in network namespaces (root)
	$(PYTEST) tests/netlab -n 3 $(BY_FILE) -q

browser: assets ## tests in headless Chromium
	$(UNMEASURED) tests/browser -n 3 $(BY_FILE) -q

assets: $(VENV)/dev.stamp # the front end as its sources are now
	@$(BIN)/python hatch_build.py

texts: $(VENV)/dev.stamp ## bring the catalogues of texts up to date with the sources, say what is left to translate
	@$(BIN)/python -m webapp.translations

coverage: # by branch; each strict package for itself; what was left out of the tests may be missing
	@$(MEASURED) $(BIN)/coverage combine --quiet
	@for package in $(STRICT); do \
	  $(BIN)/coverage report --include="$$package/*" --format=total > $(VENV)/total || exit 1; \
	  echo "coverage by branch, $$package: $$(cat $(VENV)/total) %"; \
	  test "$$(cat $(VENV)/total)" -ge 90 || test -s "$(LEFT_OUT)" || \
	    { $(BIN)/coverage report --include="$$package/*" --show-missing --skip-covered; exit 1; }; \
	done
	@test ! -s "$(LEFT_OUT)" || { cat "$(LEFT_OUT)"; \
	  echo "Get them: \`make system-deps\` as root, then the tests as root."; }

check: $(VENV)/dev.stamp ## format, lint, types, import contracts, templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet

bench: $(VENV)/dev.stamp ## measurements beside other programs
	@for script in bench/bench_*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

bench-net: $(VENV)/dev.stamp ## the wire beside fping, arp-scan, Net-SNMP and the SNMP exporter, and a gateway of 10,000, in namespaces (root)
	@for program in $(PEERS); do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v $$program >/dev/null || { $(MAKE) --no-print-directory bench-deps; break; }; \
	done; failed=0; \
	for script in bench/net/bench_*.py; do \
	  echo; echo "== $$script"; PYTHONPATH=. $(BIN)/python "$$script"; code=$$?; \
	  test $$code -lt 128 || exit $$code; test $$code = 0 || failed=1; \
	done; exit $$failed

bench-gates: $(VENV)/dev.stamp ## from a payment to the first packet, beside a gate that is down, on a product of its own (root)
	@failed=0; for script in bench/gates/bench_*.py; do \
	  echo "== $$script"; PYTHONPATH=. $(BIN)/python "$$script"; code=$$?; \
	  test $$code -lt 128 || exit $$code; test $$code = 0 || failed=1; \
	done; exit $$failed

chaos: assets ## crashes, cut wires, wrong clocks: what each leaves behind; ROW=beat does those rows alone, 13 minutes for all (root, cc)
	@echo "== bench/gates/chaos.py"; PYTHONPATH=. $(BIN)/python bench/gates/chaos.py $(ROW)

bench-deps: # apt-get the programs that bench-net compares with; without root or a net each bench says what it lacks
	@-DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
	  arp-scan chromium fping iproute2 nftables prometheus-snmp-exporter snmp snmpd tshark

bench-billing: $(VENV)/dev.stamp ## money beside plain SQL, at 1,000, 10,000 and 100,000 customers; a run killed and finished
	@failed=0; for script in bench/billing/bench_*.py; do \
	  echo "== $$script"; $(BIN)/python "$$script"; code=$$?; \
	  test $$code -lt 128 || exit $$code; test $$code = 0 || failed=1; \
	done; exit $$failed

billing-properties: assets ## each property of money on two thousand examples; SEED=... repeats a run
	@seed=$${SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}; \
	echo "seed $$seed: \`make billing-properties SEED=$$seed\` tries the same examples again"; \
	BILLING_EXAMPLES=2000 $(BIN)/python -m pytest tests -k billing -q -n 2 --maxschedchunk 1 --timeout=7200 \
	  --hypothesis-show-statistics --hypothesis-seed=$$seed

migration: $(VENV)/dev.stamp ## draft a migration from the models: make migration name="add colours"
	@test -n "$(name)" || { echo 'say what it does: make migration name="add colours"'; exit 2; }
	@$(BIN)/python -m linecard migrate --draft "$(name)"

lock: ## refresh the hash-locked requirements from pyproject.toml (needs uv)
	$(COMPILE) pyproject.toml --extra embedded --group build -o requirements/run.lock
	$(COMPILE) pyproject.toml --extra embedded --group dev -o requirements/dev.lock

system-deps: ## apt-get what the lab and the browser tests need (root)
	@test "$$(id -u)" = 0 || { echo "run it as root: sudo make system-deps"; exit 1; }
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
	  $$(apt-cache show chromium-headless-shell > /dev/null 2>&1 && echo chromium-headless-shell || echo chromium) \
	  fonts-dejavu-core freeradius freeradius-postgresql freeradius-utils iproute2 iputils-ping nftables openssh-client \
	  openssh-server procps snmp snmpd

# --- the virtual environment -------------------------------------------------------------------

$(BIN)/python:
	@for found in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  "$$found" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	    2>/dev/null || continue; \
	  echo "Making $(VENV) with $$("$$found" --version) ..."; \
	  "$$found" -m venv $(VENV) && exit 0; \
	  rm -rf $(VENV); \
	done; \
	echo "No Python 3.11, 3.12 or 3.13 that can make a virtual environment was found."; \
	echo "On Debian or Ubuntu: apt-get install python3-venv. Another one: make PYTHON=/path/to/python3.12"; \
	exit 1

# The development set holds all of the other: where it is fresh, nothing has to be done.
$(VENV)/run.stamp: requirements/run.lock pyproject.toml | $(BIN)/python
	@if test $(VENV)/dev.stamp -nt requirements/dev.lock && test $(VENV)/dev.stamp -nt pyproject.toml; then \
	  touch $@; \
	else \
	  echo "Installing what the product needs (the first time this takes about a minute) ..." && \
	  $(PIP) install -q --require-hashes --no-deps -r requirements/run.lock && \
	  $(PIP) install -q --no-deps --no-build-isolation -e . && touch $@; \
	fi

$(VENV)/dev.stamp: requirements/dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the product and its tests need (the first time this takes about a minute) ..."
	@$(PIP) install -q --require-hashes --no-deps -r requirements/dev.lock
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@
