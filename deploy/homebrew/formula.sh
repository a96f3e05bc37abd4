#!/bin/sh
# Prints the Homebrew formula of a release, for Linux: formula.sh DIST URL HOMEPAGE
#   DIST  a folder with the release of both processors; its SHA256SUMS are to be verified before
#   URL   where its archives can be fetched, without the last slash
set -eu
dist=${1:?name the folder of the release} url=${2:?name where its archives can be fetched} homepage=${3:?name the page of the project}

# the archive of a processor, and its sum; none or two are a mistake
archive() {
    awk -v processor="$1" '$2 ~ "^hallpass-[0-9][^/]*-" processor "-unknown-linux-musl[.]tar[.]gz$" { print; n++ } END { exit n != 1 }' "$dist/SHA256SUMS" || {
        echo "formula: SHA256SUMS names not one archive for $1" >&2
        exit 1
    }
}
intel=$(archive x86_64)
arm=$(archive aarch64)
version=${intel#*  hallpass-}
version=${version%-x86_64-*}
[ "${arm#*  }" = "hallpass-$version-aarch64-unknown-linux-musl.tar.gz" ] || {
    echo "formula: the archives are not of one version" >&2
    exit 1
}

cat <<EOF
class Hallpass < Formula
  desc "Just-in-time access to AWS accounts through IAM Identity Center"
  homepage "$homepage"
  version "$version"
  license "Apache-2.0"

  depends_on :linux

  on_intel do
    url "$url/${intel#*  }"
    sha256 "${intel%%  *}"
  end

  on_arm do
    url "$url/${arm#*  }"
    sha256 "${arm%%  *}"
  end

  def install
    bin.install "hallpass", "hallpass-query"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/hallpass.bash" => "hallpass"
    zsh_completion.install "completions/_hallpass"
    fish_completion.install "completions/hallpass.fish"
    doc.install "LICENSES.txt"
  end

  test do
    assert_match "hallpass #{version}", shell_output("#{bin}/hallpass --version")
  end
end
EOF
