#!/bin/sh
# Installs the rpm $1 into a root of its own, without its scripts and dependencies, and checks
# what it says of itself: files, scripts, dependencies. Erased, it leaves nothing.
set -eu
package=$(realpath "$1")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

fail() {
    echo "$package: $*" >&2
    exit 1
}

within() {
    rpm --root "$root" --dbpath /rpmdb "$@"
}

# Debian 12's rpm wants to be told that it is meant.
meant=
if rpm --force-debian --version > /dev/null 2>&1; then
    meant=--force-debian
fi

within --initdb
within $meant --install --nodeps --noscripts "$package"
within --verify --nodeps ringcheck || fail "what is installed is not what it lists"

# The Debian package has the same programs, units and settings.
for file in /usr/sbin/ringcheck /usr/lib/tmpfiles.d/ringcheck.conf \
    /usr/share/doc/ringcheck/examples/ringcheck.toml \
    /usr/share/licenses/ringcheck/LICENSE-MIT \
    $(cd systemd-timers && printf '/usr/lib/systemd/system/%s ' ./*) \
    $(cd alert-scripts && printf '/usr/share/ringcheck/alerts/%s ' ./*) \
    $(cd monitoring && printf '/usr/share/ringcheck/monitoring/%s ' ./*) \
    $(cd man && printf '/usr/share/man/man8/%s.gz ' ./*.8) \
    $(cd man && printf '/usr/share/man/man5/%s.gz ' ./*.5) \
    $(cd man/ja && printf '/usr/share/man/ja/man8/%s.gz ' ./*.8) \
    $(cd man/ja && printf '/usr/share/man/ja/man5/%s.gz ' ./*.5); do
    [ -f "$root$file" ] || fail "$file is missing"
done
"$root/usr/sbin/ringcheck" --version > /dev/null || fail "the program does not start"
for page in "$root"/usr/share/man/man*/*.gz "$root"/usr/share/man/ja/man*/*.gz; do
    gzip --test "$page" || fail "$page is no compressed page"
done

requires=$(rpm --query --package --requires "$package")
for needed in pacemaker pacemaker-cli systemd 'libcmap.so.4()(64bit)' 'libcfg.so.7()(64bit)'; do
    echo "$requires" | grep -q -x -F "$needed" || fail "it does not require $needed"
done
# What Corosync's libraries need is their own matter.
if echo "$requires" | grep -E '^lib(gcrypt|lzma|qb|systemd)'; then
    fail "it requires libraries that it does not use"
fi
for script in post preun postun; do
    sh -n "packaging/rpm/$script"
done
rpm --query --package --scripts "$package" | grep -q "type: ringcheck setup" \
    || fail "nothing says what to type next"

within $meant --erase --noscripts ringcheck
left=$(find "$root" -not -path '*/rpmdb/*' -not -type d)
[ -z "$left" ] || fail "erased, it leaves $left"
# cargo-generate-rpm gives a package no folders: the script removes them.
find "$root" -type d -path '*/ringcheck*' | while read -r folder; do
    grep -q -w -F "${folder#"$root"}" packaging/rpm/postun \
        || fail "erased, it leaves ${folder#"$root"}"
done
