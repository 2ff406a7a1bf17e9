//! Which of the cluster's daemons live, from /proc: no connection is made.
//!
//! A daemon's pid and start time tell whether it is the one of the last pass. A restarted
//! pacemaker-attrd has lost the attributes, a restarted pacemaker-controld has taken them
//! out of the CIB, and a restarted corosync counts anew.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One incarnation of a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Incarnation {
    /// Its process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot (proc_pid_stat(5), field 22).
    pub start: u64,
}

/// The daemons that a pass needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Daemons {
    /// corosync.
    pub corosync: Option<Incarnation>,
    /// pacemaker-attrd, the attribute manager.
    pub attrd: Option<Incarnation>,
    /// pacemaker-controld, the controller; pacemakerd starts it last.
    pub controld: Option<Incarnation>,
}

// comm is cut to 15 characters (proc_pid_comm(5)).
const COROSYNC: &str = "corosync";
const ATTRD: &str = "pacemaker-attrd";
const CONTROLD: &str = "pacemaker-contr";

/// More bytes than a proc_pid_stat(5) has.
const STAT: usize = 1024;

impl Daemons {
    /// Finds the daemons; those that were `known` need no search.
    ///
    /// A process counts only if it belongs to root or to `hacluster`, because any user can
    /// give a process any name, and if it lives in this pid namespace, because a container
    /// on this machine may have a cluster of its own.
    pub fn find(proc: &Path, known: &Daemons, hacluster: Option<u32>) -> Daemons {
        let still = |known: Option<Incarnation>, name: &str| {
            let known = known?;
            let (comm, incarnation) = stat(proc, known.pid)?;
            (comm == name && incarnation == known).then_some(known)
        };
        let mut found = Daemons {
            corosync: still(known.corosync, COROSYNC),
            attrd: still(known.attrd, ATTRD),
            controld: still(known.controld, CONTROLD),
        };
        if found.corosync.is_some() && found.attrd.is_some() && found.controld.is_some() {
            return found;
        }
        let pids = fs::read_dir(proc).into_iter().flatten().flatten();
        for pid in pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
            let Some((comm, incarnation)) = stat(proc, pid) else {
                continue;
            };
            let place = match comm.as_str() {
                COROSYNC => &mut found.corosync,
                ATTRD => &mut found.attrd,
                CONTROLD => &mut found.controld,
                _ => continue,
            };
            if trusted(proc, pid, hacluster) {
                *place = Some(incarnation);
            }
        }
        found
    }

    /// Whether Pacemaker can take attributes.
    pub fn pacemaker_runs(&self) -> bool {
        self.attrd.is_some() && self.controld.is_some()
    }
}

/// A live process's name, and which one it is.
pub(super) fn stat(proc: &Path, pid: u32) -> Option<(String, Incarnation)> {
    let mut file = File::open(proc.join(pid.to_string()).join("stat")).ok()?;
    // Its length is not known before, and without room it is read in small pieces.
    let mut text = String::with_capacity(STAT);
    file.read_to_string(&mut text).ok()?;
    parse_stat(pid, &text)
}

fn parse_stat(pid: u32, text: &str) -> Option<(String, Incarnation)> {
    // The name is in parentheses and may itself contain any character.
    let (_, rest) = text.split_once('(')?;
    let (comm, rest) = rest.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    (state != "Z" && state != "X").then(|| (comm.to_owned(), Incarnation { pid, start }))
}

fn trusted(proc: &Path, pid: u32, hacluster: Option<u32>) -> bool {
    let folder = proc.join(pid.to_string());
    let owner = fs::metadata(&folder).map(|found| found.uid()).ok();
    let ours = match (owner, hacluster) {
        (Some(0), _) => true,
        (Some(owner), Some(hacluster)) => owner == hacluster,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
    let namespaces = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    ours && namespaces.is_none_or(|pids| pids.split_ascii_whitespace().count() == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_stat_file_makes_it_panic(text in "([0-9]{1,5} |\\(|\\)|[SRZX] |\\PC){0,40}") {
            parse_stat(1, &text);
        }
    }

    struct Proc(tempfile::TempDir);

    impl Proc {
        fn process(&self, pid: u32, comm: &str, state: char, start: u64, nspid: &str) {
            let folder = self.0.path().join(pid.to_string());
            fs::create_dir_all(&folder).unwrap();
            let zeros = "0 ".repeat(18);
            fs::write(
                folder.join("stat"),
                format!("{pid} ({comm}) {state} {zeros}{start} 0 0\n"),
            )
            .unwrap();
            fs::write(
                folder.join("status"),
                format!("Name:\tx\nNSpid:\t{nspid}\n"),
            )
            .unwrap();
        }

        fn find(&self, known: &Daemons, hacluster: Option<u32>) -> Daemons {
            Daemons::find(self.0.path(), known, hacluster)
        }
    }

    fn running() -> Proc {
        let proc = Proc(tempfile::tempdir().unwrap());
        proc.process(10, "corosync", 'S', 100, "10");
        proc.process(11, "pacemaker-attrd", 'S', 110, "11");
        proc.process(12, "pacemaker-contr", 'S', 120, "12");
        proc.process(13, "a) S (b", 'S', 130, "13");
        proc
    }

    #[test]
    fn finds_the_daemons_and_knows_them_again() {
        let proc = running();
        let found = proc.find(&Daemons::default(), None);
        assert_eq!(
            found.attrd,
            Some(Incarnation {
                pid: 11,
                start: 110
            })
        );
        assert!(found.pacemaker_runs() && found.corosync.is_some());
        assert_eq!(proc.find(&found, None), found);
    }

    #[test]
    fn sees_a_restart_under_the_same_pid() {
        let proc = running();
        let before = proc.find(&Daemons::default(), None);
        proc.process(11, "pacemaker-attrd", 'S', 999, "11");
        let after = proc.find(&before, None);
        assert_ne!(after.attrd, before.attrd);
        assert_eq!(after.controld, before.controld);
    }

    #[test]
    fn a_zombie_is_dead() {
        let proc = running();
        proc.process(11, "pacemaker-attrd", 'Z', 110, "11");
        assert!(!proc.find(&Daemons::default(), None).pacemaker_runs());
    }

    #[test]
    fn a_containers_daemons_are_not_ours() {
        let proc = running();
        proc.process(11, "pacemaker-attrd", 'S', 110, "11 3");
        assert_eq!(proc.find(&Daemons::default(), None).attrd, None);
    }

    #[test]
    fn a_strangers_process_is_no_daemon() {
        let proc = running();
        let folder = proc.0.path().join("11");
        if std::os::unix::fs::chown(&folder, Some(12345), None).is_err() {
            return; // Only root can give files away; the suite runs as root.
        }
        assert_eq!(proc.find(&Daemons::default(), Some(54321)).attrd, None);
        assert!(proc.find(&Daemons::default(), Some(12345)).attrd.is_some());
    }
}
