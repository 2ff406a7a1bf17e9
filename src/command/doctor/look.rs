//! What the points are judged by: everything is looked at once, and as hacluster, which does
//! the passes.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::daemon::{Daemons, Look};
use crate::cluster::journal::Journal;
use crate::cluster::pacemaker::Pacemaker;
use crate::cluster::user::{self, User};
use crate::cluster::{
    Registry, child, corosync, drill, log as corosync_log, registered, sandbox, systemd,
};
use crate::command::station;
use crate::command::view::{Known, View, Viewer};
use crate::model::attribute::Attributes;
use crate::model::checkup::installed::{self, Entry, Installer, Misconfigured};
use crate::model::checkup::running::{self, Corosync};
use crate::model::checkup::shown::Alert;
use crate::model::checkup::timer::{self, Passes};
use crate::model::checkup::{self, Answer, Grade, Point, latency, links, log, shown};
use crate::model::failure::{Exit, Failure};
use crate::model::settings::Settings;
use crate::store::folder::Folder;
use crate::store::stamp::Good;
use crate::store::{CONFIGURATION, FOLDER, config, history, package};

/// How long each of those that are asked may take, corosync too.
const ANSWER: Duration = Duration::from_secs(4);

/// For how long an attribute that was just written may still be on its way into the CIB.
const ON_ITS_WAY: Duration = Duration::from_millis(1500);

const AGAIN: Duration = Duration::from_millis(300);

const TOOLS: [&str; 2] = ["attrd_updater", "cibadmin"];

