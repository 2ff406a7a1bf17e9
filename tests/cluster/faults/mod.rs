//! The fault matrix: one test a row of `docs/faults.md`, where the tests of each row are
//! named. In every row the pass ends within its deadline, says in one line what happened,
//! leaves no torn file and no wrong attribute, and the next good pass repairs everything.

mod attrd;
mod calls;
mod cluster;
mod corosync;
mod file_system;
mod killed;
pub mod state;
mod time;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lab::{Node, wait_until};

use crate::Test;
use crate::bed::Bed;
use crate::node::{journal_cursor, journal_since, pid, run_as, state as state_file, stop_passes};

/// Every row that is tested here.
pub fn tests() -> impl Iterator<Item = (&'static str, Test)> {
    [
        state::TESTS,
        file_system::TESTS,
        killed::TESTS,
        time::TESTS,
        calls::TESTS,
        attrd::TESTS,
        corosync::TESTS,
        cluster::TESTS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// What a process may take beyond its deadline: to start, to end, and a busy machine.
const SLACK: Duration = Duration::from_millis(1500);

/// The shortest deadline there is, for rows that wait for it.
const SHORT: Duration = Duration::from_secs(2);

const TIMER: &str = "/run/systemd/system/ringcheck.timer.d";

/// Runs `test` while neither timer nor corosync's log starts a pass on node `n`: the test does
/// them all.
pub fn by_hand(bed: &Bed, n: usize, test: impl FnOnce(&Node) -> Result<()>) -> Result<()> {
    let node = bed.node(n);
    let slow = "[Timer]\nOnActiveSec=\nOnUnitActiveSec=\nOnActiveSec=1h\n";
    node.write(&format!("{TIMER}/slow.conf"), slow)?;
    node.sh("systemctl mask --quiet --runtime --now ringcheck.path")?;
    stop_passes(node)?;
    node.sh("systemctl daemon-reload; systemctl start ringcheck.timer && ringcheck --once")?;
    test(node)?;
    node.sh("systemctl unmask --quiet --runtime ringcheck.path")?;
    node.sh(&format!(
        "rm -r {TIMER} /etc/ringcheck.toml -f; systemctl daemon-reload; \
         systemctl restart ringcheck.timer"
    ))?;
    bed.wait_for("every link UP", crate::bed::LONG, &bed.all("UP"))
}

/// Gives the node's passes the shortest deadline there is.
pub fn be_short(node: &Node) -> Result<()> {
    node.write("/etc/ringcheck.toml", "deadline = 2\n")
}

/// Leaves the next pass something to write, and no knowledge of what is written.
pub fn unsettle(node: &Node) -> Result<()> {
    node.sh("attrd_updater -D -n ringnumber_1 && rm -f /run/ringcheck/state.json")?;
    Ok(())
}

/// A pass by hand that fails: its exit code, its one line, and that it ends in time.
fn fails(node: &Node, deadline: Duration, code: i32, line: &str) -> Result<()> {
    fails_by(node, &["ringcheck", "--once"], deadline, code, line)
}

/// The same by another command line.
fn fails_by(node: &Node, argv: &[&str], deadline: Duration, code: i32, line: &str) -> Result<()> {
    let start = Instant::now();
    let ended = run_as(node, "root", argv)?;
    let took = start.elapsed();
    ensure!(
        ended.code == Some(code) && is_one_line(&ended.stderr, line),
        "expected {code} and one line with `{line}`, got {ended:?}"
    );
    ensure!(took < deadline + SLACK, "the pass took {took:?}");
    Ok(())
}

/// Whether this is all that was said, but for the changes that were written all the same.
fn is_one_line(said: &str, line: &str) -> bool {
    let changed = "ringcheck: Interface link status changed";
    let mut lines = said.lines().filter(|line| !line.starts_with(changed));
    let first = lines.next().unwrap_or_default();
    first.starts_with("ringcheck: ") && first.contains(line) && lines.next().is_none()
}

/// Two passes by the timer's unit that fail in the same way: it is said once.
fn is_said_once(node: &Node, line: &str) -> Result<()> {
    let said = said_by_the_timer(node)?;
    let right = said.len() == 1 && said[0].contains(line);
    ensure!(right, "expected one line with `{line}`, got {said:#?}");
    Ok(())
}

/// What two passes by the timer's unit say.
pub fn said_by_the_timer(node: &Node) -> Result<Vec<String>> {
    let cursor = journal_cursor(node)?;
    for _ in 0..2 {
        node.run(&["systemctl", "start", "ringcheck.service"])?;
    }
    let mut said = journal_since(node, &cursor)?;
    // The greeting of a pass that met no state.
    said.retain(|line| !line.contains("Start to monitor interface"));
    Ok(said)
}

/// One good pass by hand, after which all is right: in the CIB, in the attribute manager and
/// in the folder.
fn one_pass_repairs(bed: &Bed, node: &Node) -> Result<()> {
    let ended = run_as(node, "root", &["ringcheck", "--once"])?;
    ensure!(ended.code == Some(0), "{ended:?}");
    is_right(bed, node)
}

/// That good passes repair all, once a node that was stopped is a member again and Pacemaker
/// has done with its return.
fn passes_repair(bed: &Bed, node: &Node) -> Result<()> {
    wait_until("a pass to repair all", crate::bed::LONG, || {
        one_pass_repairs(bed, node).map(Some)
    })
}

/// That all is right, without another pass.
fn is_right(bed: &Bed, node: &Node) -> Result<()> {
    let from = node.number() % 3 + 1;
    let limit = Duration::from_secs(5);
    bed.wait_on(from, "every link UP after one pass", limit, &bed.all("UP"))?;
    for link in [0, 1] {
        let (name, value) = bed.attribute(node.number(), link, "UP");
        let asked = node.run(&["attrd_updater", "-Q", "-n", &name.1])?;
        ensure!(asked.contains(&value), "attrd has {asked}");
        let published = state_file(node)?["published"].clone();
        ensure!(published[&name.1] == *value, "published: {published}");
    }
    let files = node.sh("ls -A --ignore=notified /run/ringcheck")?;
    ensure!(files == "lock\nstate.json\n", "{files}");
    Ok(())
}

/// Stops a daemon while `test` runs.
pub fn while_stopped(node: &Node, daemon: &str, test: impl FnOnce() -> Result<()>) -> Result<()> {
    let pid = pid(node, daemon)?;
    node.run(&["kill", "-STOP", &pid])?;
    let result = test();
    node.run(&["kill", "-CONT", &pid])?;
    result
}

/// A pass that stops itself with SIGSTOP at one of its system calls, and what it has to say
/// when it goes on.
pub struct Halted<'a> {
    node: &'a Node,
    pub pid: String,
}

impl<'a> Halted<'a> {
    /// Starts a pass by hand that stops after the `nth` call of that kind of one of its
    /// threads.
    pub fn at(node: &'a Node, call: &str, nth: u32) -> Result<Halted<'a>> {
        Halted::by("root", node, call, nth)
    }

    /// Like [`Halted::at`], for a pass that this user starts.
    fn by(user: &str, node: &'a Node, call: &str, nth: u32) -> Result<Halted<'a>> {
        let inject = format!("inject={call}:signal=STOP:when={nth}");
        let script = format!(
            "rm -f /tmp/halted.*; strace -f -qq -o /tmp/halted.trace -e trace={call} -e {inject} \
             -u {user} sh -c 'ringcheck --once 2>/tmp/halted.said; echo $? >/tmp/halted.code' \
             </dev/null >/dev/null 2>&1 &"
        );
        node.run(&["sh", "-c", &script])?;
        let pid = wait_until("the pass to halt", Duration::from_secs(5), || {
            let trace = node.sh("cat /tmp/halted.trace")?;
            ensure!(trace.contains("stopped by SIGSTOP"), "{trace}");
            pid(node, "ringcheck").map(Some)
        })?;
        Ok(Halted { node, pid })
    }

    /// Lets it go on; it must end so, within its deadline.
    fn goes_on(self, deadline: Duration, code: i32, line: &str) -> Result<()> {
        let node = self.node;
        node.run(&["kill", "-CONT", &self.pid])?;
        let ended = wait_until("the pass to end", deadline + SLACK, || {
            let ended = node.sh("cat /tmp/halted.code /tmp/halted.said")?;
            // Its code comes last, and first in what is shown.
            Ok(ended
                .starts_with(|c: char| c.is_ascii_digit())
                .then_some(ended))
        })?;
        let (ended, said) = ended.split_once('\n').unwrap_or_default();
        ensure!(
            ended == code.to_string() && is_one_line(said, line),
            "expected {code} and one line with `{line}`, got {ended} and {said}"
        );
        Ok(())
    }
}
