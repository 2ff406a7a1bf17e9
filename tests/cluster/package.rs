//! The package on a running node: removed and purged it leaves nothing, it enables nothing by
//! itself, and two lines lead from nothing to the attributes, and back.

use std::fs;

use anyhow::{Context, Result, ensure};
use lab::Node;

use crate::bed::{Attributes, Bed, INTERVAL, LONG, MARGIN, package};
use crate::lifecycle::without;
use crate::node::{is_active, wait_for_runs};
use crate::record::Record;

pub const TESTS: &[(&str, crate::Test)] = &[
    (
        "removed_purged_and_installed_again",
        removed_purged_and_installed_again,
    ),
    (
        "from_nothing_to_the_attributes_and_back",
        from_nothing_to_the_attributes_and_back,
    ),
    (
        "the_rpm_comes_and_goes_as_the_deb",
        the_rpm_comes_and_goes_as_the_deb,
    ),
    (
        "setup_registers_the_alert_once",
        setup_registers_the_alert_once,
    ),
];

/// All that an administrator calls his own, and what the package has to do with.
const EVERYTHING: &str = r"find /etc /usr /opt /root /home /srv /var/lib /var/spool /run/ringcheck -xdev \
    \( -path /var/lib/dpkg -o -path /var/lib/pacemaker -o -path /var/lib/corosync \
        -o -path /var/lib/pcsd \) -prune -o -printf '%p %y %m %U:%G %l\n' 2> /dev/null | sort
    find /etc /usr -xdev -type f -newermt '1 day ago' -exec sha256sum {} + | sort
    dpkg-query -W
    cibadmin --query --scope configuration";

/// Whatever has the project's name.
const OURS: &str = "find /etc /usr /var/lib /run -xdev -name '*ringcheck*' 2> /dev/null || true";

/// Where [`bare`] leaves the package.
const DEB: &str = "/var/tmp/ringcheck.deb";

/// A node with the package at hand and not installed, and the attributes of the others, which are
/// all that is left.
fn bare(bed: &Bed) -> Result<(&Node, Attributes)> {
    let node = bed.node(2);
    node.write(DEB, fs::read(package()?)?)?;
    node.run(&["dpkg", "--purge", "ringcheck"])?;
    let others = without(bed, 2);
    bed.wait_on(1, "the others' attributes alone", LONG, &others)?;
    Ok((node, others))
}

/// Takes [`bare`] back.
fn as_before(bed: &Bed) -> Result<()> {
    let install = format!("dpkg --install {DEB} && rm {DEB} && ringcheck setup");
    bed.node(2).sh(&install)?;
    bed.wait_on(1, "the attributes back", LONG, &bed.all("UP"))?;
    Ok(())
}

fn from_nothing_to_the_attributes_and_back(bed: &Bed) -> Result<()> {
    let (node, others) = bare(bed)?;
    let links = [0, 1].map(|link| bed.attribute(2, link, "UP"));
    let before = node.sh(EVERYTHING)?;
    let known = ["/etc/passwd f ", "<configuration"];
    ensure!(known.iter().all(|known| before.contains(known)), "{before}");

    let said = node.sh(&format!("dpkg --install {DEB}"))?;
    let next = said.lines().find_map(|line| line.split_once("type: "));
    let (_, next) = next.context("nothing says what to type next")?;
    ensure!(next == "ringcheck setup", "{said}");
    let shown = node.sh(&format!("{next} --dry-run"))?;
    let said = node.sh(next)?;
    ensure!(said.starts_with(&shown), "{shown} and then {said}");
    ensure!(
        shown.contains("# systemctl enable --now ringcheck.timer\n"),
        "{shown}"
    );
    let seen = bed.seen_from(2)?;
    for (key, value) in &links {
        ensure!(seen.get(key) == Some(value), "{said}{seen:?}");
    }
    let again = node.sh(next)?;
    ensure!(
        again.contains("ringcheck.timer is enabled and active\n"),
        "{again}"
    );
    ensure!(!again.contains('#'), "it did something again: {again}");

    node.run(&["ringcheck", "setup", "--undo"])?;
    ensure!(bed.seen_from(2)? == others, "{:?}", bed.seen_from(2)?);
    let again = node.run(&["ringcheck", "setup", "--undo"])?;
    ensure!(
        again == "ringcheck.timer is neither enabled nor active\n",
        "{again}"
    );
    node.run(&["dpkg", "--purge", "ringcheck"])?;
    let after = node.sh(EVERYTHING)?;
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(&before), lines(&after));
    let lost: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    ensure!(before == after, "lost: {lost:#?}, new: {new:#?}");

    as_before(bed)
}

/// rpm, which Debian 12's wants to be told that it is meant.
const RPM: &str = "$(rpm --force-debian --version > /dev/null 2>&1 && \
    echo rpm --force-debian || echo rpm)";

