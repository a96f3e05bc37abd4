# Names the common jobs; what needs logic is in xtask or in e2e/. `make` alone lists them.

# Build output is kept outside the checkout, so that a clone made anew at the same place builds quickly; nothing
# depends on its being there. One folder for each checkout: cargo takes what another one built for its own. The folders of
# checkouts that are gone are removed by `.ci/room`.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/hallpass/target-$(firstword $(shell printf %s '$(CURDIR)' | cksum))
BUILT := $(CARGO_TARGET_DIR)/debug
BINARY := $(BUILT)/hallpass
TEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo "nextest run" || echo "test")
# says when a phase begins, and what it took
PHASE := .ci/phase

.PHONY: help demo demo-ha build query release compile test unit e2e soak simulate pictures pins watch lint format clippy rules bench docs tools clean

help:
	@echo "make demo    run Hallpass over a simulated AWS organization; SCALE=large: 5,000 accounts, 20,000 people"
	@echo "make demo-ha two nodes over one PostgreSQL and one simulated organization; kill either"
	@echo "make query   hallpass-query beside it: snapshots, and SQL over them; minutes the first time"
	@echo "make test    all tests: unit, simulation, end to end"
	@echo "make soak    the same kinds of tests for hours: every stop, all seeds, attacks that go on; says what it ran"
	@echo "make simulate SEEDS=1..1001  lives with two nodes, a seed each; SEEDS=7 tells one; ARMED=1: with armed ends"
	@echo "make lint    format, clippy, house rules, licences"
	@echo "make bench   benchmarks; docs/operations/benchmarks.md says how to read them"
	@echo "make watch   what AWS changed since, and is not decided; before a release, needs the network"
	@echo "make release OUT=DIR  static programs: archive, Debian package, image, bill of materials, sums; KEY=FILE signs them"
	@echo "make docs    the documentation as a site (site/book/index.html), and of every crate"

tools:
	@sh e2e/tools.sh build
	@mkdir -p "$(CARGO_TARGET_DIR)" && echo '$(CURDIR)' >"$(CARGO_TARGET_DIR)/checkout"

# Whatever is compiled here says --workspace and then which part of it: so features are resolved once, and programs, tests
# and lints share what is compiled (`cargo xtask tidy` compares).
build: tools
	cargo build --locked --workspace --bin hallpass
	@ln -sfn $(BINARY) hallpass

# the companion of `hallpass query`; apart, since its engine takes minutes to build
query: build
	cargo build --locked --workspace --bin hallpass-query

# SCALE=large: 5,000 accounts and 20,000 people; DEMO: more arguments of `hallpass demo`
demo: build
	./hallpass demo $(if $(SCALE),--scale $(SCALE)) $(DEMO)

# a PostgreSQL of its own on loopback, gone with it
demo-ha: build
	@sh e2e/tools.sh database
	@python3 demo/two_nodes.py ./hallpass

test: unit e2e

# everything that tests run: their own programs, ours, and the client's suite; benchmarks, so that they go on compiling.
# TIMINGS=1: with cargo's account of it
compile: tools
	@$(PHASE) "compile everything" cargo test --locked --workspace --all-targets --no-run $(if $(TIMINGS),--timings)

unit: compile
	@sh e2e/tools.sh database
	@$(PHASE) "unit and simulation tests" env HALLPASS_EVERY_TEST=1 cargo $(TEST) --locked --workspace

e2e: compile
	@sh e2e/tools.sh test
	@cargo build --quiet --locked --workspace --bin xtask
	@PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" HALLPASS_BIN=$(BINARY) HALLPASS_AWS_SUITE=$(BUILT)/examples/suite $(PHASE) "end-to-end tests" bash e2e/run.sh

