//! One node: its power, its commands, its cables.

use std::env;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{self, host};
use crate::network::{self, Cut};
use crate::place::Place;
use crate::spec::Spec;
use crate::wait::wait_until;

const BOOT: &str = include_str!("boot.sh");
/// How long a command in a node may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a node may take to boot or to shut down.
const POWER_LIMIT: Duration = Duration::from_secs(150);

/// A node of a [`Cluster`](crate::Cluster).
#[derive(Debug)]
pub struct Node {
    place: Place,
    spec: Spec,
    n: usize,
    name: String,
}

impl Node {
    pub(crate) fn new(place: &Place, spec: &Spec, n: usize) -> Self {
        Self {
            place: place.clone(),
            spec: spec.clone(),
            n,
            name: spec.name(n),
        }
    }

    /// Its name, which is its host name too.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its place among the nodes, from 1.
    #[must_use]
    pub fn number(&self) -> usize {
        self.n
    }

    /// Its Corosync node id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.spec.id(self.n)
    }

    /// Its address on `link`.
    #[must_use]
    pub fn address(&self, link: u8) -> IpAddr {
        self.spec.address(self.n, link)
    }

    /// Runs a command, which must exit with 0 within 60 s; its standard output.
    ///
    /// # Errors
    ///
    /// With the command, its exit and what it wrote to standard error.
    pub fn run(&self, argv: &[&str]) -> Result<String> {
        self.run_within(LIMIT, argv)
    }

    /// [`run`](Self::run) with another limit.
    ///
    /// # Errors
    ///
    /// As of [`run`](Self::run).
    pub fn run_within(&self, limit: Duration, argv: &[&str]) -> Result<String> {
        let start = Instant::now();
        let result = command::output(&mut self.command(limit, argv)?)?;
        command::success(result, &command::shown(argv.iter()), limit, start)
            .with_context(|| self.name.clone())
    }

    /// Runs a command, whatever its exit.
    ///
    /// # Errors
    ///
    /// If the node is not up or the command does not end within 60 s.
    pub fn output(&self, argv: &[&str]) -> Result<Output> {
        let start = Instant::now();
        let result = command::output(&mut self.command(LIMIT, argv)?)?;
        if start.elapsed() >= LIMIT {
            let shown = command::shown(argv.iter());
            bail!(
                "{}: `{shown}`: took longer than {} s",
                self.name,
                LIMIT.as_secs()
            );
        }
        Ok(result)
    }

    /// Runs a shell script, which must exit with 0; its standard output.
    ///
    /// # Errors
    ///
    /// As of [`run`](Self::run).
    pub fn sh(&self, script: &str) -> Result<String> {
        self.run(&["sh", "-c", script])
    }

    /// Runs a command as a user with its primary group and no other.
    ///
    /// # Errors
    ///
    /// As of [`output`](Self::output).
    pub fn as_user(&self, user: &str, argv: &[&str]) -> Result<Output> {
        const BECOME: &str = r#"user=$1; shift; group=$(id -g "$user") || exit
            exec setpriv --reuid="$user" --regid="$group" --clear-groups -- "$@""#;
        self.output(&[&["sh", "-c", BECOME, "as-user", user], argv].concat())
    }

    /// Writes a file that everybody may read.
    ///
    /// # Errors
    ///
    /// If the node is not up or the file cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let mut command = self.command(LIMIT, &["install", "-Dm644", "/dev/stdin", path])?;
        let start = Instant::now();
        let result = command::output(command.stdin(command::input(content.as_ref())?))?;
        command::success(result, &format!("write {path}"), LIMIT, start)
            .with_context(|| self.name.clone())?;
        Ok(())
    }

    /// A command on the caller's terminal, without a limit.
    ///
    /// # Errors
    ///
    /// If the node is not up.
    pub fn terminal(&self, argv: &[&str]) -> Result<Command> {
        let mut command = self.enter()?;
        let terminal = env::var("TERM").unwrap_or_else(|_| "dumb".into());
        command.arg(format!("TERM={terminal}")).args(argv);
        command.stdin(std::process::Stdio::inherit());
        Ok(command)
    }

    /// A command that a time-out inside the node ends.
    fn command(&self, limit: Duration, argv: &[&str]) -> Result<Command> {
        let mut command = self.enter()?;
        command
            .arg("TERM=dumb")
            .args(command::limited(limit))
            .args(argv);
        Ok(command)
    }

    /// The way into all of the node's namespaces, up to `env`'s variables.
    fn enter(&self) -> Result<Command> {
        let leader = self.leader()?.to_string();
        let mut command = host("nsenter");
        command
            .args([
                "-t", &leader, "-m", "-u", "-i", "-n", "-p", "-C", "env", "-i",
            ])
            .args([
                format!("PATH={}", command::PATH).as_str(),
                "LC_ALL=C.UTF-8",
                "HOME=/root",
            ]);
        Ok(command)
    }

    /// Cuts a link.
    ///
    /// # Errors
    ///
    /// If there is no such link or the host refuses.
    pub fn cut(&self, link: u8, how: Cut) -> Result<()> {
        self.on_link(link, &network::cut(self.n, link, how))
    }

    /// Undoes every cut of a link.
    ///
    /// # Errors
    ///
    /// If there is no such link or the host refuses.
    pub fn heal(&self, link: u8) -> Result<()> {
        self.on_link(link, &network::heal(&self.spec, self.n, link))
    }

    fn on_link(&self, link: u8, script: &str) -> Result<()> {
        if !self.spec.links.contains(&link) {
            bail!(
                "{} has no link {link}: its links are {:?}",
                self.name,
                self.spec.links
            );
        }
        self.place.script(script)?;
        Ok(())
    }

    /// Whether it runs (booting or shutting down included).
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.leader().is_ok()
    }

    /// Boots it, if it is not up, and waits until systemd is through.  Its interfaces come
    /// up with it; carrier and packet cuts stay.
    ///
    /// # Errors
    ///
    /// If it is not ready within 90 s: with the end of its console.
    pub fn boot(&self) -> Result<()> {
        self.switch_on()?;
        self.wait_ready()
    }

    pub(crate) fn switch_on(&self) -> Result<()> {
        let cgroup = self.place.node_cgroup(self.n);
        if cgroup.is_populated() {
            return Ok(());
        }
        cgroup.create()?;
        let interfaces: String = self
            .spec
            .links
            .iter()
            .map(|&l| network::interface_up(&self.spec, self.n, l))
            .collect();
        self.place
            .script(&(network::plug(&self.spec, self.n, true) + &interfaces))?;
        let lab = format!("{}.lab", self.place.prefix());
        let args = [&self.n.to_string(), &self.name, &lab, &self.spec.hosts()];
        self.place
            .start(&self.console(), BOOT, &args.map(String::as_str))
    }

    pub(crate) fn wait_ready(&self) -> Result<()> {
        let start = Instant::now();
        let ready = || -> Result<()> {
            wait_until(&format!("{} to boot", self.name), POWER_LIMIT, || {
                Ok(self
                    .root()?
                    .join("run/systemd/private")
                    .exists()
                    .then_some(()))
            })?;
            let left = POWER_LIMIT.saturating_sub(start.elapsed());
            wait_until(
                &format!("{}'s systemd to be ready", self.name),
                left,
                || {
                    let state = self.output(&["systemctl", "is-system-running", "--wait"])?;
                    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
                    match state.as_str() {
                        "running" | "degraded" => Ok(Some(())),
                        _ => bail!("it is {state}"),
                    }
                },
            )
        };
        ready().with_context(|| {
            let console = self.place.log(&self.console());
            let lines: Vec<_> = console.lines().collect();
            let end = lines[lines.len().saturating_sub(10)..].join("\n");
            format!("{} did not boot; its console says:\n{end}\n", self.name)
        })
    }

    /// Shuts it down in order.
    ///
    /// # Errors
    ///
    /// If it is not off within 90 s.
    pub fn power_off(&self) -> Result<()> {
        self.run(&["systemctl", "poweroff", "--no-block"])?;
        self.place.node_cgroup(self.n).wait_empty(POWER_LIMIT)?;
        self.off()
    }

    /// Takes its power away: every process is gone at once, and the network stack is silent.
    ///
    /// # Errors
    ///
    /// If the host refuses.
    pub fn power_cut(&self) -> Result<()> {
        self.place.node_cgroup(self.n).kill()?;
        self.off()
    }

    fn off(&self) -> Result<()> {
        self.place
            .script(&network::plug(&self.spec, self.n, false))?;
        self.place.node_cgroup(self.n).remove()
    }

    /// Its root file system, seen from the host while it is up.
    ///
    /// # Errors
    ///
    /// If the node is not up.
    pub fn root(&self) -> Result<PathBuf> {
        Ok(Path::new("/proc")
            .join(self.leader()?.to_string())
            .join("root"))
    }

    /// The host's id of the node's PID 1.
    fn leader(&self) -> Result<u32> {
        let cgroup = self.place.node_cgroup(self.n);
        let scope = cgroup.child("machine/payload/init.scope");
        let is_first = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| {
                let line = status.lines().find(|line| line.starts_with("NSpid:"));
                line.is_some_and(|line| line.ends_with("\t1"))
            })
        };
        let leader = scope.processes().into_iter().find(is_first);
        leader.with_context(|| format!("{} is not up", self.name))
    }

    fn console(&self) -> String {
        format!("n{}.console", self.n)
    }
}
