//! The whole picture: the node list, the membership, and the state of each link.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rust_corosync::{NodeId as CsNodeId, cfg};

use super::map::{Map, not_connected, unreadable};
use super::{ConfiguredLink, Picture, glance};
use crate::model::failure::Failure;
use crate::model::gather::Gather;
use crate::model::link::{LinkNumber, NodeId, Peer, PeerLink, Transport};
use crate::model::metrics::{Counter, Traffic};

/// Reads all of it.
pub(super) fn picture(icmap: &Map, stats: &Map) -> Result<Picture, Failure> {
    // Before that which it tells the age of.
    let memberships = glance::memberships(stats)?;
    let key = "nodelist.local_node_pos";
    let local = icmap.number(key)?.ok_or_else(|| {
        unreadable(
            key,
            "this node is in no node list; check the nodelist of /etc/corosync/corosync.conf",
        )
    })?;
    let mut transport = match icmap.text("totem.transport")?.as_deref() {
        None | Some("knet") => Transport::Knet,
        Some("udpu") => Transport::Udpu,
        Some("udp") => Transport::Udp,
        Some(_) => {
            return Err(unreadable(
                "totem.transport",
                "it is a transport unknown to ringcheck",
            ));
        }
    };
    let mut nodes = BTreeMap::new();
    for position in 0.. {
        match icmap.number(&format!("nodelist.node.{position}.nodeid"))? {
            Some(id) => nodes.insert(position, NodeId(id)),
            None => break,
        };
    }
    let node = nodes.remove(&local).ok_or_else(|| {
        unreadable(
            &format!("nodelist.node.{local}.nodeid"),
            "the node list is incomplete",
        )
    })?;
    let mut links = links(icmap, local, node, &nodes)?;
    let mut peers = BTreeMap::new();
    for (position, id) in nodes {
        peers.insert(id, peer(icmap, stats, position, id, &links)?);
    }
    if !peers.is_empty() && peers.values().all(|peer| peer.links.is_empty()) {
        for (number, link) in &mut links {
            let faulty = icmap.number(&format!("runtime.totem.pg.mrp.rrp.{number}.faulty"))?;
            link.rrp_faulty = faulty.map(|faulty| faulty != 0);
        }
        let rrp = links.values().any(|link| link.rrp_faulty.is_some());
        transport = match transport {
            Transport::Knet if !rrp => {
                return Err(unreadable("stats.knet", "it has no link of any peer"));
            }
            // Corosync 2 knows no knet: a missing transport is its own default.
            Transport::Knet => Transport::Udp,
            other => other,
        };
    }
    Ok(Picture {
        node,
        name: name(icmap, local, node)?,
        transport,
        memberships,
        links,
        peers,
        traffic: Traffic::new(),
    })
}

/// What knet counts on each link to each peer. A counter that this Corosync does not have is
/// left out.
pub(super) fn traffic(stats: &Map, peers: &BTreeMap<NodeId, Peer>) -> Result<Traffic, Failure> {
    let mut traffic = Traffic::new();
    for (&id, peer) in peers {
        for &number in peer.links.keys() {
            let counted = traffic.entry((id, number)).or_default();
            for counter in Counter::all() {
                let key = format!("stats.knet.node{id}.link{number}.{}", counter.key());
                counted.extend(stats.counter(&key)?.map(|value| (counter, value)));
            }
        }
    }
    Ok(traffic)
}

fn name(icmap: &Map, position: u32, id: NodeId) -> Result<String, Failure> {
    let key = format!("nodelist.node.{position}.name");
    Ok(icmap.text(&key)?.unwrap_or_else(|| id.to_string()))
}

fn links(
    icmap: &Map,
    position: u32,
    node: NodeId,
    peers: &BTreeMap<u32, NodeId>,
) -> Result<BTreeMap<LinkNumber, ConfiguredLink>, Failure> {
    let mut links = BTreeMap::new();
    for number in LinkNumber::all() {
        let Some(configured) =
            icmap.text(&format!("nodelist.node.{position}.ring{number}_addr"))?
        else {
            continue;
        };
        let time = |what: &str| -> Result<Duration, Failure> {
            let key = format!("runtime.config.totem.interface.{number}.knet_ping_{what}");
            let milliseconds = icmap.number(&key)?.unwrap_or_default();
            Ok(Duration::from_millis(milliseconds.into()))
        };
        let link = ConfiguredLink {
            ip: configured.parse().ok(),
            configured,
            ping_interval: time("interval")?,
            ping_timeout: time("timeout")?,
            rrp_faulty: None,
        };
        links.insert(number, link);
    }
    if links.values().any(|link| link.ip.is_none()) {
        let used = used_addresses(icmap, node, peers)?;
        for (number, link) in &mut links {
            link.ip = link.ip.or_else(|| used.get(number).copied());
        }
    }
    Ok(links)
}

