//! The cluster in unusual states: the links are shown as ever.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Cut, Node, wait_until};

use super::{by_hand, is_right};
use crate::Test;
use crate::bed::{Attributes, Bed, LONG};
use crate::record::Record;

pub const TESTS: &[(&str, Test)] = &[
    ("node_in_standby", node_in_standby),
    ("node_in_maintenance", node_in_maintenance),
    ("cluster_in_maintenance", cluster_in_maintenance),
    ("a_node_without_quorum", a_node_without_quorum),
    (
        "a_ring_address_gone_from_its_interface",
        a_ring_address_gone_from_its_interface,
    ),
    (
        "a_ring_address_moved_by_reloads",
        a_ring_address_moved_by_reloads,
    ),
    ("a_burst_of_100_alerts", a_burst_of_100_alerts),
];

/// A link breaks and heals meanwhile, which every node shows.
fn meanwhile(bed: &Bed, begin: &[&str], end: &[&str]) -> Result<()> {
    bed.cluster
        .each(|node| node.write("/etc/ringcheck.toml", "recovery-hold = 0\n"))?;
    let node = bed.node(2);
    node.run(begin)?;
    node.cut(1, Cut::Carrier)?;
    bed.wait_on(1, "link 1 FAULTY", LONG, &broken(bed))?;
    node.heal(1)?;
    bed.wait_on(1, "link 1 UP again", LONG, &bed.all("UP"))?;
    node.run(end).map(drop)
}

fn broken(bed: &Bed) -> Attributes {
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    broken
}

fn node_in_standby(bed: &Bed) -> Result<()> {
    meanwhile(
        bed,
        &["pcs", "node", "standby"],
        &["pcs", "node", "unstandby"],
    )
}

fn node_in_maintenance(bed: &Bed) -> Result<()> {
    meanwhile(
        bed,
        &["pcs", "node", "maintenance"],
        &["pcs", "node", "unmaintenance"],
    )
}

fn cluster_in_maintenance(bed: &Bed) -> Result<()> {
    let set = ["pcs", "property", "set", "maintenance-mode=true"];
    let unset = ["pcs", "property", "set", "maintenance-mode="];
    meanwhile(bed, &set, &unset)
}

fn a_node_without_quorum(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    for other in [1, 3] {
        bed.node(other)
            .run(&["pcs", "cluster", "stop", "--force"])?;
    }
    let alone = |link: &str| -> Attributes {
        [bed.attribute(2, 0, "UP"), bed.attribute(2, 1, link)].into()
    };
    bed.wait_on(2, "the node alone", LONG, &alone("UP"))?;
    wait_until("the loss of the quorum", LONG, || {
        let screen = node.run(&["crm_mon", "-1"])?;
        Ok(screen.contains("WITHOUT quorum").then_some(()))
    })?;
    node.cut(1, Cut::Carrier)?;
    bed.wait_on(2, "link 1 FAULTY", LONG, &alone("FAULTY"))?;
    node.heal(1)?;
    wait_until("the carrier to be back", LONG, || {
        let table = node.run(&["ringcheck"])?;
        Ok(table
            .contains("nobody has answered on it since")
            .then_some(()))
    })?;
    ensure!(bed.seen_from(2)? == alone("FAULTY"), "nobody saw it healed");
    for other in [1, 3] {
        bed.node(other).run(&["pcs", "cluster", "start"])?;
    }
    bed.wait_on(2, "every link UP", LONG, &bed.all("UP"))?;
    Ok(())
}

fn a_ring_address_gone_from_its_interface(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let address = |verb| ["ip", "address", verb, "10.77.1.2/24", "dev", "ring1"];
    node.run(&address("del"))?;
    bed.wait_on(1, "link 1 FAULTY", LONG, &broken(bed))?;
    let table = node.run(&["ringcheck"])?;
    ensure!(table.contains("no interface has this address"), "{table}");
    node.run(&address("add"))?;
    bed.wait_on(1, "link 1 UP again", LONG, &bed.all("UP"))?;
    Ok(())
}

/// Corosync refuses to change an address; the link is removed and added with another one.
fn a_ring_address_moved_by_reloads(bed: &Bed) -> Result<()> {
    let (old, new) = ("10.77.1.2", "10.77.1.102");
    let node = bed.node(2);
    let address = |verb| node.sh(&format!("ip address {verb} {new}/24 dev ring1"));
    address("add")?;
    let conf = node.sh("cat /etc/corosync/corosync.conf")?;
    let lines = conf.lines().filter(|line| !line.contains("ring1_addr"));
    let without = lines.collect::<Vec<_>>().join("\n") + "\n";
    let moved = conf.replace(
        &format!("ring1_addr: {old}\n"),
        &format!("ring1_addr: {new}\n"),
    );
    ensure!(moved != conf, "{conf}");
    let mut removed = bed.all("UP");
    removed.retain(|(_, name), _| name != "ringnumber_1");
    let mut wanted = bed.all("UP");
    let value = format!("{new} is UP");
    wanted.insert((node.name().into(), "ringnumber_1".into()), value);
    let record = Record::begin(bed)?;
    for (conf, shown) in [(&moved, wanted), (&conf, bed.all("UP"))] {
        reload(bed, &without)?;
        bed.wait_on(1, "link 1 gone", LONG, &removed)?;
        reload(bed, conf)?;
        bed.wait_on(1, "link 1 with its new address", LONG, &shown)?;
    }
    address("del")?;
    record.has_no_faulty(bed)
}

fn reload(bed: &Bed, conf: &str) -> Result<()> {
    bed.cluster
        .each(|node| node.write("/etc/corosync/corosync.conf", conf))?;
    bed.node(1).run(&["corosync-cfgtool", "-R"]).map(drop)
}

/// Those that waited while one did the work have nothing left to do.
fn a_burst_of_100_alerts(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        counting_writes(node, || {
            let burst = "for i in $(seq 100); do \
                    setpriv --reuid=hacluster --regid=haclient --clear-groups env -i \
                        CRM_alert_kind=node CRM_alert_version=2.1.5 CRM_alert_desc=member \
                        /usr/share/ringcheck/alerts/ringcheck-alert & pids=\"$pids $!\"; \
                done; \
                for pid in $pids; do wait $pid || echo \"one ended with $?\"; done";
            let said = node.run_within(Duration::from_secs(30), &["sh", "-c", burst])?;
            ensure!(said.is_empty(), "{said}");
            Ok(())
        })?;
        is_right(bed, node)
    })
}

/// Counts what a burst of passes writes, in the one folder that a pass may write to.
fn counting_writes(node: &Node, test: impl FnOnce() -> Result<()>) -> Result<()> {
    let (tool, count) = ("/usr/sbin/attrd_updater", "/run/ringcheck/writes");
    let script = format!("#!/bin/sh\necho >> {count}\nexec {tool}.away \"$@\"\n");
    node.sh(&format!(
        "mv {tool} {tool}.away; rm -f {count}; touch {count}; chmod 666 {count}"
    ))?;
    node.write(tool, script)?;
    let result = node.run(&["chmod", "755", tool]).and_then(|_| test());
    node.sh(&format!("mv {tool}.away {tool}"))?;
    result?;
    let writes = node.sh(&format!("wc -l < {count}; rm {count}"))?;
    let writes: u32 = writes.trim().parse()?;
    note!("{writes} writes for 100 alerts");
    // The burst takes seconds to start, so some come after the work of those before.
    ensure!((2..=20).contains(&writes), "{writes} writes");
    Ok(())
}
