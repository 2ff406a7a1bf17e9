//! Performance data: figures whose labels depend on the configuration only.
//!
//! A label that comes and goes breaks graphs. So each label is always there, and an unknown value
//! is `U`, as the Monitoring Plugins Development Guidelines define it.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Levels, Limits};
use crate::model::gather::Gather;
use crate::model::link::{Facts, LinkNumber, LinkState, Transport};
use crate::model::verdict::Judgement;

/// Everything that the labels depend on. Each pass keeps it in the state file, for a check that
/// cannot read Corosync.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Layout {
    /// Links of this node's entry in the node list.
    links: Vec<LinkNumber>,
    /// Names of the other nodes in the node list; empty if the transport measures no latency.
    measured: Vec<String>,
}

impl Layout {
    /// Returns the layout for these facts.
    pub fn of(facts: &Facts) -> Layout {
        let peers = facts.peers.values().map(|peer| peer.name.clone());
        Layout {
            links: facts.links.keys().copied().gather(),
            measured: match facts.transport {
                Transport::Knet => peers.gather(),
                Transport::Udpu | Transport::Udp => Vec::new(),
            },
        }
    }
}

/// Counters of the passes, as far as they can be read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Account {
    /// Time since the last good pass; none if there was none, or if it is not known.
    pub age: Option<Duration>,
    /// Flaps of each link.
    pub flaps: Option<BTreeMap<LinkNumber, Flaps>>,
}

impl Account {
    /// Returns the flaps of a link. A link that never went down has no entry.
    fn flaps(&self, link: LinkNumber) -> Option<Flaps> {
        Some(self.flaps.as_ref()?.get(&link).copied().unwrap_or_default())
    }
}

/// Number of times that a link went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flaps {
    /// Since the node booted.
    pub total: u64,
    /// Within the window that was asked for.
    pub lately: u64,
}

/// One figure with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    label: String,
    value: Option<u64>,
    unit: &'static str,
    levels: Levels,
    most: Option<u64>,
}

impl Figure {
    fn new(label: impl Into<String>, value: Option<u64>, unit: &'static str) -> Figure {
        Figure {
            label: label.into(),
            value,
            unit,
            levels: Levels::default(),
            most: None,
        }
    }

    fn with(self, levels: Levels) -> Figure {
        Figure { levels, ..self }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.replace(['\'', '=', '|', '\n'], "_");
        match self.value {
            Some(value) => write!(f, "'{label}'={value}{}", self.unit)?,
            None => write!(f, "'{label}'=U")?,
        }
        let number = |number: Option<u64>| number.map_or(String::new(), |n| n.to_string());
        let mut rest = String::new();
        for field in [
            number(self.levels.warning),
            number(self.levels.critical),
            "0".to_owned(),
            number(self.most),
        ] {
            write!(rest, ";{field}")?;
        }
        f.write_str(rest.trim_end_matches(';'))
    }
}

/// Returns all figures of this layout. `seen` is none if Corosync cannot be read, and `account` is
/// none if the passes are not checked.
pub fn figures(
    layout: &Layout,
    seen: Option<(&Facts, &Judgement)>,
    account: Option<&Account>,
    limits: &Limits,
) -> Vec<Figure> {
    let mut figures = counts(layout, seen.map(|(_, judgement)| judgement));
    let facts = seen.map(|(facts, _)| facts);
    for peer in &layout.measured {
        for &link in &layout.links {
            let value = facts.and_then(|facts| latency(facts, peer, link));
            let label = format!("link{link}_{peer}_latency");
            figures.push(Figure::new(label, value, "us").with(limits.latency));
        }
    }
    let Some(account) = account else {
        return figures;
    };
    for &link in &layout.links {
        let flaps = account.flaps(link);
        let lately = flaps.map(|flaps| flaps.lately);
        let lately = Figure::new(format!("link{link}_flaps_lately"), lately, "");
        figures.push(lately.with(limits.flaps));
        let total = flaps.map(|flaps| flaps.total);
        figures.push(Figure::new(format!("link{link}_flaps"), total, "c"));
    }
    let age = account.age.map(|age| age.as_secs());
    let most = Levels {
        warning: None,
        critical: Some(limits.max_age.as_secs()),
    };
    figures.push(Figure::new("last_pass_age", age, "s").with(most));
    figures
}

/// Returns the numbers of links that are UP and FAULTY.
fn counts(layout: &Layout, judgement: Option<&Judgement>) -> Vec<Figure> {
    let states = [
        ("links_up", LinkState::Up),
        ("links_faulty", LinkState::Faulty),
    ];
    let figure = |(label, state)| {
        let count = |judgement: &Judgement| {
            let verdicts = judgement.verdicts.values();
            verdicts.filter(|v| v.state == Some(state)).count() as u64
        };
        let all = judgement.map_or(layout.links.len(), |j| j.verdicts.len());
        Figure {
            most: Some(all as u64),
            ..Figure::new(label, judgement.map(count), "")
        }
    };
    states.into_iter().map(figure).gather()
}

/// Returns knet's latency to a peer over a link. For a peer that is not a member, or a link that
/// is not connected, knet only has an old value.
fn latency(facts: &Facts, peer: &str, link: LinkNumber) -> Option<u64> {
    let mut peers = facts.peers.values();
    let peer = peers.find(|other| other.name == peer && other.joined)?;
    let way = peer.links.get(&link)?;
    (way.enabled && way.connected).then(|| way.latency.into())
}
