//! Advice that depends on the cluster: an old schema of the CIB, the precision of knet's averages.

use anyhow::{Context, Result, ensure};
use lab::{Node, wait_until};

use super::doctor::{wait_for, wait_for_finding};
use crate::Test;
use crate::bed::{Bed, LONG};
use crate::node::run_as;

pub const TESTS: &[(&str, Test)] = &[
    (
        "an_old_schema_is_to_be_upgraded_before_the_alert",
        an_old_schema_is_to_be_upgraded_before_the_alert,
    ),
    (
        "doctor_advises_a_precision_of_the_averages",
        doctor_advises_a_precision_of_the_averages,
    ),
];

/// Sets an old schema, which the CIB conforms to without a selection.
fn make_old(node: &Node) -> Result<()> {
    node.run(&["ringcheck", "setup", "--undo", "--alert"])?;
    node.run(&["systemctl", "enable", "--now", "ringcheck.timer"])?;
    let old = r#"<cib validate-with="pacemaker-2.5"/>"#;
    node.run(&["cibadmin", "--modify", "--xml-text", old])?;
    wait_until("the old schema", LONG, || {
        let cib = node.run(&["cibadmin", "--query", "--no-children"])?;
        Ok(cib.contains("pacemaker-2.5").then_some(()))
    })
}

fn setup_names(node: &Node, command: &str) -> Result<()> {
    let ended = run_as(node, "root", &["ringcheck", "setup", "--alert"])?;
    let line = "ringcheck: the CIB is validated with the schema pacemaker-2.5, ";
    let named = ended.stderr.contains(&format!("type `{command}`"));
    let right = ended.code == Some(1) && ended.stderr.starts_with(line) && named;
    ensure!(right, "{ended:?}");
    let alerts = run_as(node, "root", &["cibadmin", "--query", "--xpath", "//alert"])?;
    ensure!(alerts.code == Some(105), "{alerts:?}");
    Ok(())
}

fn an_old_schema_is_to_be_upgraded_before_the_alert(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    for (command, hide) in [
        ("cibadmin --upgrade --force", true),
        ("pcs cluster cib-upgrade", false),
    ] {
        make_old(node)?;
        if hide {
            node.run(&["mv", "/usr/sbin/pcs", "/usr/sbin/pcs.away"])?;
        }
        let named = setup_names(node, command)
            .and_then(|()| wait_for_finding(node, "alert", "wrong", "pacemaker-2.5, is too old"));
        if hide {
            node.run(&["mv", "/usr/sbin/pcs.away", "/usr/sbin/pcs"])?;
        }
        let mends = named?.context("no command")?;
        ensure!(
            mends == format!("{command} && ringcheck setup --alert"),
            "{mends}"
        );
        node.sh(&mends)?;
        wait_for(node, "alert", "ok")?;
        let cib = node.run(&["cibadmin", "--query", "--xpath", "//alert/select"])?;
        ensure!(cib.contains("<select_nodes/>"), "{cib}");
    }
    Ok(())
}

const CONFIGURATION: &str = "/etc/corosync/corosync.conf";

/// Adds the lines that the man page shows, which takes a reload only.
fn doctor_advises_a_precision_of_the_averages(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let advice = "add `knet_ping_precision: 64` for links 0, 1 to corosync.conf";
    let command = wait_for_finding(node, "latency", "note", advice)?;
    ensure!(command.is_none(), "{command:?}");
    let sections = [0, 1].map(|link| {
        format!("    interface {{\n        linknumber: {link}\n        knet_ping_precision: 64\n    }}\n")
    });
    let old = node.sh(&format!("cat {CONFIGURATION}"))?;
    let new = old.replacen("totem {\n", &format!("totem {{\n{}", sections.concat()), 1);
    ensure!(new != old, "{old}");
    let load = |text: &str| {
        bed.cluster.each(|node| node.write(CONFIGURATION, text))?;
        node.run(&["corosync-cfgtool", "-R"])
    };
    load(&new)?;
    wait_until("the precision to be taken", LONG, || {
        let keys = node.sh("corosync-cmapctl | grep -e knet_ping_precision -e reload_status")?;
        let taken = keys.matches("knet_ping_precision (u32) = 64").count() == 2;
        Ok((taken && keys.contains("config.reload_status (i32) = 1")).then_some(()))
    })?;
    wait_for(node, "latency", "ok")?;
    load(&old)?;
    Ok(())
}
