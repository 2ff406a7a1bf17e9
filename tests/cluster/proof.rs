//! Proof beats hearsay: what an interface, a last witness or a first look say is worth no more than
//! what is so.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Cut, Node, wait_until};

use crate::bed::{Attributes, Bed, LONG};
use crate::faults::by_hand;
use crate::node::{run_as, stop_passes};
use crate::record::Record;

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "a_faulty_link_stays_so_when_its_last_witness_leaves",
        a_faulty_link_stays_so_when_its_last_witness_leaves,
    ),
    (
        "an_interface_that_is_gone_for_a_blink_is_not_faulty",
        an_interface_that_is_gone_for_a_blink_is_not_faulty,
    ),
    (
        "an_address_that_no_interface_has_may_carry_data",
        an_address_that_no_interface_has_may_carry_data,
    ),
    (
        "a_link_broken_before_the_first_look_is_faulty_in_each_report",
        broken_before_the_first_look,
    ),
];

/// Rule 5: nobody has seen link 1 of n3 healed, but n1 and n2 reach each other over it.
fn a_faulty_link_stays_so_when_its_last_witness_leaves(bed: &Bed) -> Result<()> {
    let node = bed.node(3);
    node.cut(1, Cut::DropBoth)?;
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.wait_for("link 1 FAULTY", LONG, &broken)?;
    node.cut(0, Cut::DropBoth)?;
    let mut others = bed.all("UP");
    others.retain(|(name, _), _| name != node.name());
    bed.wait_on(1, "link 1 UP on those that reach each other", LONG, &others)?;
    let alone: Attributes = [bed.attribute(3, 0, "UP"), bed.attribute(3, 1, "FAULTY")].into();
    bed.wait_on(3, "n3 alone", LONG, &alone)?;
    // What is lost of the state, the CIB has.
    for before in ["true", "rm /run/ringcheck/state.json"] {
        node.sh(&format!("{before}; ringcheck --once"))?;
        let seen = bed.seen_from(3)?;
        ensure!(seen == alone, "n3 shows {seen:?}");
    }
    let table = node.run(&["ringcheck"])?;
    let why = "nobody has answered on it since it was FAULTY";
    ensure!(table.contains(why), "`{why}` is missing in\n{table}");
    node.heal(0)?;
    bed.wait_for("link 1 FAULTY", LONG, &broken)?;
    node.heal(1)?;
    bed.wait_for("link 1 UP", LONG, &bed.all("UP"))
}

/// Rule 2, where knet notices nothing of it. An old one may: then the link is FAULTY rightly.
fn an_interface_that_is_gone_for_a_blink_is_not_faulty(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let (address, device) = ("10.77.1.2/24", "ring1");
    let blinks = [
        // The pass is at its first look when the address comes back.
        format!(
            "ip address del {address} dev {device}; ringcheck --once & sleep 0.3; ip address add {address} dev {device}; wait"
        ),
        format!(
            "ip link set {device} down; ringcheck --once & sleep 0.3; ip link set {device} up; wait"
        ),
    ];
    by_hand(bed, 2, |node| {
        for blink in &blinks {
            for _ in 0..3 {
                let record = Record::begin(bed)?;
                let before = down_counts(bed)?;
                node.sh(blink)?;
                wait_until("knet to find all links connected", LONG, || {
                    connected(bed, node).map(Some)
                })?;
                node.run(&["ringcheck", "--once"])?;
                let values = record.values(bed)?;
                let faulty = values.iter().any(|value| value.contains("FAULTY"));
                let noticed = down_counts(bed)? != before;
                note!("FAULTY: {faulty}, knet noticed: {noticed}");
                ensure!(!faulty || noticed, "after `{blink}`: {values:?}");
            }
        }
        Ok(())
    })?;
    // One that stays away is believed, though not at once.
    node.run(&["ip", "address", "del", address, "dev", device])?;
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.wait_for("link 1 FAULTY", LONG, &broken)?;
    node.run(&["ip", "address", "add", address, "dev", device])?;
    bed.wait_for("link 1 UP", LONG, &bed.all("UP"))
}

/// How often each node's knet has given a link up.
fn down_counts(bed: &Bed) -> Result<Vec<String>> {
    let script = "corosync-cmapctl -m stats stats.knet.node | grep down_count";
    bed.cluster
        .nodes()
        .iter()
        .map(|node| node.sh(script))
        .collect()
}

fn connected(bed: &Bed, node: &Node) -> Result<()> {
    for peer in bed.cluster.nodes() {
        for link in bed.spec.links.iter().filter(|_| peer.id() != node.id()) {
            let key = format!("stats.knet.node{}.link{link}.connected", peer.id());
            let shown = node.run(&["corosync-cmapctl", "-m", "stats", "-g", &key])?;
            ensure!(shown.trim().ends_with("= 1"), "{shown}");
        }
    }
    Ok(())
}

