//! What this node's own interface says of a link, and when that is believed.
//!
//! An address or a carrier may be gone for a blink that knet does not notice, and an interface
//! may seem broken that carries data all the same. So proof beats hearsay: what the interface
//! says counts when it is seen again, or when a peer has stopped answering, and not while all
//! peers go on answering.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::link::{Facts, LinkNumber, LocalLink, NodeId, PeerLink};
use super::moment::Moment;

/// The interval between two looks where knet has none: its own with the default token.
const PING_INTERVAL: Duration = Duration::from_millis(750);

/// How much later than after its interval a ping and its answer may come: knet's heartbeat
/// thread looks five times a second what is due (`KNET_THREADS_TIMERES` in libknet's
/// `internals.h`).
const LATE: Duration = Duration::from_millis(400);

/// An interface that was seen broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Doubt {
    /// When it was first seen so, or when all peers were last seen to answer all the same.
    pub since: Moment,
    /// How many pings each peer had answered over the link then.
    pub pongs: BTreeMap<NodeId, u64>,
    /// How often all peers were seen to have answered since it broke, up to [`PROOF`].
    pub answers: u8,
}

/// How often all peers must be seen to answer. Once is no proof: the counters are read before
/// the interface, and an answer may have come in between.
const PROOF: u8 = 2;

/// What is made of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// It is up, or nothing is known of it.
    Whole,
    /// It is broken.
    Broken,
    /// It says that it is broken, and this will be known at that moment.
    Doubted(Moment),
    /// It says that it is broken, and all peers answer.
    Disproved,
}

/// Judges the interface of a link, with what is to be remembered of it.
pub fn judge(
    facts: &Facts,
    number: LinkNumber,
    link: &LocalLink,
    before: Option<&Doubt>,
    now: Moment,
) -> (Belief, Option<Doubt>) {
    if !link.interface.is_broken() {
        return (Belief::Whole, None);
    }
    let ways: BTreeMap<NodeId, PeerLink> = joined_ways(facts, number).collect();
    let seen = |answers| Doubt {
        since: now,
        pongs: ways.iter().map(|(&id, way)| (id, way.pongs)).collect(),
        answers,
    };
    let before = before.cloned().unwrap_or_else(|| seen(0));
    let again = |doubt: &Doubt| doubt.since.after(second_look(link));
    let grows = |(id, way): (&NodeId, &PeerLink)| {
        let then = before.pongs.get(id);
        then.is_some_and(|then| way.pongs > *then)
    };
    if !ways.values().all(|way| way.connected) {
        (Belief::Broken, Some(before))
    } else if !ways.is_empty() && ways.iter().all(grows) {
        let doubt = seen(PROOF.min(before.answers + 1));
        let belief = match doubt.answers {
            PROOF => Belief::Disproved,
            _ => Belief::Doubted(again(&doubt)),
        };
        (belief, Some(doubt))
    } else if now >= again(&before) {
        (Belief::Broken, Some(before))
    } else if before.answers == PROOF {
        (Belief::Disproved, Some(before))
    } else {
        (Belief::Doubted(again(&before)), Some(before))
    }
}

/// The ways over a link to the joined peers that have it enabled.
fn joined_ways(facts: &Facts, number: LinkNumber) -> impl Iterator<Item = (NodeId, PeerLink)> {
    let joined = facts.peers.iter().filter(|(_, peer)| peer.joined);
    joined.filter_map(move |(&id, peer)| {
        let way = peer.links.get(&number)?;
        way.enabled.then_some((id, *way))
    })
}

/// Time from the first look at a broken interface to the second one.
fn second_look(link: &LocalLink) -> Duration {
    let interval = match link.ping_interval {
        Duration::ZERO => PING_INTERVAL,
        interval => interval,
    };
    interval + LATE
}
