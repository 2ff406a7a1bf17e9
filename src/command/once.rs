//! `ringcheck --once`, the timer's pass and the alert's: one pass on this node.

use std::path::PathBuf;
use std::time::Instant;

use super::pass::Pass;
use super::station::{self, Station};
use crate::cluster::Registry;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::journal::{Journal, Level};
use crate::cluster::observer::Observer;
use crate::cluster::pacemaker::Pacemaker;
use crate::model::attribute::{Attributes, Change};
use crate::model::failure::{Exit, Failure};
use crate::model::link::NodeId;
use crate::store::config;
use crate::store::folder::Stamp;

/// The file of what the timer's or an alert's pass failed with last, so that it is said once.
const SAID: &str = "failure";

/// What asked for the pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A person.
    Hand,
    /// The timer: says a failure once, until it changes, and nothing while the cluster is down.
    Timer,
    /// Pacemaker, on a node event: the same, and does not bring back what was cleared.
    Alert,
}

/// How to do the pass.
#[derive(Clone, Debug)]
pub struct Options {
    /// The settings file, if not the usual one.
    pub config: Option<PathBuf>,
    /// Whether to write every attribute, also the right ones.
    pub force: bool,
    /// What asked for the pass.
    pub trigger: Trigger,
}

/// Does one pass, says what there is to say, and tells how it went.
pub fn run(options: &Options, journal: Journal) -> Exit {
    let Err(failure) = attempt(options, journal) else {
        return Exit::Ok;
    };
    if options.trigger == Trigger::Hand || is_news(&failure) {
        journal.say(Level::Error, &failure.line);
    }
    failure.exit
}

fn attempt(options: &Options, journal: Journal) -> Result<(), Failure> {
    let invoked = BootClock.now();
    let settings = config::read(options.config.as_deref())?;
    let deadline = Instant::now() + settings.deadline;
    let station = Station::enter()?;
    station::watch(deadline, journal);
    let mut lock = station.folder.lock(deadline)?;
    let done_meanwhile = lock
        .stamp()
        .filter(|stamp| (invoked..=BootClock.now()).contains(&stamp.started))
        .is_some_and(|stamp| stamp.forced || !options.force);
    if done_meanwhile && options.config.is_none() {
        return Ok(());
    }
    let before = station.load()?;
    let mut state = before.clone();
    let daemons = station.daemons(&state);
    station::require(&daemons)?;
    if options.trigger == Trigger::Alert && state.cleared {
        return Ok(());
    }
    state.cleared = false;
    let started = BootClock.now();
    let mut saved = before.clone();
    let judgement = Pass {
        source: &mut Observer::default(),
        registry: &mut Pacemaker,
        clock: &BootClock,
        settings: &settings,
        force: options.force,
        deadline,
        say: &mut |level, line| journal.say(level, line),
        remember: &mut |state| {
            state.save(&station.folder, &saved)?;
            saved = state.clone();
            Ok(())
        },
    }
    .run(&mut state, daemons)?;
    for (link, verdict) in &judgement.verdicts {
        let text = verdict
            .state
            .map_or("not judged yet".into(), |s| s.to_string());
        let line = format!("link {link} {} {text}: {}", verdict.address, verdict.reason);
        journal.say(Level::Info, &line);
    }
    if station.folder.remove(SAID)? {
        journal.say(Level::Notice, "link state is published again");
    }
    let stamp = Stamp {
        started,
        forced: options.force,
    };
    lock.set_stamp(stamp).map_err(|error| {
        let line = format!("cannot leave the time stamp of this pass: {error}");
        Failure::new(Exit::State, line)
    })
}

/// Whether a failure is worth a line of the journal: that the cluster is down is no news,
/// and all else is news once, until it changes.
fn is_news(failure: &Failure) -> bool {
    if matches!(failure.exit, Exit::CorosyncDown | Exit::PacemakerDown) {
        return false;
    }
    let known = || -> Result<bool, Failure> {
        let station = Station::enter()?;
        let line = failure.line.as_bytes();
        if station.folder.read(SAID)?.as_deref() == Some(line) {
            return Ok(true);
        }
        // Without the lock, which the failure may be about: of two that are said at the same
        // time one may be said again.
        station.folder.replace(SAID, line)?;
        Ok(false)
    };
    !known().unwrap_or(false)
}

/// What a pass would write now, a line each. Reads only, and takes no lock.
///
/// # Errors
/// As a pass, but for writing.
pub fn rehearse(options: &Options, journal: Journal) -> Result<String, Failure> {
    let settings = config::read(options.config.as_deref())?;
    let deadline = Instant::now() + settings.deadline;
    let station = Station::enter()?;
    station::watch(deadline, journal);
    let mut state = station.load()?;
    let daemons = station.daemons(&state);
    station::require(&daemons)?;
    let mut rehearsal = Rehearsal(String::new());
    Pass {
        source: &mut Observer::default(),
        registry: &mut rehearsal,
        clock: &BootClock,
        settings: &settings,
        force: options.force,
        deadline,
        say: &mut |_, _| {},
        remember: &mut |_| Ok(()),
    }
    .run(&mut state, daemons)?;
    if rehearsal.0.is_empty() {
        rehearsal.0 += "nothing to write\n";
    }
    Ok(rehearsal.0)
}

/// Notes what would be written.
struct Rehearsal(String);

impl Registry for Rehearsal {
    fn query(&mut self, node: NodeId, deadline: Instant) -> Result<Attributes, Failure> {
        Pacemaker.query(node, deadline)
    }

    fn write(&mut self, change: &Change, _: Instant) -> Result<(), Failure> {
        self.0 += &match change {
            Change::Update { name, value } => format!("would write {name} = {value}\n"),
            Change::Delete { name } => format!("would delete {name}\n"),
        };
        Ok(())
    }

    fn refresh(&mut self, _: Instant) -> Result<(), Failure> {
        self.0 += "would refresh the CIB\n";
        Ok(())
    }
}
