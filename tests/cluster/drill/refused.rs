//! Where a drill is not begun, it changes nothing.

use anyhow::{Context, Result, ensure};
use lab::wait_until;

use super::{Before, drill, has_standby};
use crate::bed::{Bed, LONG};
use crate::node::run_as;

pub fn where_no_drill_is_done(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let before = Before::of(bed)?;
    let refuses = |user: &str, options: &[&str], code: i32, line: &str| -> Result<()> {
        let ended = run_as(
            node,
            user,
            &[&["/usr/sbin/ringcheck", "drill"], options].concat(),
        )?;
        let one = ended.stderr.lines().count() == 1 && ended.stderr.contains(line);
        let right = ended.code == Some(code) && ended.stdout.is_empty() && one;
        ensure!(
            right,
            "{options:?}: expected {code} and `{line}`, got {ended:?}"
        );
        Ok(())
    };
    refuses("root", &[], 2, "give --yes")?;
    for user in ["nobody", "hacluster"] {
        refuses(user, &["--yes"], 4, "run it as root")?;
        refuses(user, &["--cleanup"], 4, "run it as root")?;
    }
    before.is_unchanged(bed)?;
    for (property, line) in [
        ("maintenance-mode=true", "in maintenance mode"),
        ("stop-all-resources=true", "told to stop all"),
        ("stonith-enabled=true", "no fencing device"),
    ] {
        node.run(&["pcs", "property", "set", property, "--force"])?;
        refuses("root", &["--yes"], 1, line).context(property)?;
        let (name, _) = property.split_once('=').context("no value")?;
        let normal = match name {
            "stonith-enabled" => "stonith-enabled=false".to_owned(),
            name => format!("{name}="),
        };
        node.run(&["pcs", "property", "set", &normal, "--force"])?;
    }
    before.is_unchanged(bed)?;

    for other in ["n2", "n3"] {
        node.run(&["crm_standby", "-N", other, "-l", "reboot", "-v", "on"])?;
    }
    refuses("root", &["--yes", "--move"], 1, "no other online node")?;
    for other in ["n2", "n3"] {
        node.run(&["crm_standby", "-N", other, "-l", "reboot", "-D"])?;
    }
    node.run(&["crm_standby", "-N", "n1", "-l", "reboot", "-v", "on"])?;
    refuses("root", &["--yes"], 1, "node n1 is in standby")?;
    node.run(&["crm_standby", "-N", "n1", "-l", "reboot", "-D"])?;
    has_standby(bed, false)?;

    // It needs nothing of the passes, but for a rule on what they publish.
    node.run(&["systemctl", "stop", "ringcheck.timer"])?;
    let mut rest = bed.all("UP");
    rest.retain(|(name, _), _| name != "n1");
    bed.wait_on(1, "n1's attributes gone", LONG, &rest)?;
    refuses(
        "root",
        &["--yes", "--move"],
        1,
        "publishes no ring attribute",
    )?;
    drill(node, &["--yes"], 0)?;
    before.is_unchanged(bed)?;

    bed.node(2).run(&["systemctl", "stop", "pacemaker"])?;
    bed.node(3)
        .run(&["systemctl", "stop", "pacemaker", "corosync"])?;
    bed.node(2).run(&["systemctl", "stop", "corosync"])?;
    wait_until("the quorum's loss", LONG, || {
        let screen = node.run(&["crm_mon", "-1", "--output-as=xml"])?;
        Ok(screen.contains("with_quorum=\"false\"").then_some(()))
    })?;
    refuses("root", &["--yes"], 1, "no quorum")?;
    node.run(&["systemctl", "stop", "pacemaker"])?;
    refuses("root", &["--yes"], 6, "Pacemaker is not running")?;
    refuses("root", &["--cleanup"], 6, "Pacemaker is not running")
}
