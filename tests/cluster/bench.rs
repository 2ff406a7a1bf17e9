//! `make bench`: what ringcheck costs, side by side with what it could cost.

use anyhow::{Context, Result, ensure};
use lab::Node;

use crate::bed::Bed;
use crate::node::wait_for_rest;

/// Done when they are named: they measure, and take their time.
pub const BENCHES: &[(&str, crate::Test)] = &[("bench_activation", activation)];

const UNITS: &str = "/run/systemd/system";

const ROUNDS: usize = 30;

/// What an activation may cost in its unit's cgroup, in milliseconds of CPU time.
const LIMIT: f64 = 10.0;

/// The timer's unit as it is shipped, without its sandbox, and its sandbox alone: in turn, so
/// that what else the machine does falls on all of them.
fn activation(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let unit = node.run(&["cat", "/usr/lib/systemd/system/ringcheck.service"])?;
    // What comes after that line is the sandbox.
    let (bare, sandbox) = unit.split_once("# The sandbox").context("no sandbox")?;
    let pass = "ExecStart=/usr/sbin/ringcheck --once --quiet";
    let nothing = bare.replace(pass, "ExecStart=/bin/true");
    let kinds = [
        ("as shipped", unit.clone()),
        ("without the sandbox", bare.to_owned()),
        (
            "/bin/true, sandboxed",
            format!("{nothing}# The sandbox{sandbox}"),
        ),
        ("/bin/true", nothing),
    ];
    for (at, (_, text)) in kinds.iter().enumerate() {
        // systemd forgets what it counted with a unit that nothing holds.
        let text = text.replace("Type=oneshot", "Type=oneshot\nRemainAfterExit=yes");
        node.write(&format!("{UNITS}/{}", name(at)), text)?;
    }
    node.run(&["systemctl", "daemon-reload"])?;
    wait_for_rest(node)?;
    let mut costs = vec![Vec::new(); kinds.len()];
    for _ in 0..ROUNDS {
        for (at, costs) in costs.iter_mut().enumerate() {
            costs.push(cost(node, &name(at))?);
        }
    }
    for (_, at) in kinds.iter().zip(0..) {
        let name = name(at);
        node.sh(&format!("systemctl stop {name}; rm {UNITS}/{name}"))?;
    }
    node.run(&["systemctl", "daemon-reload"])?;
    println!("\nCPU time of an activation in its cgroup, {ROUNDS} of each in turn (ms)");
    println!("                         min  median     max   ratio");
    let shipped = median(&mut costs[0]);
    for ((kind, _), costs) in kinds.iter().zip(&mut costs) {
        let middle = median(costs);
        println!(
            "{kind:22} {:5.1} {middle:7.1} {:7.1} {:7.2}",
            costs[0],
            costs[ROUNDS - 1],
            middle / shipped
        );
    }
    ensure!(shipped <= LIMIT, "an activation costs {shipped:.1} ms");
    Ok(())
}

fn name(at: usize) -> String {
    format!("ringcheck-bench-{at}.service")
}

/// One activation, in milliseconds.
fn cost(node: &Node, unit: &str) -> Result<f64> {
    let script =
        format!("systemctl restart {unit} && systemctl show -p CPUUsageNSec --value {unit}");
    let nanoseconds: f64 = node.sh(&script)?.trim().parse()?;
    Ok(nanoseconds / 1e6)
}

/// The middle one of them, sorted from now on.
fn median(costs: &mut [f64]) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}
