//! Where a lab lives on the machine.
//!
//! A lab called `<prefix>` is a control group `<prefix>.lab` and a folder
//! `/run/<prefix>.lab`.  In the group sleeps the *holder*, a process with a private
//! mount namespace: its /run is a tmpfs of its own with the nodes' writable layers
//! and the named network namespaces, which nobody else on the machine sees and which
//! vanish with it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::cgroup::Cgroup;
use crate::command::{self, host, host_within};
use crate::guard::Guard;
use crate::host;
use crate::spec::Spec;
use crate::wait::wait_until;

const TEARDOWN: &str = include_str!("teardown.sh");
const HOLDER: &str = include_str!("holder.sh");
const LIMIT: Duration = Duration::from_secs(20);

/// The name that a lab has unless it is given another.
pub const DEFAULT_PREFIX: &str = "ringlab";

/// A lab's place on the machine, whether there is a lab or not.
#[derive(Clone, Debug)]
pub struct Place {
    prefix: String,
    folder: PathBuf,
    cgroup: Cgroup,
}

impl Place {
    /// The place of the lab called `prefix`.
    ///
    /// # Errors
    ///
    /// If that is no good name, or the machine has no unified control groups.
    pub fn new(prefix: &str) -> Result<Self> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            prefix.starts_with(|c: char| c.is_ascii_lowercase())
                && prefix.chars().all(good)
                && prefix.len() <= 32,
            "`{prefix}` cannot name a lab: use up to 32 small letters, digits and `-`"
        );
        let name = format!("{prefix}.lab");
        Ok(Self {
            prefix: prefix.into(),
            folder: Path::new("/run").join(&name),
            cgroup: Cgroup::new(host::cgroups()?.join(name)),
        })
    }

    /// Whether a lab, or something left of one, is there.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.folder.exists() || self.cgroup.path().exists()
    }

    /// Takes down the lab that is here, if there is one.
    ///
    /// # Errors
    ///
    /// If a running program owns it, or its processes do not end.
    pub fn clear(&self) -> Result<()> {
        if self.is_taken() {
            let lock = self.lock()?;
            self.teardown()?;
            drop(lock);
        }
        Ok(())
    }

    /// Makes the place the caller's, empty, and guarded against the caller's end.
    pub(crate) fn claim(&self) -> Result<Guard> {
        loop {
            let lock = self.lock()?;
            let used = fs::read_dir(&self.folder)?.count() > 1;
            if used || self.cgroup.path().exists() {
                self.teardown()?;
                continue;
            }
            let guard = Guard::start(TEARDOWN, self.teardown_args(), &lock)?;
            return Ok(guard);
        }
    }

    /// Ends everything that is here; the caller has the lock.
    pub(crate) fn teardown(&self) -> Result<()> {
        let mut command = host_within(LIMIT);
        command
            .args(["sh", "-c", TEARDOWN, "teardown"])
            .args(self.teardown_args());
        command::run(&mut command, LIMIT).context("the lab was not taken down")?;
        Ok(())
    }

    fn teardown_args(&self) -> [&Path; 2] {
        [self.cgroup.path(), &self.folder]
    }

    /// The lock of this place.  Its file goes with the folder, so it counts only if it
    /// is still the one that the path names.
    fn lock(&self) -> Result<File> {
        let path = self.folder.join("lock");
        let what = format!("the lab `{}` to be taken down by its guardian", self.prefix);
        let mut living = None;
        let lock = wait_until(&what, LIMIT, || {
            match fs::create_dir(&self.folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
                _ => {}
            }
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    living = fs::read_to_string(&path)
                        .ok()
                        .filter(|pid| !pid.is_empty() && Path::new("/proc").join(pid).exists());
                    return Ok(living.is_some().then_some(None));
                }
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            if fs::metadata(&path)?.ino() != file.metadata()?.ino() {
                return Ok(None);
            }
            fs::write(&path, std::process::id().to_string())?;
            Ok(Some(Some(file)))
        })?;
        lock.with_context(|| {
            format!(
                "process {} is using the lab `{}`: end it first, or choose another --prefix",
                living.unwrap_or_default(),
                self.prefix
            )
        })
    }

    /// Makes the control groups and starts the holder. The nodes have these images in turn.
    pub(crate) fn furnish(&self, images: &[PathBuf], spec: &Spec) -> Result<()> {
        self.cgroup.create()?;
        self.holder_cgroup().create()?;
        fs::write(self.folder.join("spec.json"), serde_json::to_string(spec)?)?;
        let log = self.folder.join("holder.log");
        host("setsid")
            .args(["--fork", "unshare", "--mount", "--propagation", "private"])
            .args(["sh", "-c", HOLDER, "holder"])
            .arg(self.holder_cgroup().path())
            .arg(&self.folder)
            .args(images.iter().cycle().take(spec.nodes))
            .current_dir("/")
            .stdout(File::create(&log)?)
            .stderr(OpenOptions::new().append(true).open(&log)?)
            .status()?;
        let said = wait_until("the lab's holder", LIMIT, || {
            let text = fs::read_to_string(&log)?;
            Ok((!text.is_empty()).then_some(text))
        })?;
        ensure!(said.trim() == "ready", "the lab's holder: {}", said.trim());
        Ok(())
    }

    /// What the lab that is here was made from.
    pub(crate) fn spec(&self) -> Result<Spec> {
        let text = match fs::read(self.folder.join("spec.json")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                bail!("no lab `{}` is up: run `make lab` or `lab up`", self.prefix)
            }
            text => text?,
        };
        Ok(serde_json::from_slice(&text)?)
    }

    fn holder_cgroup(&self) -> Cgroup {
        self.cgroup.child("holder")
    }

    fn holder(&self) -> Result<u32> {
        self.holder_cgroup()
            .processes()
            .first()
            .copied()
            .with_context(|| format!("the lab `{}` is not up", self.prefix))
    }

    /// The start of a command line that runs in the holder's mount namespace.
    pub(crate) fn inside(&self) -> Result<[String; 4]> {
        Ok([
            "nsenter".into(),
            "-t".into(),
            self.holder()?.to_string(),
            "-m".into(),
        ])
    }

    /// Runs a script in the holder's mount namespace.
    pub(crate) fn script(&self, script: &str) -> Result<String> {
        let mut command = host_within(LIMIT);
        command.args(self.inside()?).args(["sh", "-ec", script]);
        command::run(&mut command, LIMIT)
    }

    /// Starts a script in the holder's mount namespace that outlives its caller.
    pub(crate) fn start(&self, log: &str, script: &str, args: &[&str]) -> Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join(log))?;
        let [nsenter, args_before @ ..] = self.inside()?;
        let mut command: Command = host(&nsenter);
        command
            .args(args_before)
            .args([
                "setsid",
                "--fork",
                "unshare",
                "--mount",
                "--propagation",
                "private",
            ])
            .args(["sh", "-c", script, "lab"])
            .args(args)
            .current_dir("/")
            .stdout(log.try_clone()?)
            .stderr(log);
        ensure!(
            command.status()?.success(),
            "cannot start a process in the lab"
        );
        Ok(())
    }

    /// What a script started with that log has said.
    pub(crate) fn log(&self, log: &str) -> String {
        fs::read_to_string(self.folder.join(log)).unwrap_or_default()
    }

    /// The control group of one node.
    pub(crate) fn node_cgroup(&self, n: usize) -> Cgroup {
        self.cgroup.child(&format!("n{n}"))
    }

    /// The lab's name.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        for wrong in ["", "a/b", "..", "-a", "A", "a b", "system.slice"] {
            assert!(Place::new(wrong).is_err(), "{wrong}");
        }
        assert!(Place::new("test-1").is_ok());
    }
}
