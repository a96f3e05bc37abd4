#!/bin/bash
# Keeps this machine as its bucket says. `keep`: package, configuration, rules and secrets, at the start and every minute or two;
# `sync`: folders, every 30 s. What does not check is not installed, and what runs goes on.
set -euo pipefail
umask 077
etc=${HALLPASS_ETC:-/etc/hallpass}
# BUCKET, REGION and UNIT, and TIMER where there is one
# shellcheck source=/dev/null
. "${HALLPASS_SETTINGS:-/etc/default/hallpass-machine}"
export AWS_DEFAULT_REGION=$REGION AWS_PAGER=

said() { sed -n "s/^$1 //p" "$2/machine"; }
# with one newline at its end, however it was put there: a key is compared with the file that it was
secret() {
  local it
  it=$(aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text)
  printf '%s\n' "$it"
}

# the address of the database, with what Secrets Manager has: name, host, database
address() {
  python3 -c '
import json, sys, urllib.parse
it = json.load(sys.stdin)
user, password = (urllib.parse.quote(it[key], safe="") for key in ("username", "password"))
print(f"postgres://{user}:{password}@{sys.argv[1]}/{sys.argv[2]}?sslrootcert=/etc/hallpass/db-ca.pem", end="")' "$@"
}

# puts a file in place of another, at once: mode, owner, from, to; says whether it is another
put() {
  ! cmp -s "$3" "$4" || return 1
  install -m "$1" "$3" "$4.new"
  chown "$2" "$4.new"
  mv "$4.new" "$4"
  echo "hallpass-machine: $4 is new" >&2
}

# an earlier release refuses a database that a later one migrated: only an operator knows that a backup was restored
refuse_earlier() {
  local version installed
  version=$(dpkg-deb --field "$new/hallpass.deb" Version)
  installed=$(dpkg --status hallpass 2>/dev/null | sed -n 's/^Version: //p' || true)
  [ -n "$installed" ] && dpkg --compare-versions "$version" lt "$installed" || return 0
  [ "$sum" != "$(cat "$etc/downgrade-to" 2>/dev/null || true)" ] || return 0
  echo "hallpass-machine: $(said package "$new") is release $version, earlier than $installed, which is installed and stays: an earlier release does not take its database." \
    "To go back, restore a backup first (docs/operations/upgrade.md, Roll back), then: echo $sum > $etc/downgrade-to" >&2
  return 1
}

# another package than the one that is installed: fetched and unpacked beside, so that its own program judges the configuration
fetch_package() {
  sum=$(said package_sum "$new")
  [ "$sum" != "$(cat "$etc/package-sum" 2>/dev/null || true)" ] || return 0
  aws s3 cp --quiet "$(said package "$new")" "$new/hallpass.deb"
  echo "$sum  $new/hallpass.deb" | sha256sum --check --strict --quiet
  # the installed program goes on, with what else is new
  refuse_earlier || { rm "$new/hallpass.deb"; status=1; return 0; }
  dpkg-deb --extract "$new/hallpass.deb" "$new/package"
  program=$new/package/usr/bin/hallpass
}

install_package() {
  [ -e "$new/hallpass.deb" ] || return 0
  # a run that was stopped from here on is followed by one that restarts
  touch "$etc/restart-due"
  # an earlier release comes here by the operator's word alone; what runs is restarted when it finds its files, and not before by
  # the script of a package that knows nothing of that
  HALLPASS_RESTART=later SYSTEMD_OFFLINE=1 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --allow-downgrades -o Dpkg::Options::=--force-confold "$new/hallpass.deb"
  # on a new machine: whoever switches it off later means it
  [ -z "${TIMER-}" ] || [ -e "$etc/package-sum" ] || systemctl enable --quiet --now "$TIMER" || echo "hallpass-machine: $TIMER is not switched on" >&2
  echo "$sum" > "$etc/package-sum"
  rm -f "$etc/downgrade-to"
}

