//! What `node-health-strategy` makes of a node that has lost a ring, measured and compared with
//! the document's table.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use lab::{Cut, Node, wait_until};

use super::guide::{self, Guide, HEALTH, RULE, TRY};
use super::{SERVICE, create, runs_on, screen, settled, tidily, wait_started};
use crate::bed::{Bed, LONG};
use crate::node::wait_for_runs;

/// The cluster's properties for it.
pub const PROPERTIES: [&str; 3] = [
    "node-health-strategy",
    "node-health-base",
    "node-health-yellow",
];

/// The rows of the table: its first cell, and what the properties are.
const STRATEGIES: [(&str, [&str; 3]); 6] = [
    ("none", ["none", "0", "0"]),
    ("migrate-on-red", ["migrate-on-red", "0", "0"]),
    ("only-green", ["only-green", "0", "0"]),
    ("progressive", ["progressive", "0", "0"]),
    ("progressive as above", ["progressive", "1000", "-1000"]),
    ("custom", ["custom", "0", "0"]),
];

/// The columns of the table.
#[derive(Clone, Copy)]
pub enum Lost {
    /// One of three nodes has lost the ring.
    ByOne = 1,
    /// All nodes have.
    ByAll = 3,
}

pub fn node_health_moves_a_service_as_documented(bed: &Bed) -> Result<()> {
    tidily(bed, moves)
}

fn moves(bed: &Bed) -> Result<()> {
    let mut guide = Guide::section(HEALTH)?;
    let setting = guide.take("echo ")?;
    bed.cluster.each(|node| node.sh(setting).map(drop))?;
    wait_health(bed, |_| "green")?;
    let shown = bed.node(1).sh(guide.take("attrd_updater ")?)?;
    let green = shown
        .lines()
        .filter(|line| line.ends_with("value=\"green\""));
    ensure!(green.count() == 3, "{shown}");
    let all = [1, 2, 3];
    let home = sticky(bed, &all)?;

    // Both shells say the same.
    home.sh(guide.take("crm configure property node-health-strategy=progressive ")?)?;
    let by_crmsh = properties(home)?;
    home.sh(guide.take("crm configure property node-health-strategy=none")?)?;
    ensure!(properties(home)?[0] == "none", "{:?}", properties(home)?);
    home.sh(guide.take("pcs property set node-health-strategy=progressive ")?)?;
    ensure!(properties(home)? == by_crmsh, "crmsh made {by_crmsh:?}");
    let above = STRATEGIES[4].1;
    ensure!(by_crmsh == above, "measured is {above:?}, not {by_crmsh:?}");

    let before = settled(bed)?;
    let away = pull(bed, home, "progressive and yellow")?;
    wait_health(bed, only(home, "yellow"))?;
    let shown = home.run(&["crm_mon", "-1"])?;
    let line = format!("Node {}: online (health is YELLOW)", home.name());
    // Pacemaker 2.0's does not tell it.
    let tells = !shown.contains("(version 2.0.");
    ensure!(!tells || shown.contains(&line), "{shown}");
    home.heal(0)?;
    wait_health(bed, |_| "green")?;
    wait_for_runs(home, 1)?;
    let moves = settled(bed)? - before;
    ensure!(moves == 1, "it moved {moves} times");
    home.sh(guide.take("pcs property set node-health-strategy=none")?)?;
    guide.end()?;

    // The hold is the same for all, and was kept.
    be(bed, "red")?;
    set(away, ["migrate-on-red", "0", "0"])?;
    pull(bed, away, "migrate-on-red and red")?;
    wait_health(bed, only(away, "red"))?;
    let mut differences = String::new();
    compare(bed, away, "red", Lost::ByOne, &mut differences)?;
    be(bed, "yellow")?;
    wait_health(bed, only(away, "yellow"))?;
    compare(bed, away, "yellow", Lost::ByOne, &mut differences)?;
    for node in bed.cluster.nodes() {
        node.cut(0, Cut::Carrier)?;
    }
    compare_all(bed, away, &mut differences)?;
    ensure!(differences.is_empty(), "not as documented:\n{differences}");
    Ok(())
}

/// Compares what becomes of the service on `home` once all nodes have lost the ring.
pub fn compare_all(bed: &Bed, home: &Node, differences: &mut String) -> Result<()> {
    for ill in ["yellow", "red"] {
        be(bed, ill)?;
        wait_health(bed, |_| ill)?;
        compare(bed, home, ill, Lost::ByAll, differences)?;
    }
    Ok(())
}

/// Creates the service with the document's stickiness; where it is.
pub fn sticky<'a>(bed: &'a Bed, from: &[usize]) -> Result<&'a Node> {
    create(bed, &mut Guide::section(TRY)?)?;
    let (home, _) = wait_started(bed, from, "the service started", |_| true)?;
    home.sh(Guide::section(RULE)?.take("pcs resource meta ")?)?;
    Ok(home)
}

