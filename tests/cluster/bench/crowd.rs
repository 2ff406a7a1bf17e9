//! Many joined peers for one real node: a bare corosync each, in namespaces of its own within the
//! node, all on one bridge. Its sockets are in its network namespace; it finds itself in the node
//! list by its host name; and ringcheck takes no daemon of another pid namespace for its own.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Node, wait_until};

/// How many are started at a time: some dozens at once do not agree on a membership for minutes.
const AT_ONCE: usize = 6;

/// How long they may take to agree.
const LIMIT: Duration = Duration::from_secs(120);

const CONF: &str = "/etc/corosync/corosync.conf";

/// Where the node's own configuration waits meanwhile.
const KEPT: &str = "/etc/corosync/corosync.conf.kept";

/// Makes bridge, cables and addresses of up to so many nodes and links. Who has which address is
/// told them: for ARP they would need more entries than the kernel keeps (`gc_thresh3`).
pub fn wire(node: &Node, nodes: usize, links: usize) -> Result<()> {
    node.sh(&format!(
        "set -e
        cp {CONF} {KEPT}
        mac() {{ echo 02:00:00:00:00:$(($1 / 10))$(($1 % 10)); }}
        # Addresses and neighbours of node $1 on its interface $2.
        addresses() {{
            for link in $(seq 0 {last}); do
                echo address add 10.78.$link.$1/24 dev $2
                for n in $(seq 1 {nodes}); do
                    [ $n = $1 ] || echo neighbour replace 10.78.$link.$n nud permanent \
                        lladdr 02:00:00:00:00:$((n / 10))$((n % 10)) dev $2
                done
            done
        }}
        ip link add crowd address $(mac 1) type bridge forward_delay 0 stp_state 0 mcast_snooping 0
        ip link set crowd up
        addresses 1 crowd | ip -batch -
        for n in $(seq 2 {nodes}); do
            ip netns add crowd$n
            ip link add crowd$n type veth peer name eth0 address $(mac $n) netns crowd$n
            ip link set crowd$n master crowd up
            ip -n crowd$n link set lo up
            ip -n crowd$n link set eth0 up
            addresses $n eth0 | ip -n crowd$n -batch -
        done",
        last = links - 1
    ))
    .map(drop)
}

/// Makes it a cluster of so many nodes and links, Pacemaker on the first one only, and waits
/// until all have joined.
pub fn gather(node: &Node, nodes: usize, links: usize) -> Result<()> {
    leave(node)?;
    node.write(CONF, conf(nodes, links))?;
    node.run(&["systemctl", "start", "corosync", "pacemaker"])?;
    let mut last = 1;
    while last < nodes {
        let first = last + 1;
        last = nodes.min(last + AT_ONCE);
        admit(node, first, last)?;
        wait_until(&format!("{last} nodes to join"), LIMIT, || {
            let joined = count(node, "runtime.members", "status .* joined$")?;
            ensure!(joined == last, "{joined} have");
            // The node has a link to itself, too.
            let (wanted, connected) = ((last - 1) * links + 1, "connected .* = 1$");
            let connected = count(node, "-m stats stats.knet", connected)?;
            ensure!(
                connected == wanted,
                "{connected} of {wanted} links are connected"
            );
            Ok(Some(()))
        })?;
    }
    wait_until("Pacemaker to have a DC", LIMIT, || {
        let dc = node.run(&["crmadmin", "--dc_lookup", "--quiet"])?;
        Ok(dc.contains(node.name()).then_some(()))
    })
}

/// Starts the corosyncs of these nodes.
fn admit(node: &Node, first: usize, last: usize) -> Result<()> {
    node.sh(&format!(
        "set -e
        for n in $(seq {first} {last}); do
            systemd-run --quiet --collect --unit=crowd$n --slice=crowd.slice \
                --property=NetworkNamespacePath=/run/netns/crowd$n \
                --property='TemporaryFileSystem=/run /var/lib/corosync /dev/shm' \
                unshare --uts --pid --fork --kill-child --mount-proc \
                sh -c \"hostname n$n && exec corosync -f\"
        done"
    ))
    .map(drop)
}

/// How many keys of cmap are so.
fn count(node: &Node, keys: &str, so: &str) -> Result<usize> {
    let script = format!("corosync-cmapctl {keys} | grep -c '{so}'");
    Ok(node.sh(&script)?.trim().parse()?)
}

/// Ends all of them.
fn leave(node: &Node) -> Result<()> {
    node.sh("systemctl stop crowd.slice 'crowd*.service'; systemctl stop pacemaker corosync")
        .map(drop)
}

/// Leaves the node as it was.
pub fn disperse(node: &Node, nodes: usize) -> Result<()> {
    leave(node)?;
    node.sh(&format!(
        "set -e
        for n in $(seq 2 {nodes}); do ip link delete crowd$n; ip netns delete crowd$n; done
        ip link delete crowd
        mv {KEPT} {CONF}
        systemctl start corosync pacemaker"
    ))
    .map(drop)
}

/// With the usual coefficient (650 ms for each node) some dozens take minutes to find each other.
fn conf(nodes: usize, links: usize) -> String {
    let mut list = String::new();
    for n in 1..=nodes {
        list += &format!("    node {{\n        name: n{n}\n        nodeid: {n}\n");
        for link in 0..links {
            list += &format!("        ring{link}_addr: 10.78.{link}.{n}\n");
        }
        list += "    }\n";
    }
    format!(
        "totem {{\n    version: 2\n    cluster_name: crowd\n    transport: knet\n    \
         crypto_cipher: none\n    crypto_hash: none\n    token_coefficient: 100\n}}\n\
         nodelist {{\n{list}}}\n\
         quorum {{\n    provider: corosync_votequorum\n}}\n\
         logging {{\n    to_logfile: no\n    to_syslog: yes\n}}\n"
    )
}
