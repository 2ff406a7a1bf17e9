//! `ringcheck status --cluster`: all nodes, from what they have published. Corosync is not asked.

use std::collections::BTreeSet;

use chrono::{DateTime, Local};
use serde::Serialize;

use super::report::time;
use crate::command::screen::Screen;
use crate::model::link::{LinkNumber, LinkState, NodeId};
use crate::model::locate::{Fault, locate};
use crate::model::member::{self, Member};

/// Up to how many links of all nodes together there is a line for each; where there are more,
/// what is well is only counted.
const MANY: usize = 16;

/// What `--json` prints. Fields may be added within a version, never taken away or changed.
#[derive(Serialize)]
pub struct Report {
    /// Of this format.
    pub version: u32,
    /// When this was so.
    #[serde(serialize_with = "time")]
    pub time: DateTime<Local>,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// Where links are broken.
    pub faults: Vec<Located>,
}

/// A node.
#[derive(Serialize)]
pub struct Node {
    /// Its id; `null` if the id in the CIB is not a number.
    pub id: Option<NodeId>,
    /// Its name.
    pub name: String,
    /// Whether Pacemaker has it in the cluster.
    pub online: bool,
    /// What it has published.
    pub links: Vec<Link>,
}

/// A link of a node.
#[derive(Serialize)]
pub struct Link {
    /// Its number.
    pub link: LinkNumber,
    /// The node's address.
    pub address: String,
    /// Its state.
    pub state: LinkState,
    /// The members that the node does not reach over it.
    pub misses: BTreeSet<String>,
}

/// Where a link is broken.
#[derive(Serialize)]
pub struct Located {
    /// The link.
    pub link: LinkNumber,
    /// What kind of fault it is.
    pub kind: &'static str,
    /// The nodes that it is about.
    pub nodes: Vec<String>,
    /// The same in words.
    pub text: String,
}

impl Report {
    /// The report of what the nodes have published.
    pub fn of(members: &[Member], time: DateTime<Local>) -> Report {
        let node = |member: &Member| Node {
            id: member.id,
            name: member.name.clone(),
            online: member.online,
            links: member.links.iter().map(link).collect(),
        };
        let faults = locate(&member::words(members)).into_iter();
        Report {
            version: 1,
            time,
            nodes: members.iter().map(node).collect(),
            faults: faults.map(|(link, fault)| located(link, &fault)).collect(),
        }
    }
}

fn link((&link, published): (&LinkNumber, &member::Published)) -> Link {
    Link {
        link,
        address: published.address.clone(),
        state: published.state,
        misses: published.misses.clone(),
    }
}

fn located(link: LinkNumber, fault: &Fault) -> Located {
    let (kind, nodes) = match fault {
        Fault::OwnEnd { nodes, .. } => ("own-end", nodes.clone()),
        Fault::Between(a, b, _) => ("between", vec![a.clone(), b.clone()]),
        Fault::Path { node, to, .. } => {
            let node = std::slice::from_ref(node);
            ("path", [node, to].concat())
        }
        Fault::Split(groups) => ("split", groups.concat()),
        Fault::Shared(nodes) => ("shared", nodes.clone()),
        Fault::Unsure { by, missed } => ("unsure", [by.clone(), missed.clone()].concat()),
        Fault::MissesNobody(nodes) => ("misses-nobody", nodes.clone()),
        Fault::Unknown(nodes) => ("unknown", nodes.clone()),
    };
    Located {
        link,
        kind,
        nodes,
        text: fault.to_string(),
    }
}

/// The screen, for 80 columns.
pub fn screen(report: &Report, screen: Screen) -> String {
    let online = report.nodes.iter().filter(|node| node.online).count();
    let mut text = format!(
        "{} nodes, {online} online, {}\n\n",
        report.nodes.len(),
        report.time.format("%H:%M:%S")
    );
    let many = report
        .nodes
        .iter()
        .map(|node| node.links.len())
        .sum::<usize>()
        > MANY;
    let mut well = Vec::new();
    for node in &report.nodes {
        match (node.online, node.links.is_empty()) {
            (false, _) => text += &format!("{}  offline\n", node.name),
            (true, true) => {
                let ask = "publishes nothing: is ringcheck.timer running there?";
                text += &screen.beside_or_below(&format!("{}  ", node.name), ask, 2);
            }
            (true, false) if many && node.links.iter().all(is_well) => well.push(&*node.name),
            (true, false) => text += &of_node(node, many, screen),
        }
    }
    if !well.is_empty() {
        text += &screen.wrap(&format!("every link UP: {}", well.join(", ")), 0);
    }
    let said = report.faults.iter().map(|fault| {
        let text = format!("link {}: {}", fault.link, fault.text);
        screen.wrap(&text, 0)
    });
    let said: String = said.collect();
    match said.as_str() {
        "" => text,
        said => text + "\n" + said,
    }
}

fn is_well(link: &Link) -> bool {
    link.state == LinkState::Up && link.misses.is_empty()
}

/// A node and its links; of many, those that are not well.
fn of_node(node: &Node, many: bool, screen: Screen) -> String {
    let mut text = format!("{}\n", node.name);
    let width = node.links.iter().map(|link| link.address.chars().count());
    let width = width.max().unwrap_or_default();
    let shown = |link: &&Link| !many || !is_well(link);
    for link in node.links.iter().filter(shown) {
        let state = screen.state(Some(link.state));
        let row = format!("  {}  {state}  {:width$}  ", link.link.0, link.address);
        let names: Vec<_> = link.misses.iter().map(String::as_str).collect();
        text += &match names.as_slice() {
            [] => format!("{}\n", row.trim_end()),
            names => {
                let misses = format!("misses {}", names.join(", "));
                screen.beside_or_below(&row, &misses, 5)
            }
        };
    }
    let others = node.links.iter().filter(|link| !shown(link)).count();
    if others > 0 {
        text += &format!("  {others} more UP\n");
    }
    text
}

#[cfg(test)]
mod tests;
