//! The IP addresses that Corosync uses for this node's links, where host names are configured or
//! the configuration may be another one than the one in use.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rust_corosync::cfg::{self, LinkStatus};
use rust_corosync::{CsError, NodeId as CsNodeId};

use super::map::{Map, not_connected};
use crate::model::failure::Failure;
use crate::model::gather::Gather;
use crate::model::link::{LinkNumber, NodeId};

/// The addresses that knet sends from to one peer, by the links that it has to that peer.
///
/// None where Corosync does not tell: `corosync_cfg_node_status_get` came with Corosync 3.1.1.
///
/// # Errors
/// When corosync does not take the connection.
pub(super) fn in_use(
    peer: NodeId,
    links: &BTreeSet<LinkNumber>,
) -> Result<BTreeMap<LinkNumber, IpAddr>, Failure> {
    let handle = connect()?;
    let status = cfg::node_status_get(&handle, CsNodeId::from(peer.0), cfg::NodeStatusVersion::V1);
    let status = status.map(|status| status.link_status).unwrap_or_default();
    Ok(by_link(&status, links))
}

/// This node's id, which its node list may not tell.
///
/// # Errors
/// When corosync does not take the connection.
pub(super) fn own_id() -> Result<NodeId, Failure> {
    let handle = connect()?;
    let id = cfg::local_get(&handle).map_err(not_connected)?;
    Ok(NodeId(u32::from(id)))
}

fn connect() -> Result<cfg::Handle, Failure> {
    let callbacks = cfg::Callbacks {
        corosync_cfg_shutdown_callback_fn: None,
    };
    cfg::initialize(&callbacks).map_err(|error: CsError| not_connected(error))
}

/// The source addresses by link. Up to Corosync 3.1.4 an entry's place is that of the link among
/// the peer's links, from 3.1.5 on it is the link's number (`totemknet_nodestatus_get` in
/// `totemknet.c`).
fn by_link(status: &[LinkStatus], links: &BTreeSet<LinkNumber>) -> BTreeMap<LinkNumber, IpAddr> {
    let sources: BTreeMap<usize, IpAddr> = status
        .iter()
        .enumerate()
        .filter_map(|(place, link)| Some((place, ip(&link.src_ipaddr)?)))
        .gather();
    let by_number = sources
        .keys()
        .all(|&place| links.iter().any(|link| usize::from(link.0) == place));
    let place = |(position, link): (usize, &LinkNumber)| {
        let place = if by_number {
            usize::from(link.0)
        } else {
            position
        };
        Some((*link, *sources.get(&place)?))
    };
    links.iter().enumerate().filter_map(place).gather()
}

/// An address without the zone that knet gives those of IPv6: `fd77::1%2`.
fn ip(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok()
}

/// The addresses that this node told the others when it joined, by its links: all that there is to
/// know with udp and udpu, which change none while they run.
pub(super) fn told(
    icmap: &Map,
    node: NodeId,
    links: &BTreeSet<LinkNumber>,
) -> Result<BTreeMap<LinkNumber, IpAddr>, Failure> {
    let key = format!("runtime.members.{node}.ip");
    Ok(parse(&icmap.text(&key)?.unwrap_or_default(), links))
}

/// `r(0) ip(10.77.0.1) r(1) ip(10.77.2.1) ` → the addresses by link. The numbers count the links
/// (`totempg_ifaces_print` in `totempg.c`).
fn parse(told: &str, links: &BTreeSet<LinkNumber>) -> BTreeMap<LinkNumber, IpAddr> {
    let words: Vec<&str> = told.split_ascii_whitespace().collect();
    let inside = |word: &str, name: &str| -> Option<String> {
        let rest = word.strip_prefix(name)?.strip_prefix('(')?;
        Some(rest.strip_suffix(')')?.to_owned())
    };
    let pair = |pair: &[&str]| -> Option<(LinkNumber, IpAddr)> {
        let [place, address] = pair else {
            return None;
        };
        let place: usize = inside(place, "r")?.parse().ok()?;
        let link = links.iter().nth(place)?;
        Some((*link, ip(&inside(address, "ip")?)?))
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
            parse(&told, &LinkNumber::all().collect());
        }
    }

    #[test]
    fn reads_what_a_node_told_of_its_addresses() {
        let links = [0, 2].map(LinkNumber).into();
        let told = parse("r(0) ip(10.77.0.1) r(1) ip(fd77:2::1) ", &links);
        let expected = [
            (LinkNumber(0), "10.77.0.1".parse().unwrap()),
            (LinkNumber(2), "fd77:2::1".parse().unwrap()),
        ];
        assert_eq!(told, BTreeMap::from(expected));
        assert!(parse("r(0) ip() r(x) ip(1.2.3.4) nonsense", &links).is_empty());
        assert_eq!(ip("fd77::1%2"), ip("fd77::1"));
    }

    #[test]
    fn links_are_found_by_their_number_and_by_their_place() {
        for (links, places) in [
            (&[0, 1][..], &[0, 1][..]),
            (&[0, 2], &[0, 2]), // Corosync 3.1.5
            (&[0, 2], &[0, 1]), // Corosync 3.1.4
            (&[1], &[1]),
            (&[1], &[0]),
            (&[1, 2], &[1, 2]),
            (&[1, 2], &[0, 1]),
            (&[0, 2, 3, 7], &[0, 2, 3, 7]),
            (&[0, 2, 3, 7], &[0, 1, 2, 3]),
        ] {
            let links: BTreeSet<LinkNumber> = links.iter().copied().map(LinkNumber).collect();
            let status: Vec<LinkStatus> = (0..8)
                .map(|place| {
                    let link = places.iter().position(|&taken| taken == place);
                    let link = link.and_then(|nth| links.iter().nth(nth));
                    LinkStatus {
                        enabled: link.is_some(),
                        connected: false,
                        dynconnected: false,
                        mtu: 0,
                        src_ipaddr: link
                            .map(|link| format!("10.77.{link}.1"))
                            .unwrap_or_default(),
                        dst_ipaddr: String::new(),
                    }
                })
                .collect();
            let expected: BTreeMap<LinkNumber, IpAddr> = links
                .iter()
                .map(|link| (*link, format!("10.77.{link}.1").parse().unwrap()))
                .collect();
            assert_eq!(by_link(&status, &links), expected, "{places:?}");
        }
    }
}
