#!/usr/bin/env bash
# Plays the end-to-end scripts against the binary in $HALLPASS_BIN, several at a time; builds nothing. Each has
# a folder and a range of ports of its own; what it says is printed when it has ended, with its minutes and the
# seconds of processor that it took.
# usage: e2e/run.sh [NAME…]    (all of them without a name; NAME:PART is one part of a script;
#        E2E_AT_ONCE=1: one after the other; E2E_FIRST_PORT=28000: a few of these beside a whole run; all ranges lie below those that the system hands out, which begin at 32768)
set -u
cd "$(dirname "$0")"
: "${HALLPASS_BIN:?set it to the hallpass executable to be tested}"
case $HALLPASS_BIN in /*) ;; *) HALLPASS_BIN=$OLDPWD/$HALLPASS_BIN ;; esac
export HALLPASS_BIN PYTHONDONTWRITEBYTECODE=1
# the longest first, so that the last to end does not run alone
all=(armed:ends armed:stopped least:chores web:wide-light vend_served:server standards:modes enrol:governed remediate sync policy_data armed:region armed:key armed:doctor armed:probe armed:standing armed:told armed:foreign people drain outage drift channels public_ips enrol:stacks api_properties attacks:clock persons vend access_code web:phone-dark killed chores attacks:guard attacks:connections attacks:employees web:journeys vend_served:factory findings insights shrink scale first_hour activity docs_pages each standards:command readiness sweeps sweeps:generated attacks:all_at_once mail paged demo enrol:older least:remediate attacks:directory sql slack enrol:told delegate pci suspended day_two on_call tickets witness referees:moto badinput alerts trails known endsessions payer standards:new who ha bad_days restored attacks:identity oidc policies using journey attacks:operator convert enrol:unit referees:boto3 hygiene decide cutoff confirmed stated vend_served:bucket referees:cli referees:portal audit referees:client readme referees:slack init units monitoring telemetry report demo_ha release tls cloudformation deploy_code:machine deploy_code:pods deploy_code:terraform deploy_code:helm team groups:server groups:nodes attributes moved database_tokens pipelines harness)
names=("$@")
[[ ${#names[@]} -gt 0 ]] || names=("${all[@]}")
# they wait more than they compute: a script takes a tenth to a third of a core
at_once=${E2E_AT_ONCE:-12}
folder=$(mktemp -d)
running=()
# ends what is under way, and nothing else
trap 'kill "${running[@]}" 2>/dev/null; wait; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 table="" failures=""

# begins a script in the background: name, number
begin() {
  local first=$((${E2E_FIRST_PORT:-10000} + $2 * 180)) command script=${1%%:*} part=()
  [[ $1 != *:* ]] || part=("${1#*:}")
  if [[ -f $script.py ]]; then command=(python3 "$script.py"); else command=(bash "$script.sh"); fi
  (
    export E2E_PORTS=$first-$((first + 179))
    SECONDS=0
    "${command[@]}" "${part[@]}" >"$folder/$1.said" 2>&1 &
    trap "kill $! 2>/dev/null" TERM
    wait $!
    echo "$? $SECONDS" >"$folder/$1.status"
    # of this shell: in a pipe it would say what the pipe took
    times >"$folder/$1.times"
    echo "$(<"$folder/$1.status") $(computed "$folder/$1.times")" >"$folder/$1.ended"
  ) &
  running+=($!)
}

# seconds of processor, from what `times` said
computed() {
  tail -n 1 "$1" | tr 'ms.' '   ' | awk '{ print int(60 * $1 + $2 + 60 * $4 + $5 + ($3 + $6) / 1000) }'
}

# counts a script that has ended, and shows what it said
count() {
  local status seconds used last minutes
  read -r status seconds used <"$folder/$1.ended"
  minutes=$(printf '%d:%02d' $((seconds / 60)) $((seconds % 60)))
  echo "== $1 ($minutes)"
  cat "$folder/$1.said"
  # said once more at the very end: whoever reads only that knows what to look for
  failures+=$(grep -E '^(FAIL|SKIPPED) ' "$folder/$1.said" | cut -c 1-300 | sed "s/^/$1: /")$'\n'
  last=$(tail -n 1 "$folder/$1.said")
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    # a script that ends badly with no failed check of its own is one
    [[ $status == 0 || ${BASH_REMATCH[2]} != 0 ]] || failed=$((failed + 1))
  else
    echo "FAIL $1 ended before its last check (exit $status)"
    failures+="$1: FAIL ended before its last check (exit $status)"$'\n'
    failed=$((failed + 1))
  fi
  table+=$(printf '%8s %5s s  %s' "$minutes" "$used" "$1")$'\n'
}

SECONDS=0 counted=()
for number in "${!names[@]}"; do
  while (($(jobs -rp | wc -l) >= at_once)); do wait -n; done
  for name in "${names[@]::number}"; do
    [[ " ${counted[*]-} " == *" $name "* || ! -f $folder/$name.ended ]] || { count "$name"; counted+=("$name"); }
  done
  begin "${names[number]}" "$number"
done
wait
for name in "${names[@]}"; do
  [[ " ${counted[*]-} " == *" $name "* ]] || count "$name"
done
running=()
echo "== minutes and seconds of processor of each script, $at_once at a time"
printf '%s' "$table"
printf '%8s          all\n' "$((SECONDS / 60)):$(printf '%02d' $((SECONDS % 60)))"
echo "== all"
printf '%s' "$failures" | grep . || true
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
