//! What starting the program costs, before it does anything.

use std::time::Duration;

use anyhow::Result;

use super::figures::Spread;
use super::instruments::FOLDER;
use super::meter::{Command, Meter, Run};
use super::report::{Section, Table, Topic};
use super::times;
use crate::bed::Bed;

/// In parts of an empty program's.
const LIMIT: f64 = 1.15;

const TEXT: &str = "\
`ringcheck --version` and [an empty Rust program](../benches/startup/empty.rs), built alike, in turn, \
{rounds} times each.";

pub fn startup(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let mut meter = Meter::install(node)?;
    meter.settle = Duration::from_millis(2);
    let rounds = 4 * times("ROUNDS", 50)?;
    let commands = [
        Command::new("ringcheck --version", "ringcheck --version"),
        Command::new("empty program", format!("{FOLDER}/empty")),
    ];
    let runs = meter.measure(rounds, &commands)?;
    let text = TEXT.replace("{rounds}", &rounds.to_string());
    let mut section = Section::new(node, "Starting up", text)?;
    let mut table = Table::new(&["", "CPU (ms)", "wall (ms)", "memory (MiB)"]);
    for (command, runs) in commands.iter().zip(&runs) {
        let of = |figure: fn(&Run) -> f64| Spread::of(runs.iter().map(figure)).shown();
        table.row(&[
            command.name.clone(),
            of(|run| run.cpu),
            of(|run| run.wall),
            of(|run| run.peak),
        ]);
    }
    section.tables.push(table);
    let pairs = || runs[0].iter().zip(&runs[1]);
    let cpu = Spread::of(pairs().map(|(ours, empty)| ours.cpu / empty.cpu));
    let wall = Spread::of(pairs().map(|(ours, empty)| ours.wall / empty.wall));
    let mut table = Table::new(&["in parts of the empty program", "CPU", "wall"]);
    table.row(&["ringcheck --version".to_owned(), cpu.shown(), wall.shown()]);
    section.tables.push(table);
    section.limit(
        "CPU time of starting up, in parts of an empty program's",
        cpu.median,
        LIMIT,
        "",
    );
    section.keep(Topic::Startup)
}