/// On Debian, whose rpm knows none of the packages that it needs; its scripts and its systemd are
/// real.
fn the_rpm_comes_and_goes_as_the_deb(bed: &Bed) -> Result<()> {
    let (node, others) = bare(bed)?;
    let rpm = "/var/tmp/ringcheck.rpm";
    node.write(rpm, fs::read(lab::build_rpm()?)?)?;
    let before = node.sh(OURS)?;

    let install = format!("{RPM} --nodeps --upgrade --replacepkgs {rpm}");
    let said = node.sh(&install)?;
    ensure!(said.ends_with(" type: ringcheck setup\n"), "{said}");
    ensure!(!is_active(node, "ringcheck.timer")?, "it is enabled");
    node.run(&["ringcheck", "setup"])?;
    bed.wait_on(1, "the attributes back", MARGIN, &bed.all("UP"))?;

    let record = Record::begin(bed)?;
    let said = node.sh(&install)?;
    ensure!(said.is_empty(), "{said}");
    wait_for_runs(node, 2)?;
    let values = record.values(bed)?;
    ensure!(values.is_empty(), "the upgrade wrote {values:?}");
    node.run(&["systemctl", "is-enabled", "ringcheck.timer"])?;

    let said = node.sh(&format!("{RPM} --erase ringcheck 2>&1"))?;
    ensure!(said.is_empty(), "{said}");
    ensure!(bed.seen_from(2)? == others, "{:?}", bed.seen_from(2)?);
    ensure!(!is_active(node, "ringcheck.timer")?, "it is at work");
    // What has happened to the links is the administrator's, as rpm knows no purge.
    node.run(&["rm", "-r", "/var/lib/ringcheck"])?;
    let after = node.sh(OURS)?;
    ensure!(after == before, "{before} and then {after}");

    node.sh(&format!("rm -r {rpm} $(rpm --eval %_dbpath)"))?;
    as_before(bed)
}

fn setup_registers_the_alert_once(bed: &Bed) -> Result<()> {
    let (node, other) = (bed.node(2), bed.node(3));
    let configuration = ["cibadmin", "--query", "--scope", "configuration"];
    let result = (|| {
        node.run(&["pcs", "alert", "remove", "ringcheck"])?;
        node.sh("cibadmin --delete --xpath '/cib/configuration/alerts[not(*)]'")?;
        let before = node.run(&configuration)?;
        let said = node.run(&["ringcheck", "setup", "--alert"])?;
        ensure!(said.contains("\n# cibadmin --modify "), "{said}");
        let set_up = node.run(&configuration)?;
        let said = other.run(&["ringcheck", "setup", "--alert"])?;
        ensure!(said.contains("\nalert ringcheck is registered\n"), "{said}");
        ensure!(node.run(&configuration)? == set_up, "{set_up}");
        // It is one that works: pcs understands it, and doctor has nothing to say.
        let listed = node.run(&["pcs", "alert"])?;
        let mut lines = listed.lines().map(str::trim);
        let ours = |line: &str| line == "Alert: ringcheck" || line.starts_with("Alert: ringcheck ");
        ensure!(lines.any(ours), "{listed}");
        let points = node.sh("ringcheck doctor | grep ' alert '")?;
        ensure!(points.starts_with("ok "), "{points}");
        node.run(&["ringcheck", "setup", "--undo", "--alert"])?;
        let after = node.run(&configuration)?;
        ensure!(after == before, "{before} and then {after}");
        Ok(())
    })();
    node.run(&["ringcheck", "setup", "--alert"])?;
    result
}

fn removed_purged_and_installed_again(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let listed = node.run(&["dpkg", "-L", "ringcheck"])?;
    let files: Vec<&str> = listed.lines().filter(|f| f.contains("ringcheck")).collect();
    ensure!(files.contains(&"/usr/sbin/ringcheck"), "{files:?}");
    node.write("/etc/ringcheck.toml", "refresh = 30\n")?;
    node.run(&["dpkg", "--remove", "ringcheck"])?;
    ensure!(
        bed.seen_from(2)? == without(bed, 2),
        "{:?}",
        bed.seen_from(2)?
    );
    node.run(&["test", "-e", "/etc/ringcheck.toml"])?;
    node.run(&["dpkg", "--purge", "ringcheck"])?;
    let left = node.sh(OURS)?;
    ensure!(left.is_empty(), "left behind: {left}");
    // For the other nodes it is an upgrade, which nobody should notice.
    let others = [bed.node(1), bed.node(3)];
    let older = fs::read(lab::older_package(package()?)?)?;
    for other in others {
        other.write("/var/tmp/older.deb", &older)?;
        other.sh("dpkg --install /var/tmp/older.deb && rm /var/tmp/older.deb")?;
    }
    let record = Record::begin(bed)?;
    bed.cluster.install(package()?)?;
    for other in others {
        wait_for_runs(other, 2)?;
        let version = other.run(&["dpkg-query", "-W", "-f${Version}", "ringcheck"])?;
        ensure!(version.starts_with(env!("CARGO_PKG_VERSION")), "{version}");
        other.run(&["systemctl", "is-enabled", "ringcheck.timer"])?;
    }
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
