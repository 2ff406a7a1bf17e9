//! What can fail, and the exit code of each: the one table, also in `ringcheck(8)`.

use std::fmt;
use std::io::ErrorKind;

/// The exit codes of ringcheck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; also an alert that ringcheck has nothing to do for.
    Ok = 0,
    /// Failed in a way that has no code of its own.
    Failed = 1,
    /// The command line is wrong (clap's own code).
    Usage = 2,
    /// The configuration file cannot be read or is not valid.
    Configuration = 3,
    /// Corosync, Pacemaker or the state folder refused this user.
    Permission = 4,
    /// Corosync is not running, or is still starting.
    CorosyncDown = 5,
    /// Pacemaker is not running on this node, or is still starting.
    PacemakerDown = 6,
    /// The state file or its lock cannot be used.
    State = 7,
    /// The pass was not done within its deadline.
    Deadline = 8,
    /// An attribute could not be written, deleted or queried.
    Attribute = 9,
    /// Corosync answered, but what it said is no whole picture of the links.
    Unreadable = 10,
}

impl Exit {
    /// Every code with its meaning, in order: what the man page must list.
    pub const TABLE: [(Exit, &'static str); 11] = [
        (Exit::Ok, "success"),
        (Exit::Failed, "any other failure"),
        (Exit::Usage, "wrong command line"),
        (
            Exit::Configuration,
            "configuration file unreadable or invalid",
        ),
        (Exit::Permission, "permission denied"),
        (Exit::CorosyncDown, "corosync is not running"),
        (Exit::PacemakerDown, "Pacemaker is not running"),
        (Exit::State, "state file or lock unusable"),
        (Exit::Deadline, "deadline passed"),
        (Exit::Attribute, "attribute not written"),
        (Exit::Unreadable, "link state incomplete"),
    ];

    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// A failure that a person can act on: one line, and the exit code that goes with it.
///
/// The line says what failed, on what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The line, without the program's name and without a line break.
    pub line: String,
    /// ifcheckd's text for it, if it had one: log watchers wait for it.
    pub ifcheckd: Option<String>,
}

impl Failure {
    /// A failure with this code and line.
    pub fn new(exit: Exit, line: impl Into<String>) -> Failure {
        Failure {
            exit,
            line: line.into(),
            ifcheckd: None,
        }
    }

    /// The same, which ifcheckd called so.
    pub fn known_as(mut self, text: impl Into<String>) -> Failure {
        self.ifcheckd = Some(text.into());
        self
    }

    /// The line for a log: ifcheckd's text first.
    pub fn log_line(&self) -> String {
        match &self.ifcheckd {
            Some(text) => format!("{text}: {}", self.line),
            None => self.line.clone(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Failure {}

/// Remedy for an error of the operating system, to append to its text: "No space left on device;
/// make room there…". For messages that have no better one.
pub fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; make room there (`df` and `df -i` show what is full)"
        }
        ErrorKind::ReadOnlyFilesystem => "; make the file system writable again",
        ErrorKind::PermissionDenied => "; it takes root, or other permissions (`ls -l`)",
        ErrorKind::NotFound => "; create what is missing, or name another file",
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "; name a file in a directory",
        ErrorKind::OutOfMemory => "; free some memory (`free` shows what there is)",
        ErrorKind::StaleNetworkFileHandle => "; mount that file system again",
        _ => "; the kernel's log may tell more (`journalctl -k`)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_code_in_order_without_a_gap() {
        for (at, (exit, _)) in Exit::TABLE.iter().enumerate() {
            assert_eq!(usize::from(exit.code()), at);
        }
    }
}
