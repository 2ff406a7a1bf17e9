//! What the journal has: ifcheckd's texts as docs/ifcheckd.md states them, for log watchers, and
//! fields, for programs.

use anyhow::{Context, Result, ensure};
use lab::{Cut, Node, wait_until};
use serde_json::Value;

use crate::Test;
use crate::bed::{Bed, HOLD, INTERVAL, LONG};
use crate::faults::{be_short, by_hand, unsettle, while_stopped};
use crate::node::{journal_cursor, run_as, sync_journal};

pub const TESTS: &[(&str, Test)] = &[
    ("the_journal_has_fields", the_journal_has_fields),
    (
        "the_journal_has_the_texts_of_ifcheckd",
        the_journal_has_the_texts_of_ifcheckd,
    ),
    (
        "who_starts_ifcheckd_has_a_pass",
        who_starts_ifcheckd_has_a_pass,
    ),
];

const DOCUMENT: &str = include_str!("../../docs/ifcheckd.md");

/// ringcheck's entries since then. journalctl would leave the first one out if it were to
/// choose them by itself, because the cursor is not among them.
fn entries(node: &Node, cursor: &str) -> Result<Vec<Value>> {
    let argument = format!("--after-cursor={cursor}");
    sync_journal(node)?;
    let text = node.run(&["journalctl", "--quiet", "-o", "json", &argument])?;
    let entries = text.lines().map(serde_json::from_str);
    let entries: Vec<Value> = entries.collect::<Result<_, _>>()?;
    let ours = |entry: &Value| entry["SYSLOG_IDENTIFIER"] == "ringcheck";
    Ok(entries.into_iter().filter(ours).collect())
}

/// Waits for an entry with this text, which docs/ifcheckd.md has too, as it begins there.
fn said(node: &Node, cursor: &str, text: &str) -> Result<Value> {
    let stated = text.split("[ring").next().unwrap_or(text);
    let stated = stated
        .split(['=', '1', '2'])
        .next()
        .unwrap_or(stated)
        .trim_end();
    ensure!(
        DOCUMENT.contains(&format!("| `{stated}")),
        "no `{stated}` is stated"
    );
    let found = |entry: &Value| {
        let message = entry["MESSAGE"].as_str().unwrap_or_default();
        // A text that is the beginning of another one ends here.
        message == text || message.starts_with(&format!("{text}:"))
    };
    wait_until(&format!("`{text}` in the journal"), LONG, || {
        let entries = entries(node, cursor)?;
        Ok(entries.into_iter().find(found))
    })
}

fn has(entry: &Value, fields: &[(&str, &str)]) -> Result<()> {
    for (name, value) in fields {
        ensure!(entry[name] == *value, "no {name}={value} in {entry:#}");
    }
    Ok(())
}

const FAULTY: &str = "Interface link status changed [ring id=1, state=FAULTY]";
const UP: &str = "Interface link status changed [ring id=1, state=UP]";

fn the_journal_has_fields(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let link = [
        ("RINGCHECK_LINK", "1"),
        ("RINGCHECK_ADDRESS", "10.77.1.2"),
        ("PRIORITY", "5"),
    ];
    let cursor = journal_cursor(node)?;
    bed.node(3).cut(1, Cut::DropBoth)?;
    let entry = said(node, &cursor, FAULTY)?;
    has(&entry, &link)?;
    has(
        &entry,
        &[("RINGCHECK_STATE", "FAULTY"), ("RINGCHECK_PEERS", "n3")],
    )?;
    // Who comes first.
    let trigger = entry["RINGCHECK_TRIGGER"].as_str();
    ensure!(matches!(trigger, Some("log" | "timer")), "{entry:#}");
    bed.node(3).heal(1)?;
    let entry = said(node, &cursor, UP)?;
    has(&entry, &link)?;
    has(
        &entry,
        &[("RINGCHECK_STATE", "UP"), ("RINGCHECK_PEERS", "")],
    )?;
    let cursor = journal_cursor(node)?;
    node.write("/etc/ringcheck.toml", "deadline = 0\n")?;
    let entry = wait_until("the failure in the journal", 3 * INTERVAL, || {
        Ok(entries(node, &cursor)?.into_iter().next())
    })?;
    node.run(&["rm", "/etc/ringcheck.toml"])?;
    has(&entry, &[("PRIORITY", "3"), ("RINGCHECK_TRIGGER", "timer")])?;
    let message = entry["MESSAGE"].as_str().context("no message")?;
    ensure!(
        message.contains("deadline = 0 is out of bounds"),
        "{message}"
    );
    by_hand(bed, 2, |node| by_alert_and_by_hand(bed, node))
}