fn peer(
    icmap: &Map,
    stats: &Map,
    position: u32,
    id: NodeId,
    links: &BTreeMap<LinkNumber, ConfiguredLink>,
) -> Result<Peer, Failure> {
    let member = |key: &str| format!("runtime.members.{id}.{key}");
    let status = icmap.text(&member("status"))?;
    let join_count = icmap.number(&member("join_count"))?.unwrap_or_default();
    let mut peer = Peer {
        name: name(icmap, position, id)?,
        joined: status.as_deref() == Some("joined"),
        join_count,
        links: BTreeMap::new(),
        pongs: 0,
    };
    for &number in links.keys() {
        let Some(link) = glance::link(stats, id, number)? else {
            continue;
        };
        let get = |what: &str| stats.number(&format!("stats.knet.node{id}.link{number}.{what}"));
        let (Some(latency), Some(mtu)) = (get("latency_ave")?, get("mtu")?) else {
            continue;
        };
        let link = PeerLink {
            latency,
            mtu,
            ..link
        };
        peer.links.insert(number, link);
    }
    if peer
        .links
        .values()
        .any(|link| link.enabled && !link.connected)
    {
        for number in peer.links.keys() {
            let key = format!("stats.knet.node{id}.link{number}.rx_pong_packets");
            let pongs = stats.counter(&key)?.unwrap_or_default();
            peer.pongs = peer.pongs.saturating_add(pongs);
        }
    }
    Ok(peer)
}

/// The local IP addresses that Corosync uses, where host names are configured: knet's own
/// word first, then what this node told the others when it joined, which knows nothing of
/// later changes but is all there is with udpu and without peers.
fn used_addresses(
    icmap: &Map,
    node: NodeId,
    peers: &BTreeMap<u32, NodeId>,
) -> Result<BTreeMap<LinkNumber, IpAddr>, Failure> {
    let key = format!("runtime.members.{node}.ip");
    let mut used = told_addresses(&icmap.text(&key)?.unwrap_or_default());
    let Some(&peer) = peers.values().next() else {
        return Ok(used);
    };
    let callbacks = cfg::Callbacks {
        corosync_cfg_shutdown_callback_fn: None,
    };
    let handle = cfg::initialize(&callbacks).map_err(not_connected)?;
    let status = cfg::node_status_get(&handle, CsNodeId::from(peer.0), cfg::NodeStatusVersion::V1);
    let links = status.map(|status| status.link_status).unwrap_or_default();
    for (number, link) in LinkNumber::all().zip(links) {
        if let (true, Ok(ip)) = (link.enabled, link.src_ipaddr.parse()) {
            used.insert(number, ip);
        }
    }
    Ok(used)
}

/// `r(0) ip(10.77.0.1) r(1) ip(10.77.1.1) ` → the addresses by link.
fn told_addresses(told: &str) -> BTreeMap<LinkNumber, IpAddr> {
    let words: Vec<&str> = told.split_ascii_whitespace().collect();
    let inside = |word: &str, name: &str| -> Option<String> {
        let rest = word.strip_prefix(name)?.strip_prefix('(')?;
        Some(rest.strip_suffix(')')?.to_owned())
    };
    let pair = |pair: &[&str]| -> Option<(LinkNumber, IpAddr)> {
        let [link, ip] = pair else { return None };
        let number = inside(link, "r")?.parse().ok()?;
        Some((LinkNumber(number), inside(ip, "ip")?.parse().ok()?))
    };
    words.chunks(2).filter_map(pair).gather()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_a_node_told_is_an_address_or_nothing(
            told in "(r\\([0-9]{0,3}\\)|ip\\([0-9a-f.:]{0,9}\\)|[rip() ]{0,6}|\\PC){0,8}"
        ) {
            told_addresses(&told);
        }
    }

    #[test]
    fn reads_what_a_node_told_of_its_addresses() {
        let told = told_addresses("r(0) ip(10.77.0.1) r(2) ip(fd77:2::1) ");
        let expected = [
            (LinkNumber(0), "10.77.0.1".parse().unwrap()),
            (LinkNumber(2), "fd77:2::1".parse().unwrap()),
        ];
        assert_eq!(told, BTreeMap::from(expected));
        assert!(told_addresses("r(0) ip() r(x) ip(1.2.3.4) nonsense").is_empty());
    }
}
