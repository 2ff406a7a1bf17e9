//! What systemd knows of ringcheck's units and the cluster's, by one `systemctl show`
//! (systemctl(1)), whose properties are stable, unlike what `systemctl status` prints.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::child;
use crate::model::checkup::timer::{Schedule, Unit, Units};
use crate::model::failure::{Exit, Failure};

const UNITS: [&str; 6] = [
    "ringcheck.timer",
    "ringcheck.service",
    "ringcheck-clear.service",
    "pacemaker.service",
    "ringcheck.path",
    "ringcheck-event.service",
];

const PROPERTIES: &str = "--property=Id,LoadState,UnitFileState,ActiveState,SubState,Result,\
    NeedDaemonReload,LastTriggerUSecMonotonic,NextElapseUSecMonotonic,NextElapseUSecRealtime,\
    TimersMonotonic,DropInPaths,Paths";

/// Where systemd is if it runs this machine (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";

/// Asks systemd; nothing where it does not run this machine.
///
/// # Errors
/// When it does not answer before the deadline.
pub fn units(deadline: Instant) -> Result<Option<Units>, Failure> {
    if !Path::new(BOOTED).is_dir() {
        return Ok(None);
    }
    let failed = |why: &str| {
        let line = format!("systemd cannot be asked: {why}; look at `systemctl status`");
        Failure::new(Exit::Failed, line)
    };
    let output = child::run(
        "systemctl",
        &[&["show", PROPERTIES], UNITS.as_slice()].concat(),
        deadline,
    )
    .map_err(|failure| match failure.exit {
        Exit::Deadline => failed("systemctl does not end"),
        _ => failed("systemctl cannot be run"),
    })?;
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(now.tv_sec as u64, now.tv_nsec as u32);
    // systemctl fails if it cannot show one of the units, but shows the others.
    let units = parse(&output.stdout, now);
    let units = units.ok_or_else(|| match output.code {
        Some(0) => failed("systemctl's answer is not understood"),
        code if output.complaint.is_empty() => {
            let code = code.map_or("a signal".into(), |code| format!("exit code {code}"));
            failed(&format!("systemctl ended with {code}"))
        }
        _ => failed(&output.complaint),
    })?;
    Ok(Some(units))
}

/// The units in systemctl's answer: a block for each, with lines like `LoadState=loaded`.
fn parse(text: &str, now: Duration) -> Option<Units> {
    let blocks: Vec<BTreeMap<&str, &str>> = text
        .split("\n\n")
        .map(|block| {
            block
                .lines()
                .filter_map(|line| line.split_once('='))
                .collect()
        })
        .collect();
    let block = |name: &str| {
        let mut blocks = blocks.iter();
        blocks.find(|block| block.get("Id") == Some(&name))
    };
    let other = |name: &str| {
        let unit = block(name).and_then(unit);
        unit.unwrap_or_else(|| Unit {
            load: "systemctl does not show it".into(),
            ..Unit::default()
        })
    };
    let timers = block(UNITS[0])?;
    let moment = |key: &str| timespan(timers.get(key)?).filter(|moment| !moment.is_zero());
    // A map keeps the last of several lines only.
    let intervals = text
        .lines()
        .filter_map(|line| line.strip_prefix("TimersMonotonic="))
        .filter_map(interval);
    let calendar = timers
        .get("NextElapseUSecRealtime")
        .is_some_and(|next| !next.is_empty());
    Some(Units {
        timer: unit(timers)?,
        schedule: Schedule {
            interval: intervals.min(),
            last: moment("LastTriggerUSecMonotonic").map(|last| now.saturating_sub(last)),
            next: match moment("NextElapseUSecMonotonic") {
                Some(next) => Some(next.saturating_sub(now)),
                None => calendar.then_some(Duration::ZERO),
            },
        },
        service: other(UNITS[1]),
        clear: other(UNITS[2]),
        pacemaker: other(UNITS[3]),
        path: other(UNITS[4]),
        watched: text.lines().filter_map(watched).collect(),
        event: other(UNITS[5]),
    })
}

fn unit(block: &BTreeMap<&str, &str>) -> Option<Unit> {
    let text = |key: &str| block.get(key).map(|&text| text.to_owned());
    Some(Unit {
        load: text("LoadState")?,
        file: text("UnitFileState").unwrap_or_default(),
        active: text("ActiveState")?,
        sub: text("SubState").unwrap_or_default(),
        result: text("Result").unwrap_or_default(),
        stale: block.get("NeedDaemonReload") == Some(&"yes"),
        altered: text("DropInPaths").is_some_and(|paths| !paths.is_empty()),
    })
}

/// The file that a path unit watches by one of its settings: `Paths=FILE (PathModified)`.
fn watched(line: &str) -> Option<String> {
    let (file, _) = line.strip_prefix("Paths=")?.rsplit_once(" (")?;
    Some(file.to_owned())
}

/// How often a timer fires by one of its settings, if that repeats:
/// `{ OnUnitActiveUSec=5s ; next_elapse=1h 2min 3.4s }`.
fn interval(setting: &str) -> Option<Duration> {
    let (name, rest) = setting.trim_start_matches(['{', ' ']).split_once('=')?;
    let repeats = ["OnUnitActiveUSec", "OnUnitInactiveUSec"].contains(&name);
    repeats.then(|| timespan(rest.split(';').next()?)).flatten()
}

