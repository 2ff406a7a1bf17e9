//! `ringcheck check`: a monitoring plugin for Nagios and all that run its plugins.
//!
//! Whatever happens there is one line on stdout and one of four exit codes, none of them those
//! of the other commands.

use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::station;
use super::view::{Known, View, Viewer};
use crate::cluster::Registry;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::pacemaker::Pacemaker;
use crate::model::check::figures::{Account, Flaps};
use crate::model::check::{self, Limits, Passes, Report, Seen, Shown, Status};
use crate::model::failure::{Exit, Failure};
use crate::model::gather::Gather;
use crate::model::link::LinkNumber;
use crate::store::config;

/// Fraction (1/RESERVE) of the time that is kept for the rest when links are looked at again.
const RESERVE: u32 = 8;

/// How often and after which time the CIB is asked again when it has something else: a pass may
/// be writing it just now.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(500);

/// Options of the check.
#[derive(Clone, Debug)]
pub struct Options {
    /// Thresholds.
    pub limits: Limits,
    /// Whether to check the passes and the attributes in the CIB, too.
    pub attributes: bool,
    /// Time limit for the answer, even if something hangs.
    pub timeout: Duration,
}

/// Points in time at which waiting ends.
#[derive(Clone, Copy)]
struct Deadlines {
    /// For corosync and the CIB. The rest of the time is enough to name the one that hangs.
    answer: Instant,
    /// For the whole process, in case something hangs that has no deadline of its own.
    process: Instant,
}

impl Deadlines {
    /// Leaves a tenth of the timeout for starting and ending the process on a busy machine.
    fn within(timeout: Duration) -> Deadlines {
        let now = Instant::now();
        Deadlines {
            answer: now + timeout * 4 / 5,
            process: now + timeout * 9 / 10,
        }
    }
}

/// Prints the answer on stdout and returns the exit code.
pub fn run(config: Option<&Path>, options: &Options) -> u8 {
    let deadlines = Deadlines::within(options.timeout);
    station::give_up(deadlines.process, Status::Unknown.code(), || {
        let line = "no result in time; look at `systemctl status corosync pacemaker`";
        say_once(&Report::failed(&Failure::new(Exit::Deadline, line)));
    });
    let report = look(config, options, deadlines.answer);
    say_once(&report.unwrap_or_else(|failure| blind(&failure, options)))
}

/// What is answered to a command line that is wrong, or that asks for help; the exit code.
pub fn refuse(why: &str) -> u8 {
    say(&Report::misasked(why))
}

/// A status that nobody could read is none.
fn say(report: &Report) -> u8 {
    match writeln!(io::stdout(), "{report}") {
        Ok(()) => report.status.code(),
        Err(_) => Status::Unknown.code(),
    }
}

/// Prints one answer only, even if the watchdog fires while the answer is being printed.
fn say_once(report: &Report) -> u8 {
    let mut code = Status::Unknown.code();
    station::say_once(|| code = say(report));
    code
}

fn look(config: Option<&Path>, options: &Options, deadline: Instant) -> Result<Report, Failure> {
    let settings = config::read(config)?;
    let left = deadline.saturating_duration_since(Instant::now());
    let view = Viewer::default().look(&settings, deadline, deadline - left / RESERVE)?;
    let limits = &options.limits;
    let passes = options.attributes.then(|| Passes {
        shown: shown(&view, deadline),
        account: account(&Known::read(BootClock.now()), limits),
    });
    let seen = Seen {
        facts: &view.facts,
        judgement: &view.judgement,
        passes: passes.as_ref(),
    };
    Ok(check::check(&seen, limits))
}

/// Reports a failure with the figures' labels from the state file.
fn blind(failure: &Failure, options: &Options) -> Report {
    let known = Known::read(BootClock.now());
    let Some(layout) = known.state.as_ref().and_then(|state| state.layout.as_ref()) else {
        return Report::failed(failure);
    };
    let limits = &options.limits;
    let account = options.attributes.then(|| account(&known, limits));
    Report::blind(failure, layout, account.as_ref(), limits)
}

/// Returns the counters of the passes, as far as they can be read.
fn account(known: &Known, limits: &Limits) -> Account {
    let now = BootClock.now();
    let good = known.stamp.as_ref().and_then(|stamp| stamp.good);
    let good = good.filter(|good| good.started <= now);
    let flaps = known.state.as_ref().map(|state| {
        let since = now.before(limits.flap_window);
        let count = |link: LinkNumber| Flaps {
            total: state.flaps.links.get(&link).copied().unwrap_or(0),
            lately: state.flaps.since(link, since),
        };
        let links = state.flaps.links.keys();
        links.map(|&link| (link, count(link))).gather()
    });
    Account {
        age: good.map(|good| now.since(good.started)),
        flaps,
    }
}

/// Reads what the passes have published and what the CIB has.
fn shown(view: &View, deadline: Instant) -> Result<Shown, Failure> {
    let mut tries = TRIES;
    loop {
        // Only when it is running is it known whether anything should be there.
        station::require(&view.daemons())?;
        let (state, stamp) = Known::demand(BootClock.now())?;
        let stored = Pacemaker.query(view.facts.node, deadline)?;
        tries -= 1;
        let in_time = Instant::now() + AGAIN < deadline;
        if stored != state.published && tries > 0 && in_time {
            thread::sleep(AGAIN);
            continue;
        }
        return Ok(Shown {
            cleared: state.cleared,
            failing: stamp.failing.map(|failing| failing.line),
            published: state.published,
            stored,
        });
    }
}
