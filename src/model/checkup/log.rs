//! What starts a pass at once: the unit that watches the file that corosync logs to.

use std::path::Path;

use super::logging::{Off, Target};
use super::timer::Units;
use super::{Answer, Point, Topic};

/// What gives the unit another file to watch.
const FOLDER: &str = "/etc/systemd/system/ringcheck.path.d";

const RESTART: &str = "systemctl restart ringcheck.path";

/// Has corosync read its configuration, on all nodes.
const RELOAD: &str = " && corosync-cfgtool -R";

/// Files that ringcheck.path watches, in the directories that distributions make for them.
pub const FILES: [&str; 2] = [
    "/var/log/corosync/corosync.log",
    "/var/log/cluster/corosync.log",
];

/// Whether what corosync logs starts a pass.
pub fn is_watched(units: &Units, target: Option<&Target>) -> bool {
    let watched = match target {
        Some(Target::File(file)) => has(&units.watched, file),
        Some(Target::Quiet { .. } | Target::Elsewhere(_)) => false,
        None => true,
    };
    watched && units.path.is_active()
}

/// Whether these have a path in it, however many slashes it is written with.
fn has(paths: &[String], path: &str) -> bool {
    paths
        .iter()
        .any(|known| Path::new(known) == Path::new(path))
}

/// The unit that watches the log; `target` is where corosync's lines about links go, if that is
/// known, and `usual` the file where they would be expected.
pub fn log(units: &Answer<Units>, target: Option<&Target>, usual: &str) -> Point {
    let units = match units.known(Topic::Log) {
        Ok(units) => units,
        // It is the same failure, which the timer's point has said.
        Err(point) => return Point::skipped(Topic::Log, point.finding),
    };
    let late = |why: String| {
        let why = format!("{why}: faults are seen at the timer's next tick only");
        Point::warning(Topic::Log, why)
    };
    if !units.timer.is_active() {
        return Point::skipped(Topic::Log, "the timer is not active");
    }
    match target {
        Some(Target::Elsewhere(off)) => return elsewhere(off, usual),
        Some(Target::Quiet {
            file,
            subsystem,
            priority,
        }) => {
            let why = format!(
                "corosync writes nothing about links to {file}: it logs them as {}, and logfile_priority is {priority}",
                subsystem.priority()
            );
            let priority = format!("logfile_priority: {}", subsystem.priority());
            let command = append(Some(subsystem.name()), &[&priority]) + RELOAD;
            return late(why).mend(command);
        }
        _ => {}
    }
    for (name, unit) in [
        ("ringcheck.path", &units.path),
        ("ringcheck-event.service", &units.event),
    ] {
        match unit.load.as_str() {
            "loaded" => {}
            "masked" => {
                let command = format!("systemctl unmask {name} && {RESTART}");
                return late(format!("{name} is masked")).mend(command);
            }
            _ => {
                let command = format!("systemctl daemon-reload && {RESTART}");
                return late(format!("systemd cannot load {name}")).mend(command);
            }
        }
    }
    if !units.path.is_active() {
        let why = format!("ringcheck.path is {}", units.path.active);
        return late(why).mend(RESTART);
    }
    let Some(Target::File(file)) = target else {
        return Point::ok(Topic::Log, "ringcheck.path is active");
    };
    if has(&units.watched, file) {
        return Point::ok(Topic::Log, format!("{file} is watched"));
    }
    let point = late(format!("nobody watches {file}, which corosync logs to"));
    match is_path(file) {
        true => point.mend(format!(
            "mkdir -p {FOLDER} && printf '[Path]\\nPathModified={file}\\n' > {FOLDER}/log.conf && systemctl daemon-reload && {RESTART}"
        )),
        false => point,
    }
}

/// Corosync without a log file is no fault, but changes show later; the command makes it quick.
fn elsewhere(off: &Off, usual: &str) -> Point {
    let (why, when, command) = match off {
        Off::By(name) => (
            format!("corosync does not log to a file, because {name} turns it off"),
            // A file that was turned off while corosync runs stays so, whatever it is told.
            "from corosync's next start on",
            is_plain(name).then(|| append(Some(name), &["to_logfile: yes"])),
        ),
        Off::All(file) => {
            let file = file.as_deref().filter(|file| is_path(file));
            let file = file.unwrap_or(usual);
            let settings = ["to_logfile: yes", &format!("logfile: {file}")];
            let command = append(None, &settings) + RELOAD;
            (
                "corosync does not log to a file".into(),
                "at once",
                Some(command),
            )
        }
    };
    let finding = format!("{why}: the timer alone looks; to see changes {when}:");
    let point = Point::ok(Topic::Log, finding);
    match command {
        Some(command) => point.mend(command),
        None => point,
    }
}

