//! Performance data: figures whose labels depend on the configuration alone.
//!
//! Graphs break where a label comes and goes, so a value that is not known is `U`, as the
//! Monitoring Plugins Development Guidelines have it.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Levels, Limits};
use crate::model::gather::Gather;
use crate::model::link::{Facts, LinkNumber, LinkState, Transport};
use crate::model::verdict::Judgement;

/// Everything that labels are made of. A pass leaves it in its state, for when Corosync cannot be
/// read.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Layout {
    /// The links of this node's entry in the node list.
    links: Vec<LinkNumber>,
    /// The names of all other nodes of the node list, where the transport measures latencies.
    measured: Vec<String>,
}

impl Layout {
    /// The layout of the configuration that these facts were read from.
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

/// The passes' account, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Account {
    /// For how long there has been no good pass; none if there was none, or nobody knows.
    pub age: Option<Duration>,
    /// How often each link went down.
    pub flaps: Option<BTreeMap<LinkNumber, Flaps>>,
}

impl Account {
    /// How often a link went down; a link that never did is in no account.
    fn flaps(&self, link: LinkNumber) -> Option<Flaps> {
        Some(self.flaps.as_ref()?.get(&link).copied().unwrap_or_default())
    }
}

/// How often a link went down.
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

/// All figures of this layout. `seen` is what Corosync says, where it can be read, and `account`
/// the passes' account, where the passes are asked about.
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

/// How many links are UP and FAULTY.
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

/// Knet's latency to a peer over a link. Of a peer that is no member, and of a link that is not
/// connected, knet keeps an old one.
fn latency(facts: &Facts, peer: &str, link: LinkNumber) -> Option<u64> {
    let mut peers = facts.peers.values();
    let peer = peers.find(|other| other.name == peer && other.joined)?;
    let way = peer.links.get(&link)?;
    (way.enabled && way.connected).then(|| way.latency.into())
}
