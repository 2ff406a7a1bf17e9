//! The nouns: links and nodes, and what Corosync and the kernel say of them, undecided.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Corosync's node id (`nodelist.node.N.nodeid`): at most 65535 with knet, any `u32` with udpu.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Corosync's link number, 0 to 7; the numbers in use may have gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkNumber(pub u8);

impl LinkNumber {
    /// How many links Corosync can have (`INTERFACE_MAX` in corosync's `totem.h`).
    pub const COUNT: u8 = 8;

    /// Every number that a link can have.
    pub fn all() -> impl Iterator<Item = LinkNumber> {
        (0..Self::COUNT).map(LinkNumber)
    }
}

impl fmt::Display for LinkNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is published of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LinkState {
    /// It carries data to every peer that counts.
    Up,
    /// It does not.
    Faulty,
    /// Link state could not be read for a long time.
    Unknown,
}

impl LinkState {
    /// The state that is written so, if any.
    pub fn parse(text: &str) -> Option<LinkState> {
        [LinkState::Up, LinkState::Faulty, LinkState::Unknown]
            .into_iter()
            .find(|state| state.to_string() == text)
    }
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkState::Up => "UP",
            LinkState::Faulty => "FAULTY",
            LinkState::Unknown => "UNKNOWN",
        })
    }
}

/// Corosync's transport (`totem.transport`, knet where the key is missing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Corosync 3's default, the one transport that says how each link is.
    Knet,
    /// Unicast UDP: one link, and Corosync says nothing about it.
    Udpu,
    /// Multicast UDP: one link, and Corosync says nothing about it.
    Udp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Knet => "knet",
            Transport::Udpu => "udpu",
            Transport::Udp => "udp",
        })
    }
}

/// What the kernel says of the interface that has a link's local address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "name")]
pub enum Interface {
    /// Up and with carrier.
    Up(String),
    /// Administratively down.
    Down(String),
    /// Up, but the cable is out or the other end is dead.
    NoCarrier(String),
    /// No interface of this node has the address.
    Absent,
    /// The address is a host name that nobody could resolve, so no interface was looked up.
    Unknown,
}

impl Interface {
    /// Whether nothing can be sent over it.
    pub fn is_broken(&self) -> bool {
        !matches!(self, Interface::Up(_) | Interface::Unknown)
    }
}

/// A clause that says how it is.
impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Interface::Up(name) => write!(f, "interface {name} is up"),
            Interface::Down(name) => write!(f, "interface {name} is down"),
            Interface::NoCarrier(name) => write!(f, "interface {name} has no carrier"),
            Interface::Absent => f.write_str("no interface has this address"),
            Interface::Unknown => f.write_str("interface unknown"),
        }
    }
}

/// One link of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalLink {
    /// The address to show: the IP address that Corosync uses, or the configured host name
    /// while that is not known.
    pub address: String,
    /// The same as an IP address, where it is known.
    pub ip: Option<IpAddr>,
    /// The state of the interface that has it.
    pub interface: Interface,
    /// How often knet pings over this link (`runtime.config.totem.interface.L.knet_ping_interval`).
    pub ping_interval: Duration,
    /// After how long without an answer knet gives the link up (`…knet_ping_timeout`).
    pub ping_timeout: Duration,
    /// What Corosync 2's redundant ring protocol says of it, where Corosync has nothing better
    /// (`runtime.totem.pg.mrp.rrp.L.faulty`).
    pub rrp_faulty: Option<bool>,
}

/// Another node of the node list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name in the node list, or its node id in digits where it has none.
    pub name: String,
    /// Whether it is a joined member (`runtime.members.ID.status`).
    pub joined: bool,
    /// How often it joined (`runtime.members.ID.join_count`), 0 if never seen.
    pub join_count: u32,
    /// The way to it over each link that knet knows of.
    pub links: BTreeMap<LinkNumber, PeerLink>,
}

impl Peer {
    /// Number of this node's pings that it has answered, over all links together.
    ///
    /// As long as it lives and is reached on any link, this grows at each of knet's ping
    /// intervals. Nothing else that comes from it proves that: it may come over a link that
    /// carries data in one direction only.
    pub fn pongs(&self) -> u64 {
        let pongs = self.links.values().map(|link| link.pongs);
        pongs.fold(0, u64::saturating_add)
    }

