//! `ringcheck --once`, the timer's pass and the alert's: one pass on this node.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Instant;

use chrono::Local;

use super::metrics::{self, Seen, Witness};
use super::pass::Pass;
use super::station::{self, Station};
use crate::cluster::Registry;
use crate::cluster::alarm;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::daemon::{Daemons, Look};
use crate::cluster::journal::{Journal, Level};
use crate::cluster::observer::Observer;
use crate::cluster::pacemaker::Pacemaker;
use crate::model::attribute::{Attributes, Change};
use crate::model::failure::{Exit, Failure};
use crate::model::link::NodeId;
use crate::model::moment::Moment;
use crate::model::settings::Settings;
use crate::model::transition::Transition;
use crate::model::trigger::Trigger;
use crate::model::verdict::Judgement;
use crate::store::config;
use crate::store::folder::{Folder, Lock};
use crate::store::history::{self, Record};
use crate::store::stamp::{Good, Stamp};
use crate::store::state::State;

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
    station::say_once(|| {
        if is_news(&failure, options.trigger) {
            let line = match options.trigger {
                Trigger::Hand => failure.line.clone(),
                Trigger::Timer | Trigger::Alert | Trigger::Log => failure.log_line(),
            };
            journal.say(Level::Error, &line);
        }
    });
    failure.exit
}

fn attempt(options: &Options, journal: Journal) -> Result<(), Failure> {
    let invoked = BootClock.now();
    let settings = config::read(options.config.as_deref())?;
    let file = settings.metrics_file.as_deref();
    let deadline = Instant::now() + settings.deadline.saturating_sub(alarm::spent());
    let station = Station::enter()?;
    let watchdog = Watchdog {
        woken: Cell::new(false),
        deadline,
        journal,
        trigger: options.trigger,
    };
    let begun = begin(options, invoked, &station, &watchdog);
    station.confine(file);
    let result = begun.and_then(|begun| match begun {
        Some(begun) => pass(options, &settings, begun, &station, &watchdog).map(Some),
        None => Ok(None),
    });
    if result.is_err() || file.is_some() {
        watchdog.wake();
    }
    if let Some(file) = file {
        match &result {
            Ok(Some(seen)) => metrics::leave(file, Some(seen), journal),
            Ok(None) => {}
            Err(_) => metrics::leave(file, None, journal),
        }
        // Whoever stopped the timer after the lock was given back has taken the file away.
        if station.load().is_ok_and(|state| state.cleared) {
            metrics::take_away(file, journal);
        }
    }
    result.map(drop)
}

/// A pass that is to be done.
struct Begun {
    lock: Lock,
    stamp: Stamp,
    state: State,
    look: Look,
}

/// Waits for the lock and looks for the daemons; nothing where there is no pass to do.
fn begin(
    options: &Options,
    invoked: Moment,
    station: &Station,
    watchdog: &Watchdog,
) -> Result<Option<Begun>, Failure> {
    let lock = station.lock(watchdog.deadline, watchdog.journal)?;
    let stamp = lock.stamp();
    let done_meanwhile = stamp
        .good
        .filter(|good| (invoked..=BootClock.now()).contains(&good.started))
        .is_some_and(|good| good.forced || !options.force);
    if done_meanwhile && options.config.is_none() {
        return Ok(None);
    }
    if options.trigger == Trigger::Log && stamp.failing.is_some() {
        return Ok(None);
    }
    let state = station.load()?;
    let look = station.look(&state);
    station::require(&look)?;
    if matches!(options.trigger, Trigger::Alert | Trigger::Log) && state.cleared {
        return Ok(None);
    }
    Ok(Some(Begun {
        lock,
        stamp,
        state,
        look,
    }))
}

/// Does the pass; what it has seen.
fn pass(
    options: &Options,
    settings: &Settings,
    begun: Begun,
    station: &Station,
    watchdog: &Watchdog,
) -> Result<Seen, Failure> {
    let Begun {
        lock,
        stamp,
        state: before,
        look,
    } = begun;
    let (journal, deadline) = (watchdog.journal, watchdog.deadline);
    let mut state = before.clone();
    // Where nothing can be kept it would be said each time.
    let unkept = [Exit::State, Exit::Permission].map(Exit::code);
    let keeps = stamp
        .failing
        .is_none_or(|failing| !unkept.contains(&failing.exit));
    if options.trigger != Trigger::Hand && keeps {
        welcome(&before.daemons, &look.seen, watchdog);
    }
    let mut witness = Witness::new(settings);
    let started = BootClock.now();
    let mut saved = before.clone();
    let mut records = Vec::new();
    let mut registry = Counted {
        watchdog,
        done: 0,
        failed: 0,
    };
    let result = Pass {
        source: &mut witness,
        registry: &mut registry,
        clock: &BootClock,
        settings,
        force: options.force,
        deadline,
        say: &mut |entry| journal.tell(&entry),
        record: &mut |change| records.push(record(&change, options.trigger)),
        remember: &mut |state| {
            state.save(&station.folder, &saved)?;
            saved = state.clone();
            Ok(())
        },
    }
    .run(&mut state, look.seen);
    // What somebody who had no lock may have left meanwhile is kept.
    let mut stamp = lock.stamp();
    stamp.failed_writes += registry.failed;
    let kept = match &result {
        Ok(judgement) => {
            explain(judgement, journal);
            let good = Good {
                started,
                took: BootClock.now().since(started).as_millis() as u64,
                forced: options.force,
                trigger: options.trigger,
            };
            if stamp.succeed(good, registry.done) {
                watchdog.wake();
                journal.say(Level::Notice, "link state is published again");
            }
            lock.set_stamp(&stamp)
        }
        Err(_) => {
            stamp.writes += registry.done;
            // That it failed is counted where it is said.
            let _ = lock.set_stamp(&stamp);
            Ok(())
        }
    };
    // A disk that hangs must not keep the next pass from the attributes.
    drop(lock);
    remember(&records, journal);
    let judgement = result?;
    kept?;
    Ok(Seen {
        witness,
        state,
        judgement,
    })
}

