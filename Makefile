# `make help` lists the targets. Everything is made in .venv and libs/engine/target; state is in .trunkline (TRUNKLINE_STATE overrides).
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(or $(shell command -v python3.11),python3)
UV := uv==0.13.8
BIN := .venv/bin
PY := $(BIN)/python
STAMPS := .venv/.made
PURE_MEMBERS := libs/api libs/domain libs/eventlog libs/runtime $(wildcard services/*)
MEMBERS := $(PURE_MEMBERS) libs/engine
CARGO := cargo --config net.retry=5
ENGINE := libs/engine/Cargo.toml
RUST_SOURCES := $(shell find libs/engine/crates libs/engine/Cargo.toml libs/engine/pyproject.toml -name '*.rs' -o -name '*.toml' 2>/dev/null)
DEBIAN := sip-tester bind9 bind9-dnsutils valgrind kamailio kamailio-tls-modules baresip-core iproute2 chromium
UP_ARGS ?=
POPS ?=
SERVICES ?= home
LINKS ?=
WORKERS ?=
BENCH_ARGS ?=
PYTEST_ARGS ?=
TOGETHER := -n 2 --dist loadgroup
export TRUNKLINE_STATE
# Where it is set each process compiles all that it imports anew: more than half of the time in which a command or a service starts.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(STAMPS)/workspace $(STAMPS)/engine ## build and start the platform on this machine; Ctrl-C ends it (POPS=eu1,us1 SERVICES=all LINKS="us=40 apac=110" WORKERS=2 UP_ARGS="--loopback 127.7")
	@exec $(BIN)/trunkline up $(if $(POPS),--pops $(POPS)) --services $(SERVICES) $(foreach link,$(LINKS),--link $(link)) $(if $(WORKERS),--workers $(WORKERS)) $(UP_ARGS)

demo: $(STAMPS)/workspace ## on a running platform: a refused call, a changed ACL, an answered call, its record
	@exec $(BIN)/trunkline demo

clean-state: ## forget the platform's state (.trunkline)
	@state="$${TRUNKLINE_STATE:-.trunkline}"; \
	if [ -e "$$state/lock" ] && ! flock -n "$$state/lock" true; then \
	  echo "the platform runs in $$state (pid $$(cat "$$state/lock")): end it with Ctrl-C there first" >&2; exit 1; fi; \
	if [ -d "$$state" ] && [ ! -e "$$state/lock" ]; then \
	  echo "$$state has no file 'lock': it is no state of the platform, so nothing is removed" >&2; exit 1; fi; \
	rm -rf -- "$$state"

venv: $(STAMPS)/workspace $(STAMPS)/engine ## make the environment without starting anything

$(STAMPS)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: install python3.11 and its venv module (Debian: apt-get install python3 python3-venv)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1): Python 3.11 or newer is needed; name another with make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@[ -x $(PY) ] || $(PYTHON) -m venv .venv || { echo "the venv module of $(PYTHON) does not work (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@[ -x $(BIN)/uv ] || $(PY) -m pip install --quiet "$(UV)"
	@mkdir -p $(STAMPS) && touch $@

# uv is quick but reads no pip.conf: where the machine's index is configured there only, pip does it.
$(STAMPS)/requirements: $(STAMPS)/python requirements/dev.txt
	@echo "installing requirements/dev.txt"
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet -r requirements/dev.txt || $(PY) -m pip install --quiet -r requirements/dev.txt
	@touch $@

$(STAMPS)/workspace: $(STAMPS)/requirements $(addsuffix /pyproject.toml,$(PURE_MEMBERS))
	@echo "installing the workspace's members"
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet --offline --no-deps --no-build-isolation $(foreach member,$(PURE_MEMBERS),-e ./$(member))
	@touch $@

$(STAMPS)/engine: $(STAMPS)/requirements $(RUST_SOURCES)
	@command -v cargo >/dev/null || { echo "cargo is needed to build the SIP engine: install Rust 1.85 or newer (rustup, or Debian: apt-get install cargo)" >&2; exit 1; }
	@echo "building the engine (release)"
	@cd libs/engine && VIRTUAL_ENV=$(CURDIR)/.venv PATH="$(CURDIR)/$(BIN):$$PATH" $(CURDIR)/$(BIN)/maturin develop --release --skip-install --quiet 2>$(CURDIR)/$(STAMPS)/engine.log || { cat $(CURDIR)/$(STAMPS)/engine.log >&2; exit 1; }
	@printf '%s\n' '$(CURDIR)/libs/engine/python' > "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/trunkline-engine.pth"
	@$(PY) -c 'import trunkline.engine'
	@touch $@

debian: ## install what only the tests need (SIPp, BIND, dig), by apt-get
	@missing=(); for package in $(DEBIAN); do dpkg -s $$package >/dev/null 2>&1 || missing+=($$package); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	  if [ -n "$$sudo" ] && ! sudo -n true 2>/dev/null; then \
	    echo "the tests need these Debian packages: $${missing[*]}; install them as root: apt-get install -y --no-install-recommends $${missing[*]}" >&2; exit 1; fi; \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -q --no-install-recommends $${missing[*]} >/dev/null || { \
	    $$sudo apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -q --no-install-recommends $${missing[*]} >/dev/null; }; \
	fi

test: venv debian test-rust ## unit, contract, integration and end-to-end tests
	$(PY) -m pytest -q $(TOGETHER) -m "not slow" $(PYTEST_ARGS)

test-rust:
	timeout --kill-after=10s 900s $(CARGO) test --quiet --manifest-path $(ENGINE) --workspace --exclude trunkline-python

test-all: venv debian test-rust ## the tests of `make test` and the slow ones, with three times as many examples of each property
	$(PY) -m pytest -q $(TOGETHER) --hypothesis-profile=long $(PYTEST_ARGS)

bench: DEBIAN += kamailio-sqlite-modules kamailio-extra-modules stunnel4 openssl
bench: venv debian ## CPU per call and set-up delay beside Kamailio, propagation, replay (BENCH_ARGS="--only soak --minutes 10"; --help; docs/performance.md)
	$(PY) tests/bench/run.py $(BENCH_ARGS)

pgo: venv debian ## build the engine again for what it is used for, from calls through it; needs rustup's llvm-tools (docs/performance.md)
	tools/pgo.sh

chaos: venv debian ## NATS, edges, POPs, regions, carriers, links killed, cut off, drained under commands and calls; prints what is lost (docs/failover.md)
	PYTHONPATH=tests/chaos $(PY) -m pytest -q -s tests/chaos

fuzz: ## parser, core, token and framing under libFuzzer, ten minutes in all (FUZZ_SECONDS=600)
	tools/fuzz.sh

lint: venv ## formatting, lints, types, import rules, protos, crates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd protos && $(CURDIR)/$(BIN)/buf lint
	tools/protos.sh --check
	$(PY) tools/docs.py --check
	$(PY) tools/conformance.py
	$(PY) tools/k8s.py --check
	$(CARGO) fmt --manifest-path $(ENGINE) --all -- --check
	$(CARGO) clippy --quiet --manifest-path $(ENGINE) --workspace --all-targets -- -D warnings
	$(PY) tools/crate_order.py

fmt: venv ## format everything
	$(BIN)/ruff check --fix-only --quiet . || true
	$(BIN)/ruff format .
	$(CARGO) fmt --manifest-path $(ENGINE) --all

protos: venv ## generate libs/api from protos/
	tools/protos.sh

docs: venv ## generate the parts of docs/ that come from code
	$(PY) tools/docs.py

screenshots: venv debian ## pictures of the dashboard, into docs/screenshots
	$(PY) tools/screenshots.py

first-run: venv debian ## a new user's way from git clone to the first call in a browser, timed
	$(PY) tools/first_run.py

k8s: venv ## write settings, nats.conf and certificates of deploy/k8s from platform.toml
	$(PY) tools/k8s.py

.PHONY: help up demo clean-state venv debian test test-rust test-all bench pgo chaos fuzz lint fmt protos docs screenshots first-run k8s