# what `make test` takes samples of, whole: each call of a journey stopped in each way, every seed, fuzz targets that search,
# attacks that go on, kills, mutants, a release that is compiled twice. SOAK=5: minutes for each of these (30 without it)
soak: compile
	@sh e2e/tools.sh test
	@$(PHASE) "every stop and all seeds, SEED=$${SEED:=$$(date +%s)}" env HALLPASS_SOAK=1 PROPTEST_RNG_SEED=$${SEED:=$$(date +%s)} PROPTEST_CASES=2000 \
	  cargo nextest run --locked --workspace --no-fail-fast --profile soak
	@$(PHASE) "fuzz targets search" env BOLERO_RANDOM_TEST_TIME_MS=$$(( $${SOAK:-30} * 60000 )) cargo nextest run --locked --workspace --no-fail-fast --profile soak -E 'test(fuzz)'
	@PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" HALLPASS_BIN=$(BINARY) ATTACK_SOAK_MINUTES=$${SOAK:-30} $(PHASE) "attacks that go on" bash e2e/run.sh attacks:connections attacks:employees attacks:all_at_once
	@PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" HALLPASS_BIN=$(BINARY) ORGANIZATIONS=200 $(PHASE) "access compared with AWS's listing" bash e2e/run.sh sweeps:generated
	@PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" HALLPASS_BIN=$(BINARY) $(PHASE) "pages in the other theme of each width" bash e2e/run.sh web:phone-light web:wide-dark
	@PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" HALLPASS_BIN=$(BINARY) $(PHASE) "a server killed again and again" python3 e2e/killed.py --seconds $$(( $${SOAK:-30} * 60 )) --kills $$(( $${SOAK:-30} * 10 )) --consistency hard
	@PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" HALLPASS_BIN=$(BINARY) $(PHASE) "a leader killed again and again" python3 e2e/killed.py --nodes 2 --seconds $$(( $${SOAK:-30} * 6 )) --kills $$(( $${SOAK:-30} * 6 ))
	@sh e2e/tools.sh mutants
	@PATH="$(HOME)/.cache/hallpass/mutants/bin:$$PATH" $(PHASE) "mutants of the engines" sh e2e/mutants.sh $${SOAK:-30}
	@$(PHASE) "a release, compiled twice" sh e2e/reproducible.sh

# lives with two nodes in one process; ALONE=1: with one; WITHOUT=fence, margin or last-look: with that left out
simulate:
	cargo build --quiet --locked --workspace --example simulate
	@$(BUILT)/examples/simulate $${SEEDS:-1..201} $(if $(ALONE),alone) $(if $(ARMED),armed) $(if $(WITHOUT),without-$(WITHOUT))

lint: format clippy rules

format: tools
	@$(PHASE) "format" cargo fmt --all --check

# `.ci/run` has the same lints from the build itself
clippy: tools
	@$(PHASE) "clippy" cargo clippy --locked --workspace --all-targets -- --deny warnings

rules: tools
	cargo build --locked --workspace --bin xtask
	@$(PHASE) "house rules" $(BUILT)/xtask tidy
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; \
	else echo "lint: cargo-deny is not installed; licences and bans were not checked" >&2; fi

# the documentation’s pictures, as the browser tests see the pages
pictures: build
	@sh e2e/tools.sh test
	cd e2e && PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" PICTURES=$(CURDIR)/docs/images HALLPASS_BIN=$(BINARY) python3 web.py journeys

# the Python packages of the end-to-end tests, pinned anew from e2e/requirements.in
pins:
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate \
	  --custom-compile-command "make pins" e2e/requirements.in -o e2e/requirements.txt

# what AWS's newest service models have that nobody decided, which tables are not the pinned ones, how old each fact is.
# Needs the network, and its answer changes when AWS does: no part of `make test`
watch: tools
	cargo build --locked --workspace --bin xtask
	@$(BUILT)/xtask aws-watch

bench: tools
	@sh e2e/tools.sh test
	PATH="$(HOME)/.cache/hallpass/venv/bin:$$PATH" bash bench/run.sh

# what people install; docs/contributing/releases.md
release: TARGET = $(shell uname -m)-unknown-linux-musl
release:
	@sh e2e/tools.sh release $(TARGET)
	cargo build --locked --workspace --bin xtask
	@PATH="$(HOME)/.cache/hallpass/across/bin:$$PATH" $(BUILT)/xtask release --target $(TARGET) --out $${OUT:?name an empty folder: OUT=DIR} $${KEY:+--key "$$KEY"}

docs: tools
	@sh e2e/tools.sh docs
	cargo xtask docs site
	"$(HOME)/.cache/hallpass/mdbook/bin/mdbook" build site
	cargo doc --locked --workspace --no-deps

clean:
	cargo clean
	rm -f hallpass
