#!/bin/sh
# Compiles a release twice, in two checkouts whose paths differ in name and in length, and compares what was made byte for byte: two
# hours on 2 cores. QUICK=1: not optimized, which finds paths, times and orders that get into programs in a quarter of that.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -n "${QUICK:-}" ]; then
    export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
fi
for name in first second-of-a-longer-name; do
    git clone --quiet "$root" "$work/$name"
    (unset RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS; export CARGO_TARGET_DIR="$work/$name/target"; make -C "$work/$name" release OUT="$work/made-$name")
    # room for the other
    rm -rf "$work/$name/target"
done
if diff -r "$work/made-first" "$work/made-second-of-a-longer-name"; then
    echo "reproducible: the same bytes twice"
    cat "$work/made-first/SHA256SUMS"
else
    echo "reproducible: what was made differs" >&2
    exit 1
fi
