//! Clusters of other shapes: each shows its links, and each shows a broken one.

use anyhow::{Result, ensure};
use lab::{Cut, Family, Form, Spec, Transport, wait_until};

use crate::Test;
use crate::bed::{Bed, LONG};
use crate::node::{journal_cursor, journal_since};
use crate::record::Record;
use crate::{failover, proof};

/// Two nodes suffice where the addresses and names are what the test is about.
fn two() -> Spec {
    Spec {
        nodes: 2,
        ..Spec::default()
    }
}

pub fn tests() -> Vec<(&'static str, Spec, Test)> {
    let with = |change: fn(&mut Spec)| {
        let mut spec = two();
        change(&mut spec);
        spec
    };
    vec![
        (
            "in_two_nodes_nothing_stops",
            two(),
            failover::in_two_nodes_nothing_stops as Test,
        ),
        (
            "formed_by_pcs_with_encryption",
            with(|spec| spec.form = Form::Pcs),
            redundant,
        ),
        (
            "host_names_are_shown_as_addresses",
            with(|spec| spec.host_names = true),
            redundant,
        ),
        ("ipv6", with(|spec| spec.family = Family::V6), redundant),
        (
            "node_names_longer_than_16_characters",
            with(|spec| {
                let names = [
                    "database-primary.cluster.example",
                    "database-standby.cluster.example",
                ];
                spec.names = Some(names.map(String::from).to_vec());
            }),
            redundant,
        ),
        (
            "node_ids_up_to_65535_on_knet",
            with(|spec| spec.ids = Some(vec![65535, 40000])),
            redundant,
        ),
        (
            "links_0_and_2_without_1",
            with(|spec| spec.links = vec![0, 2]),
            redundant,
        ),
        (
            "three_links_in_five_nodes",
            Spec {
                nodes: 5,
                links: vec![0, 1, 2],
                ..Spec::default()
            },
            redundant,
        ),
        (
            "host_names_over_ipv6_on_links_0_and_2",
            with(|spec| {
                spec.host_names = true;
                spec.family = Family::V6;
                spec.links = vec![0, 2];
            }),
            redundant,
        ),
        (
            "host_names_on_links_1_and_3",
            with(|spec| {
                spec.host_names = true;
                spec.links = vec![1, 3];
            }),
            redundant,
        ),
        (
            "a_large_token_and_no_state",
            with(|spec| spec.totem = vec![("token".into(), "12000".into())]),
            proof::with_a_large_token,
        ),
        ("a_single_link", with(|spec| spec.links = vec![0]), single),
        (
            "udpu_with_large_node_ids",
            with(|spec| {
                spec.links = vec![0];
                spec.transport = Transport::Udpu;
                spec.ids = Some(vec![3_232_261_507, 4_000_000_000]);
            }),
            single,
        ),
        (
            "udpu_with_host_names",
            Spec {
                nodes: 3,
                ids: Some(vec![1_000_001, 168_430_090, 2_147_483_646]),
                ..of_one(Transport::Udpu, true, Family::V4)
            },
            own_addresses,
        ),
        (
            "udpu_with_host_names_over_ipv6",
            of_one(Transport::Udpu, true, Family::V6),
            single,
        ),
        (
            "udpu_over_ipv6",
            of_one(Transport::Udpu, false, Family::V6),
            single,
        ),
        (
            "udp_with_a_node_list",
            of_one(Transport::Udp, false, Family::V4),
            single,
        ),
        (
            "udp_with_host_names",
            Spec {
                nodes: 3,
                ..of_one(Transport::Udp, true, Family::V4)
            },
            own_addresses,
        ),
        (
            "udp_with_host_names_over_ipv6",
            of_one(Transport::Udp, true, Family::V6),
            own_addresses,
        ),
        (
            "udp_with_generated_ids",
            Spec {
                generated_ids: true,
                ..of_one(Transport::Udp, false, Family::V4)
            },
            own_addresses,
        ),
        (
            "udpu_with_generated_ids_and_host_names",
            Spec {
                generated_ids: true,
                ..of_one(Transport::Udpu, true, Family::V4)
            },
            own_addresses,
        ),
        (
            "a_library_without_the_status_of_nodes",
            with(|spec| {
                spec.host_names = true;
                spec.links = vec![0, 2];
            }),
            without_node_status,
        ),
        (
            "the_marks_of_corosync_2s_rings",
            with(|spec| {
                spec.links = vec![0];
                spec.transport = Transport::Udpu;
            }),
            marked,
        ),
    ]
}

/// Two nodes with a transport that has one link.
fn of_one(transport: Transport, host_names: bool, family: Family) -> Spec {
    Spec {
        transport,
        host_names,
        family,
        links: vec![0],
        ..two()
    }
}

