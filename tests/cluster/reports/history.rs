//! The history: each change of a link once, however it came about, and whatever happens to
//! the file.

use anyhow::{Context, Result, anyhow, ensure};
use lab::{Cut, Node, wait_until};
use serde_json::Value;

use crate::Test;
use crate::bed::{Bed, HOLD, INTERVAL, LONG};
use crate::node::{journal_cursor, journal_since, run_as, stop_passes, wait_for_runs};

pub const TESTS: &[(&str, Test)] = &[
    ("history_has_each_change_once", history_has_each_change_once),
    ("history_outlives_a_reboot", history_outlives_a_reboot),
    ("history_stays_bounded", history_stays_bounded),
    (
        "history_that_cannot_be_kept_stops_no_pass",
        history_that_cannot_be_kept_stops_no_pass,
    ),
    ("history_is_not_for_everybody", history_is_not_for_everybody),
];

const FOLDER: &str = "/var/lib/ringcheck";
const FILE: &str = "/var/lib/ringcheck/history.jsonl";

/// The time now, for `--since`.
fn now(node: &Node) -> Result<String> {
    Ok(node.sh("date --rfc-3339=ns | tr ' ' T")?.trim().to_owned())
}

/// The records since then.
fn records(node: &Node, since: &str) -> Result<Vec<Value>> {
    let text = node.run(&["ringcheck", "history", "--json", "--since", since])?;
    let report: Value = serde_json::from_str(&text)?;
    ensure!(report["version"] == 1, "{report}");
    ensure!(report["node"]["name"] == node.name(), "{report}");
    let records = report["records"].as_array().context("no records")?;
    Ok(records.clone())
}

/// Link, from and to of each record, those of two links of one pass by their numbers.
fn changes(records: &[Value]) -> Vec<String> {
    let state = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let change = |record: &Value| {
        let (from, to) = (state(&record["from"]), state(&record["to"]));
        format!("{} {from} -> {to}", record["link"])
    };
    let mut changes: Vec<String> = records.iter().map(change).collect();
    for pair in changes.chunks_mut(2) {
        pair.sort_by_key(|change| change[..1].to_owned());
    }
    changes
}

/// How long the link had been as before, by the last record of this change.
fn lasted(records: &[Value], from: &str, to: &str) -> Result<f64> {
    let record = records
        .iter()
        .rfind(|record| record["link"] == 1 && record["from"] == from && record["to"] == to);
    record
        .and_then(|record| record["lasted_s"].as_f64())
        .with_context(|| format!("no {from} -> {to} with a time in {records:#?}"))
}

