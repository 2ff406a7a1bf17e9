//! The stamp: what passes leave to the next one and to reports, in the lock's own file.
//!
//! It is the one thing that a pass writes where nothing has changed. It is written in place and
//! always as long, so that it can also be kept where a file system is full, and so that who
//! reads it without the lock never finds half of it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::failure::{Exit, Failure};
use crate::model::moment::Moment;
use crate::model::trigger::Trigger;

/// The length of the file in bytes: within one page, so that it is there when it is needed.
pub(super) const LENGTH: u64 = 2048;

/// How much of a failure's line is kept, in characters.
const LINE: usize = 240;

/// For how long a cluster that does not answer may be starting or stopping.
const STARTING: Duration = Duration::from_secs(60);

/// What is known of the passes since this node booted.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Stamp {
    /// The last good pass.
    pub good: Option<Good>,
    /// What passes have failed with since then.
    pub failing: Option<Failing>,
    /// How many passes went well.
    pub passes: u64,
    /// How many failed.
    pub failures: u64,
    /// How many attributes were written or deleted.
    pub writes: u64,
    /// How many could not be.
    pub failed_writes: u64,
    /// That the metrics could not be written was said.
    pub unwritten: bool,
}

/// A pass that went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Good {
    /// When it started to look.
    pub started: Moment,
    /// How long it took, in milliseconds.
    pub took: u64,
    /// Whether it wrote every attribute.
    pub forced: bool,
    /// What asked for it.
    pub trigger: Trigger,
}

/// What passes fail with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failing {
    /// When the first of them failed.
    pub since: Moment,
    /// The exit code of the last one.
    pub exit: u8,
    /// What it said, or would have said; the beginning of it.
    pub line: String,
    /// Whether that was said.
    pub said: bool,
}

impl Stamp {
    /// Takes a pass that went well, and its writes, into the account. Tells whether that is
    /// news, because a failure had been said.
    pub fn succeed(&mut self, good: Good, writes: u64) -> bool {
        self.good = Some(good);
        self.passes += 1;
        self.writes += writes;
        self.failing.take().is_some_and(|failing| failing.said)
    }

    /// Takes a pass that failed into the account. Tells whether that is worth a line of the
    /// journal: each failure is, until it changes, but a cluster that does not run only when
    /// it lasts. By hand it is told to who asked for it, and remains news to the journal.
    pub fn fail(&mut self, failure: &Failure, trigger: Trigger, now: Moment) -> bool {
        self.failures += 1;
        let failing = self.failing.get_or_insert_with(|| Failing {
            since: now,
            exit: failure.exit.code(),
            line: String::new(),
            said: false,
        });
        let line: String = failure.line.chars().take(LINE).collect();
        if trigger == Trigger::Hand {
            if !failing.said {
                failing.line = line;
            }
            return true;
        }
        let down = matches!(failure.exit, Exit::CorosyncDown | Exit::PacemakerDown);
        let lasts = now.since(failing.since) >= STARTING;
        let known = failing.said && failing.line == line;
        let news = !known && (!down || lasts);
        failing.exit = failure.exit.code();
        failing.line = line;
        failing.said |= news;
        news
    }

    /// What the file says; nothing is known where it says nothing that can be understood.
    pub(super) fn read(file: &File) -> Stamp {
        let mut bytes = [0; LENGTH as usize];
        let length = file.read_at(&mut bytes, 0).unwrap_or(0);
        serde_json::from_slice(&bytes[..length]).unwrap_or_default()
    }

    pub(super) fn write(&self, file: &File) -> io::Result<()> {
        let mut text = serde_json::to_vec(self)?;
        text.resize(LENGTH as usize - 1, b' ');
        text.push(b'\n');
        file.write_all_at(&text, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment(100_000);

    fn good() -> Good {
        Good {
            started: START,
            took: 3,
            forced: false,
            trigger: Trigger::Timer,
        }
    }

    fn failure(exit: Exit) -> Failure {
        Failure::new(exit, format!("{exit:?}"))
    }

    fn later(seconds: u64) -> Moment {
        START.after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_failure_is_news_until_it_changes() {
        let mut stamp = Stamp::default();
        assert!(!stamp.succeed(good(), 2));
        assert!(stamp.fail(&failure(Exit::Deadline), Trigger::Timer, later(5)));
        assert!(!stamp.fail(&failure(Exit::Deadline), Trigger::Timer, later(10)));
        assert!(stamp.fail(&failure(Exit::State), Trigger::Alert, later(15)));
        assert_eq!(stamp.failing.as_ref().unwrap().since, later(5));
        assert!(stamp.succeed(good(), 0), "that it works again is news");
        assert!(!stamp.succeed(good(), 0));
        assert!(
            stamp.fail(&failure(Exit::State), Trigger::Alert, later(40)),
            "and then not"
        );
        assert_eq!((stamp.passes, stamp.failures, stamp.writes), (3, 4, 2));
    }

    #[test]
    fn a_cluster_that_does_not_run_is_news_when_it_lasts() {
        let mut stamp = Stamp::default();
        for seconds in [0, 30, 59] {
            assert!(!stamp.fail(
                &failure(Exit::PacemakerDown),
                Trigger::Timer,
                later(seconds)
            ));
        }
        let mut short = stamp.clone();
        assert!(!short.succeed(good(), 0), "nothing was said");
        assert!(stamp.fail(&failure(Exit::PacemakerDown), Trigger::Timer, later(60)));
        assert!(!stamp.fail(&failure(Exit::PacemakerDown), Trigger::Timer, later(600)));
    }

    #[test]
    fn what_was_told_by_hand_is_still_news_to_the_journal() {
        let mut stamp = Stamp::default();
        assert!(stamp.fail(&failure(Exit::State), Trigger::Hand, later(0)));
        assert!(stamp.fail(&failure(Exit::State), Trigger::Timer, later(1)));
        assert!(stamp.fail(&failure(Exit::Deadline), Trigger::Hand, later(2)));
        assert!(!stamp.fail(&failure(Exit::State), Trigger::Timer, later(3)));
    }

    #[test]
    fn what_is_written_is_read_and_always_as_long() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Stamp::read(&file), Stamp::default());
        let mut stamp = Stamp {
            passes: u64::MAX - 1,
            failures: u64::MAX - 1,
            writes: u64::MAX,
            failed_writes: u64::MAX,
            unwritten: true,
            ..Stamp::default()
        };
        // The worst that JSON makes of a line.
        let line = "\u{1}".repeat(10_000);
        stamp.succeed(good(), 0);
        stamp.fail(
            &Failure::new(Exit::State, line),
            Trigger::Timer,
            Moment(u64::MAX),
        );
        for stamp in [stamp, Stamp::default()] {
            stamp.write(&file).unwrap();
            assert_eq!(Stamp::read(&file), stamp);
            assert_eq!(file.metadata().unwrap().len(), LENGTH);
        }
        file.write_all_at(b"}", 0).unwrap();
        assert_eq!(Stamp::read(&file), Stamp::default());
    }
}
