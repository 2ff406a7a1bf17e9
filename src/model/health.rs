//! The node's health as Pacemaker's `node-health-strategy` heeds it: worse while this node has
//! lost a link, and not while it is another's fault.
//!
//! A broken cable shows on all nodes: who has lost it does not reach the others, and they do not
//! reach it. Were all of them unhealthy, nothing would move. So a link counts as this node's loss
//! when its own interface is down, or when it does not reach more than half of the joined peers.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evidence;
use super::link::{Facts, LinkState, Transport};
use super::moment::Moment;
use super::settings::Ill;
use super::verdict::{Judgement, Reason, Verdict};

/// A value of the attribute ("Tracking Node Health" in Pacemaker Explained).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// All is well.
    Green,
    /// Worse than other nodes, but still to be used.
    Yellow,
    /// Not to be used.
    Red,
}

impl Health {
    /// The health that is written so, if any.
    pub fn parse(text: &str) -> Option<Health> {
        [Health::Green, Health::Yellow, Health::Red]
            .into_iter()
            .find(|health| health.to_string() == text)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Health::Green => "green",
            Health::Yellow => "yellow",
            Health::Red => "red",
        })
    }
}

impl From<Ill> for Health {
    fn from(ill: Ill) -> Health {
        match ill {
            Ill::Yellow => Health::Yellow,
            Ill::Red => Health::Red,
        }
    }
}

/// The health of the node whose links were judged so, or `before` as long as it may not be better
/// yet, since each change may move services. `ill` is what it is while a link is lost.
///
/// A node that is alone may have to run everything, so it is well by its interfaces, though nobody
/// has seen a FAULTY link of its healed: `alone_for` is for how long they have been good.
pub fn judge(
    facts: &Facts,
    judgement: &Judgement,
    before: Option<Health>,
    ill: Ill,
    alone_for: Option<Duration>,
    hold: Duration,
) -> Option<Health> {
    let joined = facts.peers.values().filter(|peer| peer.joined).count();
    let lost = |link| judgement.memory.lost.get(link).map_or(0, |lost| lost.len());
    let verdicts = judgement.verdicts.iter();
    let mut links = verdicts.map(|(link, verdict)| (verdict, lost(link)));
    if (links.clone()).any(|(verdict, lost)| is_lost(facts, verdict, lost, joined)) {
        return Some(ill.into());
    }
    // A node that was cut off meets the others first: what they say is worth more.
    let hold = hold.max(evidence::time_to_meet(facts));
    let waits = alone_for.is_some_and(|time| time < hold);
    let open = links.any(|(verdict, lost)| is_open(verdict, lost, waits));
    match open || judgement.look_again.is_some() {
        true => before,
        false => Some(Health::Green),
    }
}

/// Since when a node that nobody reaches has had good interfaces, though a link of its is FAULTY.
pub fn well_since(judgement: &Judgement, before: Option<Moment>, now: Moment) -> Option<Moment> {
    let mut reasons = judgement.verdicts.values().map(|verdict| &verdict.reason);
    let broken =
        |reason: &Reason| matches!(reason, Reason::Interface(_) | Reason::InterfaceDoubted(_));
    if reasons.clone().any(broken) {
        return None;
    }
    let unhealed = reasons.any(|reason| *reason == Reason::NobodySinceFault);
    unhealed.then(|| before.unwrap_or(now))
}

/// Whether a link may still be lost: whoever could tell is silent, or it is held and has no lost
/// peers, which would be held themselves, or the node is alone and `waits` for the others.
fn is_open(verdict: &Verdict, lost: usize, waits: bool) -> bool {
    match verdict.reason {
        Reason::SilentMembers => true,
        Reason::NobodySinceFault => waits,
        Reason::Recovering { .. } => lost == 0,
        _ => false,
    }
}

fn is_lost(facts: &Facts, verdict: &Verdict, lost: usize, joined: usize) -> bool {
    match facts.transport {
        Transport::Knet => matches!(verdict.reason, Reason::Interface(_)) || 2 * lost > joined,
        Transport::Udpu | Transport::Udp => verdict.state == Some(LinkState::Faulty),
    }
}
