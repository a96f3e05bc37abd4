#!/usr/bin/env bash
# Runs the suite of our AWS client against moto, a second opinion on what AWS answers.
# usage: e2e/aws/moto.sh [PORT]
# The suite is built, unless $HALLPASS_AWS_SUITE names it.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${1:-4571}
region=eu-west-1

# What moto is known to answer differently; a line that is no longer true is noted.
# check  what moto does instead
known=$(grep -o '^[A-Z]-[0-9]*' <<'TABLE' | paste -sd,
C-04  has an instance in every Region
C-05  accepts any secret
A-01  is done at once
A-07  keeps the second row that the second create made
A-11  accepts any principal
A-12  accepts any permission set
M-03  makes a second membership
M-05  (follows from M-03: one of the two is left)
TABLE
)

if [[ -z ${HALLPASS_AWS_SUITE:-} ]]; then
  cargo build --quiet --package hallpass-aws --example suite
  HALLPASS_AWS_SUITE=${CARGO_TARGET_DIR:-target}/debug/examples/suite
fi
folder=$(mktemp -d)
mkfifo "$folder/stop"
python3 e2e/aws/moto_organization.py "$port" "$region" <"$folder/stop" >"$folder/out" 2>"$folder/err" &
exec 9>"$folder/stop"
trap 'exec 9>&-; wait; rm -rf "$folder"' EXIT
for _ in $(seq 300); do
  grep -q ready "$folder/out" && break
  kill -0 $! 2>/dev/null || { cat "$folder/err" >&2; exit 1; }
  sleep 0.2
done

"$HALLPASS_AWS_SUITE" \
  --endpoint "http://127.0.0.1:$port" --region "$region" \
  --access-key-id AKIA0000111122223333 --secret secret \
  --accounts-min 26 --users-min 120 --known "$known"