keep() {
  local name arn host database status=0 sum program=hallpass
  new=$(mktemp -d "$etc/.new-XXXXXX")
  trap 'rm -rf "$new"' EXIT
  mkdir "$new/secrets"
  aws s3 cp --quiet --recursive "s3://$BUCKET/" "$new"
  fetch_package
  while read -r name arn; do secret "$arn" > "$new/secrets/$name"; done < <(said secret "$new")
  arn=$(said signing_key "$new")
  [ -z "$arn" ] || secret "$arn" > "$new/hallpass.key"
  read -r arn host database < <(said database "$new") || true
  if [ -n "$arn" ]; then
    secret "$arn" | address "$host" "$database" > "$new/secrets/store-url"
    # the roots of certificates of RDS, once a day
    [ -n "$(find "$etc/db-ca.pem" -mtime -1 2>/dev/null)" ] || curl -sSf -o "$new/db-ca.pem" "https://truststore.pki.rds.amazonaws.com/$REGION/$REGION-bundle.pem"
  fi

  # the program itself says whether it takes this: as its service will see it, but with secrets that are not yet in their place
  cp "$new/hallpass.toml" "$new/as-written.toml"
  sed -i "s#/run/credentials/$UNIT/secret_#$new/secrets/#g" "$new/hallpass.toml"
  "$program" server doctor --check-configuration --for "$(case $UNIT in *guard*) echo guard ;; *) echo server ;; esac)" --config "$new/hallpass.toml"
  mv "$new/as-written.toml" "$new/hallpass.toml"
  [ ! -e "$new/rules.toml" ] || "$program" rules check "$new/rules.toml" > /dev/null

  install_package

  mkdir -p "$etc/secrets"
  for name in "$new"/secrets/*; do
    [ ! -e "$name" ] || ! put 600 root: "$name" "$etc/secrets/${name##*/}" || touch "$etc/restart-due"
  done
  for name in "$etc"/secrets/*; do
    [ ! -e "$name" ] || [ -e "$new/secrets/${name##*/}" ] || { rm "$name"; touch "$etc/restart-due"; }
  done
  [ ! -e "$new/hallpass.key" ] || ! put 640 root:hallpass "$new/hallpass.key" "$etc/hallpass.key" || touch "$etc/restart-due"
  if [ -e "$new/db-ca.pem" ]; then
    ! put 644 root: "$new/db-ca.pem" "$etc/db-ca.pem" || touch "$etc/restart-due"
    touch "$etc/db-ca.pem"
  fi
  # a server reads other files again by itself
  for name in $(said file "$new"); do
    put 644 root: "$new/$name" "$etc/$name" || continue
    [ "$name" != hallpass.toml ] || touch "$etc/restart-due"
  done
  put 644 root: "$new/machine" "$etc/machine" || true
  [ -e "$etc/restart-due" ] || return "$status"
  systemctl daemon-reload
  systemctl enable --quiet "$UNIT"
  # once, whatever comes of it: a server that waits for its database is not helped by being stopped every minute
  systemctl restart "$UNIT" || status=$?
  rm -f "$etc/restart-due"
  return "$status"
}

# as the user whose folders they are: root would follow a link that it put there
as_service() { env HOME=/var/lib/hallpass setpriv --reuid hallpass --regid hallpass --clear-groups -- "$@"; }

sync() {
  local way folder place
  [ -e "$etc/machine" ] || return 0
  while read -r way folder place; do
    case $way in
      push) [ ! -d "$folder" ] || as_service aws s3 sync --quiet --exclude '*.lock' "$folder" "$place" ;;
      pull)
        as_service mkdir -p "$folder"
        # or what has the same size, such as the status of a guard, would not be fetched again
        as_service aws s3 sync --quiet --exact-timestamps "$place" "$folder"
        ;;
    esac
  done < "$etc/machine"
}

case ${1-} in
  keep | sync) "$1" ;;
  *) echo 'usage: hallpass-machine keep|sync' >&2; exit 2 ;;
esac