/// Pulls the cable of ring 0 of the node that the service runs on; where it is then.
fn pull<'a>(bed: &'a Bed, home: &Node, why: &str) -> Result<&'a Node> {
    home.cut(0, Cut::Carrier)?;
    let moved = |node: &Node| node.number() != home.number();
    let (away, took) = wait_started(bed, &[1, 2, 3], "the service elsewhere", moved)?;
    note!("by {why}, from the pulled cable to started elsewhere: {took:.1?}");
    Ok(away)
}

/// Has every node call itself this while it has lost a ring, from now on.
fn be(bed: &Bed, ill: &str) -> Result<()> {
    let settings = format!("node-health = \"{ill}\"\nrecovery-hold = 0\n");
    bed.cluster.each(|node| {
        node.write("/etc/ringcheck.toml", &settings)?;
        node.run(&["ringcheck", "--once"])?;
        Ok(())
    })
}

/// Waits until the CIB has this health of every node.
fn wait_health(bed: &Bed, wanted: impl Fn(&Node) -> &'static str) -> Result<()> {
    let nodes = bed.cluster.nodes().iter();
    let wanted: Vec<_> = nodes.map(|node| (node.name(), wanted(node))).collect();
    wait_until("the health of all nodes", LONG, || {
        let xml = bed
            .node(1)
            .run(&["cibadmin", "--query", "--scope", "status"])?;
        let document = super::parse(&xml)?;
        let health = |state: &roxmltree::Node| {
            let mut pairs = state.descendants();
            let pair = pairs.find(|pair| pair.attribute("name") == Some("#health-ringcheck"));
            pair.and_then(|pair| pair.attribute("value").map(str::to_owned))
        };
        for (name, wanted) in &wanted {
            let mut states = document.descendants();
            let state = states.find(|state| state.attribute("uname") == Some(name));
            let health = state.as_ref().and_then(health);
            ensure!(health.as_deref() == Some(wanted), "{name} is {health:?}");
        }
        Ok(Some(()))
    })
}

/// This health of one node, and no fault of another's.
fn only(ill: &Node, health: &'static str) -> impl Fn(&Node) -> &'static str {
    let ill = ill.number();
    move |node| {
        if node.number() == ill {
            health
        } else {
            "green"
        }
    }
}

fn properties(node: &Node) -> Result<[String; 3]> {
    let xml = node.run(&["cibadmin", "--query", "--scope", "crm_config"])?;
    let document = super::parse(&xml)?;
    Ok(PROPERTIES.map(|property| {
        let mut pairs = document.descendants();
        let pair = pairs.find(|pair| pair.attribute("name") == Some(property));
        let value = pair.and_then(|pair| pair.attribute("value"));
        value.unwrap_or_default().to_owned()
    }))
}

fn set(node: &Node, values: [&str; 3]) -> Result<()> {
    for (property, value) in PROPERTIES.into_iter().zip(values).rev() {
        node.run(&["crm_attribute", "--name", property, "--update", value])?;
    }
    Ok(())
}

/// Adds what each strategy makes of the service on `home` where the document says something else.
fn compare(bed: &Bed, home: &Node, ill: &str, lost: Lost, differences: &mut String) -> Result<()> {
    let table = guide::table();
    ensure!(table.len() == STRATEGIES.len(), "{table:?}");
    let column = lost as usize + usize::from(ill == "red");
    let is_old = home
        .run(&["crm_mon", "--version"])?
        .starts_with("Pacemaker 2.0.");
    for (row, properties) in STRATEGIES {
        set(home, STRATEGIES[0].1)?;
        settled(bed)?;
        let before = match lost {
            Lost::ByOne => bring(bed, home)?,
            Lost::ByAll => at(home)?,
        };
        ensure!(before.is_some(), "it runs nowhere without a strategy");
        set(home, properties)?;
        settled(bed)?;
        let became = match at(home)? {
            None => "stops",
            after if after == before => "stays",
            Some(_) => "moves",
        };
        note!("{row}, {ill}: {became}");
        let documented = table.iter().find(|cells| cells[0] == row);
        let documented = documented.with_context(|| format!("no row `{row}`"))?;
        // As the document says below its table.
        let wanted = match is_old && row == "custom" {
            true => "stays",
            false => documented[column].as_str(),
        };
        if wanted != became {
            writeln!(differences, "{row}, {ill}, column {column}: {became}")?;
        }
    }
    set(home, STRATEGIES[0].1)
}

/// Brings the service to a node, while no strategy heeds its health; where it is then.
fn bring(bed: &Bed, home: &Node) -> Result<Option<String>> {
    if at(home)?.as_deref() != Some(home.name()) {
        let command = format!("crm_resource --resource {SERVICE}");
        home.sh(&format!("{command} --move --node {}", home.name()))?;
        settled(bed)?;
        home.sh(&format!("{command} --clear"))?;
        settled(bed)?;
    }
    let at = at(home)?;
    ensure!(at.as_deref() == Some(home.name()), "it is on {at:?}");
    Ok(at)
}

fn at(node: &Node) -> Result<Option<String>> {
    runs_on(&screen(node)?)
}
