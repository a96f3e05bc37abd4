#!/usr/bin/env bash
# Plays the end-to-end scripts against the binary in $HALLPASS_BIN; builds nothing.
# usage: e2e/run.sh [NAME…]    (journey killed decide audit badinput hygiene web channels mail slack oidc policies outage cutoff endsessions referees; all without a name)
set -u
cd "$(dirname "$0")"
: "${HALLPASS_BIN:?set it to the hallpass executable to be tested}"
case $HALLPASS_BIN in /*) ;; *) HALLPASS_BIN=$OLDPWD/$HALLPASS_BIN ;; esac
export HALLPASS_BIN PYTHONDONTWRITEBYTECODE=1
names=("$@")
[[ ${#names[@]} -gt 0 ]] || names=(decide journey audit badinput hygiene web channels mail slack oidc policies outage cutoff endsessions killed referees)
passed=0 failed=0
for name in "${names[@]}"; do
  echo "== $name"
  if [[ -f $name.py ]]; then command=(python3 "$name.py"); else command=(bash "$name.sh"); fi
  "${command[@]}" 2>&1 | tee >(tail -n 1 >"${TMPDIR:-/tmp}/e2e-last.$$")
  status=${PIPESTATUS[0]}
  wait
  last=$(cat "${TMPDIR:-/tmp}/e2e-last.$$")
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    # a script that ends badly with no failed check of its own is one
    [[ $status == 0 || ${BASH_REMATCH[2]} != 0 ]] || failed=$((failed + 1))
  else
    echo "FAIL $name ended before its last check (exit $status)"
    failed=$((failed + 1))
  fi
done
rm -f "${TMPDIR:-/tmp}/e2e-last.$$"
echo "== all"
echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
