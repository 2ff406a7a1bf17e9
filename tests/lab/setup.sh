#!/bin/sh
# Installs what building and testing need and the machine lacks: Debian packages, these
# besides, and cargo-deb into target/tools.  Silent when nothing is missing.
set -eu
cd "$(dirname "$0")/../.."

fail() {
    echo "setup: $*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "root is needed: run it with sudo, as in \`sudo make demo\`"
command -v apt-get > /dev/null || fail "this needs Debian 12 or newer; there is no apt-get here"
command -v cargo > /dev/null || fail "root finds no cargo: install Rust for root, or keep" \
    "your own on the way: \`sudo env PATH=\"\$PATH\" HOME=\"\$HOME\" make demo\`"

packages="gcc libc6-dev dpkg-dev pkg-config libcmap-dev libcfg-dev libcpg-dev libquorum-dev \
libvotequorum-dev libqb-dev debootstrap debian-archive-keyring systemd-container nftables \
iproute2 kmod mount util-linux shellcheck $*"
missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status} ' "$package" 2> /dev/null) || status=
    case $status in
        installed*) ;;
        *) missing="$missing $package" ;;
    esac
done

mkdir -p target
log=target/setup.log
if [ -n "$missing" ]; then
    echo "setup: installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    # An unreachable source of others must not stand in the way: installing will tell.
    apt-get -o DPkg::Lock::Timeout=300 update > "$log" 2>&1 || true
    # shellcheck disable=SC2086
    apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing \
        >> "$log" 2>&1 || fail "apt-get cannot install$missing: see $log"
fi

PATH=$PWD/target/tools/bin:$PATH
if ! command -v cargo-deb > /dev/null; then
    echo "setup: installing cargo-deb into target/tools (some minutes, only once)"
    cargo install cargo-deb --locked --version 3.8.0 --root target/tools > "$log" 2>&1 \
        || fail "cargo cannot install cargo-deb: see $log"
fi
