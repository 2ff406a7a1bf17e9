//! What Pacemaker says: the cluster as crm_mon shows it, and what the CIB has of a drill.

use std::collections::BTreeMap;

use super::RESOURCE;
use super::plan::STANDBY;
use crate::model::attribute::{self, Attributes};

/// The cluster as crm_mon shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// Whether there is a designated controller, which starts and stops resources.
    pub dc: bool,
    /// Whether this partition has quorum.
    pub quorum: bool,
    /// The cluster's options that matter here.
    pub options: Options,
    /// All nodes, remote nodes and guests too.
    pub nodes: Vec<Node>,
    /// All resources, the members of groups, clones and bundles each for itself.
    pub resources: Vec<Resource>,
    /// The operations of the drill's resource.
    pub operations: Vec<Operation>,
    /// The nodes' attributes, by the nodes' names.
    pub attributes: BTreeMap<String, Attributes>,
}

/// Cluster options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `maintenance-mode`.
    pub maintenance: bool,
    /// `stop-all-resources`.
    pub stop_all: bool,
    /// `fencing-enabled`, or `stonith-enabled` before Pacemaker 3.0.2, whose crm_mon shows both.
    pub fencing: bool,
    /// Whether this Pacemaker knows the newer names.
    pub newer_names: bool,
    /// `symmetric-cluster`: resources may run where nothing is said.
    pub symmetric: bool,
}

impl Options {
    /// Name of the option that turns fencing on and off in this Pacemaker.
    pub fn fencing_name(&self) -> &'static str {
        match self.newer_names {
            true => "fencing-enabled",
            false => "stonith-enabled",
        }
    }
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Whether it runs corosync: neither a remote node nor a guest.
    pub member: bool,
    /// Whether it is online.
    pub online: bool,
    /// In standby, by whatever attribute.
    pub standby: bool,
    /// In maintenance.
    pub maintenance: bool,
    /// In membership, but not yet able to run resources.
    pub pending: bool,
    /// To be fenced.
    pub unclean: bool,
    /// Shutting down.
    pub shutdown: bool,
}

impl Node {
    /// Whether it can run the drill's resource.
    pub fn is_able(&self) -> bool {
        self.member
            && self.online
            && !(self.standby || self.maintenance || self.pending || self.unclean || self.shutdown)
    }
}

/// A resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// Its agent, as `ocf:pacemaker:Dummy`.
    pub agent: String,
    /// Its role, as `Started`.
    pub role: String,
    /// Whether it is active anywhere.
    pub active: bool,
    /// Whether an operation on it has failed and nothing was done about it yet.
    pub failed: bool,
    /// Whether nothing will be done with it.
    pub blocked: bool,
    /// Whether the cluster starts and stops it.
    pub managed: bool,
    /// The names of the nodes that it is active on.
    pub nodes: Vec<String>,
}

/// What became of an operation on the drill's resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// The name of the node.
    pub node: String,
    /// What was done: start, stop, monitor, probe.
    pub task: String,
    /// Its number on that node, which grows.
    pub call: u64,
    /// How it ended (OCF return codes).
    pub code: i32,
    /// The same in words, as `not running`.
    pub text: String,
    /// Whether it is done again and again.
    pub recurring: bool,
}

/// The OCF return code of an agent that is not installed.
pub const NOT_INSTALLED: i32 = 5;

