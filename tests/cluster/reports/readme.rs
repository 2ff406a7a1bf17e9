//! The README's screens are what the commands print.

use anyhow::{Result, ensure};
use lab::{Cut, Node, wait_until};

use crate::Test;
use crate::bed::{Bed, LONG};

pub const TESTS: &[(&str, Test)] = &[
    (
        "status_in_the_readme_is_what_it_prints",
        status_is_what_it_prints,
    ),
    (
        "doctor_in_the_readme_is_what_it_prints",
        doctor_is_what_it_prints,
    ),
];

const README: &str = include_str!("../../../README.md");

/// Each of the README's screens of a command: how it is typed, and what it prints.
fn screens(command: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let blocks = README.split("```\n").skip(1).step_by(2);
    blocks.filter_map(move |block| {
        let (typed, screen) = block.strip_prefix("# ")?.split_once('\n')?;
        typed.starts_with(command).then_some((typed, screen))
    })
}

/// The words of each line, with one sign for all that begins with a digit: numbers, times,
/// addresses.
fn shape(screen: &str) -> Vec<Vec<&str>> {
    let word = |word| match str::starts_with(word, |c: char| c.is_ascii_digit()) {
        true => "#",
        false => word,
    };
    let lines = screen.lines();
    lines
        .map(|line| line.split_ascii_whitespace().map(word).collect())
        .collect()
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
fn status_is_what_it_prints(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    node.cut(1, Cut::Carrier)?;
    are_printed(node, "ringcheck status", 2)
}

/// Installed, and nothing else done.
fn doctor_is_what_it_prints(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let (alert, agent) = (
        "pcs alert remove ringcheck",
        "pcs alert create path=/usr/share/ringcheck/alerts/ringcheck-alert id=ringcheck",
    );
    node.sh(&format!(
        "{alert} && systemctl disable --now ringcheck.timer ringcheck-clear.service"
    ))?;
    let result = are_printed(node, "ringcheck doctor", 1);
    node.sh(&format!(
        "{agent} && systemctl enable --now ringcheck.timer"
    ))?;
    result
}
