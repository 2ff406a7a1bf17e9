//! The package on a running node: removed and purged it leaves nothing, and it enables
//! nothing by itself.

use anyhow::{Result, ensure};

use crate::bed::{Bed, INTERVAL, LONG, package};
use crate::node::is_active;
use crate::record::Record;

pub const TESTS: &[(&str, crate::Test)] = &[(
    "removed_purged_and_installed_again",
    removed_purged_and_installed_again,
)];

fn removed_purged_and_installed_again(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let listed = node.run(&["dpkg", "-L", "ringcheck"])?;
    let files: Vec<&str> = listed.lines().filter(|f| f.contains("ringcheck")).collect();
    ensure!(files.contains(&"/usr/sbin/ringcheck"), "{files:?}");
    node.write("/etc/ringcheck.toml", "refresh = 30\n")?;
    node.run(&["dpkg", "--remove", "ringcheck"])?;
    let mut wanted = bed.all("UP");
    wanted.retain(|(name, _), _| name != node.name());
    ensure!(bed.seen_from(2)? == wanted, "{:?}", bed.seen_from(2)?);
    node.run(&["test", "-e", "/etc/ringcheck.toml"])?;
    node.run(&["dpkg", "--purge", "ringcheck"])?;
    let left = node.sh("find /etc /usr /var/lib/systemd /var/lib/ringcheck /run -xdev -name '*ringcheck*' 2>/dev/null || true")?;
    ensure!(left.is_empty(), "left behind: {left}");
    // For the other nodes the same is an upgrade, which nobody should notice.
    let record = Record::begin(bed)?;
    bed.cluster.install(package()?)?;
    crate::node::wait_for_runs(bed.node(1), 2)?;
    let values = record.values(bed)?;
    ensure!(values.is_empty(), "the upgrade wrote {values:?}");
    ensure!(
        !is_active(node, "ringcheck.timer")?,
        "installing it has enabled it"
    );
    node.run(&["systemctl", "enable", "--now", "ringcheck.timer"])?;
    bed.wait_on(1, "the attributes back", LONG + INTERVAL, &bed.all("UP"))?;
    Ok(())
}