/// Appends settings for logging to corosync's configuration, where the last ones count. An empty
/// line comes first, because the file's last line may have no end.
fn append(subsystem: Option<&str>, settings: &[&str]) -> String {
    let (start, indent, end) = match subsystem {
        Some(name) => (
            format!("    logger_subsys {{\\n        subsys: {name}\\n"),
            "        ",
            "    }\\n",
        ),
        None => (String::new(), "    ", ""),
    };
    let settings: String = settings
        .iter()
        .map(|setting| format!("{indent}{setting}\\n"))
        .collect();
    format!("printf '\\nlogging {{\\n{start}{settings}{end}}}\\n' >> /etc/corosync/corosync.conf")
}

/// Whether a shell and systemd take a path for itself.
fn is_path(path: &str) -> bool {
    path.starts_with('/') && is_plain(path)
}

fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::logging::Subsystem;
    use super::super::timer::tests::changed;
    use super::*;

    const FILE: &str = FILES[0];

    fn judge(target: Option<Target>) -> Point {
        log(&changed(|_| {}), target.as_ref(), FILE)
    }

    #[test]
    fn the_log_is_watched_while_the_timer_is_active() {
        let file = Target::File(FILE.into());
        let judge = |units: &Answer<Units>| {
            let point = log(units, Some(&file), FILE);
            (point.grade, point.command.unwrap_or_default())
        };
        assert_eq!(judge(&changed(|_| {})).0, Grade::Ok);
        let stopped = changed(|units| units.timer.active = "inactive".into());
        assert_eq!(judge(&stopped).0, Grade::Skipped);
        assert_eq!(judge(&Answer::Failed("".into())).0, Grade::Skipped);
        let failed = changed(|units| units.path.active = "failed".into());
        assert_eq!(judge(&failed), (Grade::Warning, RESTART.into()));
        for (state, command) in [("masked", "unmask"), ("not-found", "daemon-reload")] {
            let units = changed(|units| units.event.load = state.into());
            let (grade, mends) = judge(&units);
            assert_eq!(grade, Grade::Warning);
            assert!(
                mends.starts_with(&format!("systemctl {command} ")),
                "{mends}"
            );
            assert!(mends.ends_with(RESTART), "{mends}");
        }
    }

    #[test]
    fn another_file_is_to_be_watched_too() {
        let other = judge(Some(Target::File("/srv/corosync.log".into())));
        assert_eq!(other.grade, Grade::Warning);
        let command = other.command.unwrap();
        assert!(
            command.contains("PathModified=/srv/corosync.log\\n"),
            "{command}"
        );
        let odd = judge(Some(Target::File("/srv/$(reboot)".into())));
        assert_eq!((odd.grade, odd.command), (Grade::Warning, None));
        let same = judge(Some(Target::File(
            "/var/log//corosync/./corosync.log".into(),
        )));
        assert_eq!((same.grade, same.command), (Grade::Ok, None));
        assert_eq!(judge(None).grade, Grade::Ok);
    }

    #[test]
    fn lines_about_links_that_are_not_logged_can_be_had() {
        let Answer::Known(units) = changed(|_| {}) else {
            unreachable!()
        };
        let watched = |target: &Target| is_watched(&units, Some(target));
        let quiet = Target::Quiet {
            file: FILE.into(),
            subsystem: Subsystem::Knet,
            priority: "warning".into(),
        };
        let point = judge(Some(quiet.clone()));
        assert_eq!(point.grade, Grade::Warning);
        assert!(
            point
                .finding
                .contains("as info, and logfile_priority is warning"),
            "{point:?}"
        );
        let command = "printf '\\nlogging {\\n    logger_subsys {\\n        subsys: KNET\\n        \
            logfile_priority: info\\n    }\\n}\\n' >> /etc/corosync/corosync.conf && corosync-cfgtool -R";
        assert_eq!(point.command.as_deref(), Some(command));
        assert!(!watched(&quiet) && watched(&Target::File(FILE.into())));

        for (file, wanted) in [
            (None, FILE),
            (Some("/srv/it.log"), "/srv/it.log"),
            (Some("/srv/$(reboot)"), FILE),
        ] {
            let off = Target::Elsewhere(Off::All(file.map(str::to_owned)));
            let point = judge(Some(off.clone()));
            let settings = format!("\\n    to_logfile: yes\\n    logfile: {wanted}\\n}}\\n'");
            assert_eq!(point.grade, Grade::Ok);
            assert!(point.command.unwrap().contains(&settings));
            assert!(!watched(&off));
        }
        let by = judge(Some(Target::Elsewhere(Off::By("QUORUM".into()))));
        assert!(
            by.finding.contains("from corosync's next start on"),
            "{by:?}"
        );
        let command = by.command.unwrap();
        let block = "subsys: QUORUM\\n        to_logfile: yes\\n    }\\n}\\n'";
        assert!(
            command.contains(block) && !command.contains("-R"),
            "{command}"
        );
        let odd = judge(Some(Target::Elsewhere(Off::By("'$(reboot)'".into()))));
        assert_eq!(odd.command, None);
    }
}
