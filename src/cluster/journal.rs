//! What ringcheck says while it works: stderr by hand, the journal under systemd and
//! Pacemaker.

use std::io::{self, Write};

use log::Record;
use systemd_journal_logger::{JournalLog, connected_to_journal};

use crate::model::trigger::Trigger;

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

/// A line, and what a program wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How grave it is.
    pub level: Level,
    /// The line, without a line break.
    pub text: String,
    /// The journal's fields by name, each once (systemd.journal-fields(7)).
    pub fields: Vec<(&'static str, String)>,
}

impl Entry {
    /// A line without fields.
    pub fn new(level: Level, text: impl Into<String>) -> Entry {
        Entry {
            level,
            text: text.into(),
            fields: Vec::new(),
        }
    }

    /// The same with one field more.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Entry {
        self.fields.push((name, value.to_string()));
        self
    }
}

/// The link that an entry is about.
pub const LINK: &str = "RINGCHECK_LINK";
/// Its address.
pub const ADDRESS: &str = "RINGCHECK_ADDRESS";
/// Its state from now on.
pub const STATE: &str = "RINGCHECK_STATE";
/// The names of the peers that do not answer on it.
pub const PEERS: &str = "RINGCHECK_PEERS";
/// What asked for the pass.
pub const TRIGGER: &str = "RINGCHECK_TRIGGER";

/// Whether what this process says on standard error goes to the journal, because it runs in a
/// unit of systemd's.
pub fn is_stderr() -> bool {
    connected_to_journal()
}

/// Where lines go.
#[derive(Clone, Copy, Debug)]
pub struct Journal {
    native: bool,
    verbose: bool,
    trigger: Trigger,
}

impl Journal {
    /// The journal where systemd or Pacemaker started this process, and else standard error.
    pub fn new(trigger: Trigger, verbose: bool) -> Journal {
        Journal {
            native: trigger == Trigger::Alert || is_stderr(),
            verbose,
            trigger,
        }
    }

    /// Whether lines of that level are told.
    pub fn tells(&self, level: Level) -> bool {
        self.verbose || level != Level::Info
    }

    /// Says one line.
    pub fn say(&self, level: Level, text: &str) {
        self.tell(&Entry::new(level, text));
    }

    /// Says one line with its fields.
    pub fn tell(&self, entry: &Entry) {
        if !self.tells(entry.level) {
            return;
        }
        if self.native && self.send(entry).is_ok() {
            return;
        }
        // There is nobody left to tell when stderr is closed.
        let _ = io::stderr().write_all(format!("ringcheck: {}\n", entry.text).as_bytes());
    }

    fn send(&self, entry: &Entry) -> io::Result<()> {
        let level = match entry.level {
            Level::Error => log::Level::Error,
            // The crate has no level for the journal's notice but this one.
            Level::Notice => log::Level::Info,
            Level::Info => log::Level::Debug,
        };
        let trigger = (TRIGGER, self.trigger.to_string());
        let fields = entry.fields.iter().cloned().chain([trigger]);
        JournalLog::empty()?
            .with_syslog_identifier("ringcheck".into())
            .with_extra_fields(fields)
            .journal_send(
                &Record::builder()
                    .args(format_args!("{}", entry.text))
                    .level(level)
                    .build(),
            )
    }
}
