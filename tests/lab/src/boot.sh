# The node number $1, host name $2, of the lab whose control group is $3, with the
# /etc/hosts $4; runs in a mount namespace of its own below the holder's.
set -e
umask 022
here=/run/n$1
group=/sys/fs/cgroup/$3/n$1
echo $$ > "$group/cgroup.procs"
rm -rf "$here/work"
mkdir -p "$here/upper" "$here/work" "$here/root" "$group/machine"
mount -t overlay -o "lowerdir=/run/image/$1,upperdir=$here/upper,workdir=$here/work" lab "$here/root"
if [ ! -e "$here/booted" ]; then
    echo "$2" > "$here/root/etc/hostname"
    printf %s "$4" > "$here/root/etc/hosts"
    : > "$here/booted"
fi
status=133 # which nspawn exits with when the node reboots
while [ $status = 133 ]; do
    status=0
    sh -c 'echo $$ > "$0/cgroup.procs" && exec "$@"' "$group/machine" \
        env -i PATH="$PATH" systemd-nspawn --quiet --directory="$here/root" \
        --machine="n$1.$3" --hostname="$2" --register=no --keep-unit \
        --network-namespace-path="/run/netns/n$1" --capability=all --boot \
        --console=pipe --kill-signal=SIGRTMIN+3 \
        --resolv-conf=off --timezone=off --link-journal=no || status=$?
done