/// Looks at everything, and judges it.
///
/// # Errors
/// When this is not run by root or hacluster, or root cannot become hacluster.
pub fn look(config: Option<&Path>, end: Instant, journal: Journal) -> Result<Vec<Point>, Failure> {
    let soon = || end.min(Instant::now() + ANSWER);
    let hacluster = user::hacluster(soon());
    if !user::is_root() && !hacluster.is_some_and(user::is) {
        let line = format!(
            "this checks what hacluster can do; run it as root or hacluster, not as {}",
            user::whoami()
        );
        return Err(Failure::new(Exit::Permission, line));
    }
    // As root, which needs no D-Bus for it.
    let units = match systemd::units(soon()) {
        Ok(None) => Answer::Skipped(
            "systemd does not run here: what starts `ringcheck --once --quiet` is not known".into(),
        ),
        Ok(Some(units)) => Answer::Known(units),
        Err(failure) => Answer::Failed(failure.line),
    };
    // Before it hides from hacluster and behind Landlock what it shows to root.
    let daemons = Look::take(
        Path::new("/proc"),
        &Daemons::default(),
        hacluster.map(|user| user.uid),
    );
    enter(hacluster)?;
    station::watch("doctor", end, journal, |_| true);

    let pacemaker = daemons.pacemaker_may_run();
    let installer = installer();
    let missing: Vec<&str> = TOOLS
        .into_iter()
        .filter(|tool| child::find(tool).is_none())
        .collect();
    let files =
        package::FILES.map(|(path, mode)| (path, mode, package::look(Path::new(path), true)));
    let whole = files.iter().all(|(_, _, entry)| *entry != Entry::Missing);
    let folders =
        [FOLDER, history::FOLDER].map(|path| (path, package::look(Path::new(path), false)));
    let lock = Folder::new(FOLDER).lock_path();
    let lock = (lock.as_path(), package::look(&lock, false));

    let settings = settings(config);
    let read = settings.as_ref().map(|(_, which)| which.as_str());
    let mut points = vec![installed::configuration(read)];
    let name = hacluster.map(|user| format!("hacluster (uid {})", user.uid));
    points.push(installed::tools(name.as_deref(), &missing, installer));
    points.extend(installed::package(&files, installer));
    points.extend(installed::folders(
        &folders,
        lock,
        hacluster.map(|user| (user.uid, user.gid)),
    ));

    let settings = settings.map(|(settings, _)| settings).unwrap_or_default();
    let view = if daemons.corosync_is_down() {
        // Asking it in vain would say nothing more.
        Err(Failure::new(Exit::CorosyncDown, ""))
    } else {
        Viewer::default().look(&settings, soon(), soon())
    };
    points.push(running::corosync(
        &corosync(&view, hacluster.is_some()),
        daemons.pacemaker_runs() == Some(true),
    ));
    points.push(running::pacemaker(
        daemons.pacemaker_runs(),
        hacluster.is_some(),
        &units,
    ));
    let failed = view
        .as_ref()
        .ok()
        .and_then(|view| view.facts.failed_reload.as_ref());
    points.extend(running::failed_reload(failed));
    points.extend(timer::timer(&units, pacemaker, whole));
    points.push(timer::clear_unit(&units));
    let target = corosync_log::target();
    points.push(log::log(&units, target.as_ref(), corosync_log::usual()));

    let unasked = if !pacemaker {
        Some("Pacemaker is not running")
    } else if missing.contains(&"cibadmin") {
        Some("there is no cibadmin to ask the CIB with")
    } else {
        None
    };
    let account = match pacemaker {
        true => passes(&folders),
        false => Answer::Skipped("the cluster is not running".into()),
    };
    points.push(timer::passes(&account, &units));
    let alerts = match unasked {
        None => answer(registered::alerts(soon())),
        Some(why) => Answer::Skipped(why.into()),
    };
    // Asked only where one is to be registered.
    let schema = match &alerts {
        Answer::Known(alerts) if !alerts.iter().any(Alert::is_ours) => {
            registered::schema(soon()).ok().flatten()
        }
        _ => None,
    };
    let pcs = child::find("pcs").is_some();
    points.extend(shown::alerts(&alerts, schema.as_ref(), pcs));
    let (published, stored) = match unasked {
        None => attributes(end),
        Some(why) => (Answer::Skipped(why.into()), Answer::Skipped(why.into())),
    };
    points.push(shown::attributes(&published, &stored));
    if let (None, Ok(stored)) = (unasked, drill::stored(soon())) {
        points.extend(shown::drill(&stored.remains));
    }

    let seen = match view {
        Ok(view) => Answer::Known((view.facts, view.judgement)),
        Err(_) => Answer::Skipped("corosync cannot be read".into()),
    };
    points.extend(links::links(&seen));
    let (interval, at_once) = match &units {
        Answer::Known(units) => (units.interval(), log::is_watched(units, target.as_ref())),
        _ => (None, false),
    };
    points.push(links::timings(&seen, interval, at_once));
    let configured = fs::read(corosync::CONFIGURATION).ok();
    let precise = configured.map(|text| latency::precise(&String::from_utf8_lossy(&text)));
    points.extend(latency::latency(&seen, precise.as_ref()));
    if matches!(units, Answer::Skipped(_)) {
        points = checkup::without_systemd(points);
    }
    Ok(points)
}

/// Becomes hacluster where there is one, and can change nothing from here on.
fn enter(hacluster: Option<User>) -> Result<(), Failure> {
    if let (true, Some(user)) = (user::is_root(), hacluster) {
        user::become_user(user)?;
    }
    sandbox::enter(&[]);
    Ok(())
}

fn answer<T>(result: Result<T, Failure>) -> Answer<T> {
    match result {
        Ok(known) => Answer::Known(known),
        Err(failure) => Answer::Failed(failure.line),
    }
}

/// The settings, and where they are from.
fn settings(config: Option<&Path>) -> Result<(Settings, String), Misconfigured> {
    let file = config.unwrap_or(Path::new(CONFIGURATION));
    let opened = File::open(file).map_err(|error| error.kind());
    match config::read(config) {
        Ok(settings) if opened.is_ok() => Ok((settings, format!("{} is valid", file.display()))),
        Ok(settings) => Ok((
            settings,
            format!("the defaults: there is no {CONFIGURATION}"),
        )),
        Err(failure) => Err(Misconfigured {
            line: failure.line,
            file: file.display().to_string(),
            forbidden: matches!(opened, Err(ErrorKind::PermissionDenied)),
            exists: !matches!(opened, Err(ErrorKind::NotFound)),
        }),
    }
}

