# Takes down the lab whose control group is $1 and whose folder is $2, whole, half
# made or left over.  All of a lab's processes are in the group; its mounts and
# networks are in their namespaces and go with them.
tries=200
while [ -d "$1" ]; do
    echo 1 2>/dev/null > "$1/cgroup.kill"
    find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
    [ -d "$1" ] || break
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "the processes in $1 do not end" >&2; exit 1; }
    sleep 0.05
done
rm -rf "$2"
