#!/usr/bin/env bash
# The benchmarks. Numbers of the last run are in docs/benchmarks.md.
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
echo "== many ends at once (drain), against the limits of the simulated AWS"
HALLPASS_BIN="$(realpath "${CARGO_TARGET_DIR:-target}/release/hallpass")" python3 bench/drain.py
