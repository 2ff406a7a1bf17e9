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

/// Which part of the time is left, when it waits to look again, for all that follows.
const RESERVE: u32 = 8;

/// How often and after which time the CIB is asked again when it has something else: a pass may
/// be writing it just now.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(500);

/// What is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is still well.
    pub limits: Limits,
    /// Whether to look at the passes and at what they publish, too.
    pub attributes: bool,
    /// Within which time the answer must come, whatever hangs.
    pub timeout: Duration,
}

/// When this process gives up what it waits for.
#[derive(Clone, Copy)]
struct Deadlines {
    /// What is asked must have answered, so that there is time to say which of them did not.
    answer: Instant,
    /// Something hangs that has no deadline of its own.
    process: Instant,
}

impl Deadlines {
    /// The rest of the timeout is for the start and the end of this process on a busy machine.
    fn within(timeout: Duration) -> Deadlines {
        let now = Instant::now();
        Deadlines {
            answer: now + timeout * 4 / 5,
            process: now + timeout * 9 / 10,
        }
    }
}

/// Answers on stdout; the exit code.
pub fn run(config: Option<&Path>, options: &Options) -> u8 {
    let deadlines = Deadlines::within(options.timeout);
    station::give_up(deadlines.process, Status::Unknown.code(), || {
        let line = "nothing was found out in time; look at `systemctl status corosync pacemaker`";
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

/// There is one answer, also when it comes at the moment at which this process is given up.
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

/// Where this node cannot be seen, what the passes have left tells the labels of the figures.
fn blind(failure: &Failure, options: &Options) -> Report {
    let known = Known::read(BootClock.now());
    let Some(layout) = known.state.as_ref().and_then(|state| state.layout.as_ref()) else {
        return Report::failed(failure);
    };
    let limits = &options.limits;
    let account = options.attributes.then(|| account(&known, limits));
    Report::blind(failure, layout, account.as_ref(), limits)
}

/// What the passes have counted, as far as it can be read.
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

/// What the passes have published, and whether the CIB has it.
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
