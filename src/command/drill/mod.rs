//! `ringcheck drill`: the failover test, on the administrator's own cluster.
//!
//! It runs as root from beginning to end and without the sandbox of the passes: a stop by force
//! runs the resource agent itself, which writes where agents write.

mod cleanup;
mod desk;
mod steps;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{Local, SecondsFormat};
use serde::Serialize;

use self::desk::{Desk, Stop};
use self::steps::Drill;
use super::{screen, station};
use crate::cluster::daemon::{Daemons, Look};
use crate::cluster::journal::{Journal, Level};
use crate::cluster::signal::Signals;
use crate::cluster::{drill, user};
use crate::model::drill::refusal::refusal;
use crate::model::drill::report::{Outcome, Repair, Report};
use crate::model::drill::scene::Scene;
use crate::model::drill::{Move, RESOURCE};
use crate::model::failure::{Exit, Failure};

/// Longer than all steps and their ends can take: what hangs then is not Pacemaker, but the
/// terminal that nothing can be written to.
const LIMIT: Duration = Duration::from_secs(1200);

/// What to do, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How the resource is made to move, if it is.
    pub way: Option<Move>,
    /// Only remove what drills have left.
    pub cleanup: bool,
    /// Without asking.
    pub yes: bool,
    /// A report as JSON on standard output, and what is said meanwhile on standard error.
    pub json: bool,
}

/// Runs the drill, or repairs what one has left. The exit code: of a signal, as shells have it.
pub fn run(options: &Options, journal: Journal) -> u8 {
    let result = match options.cleanup {
        true => repair(options, journal),
        false => rehearse(options, journal),
    };
    result.unwrap_or_else(|failure| {
        journal.say(Level::Error, &failure.line);
        failure.exit.code()
    })
}

/// That this process may do what it has to, and Pacemaker is there.
fn enter() -> Result<(), Failure> {
    if !user::is_root() {
        let line = format!(
            "a drill stops a resource by force and needs root; run it as root, not as {}",
            user::whoami()
        );
        return Err(Failure::new(Exit::Permission, line));
    }
    station::require(&Look::take(Path::new("/proc"), &Daemons::default(), None))
}

fn guard(journal: Journal) {
    station::give_up(Instant::now() + LIMIT, Exit::Deadline.code(), move || {
        let line =
            "the drill hangs and was given up; `ringcheck drill --cleanup` removes what it made";
        journal.say(Level::Error, line);
    });
}

fn repair(options: &Options, journal: Journal) -> Result<u8, Failure> {
    enter()?;
    guard(journal);
    let mut desk = Desk::new(options.json, Signals::catch()?);
    let cleanup = cleanup::run(&mut desk);
    let exit = exit(cleanup.ok);
    if options.json {
        let repair = Repair {
            version: 1,
            cleanup,
        };
        screen::print(&json(&repair))?;
    }
    Ok(exit.code())
}

fn rehearse(options: &Options, journal: Journal) -> Result<u8, Failure> {
    enter()?;
    let node = drill::node_name()?;
    let scene = look(&node, options.way)?;
    if !options.yes {
        ask(&node, &scene, options)?;
        // Much may have happened until the answer.
        look(&node, options.way)?;
    }
    guard(journal);
    // From here on a signal may not end this process before all is removed.
    let mut desk = Desk::new(options.json, Signals::catch()?);
    let time = Local::now().to_rfc3339_opts(SecondsFormat::Secs, false);
    if !drill::create()? {
        return Err(exists());
    }
    let mut play = Drill {
        desk: &mut desk,
        node: &node,
        steps: Vec::new(),
    };
    let result = play
        .created()
        .and_then(|()| play.run(scene.options.symmetric, options.way));
    let steps = play.steps;
    let cleanup = cleanup::run(&mut desk);
    let (outcome, failure, exit) = match result {
        Ok(()) => (Outcome::Passed, None, exit(cleanup.ok).code()),
        Err(Stop::Failed(why)) => (Outcome::Failed, Some(why), Exit::Failed.code()),
        Err(Stop::Interrupted(signal)) => {
            let why = format!("interrupted by {signal}");
            (Outcome::Interrupted, Some(why), signal.exit_code())
        }
    };
    match outcome {
        Outcome::Passed => desk.say("the drill passed"),
        Outcome::Failed => desk.warn("the drill FAILED"),
        Outcome::Interrupted => desk.warn("the drill was not finished"),
    }
    if options.json {
        let report = Report {
            version: 1,
            time,
            node,
            way: options.way.map(Move::name),
            result: outcome,
            failure,
            steps,
            cleanup,
        };
        screen::print(&json(&report))?;
    }
    Ok(exit)
}

fn exit(ok: bool) -> Exit {
    match ok {
        true => Exit::Ok,
        false => Exit::Failed,
    }
}

fn json(report: &impl Serialize) -> String {
    serde_json::to_string_pretty(report).expect("a report is always valid JSON") + "\n"
}

fn exists() -> Failure {
    let line = format!("{RESOURCE} exists: another drill has just begun");
    Failure::new(Exit::Failed, line)
}

/// The cluster, where a drill may be done.
fn look(node: &str, way: Option<Move>) -> Result<Scene, Failure> {
    let scene = drill::scene()?;
    let stored = drill::stored(drill::soon())?;
    match refusal(&scene, &stored, node, way) {
        None => Ok(scene),
        Some(why) => Err(Failure::new(Exit::Failed, format!("no drill: {why}"))),
    }
}

/// Tells what will be done, and asks whether it may.
fn ask(node: &str, scene: &Scene, options: &Options) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        let line = "nobody can be asked whether to start the drill, as standard input is no terminal; give --yes";
        return Err(Failure::new(Exit::Usage, line));
    }
    let text = announcement(node, scene, options.way) + "Start the drill? [y/N] ";
    match options.json {
        true => {
            let _ = io::stderr().write_all(text.as_bytes());
        }
        false => {
            screen::print(&text)?;
        }
    }
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    let answer = answer.trim().to_lowercase();
    match read {
        Ok(_) if ["y", "yes"].contains(&answer.as_str()) => Ok(()),
        _ => Err(Failure::new(Exit::Failed, "no drill was started")),
    }
}

fn announcement(node: &str, scene: &Scene, way: Option<Move>) -> String {
    let online = scene.nodes.iter().filter(|node| node.online).count();
    let moves = match (way, scene.ring(node)) {
        (Some(Move::Ring), Some((name, _))) => {
            format!("  makes it move by a rule on {name} of {node}, and come back,\n")
        }
        (Some(Move::Standby), _) => {
            format!("  makes it move by a standby of {node}, and come back,\n")
        }
        _ => String::new(),
    };
    format!(
        "The drill, on {node}, in a cluster of {} nodes, {online} online:\n  \
         creates a resource {RESOURCE} (ocf:pacemaker:Dummy, which serves nothing),\n  \
         stops it by force, and waits until the cluster notices and recovers it,\n\
         {moves}  \
         and removes all of this. It touches no other resource, and fences and\n  \
         reboots nothing. Alerts for resources will tell of it.\n",
        scene.nodes.len()
    )
}
