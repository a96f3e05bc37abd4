#!/usr/bin/env bash
# The benchmarks. Numbers of the last run are in docs/operations/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "== decisions (rules)"
cargo bench --locked --package hallpass-rules --bench decide
echo "== policies (iam), beside another evaluator"
python3 bench/policies.py
echo "== the journey, our own share (simulation)"
cargo bench --locked --package hallpass-simulation --bench journey
echo "== the binary (start-up, memory, request to active)"
cargo build --locked --profile bench --package hallpass
python3 bench/measure.py "${CARGO_TARGET_DIR:-target}/release/hallpass"
echo "== a past of 100,000 grants: listings, searches, verification, room"
past="$(mktemp -d)"
trap 'rm -rf "$past"' EXIT
now="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
cargo run --locked --profile bench --package hallpass-simulation --example past "$past" 100000 1 "$now"
cargo run --locked --profile bench --package hallpass-simulation --example listings "$past" 100000 "$now"
HALLPASS_BIN="$(realpath "${CARGO_TARGET_DIR:-target}/release/hallpass")" python3 bench/past.py "$past"
echo "== many ends at once (drain), against the limits of the simulated AWS"
HALLPASS_BIN="$(realpath "${CARGO_TARGET_DIR:-target}/release/hallpass")" python3 bench/drain.py
echo "== what a server needs by the size of its organization"
HALLPASS_BIN="$(realpath "${CARGO_TARGET_DIR:-target}/release/hallpass")" python3 bench/sizing.py
echo "== one operation in 500 accounts and 20 Regions (each), against an endpoint that answers after 50 ms"
HALLPASS_BIN="$(realpath "${CARGO_TARGET_DIR:-target}/release/hallpass")" python3 bench/each.py
echo "== people who leave, by an event and without"
HALLPASS_BIN="$(realpath "${CARGO_TARGET_DIR:-target}/release/hallpass")" python3 bench/leavers.py
echo "== a storm of findings (events), beside one request each"
HALLPASS_BIN="$(realpath "${CARGO_TARGET_DIR:-target}/release/hallpass")" python3 bench/events.py
echo "== snapshots of a large organization: two queries over a million keys beside another engine, and paths"
cargo build --locked --profile bench --package hallpass-query
HALLPASS_BIN="$(realpath "${CARGO_TARGET_DIR:-target}/release/hallpass")" python3 bench/snapshots.py
echo "== logs of CloudTrail (pci), beside a parse of every record and a script"
cargo bench --locked --package hallpass-activity --bench read
python3 bench/pci.py "$(realpath "${CARGO_TARGET_DIR:-target}/release/hallpass")"
