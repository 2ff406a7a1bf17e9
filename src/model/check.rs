//! What a monitoring system is told of this node: a status, one line and figures, in the form
//! that the Monitoring Plugins Development Guidelines give them.
//!
//! All that is wrong counts, the worst decides, and what cannot be known is never OK.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::time::Duration;

use super::attribute::{self, Attributes};
use super::failure::{Exit, Failure};
use super::gather::Gather;
use super::link::{Facts, LinkNumber, LinkState};
use super::verdict::Judgement;

/// How this node is; what comes later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// All is well.
    Ok,
    /// Somebody should look at it.
    Warning,
    /// It cannot be told.
    Unknown,
    /// Somebody must do something.
    Critical,
}

impl Status {
    /// The exit code that monitoring systems know it by.
    pub fn code(self) -> u8 {
        match self {
            Status::Ok => 0,
            Status::Warning => 1,
            Status::Critical => 2,
            Status::Unknown => 3,
        }
    }

    /// What a failure means: a cluster that does not run is known to be bad.
    fn of(failure: &Failure) -> Status {
        match failure.exit {
            Exit::CorosyncDown | Exit::PacemakerDown => Status::Critical,
            _ => Status::Unknown,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Ok => "OK",
            Status::Warning => "WARNING",
            Status::Critical => "CRITICAL",
            Status::Unknown => "UNKNOWN",
        })
    }
}

/// From which figure on it is more than a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Levels {
    /// Beyond this it is WARNING.
    pub warning: Option<u64>,
    /// Beyond this it is CRITICAL.
    pub critical: Option<u64>,
}

impl Levels {
    fn judge(self, value: u64) -> Status {
        let beyond = |level: Option<u64>| level.is_some_and(|level| value > level);
        match (beyond(self.warning), beyond(self.critical)) {
            (_, true) => Status::Critical,
            (true, _) => Status::Warning,
            _ => Status::Ok,
        }
    }
}

/// What is still well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The mean round-trip time to one peer over one link, in µs.
    pub latency: Levels,
    /// How often a link went down within `flap_window`.
    pub flaps: Levels,
    /// For how long that counts.
    pub flap_window: Duration,
    /// How old the last good pass may be.
    pub max_age: Duration,
}

/// What there is to judge by.
pub struct Seen<'a> {
    /// What Corosync and the kernel say.
    pub facts: &'a Facts,
    /// What the rules make of it.
    pub judgement: &'a Judgement,
    /// What the passes have done, or why that cannot be told; nothing where they are not asked
    /// about.
    pub passes: Option<&'a Result<Passes, Failure>>,
}

/// What the passes have done.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Passes {
    /// The timer was stopped, and the attributes deleted.
    pub cleared: bool,
    /// For how long there has been no good pass; nothing if there was none.
    pub age: Option<Duration>,
    /// What the last pass failed with, if it did.
    pub failing: Option<String>,
    /// The attributes that they have published.
    pub published: Attributes,
    /// The attributes that the CIB has.
    pub stored: Attributes,
    /// How often each link went down, since the node booted and lately.
    pub flaps: BTreeMap<LinkNumber, Flaps>,
}

/// How often a link went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flaps {
    /// Since the node booted.
    pub total: u64,
    /// Within the window that was asked for.
    pub lately: u64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The worst of all that was found.
    pub status: Status,
    problems: BTreeMap<Reverse<Status>, Vec<String>>,
    summary: Vec<String>,
    figures: Vec<Figure>,
}

