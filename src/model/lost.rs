//! Which joined peers each link does not reach, for all to see: from what two nodes miss of
//! each other, others can tell where a link is broken.
//!
//! A peer is lost once its silence is proven, or where the own interface is known to be broken,
//! and found again only after the recovery hold, so that a link that flaps writes no more than its
//! state does.

use std::collections::BTreeMap;
use std::time::Duration;

use super::evidence::Testimony;
use super::link::{Facts, LinkNumber, NodeId};
use super::local::Belief;
use super::memory::{Evidence, Memory};
use super::moment::Moment;

/// The peers that each link has lost, and since when they have answered again.
pub type Lost = BTreeMap<LinkNumber, BTreeMap<NodeId, Option<Moment>>>;

/// What is lost now. `hold` is the recovery hold.
pub fn judge(
    facts: &Facts,
    memory: &Memory,
    testimony: &Testimony,
    interfaces: &BTreeMap<LinkNumber, Belief>,
    hold: Duration,
    now: Moment,
) -> Lost {
    let mut lost = Lost::new();
    for (&link, belief) in interfaces {
        let cut = *belief == Belief::Broken;
        let known = memory.lost.get(&link);
        for (&id, peer) in facts.peers.iter().filter(|(_, peer)| peer.joined) {
            let before = known.and_then(|known| known.get(&id));
            let heard = testimony.links.get(&link).and_then(|heard| heard.get(&id));
            let answers = match (heard, before) {
                (Some(Evidence::Bad), _) => None,
                // knet finds out later.
                (Some(_), _) if cut => None,
                (_, None) => continue,
                (Some(Evidence::Good), Some(before)) => {
                    let since = before.filter(|_| is_steady(memory, testimony, id, link));
                    let since = since.unwrap_or(now);
                    if now.since(since) >= hold {
                        continue;
                    }
                    Some(since)
                }
                // A link that was taken away has lost nobody.
                (None, _) if peer.reachable() => continue,
                _ => None,
            };
            lost.entry(link).or_default().insert(id, answers);
        }
    }
    lost
}

/// Whether a peer answered all the time since the last look.
fn is_steady(memory: &Memory, testimony: &Testimony, id: NodeId, link: LinkNumber) -> bool {
    let seen = |peers: &BTreeMap<_, super::memory::PeerMemory>| {
        let peer = peers.get(&id)?;
        Some((peer.join_count, peer.links.get(&link).copied()))
    };
    seen(&memory.peers) == seen(&testimony.memory)
}
