#!/bin/sh
# Installs what building and checking packages needs and the machine lacks, on Debian; on a
# system with rpm it says what is missing. And cargo's tools into target/tools. Silent when
# nothing is missing.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "setup: $*" >&2
    exit 1
}

command -v cargo > /dev/null || fail "there is no cargo: install Rust first"
if command -v apt-get > /dev/null; then
    sh tests/lab/setup.sh rpm lintian rpmlint mandoc fish zsh
elif command -v rpm > /dev/null; then
    missing=
    for package in gcc make rpm-build corosynclib-devel libqb-devel; do
        rpm --quiet -q "$package" || missing="$missing $package"
    done
    [ -z "$missing" ] || fail "missing:$missing; install them with \`dnf install$missing\`" \
        "(corosynclib-devel is in the High Availability repository, or CodeReady Builder)"
fi

PATH=$PWD/target/tools/bin:$PATH
mkdir -p target
for tool in cargo-generate-rpm@0.21.1 cargo-deny@0.20.2 cargo-cyclonedx@0.5.9; do
    if ! command -v "${tool%@*}" > /dev/null; then
        echo "setup: installing ${tool%@*} into target/tools (some minutes, only once)"
        cargo install "$tool" --locked --root target/tools > target/setup.log 2>&1 \
            || fail "cargo cannot install ${tool%@*}: see target/setup.log"
    fi
done
