//! What each peer's answers prove about each link, and when.
//!
//! A peer that dies loses its links one after the other: knet gives each up in its own time,
//! and a link that had been down shortly before much later than the others, because its
//! timeout is then up to ten times as long (`KNET_LINK_PONG_TIMEOUT_BACKOFF` in libknet's
//! `links.h`). So nothing is believed of a peer that may be dead: a link without an answer
//! counts only when that peer still answers over another one.
//!
//! A peer that joins, or comes back from a short outage, gets its links one after the other,
//! up to some seconds apart. So it has that time, unless it was a member before and another
//! link to it has not been interrupted since the last look. It also has it for a link that was
//! just added. At a first look at a peer Corosync's counters tell, sooner than that time
//! ([`super::silence`]).

use std::collections::BTreeMap;
use std::time::Duration;

use super::gather::Gather;
use super::link::{Facts, LinkNumber, NodeId, Peer};
use super::memory::{Evidence, Memory, PeerLinkMemory, PeerMemory};
use super::moment::Moment;
use super::silence::{Finding, Silence};

/// How long after it is seen bad a link is looked at again: first to count the pings that its
/// peer has answered, and then until there are more. What a peer sent before it died has been
/// read by then.
pub const NEXT_LOOK: Duration = Duration::from_millis(150);

/// What all peers together say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Testimony {
    /// By link, what each joined and reachable peer that has the link enabled says.
    pub links: BTreeMap<LinkNumber, BTreeMap<NodeId, Evidence>>,
    /// Whether a joined member answers on no link at all: membership will say what it is.
    pub silent_members: bool,
    /// By link, how many of them answer and did so all the time since the last look.
    pub steady: BTreeMap<LinkNumber, usize>,
    /// Since when nobody has had anything to say.
    pub alone_since: Option<Moment>,
    /// What the next look must know of the peers.
    pub memory: BTreeMap<NodeId, PeerMemory>,
}

/// Hears every peer.
pub fn hear(facts: &Facts, memory: &Memory, now: Moment) -> Testimony {
    let mut testimony = Testimony::default();
    for (&id, peer) in facts.peers.iter().filter(|(_, peer)| peer.joined) {
        if !peer.reachable() {
            testimony.silent_members = true;
            continue;
        }
        let before = memory
            .peers
            .get(&id)
            .filter(|before| before.join_count == peer.join_count);
        let links = hear_peer(facts, peer, before, now);
        for (&number, seen) in &links {
            testimony
                .links
                .entry(number)
                .or_default()
                .insert(id, seen.evidence);
            // A peer that joined since then, or that was silent, was interrupted.
            let known = before.and_then(|before| before.links.get(&number));
            if known == Some(seen) && seen.evidence == Evidence::Good {
                *testimony.steady.entry(number).or_default() += 1;
            }
        }
        testimony.memory.insert(
            id,
            PeerMemory {
                join_count: peer.join_count,
                links,
            },
        );
    }
    if testimony.memory.is_empty() && !testimony.silent_members {
        testimony.alone_since = memory.alone_since.or(Some(now));
    }
    testimony
}

fn hear_peer(
    facts: &Facts,
    peer: &Peer,
    before: Option<&PeerMemory>,
    now: Moment,
) -> BTreeMap<LinkNumber, PeerLinkMemory> {
    let known = |number| before.and_then(|before| before.links.get(number));
    let settled = now.after(time_to_join(facts));
    let uninterrupted = peer.links.iter().any(|(number, link)| {
        link.connected
            && known(number).is_some_and(|known| {
                known.evidence == Evidence::Good && known.down_count == link.down_count
            })
    });
    let is_first = before.is_none();
    let enabled = peer.links.iter().filter(|(_, link)| link.enabled);
    enabled
        .map(|(number, link)| {
            // What went down again in the meantime has been bad since then at most.
            let before = known(number).map(|known| match known.evidence {
                Evidence::Unsettled(_) | Evidence::Unproven(_) | Evidence::Unheard(_)
                    if known.down_count != link.down_count =>
                {
                    Evidence::Good
                }
                evidence => evidence,
            });
            let evidence = match before {
                _ if link.connected => Evidence::Good,
                Some(Evidence::Bad) => Evidence::Bad,
                None if is_first => Evidence::Unheard(Silence::begin(peer, *number, now, settled)),
                // All links were interrupted since the last look.
                _ if !uninterrupted => Evidence::Unsettled(settled),
                None => Evidence::Unsettled(settled),
                Some(Evidence::Unheard(silence)) if now < silence.until => {
                    match silence.go_on(peer, *number, now) {
                        Finding::Answers => Evidence::Unsettled(settled),
                        Finding::Broken => Evidence::Bad,
                        Finding::Silent(silence) => Evidence::Unheard(silence),
                    }
                }
                Some(Evidence::Unheard(silence)) if silence.is_broken() => Evidence::Bad,
                Some(Evidence::Unheard(_)) => Evidence::Unproven(peer.pongs()),
                Some(Evidence::Good) => Evidence::Unsettled(now.after(NEXT_LOOK)),
                Some(Evidence::Unsettled(until)) if now < until => Evidence::Unsettled(until),
                Some(Evidence::Unsettled(_)) => Evidence::Unproven(peer.pongs()),
                Some(Evidence::Unproven(pongs)) if peer.pongs() > pongs => Evidence::Bad,
                // A link that was removed takes its count along.
                Some(Evidence::Unproven(pongs)) => Evidence::Unproven(pongs.min(peer.pongs())),
            };
            let down_count = link.down_count;
            (
                *number,
                PeerLinkMemory {
                    evidence,
                    down_count,
                },
            )
        })
        .gather()
}

/// When those who have said nothing certain of a link are to be heard again, if there are any.
pub fn next_look(heard: &BTreeMap<NodeId, Evidence>, now: Moment) -> Option<Moment> {
    let moments = heard.values().filter_map(|evidence| match evidence {
        Evidence::Unsettled(until) => Some(*until),
        Evidence::Unproven(_) => Some(now.after(NEXT_LOOK)),
        Evidence::Unheard(silence) => Some(silence.until.min(silence.next_count())),
        Evidence::Good | Evidence::Bad => None,
    });
    moments.min()
}

/// How long after its first link the last link of a joining peer comes.
pub fn time_to_join(facts: &Facts) -> Duration {
    let interval = longest(facts.links.values().map(|link| link.ping_interval));
    let timeout = longest(facts.links.values().map(|link| link.ping_timeout));
    2 * (interval + timeout)
}

/// How long a node that starts is alone before it is believed to be so: in that time Corosync
/// meets the others, if there are any.
pub fn time_to_meet(facts: &Facts) -> Duration {
    2 * time_to_join(facts)
}

fn longest(times: impl Iterator<Item = Duration>) -> Duration {
    times.max().unwrap_or_default()
}
