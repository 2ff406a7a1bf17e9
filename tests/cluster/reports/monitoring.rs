//! What monitoring systems are told, in all the states that a cluster can be in.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lab::{Cut, Node, wait_until};

use crate::Test;
use crate::bed::{Bed, LONG};
use crate::faults::{Halted, by_hand, said_by_the_timer, while_stopped};
use crate::node::run_as;

pub const TESTS: &[(&str, Test)] = &[
    ("monitoring_of_links", monitoring_of_links),
    (
        "monitoring_of_nodes_and_daemons",
        monitoring_of_nodes_and_daemons,
    ),
    ("monitoring_of_passes", monitoring_of_passes),
    (
        "monitoring_answers_in_time_whatever_hangs",
        monitoring_answers_in_time_whatever_hangs,
    ),
    (
        "monitoring_has_the_same_labels_in_every_state",
        monitoring_has_the_same_labels_in_every_state,
    ),
    ("metrics_in_a_file", metrics_in_a_file),
];

const LIMIT: Duration = Duration::from_secs(30);

/// What a check ended with, and its line.
fn check(node: &Node, user: &str, options: &str) -> Result<(i32, String)> {
    let mut command = vec!["ringcheck", "check"];
    command.extend(options.split_ascii_whitespace());
    let ended = run_as(node, user, &command)?;
    let one_line = ended.stdout.lines().count() == 1 && ended.stderr.is_empty();
    ensure!(one_line, "more or less than one line: {ended:?}");
    Ok((ended.code.unwrap_or(-1), ended.stdout.trim_end().to_owned()))
}

/// That a check by root says so now.
fn says(node: &Node, options: &str, code: i32, start: &str) -> Result<String> {
    let (ended, line) = check(node, "root", options)?;
    let right = ended == code && line.starts_with(&format!("RINGCHECK {start}"));
    ensure!(
        right,
        "expected {code} and `{start}`, got {ended} and `{line}`"
    );
    note!("{ended} {line}");
    Ok(line)
}

/// That a check by root will say so.
fn will_say(node: &Node, options: &str, code: i32, start: &str) -> Result<String> {
    wait_until(start, LONG, || says(node, options, code, start).map(Some))
}

/// That the metrics have these lines, and the exit code is that.
fn counts(node: &Node, code: i32, wanted: &[&str]) -> Result<String> {
    let ended = run_as(node, "root", &["ringcheck", "metrics"])?;
    ensure!(ended.code == Some(code), "expected {code}: {ended:?}");
    has(&ended.stdout, wanted)?;
    Ok(ended.stdout)
}

fn has(page: &str, wanted: &[&str]) -> Result<()> {
    for line in wanted {
        ensure!(page.lines().any(|l| l == *line), "no `{line}` in\n{page}");
    }
    Ok(())
}

