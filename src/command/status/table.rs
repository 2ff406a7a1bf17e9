//! The table of this node's links, for 80 columns: what does not fit into a line stands below.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::report::{Link, PeerLink, Report};
use crate::command::screen::{Screen, short_time};

/// Up to how many ways there is a line for each; where there are more, those that are well are
/// only counted.
const MANY: usize = 16;

/// How far what belongs to a link stands in.
const INDENT: usize = 6;

/// The table.
pub fn of(report: &Report, screen: Screen) -> String {
    let now = report.time;
    let mut text = format!(
        "Node {} (id {}), {}, {}\n\n",
        report.node.name,
        report.node.id,
        report.transport,
        now.format("%H:%M:%S")
    );
    let width = widest("ADDRESS", report.links.iter().map(|link| &link.address));
    let title = "SINCE       FLAPS  REASON";
    text += &format!("LINK  {:width$}  STATE    {title}\n", "ADDRESS");
    let many = report
        .links
        .iter()
        .map(|link| link.peers.len())
        .sum::<usize>()
        > MANY;
    for link in &report.links {
        let row = format!(
            "{:<4}  {:width$}  {}  {:10}  {:>5}  ",
            link.link.0,
            link.address,
            screen.state(link.state),
            link.since
                .map_or("-".into(), |since| short_time(since, now)),
            link.flaps.map_or("-".into(), |flaps| flaps.to_string()),
        );
        text += &screen.beside_or_below(&row, &link.reason, INDENT);
        text += &match many {
            true => peers_counted(link, screen),
            false => peers(link),
        };
    }
    if report.links.is_empty() {
        text += "no link is configured\n";
    }
    let triggers = report.triggers.map(|triggers| triggers.to_string());
    if triggers.is_some() || !report.notes.is_empty() {
        text += "\n";
    }
    for note in triggers.iter().chain(&report.notes) {
        text += &screen.wrap(note, 0);
    }
    text
}

fn widest<'a>(title: &str, texts: impl Iterator<Item = &'a String>) -> usize {
    let widths = texts.map(|text| text.chars().count());
    widths.chain([title.len()]).max().unwrap_or_default()
}

fn peers(link: &Link) -> String {
    let width = widest("", link.peers.iter().map(|peer| &peer.name));
    let line = |peer: &PeerLink| {
        let name = format!("{:INDENT$}{:width$}  ", "", peer.name);
        match peer.connected {
            true => format!(
                "{name}{}  {:>8}  MTU {}\n",
                condition(peer),
                milliseconds(peer.latency_us) + " ms",
                peer.mtu
            ),
            false => format!("{name}{}\n", condition(peer)),
        }
    };
    link.peers.iter().map(line).collect()
}

fn peers_counted(link: &Link, screen: Screen) -> String {
    let mut conditions: BTreeMap<&str, Vec<&PeerLink>> = BTreeMap::new();
    for peer in &link.peers {
        conditions.entry(condition(peer)).or_default().push(peer);
    }
    let well = conditions.remove(CONNECTED).map(|peers| {
        let latency = peers.iter().map(|peer| peer.latency_us);
        let latency = range(latency, milliseconds);
        let mtu = range(peers.iter().map(|peer| peer.mtu), |mtu| mtu);
        format!(
            "{CONNECTED}: {} peers, {latency} ms, MTU {mtu}",
            peers.len()
        )
    });
    let others = conditions.into_iter().map(|(condition, peers)| {
        let names: Vec<_> = peers.iter().map(|peer| peer.name.as_str()).collect();
        format!("{condition}: {}", names.join(", "))
    });
    let lines = others.chain(well);
    lines.map(|line| screen.wrap(&line, INDENT)).collect()
}

const CONNECTED: &str = "connected";

fn condition(peer: &PeerLink) -> &'static str {
    match (peer.enabled, peer.connected, peer.joined) {
        (false, _, _) => "not enabled",
        (true, true, true) => CONNECTED,
        (true, true, false) => "connected, not joined",
        (true, false, true) => "not connected",
        (true, false, false) => "not joined",
    }
}

fn range<T: Display>(values: impl Iterator<Item = u32> + Clone, show: impl Fn(u32) -> T) -> String {
    let least = show(values.clone().min().unwrap_or_default()).to_string();
    let most = show(values.max().unwrap_or_default()).to_string();
    match least == most {
        true => least,
        false => format!("{least}-{most}"),
    }
}

/// Microseconds as milliseconds, as precise as they are worth.
fn milliseconds(microseconds: u32) -> String {
    let time = f64::from(microseconds) / 1000.0;
    match microseconds {
        0..10_000 => format!("{time:.2}"),
        10_000..100_000 => format!("{time:.1}"),
        _ => format!("{time:.0}"),
    }
}

#[cfg(test)]
mod tests;
