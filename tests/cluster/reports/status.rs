//! `ringcheck status`, on this node, on all nodes, and again and again.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{Cut, Node, wait_until};
use serde_json::Value;

use crate::Test;
use crate::bed::{Bed, LONG};
use crate::node::{pid, run_as, stop_passes};

pub const TESTS: &[(&str, Test)] = &[
    (
        "status_of_a_healthy_cluster_and_of_one_with_a_cable_out",
        healthy_and_a_cable_out,
    ),
    (
        "status_while_nodes_and_daemons_are_down",
        nodes_and_daemons_down,
    ),
    ("status_says_that_nobody_looks", nobody_looks),
    (
        "a_node_whose_id_is_not_a_number_hides_nothing",
        a_node_whose_id_is_not_a_number_hides_nothing,
    ),
    ("status_watched_on_a_terminal", watched_on_a_terminal),
    (
        "status_watched_while_corosync_hangs",
        watched_while_corosync_hangs,
    ),
];

const CLUSTER: &[&str] = &["ringcheck", "status", "--cluster"];
const ASK: &str = "is ringcheck.timer running";

/// A link's row in the table of one node, with what stands below it.
fn row(table: &str, link: u8) -> Result<Vec<&str>> {
    let start = format!("{link}     ");
    let mut lines = table.lines().skip_while(|line| !line.starts_with(&start));
    let first = lines
        .next()
        .with_context(|| format!("no link {link} in\n{table}"))?;
    let below = lines.take_while(|line| line.starts_with("      "));
    Ok([first].into_iter().chain(below).collect())
}

fn json(node: &Node, arguments: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&node.run(arguments)?)?)
}

/// Waits until `status --cluster` on a node shows this.
fn wait_for_cluster(node: &Node, text: &str) -> Result<String> {
    wait_until(&format!("`{text}`"), LONG, || {
        let screen = node.run(CLUSTER)?;
        ensure!(screen.contains(text), "{screen}");
        Ok(Some(screen))
    })
}

fn is_plain_and_narrow(screen: &str) -> Result<()> {
    let wide = screen.lines().find(|line| line.chars().count() > 80);
    ensure!(wide.is_none() && !screen.contains('\x1b'), "{screen}");
    Ok(())
}

fn healthy_and_a_cable_out(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let table = node.run(&["ringcheck"])?;
    is_plain_and_narrow(&table)?;
    for link in [0, 1] {
        let row = row(&table, link)?;
        let start = format!("{link}     10.77.{link}.1  UP ");
        let well = row[0].starts_with(&start) && row[0].ends_with("  all 2 peers answer");
        let peer = |line: &str, name| {
            let start = format!("      {name}  connected  ");
            line.starts_with(&start) && line.contains(" ms  MTU ")
        };
        let peers = row.len() == 3 && peer(row[1], "n2") && peer(row[2], "n3");
        ensure!(well && peers, "{table}");
    }
    ensure!(!table.contains(ASK), "{table}");
    let screen = node.run(CLUSTER)?;
    is_plain_and_narrow(&screen)?;
    ensure!(screen.starts_with("3 nodes, 3 online, "), "{screen}");
    ensure!(
        screen.ends_with("n3\n  0  UP       10.77.0.3\n  1  UP       10.77.1.3\n"),
        "{screen}"
    );

    bed.node(3).cut(1, Cut::Carrier)?;
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    bed.wait_on(2, "link 1 FAULTY", LONG, &broken)?;
    let fault = "\nlink 1: n3's own end (n1 and n2 reach each other and not n3)\n";
    let screen = wait_for_cluster(node, fault)?;
    is_plain_and_narrow(&screen)?;
    wait_for_cluster(bed.node(3), "10.77.1.3  misses n1, n2\n")?;
    let report = json(node, &[CLUSTER, &["--json"]].concat())?;
    ensure!(
        report["version"] == 1 && report["nodes"][2]["online"] == true,
        "{report}"
    );
    ensure!(report["faults"][0]["kind"] == "own-end", "{report}");
    ensure!(report["faults"][0]["nodes"][0] == "n3", "{report}");
    let table = node.run(&["ringcheck", "status"])?;
    let row = row(&table, 1)?;
    ensure!(
        row[0].contains("  FAULTY ") && row[0].ends_with("  no answer from n3"),
        "{table}"
    );
    ensure!(
        row[1].contains("n2  connected ") && row[2] == "      n3  not connected",
        "{table}"
    );
    let report = json(node, &["ringcheck", "status", "--json"])?;
    let link = &report["links"][1];
    ensure!(
        report["version"] == 1 && report["node"]["name"] == "n1",
        "{report}"
    );
    ensure!(
        link["state"] == "FAULTY" && link["flaps"].as_u64() >= Some(1),
        "{report}"
    );
    ensure!(
        link["since"].is_string() && report["notes"] == serde_json::json!([]),
        "{report}"
    );
    Ok(())
}

