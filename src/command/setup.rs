//! `ringcheck setup`: does what an administrator would type after installing, and shows it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::screen;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::pacemaker::explain;
use crate::cluster::user;
use crate::cluster::{child, registered, systemd};
use crate::model::checkup::installed::Entry;
use crate::model::failure::{Exit, Failure};
use crate::model::moment::Moment;
use crate::model::setup::{self, Command, Found, Step};
use crate::store::folder::Folder;
use crate::store::{FOLDER, history, package};

/// How long a command may take; a unit that stops may take half of it.
const LIMIT: Duration = Duration::from_secs(60);

/// How long the first pass may take to come: a second until it starts, and its deadline.
const FIRST_PASS: Duration = Duration::from_secs(15);

const AGAIN: Duration = Duration::from_millis(100);

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether to take it back.
    pub undo: bool,
    /// Whether to see to the alert, too, which is the whole cluster's.
    pub alert: bool,
    /// Whether to show the commands only.
    pub dry_run: bool,
}

/// Sets this node up, or takes that back.
///
/// # Errors
/// When this is not root, systemd does not run here, the alert is wanted and Pacemaker cannot be
/// asked, or a command fails. What was done until then stays done.
pub fn run(options: Options) -> Result<(), Failure> {
    if !user::is_root() && !options.dry_run {
        let line = format!(
            "setup changes the system; run it as root, not as {}",
            user::whoami()
        );
        return Err(Failure::new(Exit::Permission, line));
    }
    let found = look(options)?;
    let began = BootClock.now();
    let steps = match options.undo {
        true => setup::undo(&found),
        false => setup::plan(&found),
    };
    for step in steps {
        match step {
            Step::Done(what) => say(&format!("{what}\n"))?,
            Step::Run(command) => {
                say(&format!("# {command}\n"))?;
                if !options.dry_run {
                    execute(&command)?;
                }
            }
            Step::Blocked(why) => return Err(Failure::new(Exit::Failed, why)),
        }
    }
    if options.undo || options.dry_run {
        return Ok(());
    }
    match found.units.pacemaker.is_active() {
        true => greet(began),
        false => {
            say("The links are shown once the cluster runs: start it with `pcs cluster start`\n")
        }
    }
}

fn look(options: Options) -> Result<Found, Failure> {
    let deadline = Instant::now() + LIMIT;
    let units = systemd::units(deadline)?.ok_or_else(|| {
        let line = "systemd does not run this machine: have something run `ringcheck --once --quiet` every few seconds";
        Failure::new(Exit::Failed, line)
    })?;
    if units.timer.load != "loaded" {
        let line = format!(
            "ringcheck.timer is {}: look at `ringcheck doctor`",
            units.timer.load
        );
        return Err(Failure::new(Exit::Failed, line));
    }
    let hacluster = user::hacluster(deadline).map(|user| (user.uid, user.gid));
    let ours = |folder: &str| match package::look(Path::new(folder), false) {
        Entry::Found { uid, gid, .. } => Some((uid, gid)) == hacluster,
        Entry::Missing => false,
    };
    let (alerts, schema) = match options.alert {
        true => (
            Some(registered::alerts(deadline)?),
            registered::schema(deadline)?,
        ),
        false => (None, None),
    };
    Ok(Found {
        folders: [FOLDER, history::FOLDER].into_iter().all(ours),
        units,
        alerts,
        schema,
        pcs: child::find("pcs").is_some(),
    })
}

fn execute(command: &Command) -> Result<(), Failure> {
    let words: Vec<&str> = command.0.iter().map(String::as_str).collect();
    let [tool, arguments @ ..] = words.as_slice() else {
        return Ok(());
    };
    let output = child::run(tool, arguments, Instant::now() + LIMIT)?;
    match output.code {
        Some(0) => Ok(()),
        _ if *tool == "cibadmin" => Err(explain("cannot change the CIB", &output)),
        code => {
            let why = match (output.complaint.as_str(), code) {
                ("", Some(code)) => format!("exit code {code}"),
                ("", None) => "a signal ended it".into(),
                (complaint, _) => complaint.to_owned(),
            };
            let line = format!("{tool} failed: {why}; run the command shown above by itself");
            Err(Failure::new(Exit::Failed, line))
        }
    }
}

/// Waits for a pass, so that what is typed next shows the links.
fn greet(began: Moment) -> Result<(), Failure> {
    let folder = Folder::new(FOLDER);
    let end = Instant::now() + FIRST_PASS;
    loop {
        let good = folder.stamp().ok().and_then(|stamp| stamp.good);
        if good.is_some_and(|good| good.started >= began) {
            return say("The links are shown now: crm_mon -A1\n");
        }
        if Instant::now() >= end {
            let line = format!(
                "there was no good pass within {} s: look at `ringcheck doctor`",
                FIRST_PASS.as_secs()
            );
            return Err(Failure::new(Exit::Failed, line));
        }
        thread::sleep(AGAIN);
    }
}

/// What nobody reads any more is no reason to stop half-way.
fn say(text: &str) -> Result<(), Failure> {
    screen::print(text).map(drop)
}
