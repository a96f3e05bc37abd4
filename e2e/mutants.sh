#!/bin/sh
# Makes mutants of the engines, programs with one small change each, and sees whether the tests of the engine notice: another part of
# all there are each time, for so many minutes. SEED names the part. What was not noticed is listed, and fails nothing: some of them
# change nothing that anybody sees (docs/contributing/mutation-testing.md).
# usage: e2e/mutants.sh MINUTES
set -eu
cd "$(dirname "$0")/.."
parts=200
seed=${SEED:-$(date +%s)}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
minutes=$(($1 / 5 + 1))
for engine in rules access assignments iam audit; do
    # ended by the clock: what was tried until then counts
    CARGO_TARGET_DIR="$out/target" timeout --signal=INT "$((minutes * 60))" cargo mutants --package "hallpass-$engine" \
        --shard "$((seed % parts))/$parts" --sharding round-robin --test-tool nextest --no-shuffle --colors never \
        --output "$out/$engine" >"$out/$engine.said" 2>&1 || true
    found="$out/$engine/mutants.out"
    count() { [ -f "$found/$1.txt" ] && wc -l <"$found/$1.txt" || echo 0; }
    if [ ! -f "$found/outcomes.json" ]; then
        echo "$engine: no mutant was tried" >&2
        tail -n 5 "$out/$engine.said" >&2
        exit 1
    fi
    echo "$engine, part $((seed % parts)) of $parts: $(count caught) noticed, $(count missed) not, $(count unviable) do not compile, $(count timeout) did not end"
    [ ! -s "$found/missed.txt" ] || sed 's/^/  not noticed: /' "$found/missed.txt"
done
