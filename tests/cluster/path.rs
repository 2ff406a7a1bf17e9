//! A pass as soon as corosync logs something: how soon, at what cost, and that nothing turns it
//! off or outlasts the timer.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lab::{Cut, Node, wait_until};

use crate::bed::{Bed, LONG, MARGIN};
use crate::node::{is_active, journal_cursor, journal_since, run_as};

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "corosyncs_log_shows_a_cut_at_once",
        corosyncs_log_shows_a_cut_at_once,
    ),
    (
        "corosyncs_log_may_storm_and_be_rotated",
        corosyncs_log_may_storm_and_be_rotated,
    ),
    (
        "a_log_without_links_is_made_quick_by_doctor",
        a_log_without_links_is_made_quick_by_doctor,
    ),
    (
        "the_timer_stopped_and_started_after_a_line",
        the_timer_stopped_and_started_after_a_line,
    ),
];

const LOG: &str = "/var/log/corosync/corosync.log";

/// Pulled cables in a row.
const TRIALS: usize = 5;

/// What lines may cost in passes, as ringcheck-event.service has it.
const PASSES_PER_SECOND: u64 = 3;

/// Runs `test` while the timer of no node does a pass.
fn without_the_timer(bed: &Bed, test: impl FnOnce() -> Result<()>) -> Result<()> {
    const FOLDER: &str = "/run/systemd/system/ringcheck.timer.d";
    let slow = "[Timer]\nOnActiveSec=\nOnUnitActiveSec=\nOnActiveSec=1h\n";
    let restart = "systemctl daemon-reload; systemctl restart ringcheck.timer";
    bed.cluster.each(|node| {
        node.write(&format!("{FOLDER}/slow.conf"), slow)?;
        node.write("/etc/ringcheck.toml", "recovery-hold = 0\n")?;
        node.sh(&format!("{restart} && ringcheck --once"))?;
        Ok(())
    })?;
    bed.wait_for("every link UP", LONG, &bed.all("UP"))?;
    let result = test();
    bed.cluster.each(|node| {
        node.sh(&format!("rm -rf {FOLDER} /etc/ringcheck.toml; {restart}"))?;
        Ok(())
    })?;
    result
}

fn corosyncs_log_shows_a_cut_at_once(bed: &Bed) -> Result<()> {
    without_the_timer(bed, || {
        let mut broken = bed.all("UP");
        broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
        for trial in 1..=TRIALS {
            let (seen, shown) = trial_of(bed, LOG, &broken, || bed.node(3).cut(1, Cut::Carrier))?;
            note!("{trial}: cable out, logged after {seen:.2?}, shown {shown:.2?} later");
            ensure!(shown < MARGIN, "shown {shown:.2?} after corosync's line");
            let (seen, shown) = trial_of(bed, LOG, &bed.all("UP"), || bed.node(3).heal(1))?;
            note!("{trial}: cable in, logged after {seen:.2?}, shown {shown:.2?} later");
            ensure!(shown < MARGIN, "shown {shown:.2?} after corosync's line");
        }
        let history = bed
            .node(1)
            .sh("tail -n 1 /var/lib/ringcheck/history.jsonl")?;
        ensure!(history.contains("\"trigger\":\"log\""), "{history}");
        failures_are_the_timers(bed.node(2))
    })
}

/// How long it took until the last node had logged it, and from then until node 2 shows it of all.
fn trial_of(
    bed: &Bed,
    log: &str,
    wanted: &crate::bed::Attributes,
    act: impl FnOnce() -> Result<()>,
) -> Result<(Duration, Duration)> {
    let lines = |node: &Node| -> Result<usize> {
        let count = node.sh(&format!("grep -c 'KNET.*link: 1 ' {log}; true"))?;
        Ok(count.trim().parse()?)
    };
    let nodes = bed.cluster.nodes();
    let before: Vec<usize> = nodes.iter().map(lines).collect::<Result<_>>()?;
    let start = Instant::now();
    let (logged, shown) = thread::scope(|scope| -> Result<_> {
        let logged: Vec<_> = nodes
            .iter()
            .zip(before)
            .map(|(node, before)| {
                scope.spawn(move || {
                    wait_until("corosync's line", LONG, || {
                        Ok((lines(node)? > before).then(|| start.elapsed()))
                    })
                })
            })
            .collect();
        act()?;
        bed.wait_on(2, "the change", LONG, wanted)?;
        let shown = start.elapsed();
        let logged = logged.into_iter().map(|thread| thread.join());
        let logged = logged.map(|ended| ended.expect("it has not panicked"));
        Ok((logged.collect::<Result<Vec<_>>>()?, shown))
    })?;
    let seen = logged.into_iter().max().context("there are nodes")?;
    Ok((seen, shown.saturating_sub(seen)))
}

