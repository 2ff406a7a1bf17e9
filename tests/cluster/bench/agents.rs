//! The resource agents that are used to watch links, run as Pacemaker runs them.

use anyhow::Result;

use super::meter::{Command, Meter, User};
use crate::bed::Bed;

pub const PING: &str = "ocf:pacemaker:ping";
pub const ETHMONITOR: &str = "ocf:heartbeat:ethmonitor";

/// A meter for them, on node 1.
pub fn meter<'a>(bed: &'a Bed, like: &Meter) -> Meter<'a> {
    let variables = [
        "OCF_ROOT=/usr/lib/ocf",
        "OCF_RESOURCE_INSTANCE=bench",
        "OCF_RESKEY_CRM_meta_globally_unique=false",
        "OCF_RESKEY_CRM_meta_interval=10000",
        "OCF_RESKEY_CRM_meta_timeout=60000",
        "OCF_RESKEY_interface=ring0",
        &format!("OCF_RESKEY_host_list={}", bed.node(2).address(0)),
    ];
    Meter {
        node: bed.node(1),
        user: User::Root,
        environment: variables.map(str::to_owned).to_vec(),
        settle: like.settle,
    }
}

/// A monitor run.
pub fn monitor(agent: &str) -> Command {
    Command::new(agent, format!("{} monitor", program(agent)))
}

/// Starts it or stops it, which makes and removes what a monitor run wants to find.
pub fn operate(meter: &Meter, agent: &str, operation: &str) -> Result<()> {
    let program = program(agent);
    meter
        .node
        .run(&meter.line(&[&program, operation]))
        .map(drop)
}

fn program(agent: &str) -> String {
    let path = agent.replacen("ocf", "/usr/lib/ocf/resource.d", 1);
    path.replace(':', "/")
}