fn installer() -> Option<Installer> {
    let known = [
        ("dpkg", Installer::Dpkg),
        ("zypper", Installer::Zypper),
        ("dnf", Installer::Dnf),
    ];
    let mut known = known.into_iter();
    known
        .find(|(tool, _)| child::find(tool).is_some())
        .map(|(_, installer)| installer)
}

fn corosync(view: &Result<View, Failure>, as_hacluster: bool) -> Corosync {
    match view {
        Ok(view) => Corosync::Answers {
            as_hacluster,
            name: view.facts.name.clone(),
            peers: view.facts.peers.len(),
            transport: view.facts.transport.to_string(),
        },
        Err(failure) => match failure.exit {
            Exit::CorosyncDown => Corosync::Down,
            Exit::Deadline => Corosync::Hung,
            Exit::Permission => Corosync::Refused,
            _ => Corosync::Unreadable(failure.line.clone()),
        },
    }
}

fn passes(folders: &[(&str, Entry)]) -> Answer<Passes> {
    let unreadable = || Answer::Skipped(format!("{FOLDER} cannot be read"));
    if folders.contains(&(FOLDER, Entry::Missing)) {
        return unreadable();
    }
    let now = BootClock.now();
    let Some(stamp) = Known::read(now).stamp else {
        return unreadable();
    };
    let good = |good: Good| (now.since(good.started), Duration::from_millis(good.took));
    Answer::Known(Passes {
        good: stamp.good.map(good),
        failing: stamp
            .failing
            .map(|failing| (now.since(failing.since), failing.line)),
    })
}

/// What was published, and what the CIB has.
type Both = (Answer<Attributes>, Answer<Attributes>);

fn attributes(end: Instant) -> Both {
    let until = end.min(Instant::now() + ON_ITS_WAY);
    let look = || {
        let skipped = |why: &str| (Answer::Skipped(why.into()), Answer::Skipped(why.into()));
        let Some(state) = Known::read(BootClock.now()).state else {
            return skipped("what was published cannot be read");
        };
        if state.cleared {
            return skipped("they were deleted when the timer was stopped");
        }
        let Some(node) = state.node else {
            return skipped("no pass has left its state yet");
        };
        let deadline = end.min(Instant::now() + ANSWER);
        let stored = answer(Pacemaker.query(node, deadline));
        (Answer::Known(state.published), stored)
    };
    lasting(look, || {
        thread::sleep(AGAIN);
        Instant::now() < until
    })
}

/// Looks until both agree: where they do not, a pass may be at work, and only what lasts until
/// there is no time to look `again` is wrong.
fn lasting(mut look: impl FnMut() -> Both, mut again: impl FnMut() -> bool) -> Both {
    loop {
        let (published, stored) = look();
        let known = matches!((&published, &stored), (Answer::Known(_), Answer::Known(_)));
        let wrong = shown::attributes(&published, &stored).grade == Grade::Wrong;
        if !(known && wrong && again()) {
            return (published, stored);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(value: &str) -> Answer<Attributes> {
        Answer::Known(Attributes::from([("ringnumber_0".into(), value.into())]))
    }

    #[test]
    fn an_attribute_that_is_on_its_way_is_not_wrong() {
        let mut looks = [("b", "a"), ("b", "b")].into_iter();
        let look = || {
            let (published, stored) = looks.next().expect("no third look");
            (set(published), set(stored))
        };
        assert_eq!(lasting(look, || true), (set("b"), set("b")));
    }

    #[test]
    fn what_lasts_is_wrong_and_what_fails_is_not_asked_again() {
        let mut left = 3;
        let again = || {
            left -= 1;
            left > 0
        };
        let wrong = (set("b"), set("a"));
        assert_eq!(lasting(|| wrong.clone(), again), wrong);
        assert_eq!(left, 0);
        let failed = (set("b"), Answer::Failed("no answer".into()));
        let never = || panic!("asked again");
        assert_eq!(lasting(|| failed.clone(), never), failed);
    }
}
