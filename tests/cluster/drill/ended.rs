//! A drill that is killed or interrupted, at each of its steps.

use anyhow::{Context, Result, ensure};
use lab::{Node, wait_until};
use serde_json::Value;

use super::{Before, FIRST, RING, STANDBY, drill, has_lines, has_standby};
use crate::bed::{Bed, LONG};
use crate::node::run_as;

/// Starts a drill and sends it a signal as soon as its output has this in it; its output and its
/// exit code.
fn signalled(node: &Node, options: &str, at: &str, signal: &str) -> Result<(String, i32)> {
    let until = format!("grep -q '{at}' /run/drill.out");
    until_then(node, options, &until, &format!("kill -{signal} $pid"))
}

/// The same with a signal that interrupts: on a busy machine it may come too late, and is then
/// sent to another drill.
fn interrupted(node: &Node, options: &str, at: &str, signal: &str) -> Result<(String, i32)> {
    wait_until("a signal in time", LONG, || {
        let (output, code) = signalled(node, options, at, signal)?;
        Ok((code != 0).then_some((output, code)))
    })
}

/// Starts a drill and does something as soon as a command succeeds.
fn until_then(node: &Node, options: &str, until: &str, then: &str) -> Result<(String, i32)> {
    let script = format!(
        ": > /run/drill.out; ringcheck drill --yes {options} >> /run/drill.out 2>&1 & pid=$!
         until {until}; do kill -0 $pid || exit 9; sleep 0.02; done
         {then}; wait $pid; echo $? > /run/drill.code; cat /run/drill.out"
    );
    let output = node.sh(&script).context(format!("until {until}"))?;
    let code = node.run(&["cat", "/run/drill.code"])?.trim().parse()?;
    Ok((output, code))
}

pub fn a_killed_drill_is_repaired(bed: &Bed) -> Result<()> {
    let (node, other) = (bed.node(1), bed.node(2));
    let before = Before::of(bed)?;
    let repaired = |step: &str| -> Result<()> {
        let said = drill(other, &["--cleanup"], 0)?;
        // On a busy machine the kill may come when only the rest was still waited for.
        let done = ["nothing is left", "nothing of a drill is there"];
        // Lines are as wide as a terminal.
        let words: Vec<&str> = said.stdout.split_whitespace().collect();
        let text = words.join(" ");
        ensure!(done.iter().any(|done| text.contains(done)), "{said:?}");
        before
            .is_unchanged(bed)
            .context(format!("killed at `{step}`"))
    };
    let kills = FIRST.iter().chain(&RING).map(|step| ("--move=ring", *step));
    let kills = kills.chain(STANDBY.map(|step| ("--move=standby", step)));
    for (way, step) in kills {
        let (output, code) = match step == STANDBY[0] {
            true => killed_in_standby(bed)?,
            false => signalled(node, way, step, "KILL")?,
        };
        ensure!(
            code == 137 && !output.contains("removed: "),
            "{code}: {output}"
        );
        if step == "recovered" {
            is_known(node)?;
        }
        repaired(step)?;
    }
    // While it removes: stopped, and gone from the configuration.
    let stopped = "grep -q 'moved back' /run/drill.out && cibadmin --query --xpath \"//nvpair[@name='target-role'][@value='Stopped']\" > /dev/null 2>&1";
    let deleted = "grep -q 'moved back' /run/drill.out && ! cibadmin --query --xpath '//primitive' > /dev/null 2>&1";
    for until in [stopped, deleted] {
        until_then(node, "--move=ring", until, "kill -KILL $pid")?;
        drill(other, &["--cleanup"], 0)?;
        before.is_unchanged(bed)?;
    }

    // An administrator's own standby, begun since, is not ended.
    killed_in_standby(bed)?;
    let standby = ["crm_attribute", "-l", "reboot", "-N", "n1", "-n", "standby"];
    node.run(&[&standby[..], &["-v", "on"]].concat())?;
    wait_until("the administrator's standby", LONG, || {
        let xpath = "//nvpair[@name='standby'][@value='on']";
        let stored = other.run(&["cibadmin", "--query", "--xpath", xpath]);
        Ok(stored.is_ok().then_some(()))
    })?;
    drill(other, &["--cleanup"], 0)?;
    has_standby(bed, true).context("the administrator's standby")?;
    node.run(&[&standby[..], &["-D"]].concat())?;
    has_standby(bed, false).context("no standby")?;
    before.is_unchanged(bed)?;

    // What the cluster will not stop is not taken out of the configuration.
    signalled(node, "--move=ring", "recovered", "KILL")?;
    node.run(&["crm_resource", "--wait", "--timeout=30"])?;
    node.run(&["pcs", "property", "set", "maintenance-mode=true"])?;
    wait_until("the maintenance", LONG, || {
        let screen = node.run(&["crm_mon", "-1", "--output-as=xml"])?;
        Ok(screen.contains("managed=\"false\"").then_some(()))
    })?;
    let kept = drill(other, &["--cleanup"], 1)?;
    ensure!(
        kept.stdout.contains("end the maintenance mode first"),
        "{kept:?}"
    );
    let cib = node.run(&["cibadmin", "--query", "--scope", "resources"])?;
    ensure!(cib.contains("<primitive id=\"ringcheck-drill\""), "{cib}");
    node.run(&["pcs", "property", "unset", "maintenance-mode"])?;
    let json = drill(other, &["--cleanup", "--json"], 0)?;
    let report: Value = serde_json::from_str(&json.stdout)?;
    ensure!(
        report["version"] == 1 && report["cleanup"]["ok"] == true,
        "{report}"
    );
    before.is_unchanged(bed)?;

    let nothing = drill(other, &["--cleanup"], 0)?;
    ensure!(
        nothing.stdout.contains("nothing of a drill is there"),
        "{nothing:?}"
    );
    before.is_unchanged(bed)
}

