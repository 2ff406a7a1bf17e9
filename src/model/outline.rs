//! The outline: who is in the cluster, and which links this node has.
//!
//! It changes rarely, and asking for it costs more than all else that a pass asks: a connection
//! of its own, and a dozen keys. So one pass leaves it to the next, which goes by it while
//! nothing says that it has changed, and all is well.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::gather::Gather;
use super::link::{Facts, FailedReload, LinkNumber, LocalLink, NodeId, Peer, PeerLink};
use super::moment::Moment;

/// How long it is gone by. What changes without a sign, as by a reload long after the
/// configuration file was written, is seen after that time.
const LIFETIME: Duration = Duration::from_secs(60);

/// What a pass has read of the cluster beside the state of its links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Outline {
    /// When it was read.
    pub read: Moment,
    /// [`Facts::memberships`] at that time.
    pub memberships: u64,
    /// This node's id.
    pub node: NodeId,
    /// This node's name.
    pub name: String,
    /// This node's links.
    pub links: BTreeMap<LinkNumber, OutlinedLink>,
    /// All other nodes.
    pub peers: BTreeMap<NodeId, OutlinedPeer>,
}

/// One link of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OutlinedLink {
    /// The address to show.
    pub address: String,
    /// The same as an IP address, where it is known.
    pub ip: Option<IpAddr>,
    /// knet's ping interval.
    pub ping_interval: Duration,
    /// knet's ping timeout.
    pub ping_timeout: Duration,
}

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OutlinedPeer {
    /// Its name.
    pub name: String,
    /// Whether it is a joined member.
    pub joined: bool,
    /// How often it joined.
    pub join_count: u32,
    /// The links to it: those that knet knows of, and of one that has not joined those that are
    /// enabled.
    pub links: Vec<LinkNumber>,
}

impl Outline {
    /// The outline of these facts, if they tell how one can see that it has changed, and if no
    /// joined peer's link is missing, as while a reload takes place and with any transport but
    /// knet.
    pub fn of(facts: &Facts, now: Moment) -> Option<Outline> {
        let is_whole = |peer: &Peer| facts.links.keys().all(|link| peer.links.contains_key(link));
        let mut joined = facts.peers.values().filter(|peer| peer.joined);
        if !joined.all(is_whole) {
            return None;
        }
        let link = |link: &LocalLink| OutlinedLink {
            address: link.address.clone(),
            ip: link.ip,
            ping_interval: link.ping_interval,
            ping_timeout: link.ping_timeout,
        };
        let peer = |peer: &Peer| OutlinedPeer {
            name: peer.name.clone(),
            joined: peer.joined,
            join_count: peer.join_count,
            links: peer
                .links
                .iter()
                .filter(|(_, link)| peer.joined || link.enabled)
                .map(|(&number, _)| number)
                .collect(),
        };
        Some(Outline {
            read: now,
            memberships: facts.memberships?,
            node: facts.node,
            name: facts.name.clone(),
            links: facts.links.iter().map(|(&n, l)| (n, link(l))).gather(),
            peers: facts.peers.iter().map(|(&id, p)| (id, peer(p))).gather(),
        })
    }

    /// Gives the nodes the names that they had, where a refused reload has taken them from cmap.
    pub fn name(&self, facts: &mut Facts) {
        if !facts
            .failed_reload
            .as_ref()
            .is_some_and(FailedReload::is_refused)
        {
            return;
        }
        let restore = |id: NodeId, name: &mut String, known: &str| {
            if *name == id.to_string() {
                known.clone_into(name);
            }
        };
        if facts.node == self.node {
            restore(facts.node, &mut facts.name, &self.name);
        }
        for (&id, peer) in &mut facts.peers {
            if let Some(known) = self.peers.get(&id) {
                restore(id, &mut peer.name, &known.name);
            }
        }
    }

    /// Whether it may be gone by, as far as its age is concerned.
    pub fn is_fresh(&self, now: Moment) -> bool {
        now.since(self.read) < LIFETIME
    }

    /// The outline of the latest facts: this one, if they say the same.
    pub fn followed_by(self, facts: &Facts, now: Moment) -> Option<Outline> {
        let new = Outline::of(facts, now)?;
        let same = new.clone().read_at(self.read) == self;
        Some(if same { self } else { new })
    }

    fn read_at(self, read: Moment) -> Outline {
        Outline { read, ..self }
    }
}

impl OutlinedPeer {
    /// The peer, where this is how its links are.
    pub fn with(&self, links: BTreeMap<LinkNumber, PeerLink>) -> Peer {
        Peer {
            name: self.name.clone(),
            joined: self.joined,
            join_count: self.join_count,
            links,
        }
    }

    /// The peer, where nobody asks how its links are, because it has not joined.
    pub fn unasked(&self) -> Peer {
        let unasked = PeerLink {
            enabled: true,
            connected: false,
            down_count: 0,
            latency: 0,
            mtu: 0,
            pings: 0,
            pongs: 0,
        };
        let links = self.links.iter().map(|&number| (number, unasked));
        self.with(links.gather())
    }
}
