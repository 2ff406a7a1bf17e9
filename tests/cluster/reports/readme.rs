//! The README's screens are what the commands print.

use anyhow::{Result, ensure};
use lab::{Cut, Node, wait_until};

use crate::Test;
use crate::bed::{Bed, LONG};
use crate::node::stop_passes;

pub const TESTS: &[(&str, Test)] = &[
    (
        "reports_in_the_readme_are_what_is_printed",
        reports_are_what_is_printed,
    ),
    (
        "history_in_the_readme_is_what_it_prints",
        history_is_what_it_prints,
    ),
    (
        "doctor_in_the_readme_is_what_it_prints",
        doctor_is_what_it_prints,
    ),
    (
        "versions_in_the_readme_are_the_nodes",
        versions_are_the_nodes,
    ),
];

const README: &str = include_str!("../../../README.md");

/// Each of the README's screens of a command: how it is typed, and what it prints.
pub fn screens(command: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let blocks = README.split("```\n").skip(1).step_by(2);
    blocks.filter_map(move |block| {
        let (typed, screen) = block.strip_prefix("# ")?.split_once('\n')?;
        typed.starts_with(command).then_some((typed, screen))
    })
}

/// The words of each line, with one sign for each number, time or address, and one for each
/// stretch of a bar. Timer and log may each be the first to see a change.
pub fn shape(screen: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in screen.lines() {
        let mut shape = String::new();
        for c in line
            .split_ascii_whitespace()
            .map(|word| if word == "log" { "timer" } else { word })
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
        {
            let sign = if c.is_ascii_digit() { '#' } else { c };
            let goes_on = match sign {
                '#' | '=' | 'X' | '-' => shape.ends_with(sign),
                '.' | ':' => shape.ends_with('#'),
                _ => false,
            };
            if !goes_on {
                shape.push(sign);
            }
        }
        lines.push(shape);
    }
    lines
}

/// That the README has so many screens of a command, and each is what it prints now.
fn are_printed(node: &Node, command: &str, count: usize) -> Result<()> {
    let mut compared = 0;
    for (typed, screen) in screens(command) {
        let what = format!("`{typed}` to print what the README shows");
        wait_until(&what, LONG, || {
            let printed = node.output(&["sh", "-c", typed])?.stdout;
            let printed = String::from_utf8_lossy(&printed);
            let same = shape(&printed) == shape(screen);
            ensure!(same, "the README has\n{screen}and it prints\n{printed}");
            Ok(Some(()))
        })?;
        compared += 1;
    }
    ensure!(compared == count, "the README shows {compared} screens");
    Ok(())
}

/// The README tells of three nodes, and the second one has the cable of link 1 out.
fn reports_are_what_is_printed(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    node.cut(1, Cut::Carrier)?;
    are_printed(node, "ringcheck status", 2)?;
    are_printed(node, "ringcheck check", 1)?;
    are_printed(node, "ringcheck metrics", 1)
}

/// The timer was started, and the cable of link 1 was out for a while.
fn history_is_what_it_prints(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    stop_passes(node)?;
    node.sh("rm -f /var/lib/ringcheck/history.jsonl && systemctl start ringcheck.timer")?;
    bed.wait_on(1, "every link UP", LONG, &bed.all("UP"))?;
    node.cut(1, Cut::Carrier)?;
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.wait_on(1, "link 1 FAULTY", LONG, &broken)?;
    node.heal(1)?;
    bed.wait_on(1, "link 1 UP again", LONG, &bed.all("UP"))?;
    are_printed(node, "ringcheck history", 1)
}

/// Installed, and nothing else done.
fn doctor_is_what_it_prints(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    node.run(&["ringcheck", "setup", "--undo", "--alert"])?;
    let result = are_printed(node, "ringcheck doctor", 1);
    node.run(&["ringcheck", "setup", "--alert"])?;
    result
}

/// The README's table has the nodes' Debian, with these versions.
fn versions_are_the_nodes(bed: &Bed) -> Result<()> {
    const SCRIPT: &str = r#". /etc/os-release && echo "${VERSION_ID:-testing}" && echo "\`$VERSION_CODENAME\`"
        version() {
            dpkg-query --show --showformat '${db:Status-Status} ${source:Upstream-Version}\n' "$1" |
                sed -n 's/^installed //p'
        }
        version corosync; version 'libknet1*'; version pacemaker; version pcs
        version systemd | cut -d . -f 1"#;
    let shown = bed.node(1).sh(SCRIPT)?;
    let row = shown.lines().collect::<Vec<_>>().join(" | ");
    // Testing moves on; its row has what was tried last.
    if row.starts_with("testing ") {
        return Ok(());
    }
    ensure!(README.contains(&format!("| {row} |\n")), "no `{row}`");
    Ok(())
}
