//! The timer and the alert.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Node, wait_until};

use crate::bed::{Bed, INTERVAL, LONG};
use crate::node::{
    is_active, journal_cursor, journal_since, run_as, traced, wait_for_jobs, wait_for_rest,
    wait_for_runs,
};

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "the_timer_starts_and_stops_with_pacemaker",
        the_timer_starts_and_stops_with_pacemaker,
    ),
    (
        "stopping_the_timer_deletes_the_attributes",
        stopping_the_timer_deletes_the_attributes,
    ),
    (
        "a_quick_timer_is_not_throttled",
        a_quick_timer_is_not_throttled,
    ),
    (
        "a_member_alert_writes_every_attribute",
        a_member_alert_writes_every_attribute,
    ),
    ("other_alerts_leave_at_once", other_alerts_leave_at_once),
    (
        "pacemaker_runs_the_alert_agent",
        pacemaker_runs_the_alert_agent,
    ),
    (
        "the_sandbox_is_as_tight_as_stated",
        the_sandbox_is_as_tight_as_stated,
    ),
];

fn the_timer_starts_and_stops_with_pacemaker(bed: &Bed) -> Result<()> {
    let node = bed.node(3);
    let ways = [
        ("pcs cluster stop", "pcs cluster start"),
        ("systemctl stop pacemaker", "systemctl start pacemaker"),
        ("systemctl stop corosync", "systemctl start pacemaker"),
    ];
    for (stop, start) in ways {
        node.sh(stop)?;
        ensure!(
            !is_active(node, "ringcheck.timer")?,
            "active after `{stop}`"
        );
        node.sh(start)?;
        wait_until(&format!("the timer after `{start}`"), LONG, || {
            Ok(is_active(node, "ringcheck.timer")?.then_some(()))
        })?;
        bed.wait_on(1, "every link UP again", LONG, &bed.all("UP"))?;
    }
    Ok(())
}

fn stopping_the_timer_deletes_the_attributes(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    node.run(&["systemctl", "stop", "ringcheck.timer"])?;
    let mut wanted = bed.all("UP");
    wanted.retain(|(name, _), _| name != node.name());
    bed.wait_on(1, "the attributes gone", LONG, &wanted)?;
    // Nobody would look after what an alert brought back.
    let ended = alert(node, &NODE_EVENT)?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let dry = node.run(&["ringcheck", "--once", "--dry-run"])?;
    ensure!(
        dry.lines().count() == 2 && dry.contains("would write"),
        "the alert wrote: {dry}"
    );
    node.run(&["systemctl", "start", "ringcheck.timer"])?;
    bed.wait_on(1, "the attributes back", 2 * INTERVAL, &bed.all("UP"))?;
    Ok(())
}

fn a_quick_timer_is_not_throttled(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let folder = "/etc/systemd/system/ringcheck.timer.d";
    let quick =
        "[Timer]\nOnActiveSec=\nOnUnitActiveSec=\nOnActiveSec=100ms\nOnUnitActiveSec=500ms\n";
    node.write(&format!("{folder}/quick.conf"), quick)?;
    node.sh("systemctl daemon-reload && systemctl restart ringcheck.timer")?;
    wait_for_jobs(node)?;
    bed.wait_on(1, "every link UP", LONG, &bed.all("UP"))?;
    let cursor = journal_cursor(node)?;
    // The default start limit is five in ten seconds.
    wait_for_runs(node, 15)?;
    let journal = journal_since(node, &cursor)?;
    ensure!(journal.is_empty(), "the journal has {journal:#?}");
    node.sh(&format!(
        "rm -r {folder}; systemctl daemon-reload; systemctl restart ringcheck.timer"
    ))?;
    bed.wait_on(1, "every link UP", LONG, &bed.all("UP"))?;
    Ok(())
}

const NODE_EVENT: [&str; 6] = [
    "CRM_alert_kind=node",
    "CRM_alert_version=2.1.5",
    "CRM_alert_node=n1",
    "CRM_alert_nodeid=1",
    "CRM_alert_desc=member",
    "CRM_alert_recipient=",
];

const AGENT: &str = "/usr/share/ringcheck/alerts/ringcheck-alert";

fn alert(node: &Node, environment: &[&str]) -> Result<crate::node::Ended> {
    run_as(
        node,
        "hacluster",
        &[&["env", "-i"], environment, &[AGENT]].concat(),
    )
}

fn a_member_alert_writes_every_attribute(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    wait_for_rest(node)?;
    let ringcheck = ["/usr/sbin/ringcheck"];
    let argv = [&["env", "-i"], &NODE_EVENT[..], &ringcheck].concat();
    let trace = traced(node, "execve", &argv)?;
    for name in ["ringnumber_0", "ringnumber_1"] {
        let written = trace
            .lines()
            .any(|l| l.contains("attrd_updater") && l.contains(name));
        ensure!(written, "{name} was not written:\n{trace}");
    }
    Ok(())
}

