//! How often each link went down, however shortly: also between two looks.
//!
//! Corosync counts it for each peer (`stats.knet.nodeID.linkL.down_count`). What is counted of a
//! peer that leaves, dies or joins is no fault of a link, so only what happens while it remains
//! the same member counts, and only once it is known that it lives. What several peers lose
//! before the link is whole again went down once.

use std::collections::{BTreeMap, VecDeque};
use std::iter;

use serde::{Deserialize, Serialize};

use super::link::{Facts, LinkNumber, NodeId};
use super::memory::{Evidence, PeerMemory};
use super::moment::Moment;

/// Of how many times that a link went down it is kept when they were seen.
pub const RECENT: usize = 100;

/// The count of each link, since this node booted.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Flaps {
    /// How often each link went down, where it did.
    pub links: BTreeMap<LinkNumber, u64>,
    members: BTreeMap<NodeId, Member>,
    /// When each link was last seen to have gone down, the oldest first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    recent: BTreeMap<LinkNumber, VecDeque<Moment>>,
}

/// What has been counted of a member.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Member {
    join_count: u32,
    links: BTreeMap<LinkNumber, Counted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Counted {
    /// Corosync's count up to which all is in ours.
    down_count: u32,
    /// How often it went down since the link was last whole.
    lately: u32,
}

impl Flaps {
    /// Counts what happened since the last look, whose members `heard` says what it proved of.
    pub fn count(&mut self, facts: &Facts, heard: &BTreeMap<NodeId, PeerMemory>, now: Moment) {
        self.members.retain(|id, member| {
            let peer = facts.peers.get(id);
            peer.is_some_and(|peer| peer.joined && peer.join_count == member.join_count)
        });
        self.links.retain(|link, _| facts.links.contains_key(link));
        self.recent.retain(|link, _| facts.links.contains_key(link));
        for &link in facts.links.keys() {
            let before = self.lately(link);
            let whole = self.count_link(link, heard);
            let after = self.lately(link);
            if after > before {
                *self.links.entry(link).or_default() += u64::from(after - before);
                let recent = self.recent.entry(link).or_default();
                recent.extend(iter::repeat_n(now, RECENT.min((after - before) as usize)));
                recent.drain(..recent.len().saturating_sub(RECENT));
            } else if whole {
                let members = self.members.values_mut();
                let counted = members.filter_map(|member| member.links.get_mut(&link));
                counted.for_each(|counted| counted.lately = 0);
            }
        }
    }

    /// How often a link was seen to have gone down since then; at most [`RECENT`] are known.
    pub fn since(&self, link: LinkNumber, moment: Moment) -> u64 {
        let recent = self.recent.get(&link).into_iter().flatten();
        recent.filter(|seen| **seen >= moment).count() as u64
    }

    /// When a link was last seen to have gone down.
    pub fn latest(&self) -> Option<Moment> {
        self.recent.values().flatten().copied().max()
    }

    /// Corosync started anew, and counts anew.
    pub fn restart(&mut self) {
        self.members.clear();
    }

    /// How often the member that lost the link most often lost it since it was last whole.
    fn lately(&self, link: LinkNumber) -> u32 {
        let members = self.members.values();
        let counted = members.filter_map(|member| member.links.get(&link));
        counted.map(|counted| counted.lately).max().unwrap_or(0)
    }

    /// Takes over Corosync's counts of a link; whether it is whole.
    fn count_link(&mut self, link: LinkNumber, heard: &BTreeMap<NodeId, PeerMemory>) -> bool {
        let mut whole = true;
        for (id, peer) in heard {
            let Some(seen) = peer.links.get(&link) else {
                continue;
            };
            whole &= seen.evidence == Evidence::Good;
            if !matches!(seen.evidence, Evidence::Good | Evidence::Bad) {
                continue;
            }
            let member = self.members.entry(*id).or_insert_with(|| Member {
                join_count: peer.join_count,
                links: BTreeMap::new(),
            });
            let down_count = seen.down_count;
            let counted = member.links.entry(link).or_insert(Counted {
                down_count,
                lately: 0,
            });
            counted.lately += down_count.saturating_sub(counted.down_count);
            counted.down_count = down_count;
        }
        whole
    }
}
