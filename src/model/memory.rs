//! What one pass must tell the next so that it can judge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::health::Health;
use super::link::{LinkNumber, LinkState, NodeId};
use super::local::Doubt;
use super::lost::Lost;
use super::moment::Moment;
use super::reached::Reached;
use super::silence::Silence;

/// What was known before: the links' verdicts and how the peers were last seen. It is worth
/// something only as long as the same corosync process runs.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Memory {
    /// The links that had a verdict.
    pub links: BTreeMap<LinkNumber, LinkMemory>,
    /// The interfaces that say that they are broken.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub doubts: BTreeMap<LinkNumber, Doubt>,
    /// The peers that could be judged by.
    pub peers: BTreeMap<NodeId, PeerMemory>,
    /// The peers that each link has lost.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lost: Lost,
    /// The peers that each link reaches, while their number is published.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reached: Reached,
    /// The node's health, while it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Since when a node that is alone has been well but for a link that nobody has seen healed,
    /// while the health is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub well_since: Option<Moment>,
    /// Since when there has been no peer to judge by, though the node list has others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_since: Option<Moment>,
}

/// A link as the last pass judged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkMemory {
    /// Its verdict.
    pub state: LinkState,
    /// Since when it has this verdict.
    pub since: Moment,
    /// While FAULTY: since when it has been good again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_since: Option<Moment>,
    /// While it seems to have left the configuration: when that is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Moment>,
}

/// A joined peer that answered on at least one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PeerMemory {
    /// How often it had joined; what was seen of an earlier membership says nothing.
    pub join_count: u32,
    /// Its links.
    pub links: BTreeMap<LinkNumber, PeerLinkMemory>,
}

/// The way to a peer over one link as the last pass saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PeerLinkMemory {
    /// What it proved.
    pub evidence: Evidence,
    /// Corosync's `down_count`.
    pub down_count: u32,
}

/// What one peer's answers say about one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// It answers.
    Good,
    /// It does not answer, and it answers on other links.
    Bad,
    /// It does not answer, but it may be joining: not looked into before this moment.
    Unsettled(Moment),
    /// It does not answer, but it may be dead: believed once it has answered more pings than
    /// these, which it does over other links.
    Unproven(u64),
    /// It does not answer, and nothing is known of it from before: its pings are counted.
    Unheard(Silence),
}
