//! Nodes and daemons that go and come: the attributes come back by themselves, and nobody
//! shows a FAULTY link meanwhile.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Cut, wait_until};

use crate::bed::{Attributes, Bed, INTERVAL, LONG};
use crate::node::{is_active, kill, wait_for_rest};
use crate::record::Record;

pub const TESTS: &[(&str, crate::Test)] = &[
    ("a_stopped_and_started_node", a_stopped_and_started_node),
    ("a_power_cut_and_boot", a_power_cut_and_boot),
    ("a_reboot", a_reboot),
    (
        "a_node_that_starts_with_a_broken_link",
        a_node_that_starts_with_a_broken_link,
    ),
    ("a_killed_attribute_manager", a_killed_attribute_manager),
    ("a_killed_controller", a_killed_controller),
    ("a_restarted_pacemaker", a_restarted_pacemaker),
    ("a_healed_partition", a_healed_partition),
    ("a_lost_state_file", a_lost_state_file),
    ("an_attribute_deleted_by_hand", an_attribute_deleted_by_hand),
];

/// All attributes but those of one node.
pub fn without(bed: &Bed, n: usize) -> Attributes {
    let name = bed.node(n).name();
    let mut attributes = bed.all("UP");
    attributes.retain(|(node, _), _| node != name);
    attributes
}

fn a_stopped_and_started_node(bed: &Bed) -> Result<()> {
    for n in [3, 1] {
        let record = Record::begin(bed)?;
        let node = bed.node(n);
        node.run(&["pcs", "cluster", "stop"])?;
        bed.wait_on(
            2,
            "the stopped node's attributes gone",
            LONG,
            &without(bed, n),
        )?;
        for unit in [
            "ringcheck.timer",
            "ringcheck.path",
            "ringcheck-clear.service",
        ] {
            ensure!(
                !is_active(node, unit)?,
                "{unit} did not stop with Pacemaker"
            );
        }
        node.run(&["pcs", "cluster", "start"])?;
        bed.wait_on(2, "every link UP again", LONG, &bed.all("UP"))?;
        record.has_no_faulty(bed)?;
    }
    Ok(())
}

fn a_power_cut_and_boot(bed: &Bed) -> Result<()> {
    let record = Record::begin(bed)?;
    let node = bed.node(3);
    node.run(&["systemctl", "enable", "corosync", "pacemaker"])?;
    node.power_cut()?;
    bed.wait_on(1, "the dead node's attributes gone", LONG, &without(bed, 3))?;
    node.boot()?;
    bed.wait_on(1, "every link UP again", LONG, &bed.all("UP"))?;
    ensure!(is_active(node, "ringcheck.path")?, "the log is not watched");
    record.has_no_faulty(bed)
}

fn a_reboot(bed: &Bed) -> Result<()> {
    let record = Record::begin(bed)?;
    let node = bed.node(2);
    node.run(&["systemctl", "enable", "corosync", "pacemaker"])?;
    node.power_off()?;
    bed.wait_on(1, "the node's attributes gone", LONG, &without(bed, 2))?;
    node.boot()?;
    bed.wait_on(1, "every link UP again", LONG, &bed.all("UP"))?;
    ensure!(is_active(node, "ringcheck.path")?, "the log is not watched");
    record.has_no_faulty(bed)
}

fn a_node_that_starts_with_a_broken_link(bed: &Bed) -> Result<()> {
    let node = bed.node(3);
    node.run(&["pcs", "cluster", "stop"])?;
    node.cut(1, Cut::DropBoth)?;
    let record = Record::begin(bed)?;
    node.run(&["pcs", "cluster", "start"])?;
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.wait_on(1, "link 1 FAULTY everywhere", LONG, &broken)?;
    let values = record.values(bed)?;
    let wrong = "ringnumber_1[n3] = 10.77.1.3 is UP";
    ensure!(!values.iter().any(|value| value == wrong), "{values:?}");
    Ok(())
}

fn a_killed_attribute_manager(bed: &Bed) -> Result<()> {
    let record = Record::begin(bed)?;
    kill(bed.node(2), "pacemaker-attrd")?;
    gone(bed, 2)?;
    let took = bed.wait_on(1, "the attributes back", 2 * INTERVAL, &bed.all("UP"))?;
    note!("back after {took:.1?}");
    record.has_no_faulty(bed)
}

/// Waits until a node's attributes are seen missing, so that their return is one. They may
/// be back too quickly to be seen; attrd's log tells then.
fn gone(bed: &Bed, n: usize) -> Result<()> {
    let all = bed.all("UP");
    let seen = wait_until("the attributes gone", Duration::from_secs(2), || {
        Ok((bed.seen_from(1)? != all).then_some(()))
    });
    if seen.is_err() {
        note!("the attributes of node {n} were never seen missing");
    }
    Ok(())
}

fn a_killed_controller(bed: &Bed) -> Result<()> {
    kill(bed.node(2), "pacemaker-controld")?;
    gone(bed, 2)?;
    bed.wait_on(1, "the attributes back", 2 * INTERVAL, &bed.all("UP"))?;
    // What the CIB has now must also be what the attribute manager has.
    let asked = bed
        .node(2)
        .run(&["attrd_updater", "-Q", "-n", "ringnumber_0"])?;
    ensure!(asked.contains("10.77.0.2 is UP"), "{asked}");
    Ok(())
}

fn a_restarted_pacemaker(bed: &Bed) -> Result<()> {
    let record = Record::begin(bed)?;
    bed.node(2).run(&["systemctl", "restart", "pacemaker"])?;
    let took = bed.wait_on(1, "the attributes back", 2 * INTERVAL, &bed.all("UP"))?;
    note!("back {took:.1?} after the restart");
    record.has_no_faulty(bed)
}

fn a_healed_partition(bed: &Bed) -> Result<()> {
    for link in [0, 1] {
        bed.node(1).cut(link, Cut::DropBoth)?;
    }
    bed.cluster.wait_online(&[2, 3], LONG)?;
    let record = Record::begin(bed)?;
    for link in [0, 1] {
        bed.node(1).heal(link)?;
    }
    bed.cluster.wait_online(&[1, 2, 3], LONG)?;
    bed.wait_for("every link UP again", LONG, &bed.all("UP"))?;
    let values = record.values(bed)?;
    ensure!(
        !values.iter().any(|value| value.contains("FAULTY")),
        "{values:?}"
    );
    Ok(())
}

fn a_lost_state_file(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    for ruin in ["rm -f", "truncate -s 100", "truncate -s 0"] {
        let script = format!("{ruin} /run/ringcheck/state.json && ringcheck --once");
        node.sh(&script)?;
        ensure!(bed.seen_from(1)? == bed.all("UP"), "after `{ruin}`");
        node.run(&["test", "-s", "/run/ringcheck/state.json"])?;
    }
    Ok(())
}

fn an_attribute_deleted_by_hand(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    wait_for_rest(node)?;
    node.run(&["attrd_updater", "-D", "-n", "ringnumber_1"])?;
    wait_until("the attribute gone", LONG, || {
        let key = (node.name().to_owned(), "ringnumber_1".to_owned());
        Ok((!bed.seen_from(1)?.contains_key(&key)).then_some(()))
    })?;
    // Nothing tells that it is gone, so it is the refresh that brings it back.
    let refresh = Duration::from_secs(60);
    let took = bed.wait_on(1, "it is back", refresh + 2 * INTERVAL, &bed.all("UP"))?;
    note!("back after {took:.1?}");
    Ok(())
}
