//! Which joined peers each link reaches, so that a location rule can count them.
//!
//! A peer counts from its first answer since it joined until its silence is proven, and again
//! only after the recovery hold: each change of the number may move services. A link that reaches
//! nobody has no number unless it is FAULTY and there is somebody: 0 would make a node that is
//! alone give its services to the first one that joins it.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Testimony;
use super::gather::Gather;
use super::link::{Facts, LinkNumber, LinkState, NodeId, Peer, Transport};
use super::memory::{Evidence, Memory};
use super::verdict::Judgement;

/// The peers that each link reaches.
pub type Reached = BTreeMap<LinkNumber, BTreeSet<NodeId>>;

/// Who is reached over the links that were judged so. Where the transport says nothing of its
/// one link, whoever has joined came over it.
pub fn judge(
    facts: &Facts,
    before: &Memory,
    testimony: &Testimony,
    judgement: &Judgement,
) -> Reached {
    let lost = |link, id| {
        let lost = judgement.memory.lost.get(link);
        lost.is_some_and(|lost| lost.contains_key(id))
    };
    let answers = |link, id: &NodeId, peer: &Peer| {
        let enabled = peer.links.get(link).is_some_and(|way| way.enabled);
        let heard = testimony.links.get(link).and_then(|heard| heard.get(id));
        enabled && (heard == Some(&Evidence::Good) || was_reached(before, link, id, peer))
    };
    let joined = || facts.peers.iter().filter(|(_, peer)| peer.joined);
    let reaches = |link, state, id, peer| match facts.transport {
        Transport::Knet => !lost(link, id) && answers(link, id, peer),
        Transport::Udpu | Transport::Udp => state == LinkState::Up,
    };
    let of = |link, state| -> Option<BTreeSet<NodeId>> {
        let reached = joined().filter(|(id, peer)| reaches(link, state, id, peer));
        let reached: BTreeSet<_> = reached.map(|(&id, _)| id).gather();
        let failed = state == LinkState::Faulty && joined().next().is_some();
        (failed || !reached.is_empty()).then_some(reached)
    };
    let links = judgement.verdicts.iter();
    let reached = links.filter_map(|(link, verdict)| match verdict.state {
        Some(state) => Some((*link, of(link, state)?)),
        None => Some((*link, before.reached.get(link)?.clone())),
    });
    reached.gather()
}

fn was_reached(before: &Memory, link: &LinkNumber, id: &NodeId, peer: &Peer) -> bool {
    let reached = before.reached.get(link);
    let known = before.peers.get(id);
    reached.is_some_and(|reached| reached.contains(id))
        && known.is_none_or(|known| known.join_count == peer.join_count)
}
