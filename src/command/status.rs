//! `ringcheck status`: this node's links as they are now, read-only.

use std::path::Path;

use chrono::SecondsFormat;
use serde::Serialize;

use super::view::View;
use crate::model::failure::Failure;
use crate::model::link::{Interface, LinkNumber, LinkState, NodeId, Transport};
use crate::model::verdict::Verdict;
use crate::store::config;

/// What `--json` prints. Fields may be added within a version, never taken away or changed.
#[derive(Serialize)]
struct Report {
    version: u32,
    node: Node,
    transport: Transport,
    links: Vec<Link>,
}

#[derive(Serialize)]
struct Node {
    id: NodeId,
    name: String,
}

#[derive(Serialize)]
struct Link {
    link: LinkNumber,
    address: String,
    /// `null` while it cannot be judged yet.
    state: Option<LinkState>,
    reason: String,
    /// When it got this state, where that is known.
    since: Option<String>,
    /// How often it went down since the node booted, where that is known.
    flaps: Option<u64>,
    interface: Interface,
    peers: Vec<PeerLink>,
}

#[derive(Serialize)]
struct PeerLink {
    id: NodeId,
    name: String,
    joined: bool,
    enabled: bool,
    connected: bool,
    latency_us: u32,
    mtu: u32,
    down_count: u32,
}

/// The links, as a table or as JSON.
///
/// # Errors
/// When link state cannot be read.
pub fn run(config: Option<&Path>, json: bool) -> Result<String, Failure> {
    let settings = config::read(config)?;
    let report = report(&View::take(&settings)?);
    Ok(match json {
        true => json_text(&report),
        false => table(&report),
    })
}

fn json_text(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report).expect("a report is always valid JSON");
    text + "\n"
}

fn report(view: &View) -> Report {
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
            since: view
                .since(*number)
                .map(|since| since.to_rfc3339_opts(SecondsFormat::Secs, false)),
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
        links: view.judgement.verdicts.iter().filter_map(link).collect(),
    }
}

fn table(report: &Report) -> String {
    let mut text = format!(
        "Node {} (id {}), {}\n",
        report.node.name, report.node.id, report.transport
    );
    let width = report.links.iter().map(|link| link.address.len()).max();
    let width = width.unwrap_or_default().max("ADDRESS".len());
    text += &format!("LINK  {:width$}  STATE    REASON\n", "ADDRESS");
    for link in &report.links {
        let state = link.state.map_or("-".to_owned(), |state| state.to_string());
        text += &format!(
            "{:<4}  {:width$}  {state:7}  {}\n",
            link.link.0, link.address, link.reason
        );
    }
    if report.links.is_empty() {
        text += "no link is configured\n";
    }
    text
}