impl Report {
    fn new() -> Report {
        Report {
            status: Status::Ok,
            problems: BTreeMap::new(),
            summary: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// When there is nothing to judge by.
    pub fn failed(failure: &Failure) -> Report {
        let mut report = Report::new();
        report.find(Status::of(failure), failure.line.clone());
        report
    }

    /// When the question itself is wrong.
    pub fn misasked(why: &str) -> Report {
        let mut report = Report::new();
        report.find(Status::Unknown, why.to_owned());
        report
    }

    fn find(&mut self, status: Status, text: String) {
        self.status = self.status.max(status);
        let alike = self.problems.entry(Reverse(status));
        alike.or_default().push(text);
    }
}

/// The line without its end: what is worst comes first, figures come last.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = self.problems.values().flatten();
        let texts: Vec<&str> = problems.chain(&self.summary).map(String::as_str).collect();
        let text = texts.join("; ");
        // What follows a bar is figures, and what follows the line is shown elsewhere.
        write!(
            f,
            "RINGCHECK {} - {}",
            self.status,
            text.replace(['|', '\n'], "/")
        )?;
        let mut bar = " |";
        for figure in &self.figures {
            write!(f, "{bar} {figure}")?;
            bar = "";
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Figure {
    label: String,
    value: u64,
    unit: &'static str,
    levels: Levels,
    most: Option<u64>,
}

impl Figure {
    fn new(label: impl Into<String>, value: u64, unit: &'static str) -> Figure {
        Figure {
            label: label.into(),
            value,
            unit,
            levels: Levels::default(),
            most: None,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.replace(['\'', '=', '|', '\n'], "_");
        write!(f, "'{label}'={}{}", self.value, self.unit)?;
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

/// Judges this node.
pub fn check(seen: &Seen, limits: &Limits) -> Report {
    let mut report = Report::new();
    let passes = seen.passes.and_then(|passes| passes.as_ref().ok());
    match seen.passes {
        Some(Err(failure)) => report.find(Status::of(failure), failure.line.clone()),
        Some(Ok(passes)) => check_passes(&mut report, passes, limits),
        None => {}
    }
    if let Some(failed) = &seen.facts.failed_reload {
        report.find(Status::Warning, failed.to_string());
    }
    let shown = passes.filter(|passes| !passes.cleared);
    check_links(&mut report, seen, shown);
    check_latency(&mut report, seen.facts, limits);
    if let Some(passes) = passes {
        check_flaps(&mut report, passes, limits);
        if let Some(age) = passes.age {
            let mut figure = Figure::new("last_pass_age", age.as_secs(), "s");
            figure.levels.critical = Some(limits.max_age.as_secs());
            report.figures.push(figure);
        }
    }
    report
}

fn check_passes(report: &mut Report, passes: &Passes, limits: &Limits) {
    if passes.cleared {
        let line = "the timer was stopped and the attributes deleted; start it with `systemctl start ringcheck.timer`";
        report.find(Status::Warning, line.to_owned());
    } else if passes.age.is_none_or(|age| age > limits.max_age) {
        let since = match passes.age {
            Some(age) => format!("no good pass for {} s", age.as_secs()),
            None => "no good pass since this node booted".to_owned(),
        };
        let why = match &passes.failing {
            Some(line) => format!("the last one failed: {line}"),
            None => "look at `systemctl status ringcheck.timer`".to_owned(),
        };
        report.find(Status::Critical, format!("{since}; {why}"));
    }
    let (published, stored) = (&passes.published, &passes.stored);
    let names: BTreeSet<_> = published.keys().chain(stored.keys()).gather();
    for name in names {
        let text = |value: Option<&String>| value.map_or("nothing".into(), |v| format!("`{v}`"));
        let (ours, theirs) = (published.get(name), stored.get(name));
        if ours != theirs {
            let line = format!(
                "the CIB has {} in {name}, published was {}",
                text(theirs),
                text(ours)
            );
            report.find(Status::Critical, line);
        }
    }
}

/// Counts the links by their verdicts, and compares what is shown of each.
fn check_links(report: &mut Report, seen: &Seen, passes: Option<&Passes>) {
    let verdicts = &seen.judgement.verdicts;
    let (mut up, mut faulty) = (0, 0);
    for (&number, verdict) in verdicts {
        match verdict.state {
            Some(LinkState::Up) => up += 1,
            Some(LinkState::Faulty) => faulty += 1,
            Some(LinkState::Unknown) | None => {}
        }
        let (address, reason) = (&verdict.address, &verdict.reason);
        let link = format!("link {number} ({address})");
        match (verdict.state, passes) {
            (Some(LinkState::Up), None) => {}
            (Some(LinkState::Up), Some(passes)) => {
                check_shown(report, &link, &attribute::name(number), address, passes);
            }
            (Some(LinkState::Faulty), _) => {
                report.find(Status::Critical, format!("{link} is FAULTY: {reason}"));
            }
            (Some(LinkState::Unknown) | None, _) => {
                report.find(
                    Status::Unknown,
                    format!("{link} cannot be judged yet: {reason}"),
                );
            }
        }
    }
    let all = verdicts.len() as u64;
    report.summary.push(match all {
        1 if up == 1 => "the only link is UP".into(),
        _ if up == all => format!("{all} links UP"),
        _ => format!("{up} of {all} links UP"),
    });
    if verdicts.is_empty() {
        report.find(Status::Unknown, "no link is configured".into());
    }
    let peers = seen.facts.peers.values();
    let missing = peers.filter(|peer| !peer.joined);
    let missing: Vec<&str> = missing.map(|peer| peer.name.as_str()).collect();
    let names = missing.join(", ");
    match missing.len() {
        0 => {}
        1 => report.summary.push(format!("{names} is no member")),
        _ => report.summary.push(format!("{names} are no members")),
    }
    for (label, value) in [("links_up", up), ("links_faulty", faulty)] {
        let mut figure = Figure::new(label, value, "");
        figure.most = Some(all);
        report.figures.push(figure);
    }
}

/// That a link which is UP is shown so. What the CIB has lost was told already.
fn check_shown(report: &mut Report, link: &str, name: &str, address: &str, passes: &Passes) {
    let value = passes.stored.get(name);
    if value != passes.published.get(name) {
        return;
    }
    let status = match value.and_then(|value| attribute::parse(value)) {
        Some((shown, LinkState::Up)) if shown == address => return,
        Some((_, LinkState::Unknown)) => Status::Unknown,
        _ => Status::Critical,
    };
    let value = value.map_or("nothing", String::as_str);
    report.find(status, format!("{link} is UP, but {name} shows {value}"));
}

fn check_latency(report: &mut Report, facts: &Facts, limits: &Limits) {
    for peer in facts.peers.values().filter(|peer| peer.joined) {
        let connected = peer.links.iter();
        for (number, link) in connected.filter(|(_, link)| link.enabled && link.connected) {
            let latency = link.latency.into();
            let status = limits.latency.judge(latency);
            if status != Status::Ok {
                let (name, ms) = (&peer.name, latency as f64 / 1000.0);
                let line = format!("{name} answers on link {number} only after {ms} ms");
                report.find(status, line);
            }
            let label = format!("link{number}_{}_latency", peer.name);
            let mut figure = Figure::new(label, latency, "us");
            figure.levels = limits.latency;
            report.figures.push(figure);
        }
    }
}

fn check_flaps(report: &mut Report, passes: &Passes, limits: &Limits) {
    for (number, flaps) in &passes.flaps {
        let status = limits.flaps.judge(flaps.lately);
        if status != Status::Ok {
            let (times, window) = (flaps.lately, limits.flap_window.as_secs());
            let times = match times {
                1 => "once".to_owned(),
                _ => format!("{times} times"),
            };
            let line = format!("link {number} went down {times} in {window} s");
            report.find(status, line);
        }
        let mut lately = Figure::new(format!("link{number}_flaps_lately"), flaps.lately, "");
        lately.levels = limits.flaps;
        report.figures.push(lately);
        let total = Figure::new(format!("link{number}_flaps"), flaps.total, "c");
        report.figures.push(total);
    }
}
