//! The guardian: cleans up after an owner that ended without doing so.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{PipeWriter, Write, pipe};
use std::process::Child;

use anyhow::{Context, Result};

use crate::command::host;

/// Waits for the owner's word; without one (the pipe just closed) goes on to the clean-up.
const WAIT: &str = "IFS= read -r word; [ \"$word\" = done ] && exit 0\n";

/// A process in a session of its own that runs a script when its owner ends, by
/// whatever signal, without [`Guard::release`].
pub(crate) struct Guard {
    owner: PipeWriter,
    child: Child,
}

impl Guard {
    /// Starts the guardian; it holds `lock` until it is through.
    pub(crate) fn start(
        script: &str,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        lock: &File,
    ) -> Result<Self> {
        let (reader, owner) = pipe()?;
        let child = host("setsid")
            .args(["sh", "-c", &format!("{WAIT}{script}"), "guard"])
            .args(args)
            .current_dir("/")
            .stdin(reader)
            .stdout(lock.try_clone()?)
            .spawn()
            .context("cannot start the guardian")?;
        Ok(Self { owner, child })
    }

    /// Sends the guardian away: there is nothing left to clean, or nothing to be cleaned.
    pub(crate) fn release(mut self) -> Result<()> {
        self.owner
            .write_all(b"done\n")
            .context("the guardian is gone")?;
        self.child.wait()?;
        Ok(())
    }
}