/// Each node shows its own address, and no other node's. That all are shown was waited for.
fn own_addresses(bed: &Bed) -> Result<()> {
    for node in bed.cluster.nodes() {
        let shown = node.run(&["ringcheck", "status", "--json"])?;
        let shown: serde_json::Value = serde_json::from_str(&shown)?;
        let address = node.address(0).to_string();
        ensure!(shown["links"][0]["address"] == *address, "{shown}");
        ensure!(shown["links"][0]["state"] == "UP", "{shown}");
        ensure!(shown["node"]["id"] == node.id(), "{shown}");
        let members = node.run(&["corosync-cmapctl", "runtime.members"])?;
        let joined = members.lines().filter(|line| line.ends_with("= joined"));
        ensure!(joined.count() == bed.spec.nodes, "{members}");
    }
    Ok(())
}

/// Corosync's library as it was before 3.1.1: the node's own, in which the function has another
/// name.
fn without_node_status(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    node.sh(
        "mkdir -p /tmp/old && library=$(ldconfig -p | sed -n 's/.*libcfg.so.7 .* => //p' | head -n 1) \
         && sed 's/corosync_cfg_node_status_get/corosync_cfg_node_status_gex/g' $library \
             > /tmp/old/libcfg.so.7",
    )?;
    let shown = node.sh("LD_LIBRARY_PATH=/tmp/old ringcheck status --json")?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    for (position, link) in [(0, 0), (1, 2)] {
        let address = node.address(link).to_string();
        ensure!(shown["links"][position]["address"] == *address, "{shown}");
        ensure!(shown["links"][position]["state"] == "UP", "{shown}");
    }
    node.sh("LD_LIBRARY_PATH=/tmp/old ringcheck --once")?;
    node.run(&["rm", "-r", "/tmp/old"]).map(drop)
}

/// Corosync 3 never marks a ring itself, and lets no client do it, but it takes any key from its
/// configuration. What is no mark is told as ifcheckd told it.
fn marked(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let conf = "/etc/corosync/corosync.conf";
    node.run(&["cp", conf, "/tmp/corosync.conf"])?;
    let mark = |mark: &str| {
        let section = format!(
            "printf 'runtime {{\\n totem {{\\n pg {{\\n mrp {{\\n rrp {{\\n 0 {{\\n faulty: {mark}\\n \
             }}\\n }}\\n }}\\n }}\\n }}\\n}}\\n'"
        );
        node.sh(&format!(
            "(cat /tmp/corosync.conf; {section}) >{conf} && corosync-cfgtool -R"
        ))
    };
    for (text, state, reason) in [
        ("1", "FAULTY", "the ring is marked FAULTY by Corosync"),
        ("0", "UP", "the ring is active"),
    ] {
        mark(text)?;
        let mut wanted = bed.all("UP");
        wanted.extend([bed.attribute(1, 0, state)]);
        bed.wait_on(2, &format!("the ring {state}"), LONG, &wanted)?;
        let table = node.run(&["ringcheck"])?;
        ensure!(table.contains(reason), "`{reason}` is missing in\n{table}");
    }
    let cursor = journal_cursor(node)?;
    mark("perhaps")?;
    let text = "Failed to fetch key name: tmp_key=runtime.totem.pg.mrp.rrp.0.faulty: ";
    wait_until("what cannot be read to be told", LONG, || {
        let said = journal_since(node, &cursor)?;
        Ok(said.iter().any(|line| line.contains(text)).then_some(()))
    })?;
    node.sh(&format!(
        "mv /tmp/corosync.conf {conf} && corosync-cfgtool -R"
    ))?;
    Ok(())
}

/// The last link of the last node is cut: everybody shows it, and shows it healed.
fn redundant(bed: &Bed) -> Result<()> {
    let link = *bed.spec.links.last().expect("a link");
    let nodes = bed.spec.nodes;
    let mut broken = bed.all("UP");
    broken.extend((1..=nodes).map(|n| bed.attribute(n, link, "FAULTY")));
    bed.node(nodes).cut(link, Cut::DropBoth)?;
    bed.wait_on(1, "the link FAULTY", LONG, &broken)?;
    let table = bed.node(1).run(&["ringcheck"])?;
    let reason = format!("no answer from {}", bed.node(nodes).name());
    ensure!(table.contains(&reason), "`{reason}` is missing in\n{table}");
    bed.node(nodes).heal(link)?;
    let record = Record::begin(bed)?;
    bed.wait_for("the link UP again", LONG, &bed.all("UP"))?;
    record.has_no_faulty(bed)
}

/// The one link is cut: the nodes lose each other, and only the node without a cable can
/// say why.
fn single(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    node.cut(0, Cut::Carrier)?;
    let alone = [bed.attribute(2, 0, "FAULTY")].into();
    bed.wait_on(2, "the node without a cable alone and FAULTY", LONG, &alone)?;
    let alone = [bed.attribute(1, 0, "UP")].into();
    bed.wait_on(1, "the other node alone and UP", LONG, &alone)?;
    node.heal(0)?;
    bed.cluster.wait_online(&[1, 2], LONG)?;
    bed.wait_for("both UP again", LONG, &bed.all("UP"))
}
