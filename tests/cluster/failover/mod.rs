//! A service that moves: what ringcheck shows meanwhile, and what makes it move.

mod steps;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use lab::{Node, wait_until};

use crate::bed::{Bed, LONG};

pub const TESTS: &[(&str, crate::Test)] = &[(
    "a_service_fails_over_step_by_step",
    steps::a_service_fails_over_step_by_step,
)];

/// The resource that moves.
const SERVICE: &str = "dummy_service";

/// How often the service is looked at. The handbooks have two minutes, so that there is time to
/// look at a service that was stopped; here that time would only be waited for.
const MONITOR: Duration = Duration::from_secs(2);

fn create(bed: &Bed) -> Result<()> {
    let interval = MONITOR.as_secs();
    let agent = "ocf:pacemaker:Dummy";
    bed.node(1).sh(&format!(
        "pcs resource create {SERVICE} {agent} op monitor interval={interval}s"
    ))?;
    Ok(())
}

/// Runs `test`, and removes the service whatever its end.
fn tidily(bed: &Bed, test: fn(&Bed) -> Result<()>) -> Result<()> {
    let result = test(bed);
    let tidy = || -> Result<()> {
        let mut nodes = bed.cluster.nodes().iter();
        let online = nodes.find(|node| node.run(&["crm_mon", "-1"]).is_ok());
        let remove =
            format!("pcs resource delete {SERVICE} --force && crm_resource --wait --timeout 30");
        online.context("no node is online")?.sh(&remove)?;
        Ok(())
    };
    let tidied = tidy();
    result.and(tidied)
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