fn other_alerts_leave_at_once(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let environments: [&[&str]; 8] = [
        &[
            "CRM_alert_kind=resource",
            "CRM_alert_version=2.1.5",
            "CRM_alert_desc=ok",
        ],
        &[
            "CRM_alert_kind=fencing",
            "CRM_alert_version=2.1.5",
            "CRM_alert_desc=member",
        ],
        &["CRM_alert_kind=attribute", "CRM_alert_version=2.1.5"],
        &["CRM_alert_kind=", "CRM_alert_version="],
        &["CRM_alert_kind=node", "CRM_alert_desc=member"],
        &[
            "CRM_alert_kind=node",
            "CRM_alert_version=2.1.5",
            "CRM_alert_desc=$(touch /tmp/pwned)",
        ],
        &[
            "CRM_alert_kind=node",
            "CRM_alert_version=2",
            "CRM_alert_desc=lost",
            "CRM_alert_node=a\nb",
        ],
        &["CRM_alert_node=n1"],
    ];
    for environment in environments {
        let argv = [&["env", "-i"], environment, &["/usr/sbin/ringcheck"]].concat();
        let trace = traced(node, "socket,connect,execve", &argv)?;
        let calls: Vec<_> = trace.lines().filter(|l| !l.contains("execve(")).collect();
        ensure!(
            calls.is_empty() && !trace.contains("attrd_updater"),
            "{environment:?}: {trace}"
        );
        let ended = alert(node, environment)?;
        ensure!(
            ended.code == Some(0) && ended.stderr.is_empty(),
            "{environment:?}: {ended:?}"
        );
    }
    ensure!(
        node.run(&["test", "-e", "/tmp/pwned"]).is_err(),
        "an alert's value was run"
    );
    Ok(())
}

fn pacemaker_runs_the_alert_agent(bed: &Bed) -> Result<()> {
    // Without the timer and corosync's log only the agent can leave a stamp.
    let watcher = bed.node(1);
    let stamps = |node: &Node| node.sh("cat /run/ringcheck/lock");
    let slow = "[Timer]\nOnActiveSec=\nOnUnitActiveSec=\nOnActiveSec=1h\n";
    watcher.write("/etc/systemd/system/ringcheck.timer.d/slow.conf", slow)?;
    watcher.sh(
        "systemctl daemon-reload && systemctl restart ringcheck.timer && \
        systemctl stop ringcheck.path ringcheck-event.service && ringcheck --once",
    )?;
    let before = stamps(watcher)?;
    bed.node(3).run(&["pcs", "cluster", "stop"])?;
    wait_until(
        "the agent's pass after a node left",
        Duration::from_secs(15),
        || Ok((stamps(watcher)? != before).then_some(())),
    )?;
    bed.node(3).run(&["pcs", "cluster", "start"])?;
    wait_until("the agent's forced pass after a node joined", LONG, || {
        Ok(stamps(watcher)?.contains("\"forced\":true").then_some(()))
    })?;
    watcher.sh("rm -r /etc/systemd/system/ringcheck.timer.d; systemctl daemon-reload; systemctl restart ringcheck.timer")?;
    Ok(())
}

/// What docs/sandbox.md states, and that nothing a pass or its children need is taken away.
fn the_sandbox_is_as_tight_as_stated(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    for unit in [
        "ringcheck.service",
        "ringcheck-event.service",
        "ringcheck-clear.service",
    ] {
        let report = node.run(&["systemd-analyze", "security", "--no-pager", unit])?;
        let score = report
            .lines()
            .last()
            .and_then(|line| line.split(": ").nth(1));
        let score: f64 = score
            .unwrap_or_default()
            .split(' ')
            .next()
            .unwrap_or_default()
            .parse()?;
        note!("{unit}: {score}");
        ensure!(score <= 2.6, "{unit} is exposed: {score}\n{report}");
    }
    let folder = "/run/systemd/system/ringcheck.service.d";
    let forced = "[Service]\nExecStart=\nExecStart=/usr/sbin/ringcheck --once --force\n";
    node.write(&format!("{folder}/force.conf"), forced)?;
    let cursor = journal_cursor(node)?;
    let run = "systemctl daemon-reload; systemctl start ringcheck.service; cat /run/ringcheck/lock";
    let stamp = node.sh(run)?;
    node.sh(&format!("rm -r {folder} && systemctl daemon-reload"))?;
    let journal = journal_since(node, &cursor)?;
    ensure!(journal.is_empty(), "the journal has {journal:#?}");
    ensure!(
        stamp.contains("\"forced\":true"),
        "the forced pass did not end well: {stamp}"
    );
    Ok(())
}
