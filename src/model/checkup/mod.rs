//! The points of a checkup: what was found of an installation → what is wrong with it, and the
//! command that mends it.
//!
//! Facts come in as they were found, so every judgement here is tested on made-up ones. What
//! cannot be known because something before it is wrong is skipped, and never called ok.

pub mod installed;
pub mod latency;
pub mod links;
pub mod log;
pub mod logging;
pub mod running;
pub mod shown;
pub mod timer;

use std::time::Duration;

use serde::Serialize;

/// What a point is about, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The settings file.
    Configuration,
    /// Pacemaker's user and command-line tools.
    Tools,
    /// The files of the package.
    Package,
    /// The folders of what is kept.
    Folders,
    /// corosync, and whether hacluster may read it.
    Corosync,
    /// Pacemaker's daemons.
    Pacemaker,
    /// The timer.
    Timer,
    /// The unit that deletes the attributes.
    ClearUnit,
    /// The unit that watches corosync's log.
    Log,
    /// How the last passes went.
    Passes,
    /// The registered alert agents.
    Alert,
    /// The node attributes in the CIB.
    Attributes,
    /// What a drill has left.
    Drill,
    /// The links.
    Links,
    /// How soon a fault shows.
    Timings,
    /// Advice on knet's latencies.
    Latency,
}

impl Topic {
    /// What the screen calls it, at most 13 columns wide.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Configuration => "configuration",
            Topic::Tools => "tools",
            Topic::Package => "package",
            Topic::Folders => "folders",
            Topic::Corosync => "corosync",
            Topic::Pacemaker => "pacemaker",
            Topic::Timer => "timer",
            Topic::ClearUnit => "clear-unit",
            Topic::Log => "log",
            Topic::Passes => "passes",
            Topic::Alert => "alert",
            Topic::Attributes => "attributes",
            Topic::Drill => "drill",
            Topic::Links => "links",
            Topic::Timings => "timings",
            Topic::Latency => "latency",
        }
    }
}

/// How a point stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// As it should be, with advice.
    Note,
    /// It works, but an administrator wants to know.
    Warning,
    /// It does not work.
    Wrong,
    /// Not known, because something else is wrong.
    Skipped,
}

/// One point. A topic with several faults has one for each of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// What it is about.
    pub topic: Topic,
    /// How it stands.
    pub grade: Grade,
    /// What was found, one line.
    pub finding: String,
    /// What to type to mend it, or to see more, for a shell of root's; none where none helps.
    pub command: Option<String>,
}

impl Point {
    fn new(topic: Topic, grade: Grade, finding: impl Into<String>) -> Point {
        Point {
            topic,
            grade,
            finding: finding.into(),
            command: None,
        }
    }

    /// A point that is as it should be.
    pub fn ok(topic: Topic, finding: impl Into<String>) -> Point {
        Point::new(topic, Grade::Ok, finding)
    }

    /// A point that is as it should be, with advice.
    pub fn note(topic: Topic, finding: impl Into<String>) -> Point {
        Point::new(topic, Grade::Note, finding)
    }

    /// A point that works, but.
    pub fn warning(topic: Topic, finding: impl Into<String>) -> Point {
        Point::new(topic, Grade::Warning, finding)
    }

    /// A point that does not work.
    pub fn wrong(topic: Topic, finding: impl Into<String>) -> Point {
        Point::new(topic, Grade::Wrong, finding)
    }

    /// A point that cannot be known.
    pub fn skipped(topic: Topic, why: impl Into<String>) -> Point {
        Point::new(topic, Grade::Skipped, why)
    }

    /// The same with the command that mends it.
    pub fn mend(mut self, command: impl Into<String>) -> Point {
        self.command = Some(command.into());
        self
    }

    /// The same with the command that shows more, if it is wrong.
    fn look(self, command: &str) -> Point {
        match self.grade {
            Grade::Wrong => self.mend(command),
            _ => self,
        }
    }
}

/// What was asked of somebody who may not have answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// It is this.
    Known(T),
    /// It was asked in vain: what went wrong.
    Failed(String),
    /// It was not asked, because something before it is wrong.
    Skipped(String),
}

impl<T> Answer<T> {
    /// What is known, or the point that says why it is not.
    fn known(&self, topic: Topic) -> Result<&T, Point> {
        match self {
            Answer::Known(known) => Ok(known),
            Answer::Failed(why) => Err(Point::wrong(topic, why)),
            Answer::Skipped(why) => Err(Point::skipped(topic, why)),
        }
    }
}

/// Returns the worst grade of these points: wrong, warning or ok. Advice is not a fault.
pub fn worst(points: &[Point]) -> Grade {
    let has = |grade| points.iter().any(|point| point.grade == grade);
    match (has(Grade::Wrong), has(Grade::Warning)) {
        (true, _) => Grade::Wrong,
        (false, true) => Grade::Warning,
        (false, false) => Grade::Ok,
    }
}

/// The points of a machine that systemd does not run: its commands help nobody there.
pub fn without_systemd(mut points: Vec<Point>) -> Vec<Point> {
    for point in &mut points {
        point.command = point
            .command
            .take()
            .filter(|command| !command.contains("systemctl"));
    }
    points
}

/// How long, for a person: `350 ms`, `1.5 s`, `5 s`, `7 min`, `3 h`, `2 d`.
fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..10 if time.subsec_millis() >= 50 => format!("{:.1} s", time.as_secs_f64()),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_alone_are_not_wrong_and_what_is_skipped_neither() {
        let advice = [Point::note(Topic::Latency, "")];
        assert_eq!(worst(&advice), Grade::Ok);
        let ok = Point::ok(Topic::Timer, "");
        let warning = Point::warning(Topic::Links, "");
        let wrong = Point::wrong(Topic::Alert, "");
        let skipped = Point::skipped(Topic::Alert, "");
        assert_eq!(worst(&[ok.clone(), skipped]), Grade::Ok);
        assert_eq!(worst(&[warning.clone(), ok]), Grade::Warning);
        assert_eq!(worst(&[warning, wrong]), Grade::Wrong);
    }

    #[test]
    fn where_systemd_does_not_run_its_commands_are_not_told() {
        let points = vec![
            Point::wrong(Topic::Corosync, "").mend("systemctl start corosync"),
            Point::wrong(Topic::Passes, "").mend("ringcheck --once"),
        ];
        let commands: Vec<_> = without_systemd(points)
            .into_iter()
            .map(|point| point.command)
            .collect();
        assert_eq!(commands, [None, Some("ringcheck --once".into())]);
    }

    #[test]
    fn a_length_is_short() {
        for (milliseconds, text) in [
            (350, "350 ms"),
            (1_500, "1.5 s"),
            (5_000, "5 s"),
            (119_000, "119 s"),
            (420_000, "7 min"),
            (10_800_000, "3 h"),
            (180_000_000, "2 d"),
        ] {
            assert_eq!(length(Duration::from_millis(milliseconds)), text);
        }
    }
}
