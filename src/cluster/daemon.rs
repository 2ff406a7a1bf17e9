//! Which of the cluster's daemons live, from /proc: no connection is made.
//!
//! A daemon's pid and start time tell whether it is the one of the last pass. A restarted
//! pacemaker-attrd has lost the attributes, a restarted pacemaker-controld has taken them
//! out of the CIB, and a restarted corosync counts anew.
//!
//! /proc may keep other users' processes from hacluster (`hidepid=` in proc(5), `ProtectProc=`
//! in systemd.exec(5)), and then shows it Pacemaker's daemons but not corosync, which is
//! root's. After Landlock, which counts a look into /proc as tracing, it shows neither. A
//! daemon that is not seen there may run: cmap and attrd_updater tell.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access};
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

/// The daemons that a pass needs, where they were seen.
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

/// A look at the daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Look {
    /// The daemons that /proc shows.
    pub seen: Daemons,
    /// True if /proc hides processes, so that a daemon that was not seen may run.
    pub hidden: bool,
}

// comm is cut to 15 characters (proc_pid_comm(5)).
const COROSYNC: &str = "corosync";
const ATTRD: &str = "pacemaker-attrd";
const CONTROLD: &str = "pacemaker-contr";

/// More bytes than a proc_pid_stat(5) has.
const STAT: usize = 1024;

impl Look {
    /// Looks for the daemons; those that were `known` need no search.
    ///
    /// A process counts only if it belongs to root or to `hacluster`, because any user can
    /// give a process any name, and if it lives in this pid namespace, because a container
    /// on this machine may have a cluster of its own.
    pub fn take(proc: &Path, known: &Daemons, hacluster: Option<u32>) -> Look {
        let still = |known: Option<Incarnation>, name: &str| {
            let known = known?;
            let (comm, incarnation) = stat(proc, known.pid)?;
            (comm == name && incarnation == known).then_some(known)
        };
        let mut seen = Daemons {
            corosync: still(known.corosync, COROSYNC),
            attrd: still(known.attrd, ATTRD),
            controld: still(known.controld, CONTROLD),
        };
        if seen.is_complete() {
            return Look {
                seen,
                hidden: false,
            };
        }
        let pids = fs::read_dir(proc).into_iter().flatten().flatten();
        for pid in pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
            let Some((comm, incarnation)) = stat(proc, pid) else {
                continue;
            };
            let place = match comm.as_str() {
                COROSYNC => &mut seen.corosync,
                ATTRD => &mut seen.attrd,
                CONTROLD => &mut seen.controld,
                _ => continue,
            };
            if trusted(proc, pid, hacluster) {
                *place = Some(incarnation);
            }
        }
        Look {
            seen,
            hidden: hides(proc),
        }
    }

    /// Returns true if corosync is known to be down.
    pub fn corosync_is_down(&self) -> bool {
        self.seen.corosync.is_none() && !self.hidden
    }

    /// Tells whether Pacemaker can take attributes; none where /proc does not show it.
    pub fn pacemaker_runs(&self) -> Option<bool> {
        let seen = self.seen.attrd.is_some() && self.seen.controld.is_some();
        (seen || !self.hidden).then_some(seen)
    }

    /// Returns true unless Pacemaker is known to be down: asking it may succeed.
    pub fn pacemaker_may_run(&self) -> bool {
        self.pacemaker_runs() != Some(false)
    }
}

impl Daemons {
    /// Returns these daemons, and those from `before` that were not seen this time.
    pub fn or(self, before: Daemons) -> Daemons {
        Daemons {
            corosync: self.corosync.or(before.corosync),
            attrd: self.attrd.or(before.attrd),
            controld: self.controld.or(before.controld),
        }
    }

    fn is_complete(&self) -> bool {
        self.corosync.is_some() && self.attrd.is_some() && self.controld.is_some()
    }
}

/// Checks whether `proc` hides processes of other users from this one. PID 1 is there always,
/// and its `stat` is for everybody to read (proc_pid_stat(5)).
fn hides(proc: &Path) -> bool {
    access(proc.join("1/stat"), Access::READ_OK).is_err()
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

        fn look(&self, known: &Daemons, hacluster: Option<u32>) -> Look {
            Look::take(self.0.path(), known, hacluster)
        }

        fn find(&self, known: &Daemons, hacluster: Option<u32>) -> Daemons {
            self.look(known, hacluster).seen
        }

        fn end(&self, pid: u32) {
            fs::remove_dir_all(self.0.path().join(pid.to_string())).unwrap();
        }
    }

    fn running() -> Proc {
        let proc = Proc(tempfile::tempdir().unwrap());
        proc.process(1, "systemd", 'S', 1, "1");
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
        assert!(found.is_complete());
        let again = proc.look(&found, None);
        assert_eq!((again.seen, again.hidden), (found, false));
    }

    #[test]
    fn what_is_not_seen_is_down_only_where_everything_is_shown() {
        let proc = running();
        proc.end(10);
        let look = proc.look(&Daemons::default(), None);
        assert!(look.corosync_is_down());
        assert_eq!(look.pacemaker_runs(), Some(true));
        proc.end(11);
        let look = proc.look(&Daemons::default(), None);
        assert_eq!(look.pacemaker_runs(), Some(false));
        assert!(!look.pacemaker_may_run());
        // As hidepid=2 has it.
        proc.end(1);
        let look = proc.look(&Daemons::default(), None);
        assert!(!look.corosync_is_down() && look.pacemaker_may_run());
        assert_eq!(look.pacemaker_runs(), None);
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
        assert_eq!(proc.find(&Daemons::default(), None).attrd, None);
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
