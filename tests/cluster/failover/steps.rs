//! The failover test of the cluster handbooks, step by step: a service is created, it fails, and
//! the node that it runs on is rebooted. Nothing of this is a fault of a link.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lab::{Node, wait_until};

use super::guide::{Guide, TRY};
use super::{SERVICE, create, screen, tidily, wait_started};
use crate::bed::{Attributes, Bed, LONG};
use crate::lifecycle::without;
use crate::node::{is_active, journal_cursor, journal_since, run_as, wait_for_runs};
use crate::record::Record;

const HISTORY: &str = "/var/lib/ringcheck/history.jsonl";

pub fn a_service_fails_over_step_by_step(bed: &Bed) -> Result<()> {
    tidily(bed, steps)
}

fn steps(bed: &Bed) -> Result<()> {
    // The handbooks start the cluster by hand after the reboot.
    bed.cluster.each(|node| {
        node.run(&["systemctl", "disable", "corosync", "pacemaker"])?;
        Ok(())
    })?;
    let watch = Watch::begin(bed)?;
    let mut guide = Guide::section(TRY)?;
    let (all, up) = ([1, 2, 3], bed.all("UP"));
    let told = |step: &str, took: Duration| note!("{step}: {took:.1?}");

    create(bed, &mut guide)?;
    let (home, took) = wait_started(bed, &all, "the service started", |_| true)?;
    told("created to started", took);
    let status = home.sh(guide.take("pcs status")?)?;
    let line = status.lines().find(|line| line.contains(SERVICE));
    let started = format!("Started {}", home.name());
    ensure!(line.is_some_and(|line| line.contains(&started)), "{status}");
    watch.all_is_well(&all, &up)?;

    let start = Instant::now();
    home.sh(guide.take("crm_resource ")?)?;
    ensure!(check(home)? == Some(NOT_RUNNING), "it was not stopped");
    wait_until("the failed action in crm_mon", LONG, || {
        Ok((failures(home)? == [failure(home)]).then_some(()))
    })?;
    told("stopped by force to failed action shown", start.elapsed());
    let shown = guide.take("crm_mon ")?;
    for n in all {
        let text = bed.node(n).sh(shown)?;
        let (_, failed) = text
            .split_once("Failed Resource Actions:")
            .unwrap_or_default();
        // Pacemaker 2 says `not running`, Pacemaker 3 `Not running`.
        ensure!(
            failed.contains(SERVICE) && failed.contains("ot running"),
            "{text}"
        );
    }
    wait_until("the service to run again", LONG, || {
        Ok((check(home)? == Some(0)).then_some(()))
    })?;
    told("stopped by force to running again", start.elapsed());
    wait_started(bed, &all, "the service started where it was", |node| {
        node.number() == home.number()
    })?;
    watch.all_is_well(&all, &up)?;

    home.sh(guide.take("pcs resource cleanup")?)?;
    wait_until("the failed action gone", LONG, || {
        let text = home.sh(shown)?;
        ensure!(failures(home)?.is_empty(), "{text}");
        Ok((!text.contains("Failed Resource Actions")).then_some(()))
    })?;
    watch.all_is_well(&all, &up)?;

    let said = home.sh(guide.take("ringcheck drill ")?)?;
    ensure!(said.contains("the drill passed"), "{said}");
    watch.all_is_well(&all, &up)?;

    let others: Vec<usize> = all.into_iter().filter(|&n| n != home.number()).collect();
    let rest = without(bed, home.number());
    let start = Instant::now();
    let booted = boot_id(home)?;
    // It may be gone before it has ended.
    home.output(&["sh", "-c", guide.take("systemctl reboot")?])?;
    let moved = |node: &Node| node.number() != home.number();
    let (away, took) = wait_started(bed, &others, "the service started elsewhere", moved)?;
    told("reboot to started elsewhere", took);
    bed.cluster.wait_online(&others, LONG)?;
    for &n in &others {
        bed.wait_on(n, "the rebooted node's attributes gone", LONG, &rest)?;
    }
    watch.all_is_well(&others, &rest)?;
    wait_until("the node to reboot", LONG, || {
        Ok((boot_id(home)? != booted).then_some(()))
    })?;
    home.boot()?;
    told("reboot to booted", start.elapsed());
    for unit in ["corosync", "pacemaker", "ringcheck.timer"] {
        ensure!(!is_active(home, unit)?, "{unit} started at boot");
    }
    watch.all_is_well(&others, &rest)?;

    bed.cluster.pcs_auth()?;
    let start = Instant::now();
    let command = guide.take("pcs cluster start n1")?;
    away.sh(&command.replace("n1", home.name()))?;
    bed.cluster.wait_online(&all, LONG)?;
    told("pcs cluster start to online", start.elapsed());
    bed.wait_for("every link UP again", LONG, &up)?;
    told("pcs cluster start to every link UP", start.elapsed());
    wait_started(bed, &all, "the service started where it moved", |node| {
        node.number() == away.number()
    })?;
    // A node that has just joined is when a link could flash.
    wait_for_runs(home, 2)?;
    watch.all_is_well(&all, &up)?;
    watch.record.has_no_faulty(bed)?;
    away.sh(guide.take("pcs resource delete ")?)?;
    guide.end()
}

