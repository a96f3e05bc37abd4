#!/usr/bin/env bash
# Lets others judge: boto3 and the aws CLI judge our simulated AWS, the Python SDK of Slack our
# simulated Slack; our AWS client is judged against the simulator and against moto. Builds nothing:
# the binary is $HALLPASS_BIN, the client's suite (cargo example `suite` of hallpass-aws) is
# $HALLPASS_AWS_SUITE; without that one its two parts are left out.
# usage: e2e/referees.sh [boto3|cli|portal|slack|client|moto…]    (all of them without a name)
set -u
cd "$(dirname "$0")"
: "${HALLPASS_BIN:?set it to the hallpass executable to be tested}"
# nothing of whoever runs this: their profiles would change what is asked, and where
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN
folder=$(mktemp -d)
passed=0 failed=0 ours=()
trap 'for process in "${ours[@]}"; do kill "$process" 2>/dev/null; done; wait; rm -rf "$folder"' EXIT

free_port() { python3 -c 'from stage import free_port; print(free_port())'; }

# a fresh simulator; sets endpoint
simulate() {
  local port
  port=$(free_port)
  "$HALLPASS_BIN" sim --listen "127.0.0.1:$port" "$@" >"$folder/sim.$port" 2>&1 &
  ours+=($!)
  endpoint=http://127.0.0.1:$port
  for _ in $(seq 1000); do
    curl -sf "$endpoint/_sim/healthz" >/dev/null && return
    sleep 0.1
  done
  cat "$folder/sim.$port" >&2
  exit 1
}

# name, command: counts its last line, shows what failed
referee() {
  local name=$1 last status
  shift
  "$@" >"$folder/said" 2>&1
  status=$?
  last=$(grep -Eo '[0-9]+ (passed|ok|checks?)[^0-9]+([0-9]+ [a-z]+[^0-9]*)*[0-9]+ failed' "$folder/said" | tail -n 1)
  local good bad
  good=$(grep -Eo '^[0-9]+' <<<"$last")
  bad=$(grep -Eo '[0-9]+ failed' <<<"$last" | grep -Eo '^[0-9]+')
  if [[ -z $last || ($status != 0 && $bad == 0) ]]; then
    bad=$((${bad:-0} + 1))
    echo "FAIL $name ended with exit $status"
    tail -n 5 "$folder/said"
  fi
  grep -E '^(FAIL|!)| ! FAILED' "$folder/said"
  passed=$((passed + ${good:-0}))
  failed=$((failed + ${bad:-0}))
  echo "     $name: ${good:-0} passed, ${bad:-0} failed"
}

judge_boto3() {
  simulate
  referee "boto3" python3 sim/conformance.py --endpoint "$endpoint" --command "$HALLPASS_BIN sim"
}

judge_cli() {
  simulate
  referee "aws CLI" bash sim/cli.sh "$endpoint"
}

judge_portal() {
  simulate
  referee "access portal" python3 sim/portal.py --endpoint "$endpoint"
}

judge_slack() {
  simulate
  referee "Slack's SDK" python3 sim/slack.py --endpoint "$endpoint"
}

judge_client() {
  [[ -n ${HALLPASS_AWS_SUITE:-} ]] || {
    echo "     HALLPASS_AWS_SUITE is not set: the client's suite is left out"
    return
  }
  simulate --accounts 30 --users 120 --speed fast
  local keys region
  keys=$(curl -sf "$endpoint/_sim/credentials?account=$(curl -sf "$endpoint/_sim/state" | python3 -c 'import json, sys; print(json.load(sys.stdin)["organization"]["management_account"])')")
  region=$(curl -sf "$endpoint/_sim/state" | python3 -c 'import json, sys; print(json.load(sys.stdin)["identity_center"]["home_region"])')
  field() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$keys" "$1"; }
  referee "our client, our simulator" "$HALLPASS_AWS_SUITE" --endpoint "$endpoint" --region "$region" \
    --access-key-id "$(field access_key_id)" --secret "$(field secret_access_key)"
}

judge_moto() {
  [[ -n ${HALLPASS_AWS_SUITE:-} ]] || return
  if python3 -c 'import moto' 2>/dev/null; then
    referee "our client, moto" bash aws/moto.sh "$(free_port)"
  else
    echo "     moto is not installed: left out"
  fi
}

all=(boto3 cli portal slack client moto)
named=("$@")
[[ ${#named[@]} -gt 0 ]] || named=("${all[@]}")
for name in "${named[@]}"; do
  [[ " ${all[*]} " == *" $name "* ]] || {
    echo "no referee $name: there are ${all[*]}" >&2
    exit 2
  }
  "judge_$name"
done
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
