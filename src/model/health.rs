//! The node's health as Pacemaker's `node-health-strategy` heeds it: worse while this node has
//! lost a link, and not while it is another's fault.
//!
//! A broken cable shows on all nodes: who has lost it does not reach the others, and they do not
//! reach it. Were all of them unhealthy, nothing would move. So a link counts as this node's loss
//! when its own interface is down, or when it does not reach more than half of the joined peers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::link::{Facts, LinkState, Transport};
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
pub fn judge(
    facts: &Facts,
    judgement: &Judgement,
    before: Option<Health>,
    ill: Ill,
) -> Option<Health> {
    let joined = facts.peers.values().filter(|peer| peer.joined).count();
    let lost = |link| judgement.memory.lost.get(link).map_or(0, |lost| lost.len());
    let verdicts = judgement.verdicts.iter();
    let mut links = verdicts.map(|(link, verdict)| (verdict, lost(link)));
    if (links.clone()).any(|(verdict, lost)| is_lost(facts, verdict, lost, joined)) {
        return Some(ill.into());
    }
    let open = links.any(|(verdict, lost)| is_open(verdict, lost));
    match open || judgement.look_again.is_some() {
        true => before,
        false => Some(Health::Green),
    }
}

/// Whether a link may still be lost: whoever could tell is silent, or it is held and has no lost
/// peers, which would be held themselves.
fn is_open(verdict: &Verdict, lost: usize) -> bool {
    match verdict.reason {
        Reason::SilentMembers | Reason::NobodySinceFault => true,
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