/// A pass that fails may itself have corosync write a line.
fn failures_are_the_timers(node: &Node) -> Result<()> {
    let pass = |how: &str| run_as(node, "hacluster", &["/usr/sbin/ringcheck", "--once", how]);
    let tool = "/usr/sbin/attrd_updater";
    crate::faults::unsettle(node)?;
    node.sh(&format!("mv {tool} {tool}.away"))?;
    let failed = pass("--quiet")?;
    node.sh(&format!("mv {tool}.away {tool}"))?;
    ensure!(failed.code == Some(9), "{failed:?}");
    let failing = |node: &Node| node.sh("cat /run/ringcheck/lock");
    let before = failing(node)?;
    let left = pass("--event")?;
    ensure!(left.code == Some(0), "{left:?}");
    ensure!(failing(node)? == before, "it did a pass");
    let repaired = pass("--quiet")?;
    ensure!(repaired.code == Some(0), "{repaired:?}");
    ensure!(failing(node)? != before, "it did no pass");
    Ok(())
}

fn a_log_without_links_is_made_quick_by_doctor(bed: &Bed) -> Result<()> {
    const CONF: &str = "/etc/corosync/corosync.conf";
    const OWN: &str = "/var/log/links.log";
    bed.cluster
        .each(|node| node.sh(&format!("cp -p {CONF} {CONF}.away")).map(drop))?;
    let result = without_the_timer(bed, || {
        let mut broken = bed.all("UP");
        broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
        for (settings, log, grade, says) in [
            ("logfile_priority: Warning", LOG, "warning", "as info"),
            ("to_logfile: off", LOG, "ok", "does not log to a file"),
            (
                "logger_subsys {\nsubsys: KNET\nlogfile: /var/log/links.log\n}",
                OWN,
                "warning",
                "nobody watches",
            ),
        ] {
            // Corosync does not open again what it has closed while it ran, so it starts with it.
            bed.cluster.each(|node| {
                let script = format!(
                    "systemctl stop corosync
                    printf 'logging {{\n{settings}\n}}\n' >> {CONF}
                    systemctl start corosync pacemaker ringcheck.timer"
                );
                node.sh(&script).map(drop)
            })?;
            bed.cluster.wait_online(&[1, 2, 3], LONG)?;
            let pass = |node: &Node| node.run(&["ringcheck", "--once"]).map(drop);
            wait_until("every link UP", LONG, || {
                bed.cluster.each(pass)?;
                Ok((bed.seen_from(2)? == bed.all("UP")).then_some(()))
            })?;
            let status = bed.node(2).run(&["ringcheck", "status"])?;
            ensure!(status.contains("; not log"), "{settings}: {status}");
            bed.cluster.each(wait_for_rest)?;
            bed.node(3).cut(1, Cut::Carrier)?;
            bed.cluster.each(wait_for_cut)?;
            thread::sleep(MARGIN);
            ensure!(bed.seen_from(2)? == bed.all("UP"), "{settings}: shown");
            bed.cluster.each(pass)?;
            bed.wait_on(2, "the cut link FAULTY", MARGIN, &broken)?;

            for node in bed.cluster.nodes() {
                let point = doctors_point(node)?;
                let said = point["finding"].as_str().context("no finding")?;
                ensure!(point["grade"] == grade && said.contains(says), "{point}");
                node.sh(point["command"].as_str().context("no command")?)?;
                let point = doctors_point(node)?;
                let watched = format!("{log} is watched");
                ensure!(point["finding"] == watched.as_str(), "{point}");
            }
            let (seen, shown) = trial_of(bed, log, &bed.all("UP"), || bed.node(3).heal(1))?;
            note!("{says}: logged after {seen:.2?}, shown {shown:.2?} later");
            ensure!(
                shown < MARGIN,
                "{settings}: shown {shown:.2?} after the line"
            );
            bed.cluster
                .each(|node| node.sh(&format!("cp -p {CONF}.away {CONF}")).map(drop))?;
        }
        Ok(())
    });
    bed.cluster.each(|node| {
        let script = format!(
            "systemctl stop corosync
            mv {CONF}.away {CONF}; rm -f {OWN}; systemctl revert ringcheck.path
            systemctl start corosync pacemaker ringcheck.timer"
        );
        node.sh(&script).map(drop)
    })?;
    result
}

/// What doctor says of the log.
fn doctors_point(node: &Node) -> Result<serde_json::Value> {
    let report = node.run(&["ringcheck", "doctor", "--json"])?;
    let report: serde_json::Value = serde_json::from_str(&report)?;
    let mut points = report["points"].as_array().into_iter().flatten();
    let point = points.find(|point| point["topic"] == "log");
    Ok(point.context("no point about the log")?.clone())
}

/// Waits until the node's knet has given link 1 up for some peer.
fn wait_for_cut(node: &Node) -> Result<()> {
    wait_until("knet to see the cut", LONG, || {
        let keys = "corosync-cmapctl -m stats stats.knet.node | grep 'link1.connected.* = 0'; true";
        Ok((!node.sh(keys)?.is_empty()).then_some(()))
    })
}

