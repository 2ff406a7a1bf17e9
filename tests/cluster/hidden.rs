//! A node whose /proc hides the processes of other users: for everybody (`hidepid=` in proc(5)),
//! and for the timer's passes alone (`ProtectProc=` in systemd.exec(5)).

use anyhow::{Result, ensure};
use lab::{Cut, Node};

use crate::bed::{Bed, LONG};
use crate::faults::{said_by_the_timer, state::held_for_good};
use crate::node::{journal_cursor, journal_since, kill, run_as, wait_for_runs};
use crate::record::Record;

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "hidden_processes_are_not_dead",
        hidden_processes_are_not_dead,
    ),
    (
        "hidden_daemons_restart_and_stop",
        hidden_daemons_restart_and_stop,
    ),
    (
        "a_hidden_holder_of_the_lock_is_ended",
        a_hidden_holder_of_the_lock_is_ended,
    ),
    (
        "a_timer_with_hidden_processes",
        a_timer_with_hidden_processes,
    ),
];

const NODE: usize = 2;

/// Runs `test` on a node whose /proc is mounted so.
fn with_hidepid(bed: &Bed, hidepid: u32, test: impl FnOnce(&Node) -> Result<()>) -> Result<()> {
    let node = bed.node(NODE);
    let mount = |hidepid| node.sh(&format!("mount -o remount,hidepid={hidepid} /proc"));
    mount(hidepid)?;
    let seen = run_as(node, "hacluster", &["cat", "/proc/1/stat"])?;
    let result = if seen.code == Some(0) {
        Err(anyhow::anyhow!(
            "hacluster sees PID 1 with hidepid={hidepid}"
        ))
    } else {
        test(node)
    };
    mount(0)?;
    result
}

/// Link 1 of the node is cut and healed, and shown so by whatever starts passes.
fn a_cut_is_shown(bed: &Bed) -> Result<()> {
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.node(NODE).cut(1, Cut::Carrier)?;
    bed.wait_on(1, "link 1 FAULTY", LONG, &broken)?;
    bed.node(NODE).heal(1)?;
    bed.wait_for("every link UP", LONG, &bed.all("UP"))
}

/// Checks that monitoring is told the same as root and as hacluster.
fn check_agrees(node: &Node, code: i32, said: &str) -> Result<()> {
    for user in ["root", "hacluster"] {
        let ended = run_as(node, user, &["ringcheck", "check"])?;
        ensure!(
            ended.code == Some(code) && ended.stdout.contains(said),
            "check of {user}: {ended:?}"
        );
    }
    Ok(())
}

fn hidden_processes_are_not_dead(bed: &Bed) -> Result<()> {
    for hidepid in [2, 1] {
        with_hidepid(bed, hidepid, |node| {
            let cursor = journal_cursor(node)?;
            wait_for_runs(node, 2)?;
            let said = journal_since(node, &cursor)?;
            ensure!(said.is_empty(), "hidepid={hidepid}: {said:#?}");
            check_agrees(node, 0, "RINGCHECK OK")?;
            for user in ["root", "hacluster"] {
                for arguments in [&["--once"][..], &["status"], &["doctor"], &["metrics"]] {
                    let argv = [&["/usr/sbin/ringcheck"], arguments].concat();
                    let ended = run_as(node, user, &argv)?;
                    ensure!(
                        ended.code == Some(0),
                        "hidepid={hidepid}: {user} {arguments:?}: {ended:?}"
                    );
                }
            }
            a_cut_is_shown(bed)
        })?;
    }
    Ok(())
}

fn hidden_daemons_restart_and_stop(bed: &Bed) -> Result<()> {
    with_hidepid(bed, 2, |node| {
        // The attribute manager is hacluster's own.
        kill(node, "pacemaker-attrd")?;
        bed.wait_for("every link UP", LONG, &bed.all("UP"))?;

        let record = Record::begin(bed)?;
        node.run(&["systemctl", "restart", "corosync"])?;
        node.run(&["systemctl", "start", "pacemaker"])?;
        bed.wait_for("every link UP", LONG, &bed.all("UP"))?;
        record.has_no_faulty(bed)?;
        a_cut_is_shown(bed)?;

        // The timer is left without a cluster.
        kill(node, "corosync")?;
        bed.cluster.wait_online(&[1, 3], LONG)?;
        let said = said_by_the_timer(node)?;
        ensure!(said.is_empty(), "{said:#?}");
        let ended = run_as(node, "root", &["ringcheck", "--once"])?;
        let line = "corosync is not running; start it with `pcs cluster start`";
        ensure!(
            ended.code == Some(5) && ended.stderr.contains(line),
            "{ended:?}"
        );
        check_agrees(node, 2, "corosync is not running")?;
        let cleared = run_as(node, "root", &["ringcheck", "clear"])?;
        // The attribute manager may take the connection, and not answer.
        let codes = [Some(0), Some(6), Some(8)];
        ensure!(codes.contains(&cleared.code), "{cleared:?}");
        node.sh("systemctl stop pacemaker; systemctl start corosync pacemaker")?;
        bed.wait_for("every link UP", LONG, &bed.all("UP"))
    })
}

fn a_hidden_holder_of_the_lock_is_ended(bed: &Bed) -> Result<()> {
    // Who was root before is hidden from hacluster.
    with_hidepid(bed, 2, |_| held_for_good(bed, "hacluster"))
}

fn a_timer_with_hidden_processes(bed: &Bed) -> Result<()> {
    const UNITS: [&str; 2] = ["ringcheck.service", "ringcheck-event.service"];
    let node = bed.node(NODE);
    let folder = |unit| format!("/run/systemd/system/{unit}.d");
    // The boot's id is hidden too: systemd-nspawn gives each node another one, in the node's first
    // mount of /proc only. With that, systemd 247 cannot start a unit that has ProtectHostname=.
    let hide = "[Service]\nProtectProc=invisible\nProcSubset=pid\nProtectHostname=no\n";
    for unit in UNITS {
        node.write(&format!("{}/hide.conf", folder(unit)), hide)?;
    }
    node.run(&["systemctl", "daemon-reload"])?;
    let result = (|| {
        let cursor = journal_cursor(node)?;
        wait_for_runs(node, 2)?;
        // What a person starts sees all, and the next one of the timer's does not.
        node.run(&["ringcheck", "--once"])?;
        wait_for_runs(node, 2)?;
        let said = journal_since(node, &cursor)?;
        ensure!(said.is_empty(), "{said:#?}");
        check_agrees(node, 0, "RINGCHECK OK")?;
        a_cut_is_shown(bed)
    })();
    for unit in UNITS {
        node.run(&["rm", "-r", &folder(unit)])?;
    }
    node.run(&["systemctl", "daemon-reload"])?;
    result
}