/// How often the document has the service looked at, and how long a failure may go unseen. The
/// handbooks have two minutes, so that there is time to look; here it would only be waited for.
const MONITOR: Duration = Duration::from_secs(10);

/// What an agent answers that finds its service stopped.
const NOT_RUNNING: i32 = 7;

/// What the agent itself says of the service, without the cluster's knowledge.
fn check(node: &Node) -> Result<Option<i32>> {
    let command = ["crm_resource", "--resource", SERVICE, "--force-check"];
    Ok(run_as(node, "root", &command)?.code)
}

/// The failed action that `crm_mon` must show: operation, node and exit code.
fn failure(node: &Node) -> [String; 3] {
    let operation = format!("{SERVICE}_monitor_{}", MONITOR.as_millis());
    [operation, node.name().to_owned(), NOT_RUNNING.to_string()]
}

fn failures(node: &Node) -> Result<Vec<[String; 3]>> {
    let screen = screen(node)?;
    let document = super::parse(&screen)?;
    let failures = document.descendants().filter(|e| e.has_tag_name("failure"));
    let parts = ["op_key", "node", "exitcode"];
    let text = |failure: roxmltree::Node| {
        parts.map(|part| failure.attribute(part).unwrap_or_default().to_owned())
    };
    Ok(failures.map(text).collect())
}

fn boot_id(node: &Node) -> Result<String> {
    node.run(&["cat", "/proc/sys/kernel/random/boot_id"])
}

/// Whatever any node took, wrote down or said of its links since.
struct Watch<'a> {
    bed: &'a Bed,
    record: Record,
    /// For each node how long its history was, and where its journal ended.
    marks: Vec<(usize, String)>,
}

impl<'a> Watch<'a> {
    fn begin(bed: &'a Bed) -> Result<Watch<'a>> {
        let mark = |node: &Node| {
            let lines = node.sh(&format!("wc -l < {HISTORY}"))?;
            anyhow::Ok((lines.trim().parse()?, journal_cursor(node)?))
        };
        Ok(Watch {
            bed,
            record: Record::begin(bed)?,
            marks: bed
                .cluster
                .nodes()
                .iter()
                .map(mark)
                .collect::<Result<_>>()?,
        })
    }

    /// That these nodes show exactly these attributes, and no node was ever shown, wrote down or
    /// said a FAULTY link.
    fn all_is_well(&self, from: &[usize], wanted: &Attributes) -> Result<()> {
        for &n in from {
            let seen = self.bed.all_seen_from(n)?;
            ensure!(seen == *wanted, "node {n} shows {seen:?}");
        }
        let mut said = self.record.values(self.bed)?;
        let nodes = self.bed.cluster.nodes().iter().zip(&self.marks);
        for (node, (lines, cursor)) in nodes.filter(|(node, _)| node.is_up()) {
            let history = node.sh(&format!("tail -n +{} {HISTORY}", lines + 1))?;
            said.extend(history.lines().map(str::to_owned));
            said.extend(journal_since(node, cursor)?);
        }
        said.retain(|text| text.contains("FAULTY"));
        ensure!(said.is_empty(), "{said:#?}");
        Ok(())
    }
}
