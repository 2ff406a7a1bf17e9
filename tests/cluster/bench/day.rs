//! What a day on a healthy cluster brings, by some minutes of it.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use lab::Node;

use super::figures::digits;
use super::report::{self, Section, Table, Topic};
use super::{agents, passes, times};
use crate::bed::Bed;
use crate::node::{journal_cursor, wait_for_rest};

const DAY: f64 = 86_400.0;

const TEXT: &str = "\
{minutes} minutes of a healthy cluster with everything as it is shipped, counted on one of its \
nodes and multiplied. CPU time is by what was measured above: the passes times an activation, and \
once a minute what comparing with the CIB costs more than an idle pass.";

pub fn day(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let minutes = times("MINUTES", 5)?;
    wait_for_rest(node)?;
    let (passes, writes, cib) = (counted(node, PASSES)?, counted(node, WRITES)?, cib(node)?);
    let cursor = journal_cursor(node)?;
    let start = Instant::now();
    // Nothing is waited for: it is to be an ordinary while.
    thread::sleep(Duration::from_secs(60) * u32::try_from(minutes)?);
    let days = start.elapsed().as_secs_f64() / DAY;
    let lines = node.run(&[
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output=cat",
        &format!("--after-cursor={cursor}"),
        "--identifier=ringcheck",
        "--unit=ringcheck.service",
    ])?;
    let lines = lines.lines().count() as f64;
    let passes = (counted(node, PASSES)? - passes) / days;
    let writes = counted(node, WRITES)? - writes;
    let changes = self::cib(node)? - cib;

    let text = TEXT.replace("{minutes}", &minutes.to_string());
    let mut section = Section::new(node, "A day", text)?;
    let mut table = Table::new(&["on each node", "a day"]);
    table.row(&["passes".to_owned(), format!("{passes:.0}")]);
    for (what, milliseconds) in spent(passes)? {
        let seconds = milliseconds / 1e3;
        let share = digits(seconds / DAY * 100.0);
        table.row(&[what, format!("{} s ({share} % of a core)", digits(seconds))]);
    }
    table.row(&[
        "lines in the journal".to_owned(),
        format!("{:.0}", lines / days),
    ]);
    table.row(&[
        "attributes written".to_owned(),
        format!("{:.0}", writes / days),
    ]);
    table.row(&[
        "writes of the CIB".to_owned(),
        format!("{:.0}", changes / days),
    ]);
    section.tables.push(table);
    section.limit("lines in the journal, a day", lines / days, 0.0, "");
    section.limit("writes of the CIB, a day", changes / days, 0.0, "");
    section.keep(Topic::Day)
}

/// What so many passes take of the processor, in ms, and a ping that looks half as often: by what
/// the other benches have measured, as far as they have.
fn spent(passes: f64) -> Result<Vec<(String, f64)>> {
    let kept = report::kept()?;
    let median = |topic: Topic, name: &str| {
        let bars = kept.get(&topic).map(|section| section.bars.iter());
        let bar = bars.and_then(|mut bars| bars.find(|bar| bar.name == name));
        bar.map(|bar| bar.figure.median)
    };
    let activation = kept.get(&Topic::Activation).and_then(|s| s.bars.first());
    let idle = median(Topic::Clients, passes::IDLE);
    let comparing = median(Topic::Clients, passes::COMPARING);
    let ping = median(Topic::Clients, agents::PING);
    let mut spent = Vec::new();
    if let (Some(activation), Some(idle), Some(comparing)) = (activation, idle, comparing) {
        // Once a minute a pass compares with the CIB, instead of doing nothing.
        let more = DAY / 60.0 * (comparing - idle);
        let all = passes * activation.figure.median + more;
        spent.push(("CPU time, of all that an activation costs".to_owned(), all));
    }
    if let Some(ping) = ping {
        let what = format!("CPU time of {}, every ten seconds", agents::PING);
        spent.push((what, DAY / 10.0 * ping));
    }
    Ok(spent)
}

const PASSES: &str = "ringcheck_passes_total";
pub const WRITES: &str = "ringcheck_attribute_writes_total";

/// One of ringcheck's own counters.
pub fn counted(node: &Node, metric: &str) -> Result<f64> {
    let text = node.run(&["ringcheck", "metrics"])?;
    let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    let value = lines.find(|(name, _)| name.split('{').next() == Some(metric));
    let (_, value) = value.with_context(|| format!("no {metric} in {text}"))?;
    Ok(value.parse()?)
}

/// Grows with each write of the CIB, to its configuration (`epoch`) or its status
/// (`num_updates`, which begins anew with each epoch).
fn cib(node: &Node) -> Result<f64> {
    let xml = node.run(&["cibadmin", "--query"])?;
    let document = roxmltree::Document::parse(&xml).map_err(|error| anyhow!("{error}: {xml}"))?;
    let number = |name| -> Result<f64> {
        let value = document.root_element().attribute(name);
        Ok(value
            .with_context(|| format!("the CIB has no {name}"))?
            .parse()?)
    };
    Ok(number("epoch")? * 1e6 + number("num_updates")?)
}
