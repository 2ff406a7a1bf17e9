//! What starts the passes, and how they went: the timer, its clearing unit, and their account.

use std::time::Duration;

use super::{Answer, Grade, Point, Topic, length};

/// How far behind its interval a timer or a pass may be before something is wrong.
const LATE: Duration = Duration::from_secs(30);

/// When a pass is old where no interval is known: that of the slowest that makes sense.
const OLD: Duration = Duration::from_secs(600);

const ENABLE: &str = "systemctl enable --now ringcheck.timer";

const RESTART: &str = "systemctl restart ringcheck.timer";

/// What gives the timer back the settings of the package.
pub(super) const REVERT: &str =
    "systemctl revert ringcheck.timer && systemctl restart ringcheck.timer";

/// A unit as systemd has it; the words are those of `systemctl show` (systemctl(1)).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Unit {
    /// `LoadState`.
    pub load: String,
    /// `UnitFileState`.
    pub file: String,
    /// `ActiveState`.
    pub active: String,
    /// `SubState`.
    pub sub: String,
    /// `Result`.
    pub result: String,
    /// `NeedDaemonReload`: its file has changed since systemd read it.
    pub stale: bool,
    /// `DropInPaths`: an administrator has altered it (systemctl(1), `edit`).
    pub altered: bool,
}

impl Unit {
    /// Whether it is active.
    pub fn is_active(&self) -> bool {
        self.active == "active"
    }
}

/// When the timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Schedule {
    /// How often, where that is one interval.
    pub interval: Option<Duration>,
    /// How long ago it fired last.
    pub last: Option<Duration>,
    /// In how long it fires next; none if never again.
    pub next: Option<Duration>,
}

/// What systemd knows of ringcheck and of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Units {
    /// ringcheck.timer.
    pub timer: Unit,
    /// When that fires.
    pub schedule: Schedule,
    /// ringcheck.service.
    pub service: Unit,
    /// ringcheck-clear.service.
    pub clear: Unit,
    /// pacemaker.service.
    pub pacemaker: Unit,
    /// ringcheck.path.
    pub path: Unit,
    /// The files that it watches.
    pub watched: Vec<String>,
    /// ringcheck-event.service, which it starts.
    pub event: Unit,
}

impl Units {
    /// How often the timer fires, if it is active.
    pub fn interval(&self) -> Option<Duration> {
        self.schedule.interval.filter(|_| self.timer.is_active())
    }
}

/// The timer. `pacemaker` tells whether that runs, `whole` whether the package is.
pub fn timer(units: &Answer<Units>, pacemaker: bool, whole: bool) -> Vec<Point> {
    let units = match units.known(Topic::Timer) {
        Ok(units) => units,
        Err(point) => return vec![point],
    };
    let (timer, schedule) = (&units.timer, &units.schedule);
    let mut points = Vec::new();
    for (name, unit) in [
        ("ringcheck.timer", timer),
        ("ringcheck.service", &units.service),
        ("ringcheck-clear.service", &units.clear),
    ] {
        points.extend(loaded(name, unit, whole));
    }
    if points.iter().any(|point| point.grade != Grade::Warning) {
        return points;
    }
    let wrong = |why: String| Point::wrong(Topic::Timer, why);
    let enabled = timer.file.starts_with("enabled");
    let point = if !enabled {
        let how = match timer.is_active() {
            true => "not enabled",
            false => "neither enabled nor active",
        };
        wrong(format!("ringcheck.timer is {how}")).mend(ENABLE)
    } else if timer.file != "enabled" {
        let why = "ringcheck.timer is enabled until the next boot only";
        Point::warning(Topic::Timer, why).mend(ENABLE)
    } else if !timer.is_active() && !pacemaker {
        Point::skipped(Topic::Timer, "enabled; it starts with Pacemaker")
    } else if !timer.is_active() {
        wrong(format!("ringcheck.timer is {}", timer.active)).mend(ENABLE)
    } else if schedule.next.is_none() && timer.sub != "running" {
        wrong("ringcheck.timer is active but will not fire again".into()).mend(
            match timer.altered {
                true => REVERT,
                false => RESTART,
            },
        )
    } else if let Some(last) = overdue(schedule).filter(|_| timer.sub != "running") {
        wrong(format!("ringcheck.timer last fired {} ago", length(last))).mend(RESTART)
    } else {
        Point::ok(Topic::Timer, told(schedule))
    };
    points.push(point);
    points
}

fn loaded(name: &str, unit: &Unit, whole: bool) -> Option<Point> {
    let wrong = |why: String| Point::wrong(Topic::Timer, why);
    match unit.load.as_str() {
        "loaded" if unit.stale => {
            let why = format!("systemd has not read {name} since it was changed");
            Some(Point::warning(Topic::Timer, why).mend("systemctl daemon-reload"))
        }
        "loaded" => None,
        "masked" => {
            let command = format!("systemctl unmask {name} && {ENABLE}");
            Some(wrong(format!("{name} is masked")).mend(command))
        }
        _ if !whole => {
            let why = format!("systemd knows no {name}: the package is not whole");
            Some(Point::skipped(Topic::Timer, why))
        }
        "not-found" => {
            let command = format!("systemctl daemon-reload && {ENABLE}");
            Some(wrong(format!("systemd does not know {name}")).mend(command))
        }
        other => {
            let why = format!("systemd cannot load {name} ({other})");
            Some(wrong(why).mend(format!("systemctl revert {name} && {ENABLE}")))
        }
    }
}

