//! What cannot work says so in one line, with the exit code of the man page, and changes
//! nothing.

use anyhow::{Result, ensure};
use lab::Node;

use crate::bed::{Bed, LONG};
use crate::node::{run_as, stop_passes};

pub const TESTS: &[(&str, crate::Test)] = &[
    ("an_ordinary_user_is_refused", an_ordinary_user_is_refused),
    (
        "a_wrong_configuration_is_named",
        a_wrong_configuration_is_named,
    ),
    ("a_stopped_cluster_is_named", a_stopped_cluster_is_named),
    (
        "a_missing_or_foreign_folder_is_named",
        a_missing_or_foreign_folder_is_named,
    ),
];

/// Runs ringcheck and checks its exit code and its one line on stderr.
fn refuses(node: &Node, user: &str, arguments: &[&str], code: i32, line: &str) -> Result<()> {
    let ended = run_as(node, user, &[&["/usr/sbin/ringcheck"], arguments].concat())?;
    let right = ended.code == Some(code)
        && ended.stdout.is_empty()
        && ended.stderr.lines().count() == 1
        && ended.stderr.starts_with("ringcheck: ")
        && ended.stderr.contains(line);
    ensure!(
        right,
        "{user} {arguments:?}: expected {code} and `{line}`, got {ended:?}"
    );
    Ok(())
}

fn an_ordinary_user_is_refused(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    refuses(
        node,
        "nobody",
        &["--once"],
        4,
        "run ringcheck as root or hacluster",
    )?;
    refuses(node, "nobody", &[], 4, "corosync refused this user")?;
    refuses(
        node,
        "nobody",
        &["clear"],
        4,
        "run ringcheck as root or hacluster",
    )?;
    for undo in [&["setup"][..], &["setup", "--undo"]] {
        refuses(node, "nobody", undo, 4, "run it as root, not as uid")?;
    }
    ensure!(
        bed.seen_from(2)? == bed.all("UP"),
        "{:?}",
        bed.seen_from(2)?
    );
    Ok(())
}

fn a_wrong_configuration_is_named(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    for (text, why) in [
        ("deadline = 0\n", "deadline = 0 is out of bounds"),
        (
            "refresh = 20\nrecovery_hold = 1\n",
            "line 2: unknown field `recovery_hold`",
        ),
        ("faulty-when = \n", "line 1: "),
    ] {
        node.write("/etc/ringcheck.toml", text)?;
        for arguments in [&["--once"][..], &[], &["clear"]] {
            refuses(node, "root", arguments, 3, why)?;
        }
    }
    node.sh("rm /etc/ringcheck.toml; mkdir /etc/ringcheck.toml")?;
    refuses(
        node,
        "root",
        &["--once"],
        3,
        "cannot read configuration /etc/ringcheck.toml",
    )?;
    node.sh("rmdir /etc/ringcheck.toml")?;
    refuses(
        node,
        "root",
        &["--once", "--config", "/nowhere"],
        3,
        "/nowhere",
    )?;
    node.write("/etc/ringcheck.toml", "deadline = 5\n")?;
    node.run(&["chmod", "600", "/etc/ringcheck.toml"])?;
    refuses(node, "hacluster", &["--once"], 3, "Permission denied")?;
    ensure!(
        bed.seen_from(2)? == bed.all("UP"),
        "{:?}",
        bed.seen_from(2)?
    );
    Ok(())
}

fn a_stopped_cluster_is_named(bed: &Bed) -> Result<()> {
    let node = bed.node(3);
    node.run(&["systemctl", "stop", "pacemaker"])?;
    refuses(node, "root", &["--once"], 6, "Pacemaker is not running")?;
    let table = node.run(&["ringcheck"])?;
    ensure!(
        table.contains("10.77.0.3  UP"),
        "status needs no Pacemaker: {table}"
    );
    node.run(&["systemctl", "stop", "corosync"])?;
    refuses(
        node,
        "root",
        &["--once"],
        5,
        "corosync is not running; start",
    )?;
    let line = "cannot read link state from cmap: corosync is not running; start it with `pcs cluster start`";
    refuses(node, "root", &[], 5, line)?;
    refuses(node, "root", &["status", "--json"], 5, line)?;
    // Who asks every program for backtraces gets none of this one, and nothing worse.
    let ended = run_as(node, "root", &["env", "RUST_BACKTRACE=1", "ringcheck"])?;
    ensure!(ended.code == Some(5), "{ended:?}");
    let loaded = node.sh("ldconfig -p | sed -n 's/.*libcmap.so.4 .*=> //p'")?;
    let library = loaded.trim();
    node.sh(&format!("mv {library} {library}.away"))?;
    let refused = refuses(
        node,
        "root",
        &[],
        127,
        "cannot load Corosync's library: libcmap.so.4",
    );
    // What asks Corosync nothing does not need it.
    let history = run_as(node, "root", &["ringcheck", "history"]);
    node.sh(&format!("mv {library}.away {library}"))?;
    refused?;
    let history = history?;
    ensure!(history.code == Some(0), "{history:?}");
    node.run(&["ringcheck", "clear"])?;
    Ok(())
}

fn a_missing_or_foreign_folder_is_named(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    stop_passes(node)?;
    node.sh("mv /run/ringcheck /run/elsewhere")?;
    refuses(
        node,
        "root",
        &["--once"],
        7,
        "systemd-tmpfiles --create ringcheck.conf",
    )?;
    node.sh("ln -s /run/elsewhere /run/ringcheck")?;
    refuses(node, "root", &["--once"], 7, "no folder of hacluster's")?;
    node.sh("rm /run/ringcheck; mkdir /run/ringcheck")?;
    refuses(node, "root", &["--once"], 7, "no folder of hacluster's")?;
    node.sh("rmdir /run/ringcheck; rm -r /run/elsewhere")?;
    node.run(&["systemd-tmpfiles", "--create", "ringcheck.conf"])?;
    node.run(&["systemctl", "start", "ringcheck.timer"])?;
    bed.wait_on(1, "every link UP", LONG, &bed.all("UP"))?;
    // With a timer the folder makes itself.
    node.sh("rm -r /run/ringcheck")?;
    bed.wait_on(1, "every link UP", LONG, &bed.all("UP"))?;
    crate::node::wait_for_runs(node, 2)?;
    node.run(&["test", "-s", "/run/ringcheck/state.json"])?;
    Ok(())
}
