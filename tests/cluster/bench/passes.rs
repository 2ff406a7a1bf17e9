//! ringcheck's passes of each kind, so that one can be done as often as it is to be measured.

use anyhow::{Result, ensure};
use lab::Node;

use super::day::{WRITES, counted};
use super::instruments::FOLDER;
use super::meter::{Command, Meter, User};
use super::trace;
use crate::node::{stop_passes, wait_for_idle};

pub const IDLE: &str = "idle pass";
pub const COMPARING: &str = "pass that compares with the CIB";

const PASS: &str = "ringcheck --once --quiet";

const STATE: &str = "/run/ringcheck/state.json";

/// Stops the timer, and does passes by hand until nothing is left to do; keeps that state.
pub fn settle(meter: &Meter) -> Result<()> {
    let node = meter.node;
    stop_passes(node)?;
    let pass: Vec<&str> = PASS.split(' ').collect();
    node.run(&meter.line(&pass))?;
    wait_for_idle(node)?;
    node.run(&meter.line(&["cp", STATE, &kept()])).map(drop)
}

fn kept() -> String {
    format!("{FOLDER}/state.json")
}

/// A line of shell that has the next pass find the kept state, changed by `edits` (of sed), with
/// the CIB compared and the node list read so many milliseconds ago.
fn restore(age: u32, edits: &str) -> String {
    let kept = kept();
    format!(
        "ago=$(awk '{{ printf \"%d\", $1 * 1000 - {age} }}' /proc/uptime); \
         sed -E -e \"s/(\\\"(compared|read)\\\": ?)[0-9.]+/\\\\1$ago/\" {edits} {kept} > {STATE}"
    )
}

/// Has the next passes be idle, for as long as the CIB need not be compared.
pub fn calm() -> String {
    restore(0, "")
}

/// Nothing changed.
pub fn idle() -> Command {
    Command::new(IDLE, PASS)
}

/// Nothing changed, and it is time to compare with the CIB.
pub fn comparing() -> Command {
    Command::new(COMPARING, PASS).after(restore(61_000, ""))
}

/// One attribute changes: it was FAULTY in Pacemaker and by the state file, and is UP.
pub fn changing(node: &Node, link: u8) -> Command {
    let address = node.address(link).to_string();
    let edit = format!(
        "-e \"s/({}) is UP/\\\\1 is FAULTY/\"",
        address.replace('.', "\\\\.")
    );
    let write = format!("attrd_updater -n ringnumber_{link} -U '{address} is FAULTY'");
    Command::new("pass with one changed attribute", PASS).after(format!(
        "{write} > /dev/null && {} && sleep 0.3",
        restore(0, &edit)
    ))
}

/// Nothing is known, and nothing published.
pub fn first() -> Command {
    Command::new("first pass", PASS).after(format!("ringcheck clear && rm {STATE} && sleep 0.3"))
}

/// Makes sure that it does what it is called after.
pub fn check(meter: &Meter, command: &Command, tools: usize, writes: f64) -> Result<()> {
    ensure!(
        matches!(meter.user, User::Hacluster),
        "passes are hacluster's"
    );
    if !command.prepare.is_empty() {
        meter
            .node
            .run(&meter.line(&["sh", "-c", &command.prepare]))?;
    }
    let before = counted(meter.node, WRITES)?;
    let found = trace::calls(meter, "", &command.words)?.children;
    let wrote = counted(meter.node, WRITES)? - before;
    ensure!(
        found == tools && wrote == writes,
        "`{}` started {found} tools, not {tools}, and wrote {wrote} attributes, not {writes}",
        command.name
    );
    Ok(())
}
