//! Reloads that Corosync refuses or does by half: the links are shown as they are, and who looks is
//! told.
//!
//! A refused reload takes `nodelist.local_node_pos` and whatever the new node list did not have from
//! cmap, and Corosync goes on with what it had.

use anyhow::{Result, ensure};
use lab::{Node, wait_until};

use crate::bed::{Bed, LONG};
use crate::node::run_as;
use crate::record::Record;

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "a_refused_reload_changes_no_link",
        a_refused_reload_changes_no_link,
    ),
    (
        "a_reload_that_is_accepted_is_shown",
        a_reload_that_is_accepted_is_shown,
    ),
];

const CONF: &str = "/etc/corosync/corosync.conf";

/// An edit of corosync.conf.
struct Edit {
    what: &'static str,
    nodes: &'static [usize],
    change: fn(&str) -> String,
    /// Whether cmap tells that it was refused. Corosync does not tell of what it refuses while it
    /// reads the file, and what that is differs between its releases.
    told: Option<bool>,
}

fn address(conf: &str) -> String {
    conf.replace("ring1_addr: 10.77.1.1\n", "ring1_addr: 10.77.1.77\n")
}

fn without_node(conf: &str, name: &str) -> String {
    let (before, rest) = conf
        .split_once(&format!("    node {{\n        name: {name}\n"))
        .expect("the node is in the list");
    let (_, after) = rest.split_once("    }\n").expect("its section ends");
    format!("{before}{after}")
}

fn without_link(conf: &str) -> String {
    let lines = conf.lines().filter(|line| !line.contains("ring1_addr"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// What Corosync refuses: each of them has it keep all that it had.
const REFUSED: &[Edit] = &[
    Edit {
        what: "an address changed in place",
        nodes: &[1, 2, 3],
        change: address,
        told: Some(true),
    },
    Edit {
        what: "the same in one node's file",
        nodes: &[1],
        change: address,
        told: Some(true),
    },
    Edit {
        what: "a node taken out beside a changed address",
        nodes: &[1, 2, 3],
        change: |conf| without_node(&address(conf), "n3"),
        told: Some(true),
    },
    Edit {
        what: "this node taken out beside a changed address",
        nodes: &[1, 2, 3],
        change: |conf| without_node(&conf.replace("10.77.1.2\n", "10.77.1.77\n"), "n1"),
        told: Some(true),
    },
    Edit {
        what: "a link taken out beside a changed address",
        nodes: &[1, 2, 3],
        change: |conf| without_link(&conf.replace("10.77.0.1\n", "10.77.0.77\n")),
        told: Some(true),
    },
    Edit {
        what: "a link taken out beside a cipher that there is not",
        nodes: &[1, 2, 3],
        change: |conf| without_link(conf).replace("crypto_cipher: none", "crypto_cipher: rot13"),
        told: None,
    },
    Edit {
        what: "wrong syntax",
        nodes: &[1, 2, 3],
        change: |conf| conf.replacen("totem {", "totem", 1),
        told: Some(false),
    },
];

fn a_refused_reload_changes_no_link(bed: &Bed) -> Result<()> {
    let good = bed.node(1).sh(&format!("cat {CONF}"))?;
    for edit in REFUSED {
        let record = Record::begin(bed)?;
        let changed = (edit.change)(&good);
        ensure!(changed != good, "{}: nothing changed", edit.what);
        for &n in edit.nodes {
            bed.node(n).write(CONF, &changed)?;
        }
        let reload = run_as(bed.node(1), "root", &["corosync-cfgtool", "-R"])?;
        note!("{}: {:?} {}", edit.what, reload.code, reload.stderr.trim());
        for node in bed.cluster.nodes() {
            let told = edit
                .told
                .map(|told| told && edit.nodes.contains(&node.number()));
            shows_all(bed, node, told).map_err(|error| error.context(edit.what))?;
        }
        let values = record.values(bed)?;
        ensure!(values.is_empty(), "{}: {values:?}", edit.what);
        for &n in edit.nodes {
            bed.node(n).write(CONF, &good)?;
        }
        wait_until("a good reload", LONG, || {
            bed.node(1).run(&["corosync-cfgtool", "-R"]).map(Some)
        })?;
        for node in bed.cluster.nodes() {
            shows_all(bed, node, Some(false)).map_err(|error| error.context(edit.what))?;
        }
    }
    Ok(())
}

/// A pass is good, all links are UP, and the reports agree on whether a reload was refused; where
/// that is known, they say it.
fn shows_all(bed: &Bed, node: &Node, told: Option<bool>) -> Result<()> {
    const REFUSED: &str = "corosync refused the last reload of corosync.conf";
    // The reload comes to all nodes by a message.
    let told = wait_until("the reports on the reload", LONG, || {
        let table = node.run(&["ringcheck"])?;
        let said = table.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = said.contains(REFUSED);
        ensure!(told.is_none_or(|told| told == said), "{told:?}: {table}");
        let checked = run_as(node, "root", &["ringcheck", "check"])?;
        ensure!(checked.code == Some(i32::from(said)), "{checked:?}");
        Ok(Some(said))
    })?;
    let ended = run_as(node, "root", &["ringcheck", "--once", "--force"])?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let doctor = run_as(node, "root", &["ringcheck", "doctor"])?;
    let warns = doctor.stdout.contains(REFUSED);
    ensure!(warns == told && doctor.code == Some(0), "{doctor:?}");
    let seen = bed.all_seen_from(node.number())?;
    ensure!(seen == bed.all("UP"), "{} shows {seen:?}", node.name());
    Ok(())
}

/// Corosync takes a link whose address no interface has, and other timers.
fn a_reload_that_is_accepted_is_shown(bed: &Bed) -> Result<()> {
    let good = bed.node(1).sh(&format!("cat {CONF}"))?;
    let link = good
        .lines()
        .map(
            |line| match line.trim().strip_prefix("ring1_addr: 10.77.1.") {
                Some(host) => format!("{line}\n        ring2_addr: 10.99.2.{host}\n"),
                None => format!("{line}\n"),
            },
        )
        .collect::<String>();
    reload(bed, &link)?;
    let mut wanted = bed.all("UP");
    for node in bed.cluster.nodes() {
        let address = format!("10.99.2.{}", node.number());
        let key = (node.name().to_owned(), "ringnumber_2".to_owned());
        wanted.insert(key, format!("{address} is FAULTY"));
    }
    bed.wait_for("a link that no interface has FAULTY", LONG, &wanted)?;
    let record = Record::begin(bed)?;
    reload(bed, &good)?;
    bed.wait_for("the link gone", LONG, &bed.all("UP"))?;
    let token = good.replacen("totem {", "totem {\n    token: 5000", 1);
    for conf in [&token, &good] {
        reload(bed, conf)?;
        for node in bed.cluster.nodes() {
            shows_all(bed, node, Some(false))?;
        }
    }
    let values = record.values(bed)?;
    let wrong = values.iter().any(|value| value.contains("FAULTY"));
    ensure!(!wrong, "{values:?}");
    Ok(())
}

fn reload(bed: &Bed, conf: &str) -> Result<()> {
    bed.cluster.each(|node| node.write(CONF, conf))?;
    bed.node(1).run(&["corosync-cfgtool", "-R"]).map(drop)
}
