//! What a pass costs, and what else could be run.

use anyhow::Result;

use super::figures::{Spread, digits};
use super::meter::{Command, Meter, Run};
use super::report::{Bar, Section, Table, Topic};
use super::{agents, passes, times, trace};
use crate::bed::Bed;

/// What an idle pass may cost, as a part of the floor that opens both maps.
const OF_TWO_MAPS: f64 = 0.65;

/// As a part of an agent's monitor run.
const OF_AN_AGENT: f64 = 0.2;

/// In MiB: what a pass may have in memory, and the program may have on disk.
const MEMORY: f64 = 5.0;
const BINARY: f64 = 1.5;

const TEXT: &str = "\
Two nodes, two links, both healthy. All commands of the first table were run in turn, {rounds} \
times each, and half as often those of the second, as hacluster, with the timer stopped. CPU time \
is of the command with all its children; corosync's, of all its threads and until 20 ms after the \
command's end, less what corosync takes by itself. Below each table stand the ratios.

The floor is [a C program](../benches/floor.c) that opens the maps of cmap and gets the very keys \
that the idle pass asked for ({keys}), and does nothing else; or all that a pass asks for that \
knows nothing from before ({all}). As all that uses libcmap, it connects for messages of up to a \
megabyte, and Corosync makes room for them; with short messages, of up to 64 KiB, as ringcheck \
does. corosync-cmapctl is given the prefix \
`stats.knet`: it would also read keys whose reading can end corosync.

In the second, passes that do more: one that compares with the CIB, as one in twelve does; \
one with a change, where an attribute was set to FAULTY by attrd_updater and in the state file \
before; and one that finds neither state file nor attributes.

In the third, as root: one monitor run of the agents that are used for the same purpose, with \
their defaults, ping with the other node's address, over {agent_rounds} rounds. What corosync does \
for them, which have an attribute multicast, too, is not counted.";

pub fn clients(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let meter = Meter::install(node)?;
    passes::settle(&meter)?;
    let idle = passes::idle();
    passes::check(&meter, &idle.clone().after(passes::calm()), 0, 0.0)?;
    let asked = trace::asked(&meter, &passes::calm(), &idle.words)?;
    let all = trace::asked(&meter, &passes::comparing().prepare, &idle.words)?;
    let rounds = times("ROUNDS", 50)?;
    let agent_rounds = times("AGENT_ROUNDS", 10)?;
    let text = TEXT
        .replace("{rounds}", &rounds.to_string())
        .replace("{agent_rounds}", &agent_rounds.to_string())
        .replace("{all}", &all.keys.len().to_string())
        .replace("{keys}", &asked.keys.len().to_string());
    let mut section = Section::new(node, "A pass, and what could be run instead", text)?;

    let readers = [
        idle.clone(),
        Command::new("floor, both maps", asked.floor(&["icmap", "stats"])),
        Command::new("floor, one map", asked.floor(&["stats"])),
        Command::new("floor, short messages", asked.floor(&["short", "stats"])),
        Command::new("floor, all keys", all.floor(&["icmap", "stats"])),
        Command::new("corosync-cmapctl", "corosync-cmapctl -m stats stats.knet"),
        Command::new("corosync-cfgtool", "corosync-cfgtool -s"),
    ];
    let runs = series(&meter, rounds, &readers, &mut section, true)?;
    section.limit(
        "an idle pass, in parts of the floor with both maps",
        ratio(&runs[0], &runs[1], Run::total).median,
        OF_TWO_MAPS,
        "",
    );
    let connections = asked.opened.len() as f64;
    section.limit(
        "connections of an idle pass to corosync",
        connections,
        1.0,
        "",
    );
    let peak = Spread::of(runs[0].iter().map(|run| run.peak)).max;
    section.limit("memory of an idle pass", peak, MEMORY, " MiB");
    let size: f64 = node.sh("stat -c %s /usr/sbin/ringcheck")?.trim().parse()?;
    section.limit("the program", size / 1_048_576.0, BINARY, " MiB");

    let calm = passes::idle().after(passes::calm());
    let comparing = passes::comparing();
    let changing = passes::changing(node, 1);
    let first = passes::first();
    passes::check(&meter, &comparing, 1, 0.0)?;
    passes::check(&meter, &changing, 1, 1.0)?;
    passes::check(&meter, &first, 4, 2.0)?;
    series(
        &meter,
        rounds / 2 + 1,
        &[calm.clone(), comparing, changing, first],
        &mut section,
        true,
    )?;

    let agents = [agents::PING, agents::ETHMONITOR];
    let as_root = agents::meter(bed, &meter);
    for agent in agents {
        agents::operate(&as_root, agent, "start")?;
    }
    let commands = [calm, agents::monitor(agents[0]), agents::monitor(agents[1])];
    let runs = series(&as_root, agent_rounds, &commands, &mut section, false)?;
    for agent in agents {
        agents::operate(&as_root, agent, "stop")?;
    }
    for (command, of) in commands.iter().zip(&runs).skip(1) {
        let what = format!(
            "an idle pass, in parts of a monitor run of {}",
            command.name
        );
        section.limit(
            &what,
            ratio(&runs[0], of, Run::total).median,
            OF_AN_AGENT,
            "",
        );
    }
    section.keep(Topic::Clients)
}

