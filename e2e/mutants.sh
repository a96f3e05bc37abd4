#!/bin/sh
# Makes mutants of the engines, programs with one small change each, and sees whether the tests of the engine notice: another part of
# all there are each time, for so many minutes. SEED names the part. What was not noticed is listed, and fails nothing: some of them
# change nothing that anybody sees (docs/contributing/mutation-testing.md).
# usage: e2e/mutants.sh MINUTES
set -eu
cd "$(dirname "$0")/.."
parts=200
part=$((${SEED:-$(date +%s)} % parts))
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# what the gate compiles by clippy is of no use here
unset RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS
# ended by the clock: what was tried until then counts
CARGO_TARGET_DIR="$out/target" timeout --signal=INT "$(($1 * 60))" cargo mutants --package hallpass-rules --package hallpass-access \
    --package hallpass-assignments --package hallpass-iam --package hallpass-audit --shard "$part/$parts" --sharding round-robin \
    --test-tool nextest --colors never --output "$out" >"$out/said" 2>&1 || true
found="$out/mutants.out"
count() { if [ -f "$found/$1.txt" ]; then wc -l <"$found/$1.txt"; else echo 0; fi; }
if [ "$(count caught)" = 0 ] && [ "$(count missed)" = 0 ]; then
    echo "mutants: none was tried" >&2
    tail -n 5 "$out/said" >&2
    exit 1
fi
echo "mutants, part $part of $parts: $(count caught) noticed, $(count missed) not, $(count unviable) do not compile, $(count timeout) did not end"
sed 's/^/  not noticed: /' "$found/missed.txt"
