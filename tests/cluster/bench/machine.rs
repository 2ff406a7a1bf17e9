//! Where it was measured: what the figures depend on, and nothing that names the machine.

use std::fs;
use std::thread;

use anyhow::{Context, Result};
use lab::Node;
use serde::{Deserialize, Serialize};

/// The machine and the versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub kernel: String,
    pub debian: String,
    pub corosync: String,
    pub pacemaker: String,
    pub systemd: String,
    pub ringcheck: String,
}

impl Machine {
    /// This one, and what runs in the node.
    pub fn of(node: &Node) -> Result<Machine> {
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let cpu = model
            .unwrap_or("not known")
            .trim_start_matches([' ', '\t', ':']);
        let version = |package: &str| -> Result<String> {
            Ok(upstream(&node.run(&[
                "dpkg-query",
                "-W",
                "-f",
                "${Version}",
                package,
            ])?))
        };
        let ringcheck = node.run(&["ringcheck", "--version"])?;
        Ok(Machine {
            cpu: cpu.to_owned(),
            cores: thread::available_parallelism()?.get(),
            kernel: upstream(&node.run(&["uname", "-r"])?),
            debian: node.run(&["cat", "/etc/debian_version"])?.trim().to_owned(),
            corosync: version("corosync")?,
            pacemaker: version("pacemaker")?,
            systemd: version("systemd")?,
            ringcheck: ringcheck
                .split_whitespace()
                .last()
                .context("ringcheck has no version")?
                .to_owned(),
        })
    }

    /// In one sentence.
    pub fn shown(&self) -> String {
        let Machine {
            cpu,
            cores,
            kernel,
            debian,
            corosync,
            pacemaker,
            systemd,
            ringcheck,
        } = self;
        format!(
            "{cpu}, {cores} cores, Linux {kernel}; Debian {debian}, corosync {corosync}, \
             Pacemaker {pacemaker}, systemd {systemd}; ringcheck {ringcheck}"
        )
    }
}

/// A version without what its builder added to it, which is of no use to others.
fn upstream(version: &str) -> String {
    let upstream = version.trim().split(['-', '+']).next();
    upstream.unwrap_or_default().to_owned()
}
