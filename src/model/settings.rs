//! The settings, their defaults and bounds: one struct for timer, alert and hand alike.

use std::path::PathBuf;
use std::time::Duration;

/// The longest deadline that can be set: Pacemaker gives an alert agent 30 s by default.
pub const LONGEST_DEADLINE: Duration = Duration::from_secs(25);

/// When a link that only some peers answer on is FAULTY.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FaultyWhen {
    /// As soon as one peer does not answer, as Corosync 2's RRP had it.
    #[default]
    AnyPeer,
    /// Only when no peer answers, which points at the broken node in larger clusters.
    AllPeers,
}

/// The colour of a node that has lost a link, as Pacemaker has it ("Tracking Node Health" in
/// Pacemaker Explained).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ill {
    /// Worse than other nodes, but still to be used.
    Yellow,
    /// Not to be used, by most strategies on no account.
    Red,
}

/// How ringcheck judges and publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// When a link that only some peers answer on is FAULTY.
    pub faulty_when: FaultyWhen,
    /// How long a link that was FAULTY must be good before it is UP again.
    pub recovery_hold: Duration,
    /// How often the attributes in the CIB are compared with what was published, where
    /// nothing else says that they may differ.
    pub refresh: Duration,
    /// How long link state may be unreadable before the links are shown as UNKNOWN.
    pub unknown_after: Duration,
    /// How long a pass may take in all.
    pub deadline: Duration,
    /// Whether to publish the names of the peers that each link has lost.
    pub publish_lost_peers: bool,
    /// Whether to publish how many peers each link reaches.
    pub publish_reached_peers: bool,
    /// The node health to publish while the node has lost a link, if any is to be published.
    pub node_health: Option<Ill>,
    /// Where each pass leaves its metrics, if anywhere.
    pub metrics_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            faulty_when: FaultyWhen::AnyPeer,
            recovery_hold: Duration::from_secs(10),
            refresh: Duration::from_secs(60),
            unknown_after: Duration::from_secs(60),
            deadline: Duration::from_secs(10),
            publish_lost_peers: true,
            publish_reached_peers: false,
            node_health: None,
            metrics_file: None,
        }
    }
}