fn nodes_and_daemons_down(bed: &Bed) -> Result<()> {
    let (one, two) = (bed.node(1), bed.node(2));
    bed.node(3).power_cut()?;
    wait_until("the third node to be lost", LONG, || {
        let screen = one.run(CLUSTER)?;
        Ok(screen.contains("\nn3  offline\n").then_some(()))
    })?;
    let screen = one.run(CLUSTER)?;
    ensure!(
        screen.starts_with("3 nodes, 2 online, ") && !screen.contains("link "),
        "{screen}"
    );
    let table = one.run(&["ringcheck"])?;
    ensure!(row(&table, 0)?[2] == "      n3  not joined", "{table}");

    // With Pacemaker stopped this is a plain Corosync cluster, with no folder even more so.
    two.run(&["systemctl", "stop", "pacemaker"])?;
    for prepare in ["true", "rm -r /run/ringcheck"] {
        two.sh(prepare)?;
        let table = two.run(&["ringcheck"])?;
        let rows = row(&table, 1)?;
        ensure!(rows[1].contains("n1  connected "), "{table}");
        ensure!(
            !table.contains(ASK) && !table.contains("passes fail"),
            "{table}"
        );
    }
    let ended = run_as(two, "root", CLUSTER)?;
    let line = "ringcheck: cannot read the nodes and their attributes: Pacemaker does not accept";
    ensure!(
        ended.code == Some(6) && ended.stderr.starts_with(line),
        "{ended:?}"
    );
    wait_for_cluster(one, "\nn2  offline\n")?;

    two.run(&["systemctl", "stop", "corosync"])?;
    let ended = run_as(two, "root", &["ringcheck"])?;
    ensure!(ended.code == Some(5), "{ended:?}");
    let watch = ["timeout", "2.5", "ringcheck", "status", "--watch", "1"];
    let ended = run_as(two, "root", &watch)?;
    let failures = ended.stdout.matches("corosync is not running").count();
    ensure!(failures >= 2 && ended.stderr.is_empty(), "{ended:?}");
    let ended = run_as(two, "root", &[&watch[..], &["--json"]].concat())?;
    ensure!(ended.stdout.trim().is_empty(), "{ended:?}");
    ensure!(
        ended.stderr.matches("corosync is not running").count() >= 2,
        "{ended:?}"
    );
    two.run(&["systemd-tmpfiles", "--create", "ringcheck.conf"])?;
    Ok(())
}

fn nobody_looks(bed: &Bed) -> Result<()> {
    let (one, two) = (bed.node(1), bed.node(2));
    // Gone at once, and back with the next comparison.
    wait_until("a link without its attribute", LONG, || {
        one.run(&["attrd_updater", "-D", "-n", "ringnumber_1"])?;
        let report = json(two, &[CLUSTER, &["--json"]].concat())?;
        let links = report["nodes"][0]["links"]
            .as_array()
            .context("links")?
            .len();
        ensure!(report["nodes"][0]["online"] == true, "{report}");
        Ok((links == 1).then_some(()))
    })?;
    // Its restart deletes the attributes, and then there is no pass.
    two.sh("mkdir -p /run/systemd/system/ringcheck.timer.d && \
        printf '[Timer]\\nOnActiveSec=\\nOnUnitActiveSec=\\nOnActiveSec=1h\\n' \
            > /run/systemd/system/ringcheck.timer.d/slow.conf && \
        systemctl daemon-reload && systemctl restart ringcheck.timer")?;
    wait_for_cluster(
        one,
        "\nn2  publishes nothing: is ringcheck.timer running there?\n",
    )?;
    wait_until("the last pass to be long ago", LONG, || {
        let table = two.run(&["ringcheck"])?;
        Ok(table
            .ends_with(" ago: is ringcheck.timer running?\n")
            .then_some(()))
    })?;
    let report = json(two, &["ringcheck", "status", "--json"])?;
    ensure!(
        report["notes"][0]
            .as_str()
            .is_some_and(|note| note.contains(ASK)),
        "{report}"
    );
    two.sh(
        "rm -r /run/systemd/system/ringcheck.timer.d; systemctl daemon-reload; \
        systemctl restart ringcheck.timer",
    )?;
    Ok(())
}

