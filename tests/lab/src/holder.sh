# The process that a lab hangs on, in a mount namespace of its own: its control group
# is $1, the lab's directory $2, and the rest the image of each node.  Says "ready", then
# sleeps until it is killed.
set -e
echo $$ > "$1/cgroup.procs"
# An image may lie in the host's /run, which is out of sight at the end.
mount -t tmpfs -o mode=755,size=75% lab "$2"
cd "$2"
shift 2
mkdir netns image
node=1
for image; do
    mkdir image/$node
    mount --bind "$image" image/$node
    node=$((node + 1))
done
mount --no-mtab --move . /run
# In systemd's hybrid layout something else is there.
[ -e /sys/fs/cgroup/cgroup.procs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd /
echo ready
exec sleep infinity > /dev/null 2>&1