fn monitoring_of_links(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    // What went down in other tests is forgotten with the state.
    node.sh("rm /run/ringcheck/state.json && ringcheck --once")?;
    let line = will_say(node, "", 0, "OK - 2 links UP | ")?;
    for figure in [
        "'links_up'=2;;;0;2 ",
        "'link1_n3_latency'=",
        "us;;;0 ",
        "'link0_flaps'=",
        "'last_pass_age'=",
    ] {
        ensure!(line.contains(figure), "no {figure} in {line}");
    }
    let page = counts(
        node,
        0,
        &[
            "ringcheck_up 1",
            r#"ringcheck_link_up{node="n1",link="1",address="10.77.1.1"} 1"#,
            r#"ringcheck_link_state{node="n1",link="1",address="10.77.1.1",state="up"} 1"#,
            r#"ringcheck_peer_link_connected{node="n1",link="1",peer="n3"} 1"#,
            r#"ringcheck_peer_joined{node="n1",peer="n3"} 1"#,
        ],
    )?;
    // Each way, each direction and each kind has counted something.
    for start in [
        r#"ringcheck_peer_link_packets_total{node="n1",link="1",peer="n3",direction="rx",kind="pong"} "#,
        r#"ringcheck_peer_link_bytes_total{node="n1",link="0",peer="n2",direction="tx",kind="data"} "#,
        r#"ringcheck_peer_link_latency_seconds{node="n1",link="1",peer="n3"} 0.0"#,
    ] {
        let mut values = page.lines().filter_map(|line| line.strip_prefix(start));
        ensure!(
            values.next().is_some_and(|value| value != "0"),
            "{start}: {page}"
        );
    }
    let counters = page.lines().filter(|line| line.contains("kind=")).count();
    ensure!(counters == 2 * 2 * 24, "{counters} of knet's counters");
    let (code, _) = check(node, "hacluster", "")?;
    ensure!(code == 0, "hacluster: {code}");
    for options in ["", "--no-attributes"] {
        let (code, line) = check(node, "nobody", options)?;
        let refused = line.contains("run ringcheck as root or hacluster");
        ensure!(code == 3 && refused, "nobody: {code} {line}");
    }
    says(
        node,
        "--warning-latency 0",
        1,
        "WARNING - knet's average to n2 on link 0 is ",
    )?;
    bed.node(3).cut(1, Cut::Carrier)?;
    let line = "CRITICAL - link 1 (10.77.1.1) is FAULTY: no answer from n3; 1 of 2 links UP | ";
    will_say(node, "", 2, line)?;
    will_say(node, "--no-attributes", 2, line)?;
    let line = "CRITICAL - link 1 (10.77.1.1) is FAULTY: no answer from n3; link 1 went down once in 3600 s; 1 of 2 links UP | ";
    will_say(node, "--critical-flaps 0", 2, line)?;
    let faulty = [
        r#"ringcheck_link_up{node="n1",link="1",address="10.77.1.1"} 0"#,
        r#"ringcheck_link_state{node="n1",link="1",address="10.77.1.1",state="faulty"} 1"#,
        r#"ringcheck_link_interface_up{node="n1",link="1",address="10.77.1.1"} 1"#,
        r#"ringcheck_link_flaps_total{node="n1",link="1",address="10.77.1.1"} 1"#,
        r#"ringcheck_peer_link_connected{node="n1",link="1",peer="n3"} 0"#,
    ];
    counts(node, 0, &faulty)?;
    bed.node(3).heal(1)?;
    will_say(node, "", 0, "OK - 2 links UP | ")?;
    let flapped = "WARNING - link 1 went down once in 3600 s; 2 links UP | ";
    says(node, "--warning-flaps 0", 1, flapped)?;
    says(node, "--warning-flaps 0 --flap-window 1", 0, "OK - ").map(drop)
}

fn monitoring_of_nodes_and_daemons(bed: &Bed) -> Result<()> {
    let (node, other) = (bed.node(1), bed.node(3));
    other.run(&["systemctl", "stop", "pacemaker"])?;
    let line = "CRITICAL - Pacemaker is not running; start it with `pcs cluster start`; 2 links UP";
    says(other, "", 2, line)?;
    says(other, "--no-attributes", 0, "OK - 2 links UP | ")?;
    let up = r#"ringcheck_link_up{node="n3",link="1",address="10.77.1.3"} 1"#;
    counts(other, 0, &["ringcheck_up 1", up])?;
    other.run(&["systemctl", "stop", "corosync"])?;
    let line = "CRITICAL - cannot read link state from cmap: corosync is not running";
    for options in ["", "--no-attributes"] {
        says(other, options, 2, line)?;
    }
    let page = counts(other, 5, &["ringcheck_up 0"])?;
    ensure!(!page.contains("ringcheck_link"), "{page}");
    other.power_off()?;
    will_say(node, "", 0, "OK - 2 links UP; n3 is no member | ")?;
    let left = r#"ringcheck_peer_joined{node="n1",peer="n3"} 0"#;
    counts(node, 0, &["ringcheck_up 1", left])?;
    let start = Instant::now();
    while_stopped(bed.node(2), "corosync", || {
        bed.node(2).write("/etc/ringcheck.toml", "deadline = 2\n")?;
        says(
            bed.node(2),
            "",
            3,
            "UNKNOWN - cannot read link state from cmap: corosync does not",
        )?;
        counts(bed.node(2), 8, &["ringcheck_up 0"]).map(drop)
    })?;
    ensure!(start.elapsed() < LIMIT, "it took {:?}", start.elapsed());
    Ok(())
}