/// Left in the CIB by cloud tools, Heartbeat or mistyped commands.
fn a_node_whose_id_is_not_a_number_hides_nothing(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let old = r#"<node id="old1" uname="old1"/>"#;
    node.run(&[
        "cibadmin",
        "--create",
        "--scope",
        "nodes",
        "--xml-text",
        old,
    ])?;
    let screen = wait_for_cluster(node, "\nold1  offline\n")?;
    ensure!(screen.starts_with("4 nodes, 3 online, "), "{screen}");
    let well = screen.contains("\nn3\n  0  UP       10.77.0.3\n  1  UP       10.77.1.3\n");
    ensure!(well && !screen.contains("link "), "{screen}");
    let report = json(node, &[CLUSTER, &["--json"]].concat())?;
    let last = &report["nodes"][3];
    ensure!(last["name"] == "old1" && last["id"].is_null(), "{report}");
    node.run(&["ringcheck", "check"])?;
    node.run(&["ringcheck", "doctor"])?;
    node.run(&["ringcheck", "--once", "--force"])?;
    let drilled = node.run(&["ringcheck", "drill", "--yes"])?;
    ensure!(drilled.contains("the drill passed"), "{drilled}");
    node.run(&["cibadmin", "--delete", "--xpath", "//node[@id='old1']"])?;
    Ok(())
}

/// What a terminal of this size gets in three seconds.
fn on_a_terminal(node: &Node, rows: u32, environment: &str, arguments: &str) -> Result<String> {
    let command = format!(
        "stty rows {rows} cols 60; timeout --foreground -s INT 3 env TERM=xterm {environment} \
         ringcheck status {arguments}"
    );
    let script = [
        "script",
        "--quiet",
        "--return",
        "--command",
        &command,
        "/dev/null",
    ];
    Ok(run_as(node, "root", &script)?.stdout)
}

fn watched_on_a_terminal(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    for arguments in ["--watch 1", "--watch=1 --cluster"] {
        let drawn = on_a_terminal(node, 8, "", arguments)?;
        let frames: Vec<_> = drawn.split("\x1b[H").skip(1).collect();
        ensure!(frames.len() >= 2, "{drawn:?}");
        for frame in frames {
            ensure!(frame.contains("\x1b[32mUP\x1b[0m"), "{drawn:?}");
            ensure!(frame.matches('\n').count() <= 7, "it scrolls: {drawn:?}");
            ensure!(frame.contains(" lines more)"), "{drawn:?}");
        }
    }
    let plain = on_a_terminal(node, 40, "NO_COLOR=1", "")?;
    is_plain_and_narrow(&plain)?;
    ensure!(plain.contains("  UP "), "{plain}");
    let coloured = on_a_terminal(node, 40, "", "")?;
    ensure!(coloured.contains("\x1b[32mUP\x1b[0m"), "{coloured:?}");
    let ended = run_as(
        node,
        "root",
        &["timeout", "2.5", "ringcheck", "status", "--watch", "1"],
    )?;
    is_plain_and_narrow(&ended.stdout)?;
    let tables = ended.stdout.matches("Node n1 (id 1), knet").count();
    ensure!((2..=3).contains(&tables), "{ended:?}");
    Ok(())
}

/// No thread and no connection is added to those that hang already.
fn watched_while_corosync_hangs(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    node.write("/etc/ringcheck.toml", "deadline = 2\n")?;
    let corosync = pid(node, "corosync")?;
    node.sh(
        "rm -f /tmp/watched; setsid ringcheck status --watch 1 >/tmp/watched 2>&1 </dev/null &",
    )?;
    let shown = |text: &str, times: usize| {
        wait_until(&format!("{times} times `{text}`"), LONG, || {
            let watched = node.sh("cat /tmp/watched")?;
            Ok((watched.matches(text).count() >= times).then_some(()))
        })
    };
    shown("all 2 peers answer", 2)?;
    stop_passes(node)?;
    node.run(&["kill", "-STOP", &corosync])?;
    let hung = shown("corosync does not answer", 3);
    let watch = pid(node, "ringcheck")?;
    let threads = node.sh(&format!("ls /proc/{watch}/task | wc -l"));
    node.run(&["kill", "-CONT", &corosync])?;
    hung?;
    let threads = threads?;
    ensure!(threads.trim() == "2", "{threads} threads");
    node.sh("> /tmp/watched")?;
    shown("Node n2 (id 2), knet", 1)?;
    node.run(&["kill", &watch])?;
    wait_until("the watch to end", Duration::from_secs(5), || {
        Ok((!node.root()?.join(format!("proc/{watch}")).exists()).then_some(()))
    })?;
    Ok(())
}