fn overdue(schedule: &Schedule) -> Option<Duration> {
    let limit = 3 * schedule.interval? + LATE;
    schedule.last.filter(|last| *last > limit)
}

fn told(schedule: &Schedule) -> String {
    let every = match schedule.interval {
        Some(interval) => format!("fires every {}", length(interval)),
        None => "fires".into(),
    };
    let last = schedule
        .last
        .map(|last| format!(", last {} ago", length(last)));
    let next = schedule
        .next
        .map(|next| format!(", next in {}", length(next)));
    format!(
        "enabled, {every}{}{}",
        last.unwrap_or_default(),
        next.unwrap_or_default()
    )
}

/// The unit that deletes the attributes when the timer is stopped.
pub fn clear_unit(units: &Answer<Units>) -> Point {
    let units = match units.known(Topic::ClearUnit) {
        Ok(units) => units,
        // It is the same failure, which the timer's point has said.
        Err(point) => return Point::skipped(Topic::ClearUnit, point.finding),
    };
    if units.clear.is_active() {
        let finding = "ready to delete the attributes when the timer stops";
        Point::ok(Topic::ClearUnit, finding)
    } else if !units.timer.is_active() || units.clear.load != "loaded" {
        Point::skipped(Topic::ClearUnit, "the timer is not active")
    } else {
        let why = "ringcheck-clear.service is not active: stopping the timer would leave stale attributes";
        Point::wrong(Topic::ClearUnit, why).mend("systemctl start ringcheck-clear.service")
    }
}

/// What is known of the passes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Passes {
    /// How long ago the last good one was, and how long it took.
    pub good: Option<(Duration, Duration)>,
    /// Since when they fail, and with what.
    pub failing: Option<(Duration, String)>,
}