/// systemd's way to write how long (systemd.time(7)): `1h 2min 3.4s`; none for `infinity`.
fn timespan(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for word in text.split_ascii_whitespace() {
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number: f64 = word[..word.len() - unit.len()].parse().ok()?;
        let seconds = match unit {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "month" => 2_629_800.0,
            "y" => 31_557_600.0,
            // Zero has no unit.
            "" if number == 0.0 => 1.0,
            _ => return None,
        };
        sum = sum.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_systemds_timespans() {
        for (text, milliseconds) in [
            ("5s", 5_000),
            ("0", 0),
            ("1h 2min 3.4s", 3_723_400),
            ("1d 250ms", 86_400_250),
            ("1month 1w", 3_234_600_000),
        ] {
            assert_eq!(timespan(text), Some(Duration::from_millis(milliseconds)));
        }
        for text in ["infinity", "5", "5 s", "s", "1e9s", "99999999999999999999y"] {
            assert_eq!(timespan(text), None, "{text}");
        }
    }

    const SHOWN: &str = "\
Id=ringcheck.timer
LoadState=loaded
UnitFileState=enabled
ActiveState=active
SubState=waiting
Result=success
NeedDaemonReload=no
DropInPaths=/etc/systemd/system/ringcheck.timer.d/override.conf
LastTriggerUSecMonotonic=1min 1s
NextElapseUSecMonotonic=1min 6s
NextElapseUSecRealtime=
TimersMonotonic={ OnUnitActiveUSec=5s ; next_elapse=1min 6s }
TimersMonotonic={ OnActiveUSec=1s ; next_elapse=58s }

Id=ringcheck.service
LoadState=loaded
UnitFileState=static
ActiveState=inactive
SubState=dead
Result=success
NeedDaemonReload=yes

Id=ringcheck-clear.service
LoadState=loaded
UnitFileState=static
ActiveState=active
SubState=exited
Result=success
NeedDaemonReload=no

Id=pacemaker.service
LoadState=not-found
UnitFileState=
ActiveState=inactive
SubState=dead
NeedDaemonReload=no

Id=ringcheck.path
LoadState=loaded
UnitFileState=static
ActiveState=active
SubState=waiting
Result=success
NeedDaemonReload=no
Paths=/var/log/corosync/corosync.log (PathModified)
Paths=/var/log/my (own)/corosync.log (PathModified)

Id=ringcheck-event.service
LoadState=loaded
UnitFileState=static
ActiveState=inactive
SubState=dead
Result=success
NeedDaemonReload=no
";

    #[test]
    fn reads_what_systemctl_shows() {
        let units = parse(SHOWN, Duration::from_secs(63)).unwrap();
        let schedule = Schedule {
            interval: Some(Duration::from_secs(5)),
            last: Some(Duration::from_secs(2)),
            next: Some(Duration::from_secs(3)),
        };
        assert_eq!(units.schedule, schedule);
        assert_eq!(units.timer.file, "enabled");
        assert!(units.timer.altered && !units.clear.altered);
        assert!(units.service.stale && units.clear.is_active());
        assert_eq!(units.pacemaker.load, "not-found");
        let watched = ["/var/log/corosync", "/var/log/my (own)"];
        assert_eq!(
            units.watched,
            watched.map(|folder| format!("{folder}/corosync.log"))
        );
        assert!(units.path.is_active() && !units.event.is_active());
    }

    #[test]
    fn one_odd_record_hides_no_other() {
        let whole = parse(SHOWN, Duration::from_secs(63)).unwrap();
        let odd = SHOWN
            .replace(
                "Id=pacemaker.service\nLoadState=not-found\n",
                "Id=pacemaker.service\n",
            )
            .replace("Id=ringcheck.path\n", "")
            .replace(
                "LastTriggerUSecMonotonic=1min 1s",
                "LastTriggerUSecMonotonic=soon",
            )
            .replace("{ OnActiveUSec=1s", "{ OnWhim");
        let units = parse(&odd, Duration::from_secs(63)).unwrap();
        assert_eq!((&units.timer, &units.clear), (&whole.timer, &whole.clear));
        assert_eq!(units.schedule.interval, whole.schedule.interval);
        assert_eq!(units.schedule.next, whole.schedule.next);
        assert_eq!((units.schedule.last, units.watched.len()), (None, 2));
        for unit in [units.pacemaker, units.path] {
            assert_eq!(unit.load, "systemctl does not show it");
        }
    }

    #[test]
    fn a_dead_timer_fires_never_again_but_one_by_the_calendar_does() {
        let dead = SHOWN.replace(
            "NextElapseUSecMonotonic=1min 6s",
            "NextElapseUSecMonotonic=infinity",
        );
        let now = Duration::from_secs(63);
        assert_eq!(parse(&dead, now).unwrap().schedule.next, None);
        let calendar = dead.replace("Realtime=", "Realtime=Sun 2026-11-22 05:00:00 UTC");
        assert!(parse(&calendar, now).unwrap().schedule.next.is_some());
        assert_eq!(parse("", now), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            text in "(Id=ringcheck.timer\n|(Last|Next|Timers)[A-Za-z]{0,20}=|\n|[0-9.]{0,20}(us|ms|s|min|h|y)? |\\{|\\PC){0,30}"
        ) {
            let _ = parse(&text, Duration::from_secs(1));
            let _ = timespan(&text);
            let _ = interval(&text);
        }
    }
}
