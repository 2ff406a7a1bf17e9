//! What tests do on one node.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{Node, wait_until};

use crate::bed::INTERVAL;

/// A pass reads all anew for a minute after the configuration was written.
const RELOAD: Duration = Duration::from_secs(90);

/// How a command ended on a node.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command as a user, whatever its end.
pub fn run_as(node: &Node, user: &str, argv: &[&str]) -> Result<Ended> {
    let output = match user {
        "root" => node.output(argv)?,
        user => node.as_user(user, argv)?,
    };
    Ok(Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// The pid of a daemon.
pub fn pid(node: &Node, daemon: &str) -> Result<String> {
    let pids = node.run(&["pidof", daemon])?;
    // One that forks to execute something has its name twice for a moment; the youngest is first.
    let pid = pids.split_ascii_whitespace().last();
    Ok(pid.context("no process")?.to_owned())
}

/// Kills a daemon with SIGKILL.
pub fn kill(node: &Node, daemon: &str) -> Result<()> {
    let pid = pid(node, daemon)?;
    node.run(&["kill", "-KILL", &pid]).map(drop)
}

/// What `systemctl is-active` says.
pub fn is_active(node: &Node, unit: &str) -> Result<bool> {
    let ended = run_as(node, "root", &["systemctl", "is-active", unit])?;
    Ok(ended.stdout.trim() == "active")
}

/// The end of the journal, for [`journal_since`].
pub fn journal_cursor(node: &Node) -> Result<String> {
    sync_journal(node)?;
    let shown = node.run(&["journalctl", "-n", "1", "--show-cursor", "--quiet"])?;
    let cursor = shown
        .lines()
        .find_map(|line| line.strip_prefix("-- cursor: "));
    cursor
        .map(str::to_owned)
        .context("no cursor in the journal")
}

/// The journal's lines since then that have to do with ringcheck, whoever wrote them.
pub fn journal_since(node: &Node, cursor: &str) -> Result<Vec<String>> {
    sync_journal(node)?;
    let argument = format!("--after-cursor={cursor}");
    let text = node.run(&["journalctl", "--quiet", "--no-pager", &argument])?;
    let ours = text.lines().filter(|line| line.contains("ringcheck"));
    let ours = ours.filter(|line| !is_systemds_own(line));
    Ok(ours.map(str::to_owned).collect())
}

/// Whether systemd says this at each pass, and nothing can be done about it.
fn is_systemds_own(line: &str) -> bool {
    // 247, whatever LogLevelMax= says.
    let done = line.ends_with(".service: Succeeded.");
    // 262, where the machine's control groups do not count processes.
    let uncounted = line.contains(".service: Failed to read pids.max for control group ");
    line.contains("]: ringcheck") && (done || uncounted)
}

/// Waits until the journal has what was said until now: who says something does not wait for it.
pub fn sync_journal(node: &Node) -> Result<()> {
    node.run(&["journalctl", "--sync"]).map(drop)
}

/// The state file as JSON.
pub fn state(node: &Node) -> Result<serde_json::Value> {
    Ok(serde_json::from_str(
        &node.sh("cat /run/ringcheck/state.json")?,
    )?)
}

/// Waits until nothing has changed for so long that no pass compares with the CIB for it.
pub fn wait_for_rest(node: &Node) -> Result<()> {
    wait_until("the end of the unrest", Duration::from_secs(60), || {
        let until = state(node)?["compare-until"].as_f64().unwrap_or_default() / 1000.0;
        let uptime = node.sh("cut -d' ' -f1 /proc/uptime")?;
        let now: f64 = uptime.trim().parse()?;
        ensure!(now > until, "{:.1} s to go", until - now);
        Ok(Some(()))
    })
}

/// Waits until a pass has nothing to do but to glance at the links.
pub fn wait_for_idle(node: &Node) -> Result<()> {
    wait_for_rest(node)?;
    wait_until("no reload to be expected", RELOAD, || {
        let old = node.sh("find /etc/corosync/corosync.conf ! -newerct '61 seconds ago'")?;
        Ok((!old.is_empty()).then_some(()))
    })?;
    // What this one reads, the next ones go by.
    node.run(&["ringcheck", "--once", "--quiet"]).map(drop)
}

/// Stops what starts passes, and waits until the last one has ended and the attributes are deleted.
/// systemd waits for the units that it is told of only, and who starts the timer before then has
/// it stop nothing.
pub fn stop_passes(node: &Node) -> Result<()> {
    let units = [
        "ringcheck.timer",
        "ringcheck-event.service",
        "ringcheck-clear.service",
    ];
    node.run(&[&["systemctl", "stop"], &units[..]].concat())
        .map(drop)
}

/// Waits until systemd has nothing more to do for ringcheck's units. Who restarts the timer is told
/// of its own end only, and not of that of the units that stop and start with it.
pub fn wait_for_jobs(node: &Node) -> Result<()> {
    wait_until("the end of systemd's jobs", Duration::from_secs(60), || {
        let jobs = node.run(&["systemctl", "list-jobs", "--no-legend", "ringcheck*"])?;
        ensure!(jobs.trim().is_empty(), "{jobs}");
        Ok(Some(()))
    })
}

/// Waits until the timer has started that many passes more.
pub fn wait_for_runs(node: &Node, runs: u32) -> Result<()> {
    let start = || {
        let property = "--property=ExecMainStartTimestampMonotonic";
        node.run(&["systemctl", "show", property, "ringcheck.service"])
    };
    let (mut seen, mut last) = (0, start()?);
    wait_until(
        &format!("{runs} runs of the timer"),
        2 * runs * INTERVAL,
        || {
            let now = start()?;
            seen += u32::from(now != last);
            last = now;
            Ok((seen >= runs).then_some(()))
        },
    )
}

/// What the system calls of a pass were, by strace, with all its threads and children.
pub fn traced(node: &Node, calls: &str, argv: &[&str]) -> Result<String> {
    let filter = format!("trace={calls}");
    let trace = "/tmp/trace";
    let strace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        trace,
        "-e",
        &filter,
        "-u",
        "hacluster",
    ];
    node.run(&[&strace, argv].concat())?;
    node.run(&["cat", trace])
}
