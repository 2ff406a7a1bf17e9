# The process that a lab hangs on, in a mount namespace of its own: its control group
# is $1, the nodes' image $2.  Says "ready", then sleeps until it is killed.
set -e
echo $$ > "$1/cgroup.procs"
cd "$2"
mount -t tmpfs -o mode=755,size=75% lab /run
mkdir /run/netns /run/image
mount --bind . /run/image
# In systemd's hybrid layout something else is there.
[ -e /sys/fs/cgroup/cgroup.procs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd /
echo ready
exec sleep infinity > /dev/null 2>&1