fn history_has_each_change_once(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let begin = now(node)?;
    node.cut(1, Cut::Carrier)?;
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.wait_on(1, "link 1 FAULTY", LONG, &broken)?;
    node.heal(1)?;
    bed.wait_on(1, "every link UP again", LONG, &bed.all("UP"))?;
    for (stop, start) in [
        (
            "systemctl stop ringcheck.timer ringcheck-clear.service",
            "systemctl start ringcheck.timer",
        ),
        ("pcs cluster stop", "pcs cluster start"),
    ] {
        node.sh(stop)?;
        node.sh(start)?;
        bed.wait_on(1, "every link UP again", LONG, &bed.all("UP"))?;
    }
    let records = records(node, &begin)?;
    let mut expected = vec!["1 UP -> FAULTY", "1 FAULTY -> UP"];
    for _ in 0..2 {
        expected.extend(["0 UP -> -", "1 UP -> -", "0 - -> UP", "1 - -> UP"]);
    }
    let changes = changes(&records);
    ensure!(changes == expected, "{changes:#?}");
    let faulty = lasted(&records, "FAULTY", "UP")?;
    let limits = HOLD.as_secs_f64()..(HOLD + LONG).as_secs_f64();
    ensure!(limits.contains(&faulty), "FAULTY for {faulty} s");
    let reason = &records[0]["reason"];
    ensure!(reason == "interface ring1 has no carrier", "{reason}");
    // Who comes first: its own cable the timer may see before corosync does.
    let trigger = records[0]["trigger"].as_str();
    ensure!(matches!(trigger, Some("log" | "timer")), "{}", records[0]);

    let list = node.run(&["ringcheck", "history", "--since", &begin])?;
    let rows = list.lines().filter(|line| line.contains(" -> ")).count();
    ensure!(rows == expected.len(), "{list}");
    let line = "10.77.1.2  UP -> FAULTY  ";
    ensure!(list.contains(line), "`{line}` is missing in\n{list}");
    ensure!(
        list.contains("\n    interface ring1 has no carrier\n"),
        "{list}"
    );
    ensure!(
        list.lines().all(|line| line.chars().count() <= 80),
        "{list}"
    );
    note!("\n{list}");
    let bar = |link: u8| {
        let start = format!("link {link} |");
        list.lines()
            .find(|line| line.starts_with(&start))
            .context("no timeline")
    };
    let (well, broken) = (bar(0)?, bar(1)?);
    ensure!(well.contains('=') && !well.contains('X'), "{list}");
    ensure!(broken.contains('=') && broken.contains('X'), "{list}");
    let svg = node.sh(&format!(
        "cd /tmp && ringcheck history --svg links.svg --since {begin} && cat links.svg"
    ))?;
    let document = roxmltree::Document::parse(&svg).map_err(|error| anyhow!("{error}: {svg}"))?;
    let titles = document
        .descendants()
        .filter(|node| node.has_tag_name("title"));
    let titles: Vec<&str> = titles.filter_map(|title| title.text()).collect();
    let told = |start: &str, end: &str| {
        titles
            .iter()
            .any(|title| title.starts_with(start) && title.ends_with(end))
    };
    ensure!(told("Corosync links of n2, ", ""), "{titles:#?}");
    ensure!(
        told("10.77.1.2 is FAULTY, ", ": interface ring1 has no carrier"),
        "{titles:#?}"
    );
    let one = node.run(&["ringcheck", "history", "--link", "0", "--since", &begin])?;
    ensure!(
        !one.contains("FAULTY") && one.contains("10.77.0.2"),
        "{one}"
    );
    Ok(())
}

fn history_outlives_a_reboot(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    node.run(&["systemctl", "enable", "corosync", "pacemaker"])?;
    let begin = now(node)?;
    let before = node.sh(&format!("cat {FILE}"))?;
    node.power_off()?;
    node.boot()?;
    bed.wait_on(1, "every link UP again", LONG, &bed.all("UP"))?;
    let after = node.sh(&format!("cat {FILE}"))?;
    ensure!(after.starts_with(&before), "{before}\nbecame\n{after}");
    let changes = changes(&records(node, &begin)?);
    let expected = ["0 UP -> -", "1 UP -> -", "0 - -> UP", "1 - -> UP"];
    ensure!(changes == expected, "{changes:#?}");
    // It is asked when the cluster is down.
    node.run(&["pcs", "cluster", "stop"])?;
    let list = node.run(&["ringcheck", "history", "--since", &begin])?;
    ensure!(list.contains("10.77.1.2  - -> UP"), "{list}");
    Ok(())
}

fn history_stays_bounded(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    // Almost full, with lines as passes write them.
    let script = format!(
        "begin=$(head -n 1 {FILE}); for i in $(seq 3000); do echo \"$begin\"; done \
         | head -c 524000 > /tmp/full; cat /tmp/full > {FILE}; rm /tmp/full"
    );
    node.sh(&script)?;
    let begin = now(node)?;
    stop_passes(node)?;
    node.run(&["systemctl", "start", "ringcheck.timer"])?;
    bed.wait_on(1, "every link UP again", LONG, &bed.all("UP"))?;
    wait_until("the changes in the history", LONG, || {
        let records = records(node, &begin)?;
        ensure!(changes(&records).len() == 4, "{records:#?}");
        Ok(Some(()))
    })?;
    let length: u64 = node.sh(&format!("stat -c %s {FILE}"))?.trim().parse()?;
    ensure!((200_000..=524_288).contains(&length), "{length} bytes");
    let owner = node.sh(&format!("stat -c '%U %a' {FILE}; ls -A {FOLDER}"))?;
    ensure!(owner == "hacluster 640\nhistory.jsonl\n", "{owner}");
    node.sh(&format!("rm {FILE}")).map(drop)
}