fn monitoring_of_passes(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        // What Corosync says is so, whatever became of the attributes.
        let up = r#"ringcheck_link_up{node="n2",link="1",address="10.77.1.2"} 1"#;
        let lives = || counts(node, 0, &["ringcheck_up 1", up]);
        will_say(node, "", 0, "OK - 2 links UP | ")?;
        will_say(node, "--max-age 1", 2, "CRITICAL - no good pass for ")?;
        node.run(&["attrd_updater", "-n", "ringnumber_1", "-D"])?;
        let line = "CRITICAL - the CIB has nothing in ringnumber_1, published was `10.77.1.2 is UP`; 2 links UP | ";
        will_say(node, "", 2, line)?;
        lives()?;
        node.run(&["ringcheck", "--once", "--force"])?;
        will_say(node, "", 0, "OK - ")?;
        let hung = "UNKNOWN - cibadmin did not end before the deadline";
        node.write("/etc/ringcheck.toml", "deadline = 2\n")?;
        while_stopped(node, "pacemaker-based", || {
            says(node, "", 3, hung).map(drop)
        })?;
        node.run(&["systemctl", "stop", "ringcheck.timer"])?;
        will_say(
            node,
            "",
            1,
            "WARNING - the timer was stopped and the attributes deleted",
        )?;
        lives().map(drop)
    })
}

/// Runs a check as NRPE would; it must answer so within the limit.
fn answers_within(
    node: &Node,
    options: &str,
    limit: Duration,
    code: i32,
    start: &str,
) -> Result<String> {
    let began = Instant::now();
    let (ended, line) = check(node, "hacluster", options)?;
    let took = began.elapsed();
    let right = ended == code && line.starts_with(&format!("RINGCHECK {start}"));
    ensure!(
        right && took < limit,
        "expected {code} and `{start}` within {limit:?}, got {ended} and `{line}` after {took:?}"
    );
    note!("after {took:.1?}: {line}");
    Ok(line)
}

/// NRPE waits for 10 s, Zabbix for 3 s.
fn monitoring_answers_in_time_whatever_hangs(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        node.write("/etc/ringcheck.toml", "deadline = 25\n")?;
        will_say(node, "", 0, "OK - ")?;
        let cib = "UNKNOWN - cibadmin did not end before the deadline";
        let corosync = "UNKNOWN - cannot read link state from cmap: corosync does not answer; ";
        for (daemon, code, start) in [
            ("pacemaker-based", 3, cib),
            ("pacemaker-attrd", 0, "OK - 2 links UP | "),
            ("corosync", 3, corosync),
        ] {
            while_stopped(node, daemon, || {
                answers_within(node, "--timeout 3", Duration::from_secs(3), code, start)?;
                answers_within(node, "", Duration::from_secs(8), code, start).map(drop)
            })?;
        }
        Ok(())
    })
}

/// Returns the labels of the figures, in their order.
fn labels(line: &str) -> Result<Vec<&str>> {
    let (_, figures) = line.split_once(" | ").context("no figures")?;
    let labels = figures.split(' ').map(|figure| figure.split('=').next());
    labels.collect::<Option<_>>().context("no label")
}

fn monitoring_has_the_same_labels_in_every_state(bed: &Bed) -> Result<()> {
    let (node, other) = (bed.node(1), bed.node(3));
    let whole = will_say(node, "", 0, "OK - 2 links UP | ")?;
    let whole = labels(&whole)?;
    ensure!(whole.len() == 2 + 2 * 2 + 2 * 2 + 1, "{whole:?}");
    let has_them = |code: i32, start: &str| {
        let line = will_say(node, "", code, start)?;
        ensure!(labels(&line)? == whole, "{line}");
        anyhow::Ok(line)
    };
    other.cut(1, Cut::Carrier)?;
    has_them(
        2,
        "CRITICAL - link 1 (10.77.1.1) is FAULTY: no answer from n3; 1",
    )?;
    other.power_off()?;
    let line = has_them(0, "OK - 2 links UP; n3 is no member | ")?;
    ensure!(line.contains(" 'link0_n3_latency'=U;;;0 "), "{line}");
    while_stopped(node, "pacemaker-based", || {
        let line = has_them(3, "UNKNOWN - cibadmin did not end")?;
        ensure!(!line.contains("'link0_flaps'=U"), "{line}");
        Ok(())
    })?;
    while_stopped(node, "corosync", || {
        // Meanwhile, passes fail too.
        for _ in 0..2 {
            has_them(
                3,
                "UNKNOWN - cannot read link state from cmap: corosync does not",
            )?;
        }
        Ok(())
    })?;
    node.run(&["systemctl", "stop", "pacemaker"])?;
    has_them(2, "CRITICAL - Pacemaker is not running")?;
    node.run(&["systemctl", "stop", "corosync"])?;
    let line = has_them(
        2,
        "CRITICAL - cannot read link state from cmap: corosync is not",
    )?;
    ensure!(line.contains(" | 'links_up'=U;;;0;2 "), "{line}");
    Ok(())
}

