//! How often each link went down, however shortly: also between two looks.
//!
//! Corosync counts it for each peer (`stats.knet.nodeID.linkL.down_count`). What is counted of a
//! peer that leaves, dies or joins is no fault of a link, so only what happens while it remains
//! the same member counts, and only once it is known that it lives. What several peers lose
//! before the link is whole again went down once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::link::{Facts, LinkNumber, NodeId};
use super::memory::{Evidence, PeerMemory};

/// The count of each link, since this node booted.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Flaps {
    /// How often each link went down, where it did.
    pub links: BTreeMap<LinkNumber, u64>,
    members: BTreeMap<NodeId, Member>,
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
    pub fn count(&mut self, facts: &Facts, heard: &BTreeMap<NodeId, PeerMemory>) {
        self.members.retain(|id, member| {
            let peer = facts.peers.get(id);
            peer.is_some_and(|peer| peer.joined && peer.join_count == member.join_count)
        });
        self.links.retain(|link, _| facts.links.contains_key(link));
        for &link in facts.links.keys() {
            let before = self.lately(link);
            let whole = self.count_link(link, heard);
            let after = self.lately(link);
            if after > before {
                *self.links.entry(link).or_default() += u64::from(after - before);
            } else if whole {
                let members = self.members.values_mut();
                let counted = members.filter_map(|member| member.links.get_mut(&link));
                counted.for_each(|counted| counted.lately = 0);
            }
        }
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