/// Rule 2: a local route makes the kernel take and send packets of an address that no interface
/// has, as load balancers do it.
fn an_address_that_no_interface_has_may_carry_data(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let record = Record::begin(bed)?;
    node.sh("ip route add local 10.77.1.2 dev ring1 table local
        ip address del 10.77.1.2/24 dev ring1
        ip route add local 10.77.1.2 dev ring1 table local || true
        ip route add 10.77.1.0/24 dev ring1 src 10.77.1.2")?;
    let said = wait_until("the note at a link that is UP", LONG, || {
        let table = node.run(&["ringcheck"])?;
        let why = "though no interface has this address";
        ensure!(table.contains(why), "`{why}` is missing in\n{table}");
        Ok(Some(table))
    })?;
    note!("{said}");
    for _ in 0..3 {
        node.run(&["ringcheck", "--once"])?;
    }
    let checked = run_as(node, "root", &["ringcheck", "check"])?;
    ensure!(checked.code == Some(0), "{checked:?}");
    let values = record.values(bed)?;
    let wrong = values.iter().any(|value| value.contains("FAULTY"));
    ensure!(!wrong, "{values:?}");
    // When the link really breaks it is FAULTY all the same.
    node.cut(1, Cut::DropIn)?;
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.wait_for("link 1 FAULTY", LONG, &broken)?;
    node.heal(1)?;
    node.sh("ip route del local 10.77.1.2 dev ring1 table local || true")?;
    node.sh("ip address replace 10.77.1.2/24 dev ring1")?;
    bed.wait_for("link 1 UP", LONG, &bed.all("UP"))
}

/// Rule 9: no timer, no Pacemaker, no state.
fn broken_before_the_first_look(bed: &Bed) -> Result<()> {
    for node in bed.cluster.nodes() {
        stop_passes(node)?;
        node.sh("systemctl stop pacemaker; rm -rf /run/ringcheck/*")?;
    }
    let last = bed.node(bed.spec.nodes);
    last.cut(1, Cut::DropBoth)?;
    // Longer than knet needs, and pings enough to tell.
    let id = last.id();
    wait_until("knet to have given the link up for a while", LONG, || {
        let counts = bed.node(1).sh(&format!(
            "for what in connected tx_ping_packets rx_pong_packets; do \
                 corosync-cmapctl -m stats -g stats.knet.node{id}.link1.$what; done"
        ))?;
        let counts: Vec<u64> = counts
            .lines()
            .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
            .collect();
        let [connected, sent, answered] = counts[..] else {
            return Ok(None);
        };
        let missed = sent.saturating_sub(answered);
        Ok((connected == 0 && missed > 5).then_some(()))
    })?;
    for node in [bed.node(1), last] {
        faulty_in_each_report(node)?;
    }
    last.heal(1)?;
    wait_until("all links to be UP at a first look", LONG, || {
        let ended = run_as(last, "root", &["ringcheck", "check", "--no-attributes"])?;
        Ok((ended.code == Some(0)).then_some(()))
    })
}

fn faulty_in_each_report(node: &Node) -> Result<()> {
    let table = node.run(&["ringcheck"])?;
    let faulty = |line: &&str| line.starts_with("1 ") && line.contains(" FAULTY ");
    ensure!(table.lines().find(faulty).is_some(), "{table}");
    let json: serde_json::Value =
        serde_json::from_str(&node.run(&["ringcheck", "status", "--json"])?)?;
    ensure!(json["links"][1]["state"] == "FAULTY", "{json}");
    ensure!(json["links"][0]["state"] == "UP", "{json}");
    let ended = run_as(node, "root", &["ringcheck", "check", "--no-attributes"])?;
    let critical = ended.stdout.contains("CRITICAL - link 1 (");
    ensure!(ended.code == Some(2) && critical, "{ended:?}");
    let metrics = node.run(&["ringcheck", "metrics"])?;
    let line = |line: &&str| {
        line.starts_with("ringcheck_link_state{")
            && line.contains(r#"link="1""#)
            && line.contains(r#"state="faulty""#)
    };
    let line = metrics.lines().find(line).unwrap_or_default();
    ensure!(line.ends_with(" 1"), "{metrics}");
    let watch = "timeout 12 ringcheck status --watch 1 | sed '/ FAULTY /q'";
    let watched = node.sh(watch)?;
    ensure!(watched.contains(" FAULTY "), "{watched}");
    Ok(())
}

/// Rule 9 where Corosync pings seldom, as it does in large clusters.
pub fn with_a_large_token(bed: &Bed) -> Result<()> {
    broken_before_the_first_look(bed)?;
    let interval = bed.node(1).run(&[
        "corosync-cmapctl",
        "-g",
        "runtime.config.totem.interface.0.knet_ping_interval",
    ])?;
    let interval = Duration::from_millis(interval.trim().rsplit(' ').next().unwrap_or("").parse()?);
    ensure!(interval > Duration::from_secs(2), "{interval:?}");
    Ok(())
}