const FILE: &str = "/var/lib/prometheus/node-exporter/ringcheck.prom";

/// A pass is killed before it renames its temporary file, and a good one comes a minute later.
fn a_killed_pass_leaves_no_file_for_good(node: &Node, folder: &str) -> Result<()> {
    // Nothing else changes the mode of a file.
    let kill = "strace -qq -o /dev/null -u hacluster -e trace=fchmod \
        -e inject=fchmod:signal=KILL ringcheck --once";
    node.sh(&format!("{kill}; [ $? = 137 ]"))?;
    let left = node.sh(&format!("ls {folder} | grep 'prom[.][0-9]*$'"))?;
    node.sh(&format!(
        "touch -d '2 minutes ago' {folder}/{}",
        left.trim()
    ))?;
    node.run(&["ringcheck", "--once"])?;
    let files = node.sh(&format!("ls -A {folder}"))?;
    ensure!(files == "ringcheck.prom\n", "{files}");
    Ok(())
}

fn metrics_in_a_file(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        let folder = "/var/lib/prometheus/node-exporter";
        node.sh(&format!("rm -rf {folder}; mkdir -p {folder}"))?;
        node.write("/etc/ringcheck.toml", format!("metrics-file = '{FILE}'\n"))?;
        // Nothing but the file suffers from it.
        let said = said_by_the_timer(node)?;
        let remedy = "type `chgrp haclient /var/lib/prometheus/node-exporter && chmod g+w";
        ensure!(said.len() == 1 && said[0].contains(remedy), "{said:#?}");
        node.sh(&format!("chgrp haclient {folder} && chmod g+w {folder}"))?;
        ensure!(said_by_the_timer(node)?.is_empty(), "it was said again");
        let page = node.sh(&format!("runuser -u nobody -- cat {FILE}"))?;
        let up = r#"ringcheck_link_up{node="n2",link="1",address="10.77.1.2"} 1"#;
        let bytes = r#"direction="tx",kind="data""#;
        has(&page, &["ringcheck_up 1", up])?;
        ensure!(page.contains(bytes), "{page}");
        let files = node.sh(&format!("ls -A {folder}"))?;
        ensure!(files == "ringcheck.prom\n", "{files}");
        a_killed_pass_leaves_no_file_for_good(node, folder)?;
        bed.node(2).cut(1, Cut::Interface)?;
        wait_until("the file to tell of the fault", LIMIT, || {
            node.run(&["ringcheck", "--once"])?;
            let page = node.sh(&format!("cat {FILE}"))?;
            let down = up.replace("} 1", "} 0");
            Ok(page.lines().any(|line| line == down).then_some(()))
        })?;
        bed.node(2).heal(1)?;
        // What is not known any more is not said.
        let short = format!("deadline = 2\nmetrics-file = '{FILE}'\n");
        node.write("/etc/ringcheck.toml", short)?;
        while_stopped(node, "corosync", || {
            run_as(node, "root", &["ringcheck", "--once"])?;
            let page = node.sh(&format!("cat {FILE}"))?;
            has(&page, &["ringcheck_up 0"])?;
            ensure!(!page.contains("ringcheck_link"), "{page}");
            Ok(())
        })?;
        node.run(&["systemctl", "stop", "ringcheck.timer"])?;
        // The unit that clears is not waited for.
        wait_until("the file to go, as no pass keeps it true", LIMIT, || {
            let files = node.sh(&format!("ls -A {folder}"))?;
            ensure!(files.is_empty(), "{files}");
            Ok(Some(()))
        })?;
        a_pass_that_outlasts_the_timer_leaves_no_file(node, folder)
    })
}

/// A pass writes its metrics after it has given the lock back, and the attributes are deleted
/// meanwhile.
fn a_pass_that_outlasts_the_timer_leaves_no_file(node: &Node, folder: &str) -> Result<()> {
    node.write("/etc/ringcheck.toml", format!("metrics-file = '{FILE}'\n"))?;
    let halted = Halted::at(node, "fchmod", 1)?;
    node.run(&["ringcheck", "clear"])?;
    node.run(&["kill", "-CONT", &halted.pid])?;
    wait_until("the pass to end", LIMIT, || {
        Ok((node.sh("cat /tmp/halted.code; true")? == "0\n").then_some(()))
    })?;
    let files = node.sh(&format!("ls -A {folder}"))?;
    ensure!(files.is_empty(), "{files}");
    Ok(())
}
