//! What runs: corosync and Pacemaker.

use super::timer::Units;
use super::{Answer, Point, Topic};
use crate::model::link::FailedReload;

/// What corosync said when it was asked as hacluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Corosync {
    /// It answered.
    Answers {
        /// Whether it was hacluster that it answered, and not root for want of such a user.
        as_hacluster: bool,
        /// This node's name.
        name: String,
        /// How many other nodes it knows.
        peers: usize,
        /// The transport.
        transport: String,
    },
    /// It does not run, or is still starting.
    Down,
    /// It runs, but did not answer in time.
    Hung,
    /// It refused hacluster: Pacemaker tells it whom to accept, at each start.
    Refused,
    /// It answered something else than the links.
    Unreadable(String),
}

/// corosync; `pacemaker` tells whether that runs.
pub fn corosync(found: &Corosync, pacemaker: bool) -> Point {
    let wrong = |why: &str| Point::wrong(Topic::Corosync, why);
    match found {
        Corosync::Answers {
            as_hacluster,
            name,
            peers,
            transport,
        } => {
            let nodes = if *peers == 1 { "node" } else { "nodes" };
            let who = if *as_hacluster { "hacluster" } else { "root" };
            let finding = format!("{who} can read it: {name}, {transport}, {peers} other {nodes}");
            Point::ok(Topic::Corosync, finding)
        }
        Corosync::Down => wrong("corosync is not running").mend("systemctl start corosync"),
        Corosync::Hung => wrong("corosync runs but does not answer; look at its log first")
            .mend("systemctl restart corosync"),
        Corosync::Refused if pacemaker => wrong(
            "corosync refuses hacluster, though Pacemaker tells it at each start to accept it",
        )
        .mend("systemctl restart pacemaker"),
        Corosync::Refused => wrong("corosync refuses hacluster until Pacemaker has been started")
            .mend("systemctl start pacemaker"),
        Corosync::Unreadable(line) => wrong(line),
    }
}

/// The last reload of corosync's configuration, if it failed.
pub fn failed_reload(failed: Option<&FailedReload>) -> Option<Point> {
    let failed = failed?;
    let point = Point::warning(Topic::Corosync, failed.to_string());
    Some(match failed.is_refused() {
        true => point.mend("corosync-cfgtool -R"),
        false => point,
    })
}

/// Pacemaker, whose daemons `run` or do not, where that is known; `installed` tells whether its
/// user is there.
pub fn pacemaker(run: Option<bool>, installed: bool, units: &Answer<Units>) -> Point {
    if !installed {
        return Point::skipped(Topic::Pacemaker, "it is not installed");
    }
    let unit = match units {
        Answer::Known(units) => Some(&units.pacemaker),
        _ => None,
    };
    let Some(run) = run else {
        let why = "/proc hides its daemons from this user: run this as root";
        return Point::skipped(Topic::Pacemaker, why);
    };
    if run {
        let finding = "its attribute manager and its controller run";
        return Point::ok(Topic::Pacemaker, finding);
    }
    let wrong = |why: &str| Point::wrong(Topic::Pacemaker, why);
    match unit {
        Some(unit) if unit.load == "not-found" => {
            wrong("Pacemaker is not installed: attributes have nowhere to go")
        }
        Some(unit) if unit.load == "masked" => wrong("pacemaker.service is masked")
            .mend("systemctl unmask pacemaker && systemctl start pacemaker"),
        Some(unit) if unit.is_active() => {
            wrong("pacemaker.service is active, but its daemons do not run")
                .mend("systemctl restart pacemaker")
        }
        _ => wrong("Pacemaker is not running").mend("systemctl start pacemaker"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::timer::tests::changed;
    use super::*;

    fn only(point: Point) -> (Grade, String) {
        (point.grade, point.command.unwrap_or_default())
    }

    #[test]
    fn corosync_is_wrong_in_different_ways() {
        let answers = Corosync::Answers {
            as_hacluster: true,
            name: "n1".into(),
            peers: 1,
            transport: "knet".into(),
        };
        let point = corosync(&answers, true);
        assert_eq!(point.grade, Grade::Ok);
        assert!(point.finding.ends_with("1 other node"), "{point:?}");
        for (found, pacemaker, command) in [
            (Corosync::Down, false, "systemctl start corosync"),
            (Corosync::Hung, true, "systemctl restart corosync"),
            (Corosync::Refused, false, "systemctl start pacemaker"),
            (Corosync::Refused, true, "systemctl restart pacemaker"),
        ] {
            let point = corosync(&found, pacemaker);
            assert_eq!(only(point), (Grade::Wrong, command.into()));
        }
        let odd = corosync(&Corosync::Unreadable("no links".into()), true);
        assert_eq!((odd.grade, odd.command), (Grade::Wrong, None));
    }

    #[test]
    fn pacemaker_may_be_down_dead_masked_or_not_there() {
        let judge = |run, units: &Answer<Units>| only(pacemaker(Some(run), true, units));
        let dead = changed(|units| units.pacemaker.active = "failed".into());
        assert_eq!(judge(true, &dead).0, Grade::Ok);
        let start = (Grade::Wrong, "systemctl start pacemaker".into());
        assert_eq!(judge(false, &dead), start);
        assert_eq!(judge(false, &Answer::Failed("no systemd".into())), start);
        assert_eq!(
            judge(false, &changed(|_| {})).1,
            "systemctl restart pacemaker"
        );
        let masked = changed(|units| units.pacemaker.load = "masked".into());
        assert!(judge(false, &masked).1.contains("unmask"));
        assert_eq!(pacemaker(Some(false), false, &dead).grade, Grade::Skipped);
        assert_eq!(pacemaker(None, true, &dead).grade, Grade::Skipped);
        let absent = changed(|units| units.pacemaker.load = "not-found".into());
        assert_eq!(judge(false, &absent), (Grade::Wrong, String::new()));
    }
}
