//! Links that break and heal.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lab::{Cut, Node, wait_until};

use crate::bed::{Bed, HOLD, INTERVAL, LONG, MARGIN};
use crate::record::Record;

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "every_node_shows_both_links_up",
        every_node_shows_both_links_up,
    ),
    (
        "a_pulled_cable_shows_in_time_and_heals",
        a_pulled_cable_shows_in_time_and_heals,
    ),
    (
        "a_one_way_loss_shows_on_both_sides",
        a_one_way_loss_shows_on_both_sides,
    ),
    (
        "an_interface_that_is_down_says_so",
        an_interface_that_is_down_says_so,
    ),
    (
        "a_link_added_and_removed_under_way_never_flashes",
        a_link_added_and_removed_under_way_never_flashes,
    ),
];

fn every_node_shows_both_links_up(bed: &Bed) -> Result<()> {
    let screen = bed.node(2).run(&["crm_mon", "-A1"])?;
    for node in bed.cluster.nodes() {
        for link in [0, 1] {
            let line = format!(": {} is UP", node.address(link));
            ensure!(screen.contains(&line), "`{line}` is missing in\n{screen}");
        }
    }
    let table = bed.node(1).run(&["ringcheck"])?;
    let row = table
        .lines()
        .find(|line| line.starts_with("1     10.77.1.1  UP "));
    ensure!(
        row.is_some_and(|row| row.ends_with("  all 2 peers answer")),
        "{table}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&bed.node(1).run(&["ringcheck", "status", "--json"])?)?;
    ensure!(
        json["version"] == 1 && json["links"][1]["state"] == "UP",
        "{json}"
    );
    ensure!(json["links"][1]["peers"][1]["connected"] == true, "{json}");
    Ok(())
}

fn a_pulled_cable_shows_in_time_and_heals(bed: &Bed) -> Result<()> {
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.node(3).cut(1, Cut::Carrier)?;
    let detected = thread::scope(|scope| {
        let detectors = [1, 2].map(|n| scope.spawn(move || knet_sees(bed.node(n), 3, 1, "0")));
        let shown = bed.wait_on(2, "link 1 FAULTY", LONG, &broken)?;
        let mut last = Duration::ZERO;
        for detector in detectors {
            last = last.max(detector.join().expect("no panic")?);
        }
        note!("knet saw it after {last:.1?}, crm_mon of node 2 after {shown:.1?}");
        ensure!(
            shown <= last + INTERVAL + MARGIN,
            "{shown:?} after the cut, knet {last:?}"
        );
        Ok(last)
    })?;
    ensure!(detected < LONG, "knet saw nothing");
    wait_until("who is not reached to be named", LONG, || {
        let seen = bed.all_seen_from(1)?;
        let lost = |n: usize| seen.get(&(format!("n{n}"), "ringlost_1".into()));
        let named = [1, 2, 3].map(|n| lost(n).map_or("", String::as_str));
        Ok((named == ["n3", "n3", "n1 n2"]).then_some(()))
    })?;
    let reasons = bed.node(1).run(&["ringcheck"])? + &bed.node(3).run(&["ringcheck"])?;
    for reason in ["no answer from n3", "interface ring1 has no carrier"] {
        ensure!(
            reasons.contains(reason),
            "`{reason}` is missing in\n{reasons}"
        );
    }
    let record = Record::begin(bed)?;
    bed.node(3).heal(1)?;
    let healed = Instant::now();
    let good = knet_sees(bed.node(1), 3, 1, "1")?;
    bed.wait_on(2, "link 1 UP again", LONG, &bed.all("UP"))?;
    let shown = healed.elapsed();
    wait_until("nobody to be named", LONG, || {
        Ok((bed.all_seen_from(1)? == bed.all("UP")).then_some(()))
    })?;
    note!("knet saw it healed after {good:.1?}, crm_mon of node 2 after {shown:.1?}");
    // Good is first seen at a pass, and the end of the hold at a later one.
    ensure!(
        shown >= HOLD,
        "UP after {shown:?}: the recovery hold was not kept"
    );
    ensure!(
        shown <= good + 2 * INTERVAL + HOLD + 2 * MARGIN,
        "UP only after {shown:?}"
    );
    record.has_no_faulty(bed)
}

/// How long it takes until knet on `node` has this in the `connected` of a peer's link.
fn knet_sees(node: &Node, peer: u32, link: u8, connected: &str) -> Result<Duration> {
    let start = Instant::now();
    let key = format!("stats.knet.node{peer}.link{link}.connected");
    wait_until(&format!("{key} = {connected}"), LONG, || {
        let shown = node.run(&["corosync-cmapctl", "-m", "stats", "-g", &key])?;
        Ok(shown
            .trim()
            .ends_with(&format!("= {connected}"))
            .then(|| start.elapsed()))
    })
}

fn a_one_way_loss_shows_on_both_sides(bed: &Bed) -> Result<()> {
    for how in [Cut::DropIn, Cut::DropOut] {
        bed.node(1).cut(0, how)?;
        let mut broken = bed.all("UP");
        broken.extend((1..=3).map(|n| bed.attribute(n, 0, "FAULTY")));
        bed.wait_on(3, "link 0 FAULTY", LONG, &broken)?;
        bed.node(1).heal(0)?;
        bed.wait_on(3, "link 0 UP again", LONG, &bed.all("UP"))?;
    }
    Ok(())
}

fn an_interface_that_is_down_says_so(bed: &Bed) -> Result<()> {
    bed.node(2).cut(1, Cut::Interface)?;
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.wait_on(1, "link 1 FAULTY", LONG, &broken)?;
    let table = bed.node(2).run(&["ringcheck"])?;
    ensure!(table.contains("interface ring1 is down"), "{table}");
    Ok(())
}

fn a_link_added_and_removed_under_way_never_flashes(bed: &Bed) -> Result<()> {
    let record = Record::begin(bed)?;
    // A second address on the first network is enough of a link to add.
    for n in 1..=3 {
        let address = format!("10.77.0.{}/24", 100 + n);
        bed.node(n)
            .run(&["ip", "address", "add", &address, "dev", "ring0"])?;
    }
    let with_link_2 = |conf: &str| {
        let mut text = String::new();
        for line in conf.lines() {
            text += &format!("{line}\n");
            if let Some(node) = line.trim().strip_prefix("ring1_addr: 10.77.1.") {
                text += &format!("  ring2_addr: 10.77.0.10{node}\n");
            }
        }
        text
    };
    let conf = bed.node(1).sh("cat /etc/corosync/corosync.conf")?;
    reload(bed, &with_link_2(&conf))?;
    let mut wanted = bed.all("UP");
    for n in 1..=3 {
        let name = bed.node(n).name().to_owned();
        let value = format!("10.77.0.10{n} is UP");
        wanted.insert((name, "ringnumber_2".into()), value);
    }
    bed.wait_on(2, "the added link UP", LONG, &wanted)?;
    reload(bed, &conf)?;
    bed.wait_on(2, "the removed link's attribute gone", LONG, &bed.all("UP"))?;
    record.has_no_faulty(bed)
}

fn reload(bed: &Bed, conf: &str) -> Result<()> {
    for node in bed.cluster.nodes() {
        node.write("/etc/corosync/corosync.conf", conf)?;
    }
    bed.node(1).run(&["corosync-cfgtool", "-R"]).map(drop)
}