fn by_alert_and_by_hand(bed: &Bed, node: &Node) -> Result<()> {
    let cursor = journal_cursor(node)?;
    bed.node(3).cut(1, Cut::DropBoth)?;
    let agent = "env -i CRM_alert_kind=node CRM_alert_version=2.1.5 CRM_alert_node=n1 \
        CRM_alert_nodeid=1 CRM_alert_desc=lost /usr/share/ringcheck/alerts/ringcheck-alert";
    let argv: Vec<&str> = agent.split_ascii_whitespace().collect();
    let entry = wait_until("an alert's pass to see it", LONG, || {
        let ended = run_as(node, "hacluster", &argv)?;
        ensure!(
            ended.code == Some(0) && ended.stderr.is_empty(),
            "{ended:?}"
        );
        let entries = entries(node, &cursor)?;
        Ok(entries
            .into_iter()
            .find(|entry| entry["RINGCHECK_LINK"] == "1"))
    })?;
    has(
        &entry,
        &[("RINGCHECK_STATE", "FAULTY"), ("RINGCHECK_PEERS", "n3")],
    )?;
    has(&entry, &[("RINGCHECK_TRIGGER", "alert"), ("PRIORITY", "5")])?;
    bed.node(3).heal(1)?;
    let cursor = journal_cursor(node)?;
    let told = wait_until("a pass by hand to see it healed", HOLD + LONG, || {
        let ended = run_as(node, "root", &["ringcheck", "--once"])?;
        Ok(ended.stderr.contains(UP).then_some(ended.stderr))
    })?;
    ensure!(told.starts_with("ringcheck: Interface"), "{told}");
    let entries = entries(node, &cursor)?;
    ensure!(entries.is_empty(), "the journal has {entries:#?}");
    Ok(())
}

fn the_journal_has_the_texts_of_ifcheckd(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let cursor = journal_cursor(node)?;
    // systemctl waits for those that it is told of.
    let clear = "ringcheck-clear.service";
    node.run(&["systemctl", "stop", "ringcheck.timer", clear])?;
    said(
        node,
        &cursor,
        "Stop monitoring interface. Notified of Pacemaker stop event",
    )?;
    node.sh("rm /run/ringcheck/state.json; systemctl start ringcheck.timer")?;
    said(node, &cursor, "Start to monitor interface")?;
    node.run(&["systemctl", "restart", "pacemaker"])?;
    said(
        node,
        &cursor,
        "Start to monitor interface after Pacemaker restarted",
    )?;
    bed.wait_for("every link UP", LONG, &bed.all("UP"))?;
    by_hand(bed, 2, |node| {
        refused_by_cmap(node)?;
        let cursor = journal_cursor(node)?;
        be_short(node)?;
        unsettle(node)?;
        while_stopped(node, "pacemaker-attrd", || {
            node.run(&["systemctl", "start", "ringcheck.service"])?;
            let text = "Failed to change link status [ring id=0, expected state=UP]";
            has(&said(node, &cursor, text)?, &[("PRIORITY", "3")])
        })
    })
}

/// Corosync no longer lets hacluster connect.
fn refused_by_cmap(node: &Node) -> Result<()> {
    let shown = node.sh("corosync-cmapctl uidgid.")?;
    let key = shown
        .split_ascii_whitespace()
        .next()
        .context("no key lets haclient in")?;
    let cursor = journal_cursor(node)?;
    let text = "Failed to connect cmap.  Error 11";
    node.run(&["corosync-cmapctl", "-d", key])?;
    let result = node
        .run(&["systemctl", "start", "ringcheck.service"])
        .and_then(|_| said(node, &cursor, text));
    node.run(&["corosync-cmapctl", "-s", key, "u8", "1"])?;
    has(&result?, &[("PRIORITY", "3")])?;
    node.run(&["ringcheck", "--once"]).map(drop)
}

/// As a script starts ifcheckd.
fn who_starts_ifcheckd_has_a_pass(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        unsettle(node)?;
        let argv = ["ringcheck", "-f", "-p", "/var/run/ifcheckd.pid"];
        let ended = run_as(node, "root", &argv)?;
        let last = ended.stderr.lines().last().unwrap_or_default();
        let told = last.starts_with("ringcheck: ") && last.contains("enable --now ringcheck.timer");
        ensure!(ended.code == Some(0) && told, "{ended:?}");
        bed.wait_on(1, "every link UP", INTERVAL, &bed.all("UP"))?;
        ensure!(node.run(&["test", "-e", argv[3]]).is_err(), "a pid file");
        Ok(())
    })
}
