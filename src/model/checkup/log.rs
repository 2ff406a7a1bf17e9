//! What starts a pass at once: the unit that watches the file that corosync logs to.

use super::timer::Units;
use super::{Answer, Point, Topic};

/// What gives the unit another file to watch.
const FOLDER: &str = "/etc/systemd/system/ringcheck.path.d";

const RESTART: &str = "systemctl restart ringcheck.path";

/// Where corosync logs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file.
    File(String),
    /// No file: syslog, or nothing.
    Elsewhere,
}

/// What the section `logging` of corosync.conf(5) says, from the text of that file.
pub fn target(configuration: &str) -> Target {
    let (mut sections, mut to_file, mut file) = (Vec::new(), false, None);
    for line in configuration.lines().map(str::trim) {
        if line.starts_with('#') {
            continue;
        } else if let Some((name, _)) = line.split_once('{') {
            sections.push(name.trim());
        } else if line.starts_with('}') {
            sections.pop();
        } else if let (["logging"], Some((key, value))) = (&sections[..], line.split_once(':')) {
            match key.trim() {
                "to_logfile" => to_file = value.trim() == "yes",
                "logfile" => file = Some(value.trim().to_owned()),
                _ => {}
            }
        }
    }
    match file.filter(|_| to_file) {
        Some(file) => Target::File(file),
        None => Target::Elsewhere,
    }
}

/// Whether what corosync logs starts a pass.
pub fn is_watched(units: &Units, target: Option<&Target>) -> bool {
    let watched = match target {
        Some(Target::File(file)) => units.watched.contains(file),
        Some(Target::Elsewhere) => false,
        None => true,
    };
    watched && units.path.is_active()
}

/// The unit that watches the log; `target` is where corosync logs to, if that is known.
pub fn log(units: &Answer<Units>, target: Option<&Target>) -> Point {
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
    if target == Some(&Target::Elsewhere) {
        return Point::ok(
            Topic::Log,
            "corosync logs to no file: the timer alone looks",
        );
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
    if units.watched.contains(file) {
        return Point::ok(Topic::Log, format!("{file} is watched"));
    }
    let point = late(format!("nobody watches {file}, which corosync logs to"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    match file.starts_with('/') && file.chars().all(plain) {
        true => point.mend(format!(
            "mkdir -p {FOLDER} && printf '[Path]\\nPathModified={file}\\n' > {FOLDER}/log.conf && systemctl daemon-reload && {RESTART}"
        )),
        false => point,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::timer::tests::changed;
    use super::*;

    const FILE: &str = "/var/log/corosync/corosync.log";

    #[test]
    fn finds_the_file_that_corosync_logs_to() {
        let file = |path: &str| Target::File(path.into());
        let text = "\
totem {
  interface {
    logfile: /not/this
  }
}
logging {
    #logfile: /nor/this
    to_logfile: yes
    logfile:/var/log/corosync/corosync.log
    logger_subsys {
        subsys: KNET
        to_logfile: no
        logfile: /nor/that
    }
    to_syslog: no
}
";
        assert_eq!(target(text), file(FILE));
        let off = text.replacen("to_logfile: yes", "to_logfile: no", 1);
        assert_eq!(target(&off), Target::Elsewhere);
        for nothing in ["", "}}}", "{", "logging {", "logging { }\nto_logfile: yes"] {
            assert_eq!(target(nothing), Target::Elsewhere, "{nothing}");
        }
    }

    #[test]
    fn the_log_is_watched_while_the_timer_is_active() {
        let file = Target::File(FILE.into());
        let judge = |units: &Answer<Units>| {
            let point = log(units, Some(&file));
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
        let judge = |target: Option<Target>| log(&changed(|_| {}), target.as_ref());
        let other = judge(Some(Target::File("/srv/corosync.log".into())));
        assert_eq!(other.grade, Grade::Warning);
        let command = other.command.unwrap();
        assert!(
            command.contains("PathModified=/srv/corosync.log\\n"),
            "{command}"
        );
        let odd = judge(Some(Target::File("/srv/$(reboot)".into())));
        assert_eq!((odd.grade, odd.command), (Grade::Warning, None));
        assert_eq!(judge(None).grade, Grade::Ok);
        assert_eq!(judge(Some(Target::Elsewhere)).grade, Grade::Ok);
    }
}