/// Measures them against the first one, and adds their tables and bars. What corosync does for
/// one that takes seconds is less than what it does by itself meanwhile: it is not `counted`.
fn series(
    meter: &Meter,
    rounds: usize,
    commands: &[Command],
    section: &mut Section,
    counted: bool,
) -> Result<Vec<Vec<Run>>> {
    let calm = passes::calm();
    meter.node.run(&meter.line(&["sh", "-c", &calm]))?;
    let mut runs = meter.measure(rounds, commands)?;
    if !counted {
        let others = runs.iter_mut().skip(1).flatten();
        others.for_each(|run| run.daemon = 0.0);
    }
    let mut table = Table::new(&[
        "",
        "CPU (ms)",
        "corosync's (ms)",
        "total (ms)",
        "wall (ms)",
        "memory (MiB)",
        "system calls",
        "children",
    ]);
    let mut ratios = Table::new(&[
        "an idle pass, in parts of",
        "CPU",
        "corosync's",
        "total",
        "wall",
        "memory",
        "system calls",
    ]);
    let mut first_calls = None;
    for (at, (command, of)) in commands.iter().zip(&runs).enumerate() {
        let spread = |figure: fn(&Run) -> f64| Spread::of(of.iter().map(figure)).shown();
        let parts = |figure: fn(&Run) -> f64| ratio(&runs[0], of, figure).shown();
        let daemon = |shown: String| match counted || at == 0 {
            true => shown,
            false => "not counted".to_owned(),
        };
        let trace::Calls { calls, children } =
            trace::calls(meter, &command.prepare, &command.words)?;
        let ours = *first_calls.get_or_insert(calls);
        table.row(&[
            command.name.clone(),
            spread(|run| run.cpu),
            daemon(spread(|run| run.daemon)),
            spread(Run::total),
            spread(|run| run.wall),
            spread(|run| run.peak),
            calls.to_string(),
            children.to_string(),
        ]);
        if at > 0 {
            ratios.row(&[
                command.name.clone(),
                parts(|run| run.cpu),
                daemon(parts(|run| run.daemon)),
                parts(Run::total),
                parts(|run| run.wall),
                parts(|run| run.peak),
                digits(ours as f64 / calls as f64),
            ]);
        }
        if section.bars.iter().all(|bar| bar.name != command.name) {
            section.bars.push(Bar {
                name: command.name.clone(),
                figure: Spread::of(of.iter().map(Run::total)),
                ours: command.words.starts_with("ringcheck"),
            });
        }
    }
    section.tables.extend([table, ratios]);
    Ok(runs)
}

/// One's figures in parts of another's, pair by pair.
fn ratio(one: &[Run], other: &[Run], figure: fn(&Run) -> f64) -> Spread {
    let pairs = one.iter().zip(other);
    Spread::of(pairs.map(|(one, other)| figure(one) / figure(other)))
}
