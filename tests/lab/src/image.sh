# Builds the nodes' root file system $1, renamed to $2 when it is done: Debian $3 from
# the mirror $4, with the sources.list $5, the apt configuration $6 and the password $7
# for hacluster.  Runs in mount and PID namespaces of its own.
set -eu
umask 022
export DEBIAN_FRONTEND=noninteractive
root=$1

# For a release younger than debootstrap itself there is no script: all are the same as sid's.
script=/usr/share/debootstrap/scripts/$3
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid

rm -rf "$root"
debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,iproute2,iputils-ping,iputils-arping,procps,less \
    "$3" "$root" "$4" "$script"

for file in /etc/hosts /etc/resolv.conf; do
    if [ -e $file ]; then cp $file "$root/etc/"; fi
done
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    mkdir -p "$root/etc/ssl/certs"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
printf %s "$5" > "$root/etc/apt/sources.list"
printf %s "$6" > "$root/etc/apt/apt.conf.d/99lab"
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
install_packages() {
    chroot "$root" apt-get update
    # libc6-dev is for the host: ringcheck's package is linked against the libc of the nodes.
    chroot "$root" apt-get install -y --no-install-recommends \
        corosync pacemaker pcs pacemaker-cli-utils pacemaker-resource-agents crmsh strace curl \
        rpm libc6-dev
}
if ! install_packages; then
    # Mirrors give up the updates of a release whose support has ended before its list of them:
    # the release as it was is still there.
    sed -i "/ $3 main\$/!d" "$root/etc/apt/sources.list"
    install_packages
fi
chroot "$root" apt-get clean
# To the host's linker an absolute link would be one to the host's own library.
chroot "$root" sh -c 'find /usr/lib* -maxdepth 2 -name "*.so*" -lname "/*" |
    while read -r link; do ln -sfnr "$(readlink "$link")" "$link"; done'
umount "$root/dev" "$root/proc"

# A freshly installed node: no cluster, no identity, nothing enabled but pcsd.
echo "hacluster:$7" | chroot "$root" chpasswd -c SHA512
rm -rf "$root/usr/sbin/policy-rc.d" "$root/etc/apt/apt.conf.d/99lab" \
    "$root/etc/corosync/corosync.conf" "$root/var/lib/dbus/machine-id" \
    "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/locale/*
for file in machine-id fstab resolv.conf apt/sources.list; do
    : > "$root/etc/$file"
done
chroot "$root" systemctl disable corosync pacemaker
chroot "$root" systemctl enable pcsd
chroot "$root" systemctl set-default multi-user.target
# What has no place in a container, or would make noise during a test.
for unit in logd.service e2scrub_reap.service e2scrub_all.timer apt-daily.timer \
    apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
    systemd-modules-load.service; do
    ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done
# They do not always end by themselves, and then a node that shuts down waits for them 90 s.
for unit in pcsd pcsd-ruby; do
    mkdir -p "$root/etc/systemd/system/$unit.service.d"
    printf '[Service]\nTimeoutStopSec=5s\n' > "$root/etc/systemd/system/$unit.service.d/lab.conf"
done
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\nSystemMaxUse=100M\n' \
    > "$root/etc/systemd/journald.conf.d/lab.conf"

mv "$root" "$2"
