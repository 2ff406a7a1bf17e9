//! `ringcheck status`: this node's links as they are now, read-only.

use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Local, SecondsFormat, TimeDelta};
use serde::Serialize;

use crate::cluster::Source;
use crate::cluster::boot;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::observer::Observer;
use crate::model::failure::Failure;
use crate::model::link::{Facts, Interface, LinkNumber, LinkState, NodeId, Transport};
use crate::model::memory::Memory;
use crate::model::moment::Moment;
use crate::model::verdict::{self, Judgement, Verdict};
use crate::store::folder::Folder;
use crate::store::state::State;
use crate::store::{FOLDER, config};

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
    let deadline = Instant::now() + settings.deadline;
    let facts = Observer::default().observe(deadline)?;
    let now = BootClock.now();
    let memory = memory(now);
    let judgement = verdict::judge(&facts, &settings, &memory, now);
    let report = report(&facts, &judgement, now, Local::now());
    Ok(match json {
        true => json_text(&report),
        false => table(&report),
    })
}

fn json_text(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report).expect("a report is always valid JSON");
    text + "\n"
}

/// What the passes know. Somebody who may not read it sees the links all the same.
fn memory(now: Moment) -> Memory {
    boot::id(Path::new("/proc"))
        .and_then(|boot_id| State::load(&Folder::new(FOLDER), &boot_id, now))
        .map(|state| state.memory)
        .unwrap_or_default()
}

fn report(facts: &Facts, judgement: &Judgement, now: Moment, wall: DateTime<Local>) -> Report {
    let since = |number: &LinkNumber| -> Option<String> {
        let since = judgement.memory.links.get(number)?.since;
        let ago = TimeDelta::from_std(now.since(since)).ok()?;
        (since < now).then(|| (wall - ago).to_rfc3339_opts(SecondsFormat::Secs, false))
    };
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
            since: since(number),
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
        links: judgement.verdicts.iter().filter_map(link).collect(),
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