    /// Whether it answers on any link.
    pub fn reachable(&self) -> bool {
        self.links.values().any(|l| l.enabled && l.connected)
    }
}

/// The way to one peer over one link (`stats.knet.nodeID.linkL.*`), as this node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PeerLink {
    /// Configured and administratively enabled; stays so when the cable is out.
    pub enabled: bool,
    /// Usable for data.
    pub connected: bool,
    /// How often it went down; 1 on a healthy start, so only changes mean something.
    pub down_count: u32,
    /// knet's running average of the round-trip times of its pings in µs (`latency_ave`); the last
    /// one while not connected. Not a current value: with the default `knet_ping_precision` of 2048
    /// it hardly changes after some thousand pings. 0 in facts that an outline served, since no
    /// verdict needs it.
    pub latency: u32,
    /// Usable packet size in bytes; as with the latency.
    pub mtu: u32,
    /// Number of pings that this node has sent over it since knet knows the link
    /// (`tx_ping_packets`), answered or not; as with the latency.
    pub pings: u64,
    /// Number of them that the peer has answered (`rx_pong_packets`); as with the latency.
    pub pongs: u64,
}

impl PeerLink {
    /// Number of pings that were never answered.
    pub fn unanswered(&self) -> u64 {
        self.pings.saturating_sub(self.pongs)
    }
}

/// Everything that a pass observes about the links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// This node's id.
    pub node: NodeId,
    /// This node's name in the node list, or its node id in digits where it has none.
    pub name: String,
    /// How Corosync talks.
    pub transport: Transport,
    /// How often Corosync has entered a membership since it started
    /// (`stats.srp.operational_entered`), where it counts that. As long as it stays the same,
    /// nobody has left or joined.
    pub memberships: Option<u64>,
    /// This node's links: those that its node list entry has an address for.
    pub links: BTreeMap<LinkNumber, LocalLink>,
    /// All other nodes of the node list.
    pub peers: BTreeMap<NodeId, Peer>,
    /// The last reload of the configuration, if it failed.
    pub failed_reload: Option<FailedReload>,
}

impl Facts {
    /// Returns for how long knet has been pinging, at the least: a lower bound of Corosync's age.
    ///
    /// knet pings all nodes from its start on, the absent ones too, and never sooner than after
    /// its ping interval. Zero where no pings were read, as with udp and udpu.
    pub fn pinged_for(&self) -> Duration {
        let ways = self.peers.values().flat_map(|peer| &peer.links);
        let times = ways.filter_map(|(number, way)| {
            let pings = u32::try_from(way.pings).unwrap_or(u32::MAX);
            let interval = self.links.get(number)?.ping_interval;
            Some(interval.saturating_mul(pings))
        });
        times.max().unwrap_or_default()
    }
}

/// A reload of the configuration that Corosync refused, or could not put into effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedReload {
    /// Corosync's error code (`config.reload_status`, `cs_error_t` in `corotypes.h`).
    pub code: i32,
    /// The reason, since Corosync 3.1.9 (`config.reload_error_message`).
    pub message: Option<String>,
}

impl FailedReload {
    /// The code of a reload that was accepted (`CS_OK`).
    pub const ACCEPTED: i32 = 1;

    /// Whether Corosync goes on with the configuration that it had.
    pub fn is_refused(&self) -> bool {
        self.code != FailedReload::ACCEPTED
    }
}

/// A sentence that says so, with what to do.
impl fmt::Display for FailedReload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match &self.message {
            Some(message) => message.trim().to_owned(),
            None => format!("error {}, its log says why", self.code),
        };
        match self.is_refused() {
            true => write!(
                f,
                "corosync refused the last reload of corosync.conf ({reason}) and goes on with \
                 what it had; correct the file on all nodes, then run `corosync-cfgtool -R` (to \
                 change an address, remove the link and add it again)"
            ),
            false => write!(
                f,
                "corosync could not put all of the last reload of corosync.conf into effect \
                 ({reason}); see its log, and restart it on this node when that is safe"
            ),
        }
    }
}