/// The attributes are what a pass is for.
fn history_that_cannot_be_kept_stops_no_pass(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let mount = format!(
        "mount -t tmpfs -o ro,mode=0750,uid=$(id -u hacluster),gid=$(id -g hacluster) \
         ringcheck {FOLDER}"
    );
    let away = format!("mv {FOLDER} {FOLDER}.away");
    let back = format!("rm -rf {FOLDER}; mv {FOLDER}.away {FOLDER}");
    let remedy = "systemd-tmpfiles --create ringcheck.conf";
    stop_passes(node)?;
    node.sh(&away)?;
    let result = says_one_line_by_hand(bed, node, remedy);
    node.sh(&back)?;
    result?;
    node.run(&["ringcheck", "clear"])?;
    node.sh(&mount)?;
    let why = "Read-only file system";
    let result =
        says_one_line_by_hand(bed, node, why).and_then(|()| says_one_line_by_timer(bed, node, why));
    node.sh(&format!("umount {FOLDER}; systemctl start ringcheck.timer"))?;
    result
}

fn is_about_the_history(line: &str, why: &str) -> bool {
    line.contains(": cannot use /var/lib/ringcheck") && line.contains(why)
}

fn says_one_line_by_hand(bed: &Bed, node: &Node, why: &str) -> Result<()> {
    let ended = run_as(node, "root", &["ringcheck", "--once"])?;
    let changed = "ringcheck: Interface link status changed";
    let mut said = ended
        .stderr
        .lines()
        .filter(|line| !line.starts_with(changed));
    let told = said
        .next()
        .is_some_and(|line| is_about_the_history(line, why));
    ensure!(
        ended.code == Some(0) && told && said.next().is_none(),
        "{ended:?}"
    );
    bed.wait_on(1, "the attributes back", INTERVAL, &bed.all("UP"))
        .map(drop)
}

fn says_one_line_by_timer(bed: &Bed, node: &Node, why: &str) -> Result<()> {
    node.run(&["systemctl", "start", "ringcheck.timer"])?;
    wait_for_runs(node, 1)?;
    let cursor = journal_cursor(node)?;
    // One line for the way out, and one for the way back.
    node.run(&["systemctl", "restart", "ringcheck.timer"])?;
    bed.wait_on(1, "the attributes back", LONG, &bed.all("UP"))?;
    wait_for_runs(node, 2)?;
    let journal = journal_since(node, &cursor)?;
    let said = journal
        .iter()
        .filter(|line| is_about_the_history(line, why))
        .count();
    ensure!(said == 2, "{journal:#?}");
    Ok(())
}

fn history_is_not_for_everybody(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    for arguments in [
        &["ringcheck", "history"][..],
        &["ringcheck", "history", "--json"],
    ] {
        let ended = run_as(node, "nobody", arguments)?;
        let line = format!("cannot use {FILE}: Permission denied");
        let right = ended.code == Some(4)
            && ended.stdout.is_empty()
            && ended.stderr.lines().count() == 1
            && ended.stderr.contains(&line)
            && ended.stderr.contains("run ringcheck as root or hacluster");
        ensure!(right, "{ended:?}");
        let ended = run_as(node, "hacluster", arguments)?;
        ensure!(ended.code == Some(0), "{ended:?}");
    }
    Ok(())
}
