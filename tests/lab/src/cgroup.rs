//! One control group of the unified hierarchy.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::wait::wait_until;

/// A control group, which may or may not exist.
#[derive(Clone, Debug)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn child(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    pub(crate) fn create(&self) -> Result<()> {
        match fs::create_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            result => result.with_context(|| format!("cannot create {}", self.0.display())),
        }
    }

    /// Processes in this very group.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Whether any process lives in this group or below.
    pub(crate) fn is_populated(&self) -> bool {
        fs::read_to_string(self.0.join("cgroup.events"))
            .is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
    }

    /// Kills every process in it at once and waits until they are gone.
    pub(crate) fn kill(&self) -> Result<()> {
        let kill = self.0.join("cgroup.kill");
        if !kill.exists() {
            return Ok(());
        }
        fs::write(&kill, "1").with_context(|| format!("cannot write {}", kill.display()))?;
        self.wait_empty(Duration::from_secs(10))
    }

    /// Removes it and the groups below; it must be empty.
    pub(crate) fn remove(&self) -> Result<()> {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            if entry.file_type()?.is_dir() {
                Self(entry.path()).remove()?;
            }
        }
        fs::remove_dir(&self.0).with_context(|| format!("cannot remove {}", self.0.display()))
    }

    /// Waits until no process lives in it.
    pub(crate) fn wait_empty(&self, limit: Duration) -> Result<()> {
        let what = format!("the processes in {} to end", self.0.display());
        wait_until(&what, limit, || Ok((!self.is_populated()).then_some(())))
    }
}
