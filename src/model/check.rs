//! What a monitoring system is told of this node: a status, one line and figures, in the form
//! that the Monitoring Plugins Development Guidelines give them.
//!
//! All that is wrong counts, the worst decides, and what cannot be known is never OK.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use self::figures::{Account, Figure, Layout, figures};
use super::attribute::{self, Attributes};
use super::failure::{Exit, Failure};
use super::gather::Gather;
use super::link::{Facts, LinkState};
use super::verdict::Judgement;

pub mod figures;

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
    /// For knet's running average of the round-trip time to a peer over a link, in µs.
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
    /// Results of the passes; none if they are not checked.
    pub passes: Option<&'a Passes>,
}

/// Results of the passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passes {
    /// Their counters, as far as these can be read.
    pub account: Account,
    /// The published attributes, or why these are not known.
    pub shown: Result<Shown, Failure>,
}

/// Attributes that the passes have published, and those that the CIB has.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Shown {
    /// The timer was stopped, and the attributes deleted.
    pub cleared: bool,
    /// What the last pass failed with, if it did.
    pub failing: Option<String>,
    /// The attributes that they have published.
    pub published: Attributes,
    /// The attributes that the CIB has.
    pub stored: Attributes,
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

    /// Reports a failure, with figures whose labels are known from before.
    pub fn blind(
        failure: &Failure,
        layout: &Layout,
        account: Option<&Account>,
        limits: &Limits,
    ) -> Report {
        Report {
            figures: figures(layout, None, account, limits),
            ..Report::failed(failure)
        }
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

/// Judges this node.
pub fn check(seen: &Seen, limits: &Limits) -> Report {
    let mut report = Report::new();
    let account = seen.passes.map(|passes| &passes.account);
    let shown = seen.passes.map(|passes| &passes.shown);
    match (shown, account) {
        (Some(Ok(shown)), Some(account)) => check_passes(&mut report, shown, account, limits),
        (Some(Err(failure)), _) => report.find(Status::of(failure), failure.line.clone()),
        _ => {}
    }
    if let Some(failed) = &seen.facts.failed_reload {
        report.find(Status::Warning, failed.to_string());
    }
    let shown = shown.and_then(|shown| shown.as_ref().ok());
    check_links(&mut report, seen, shown.filter(|shown| !shown.cleared));
    check_latency(&mut report, seen.facts, limits);
    if let Some(account) = account {
        check_flaps(&mut report, account, limits);
    }
    let layout = Layout::of(seen.facts);
    report.figures = figures(&layout, Some((seen.facts, seen.judgement)), account, limits);
    report
}

fn check_passes(report: &mut Report, shown: &Shown, account: &Account, limits: &Limits) {
    if shown.cleared {
        let line = "the timer was stopped and the attributes deleted; start it with `systemctl start ringcheck.timer`";
        report.find(Status::Warning, line.to_owned());
    } else if account.age.is_none_or(|age| age > limits.max_age) {
        let since = match account.age {
            Some(age) => format!("no good pass for {} s", age.as_secs()),
            None => "no good pass since this node booted".to_owned(),
        };
        let why = match &shown.failing {
            Some(line) => format!("the last one failed: {line}"),
            None => "look at `systemctl status ringcheck.timer`".to_owned(),
        };
        report.find(Status::Critical, format!("{since}; {why}"));
    }
    let (published, stored) = (&shown.published, &shown.stored);
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
fn check_links(report: &mut Report, seen: &Seen, shown: Option<&Shown>) {
    let verdicts = &seen.judgement.verdicts;
    let mut up = 0;
    for (&number, verdict) in verdicts {
        up += usize::from(verdict.state == Some(LinkState::Up));
        let (address, reason) = (&verdict.address, &verdict.reason);
        let link = format!("link {number} ({address})");
        match (verdict.state, shown) {
            (Some(LinkState::Up), None) => {}
            (Some(LinkState::Up), Some(shown)) => {
                check_shown(report, &link, &attribute::name(number), address, shown);
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
    let all = verdicts.len();
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
}

/// That a link which is UP is shown so. What the CIB has lost was told already.
fn check_shown(report: &mut Report, link: &str, name: &str, address: &str, shown: &Shown) {
    let value = shown.stored.get(name);
    if value != shown.published.get(name) {
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
                let line = format!("knet's average to {name} on link {number} is {ms} ms");
                report.find(status, line);
            }
        }
    }
}

fn check_flaps(report: &mut Report, account: &Account, limits: &Limits) {
    for (number, flaps) in account.flaps.iter().flatten() {
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
    }
}