impl Scene {
    /// The drill's resource.
    pub fn resource(&self) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|resource| resource.id == RESOURCE)
    }

    /// The node where it is started, and nothing is wrong with it.
    pub fn started_on(&self) -> Option<&str> {
        let resource = self.resource()?;
        match resource.nodes.as_slice() {
            [node] if resource.role == "Started" && !resource.failed => Some(node),
            _ => None,
        }
    }

    /// Its last good start: on which node, and the number of the call.
    pub fn last_start(&self, node: &str) -> Option<u64> {
        let starts = self.operations.iter().filter(|operation| {
            operation.node == node && operation.task == "start" && operation.code == 0
        });
        starts.map(|start| start.call).max()
    }

    /// The monitor that has found it failed, if one has.
    pub fn failed_monitor(&self) -> Option<&Operation> {
        let mut monitors = self.operations.iter();
        monitors.find(|monitor| monitor.task == "monitor" && monitor.recurring && monitor.code != 0)
    }

    /// The node where its agent is not installed, if there is one.
    pub fn lacks_agent(&self, node: &str) -> bool {
        let mut operations = self.operations.iter();
        operations.any(|operation| operation.node == node && operation.code == NOT_INSTALLED)
    }

    /// The ids of all other resources that are active on a node.
    pub fn others_on(&self, node: &str) -> Vec<&str> {
        let others = self
            .resources
            .iter()
            .filter(|resource| resource.id != RESOURCE && resource.nodes.iter().any(|n| n == node));
        let mut others: Vec<&str> = others.map(|resource| resource.id.as_str()).collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// The name and value of a node's first ring attribute.
    pub fn ring(&self, node: &str) -> Option<(&str, &str)> {
        let mut attributes = self.attributes.get(node)?.iter();
        let ring = attributes.find(|(name, _)| attribute::link(name).is_some())?;
        Some((ring.0, ring.1))
    }

    /// The drill's resource in words, for a step that waits in vain.
    pub fn told(&self) -> String {
        let Some(resource) = self.resource() else {
            return format!("{RESOURCE} is gone");
        };
        let mut text = match resource.nodes.as_slice() {
            [] => resource.role.clone(),
            nodes => format!("{} on {}", resource.role, nodes.join(", ")),
        };
        for (word, is) in [
            ("failed", resource.failed),
            ("blocked", resource.blocked),
            ("unmanaged", !resource.managed),
        ] {
            if is {
                text += &format!(", {word}");
            }
        }
        text
    }
}

/// What the CIB says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// What it has of a drill.
    pub remains: Remains,
    /// Whether there is fencing by the watchdog alone.
    pub watchdog: bool,
    /// `last-lrm-refresh`: controllers leave it in the configuration when a node is told to
    /// forget a resource.
    pub refreshed: Option<String>,
}

/// What the CIB has of a drill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// Whether its resource is configured.
    pub resource: bool,
    /// The ids of its constraints.
    pub constraints: Vec<String>,
    /// The node that it has put in standby, or was about to.
    pub standby: Option<Standby>,
    /// The names of the nodes that have operations of its resource on record.
    pub history: Vec<String>,
    /// The names of the nodes that have attributes that count its failures.
    pub failures: Vec<String>,
}

/// A standby that the drill is marked to have begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standby {
    /// The node.
    pub node: String,
    /// The value of the node's attribute, if it is there.
    pub value: Option<String>,
}

impl Standby {
    /// Whether it lasts.
    pub fn lasts(&self) -> bool {
        self.value.as_deref() == Some(STANDBY)
    }

    /// Whether it is to be ended, also where it is not there yet: the attribute manager takes a
    /// value before the CIB has it. Another value is somebody else's standby, begun since.
    pub fn is_to_be_ended(&self) -> bool {
        self.lasts() || self.value.is_none()
    }
}

impl Remains {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Remains::default()
    }

    /// All of it in words.
    pub fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        if let Some(standby) = self.standby.as_ref().filter(|standby| standby.lasts()) {
            told.push(format!("standby of {}", standby.node));
        }
        if self.resource {
            told.push(format!("resource {RESOURCE}"));
        }
        match self.constraints.len() {
            0 => {}
            1 => told.push("1 constraint".into()),
            many => told.push(format!("{many} constraints")),
        }
        for (what, nodes) in [("history", &self.history), ("fail count", &self.failures)] {
            if !nodes.is_empty() {
                told.push(format!("{what} on {}", nodes.join(", ")));
            }
        }
        told
    }
}
