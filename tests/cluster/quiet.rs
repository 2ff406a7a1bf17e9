//! A pass in which nothing changed costs next to nothing and says nothing.

use anyhow::{Result, ensure};
use lab::{Node, wait_until};

use crate::bed::{Bed, LONG};
use crate::node::{journal_cursor, journal_since, traced, wait_for_rest, wait_for_runs};

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "an_idle_pass_starts_no_child_and_takes_little_room",
        an_idle_pass_starts_no_child_and_takes_little_room,
    ),
    (
        "idle_passes_write_no_line_anywhere",
        idle_passes_write_no_line_anywhere,
    ),
    (
        "without_a_cluster_corosync_is_not_contacted",
        without_a_cluster_corosync_is_not_contacted,
    ),
];

fn an_idle_pass_starts_no_child_and_takes_little_room(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    wait_for_rest(node)?;
    // A refresh compares with the CIB by a child; a pass just after it does not.
    wait_until("a pass without a comparison", LONG, || {
        let before = crate::node::state(node)?["compared"].clone();
        let calls = "execve,clone,clone3,fork,vfork,ftruncate";
        let trace = traced(node, calls, &["ringcheck", "--once", "--quiet"])?;
        if crate::node::state(node)?["compared"] != before {
            return Ok(None);
        }
        let programs = trace
            .lines()
            .filter(|line| line.contains("execve("))
            .count();
        assert_eq!(programs, 1, "{trace}");
        let forks = trace.lines().filter(|line| {
            (line.contains("clone") || line.contains("fork(")) && !line.contains("CLONE_THREAD")
        });
        assert_eq!(forks.count(), 0, "{trace}");
        // The files that a connection goes by have the size here that Corosync has given them.
        let sizes: Vec<u32> = trace.lines().filter_map(truncated).collect();
        assert!(!sizes.is_empty(), "{trace}");
        assert!(sizes.iter().all(|&size| size < 100_000), "{trace}");
        Ok(Some(()))
    })
}

/// The size that a file is given.
fn truncated(line: &str) -> Option<u32> {
    let (_, arguments) = line.split_once("ftruncate(")?;
    let (_, size) = arguments.split_once(", ")?;
    size.split_once(')')?.0.parse().ok()
}

fn idle_passes_write_no_line_anywhere(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    wait_for_rest(node)?;
    let corosync_log = |node: &Node| node.sh("cat /var/log/corosync/corosync.log | wc -l");
    let epochs = |node: &Node| {
        node.sh("cibadmin --query | head -n 1 | tr ' ' '\\n' | grep -E '^(epoch|num_updates)='")
    };
    let event = |node: &Node| {
        let property = "--property=InactiveExitTimestampMonotonic";
        node.run(&["systemctl", "show", property, "ringcheck-event.service"])
    };
    let (cursor, lines, before) = (journal_cursor(node)?, corosync_log(node)?, epochs(node)?);
    let started = event(node)?;
    // Longer than the refresh period, so one comparison with the CIB is among them.
    wait_for_runs(node, 13)?;
    let journal = journal_since(node, &cursor)?;
    ensure!(journal.is_empty(), "the journal has {journal:#?}");
    ensure!(corosync_log(node)? == lines, "corosync's log has grown");
    ensure!(
        event(node)? == started,
        "a pass that the timer has not started"
    );
    ensure!(
        epochs(node)? == before,
        "the CIB was written: {before} → {}",
        epochs(node)?
    );
    Ok(())
}

fn without_a_cluster_corosync_is_not_contacted(bed: &Bed) -> Result<()> {
    let node = bed.node(3);
    node.run(&["systemctl", "stop", "pacemaker"])?;
    node.run(&["systemctl", "start", "ringcheck.timer"])?;
    let cursor = journal_cursor(node)?;
    let log = node.sh("cat /var/log/corosync/corosync.log")?;
    let ended = crate::node::run_as(
        node,
        "hacluster",
        &[
            "strace",
            "-f",
            "-qq",
            "-e",
            "trace=connect",
            "ringcheck",
            "--once",
            "--quiet",
        ],
    )?;
    ensure!(ended.code == Some(6), "{ended:?}");
    ensure!(!ended.stderr.contains("connect("), "{ended:?}");
    // A timer that runs without a cluster says nothing either.
    wait_for_runs(node, 2)?;
    let journal = journal_since(node, &cursor)?;
    ensure!(journal.is_empty(), "the journal has {journal:#?}");
    let grown = node.sh("cat /var/log/corosync/corosync.log")?;
    let new = grown.strip_prefix(&log).unwrap_or(&grown);
    ensure!(
        !new.contains("Denied") && !new.contains("rror"),
        "corosync's log has {new}"
    );
    node.run(&["systemctl", "start", "pacemaker"])?;
    Ok(())
}
