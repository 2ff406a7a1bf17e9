//! Corosync hung or killed while a pass talks to it.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{
    Halted, SHORT, be_short, by_hand, fails, fails_by, is_said_once, passes_repair, while_stopped,
};
use crate::Test;
use crate::bed::{Bed, INTERVAL, LONG, MARGIN};
use crate::node::{kill, pid, wait_for_idle};
use crate::record::Record;

pub const TESTS: &[(&str, Test)] = &[
    ("corosync_hung_at_the_connect", corosync_hung_at_the_connect),
    ("corosync_hung_at_a_glance", corosync_hung_at_a_glance),
    ("corosync_hung_during_a_read", corosync_hung_during_a_read),
    ("no_room_for_a_connection", no_room_for_a_connection),
    (
        "corosync_killed_during_a_read",
        corosync_killed_during_a_read,
    ),
    (
        "a_minute_of_hung_corosync_piles_nothing_up",
        a_minute_of_hung_corosync_piles_nothing_up,
    ),
];

/// The calls of the thread that reads: one for each of the two connections, and each of its
/// acknowledgements, then one a key.
const READ: (&str, u32) = ("sendto", 12);

const HUNG: &str = "corosync does not answer";

fn corosync_hung_at_the_connect(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        be_short(node)?;
        // Shorter than Corosync's token timeout, so the membership stays.
        while_stopped(node, "corosync", || fails(node, SHORT, 8, HUNG))?;
        passes_repair(bed, node)?;
        while_stopped(node, "corosync", || is_said_once(node, HUNG))?;
        passes_repair(bed, node)
    })
}

/// What the pass asks first it asks without a thread, and by an alarm it begins anew.
fn corosync_hung_at_a_glance(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        be_short(node)?;
        wait_for_idle(node)?;
        while_stopped(node, "corosync", || {
            let trace = "/tmp/trace";
            let pass = ["ringcheck", "--once"];
            let strace = ["strace", "-qqfe", "trace=execve", "-o", trace];
            fails_by(node, &[&strace, &pass[..]].concat(), SHORT, 8, HUNG)?;
            let calls = node.run(&["cat", trace])?;
            let again = format!("execve(\"/proc/self/exe\", {pass:?},");
            ensure!(calls.matches(&again).count() == 1, "{calls}");
            Ok(())
        })?;
        passes_repair(bed, node)
    })
}

fn corosync_hung_during_a_read(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        // Long enough that it has not passed before the pass goes on.
        let deadline = Duration::from_secs(8);
        node.write("/etc/ringcheck.toml", "deadline = 8\n")?;
        let halted = Halted::at(node, READ.0, READ.1)?;
        while_stopped(node, "corosync", || halted.goes_on(deadline, 8, HUNG))?;
        passes_repair(bed, node)
    })
}

/// CS_ERR_NO_SPACE: the buffers of corosync's connections are files in /dev/shm.
fn no_room_for_a_connection(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        let mounted = |size: &str| node.sh(&format!("mount -o remount,size={size} /dev/shm"));
        let room = node.sh("findmnt -bnro SIZE /dev/shm")?;
        mounted("48m")?;
        node.sh("head -c 48M /dev/zero > /dev/shm/full 2>/dev/null; true")?;
        let line = "no room for a connection in /dev/shm; `df /dev/shm` and `free` show";
        let failed = fails(node, SHORT, 10, line).and_then(|()| is_said_once(node, line));
        node.run(&["rm", "/dev/shm/full"])?;
        mounted(room.trim())?;
        failed?;
        passes_repair(bed, node)
    })
}

fn corosync_killed_during_a_read(bed: &Bed) -> Result<()> {
    let record = Record::begin(bed)?;
    by_hand(bed, 2, |node| {
        let halted = Halted::at(node, READ.0, READ.1)?;
        kill(node, "corosync")?;
        halted.goes_on(SHORT, 5, "corosync ended while it was read")?;
        // Pacemaker, which is dying of it, may hang when it is told to stop.
        node.power_cut()?;
        node.boot()?;
        node.run(&["pcs", "cluster", "start"]).map(drop)
    })?;
    record.has_no_faulty(bed)
}

fn a_minute_of_hung_corosync_piles_nothing_up(bed: &Bed) -> Result<()> {
    let node = bed.node(3);
    let record = Record::begin(bed)?;
    let count = "most=0; while [ $SECONDS -lt 60 ]; do \
            now=$(pgrep --count --exact ringcheck); \
            [ $now -le $most ] || most=$now; sleep 0.1; \
        done; echo $most";
    let daemon = pid(node, "corosync")?;
    node.run(&["kill", "-STOP", &daemon])?;
    let most = node.run_within(Duration::from_secs(75), &["bash", "-c", count]);
    node.run(&["kill", "-CONT", &daemon])?;
    let most: usize = most?.trim().parse()?;
    // The timer's, and one that a last line of the log has started and that waits for it.
    ensure!(most <= 2, "{most} passes at the same time");
    bed.cluster.wait_online(&[1, 2, 3], LONG)?;
    let took = bed.wait_on(1, "every link UP", INTERVAL + MARGIN, &bed.all("UP"))?;
    note!("right {took:.1?} after the nodes were together again");
    let values = record.values(bed)?;
    ensure!(
        !values.iter().any(|value| value.contains("FAULTY")),
        "{values:?}"
    );
    Ok(())
}