/// What is kept of a change that is seen now.
pub(super) fn record(change: &Transition, trigger: Trigger) -> Record {
    Record::new(Local::now().fixed_offset(), change, trigger)
}

/// Adds to the history. What a pass is for is done by then, so it does not fail by this.
pub(super) fn remember(records: &[Record], journal: Journal) {
    if records.is_empty() {
        return;
    }
    if let Err(failure) = history::append(&Folder::new(history::FOLDER), records) {
        journal.say(Level::Error, &failure.line);
    }
}

/// Says each verdict and why, to who asked for it.
fn explain(judgement: &Judgement, journal: Journal) {
    if !journal.tells(Level::Info) {
        return;
    }
    for (link, verdict) in &judgement.verdicts {
        let text = verdict
            .state
            .map_or("not judged yet".into(), |s| s.to_string());
        let line = format!("link {link} {} {text}: {}", verdict.address, verdict.reason);
        journal.say(Level::Info, &line);
    }
}

/// Says in ifcheckd's words that the node has been met, or its Pacemaker anew.
fn welcome(before: &Daemons, seen: &Daemons, watchdog: &Watchdog) {
    let line = match (before.controld, seen.controld) {
        (None, Some(_)) => "Start to monitor interface",
        (Some(before), Some(now)) if before != now => {
            "Start to monitor interface after Pacemaker restarted"
        }
        _ => return,
    };
    watchdog.wake();
    watchdog.journal.say(Level::Notice, line);
}

/// Whether a failure is worth a line. It is counted, too.
fn is_news(failure: &Failure, trigger: Trigger) -> bool {
    // Without the lock, which the failure may be about.
    let count = || -> Result<bool, Failure> {
        let station = Station::enter()?;
        station.confine(None);
        let mut stamp = station.folder.stamp()?;
        let news = stamp.fail(failure, trigger, BootClock.now());
        station.folder.set_stamp(&stamp)?;
        Ok(news)
    };
    count().unwrap_or(true)
}

/// Ends a pass that hangs. It sleeps while nothing is done but what ends by itself: to ask
/// Corosync, which has a deadline of its own, and to read and write below /run. A thread for
/// that would be a tenth of what such a pass costs.
struct Watchdog {
    woken: Cell<bool>,
    deadline: Instant,
    journal: Journal,
    trigger: Trigger,
}

impl Watchdog {
    fn wake(&self) {
        if !self.woken.replace(true) {
            let trigger = self.trigger;
            let is_news = move |failure: &Failure| is_news(failure, trigger);
            station::watch("the pass", self.deadline, self.journal, is_news);
        }
    }
}

/// Pacemaker, and how many writes it took.
struct Counted<'a> {
    watchdog: &'a Watchdog,
    done: u64,
    failed: u64,
}

impl Registry for Counted<'_> {
    fn query(&mut self, node: NodeId, deadline: Instant) -> Result<Attributes, Failure> {
        self.watchdog.wake();
        Pacemaker.query(node, deadline)
    }

    fn write(&mut self, change: &Change, deadline: Instant) -> Result<(), Failure> {
        self.watchdog.wake();
        let result = Pacemaker.write(change, deadline);
        match result {
            Ok(()) => self.done += 1,
            Err(_) => self.failed += 1,
        }
        result
    }

    fn refresh(&mut self, deadline: Instant) -> Result<(), Failure> {
        self.watchdog.wake();
        Pacemaker.refresh(deadline)
    }
}

/// What a pass would write now, a line each. Reads only, and takes no lock.
///
/// # Errors
/// As a pass, but for writing.
pub fn rehearse(options: &Options, journal: Journal) -> Result<String, Failure> {
    let settings = config::read(options.config.as_deref())?;
    let deadline = Instant::now() + settings.deadline;
    let station = Station::enter()?;
    let mut state = station.load()?;
    let look = station.look(&state);
    station.confine(None);
    station::watch("the pass", deadline, journal, |_| true);
    station::require(&look)?;
    let mut rehearsal = Rehearsal(String::new());
    Pass {
        source: &mut Observer::default(),
        registry: &mut rehearsal,
        clock: &BootClock,
        settings: &settings,
        force: options.force,
        deadline,
        say: &mut |_| {},
        record: &mut |_| {},
        remember: &mut |_| Ok(()),
    }
    .run(&mut state, look.seen)?;
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
