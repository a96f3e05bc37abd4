#!/bin/sh
# Puts what the machines of a release made into one folder, with one file of sums: gather.sh FROM DIST
#   FROM  a folder with one folder of each machine, each with its SHA256SUMS
#   DIST  the folder to make; there is none yet
# What several machines make, as the chart, has to be the same bytes.
set -eu
from=${1:?name the folder with what the machines made} dist=${2:?name the folder to make}
from=$(cd "$from" && pwd)
refuse() {
    echo "gather: $*" >&2
    exit 1
}
[ ! -e "$dist" ] || refuse "$dist exists"
mkdir "$dist"
for machine in "$from"/*/; do
    [ -f "${machine}SHA256SUMS" ] || refuse "$machine has no SHA256SUMS"
    for file in "$machine"*; do
        name=${file##*/}
        case $name in SHA256SUMS*) continue ;; esac
        if [ ! -e "$dist/$name" ]; then
            cp -- "$file" "$dist/$name"
        elif ! cmp -s -- "$file" "$dist/$name"; then
            refuse "the machines made $name with other bytes"
        fi
    done
done
cd "$dist"
# what each machine summed up is what is published, and nothing else is
for sums in "$from"/*/SHA256SUMS; do
    sha256sum --check --strict --quiet "$sums" || refuse "$sums does not hold"
done
for name in *; do
    cat "$from"/*/SHA256SUMS | grep -qF "  $name" || refuse "no machine summed up $name"
done
sums=$(sha256sum -- *)
printf '%s\n' "$sums" > SHA256SUMS