/// Kills a drill on node 1 while it has its node in standby: on a busy machine the kill may come
/// later.
fn killed_in_standby(bed: &Bed) -> Result<(String, i32)> {
    let node = bed.node(1);
    let xpath = "//transient_attributes//nvpair[@name='standby'][@value='yes']";
    wait_until("a kill in time", 2 * LONG, || {
        let killed = signalled(node, "--move=standby", STANDBY[0], "KILL")?;
        if node.run(&["cibadmin", "--query", "--xpath", xpath]).is_ok() {
            has_standby(bed, true)?;
            return Ok(Some(killed));
        }
        drill(node, &["--cleanup"], 0)?;
        Ok(None)
    })
}

/// That another drill and the doctor say what repairs it.
fn is_known(node: &Node) -> Result<()> {
    let refused = drill(node, &["--yes"], 1)?;
    ensure!(
        refused.stderr.contains("`ringcheck drill --cleanup`"),
        "{refused:?}"
    );
    let doctor = run_as(node, "root", &["ringcheck", "doctor", "--json"])?;
    let report: Value = serde_json::from_str(&doctor.stdout)?;
    let mut points = report["points"].as_array().context("no points")?.iter();
    let point = points.find(|point| point["topic"] == "drill");
    let point = point.with_context(|| format!("no point of a drill: {report}"))?;
    ensure!(point["command"] == "ringcheck drill --cleanup", "{point}");
    Ok(())
}

pub fn an_interrupted_drill_cleans_up_by_itself(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let before = Before::of(bed)?;
    for (signal, code, options, at) in [
        ("TERM", 143, "", "created"),
        ("HUP", 129, "", "stopped by force"),
        ("TERM", 143, "--move=standby", "standby of n1 begun"),
        ("HUP", 129, "--move=ring", "moved to"),
    ] {
        let (output, ended) = interrupted(node, options, at, signal)?;
        let wanted = format!("interrupted by SIG{signal}");
        has_lines(&output, &[at, &wanted, "nothing is left", "not finished"])?;
        ensure!(ended == code, "{ended}: {output}");
        before.is_unchanged(bed)?;
    }

    // A terminal's Ctrl-C, which is for every process of the foreground, again and again; not
    // without end, as each has the terminal drop what it has not shown yet.
    let script = r#"
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv("/usr/sbin/ringcheck", ["ringcheck", "drill", "--yes", "--move=ring"])
seen, interrupts, last = b"", 0, 0
while True:
    try:
        if select.select([fd], [], [], 0.1)[0]:
            seen += os.read(fd, 4096)
    except OSError:
        break
    due = interrupts < 3 and time.monotonic() - last > 0.3
    if due and b"stopped by force" in seen:
        os.write(fd, b"\x03")
        interrupts, last = interrupts + 1, time.monotonic()
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
    node.write("/run/interrupt.py", script)?;
    let ended = run_as(node, "root", &["python3", "/run/interrupt.py"])?;
    let wanted = [
        "interrupted by SIGINT",
        "SIGINT: what the drill made is still",
        "nothing is left",
    ];
    has_lines(&ended.stdout, &wanted)?;
    ensure!(ended.code == Some(130), "{ended:?}");
    before.is_unchanged(bed)?;

    // Nobody reads any more.
    let closed = "ringcheck drill --yes --move | head -n 2; echo ${PIPESTATUS[0]}";
    let ended = run_as(node, "root", &["bash", "-c", closed])?;
    ensure!(ended.stdout.ends_with("\n141\n"), "{ended:?}");
    before.is_unchanged(bed)?;

    // A JSON report is one also of a drill that was not finished.
    let at = "grep -q 'stopped by force' /run/drill.err";
    let script = format!(
        ": > /run/drill.err; ringcheck drill --yes --json 2>> /run/drill.err & pid=$!
         until {at}; do kill -0 $pid || exit 9; sleep 0.02; done; kill -TERM $pid; wait $pid"
    );
    let ended = run_as(node, "root", &["sh", "-c", &script])?;
    let report: Value = serde_json::from_str(&ended.stdout).context(format!("{ended:?}"))?;
    ensure!(
        report["result"] == "interrupted" && report["cleanup"]["ok"] == true,
        "{report}"
    );

    // Whom somebody else tidies up after.
    let cleanup = "ringcheck drill --cleanup > /dev/null";
    let (output, code) = until_then(
        node,
        "",
        "grep -q 'stopped by force' /run/drill.out",
        cleanup,
    )?;
    has_lines(
        &output,
        &[
            "is gone meanwhile",
            "nothing of a drill",
            "the drill FAILED",
        ],
    )?;
    ensure!(code == 1, "{code}: {output}");
    before.is_unchanged(bed)
}
