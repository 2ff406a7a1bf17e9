//! Error codes of Corosync's libraries (`cs_error_t` in corosync's `corotypes.h`) in words. The
//! names of the codes tell an administrator nothing.

use rust_corosync::CsError;

use crate::cluster::user;
use crate::model::failure::Exit;

/// Meaning of an error code.
pub(super) struct Meaning {
    pub(super) exit: Exit,
    /// The cause and the remedy.
    pub(super) line: String,
}

const START: &str = "start it with `pcs cluster start`";
const AGAIN: &str = "try again in a moment";
const STATUS: &str = "look at `systemctl status corosync`";
const RIGHTS: &str = "run ringcheck as root or hacluster:haclient";
const ROOM: &str = "`df /dev/shm` and `free` show what is full";
const RESTART: &str = "after an update of Corosync, restart the cluster on this node";
const VERSIONS: &str = "Corosync 3.0 or later is needed, and `corosync -v` says which this is";
const REPORT: &str = "please report it to ringcheck with the output of `corosync -v`";

/// Explains an error code. There is no wildcard arm, so that a new code does not compile without
/// an explanation.
pub(super) fn explain(error: CsError) -> Meaning {
    use CsError::*;
    use Exit::{CorosyncDown, Deadline, Permission, Unreadable};

    let (exit, why, remedy) = match error {
        CsErrLibrary => (CorosyncDown, "corosync is not running", START),
        CsErrTryAgain => (CorosyncDown, "corosync is starting or busy", AGAIN),
        CsErrInit => (CorosyncDown, "corosync has not started yet", AGAIN),
        CsErrBadHandle => (CorosyncDown, "corosync ended while it was read", STATUS),
        CsErrTimeout => (Deadline, "corosync does not answer in time", STATUS),
        CsErrBusy => (Unreadable, "corosync is busy", AGAIN),
        CsErrInterrupt => (Unreadable, "a signal interrupted the call", AGAIN),
        CsErrQueueFull | CsErrQueueNotAvailable => {
            let why = "corosync has too many requests waiting";
            (
                Unreadable,
                why,
                "try again in a moment; if it lasts, look at the node's load",
            )
        }
        CsErrAccess | CsErrSecurity => (Permission, "corosync refused this user", RIGHTS),
        CsErrNoMemory => (
            Unreadable,
            "there is not enough memory for a connection",
            ROOM,
        ),
        CsErrNoSpace => (
            Unreadable,
            "there is no room for a connection in /dev/shm",
            ROOM,
        ),
        CsErrNoResources => (Unreadable, "corosync lacks memory or open files", STATUS),
        CsErrVersion => (
            Unreadable,
            "corosync and its library are of different versions",
            RESTART,
        ),
        CsErrMessageError => (Unreadable, "corosync's answer is damaged", RESTART),
        CsErrNotSupported => (Unreadable, "this Corosync does not support it", VERSIONS),
        CsErrNotExist | CsErrNameNotFound => {
            (Unreadable, "this Corosync does not have it", VERSIONS)
        }
        CsErrNoSection => (Unreadable, "this Corosync has no such section", VERSIONS),
        CsErrRustCompat => {
            let why = "corosync answers what its library for Rust does not know";
            (Unreadable, why, REPORT)
        }
        CsErrRustString => {
            let why = "it is not valid UTF-8";
            (
                Unreadable,
                why,
                "look for odd characters in /etc/corosync/corosync.conf",
            )
        }
        CsErrFailedOperation => (Unreadable, "it failed within corosync", STATUS),
        CsErrTooBig => (
            Unreadable,
            "the answer is larger than a connection takes",
            REPORT,
        ),
        CsErrInvalidParam | CsErrBadFlags | CsErrBadOperation | CsErrNameTooLong => {
            (Unreadable, "corosync does not take such a request", REPORT)
        }
        CsErrExist => (Unreadable, "corosync has it already", REPORT),
        CsErrContextNotFound => (
            Unreadable,
            "corosync has lost the connection's context",
            AGAIN,
        ),
        CsErrTooManyGroups => (Unreadable, "corosync has too many groups", STATUS),
        CsOk => (Unreadable, "corosync answers that nothing failed", REPORT),
    };
    let whom = match exit {
        Permission => format!(" ({})", user::whoami()),
        _ => String::new(),
    };
    Meaning {
        exit,
        line: format!("{why}{whom}; {remedy}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<CsError> {
        (0..=999u32)
            .filter_map(|number| number.try_into().ok())
            .collect()
    }

    #[test]
    fn every_error_has_words_and_a_remedy_and_no_name_of_the_library() {
        let all = all();
        assert!(all.len() > 30, "{all:?}");
        for error in all {
            let line = explain(error).line;
            let (why, remedy) = line.split_once("; ").expect("a remedy");
            assert!(!why.is_empty() && remedy.len() > 10, "{error:?}: {line}");
            assert!(
                !line.contains("Err") && !line.contains("Cs"),
                "{error:?}: {line}"
            );
            assert!(!line.contains(&error.to_string()), "{error:?}: {line}");
        }
    }

    #[test]
    fn only_a_corosync_that_is_not_there_is_down() {
        let down = all()
            .into_iter()
            .filter(|error| explain(*error).exit == Exit::CorosyncDown);
        let expected = [
            CsError::CsErrLibrary,
            CsError::CsErrInit,
            CsError::CsErrTryAgain,
            CsError::CsErrBadHandle,
        ];
        assert_eq!(down.collect::<Vec<_>>(), expected);
    }
}
