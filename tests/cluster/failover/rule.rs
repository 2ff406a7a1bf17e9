//! A location rule that heeds how many peers a ring reaches.

use std::time::Instant;

use anyhow::{Result, ensure};
use lab::{Cut, Node, wait_until};

use super::guide::{self, Guide, PUBLISH, RULE, TRY};
use super::{SERVICE, create, parse, settled, tidily, wait_started};
use crate::bed::{Bed, LONG};
use crate::node::wait_for_runs;

pub fn a_rule_moves_a_service_off_a_broken_ring(bed: &Bed) -> Result<()> {
    tidily(bed, rule)
}

fn rule(bed: &Bed) -> Result<()> {
    guide::is_covered()?;
    publish(bed)?;
    create(bed, &mut Guide::section(TRY)?)?;
    let all = [1, 2, 3];
    let (home, _) = wait_started(bed, &all, "the service started", |_| true)?;
    let mut guide = Guide::section(RULE)?;
    for start in ["pcs resource meta ", "pcs constraint location "] {
        home.sh(guide.take(start)?)?;
    }
    let by_pcs = terms(home)?;
    let settled = || settled(bed);
    let before = settled()?;

    // Nothing moves for want of an attribute, nor because a peer is stopped.
    home.run(&["systemctl", "stop", "ringcheck.timer"])?;
    wait_until("the attribute gone", LONG, || {
        Ok(reached(bed, home)?.is_none().then_some(()))
    })?;
    ensure!(settled()? == before, "it moved for want of the attribute");
    home.run(&["systemctl", "start", "ringcheck.timer"])?;
    let peer = bed
        .cluster
        .nodes()
        .iter()
        .find(|node| node.number() != home.number());
    let peer = peer.expect("three nodes");
    peer.run(&["pcs", "cluster", "stop"])?;
    wait_until("one peer less", LONG, || {
        Ok((reached(bed, home)?.as_deref() == Some("1")).then_some(()))
    })?;
    ensure!(settled()? == before, "it moved because a peer was stopped");
    peer.run(&["pcs", "cluster", "start"])?;
    wait_reached(bed, "2")?;
    ensure!(settled()? == before, "it moved because a peer was started");

    let start = Instant::now();
    home.cut(0, Cut::Carrier)?;
    let moved = |node: &Node| node.number() != home.number();
    let (away, took) = wait_started(bed, &all, "the service elsewhere", moved)?;
    note!("by a rule, from the pulled cable to started elsewhere: {took:.1?}");
    wait_until("all to have seen it", LONG, || {
        let seen = [home, away].map(|node| reached(bed, node).ok().flatten());
        let seen = seen.map(Option::unwrap_or_default);
        Ok((seen == ["0", "1"]).then_some(()))
    })?;
    let after = settled()?;
    ensure!(after == before + 1, "it moved {} times", after - before);
    note!(
        "seen by all, and nothing more to move: {:.1?}",
        start.elapsed()
    );

    home.heal(0)?;
    wait_reached(bed, "2")?;
    wait_for_runs(home, 1)?;
    ensure!(settled()? == after, "it moved when the link was healed");

    // The same by crmsh; the rule is taken away by each.
    home.sh(guide.take("pcs constraint remove ")?)?;
    ensure!(terms(home)?.is_empty(), "a rule is left");
    for start in ["crm resource meta ", "crm configure location "] {
        home.sh(guide.take(start)?)?;
    }
    ensure!(terms(home)? == by_pcs, "crmsh made {:?}", terms(home)?);
    for node in bed.cluster.nodes() {
        node.cut(0, Cut::Carrier)?;
    }
    wait_reached(bed, "0")?;
    let moves = settled()? - after;
    wait_started(bed, &all, "the service without any ring 0", |_| true)?;
    note!("while all nodes lost the ring it moved {moves} times");
    home.sh(guide.take("crm configure delete ")?)?;
    ensure!(terms(home)?.is_empty(), "a rule is left");
    guide.end()
}

/// Has every node publish how many peers each ring reaches, and waits until it does.
pub fn publish(bed: &Bed) -> Result<()> {
    let mut guide = Guide::section(PUBLISH)?;
    let setting = guide.take("echo ")?;
    bed.cluster.each(|node| node.sh(setting).map(drop))?;
    let peers = (bed.spec.nodes - 1).to_string();
    wait_reached(bed, &peers)?;
    let shown = bed.node(1).sh(guide.take("attrd_updater ")?)?;
    let right = shown
        .lines()
        .filter(|line| line.ends_with(&format!("value=\"{peers}\"")));
    ensure!(right.count() == bed.spec.nodes, "{shown}");
    guide.end()
}

/// Waits until ring 0 reaches that many peers on every node.
pub fn wait_reached(bed: &Bed, peers: &str) -> Result<()> {
    let what = format!("every node to reach {peers} peers over ring 0");
    wait_until(&what, LONG, || {
        for node in bed.cluster.nodes() {
            let reached = reached(bed, node)?;
            ensure!(
                reached.as_deref() == Some(peers),
                "{} {reached:?}",
                node.name()
            );
        }
        Ok(Some(()))
    })
}

pub fn reached(bed: &Bed, node: &Node) -> Result<Option<String>> {
    let key = (node.name().to_owned(), "ringpeers_0".to_owned());
    Ok(bed.all_seen_from(node.number())?.remove(&key))
}

/// What the service's rules say: score, operator and conditions.
fn terms(node: &Node) -> Result<Vec<Vec<String>>> {
    let xml = node.run(&["cibadmin", "--query", "--scope", "constraints"])?;
    let document = parse(&xml)?;
    let of_service = |rule: &roxmltree::Node| {
        let parent = rule.parent_element();
        parent.is_some_and(|location| location.attribute("rsc") == Some(SERVICE))
    };
    let text = |element: roxmltree::Node, names: &[&str]| {
        let values = names.iter().map(|name| element.attribute(*name));
        values
            .map(Option::unwrap_or_default)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let terms = |rule: roxmltree::Node| {
        let conditions = rule
            .children()
            .filter(|child| child.has_tag_name("expression"));
        let conditions = conditions.map(|e| text(e, &["attribute", "operation", "value"]));
        let head = text(rule, &["score", "boolean-op"]);
        [head].into_iter().chain(conditions).collect()
    };
    let rules = document.descendants().filter(|e| e.has_tag_name("rule"));
    Ok(rules.filter(of_service).map(terms).collect())
}
