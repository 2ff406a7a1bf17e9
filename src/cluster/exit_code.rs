//! Exit codes of Pacemaker's tools (`crm_exit_t` in pacemaker's
//! `include/crm/common/results.h`) in words, each with a remedy.

use crate::model::failure::Exit;

/// Meaning of an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// ringcheck's own exit code for it.
    pub exit: Exit,
    /// The cause; empty if the tool's own message says it better.
    pub why: &'static str,
    /// The remedy.
    pub remedy: &'static str,
}

/// Exit code of a query for an object that does not exist.
pub const NO_SUCH_OBJECT: i32 = 105;

/// Exit code of creating an object that exists already.
pub const EXISTS: i32 = 108;

const LOG: &str = "look at `journalctl -u pacemaker`";
const RIGHTS: &str = "run ringcheck as root or hacluster";
const STATUS: &str = "look at `systemctl status pacemaker`";
const VERIFY: &str = "look at `crm_verify --live-check -V`";
const SCHEMA: &str = "`crm_verify --live-check -V` says more, and `cibadmin --upgrade --force` upgrades an old schema";
const QUORUM: &str = "look at `crm_mon -1`";
const AGAIN: &str = "try again in a moment";
const INSTALLED: &str = "look at what is installed: `pacemakerd --version`";
const RESTART: &str = "after an update of Pacemaker, restart the cluster on this node";

/// Explains an exit code.
pub fn explain(code: i32) -> Meaning {
    use Exit::{Attribute, PacemakerDown, Permission};

    let (exit, why, remedy) = match code {
        2 | 64 => (Attribute, "the tool does not know this option", INSTALLED),
        3 => (Attribute, "this Pacemaker was built without it", INSTALLED),
        4 | 77 => (Permission, "Pacemaker refused this user", RIGHTS),
        5 => (
            Attribute,
            "something that it needs is not installed",
            INSTALLED,
        ),
        6 | 78 => (Attribute, "the CIB does not take it", SCHEMA),
        65 => (Attribute, "the CIB is not valid", VERIFY),
        67 => (Attribute, "there is no such user", INSTALLED),
        68 => (Attribute, "the cluster knows no such node", QUORUM),
        69 => (Attribute, "a daemon of Pacemaker is not available", STATUS),
        71 => (Attribute, "the operating system refused it", LOG),
        72..=74 => (Attribute, "a file cannot be read or written", LOG),
        75 => (Attribute, "Pacemaker cannot do it just now", AGAIN),
        76 => (
            Attribute,
            "tool and daemon are of different versions",
            RESTART,
        ),
        102 => (
            PacemakerDown,
            "Pacemaker does not accept connections",
            STATUS,
        ),
        103 => (Attribute, "the CIB has changed meanwhile", AGAIN),
        104 => (Attribute, "the CIB on disk was changed by hand", LOG),
        105 => (Attribute, "the CIB has no such object", VERIFY),
        106 => (Attribute, "this partition has no quorum", QUORUM),
        107 => (Attribute, "it is not safe now", QUORUM),
        108 => (Attribute, "the CIB has it already", VERIFY),
        109 => (Attribute, "there are several of that name", VERIFY),
        124 => (Attribute, "Pacemaker did not answer in time", STATUS),
        _ => (Attribute, "", LOG),
    };
    Meaning { exit, why, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_remedy() {
        for code in 0..=255 {
            let Meaning { why, remedy, .. } = explain(code);
            assert!(remedy.len() > 10, "{code}");
            assert!(
                !why.contains("CRM_EX") && !why.ends_with('.'),
                "{code}: {why}"
            );
        }
    }
}
