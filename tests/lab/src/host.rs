//! What the lab needs of the machine it runs on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command;

/// Program and the Debian package that brings it.
const TOOLS: [(&str, &str); 8] = [
    ("systemd-nspawn", "systemd-container"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("setsid", "util-linux"),
    ("unshare", "util-linux"),
];

/// Fails with one line that says what to do unless a lab can run here.
pub(crate) fn check() -> Result<()> {
    check_root()?;
    for (tool, package) in TOOLS {
        check_tool(tool, package)?;
    }
    let hierarchy = cgroups()?;
    check_kill(&hierarchy)?;
    check_overlay()
}

/// Only root makes namespaces, bridges and nodes.
pub(crate) fn check_root() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the lab needs root: run `sudo make lab`");
    }
    Ok(())
}

/// Whether `tool` is installed.
pub(crate) fn check_tool(tool: &str, package: &str) -> Result<()> {
    if !command::PATH
        .split(':')
        .any(|folder| Path::new(folder).join(tool).exists())
    {
        bail!("`{tool}` is missing: run `apt-get install {package}`");
    }
    Ok(())
}

/// Where the unified control group hierarchy is mounted.
pub(crate) fn cgroups() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read mountinfo")?;
    find_cgroups(&mounts).context(
        "no cgroup2 file system is mounted: boot with systemd.unified_cgroup_hierarchy=1, \
         or run `mount -t cgroup2 cgroup2 /sys/fs/cgroup`",
    )
}

fn find_cgroups(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let point = mount.split(' ').nth(4)?;
        system.starts_with("cgroup2 ").then(|| PathBuf::from(point))
    })
}

/// `cgroup.kill` exists in every group but the root.
fn check_kill(hierarchy: &Path) -> Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version < (5, 14) {
        bail!(
            "Linux 5.14 or newer is needed for cgroup.kill; this is {}",
            release.trim()
        );
    }
    if !hierarchy.join("cgroup.procs").exists() {
        bail!("{} is not a control group", hierarchy.display());
    }
    Ok(())
}

fn check_overlay() -> Result<()> {
    const LIMIT: Duration = Duration::from_secs(10);
    let known = || {
        let systems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
        systems.lines().any(|line| line.ends_with("\toverlay"))
    };
    if !known() {
        let loaded = command::run(
            command::host_within(LIMIT).args(["modprobe", "overlay"]),
            LIMIT,
        );
        if let (false, Err(error)) = (known(), loaded) {
            bail!("this kernel has no overlayfs, which the nodes' file systems need: {error}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unified_hierarchy_is_found_in_both_layouts() {
        let unified = "25 22 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        let hybrid = "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(find_cgroups(unified), Some("/sys/fs/cgroup".into()));
        assert_eq!(find_cgroups(hybrid), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(
            find_cgroups("24 27 0:6 / /dev rw - devtmpfs devtmpfs rw\n"),
            None
        );
    }
}
