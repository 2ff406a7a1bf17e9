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
use crate::model::check::{self, Flaps, Limits, Passes, Report, Seen, Status};
use crate::model::failure::{Exit, Failure};
use crate::model::gather::Gather;
use crate::store::config;

/// How often and after which time the CIB is asked again when it has something else: a pass may
/// be writing it just now.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(500);

/// Answers on stdout; the exit code. `attributes` is whether to look at the passes and at what
/// they publish, too.
pub fn run(config: Option<&Path>, limits: &Limits, attributes: bool) -> u8 {
    let report =
        look(config, limits, attributes).unwrap_or_else(|failure| Report::failed(&failure));
    say(&report)
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

fn look(config: Option<&Path>, limits: &Limits, attributes: bool) -> Result<Report, Failure> {
    let settings = config::read(config)?;
    let deadline = Instant::now() + settings.deadline;
    station::give_up(deadline, Status::Unknown.code(), || {
        let line = "nothing was found out before the deadline; look at `systemctl status corosync pacemaker`";
        say(&Report::failed(&Failure::new(Exit::Deadline, line)));
    });
    let view = Viewer::default().look(&settings, deadline, deadline - settings.deadline / 8)?;
    let passes = attributes.then(|| passes(&view, limits, deadline));
    let seen = Seen {
        facts: &view.facts,
        judgement: &view.judgement,
        passes: passes.as_ref(),
    };
    Ok(check::check(&seen, limits))
}

fn passes(view: &View, limits: &Limits, deadline: Instant) -> Result<Passes, Failure> {
    let mut tries = TRIES;
    loop {
        // Only when it is running is it known whether anything should be there.
        let daemons = view.daemons();
        station::require(&daemons)?;
        let (state, stamp) = Known::demand(BootClock.now())?;
        let stored = Pacemaker.query(view.facts.node, deadline)?;
        let now = BootClock.now();
        tries -= 1;
        if stored != state.published && tries > 0 {
            thread::sleep(AGAIN);
            continue;
        }
        let good = stamp.good.filter(|good| good.started <= now);
        let flaps = view.facts.links.keys().map(|&link| {
            let since = now.before(limits.flap_window);
            let total = state.flaps.links.get(&link).copied().unwrap_or(0);
            let lately = state.flaps.since(link, since);
            (link, Flaps { total, lately })
        });
        return Ok(Passes {
            cleared: state.cleared,
            age: good.map(|good| now.since(good.started)),
            failing: stamp.failing.map(|failing| failing.line),
            flaps: flaps.gather(),
            published: state.published,
            stored,
        });
    }
}
