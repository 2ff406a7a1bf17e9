//! A service that moves: what ringcheck shows meanwhile, and what makes it move.

mod guide;
mod health;
mod rule;
mod steps;
mod two;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use lab::{Node, wait_until};

use crate::bed::{Bed, LONG};
use crate::record::LOG;
use guide::Guide;

pub use two::in_two_nodes_nothing_stops;

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "a_service_fails_over_step_by_step",
        steps::a_service_fails_over_step_by_step,
    ),
    (
        "a_rule_moves_a_service_off_a_broken_ring",
        rule::a_rule_moves_a_service_off_a_broken_ring,
    ),
    (
        "node_health_moves_a_service_as_documented",
        health::node_health_moves_a_service_as_documented,
    ),
];

/// The resource that moves.
const SERVICE: &str = "dummy_service";

/// Runs `test`, and leaves no service, property or setting behind, whatever its end.
fn tidily(bed: &Bed, test: fn(&Bed) -> Result<()>) -> Result<()> {
    let result = test(bed);
    let tidied = tidy(bed);
    result.and(tidied)
}

fn tidy(bed: &Bed) -> Result<()> {
    let online = online(bed)?;
    online.sh(&format!(
        "crm_resource --query-xml --resource {SERVICE} > /dev/null 2>&1 || exit 0; \
         pcs resource delete {SERVICE} --force"
    ))?;
    settled(bed)?;
    for property in health::PROPERTIES {
        online.run(&["crm_attribute", "--name", property, "--delete"])?;
    }
    bed.cluster.each(|node| {
        node.sh("rm -f /etc/ringcheck.toml; ringcheck --once")?;
        Ok(())
    })
}

fn online(bed: &Bed) -> Result<&Node> {
    let mut nodes = bed.cluster.nodes().iter();
    let online = nodes.find(|node| node.run(&["crm_mon", "-1"]).is_ok());
    online.context("no node is online")
}

/// Creates the service as the document does.
fn create(bed: &Bed, guide: &mut Guide) -> Result<()> {
    bed.node(1).sh(guide.take("pcs resource create ")?)?;
    Ok(())
}

/// Waits until Pacemaker's scheduler has nothing left to do; how often the service was started so
/// far. (`crm_resource --wait` looks every two seconds only.)
fn settled(bed: &Bed) -> Result<usize> {
    let online = online(bed)?;
    wait_until("nothing to be left to do", LONG, || {
        // As text: before Pacemaker 2.1 there is no XML.
        let answer = online.run(&["crm_simulate", "--run", "--live-check"])?;
        ensure!(answer.contains("luster status:"), "{answer}");
        let actions = answer
            .split_once("Transition Summary:")
            .unwrap_or_default()
            .1;
        let mut actions = actions.lines().map(str::trim_start);
        ensure!(!actions.any(|line| line.starts_with('*')), "{answer}");
        Ok(Some(()))
    })?;
    let count = format!("grep -c 'Result of start operation for {SERVICE} on' {LOG} || true");
    let counts = bed
        .cluster
        .nodes()
        .iter()
        .map(|node| -> Result<usize> { Ok(node.sh(&count)?.trim().parse()?) });
    counts.sum()
}

/// What `crm_mon` shows as XML on a node.
fn screen(node: &Node) -> Result<String> {
    node.run(&["crm_mon", "-1", "--output-as=xml"])
}

fn parse(xml: &str) -> Result<roxmltree::Document<'_>> {
    roxmltree::Document::parse(xml).map_err(|error| anyhow!("{error}: {xml}"))
}

/// The name of the node that the service is started on, if it is and on one only.
fn runs_on(screen: &str) -> Result<Option<String>> {
    let document = parse(screen)?;
    let mut services = document.descendants().filter(|element| {
        element.has_tag_name("resource") && element.attribute("id") == Some(SERVICE)
    });
    let started = services.find(|service| service.attribute("role") == Some("Started"));
    let nodes = started.iter().flat_map(|service| service.children());
    let mut names = nodes.filter_map(|node| node.attribute("name"));
    let name = names.next().map(str::to_owned);
    Ok(name.filter(|_| names.next().is_none()))
}

/// Waits until these nodes all show the service started on the same node, which is a right one;
/// which it is, and how long that took.
fn wait_started<'a>(
    bed: &'a Bed,
    from: &[usize],
    what: &str,
    right: impl Fn(&Node) -> bool,
) -> Result<(&'a Node, Duration)> {
    let start = Instant::now();
    wait_until(what, LONG, || {
        let shown = from.iter().map(|&n| runs_on(&screen(bed.node(n))?));
        let mut shown = shown.collect::<Result<BTreeSet<_>>>()?;
        ensure!(shown.len() == 1, "it is shown on {shown:?}");
        let name = shown.pop_first().flatten();
        let mut nodes = bed.cluster.nodes().iter();
        let found = nodes.find(|node| Some(node.name()) == name.as_deref() && right(node));
        ensure!(found.is_some(), "it is shown on {name:?}");
        Ok(found.map(|node| (node, start.elapsed())))
    })
}
