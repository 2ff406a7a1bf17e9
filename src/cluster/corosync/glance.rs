//! That all is well, by one connection, where the rest of the picture is known already.

use std::collections::BTreeMap;

use super::map::Map;
use super::{ConfiguredLink, Picture};
use crate::model::failure::Failure;
use crate::model::gather::Gather;
use crate::model::link::{LinkNumber, NodeId, PeerLink, Transport};
use crate::model::metrics::Traffic;
use crate::model::outline::{Outline, OutlinedLink};

/// Reads how the links to the joined peers are. Nothing where the membership is another one, or
/// where a link is not connected or not there: nobody is to be called bad by what was known
/// before, so then all of it must be read.
pub(super) fn glance(stats: &Map, known: &Outline) -> Result<Option<Picture>, Failure> {
    if memberships(stats)? != Some(known.memberships) {
        return Ok(None);
    }
    let mut peers = BTreeMap::new();
    for (&id, peer) in &known.peers {
        if !peer.joined {
            peers.insert(id, peer.unasked());
            continue;
        }
        let mut links = BTreeMap::new();
        for &number in &peer.links {
            match link(stats, id, number)? {
                Some(link) if link.enabled && link.connected => links.insert(number, link),
                _ => return Ok(None),
            };
        }
        peers.insert(id, peer.with(links));
    }
    let configured = |link: &OutlinedLink| ConfiguredLink {
        configured: link.address.clone(),
        ip: link.ip,
        ping_interval: link.ping_interval,
        ping_timeout: link.ping_timeout,
        rrp_faulty: None,
    };
    let links = known.links.iter();
    Ok(Some(Picture {
        node: known.node,
        name: known.name.clone(),
        transport: Transport::Knet,
        memberships: Some(known.memberships),
        links: links.map(|(&n, link)| (n, configured(link))).gather(),
        peers,
        failed_reload: None,
        traffic: Traffic::new(),
    }))
}

/// How often Corosync has entered a membership, if it counts that. It does so after it has told
/// `runtime.members` of it, and serves nobody in between (`memb_state_operational_enter` in
/// `totemsrp.c`).
pub(super) fn memberships(stats: &Map) -> Result<Option<u64>, Failure> {
    stats.counter("stats.srp.operational_entered")
}

/// The way to a peer over a link, but for its latency and MTU. A link that a reload takes away
/// while it is read counts as not there.
pub(super) fn link(
    stats: &Map,
    id: NodeId,
    number: LinkNumber,
) -> Result<Option<PeerLink>, Failure> {
    let get = |what: &str| stats.number(&format!("stats.knet.node{id}.link{number}.{what}"));
    let (Some(enabled), Some(connected), Some(down_count)) =
        (get("enabled")?, get("connected")?, get("down_count")?)
    else {
        return Ok(None);
    };
    Ok(Some(PeerLink {
        enabled: enabled != 0,
        connected: connected != 0,
        down_count,
        latency: 0,
        mtu: 0,
        pings: 0,
        pongs: 0,
    }))
}
