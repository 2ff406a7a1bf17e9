//! What monitoring systems are told, in all the states that a cluster can be in.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lab::{Cut, Node, wait_until};

use crate::Test;
use crate::bed::{Bed, LONG};
use crate::faults::{by_hand, while_stopped};
use crate::node::run_as;

pub const TESTS: &[(&str, Test)] = &[
    ("check_of_links", check_of_links),
    ("check_of_nodes_and_daemons", check_of_nodes_and_daemons),
    ("check_of_passes", check_of_passes),
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
    println!("{ended} {line}");
    Ok(line)
}

/// That a check by root will say so.
fn will_say(node: &Node, options: &str, code: i32, start: &str) -> Result<String> {
    wait_until(start, LONG, || says(node, options, code, start).map(Some))
}

fn check_of_links(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
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
        "WARNING - n2 answers on link 0 only after ",
    )?;
    bed.node(3).cut(1, Cut::Carrier)?;
    let line = "CRITICAL - link 1 (10.77.1.1) is FAULTY: no answer from n3; 1 of 2 links UP | ";
    will_say(node, "", 2, line)?;
    will_say(node, "--no-attributes", 2, line)?;
    let line = "CRITICAL - link 1 (10.77.1.1) is FAULTY: no answer from n3; link 1 went down once in 3600 s; 1 of 2 links UP | ";
    says(node, "--critical-flaps 0", 2, line)?;
    bed.node(3).heal(1)?;
    will_say(node, "", 0, "OK - 2 links UP | ")?;
    let flapped = "WARNING - link 1 went down once in 3600 s; 2 links UP | ";
    says(node, "--warning-flaps 0", 1, flapped)?;
    says(node, "--warning-flaps 0 --flap-window 1", 0, "OK - ").map(drop)
}

fn check_of_nodes_and_daemons(bed: &Bed) -> Result<()> {
    let (node, other) = (bed.node(1), bed.node(3));
    other.run(&["systemctl", "stop", "pacemaker"])?;
    let line = "CRITICAL - Pacemaker is not running; start it with `pcs cluster start`; 2 links UP";
    says(other, "", 2, line)?;
    says(other, "--no-attributes", 0, "OK - 2 links UP | ")?;
    other.run(&["systemctl", "stop", "corosync"])?;
    let line = "CRITICAL - cannot read link state from cmap: corosync is not running";
    for options in ["", "--no-attributes"] {
        says(other, options, 2, line)?;
    }
    other.power_off()?;
    will_say(node, "", 0, "OK - 2 links UP; n3 is no member | ")?;
    let start = Instant::now();
    while_stopped(bed.node(2), "corosync", || {
        bed.node(2).write("/etc/ringcheck.toml", "deadline = 2\n")?;
        says(
            bed.node(2),
            "",
            3,
            "UNKNOWN - cannot read link state from cmap: corosync does not",
        )?;
        Ok(())
    })?;
    ensure!(start.elapsed() < LIMIT, "it took {:?}", start.elapsed());
    Ok(())
}

fn check_of_passes(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        will_say(node, "", 0, "OK - 2 links UP | ")?;
        will_say(node, "--max-age 1", 2, "CRITICAL - no good pass for ")?;
        node.run(&["attrd_updater", "-n", "ringnumber_1", "-D"])?;
        let line = "CRITICAL - the CIB has nothing in ringnumber_1, published was `10.77.1.2 is UP`; 2 links UP | ";
        will_say(node, "", 2, line)?;
        node.run(&["ringcheck", "--once", "--force"])?;
        will_say(node, "", 0, "OK - ")?;
        let hung = "UNKNOWN - cibadmin did not end before the deadline";
        node.write("/etc/ringcheck.toml", "deadline = 2\n")?;
        while_stopped(node, "pacemaker-based", || {
            says(node, "", 3, hung).map(drop)
        })?;
        node.run(&["systemctl", "stop", "ringcheck.timer"])?;
        says(
            node,
            "",
            1,
            "WARNING - the timer was stopped and the attributes deleted",
        )
        .map(drop)
    })
}
