//! What there is to report of this node's links, for table and JSON alike.

use chrono::{DateTime, Local, SecondsFormat};
use serde::{Serialize, Serializer};

use super::notes;
use crate::command::view::View;
use crate::model::link::{Interface, LinkNumber, LinkState, NodeId, Transport};
use crate::model::trigger::Triggers;
use crate::model::verdict::Verdict;

/// What `--json` prints. Fields may be added within a version, never taken away or changed.
#[derive(Serialize)]
pub struct Report {
    /// Of this format.
    pub version: u32,
    /// This node.
    pub node: Node,
    /// How Corosync talks.
    pub transport: Transport,
    /// When this was so.
    #[serde(serialize_with = "time")]
    pub time: DateTime<Local>,
    /// Its links.
    pub links: Vec<Link>,
    /// What starts passes; `null` where Pacemaker does not run.
    pub triggers: Option<Triggers>,
    /// What else an administrator should know, a line each.
    pub notes: Vec<String>,
}

/// A node.
#[derive(Serialize)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: String,
}

/// A link.
#[derive(Serialize)]
pub struct Link {
    /// Its number.
    pub link: LinkNumber,
    /// This node's address.
    pub address: String,
    /// `null` while it cannot be judged yet.
    pub state: Option<LinkState>,
    /// Why.
    pub reason: String,
    /// When it got this state, where that is known.
    #[serde(serialize_with = "some_time")]
    pub since: Option<DateTime<Local>>,
    /// How often it went down since the node booted, where that is known.
    pub flaps: Option<u64>,
    /// The interface that has the address.
    pub interface: Interface,
    /// The ways to the other nodes.
    pub peers: Vec<PeerLink>,
}

/// The way to another node.
#[derive(Serialize)]
pub struct PeerLink {
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Whether it is a joined member.
    pub joined: bool,
    /// Whether the link is enabled.
    pub enabled: bool,
    /// Whether it answers.
    pub connected: bool,
    /// knet's running average of the round-trip time in µs, which by default soon hardly changes;
    /// the last one while not connected.
    pub latency_us: u32,
    /// Usable packet size in bytes; the last known one while not connected.
    pub mtu: u32,
    /// Corosync's count of how often it went down.
    pub down_count: u32,
}

impl Report {
    /// The report of what was seen, and of what starts passes.
    pub fn of(view: &View, triggers: Option<Triggers>) -> Report {
        let facts = &view.facts;
        let link = |(number, verdict): (&LinkNumber, &Verdict)| {
            let local = facts.links.get(number)?;
            let peers = facts.peers.iter().filter_map(|(&id, peer)| {
                let link = peer.links.get(number)?;
                Some(PeerLink {
                    id,
                    name: peer.name.clone(),
                    joined: peer.joined,
                    enabled: link.enabled,
                    connected: link.connected,
                    latency_us: link.latency,
                    mtu: link.mtu,
                    down_count: link.down_count,
                })
            });
            Some(Link {
                link: *number,
                address: local.address.clone(),
                state: verdict.state,
                reason: verdict.reason.to_string(),
                since: view.since(*number),
                flaps: view.flaps(*number),
                interface: local.interface.clone(),
                peers: peers.collect(),
            })
        };
        Report {
            version: 1,
            node: Node {
                id: facts.node,
                name: facts.name.clone(),
            },
            transport: facts.transport,
            time: view.wall,
            links: view.judgement.verdicts.iter().filter_map(link).collect(),
            triggers,
            notes: notes::of(view),
        }
    }
}

/// A time in JSON.
pub fn time<S: Serializer>(time: &DateTime<Local>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Secs, false))
}

fn some_time<S: Serializer>(
    since: &Option<DateTime<Local>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match since {
        Some(since) => time(since, serializer),
        None => serializer.serialize_none(),
    }
}
