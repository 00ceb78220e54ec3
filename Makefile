# `make help` lists the targets and the variables.

PYTHON ?= /usr/bin/python3
APXS ?= apxs
MPM ?= event
PORT ?=
SITE ?=
DESTDIR ?=

# cargo's build script and PyO3 must see the same Python; rustup's usual place counts even where PATH does not name it.
export PYTHON
export PYO3_PYTHON := $(PYTHON)
export PATH := $(PATH):$(HOME)/.cargo/bin
# Only an APXS that was asked for is passed on: the build finds the usual one by itself.
ifneq ($(origin APXS),file)
export APXS
endif

CARGO = cargo
MODULE = $(or $(CARGO_TARGET_DIR),target)/release/libmod_python_rs.so

.PHONY: help run test deny fuzz oracle soak bench count build install uninstall packages bench-packages count-packages cargo

help:
	@echo 'make run        build the module and serve the demo site until Ctrl-C'
	@echo '                  SITE=dir   serve that directory with the publisher instead'
	@echo '                  PORT=n     default: the first free port from 8080 up'
	@echo '                  MPM=name   prefork, worker or event (default: event)'
	@echo 'make test       run all tests'
	@echo 'make deny       check the licences and sources of all crates, and known advisories against them'
	@echo 'make fuzz       search any directories for any name, for FUZZ_SECONDS=n (default: 60)'
	@echo 'make oracle     compare what is served after random edits with what a fresh interpreter has'
	@echo '                  ORACLE_SEED=n, ORACLE_BATCHES=n, ORACLE_MODULES=n'
	@echo 'make soak       edit under load, for SOAK_SECONDS=n (default: 600)'
	@echo 'make bench      measure against a C handler, mod_python and mod_wsgi, and write docs/performance.md'
	@echo 'make count      count the instructions of a request under valgrind, over those of a C handler'
	@echo 'make build      build the module only'
	@echo 'make install    install the built module through apxs; on Debian, a2enmod python enables it'
	@echo 'make uninstall  undo that'
	@echo '                  DESTDIR=dir  for packagers: install below that directory'
	@echo
	@echo 'For all of them: PYTHON=/path/to/python3 (default: /usr/bin/python3), APXS=/path/to/apxs.'

run: build
	@$(PYTHON) -B scripts/run.py --module '$(MODULE)' --apxs '$(APXS)' --mpm '$(MPM)' \
		$(if $(PORT),--port '$(PORT)') $(if $(SITE),--site '$(SITE)')

# The first line is what the tests load: cargo does not build a cdylib for them.
test: packages cargo
	$(CARGO) build --locked
	$(CARGO) test --workspace --locked --no-fail-fast

deny: cargo
	@scripts/deny.sh

# What cargo-fuzz does, without its need for a nightly compiler: coverage alone, as the code that is fuzzed is safe Rust.
FUZZ_SECONDS ?= 60
COVERAGE = -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
	-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing

fuzz: cargo
	@cd crates/reload-core/fuzz && mkdir -p corpus/resolve artifacts/resolve
	cd crates/reload-core/fuzz && RUSTFLAGS='$(COVERAGE)' $(CARGO) run --release --locked --bin resolve \
		--target "$$(rustc -vV | sed -n 's/^host: //p')" -- \
		-max_total_time='$(FUZZ_SECONDS)' -max_len=96 -verbosity=0 -print_final_stats=1 \
		-artifact_prefix=artifacts/resolve/ corpus/resolve

# One after the other: a seed is to give the same run again.
oracle: build
	MOD_PYTHON_SO='$(abspath $(MODULE))' $(CARGO) test --locked --test oracle -- --ignored --nocapture --test-threads=1 long

soak: build
	MOD_PYTHON_SO='$(abspath $(MODULE))' $(CARGO) test --locked --test stability -- --ignored --nocapture soak::long

bench: bench-packages build
	$(PYTHON) -B benches/bench.py --module '$(MODULE)' --out docs/performance.md

count: count-packages build
	@$(PYTHON) -B benches/count.py --module '$(MODULE)'

build: packages cargo
	$(CARGO) build --release --locked

# Installing is often root's work, and root often has no cargo: what is built already is not built again.
install:
	@test -e '$(MODULE)' || $(MAKE) build
	@scripts/install.sh install '$(MODULE)' '$(APXS)' '$(DESTDIR)'

uninstall:
	@scripts/install.sh uninstall '$(MODULE)' '$(APXS)' '$(DESTDIR)'

packages:
	@scripts/packages.sh

bench-packages:
	@scripts/packages.sh wrk

count-packages:
	@scripts/packages.sh valgrind

cargo:
	@command -v cargo >/dev/null || { echo 'Rust 1.88 or later is needed; https://rustup.rs installs it.' >&2; exit 1; }
