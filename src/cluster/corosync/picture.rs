//! The whole picture: the node list, the membership, and the state of each link.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::map::{Map, unreadable};
use super::{ConfiguredLink, Picture, address, glance};
use crate::model::failure::Failure;
use crate::model::link::{FailedReload, LinkNumber, NodeId, Peer, PeerLink, Transport};
use crate::model::metrics::{Counter, Traffic};

/// The links that knet has to each node, where it was asked for all that it has.
type KnetLinks = BTreeMap<NodeId, BTreeSet<LinkNumber>>;

/// Reads all of it.
pub(super) fn picture(icmap: &Map, stats: &Map) -> Result<Picture, Failure> {
    // Before that which it tells the age of.
    let memberships = glance::memberships(stats)?;
    let failed_reload = failed_reload(icmap)?;
    let mut transport = transport(icmap)?;
    let mut list = node_list(icmap)?;
    let refused = failed_reload.as_ref().is_some_and(FailedReload::is_refused);
    let node = own_id(icmap, &mut list, refused)?;
    let positions = list.positions;
    // A refused reload has taken from the node list what the new one did not have
    // (`remove_deleted_entries` in Corosync's `cfg.c`), and knet goes on with it.
    let in_use = if refused && transport == Transport::Knet {
        knet_links(stats)?
    } else {
        KnetLinks::new()
    };
    let mut ids: BTreeSet<NodeId> = positions.keys().chain(in_use.keys()).copied().collect();
    if list.is_incomplete {
        ids.extend(members(icmap)?);
    }
    ids.remove(&node);
    let position = |id: NodeId| positions.get(&id).copied();
    let used: BTreeSet<LinkNumber> = in_use
        .iter()
        .filter(|(id, _)| **id != node)
        .flat_map(|(_, links)| links.iter().copied())
        .collect();
    let mut links = links(icmap, transport, (node, position(node)), &ids, &used, stats)?;
    let mut peers = BTreeMap::new();
    for id in ids {
        peers.insert(id, peer(icmap, stats, (id, position(id)), &links)?);
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
        name: name(icmap, (node, position(node)))?,
        transport,
        memberships,
        links,
        peers,
        failed_reload,
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

fn transport(icmap: &Map) -> Result<Transport, Failure> {
    let key = "totem.transport";
    match icmap.text(key)?.as_deref() {
        None | Some("knet") => Ok(Transport::Knet),
        Some("udpu") => Ok(Transport::Udpu),
        Some("udp") => Ok(Transport::Udp),
        Some(_) => Err(unreadable(key, "it is a transport unknown to ringcheck")),
    }
}

/// The last reload, if it failed. There is no status before the first one.
fn failed_reload(icmap: &Map) -> Result<Option<FailedReload>, Failure> {
    let Some(code) = icmap.signed_number("config.reload_status")? else {
        return Ok(None);
    };
    let message = icmap.text("config.reload_error_message")?;
    let reload = FailedReload { code, message };
    Ok(Some(reload).filter(|reload| reload.is_refused() || reload.message.is_some()))
}

/// The node list.
struct NodeList {
    /// The position of each node that has an id there, or one that can be told.
    positions: BTreeMap<NodeId, u32>,
    /// Whether there are nodes whose id Corosync has made of their address, and not put there: so
    /// it is with udp and udpu before 3.1.5.
    is_incomplete: bool,
}

fn node_list(icmap: &Map) -> Result<NodeList, Failure> {
    let mut list = NodeList {
        positions: BTreeMap::new(),
        is_incomplete: false,
    };
    for position in 0.. {
        let key = |what: &str| format!("nodelist.node.{position}.{what}");
        if let Some(id) = icmap.number(&key("nodeid"))? {
            list.positions.insert(NodeId(id), position);
        } else if let Some(address) = icmap.text(&key("ring0_addr"))? {
            list.is_incomplete = true;
            if let Ok(address) = address.parse::<Ipv4Addr>() {
                let id = generated_id(icmap, address)?;
                list.positions.insert(id, position);
            }
        } else {
            break;
        }
    }
    Ok(list)
}

/// The id that Corosync makes of an address (`generate_nodeid` in `totemconfig.c`).
fn generated_id(icmap: &Map, address: Ipv4Addr) -> Result<NodeId, Failure> {
    let clears = icmap.text("totem.clear_node_high_bit")?.as_deref() == Some("yes");
    let id = u32::from(address);
    Ok(NodeId(if clears { id & 0x7fff_ffff } else { id }))
}

/// This node's id, by its place in the node list. A refused reload takes the place from cmap until
/// the next good one; Corosync goes on with the node list that it has.
fn own_id(icmap: &Map, list: &mut NodeList, refused: bool) -> Result<NodeId, Failure> {
    let key = "nodelist.local_node_pos";
    let local = icmap.number(key)?;
    if let Some(local) = local
        && let Some((id, _)) = list.positions.iter().find(|(_, at)| **at == local)
    {
        return Ok(*id);
    }
    let id = address::own_id()?;
    match local {
        Some(local) if list.is_incomplete => {
            list.positions.insert(id, local);
            Ok(id)
        }
        Some(local) => {
            let key = format!("nodelist.node.{local}.nodeid");
            Err(unreadable(&key, "the node list is incomplete"))
        }
        None if list.positions.contains_key(&id) || refused => Ok(id),
        None => Err(unreadable(
            key,
            "this node is in no node list; check the nodelist of /etc/corosync/corosync.conf",
        )),
    }
}

/// The nodes that were seen as members.
fn members(icmap: &Map) -> Result<BTreeSet<NodeId>, Failure> {
    let keys = icmap.keys("runtime.members.")?;
    Ok(keys.iter().filter_map(|key| member(key)).collect())
}

/// `runtime.members.1.status` → 1.
fn member(key: &str) -> Option<NodeId> {
    let (id, rest) = key.strip_prefix("runtime.members.")?.split_once('.')?;
    (rest == "status").then(|| id.parse().ok().map(NodeId))?
}

/// All links that knet has, also those that are no longer in the configuration.
fn knet_links(stats: &Map) -> Result<KnetLinks, Failure> {
    let mut links = KnetLinks::new();
    for key in stats.keys("stats.knet.node")? {
        if let Some((id, number)) = knet_link(&key) {
            links.entry(id).or_default().insert(number);
        }
    }
    Ok(links)
}

/// `stats.knet.node1.link0.enabled` → 1 and 0.
fn knet_link(key: &str) -> Option<(NodeId, LinkNumber)> {
    let (id, rest) = key.strip_prefix("stats.knet.node")?.split_once(".link")?;
    let number = rest.strip_suffix(".enabled")?.parse().ok()?;
    Some((NodeId(id.parse().ok()?), LinkNumber(number)))
}

/// A node's name as Pacemaker has it, or its id in digits where it has none: its name in the
/// node list, or its first address there where that is a name (`pcmk__corosync_name` in
/// Pacemaker's `corosync.c`).
fn name(icmap: &Map, (id, position): (NodeId, Option<u32>)) -> Result<String, Failure> {
    let Some(position) = position else {
        return Ok(id.to_string());
    };
    let text = |what: &str| icmap.text(&format!("nodelist.node.{position}.{what}"));
    if let Some(name) = text("name")? {
        return Ok(name);
    }
    let first = text("ring0_addr")?.filter(|first| first.parse::<IpAddr>().is_err());
    Ok(first.unwrap_or_else(|| id.to_string()))
}

/// This node's links: those of its entry in the node list, and those that knet has `in_use`.
fn links(
    icmap: &Map,
    transport: Transport,
    (node, position): (NodeId, Option<u32>),
    peers: &BTreeSet<NodeId>,
    in_use: &BTreeSet<LinkNumber>,
    stats: &Map,
) -> Result<BTreeMap<LinkNumber, ConfiguredLink>, Failure> {
    let mut configured: BTreeMap<LinkNumber, Option<String>> =
        in_use.iter().map(|&number| (number, None)).collect();
    if let Some(position) = position {
        for number in LinkNumber::all() {
            let key = format!("nodelist.node.{position}.ring{number}_addr");
            if let Some(text) = icmap.text(&key)? {
                configured.insert(number, Some(text));
            }
        }
    } else if transport != Transport::Knet {
        // A refused reload has taken the entry away.
        configured.insert(LinkNumber(0), None);
    }
    let numbers: BTreeSet<LinkNumber> = configured.keys().copied().collect();
    let literal = |text: &Option<String>| text.as_ref()?.parse::<IpAddr>().ok();
    let literals: BTreeMap<LinkNumber, IpAddr> = configured
        .iter()
        .filter_map(|(&number, text)| Some((number, literal(text)?)))
        .collect();
    let told = || address::told(icmap, node, &numbers);
    let known: BTreeMap<LinkNumber, IpAddr> = if transport != Transport::Knet {
        // The node list may be newer than what runs.
        literals.into_iter().chain(told()?).collect()
    } else if literals.len() == numbers.len() {
        literals
    } else {
        let used = used_addresses(stats, peers, &numbers)?;
        told()?.into_iter().chain(used).chain(literals).collect()
    };
    let mut links = BTreeMap::new();
    for (number, text) in configured {
        let time = |what: &str| -> Result<Duration, Failure> {
            let key = format!("runtime.config.totem.interface.{number}.knet_ping_{what}");
            let milliseconds = icmap.number(&key)?.unwrap_or_default();
            Ok(Duration::from_millis(milliseconds.into()))
        };
        let ip = known.get(&number).copied();
        let Some(shown) = text.or_else(|| Some(ip?.to_string())) else {
            continue;
        };
        let link = ConfiguredLink {
            ip,
            configured: shown,
            ping_interval: time("interval")?,
            ping_timeout: time("timeout")?,
            rrp_faulty: None,
        };
        links.insert(number, link);
    }
    Ok(links)
}

/// The addresses that knet sends from on these links. Not every peer has each of them.
fn used_addresses(
    stats: &Map,
    peers: &BTreeSet<NodeId>,
    links: &BTreeSet<LinkNumber>,
) -> Result<BTreeMap<LinkNumber, IpAddr>, Failure> {
    let mut used = BTreeMap::new();
    for &peer in peers {
        let mut shared = BTreeSet::new();
        for &number in links {
            if glance::link(stats, peer, number)?.is_some() {
                shared.insert(number);
            }
        }
        if shared.iter().any(|number| !used.contains_key(number)) {
            used.extend(address::in_use(peer, &shared)?);
        }
    }
    Ok(used)
}

fn peer(
    icmap: &Map,
    stats: &Map,
    (id, position): (NodeId, Option<u32>),
    links: &BTreeMap<LinkNumber, ConfiguredLink>,
) -> Result<Peer, Failure> {
    let member = |key: &str| format!("runtime.members.{id}.{key}");
    let status = icmap.text(&member("status"))?;
    let join_count = icmap.number(&member("join_count"))?.unwrap_or_default();
    let mut peer = Peer {
        name: name(icmap, (id, position))?,
        joined: status.as_deref() == Some("joined"),
        join_count,
        links: BTreeMap::new(),
    };
    for &number in links.keys() {
        let Some(link) = glance::link(stats, id, number)? else {
            continue;
        };
        let key = |what: &str| format!("stats.knet.node{id}.link{number}.{what}");
        let (Some(latency), Some(mtu)) = (
            stats.number(&key("latency_ave"))?,
            stats.number(&key("mtu"))?,
        ) else {
            continue;
        };
        let count = |what: &str| stats.counter(&key(what)).map(Option::unwrap_or_default);
        let link = PeerLink {
            latency,
            mtu,
            pings: count("tx_ping_packets")?,
            pongs: count("rx_pong_packets")?,
            ..link
        };
        peer.links.insert(number, link);
    }
    Ok(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_members_and_links_are_read_and_no_others() {
        assert_eq!(
            member("runtime.members.4000000000.status"),
            Some(NodeId(4_000_000_000))
        );
        assert_eq!(member("runtime.members.1.join_count"), None);
        assert_eq!(member("runtime.members.x.status"), None);
        let link = Some((NodeId(65535), LinkNumber(7)));
        assert_eq!(knet_link("stats.knet.node65535.link7.enabled"), link);
        assert_eq!(knet_link("stats.knet.node1.link0.mtu"), None);
        assert_eq!(knet_link("stats.knet.handle.tx_crypt_packets"), None);
    }
}