fn corosyncs_log_may_storm_and_be_rotated(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let write = format!("while :; do echo storm >> {LOG}; sleep 0.001; done");
    // A storm costs little and says nothing.
    let time = Duration::from_secs(10);
    wait_for_rest(node)?;
    let (cursor, before, start) = (journal_cursor(node)?, passes(node)?, Instant::now());
    let storm = format!("timeout {} sh -c '{write}'; true", time.as_secs());
    node.sh(&storm)?;
    let (did, took) = (passes(node)? - before, start.elapsed());
    note!("{did} passes in a storm of {took:.1?}");
    let by_timer = took.as_secs() / 5 + 1;
    let limit = PASSES_PER_SECOND * (took.as_secs() + 1) + by_timer;
    ensure!((5..=limit).contains(&did), "{did} passes in {took:?}");
    let journal = journal_since(node, &cursor)?;
    ensure!(journal.is_empty(), "the journal has {journal:#?}");

    // It is no end of it, and neither is a rotated log, with both of logrotate's ways.
    let reopen = format!("mv {LOG} {LOG}.1; touch {LOG}; corosync-cfgtool -L");
    let truncate = format!("cp {LOG} {LOG}.1; : > {LOG}");
    let rename = format!("mv {LOG} {LOG}.1; touch {LOG}");
    for rotate in ["true", &truncate, &reopen, &truncate, &rename] {
        node.sh(rotate)?;
        wait_for_rest(node)?;
        let before = started(node)?;
        // It makes corosync log a line.
        node.run(&["corosync-cfgtool", "-R"])?;
        wait_until(&format!("a pass after `{rotate}`"), MARGIN, || {
            Ok((started(node)? != before).then_some(()))
        })?;
    }
    node.sh(&format!("corosync-cfgtool -L; rm {LOG}.1"))?;

    // It ends with the timer, writes nothing once the attributes are deleted, and leaves none
    // behind.
    node.sh(&format!(
        "setsid timeout 60 sh -c '{write}' > /dev/null 2>&1 & echo $! > /tmp/storm"
    ))?;
    let result = (|| {
        for _ in 0..3 {
            wait_until("a pass", LONG, || Ok((!is_at_rest(node)?).then_some(())))?;
            node.sh("systemctl stop ringcheck.timer ringcheck-clear.service")?;
            let mut others = bed.all("UP");
            others.retain(|(name, _), _| name != node.name());
            bed.wait_on(1, "the attributes gone", LONG, &others)?;
            for unit in ["ringcheck.path", "ringcheck-event.service"] {
                wait_until(&format!("{unit} to stop"), LONG, || {
                    let state = node.sh(&format!("systemctl is-active {unit}; true"))?;
                    Ok((state == "inactive\n").then_some(()))
                })?;
            }
            let failed = node.run(&["systemctl", "--failed", "--plain", "--no-legend"])?;
            ensure!(!failed.contains("ringcheck"), "{failed}");
            thread::sleep(MARGIN);
            ensure!(bed.seen_from(1)? == others, "{:?}", bed.seen_from(1)?);
            node.sh("systemctl start ringcheck.timer")?;
            ensure!(
                is_active(node, "ringcheck.path")?,
                "it does not start with the timer"
            );
            bed.wait_on(1, "the attributes back", LONG, &bed.all("UP"))?;
        }
        Ok(())
    })();
    node.sh("kill -- -$(cat /tmp/storm); rm /tmp/storm")?;
    result
}

fn the_timer_stopped_and_started_after_a_line(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    for _ in 0..3 {
        wait_for_rest(node)?;
        let cursor = journal_cursor(node)?;
        // It makes corosync log a line.
        node.run(&["corosync-cfgtool", "-R"])?;
        wait_until("a pass", LONG, || Ok((!is_at_rest(node)?).then_some(())))?;
        node.sh("systemctl stop ringcheck.timer; systemctl start ringcheck.timer")?;
        wait_until("the attributes to be deleted", LONG, || {
            let said = journal_since(node, &cursor)?;
            let deleted = "Node attribute ringnumber_1 deleted";
            Ok(said.iter().any(|line| line.contains(deleted)).then_some(()))
        })?;
        bed.wait_on(2, "the attributes back", LONG, &bed.all("UP"))?;
        for unit in [
            "ringcheck.timer",
            "ringcheck.path",
            "ringcheck-clear.service",
        ] {
            wait_until(&format!("{unit} to be active"), LONG, || {
                Ok(is_active(node, unit)?.then_some(()))
            })?;
        }
    }
    Ok(())
}

fn passes(node: &Node) -> Result<u64> {
    let stamp: serde_json::Value = serde_json::from_str(&node.sh("cat /run/ringcheck/lock")?)?;
    stamp["passes"].as_u64().context("no number of passes")
}

fn started(node: &Node) -> Result<String> {
    let property = "--property=InactiveExitTimestampMonotonic";
    node.run(&["systemctl", "show", property, "ringcheck-event.service"])
}

fn is_at_rest(node: &Node) -> Result<bool> {
    let ended = run_as(
        node,
        "root",
        &["systemctl", "is-active", "ringcheck-event.service"],
    )?;
    Ok(ended.stdout.trim() == "inactive")
}

fn wait_for_rest(node: &Node) -> Result<()> {
    wait_until("the end of the passes by the log", LONG, || {
        Ok(is_at_rest(node)?.then_some(()))
    })
}
