//! The nodes' root file system: built once, kept, never changed by a node.

use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::apt;
use crate::command::host;
use crate::guard::Guard;
use crate::host;
use crate::package::workspace;
use crate::wait::wait_until;

const BUILD: &str = include_str!("image.sh");
const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);
/// hacluster's on every node, for `pcs host auth`.
pub(crate) const PASSWORD: &str = "lab-hacluster";

/// The root file system of a Debian release with the cluster packages.
pub struct Image {
    suite: String,
    folder: PathBuf,
    name: String,
}

impl Image {
    /// Images of the Debian releases that `LAB_SUITE` names with commas between them, bookworm
    /// if none, in the workspace's target/lab or `LAB_CACHE`. The nodes have them in turn.
    ///
    /// # Errors
    ///
    /// If `LAB_SUITE` names no release.
    pub fn from_environment() -> Result<Vec<Self>> {
        let suites = env::var("LAB_SUITE").unwrap_or_else(|_| "bookworm".into());
        suites.split(',').map(Self::of).collect()
    }

    fn of(suite: &str) -> Result<Self> {
        if suite.is_empty() || !suite.chars().all(|c| c.is_ascii_lowercase()) {
            bail!("LAB_SUITE must name Debian releases such as bookworm, not `{suite}`");
        }
        let cache = || workspace().join("target/lab");
        Ok(Self {
            suite: suite.to_owned(),
            folder: env::var_os("LAB_CACHE").map_or_else(cache, PathBuf::from),
            name: format!("{suite}-{:016x}", hash(BUILD)),
        })
    }

    /// Whether it has been built.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path().exists()
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Builds it unless it exists; the path to it.
    ///
    /// # Errors
    ///
    /// If the machine lacks something or the build fails: with the end of its log.
    pub fn ensure(&self) -> Result<PathBuf> {
        if !self.exists() {
            host::check_root()?;
            host::check_tool("debootstrap", "debootstrap")?;
            fs::create_dir_all(&self.folder)
                .with_context(|| format!("cannot create {}", self.folder.display()))?;
            let lock = self.lock()?;
            if !self.exists() {
                self.build(&lock)?;
            }
        }
        Ok(self.path().canonicalize()?)
    }

    /// Only one process builds at a time.
    fn lock(&self) -> Result<File> {
        let path = self.folder.join("lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        wait_until(
            "another process that builds the image",
            BUILD_LIMIT,
            || match file.try_lock() {
                Ok(()) => Ok(Some(())),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error.into()),
            },
        )?;
        Ok(file)
    }

    /// The build has the (empty) lock file as its standard input: the lock lasts until
    /// its last process is gone, even if the caller is killed.  The caller's end kills
    /// the build, and then the guardian removes what there is of it.
    fn build(&self, lock: &File) -> Result<()> {
        let sources = apt::Sources::of_host(&self.suite)?;
        let unfinished = self.folder.join(format!("{}.tmp", self.name));
        let log = self.folder.join(format!("{}.log", self.name));
        let guard = Guard::start("rm -rf \"$1\"", [&unfinished], lock)?;
        let output = File::create(&log)?;
        let status = host("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args([
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ])
            .args(["timeout", &BUILD_LIMIT.as_secs().to_string()])
            .args(["sh", "-c", BUILD, "image"])
            .arg(&unfinished)
            .arg(self.path())
            .args([
                &self.suite,
                &sources.mirror,
                &sources.list,
                &sources.configuration,
                PASSWORD,
            ])
            .envs(sources.proxies)
            .current_dir("/")
            .stdin(Stdio::from(lock.try_clone()?))
            .stdout(output.try_clone()?)
            .stderr(output)
            .status()?;
        if !status.success() {
            drop(guard);
            bail!("the nodes' image could not be built: {}", end_of(&log));
        }
        guard.release()
    }
}

fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let last = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing");
    format!("{last} (the whole log: {})", log.display())
}

/// FNV-1a: another recipe, another image.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
