//! A link that a peer does not answer on at the first look at that peer: broken, or still coming
//! up?
//!
//! Nothing is known from before, so the verdict has to come from Corosync's counters. knet pings
//! every link at the same interval, connected or not, and a link that comes up is connected after
//! its third answered ping (`process_pong` in libknet's `threads_heartbeat.c`). So a link that
//! comes up answers, and one that has missed more pings than another link to the same peer is
//! broken, unless its peer answers on it now.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::link::{LinkNumber, Peer, PeerLink};
use super::moment::Moment;

/// Time after which a ping that was seen to be sent counts as unanswered.
pub const ANSWER: Duration = Duration::from_millis(500);

/// Number of missed pings that no link that is coming up has.
const MISSED: u64 = 3;

/// Time to wait for an answer over a link that has missed enough pings already, where the next
/// ping may be further away than anybody can wait.
const LAST_CHANCE: Duration = Duration::from_secs(3);

/// What was counted on the link so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Silence {
    /// When the link no longer counts as coming up, whatever is counted.
    pub until: Moment,
    /// When the pings were last counted.
    counted: Moment,
    /// The pings that were sent by then.
    sent: u64,
    /// The pings that were sent by the first look.
    first: u64,
    /// How many of those were missed that another link to the peer did not miss.
    missed: u64,
    /// The answers that had come over this link by the first look.
    pongs: u64,
    /// The answers that had come over the peer's other links by then.
    elsewhere: u64,
}

/// What the counters say at a later look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The peer answers on it: it is coming up.
    Answers,
    /// It has missed pings that its peer has answered elsewhere.
    Broken,
    /// Neither is certain yet.
    Silent(Silence),
}

impl Silence {
    /// Begins to count. The link has until `settled` to come up.
    pub fn begin(peer: &Peer, number: LinkNumber, now: Moment, settled: Moment) -> Silence {
        let link = &peer.links[&number];
        let others = peer.links.values().filter(|other| other.connected);
        let usual = others.map(PeerLink::unanswered).min();
        let missed = usual.map_or(0, |usual| link.unanswered().saturating_sub(usual));
        let until = match missed < MISSED {
            true => settled,
            false => settled.min(now.after(LAST_CHANCE)),
        };
        Silence {
            until,
            counted: now,
            sent: link.pings,
            first: link.pings,
            missed,
            pongs: link.pongs,
            elsewhere: peer.pongs().saturating_sub(link.pongs),
        }
    }

    /// Goes on to count, before [`Silence::until`].
    pub fn go_on(mut self, peer: &Peer, number: LinkNumber, now: Moment) -> Finding {
        let link = &peer.links[&number];
        if link.pongs != self.pongs {
            return Finding::Answers;
        }
        if now < self.next_count() {
            return Finding::Silent(self);
        }
        // Nothing that was sent by the last count has been answered since.
        let observed = self.sent.saturating_sub(self.first);
        let lives = peer.pongs().saturating_sub(link.pongs) > self.elsewhere;
        if lives && observed > 0 && self.missed + observed >= MISSED {
            return Finding::Broken;
        }
        (self.counted, self.sent) = (now, link.pings);
        Finding::Silent(self)
    }

    /// Whether the link has missed too many pings to be coming up, when nobody can wait longer.
    pub fn is_broken(&self) -> bool {
        self.missed >= MISSED
    }

    /// When to count again.
    pub fn next_count(&self) -> Moment {
        self.counted.after(ANSWER)
    }
}
