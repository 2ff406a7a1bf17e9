//! Timer, alert and hand at the same time, on the same state, and a great many passes.

use std::thread;

use anyhow::{Result, ensure};
use lab::{Cut, Node, wait_until};

use crate::bed::{Bed, LONG};
use crate::node::{pid, run_as, state, stop_passes};

pub const TESTS: &[(&str, crate::Test)] = &[
    ("fifty_passes_at_once", fifty_passes_at_once),
    (
        "a_thousand_passes_leave_nothing",
        a_thousand_passes_leave_nothing,
    ),
];

fn fifty_passes_at_once(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let storm = "for i in $(seq 17); do \
            ringcheck --once & pids=\"$pids $!\"; \
            setpriv --reuid=hacluster --regid=haclient --clear-groups env -i \
                CRM_alert_kind=node CRM_alert_version=2.1.5 CRM_alert_desc=member \
                /usr/share/ringcheck/alerts/ringcheck-alert & pids=\"$pids $!\"; \
            systemctl start ringcheck.service & pids=\"$pids $!\"; \
        done; \
        for pid in $pids; do wait $pid || echo \"one ended with $?\"; done";
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    for (wanted, cut) in [(bed.all("UP"), None), (broken, Some(Cut::Carrier))] {
        if let Some(how) = cut {
            bed.node(1).cut(1, how)?;
        }
        let ended = thread::scope(|scope| -> Result<_> {
            let other = scope.spawn(|| run_as(bed.node(2), "root", &["ringcheck", "--once"]));
            let ended = run_as(node, "root", &["sh", "-c", storm])?;
            other.join().expect("no panic")?;
            Ok(ended)
        })?;
        ensure!(ended.stdout.is_empty(), "{ended:?}");
        bed.wait_on(2, "the right attributes", LONG, &wanted)?;
        let files = node.sh("stat -c '%n %U:%G %a' /run/ringcheck /run/ringcheck/*")?;
        let expected = "/run/ringcheck hacluster:haclient 750\n\
            /run/ringcheck/lock hacluster:haclient 640\n\
            /run/ringcheck/notified hacluster:haclient 750\n\
            /run/ringcheck/state.json hacluster:haclient 640\n";
        ensure!(files == expected, "{files}");
        let published = state(node)?["published"].clone();
        for ((name, attribute), value) in &wanted {
            ensure!(
                name != node.name() || published[attribute] == **value,
                "{published}"
            );
        }
    }
    Ok(())
}

/// What passes could leave behind on a node.
#[derive(Debug, PartialEq)]
struct Traces {
    /// Files of corosync's connections in /dev/shm.
    shared: usize,
    /// What corosync has open.
    open: usize,
    /// Processes that nobody waits for.
    zombies: usize,
    /// Lines of corosync that say that it was held up or refused somebody.
    complaints: usize,
}

impl Traces {
    fn of(node: &Node) -> Result<Traces> {
        let corosync = pid(node, "corosync")?;
        let count = |what: &str| -> Result<usize> {
            Ok(node.sh(&format!("{what} | wc -l"))?.trim().parse()?)
        };
        Ok(Traces {
            shared: count(&format!("find /dev/shm -path '*/qb-{corosync}-*'"))?,
            open: count(&format!("ls /proc/{corosync}/fd"))?,
            zombies: count("ps -eo stat | grep ^Z")?,
            complaints: count("grep -E 'not scheduled|Denied' /var/log/corosync/corosync.log")?,
        })
    }
}

fn a_thousand_passes_leave_nothing(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    stop_passes(node)?;
    node.run(&["ringcheck", "--once"])?;
    // A process that has just ended is a zombie for a moment.
    let before = wait_until("nothing to be under way", LONG, || {
        let before = Traces::of(node)?;
        Ok((before.zombies == 0 && before == Traces::of(node)?).then_some(before))
    })?;
    ensure!(before.shared > 0 && before.open > 0, "{before:?}");
    let pass = "setpriv --reuid=hacluster --regid=haclient --clear-groups ringcheck --once --quiet";
    for passes in [
        format!("for i in $(seq 1000); do {pass} || exit 1; done"),
        format!(
            "for i in $(seq 50); do {pass} & pids=\"$pids $!\"; done; \
             for pid in $pids; do wait $pid || exit 1; done"
        ),
    ] {
        node.sh(&passes)?;
        wait_until("corosync to have let go of all", LONG, || {
            let after = Traces::of(node)?;
            ensure!(after == before, "{after:?}, and before {before:?}");
            Ok(Some(()))
        })?;
    }
    note!("{before:?}, before and after");
    Ok(())
}
