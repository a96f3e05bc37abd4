# Names the common jobs; what needs logic is in xtask or in e2e/. `make` alone lists them.

# Build output is kept outside the checkout, so that a clone made anew at the same place builds quickly; nothing
# depends on its being there. One folder for each checkout: cargo takes what another one built for its own.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/hallpass/target-$(firstword $(shell printf %s '$(CURDIR)' | cksum))
BINARY := $(CARGO_TARGET_DIR)/debug/hallpass
TEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo "nextest run" || echo "test")

.PHONY: help demo build query test unit e2e pictures pins lint bench docs tools clean

help:
	@echo "make demo    run Hallpass over a simulated AWS organization; SCALE=large: 5,000 accounts, 20,000 people"
	@echo "make query   hallpass-query beside it: snapshots, and SQL over them; minutes the first time"
	@echo "make test    all tests: unit, simulation, end to end"
	@echo "make lint    format, clippy, house rules, licences"
	@echo "make bench   benchmarks; docs/benchmarks.md says how to read them"
	@echo "make docs    the documentation as a site (site/index.html), and of every crate"

tools:
	@sh e2e/tools.sh build

build: tools
	cargo build --locked --package hallpass
	@ln -sfn $(BINARY) hallpass

# the companion of `hallpass query`; apart, since its engine takes minutes to build
query: build
	cargo build --locked --package hallpass-query

# SCALE=large: 5,000 accounts and 20,000 people; DEMO: more arguments of `hallpass demo`
demo: build
	./hallpass demo $(if $(SCALE),--scale $(SCALE)) $(DEMO)

test: unit e2e

# the companion by itself: among the others its engine would be compiled with other features, and once more for e2e
unit: tools
	cargo $(TEST) --locked --workspace --exclude hallpass-query
	cargo $(TEST) --locked --package hallpass-query

e2e: build query
	@sh e2e/tools.sh test
	cargo build --locked --package hallpass-aws --example suite
	PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" HALLPASS_BIN=$(BINARY) HALLPASS_AWS_SUITE=$(CARGO_TARGET_DIR)/debug/examples/suite bash e2e/run.sh

lint: tools
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	cargo xtask tidy
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; \
	else echo "lint: cargo-deny is not installed; licences and bans were not checked"; fi

# the guide's pictures, as the browser tests see the pages
pictures: build
	@sh e2e/tools.sh test
	cd e2e && PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" WEB_QUICK=1 PICTURES=$(CURDIR)/docs/guide/images HALLPASS_BIN=$(BINARY) python3 web.py

# the Python packages of the end-to-end tests, pinned anew from e2e/requirements.in
pins:
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate \
	  --custom-compile-command "make pins" e2e/requirements.in -o e2e/requirements.txt

bench: tools
	@sh e2e/tools.sh test
	PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" bash bench/run.sh

docs: tools
	cargo xtask docs site
	cargo doc --locked --workspace --no-deps

clean:
	cargo clean
	rm -f hallpass