/// How the last passes went.
pub fn passes(passes: &Answer<Passes>, units: &Answer<Units>) -> Point {
    let known = match passes.known(Topic::Passes) {
        Ok(known) => known,
        Err(point) => return point,
    };
    let interval = match units {
        Answer::Known(units) if !units.timer.is_active() => {
            return Point::skipped(Topic::Passes, "the timer is not active");
        }
        Answer::Known(units) => units.interval(),
        _ => None,
    };
    let result = match units {
        Answer::Known(units) if !["", "success"].contains(&units.service.result.as_str()) => {
            format!(" (ringcheck.service: {})", units.service.result)
        }
        _ => String::new(),
    };
    let wrong = |why| Point::wrong(Topic::Passes, why).mend("ringcheck --once");
    if let Some((since, line)) = &known.failing {
        return wrong(format!("failing for {}: {line}{result}", length(*since)));
    }
    let Some((ago, took)) = known.good else {
        return wrong(format!("none has succeeded since this node booted{result}"));
    };
    if ago > interval.map_or(OLD, |interval| 3 * interval + LATE) {
        return wrong(format!("the last good one was {} ago{result}", length(ago)));
    }
    let finding = format!(
        "the last one was good, {} ago, in {}",
        length(ago),
        length(took)
    );
    Point::ok(Topic::Passes, finding)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn unit(file: &str, active: &str, sub: &str) -> Unit {
        Unit {
            load: "loaded".into(),
            file: file.into(),
            active: active.into(),
            sub: sub.into(),
            result: "success".into(),
            stale: false,
            altered: false,
        }
    }

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    fn healthy() -> Units {
        Units {
            timer: unit("enabled", "active", "waiting"),
            schedule: Schedule {
                interval: seconds(5),
                last: seconds(2),
                next: seconds(3),
            },
            service: unit("static", "inactive", "dead"),
            clear: unit("static", "active", "exited"),
            pacemaker: unit("enabled", "active", "running"),
            path: unit("static", "active", "waiting"),
            watched: vec!["/var/log/corosync/corosync.log".into()],
            event: unit("static", "inactive", "dead"),
        }
    }

    pub(in super::super) fn changed(change: impl Fn(&mut Units)) -> Answer<Units> {
        let mut units = healthy();
        change(&mut units);
        Answer::Known(units)
    }

    fn only(mut points: Vec<Point>) -> (Grade, String) {
        assert_eq!(points.len(), 1, "{points:?}");
        let point = points.remove(0);
        (point.grade, point.command.unwrap_or_default())
    }

    #[test]
    fn a_timer_is_enabled_active_and_fires() {
        let judge = |units: &Answer<Units>| only(timer(units, true, true));
        assert_eq!(judge(&changed(|_| {})).0, Grade::Ok);
        let wrong = |command: &str| (Grade::Wrong, command.to_owned());
        for file in ["disabled", "static", ""] {
            let units = changed(|units| units.timer.file = file.into());
            assert_eq!(judge(&units), wrong(ENABLE), "{file}");
        }
        let stopped = changed(|units| units.timer.active = "inactive".into());
        assert_eq!(judge(&stopped), wrong(ENABLE));
        let waiting = only(timer(&stopped, false, true));
        assert_eq!(waiting.0, Grade::Skipped, "it starts with Pacemaker");
        let restart = wrong(RESTART);
        let elapsed = changed(|units| {
            units.timer.sub = "elapsed".into();
            units.schedule.next = None;
        });
        assert_eq!(judge(&elapsed), restart);
        let altered = changed(|units| {
            units.timer.altered = true;
            units.schedule.next = None;
        });
        assert_eq!(judge(&altered), wrong(REVERT));
        let late = changed(|units| units.schedule.last = seconds(46));
        assert_eq!(judge(&late), restart);
        let short = changed(|units| units.schedule.last = seconds(45));
        assert_eq!(judge(&short).0, Grade::Ok);
        let firing = changed(|units| {
            units.timer.sub = "running".into();
            units.schedule.next = None;
        });
        assert_eq!(judge(&firing).0, Grade::Ok);
        let runtime = changed(|units| units.timer.file = "enabled-runtime".into());
        assert_eq!(judge(&runtime).0, Grade::Warning);
    }

    #[test]
    fn a_unit_must_be_loaded_as_it_is_on_the_disk() {
        let masked = changed(|units| units.service.load = "masked".into());
        let (grade, command) = only(timer(&masked, true, true));
        assert_eq!(grade, Grade::Wrong);
        assert!(command.starts_with("systemctl unmask ringcheck.service && "));
        let unknown = changed(|units| units.timer.load = "not-found".into());
        let (grade, command) = only(timer(&unknown, true, true));
        assert_eq!(grade, Grade::Wrong);
        assert!(command.starts_with("systemctl daemon-reload && "));
        let missing = only(timer(&unknown, true, false));
        assert_eq!(missing.0, Grade::Skipped, "the package's point says it");
        let bad = changed(|units| units.timer.load = "bad-setting".into());
        let (grade, command) = only(timer(&bad, true, true));
        assert_eq!(grade, Grade::Wrong);
        assert!(command.starts_with("systemctl revert ringcheck.timer && "));
        let stale = changed(|units| units.clear.stale = true);
        let points = timer(&stale, true, true);
        assert_eq!(points[0].grade, Grade::Warning);
        assert_eq!(points[1].grade, Grade::Ok);
    }

    #[test]
    fn the_clearing_unit_stands_by_while_the_timer_is_active() {
        assert_eq!(clear_unit(&changed(|_| {})).grade, Grade::Ok);
        let stopped = |units: &mut Units| units.clear.active = "inactive".into();
        let point = clear_unit(&changed(stopped));
        assert_eq!(
            only(vec![point]),
            (
                Grade::Wrong,
                "systemctl start ringcheck-clear.service".into()
            )
        );
        let both = changed(|units| {
            stopped(units);
            units.timer.active = "inactive".into();
        });
        assert_eq!(clear_unit(&both).grade, Grade::Skipped);
        let unknown = clear_unit(&Answer::Failed("no systemd".into()));
        assert_eq!(unknown.grade, Grade::Skipped);
    }

    #[test]
    fn passes_are_fresh_and_good() {
        let good = |ago| Passes {
            good: Some((Duration::from_secs(ago), Duration::from_millis(9))),
            failing: None,
        };
        let units = changed(|_| {});
        let judge = |known: Passes, units: &Answer<Units>| passes(&Answer::Known(known), units);
        assert_eq!(judge(good(45), &units).grade, Grade::Ok);
        assert_eq!(judge(good(46), &units).grade, Grade::Wrong);
        let unknown = Answer::Failed("no systemd".into());
        assert_eq!(judge(good(600), &unknown).grade, Grade::Ok);
        assert_eq!(judge(good(601), &unknown).grade, Grade::Wrong);
        assert_eq!(judge(Passes::default(), &units).grade, Grade::Wrong);
        let failing = Passes {
            failing: Some((Duration::from_secs(20), "no lock".into())),
            ..good(1)
        };
        let killed = changed(|units| units.service.result = "signal".into());
        let point = judge(failing, &killed);
        assert_eq!(
            point.finding,
            "failing for 20 s: no lock (ringcheck.service: signal)"
        );
        assert_eq!(point.command.as_deref(), Some("ringcheck --once"));
        let stopped = changed(|units| units.timer.active = "inactive".into());
        assert_eq!(judge(good(46), &stopped).grade, Grade::Skipped);
        let skipped = passes(&Answer::Skipped("no cluster".into()), &units);
        assert_eq!(skipped.grade, Grade::Skipped);
    }
}
