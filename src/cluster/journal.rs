//! What ringcheck says while it works: stderr by hand, the journal under systemd.

use std::env;
use std::io::{self, Write};

use rustix::fs::fstat;

/// How grave a line is (sd-daemon(3) levels).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error = 3,
    /// Something that an administrator wants to know, such as a link's change.
    Notice = 5,
    /// Told only with `--verbose`.
    Info = 6,
}

/// Where lines go.
#[derive(Clone, Copy, Debug)]
pub struct Journal {
    levels: bool,
    verbose: bool,
}

impl Journal {
    /// Standard error; where that is the journal, each line carries its level.
    pub fn new(verbose: bool) -> Journal {
        Journal {
            levels: stderr_is_the_journal(),
            verbose,
        }
    }

    /// Says one line.
    pub fn say(&self, level: Level, line: &str) {
        if level == Level::Info && !self.verbose {
            return;
        }
        let line = match self.levels {
            true => format!("<{}>{line}\n", level as u8),
            false => format!("ringcheck: {line}\n"),
        };
        // There is nobody left to tell when stderr is closed.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// Whether stderr is the stream that systemd set up (`JOURNAL_STREAM`, systemd.exec(5)).
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else {
        return false;
    };
    fstat(io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}
