//! The README's screens are what the commands print.

use anyhow::{Context, Result, ensure};
use lab::{Cut, wait_until};

use crate::Test;
use crate::bed::{Bed, LONG};

pub const TESTS: &[(&str, Test)] = &[(
    "status_in_the_readme_is_what_it_prints",
    status_is_what_it_prints,
)];

const README: &str = include_str!("../../../README.md");

/// Each of the README's screens of `ringcheck status`: the command, and what it prints.
fn screens() -> impl Iterator<Item = (&'static str, &'static str)> {
    let blocks = README.split("```\n").skip(1).step_by(2);
    blocks.filter_map(|block| {
        let (command, screen) = block.strip_prefix("# ")?.split_once('\n')?;
        command
            .starts_with("ringcheck status")
            .then_some((command, screen))
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

/// The README tells of three nodes, and the second one has the cable of link 1 out.
fn status_is_what_it_prints(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    node.cut(1, Cut::Carrier)?;
    let mut compared = 0;
    for (command, screen) in screens() {
        wait_until(
            &format!("`{command}` to print what the README shows"),
            LONG,
            || {
                let printed = node.sh(command)?;
                let same = shape(&printed) == shape(screen);
                ensure!(same, "the README has\n{screen}and it prints\n{printed}");
                Ok(Some(()))
            },
        )
        .context(command)?;
        compared += 1;
    }
    ensure!(compared >= 2, "the README shows {compared} screens");
    Ok(())
}
