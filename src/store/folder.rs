//! A folder of hacluster's, `/run/ringcheck` or `/var/lib/ringcheck`: whose it is, its lock, and
//! how files in it are written.
//!
//! hacluster owns it, so nothing in it is trusted: no link is followed, nothing but a
//! regular file is read, and root gives its rights up before it writes there
//! ([`crate::cluster::user::become_user`]).

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::stamp::Stamp;
use crate::cluster::user::User;
use crate::model::failure::{Exit, Failure, remedy};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::geteuid;

/// Larger than any file that ringcheck writes there.
const LARGEST: u64 = 1 << 20;

/// The lock's file, which carries the stamp.
const LOCK: &str = "lock";

const RETRY: Duration = Duration::from_millis(10);

/// The folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, which is not touched yet.
    pub fn new(path: impl Into<PathBuf>) -> Folder {
        Folder { path: path.into() }
    }

    /// Whom the folder belongs to: hacluster, as `tmpfiles.d/ringcheck.conf` made it.
    ///
    /// # Errors
    /// When there is no such folder, or it is root's.
    pub fn owner(&self) -> Result<User, Failure> {
        let found = fs::symlink_metadata(&self.path).map_err(|error| self.failed("", &error))?;
        if !found.is_dir() || found.uid() == 0 {
            let line = format!(
                "{} is no folder of hacluster's; remove it, then run `systemd-tmpfiles --create ringcheck.conf`",
                self.path.display()
            );
            return Err(Failure::new(Exit::State, line));
        }
        Ok(User {
            uid: found.uid(),
            gid: found.gid(),
        })
    }

    /// The contents of a file, or nothing if it is missing, no regular file, too large, or a
    /// stranger's.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let file = match self.open(name, OFlags::RDONLY) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if is_link(&error) || self.is_strange(&error) => return Ok(None),
            Err(error) => return Err(self.failed(name, &error)),
        };
        let found = file.metadata().map_err(|error| self.failed(name, &error))?;
        if !found.is_file() || found.len() > LARGEST {
            return Ok(None);
        }
        // Room for its end, too, or it would be read in small pieces.
        let mut bytes = Vec::with_capacity(found.len() as usize + 1);
        file.take(LARGEST)
            .read_to_end(&mut bytes)
            .map_err(|error| self.failed(name, &error))?;
        Ok(Some(bytes))
    }

    /// Replaces a file, whole or not at all. The lock must be held where it must be whole: a
    /// killed process leaves its temporary file to the next one.
    ///
    /// # Errors
    /// When it cannot be written; then what was there is still there.
    pub fn replace(&self, name: &str, contents: &[u8]) -> Result<(), Failure> {
        let temporary = format!("{name}.new");
        let path = self.path.join(&temporary);
        let write = || {
            let mut file = match self.create(&temporary) {
                // A link or something else that a pass did not make.
                Err(error) if is_link(&error) || self.is_strange(&error) => {
                    fs::remove_file(&path)?;
                    self.create(&temporary)?
                }
                file => file?,
            };
            file.set_len(0)?;
            file.write_all(contents)?;
            fs::rename(&path, self.path.join(name))
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&path);
            self.failed(name, &error)
        })
    }

    /// Adds whole lines to a file; how long it is then, in bytes. Where its last line was torn,
    /// these begin on one of their own.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&self, name: &str, lines: &[u8]) -> Result<u64, Failure> {
        let write = || {
            let mut file = self.open(name, OFlags::RDWR | OFlags::CREATE | OFlags::APPEND)?;
            let length = file.metadata()?.len();
            let mut last = *b"\n";
            if length > 0 {
                file.read_exact_at(&mut last, length - 1)?;
            }
            let torn: &[u8] = if last == *b"\n" { b"" } else { b"\n" };
            file.write_all(&[torn, lines].concat())?;
            Ok(file.metadata()?.len())
        };
        write().map_err(|error: std::io::Error| self.failed(name, &error))
    }

    /// Removes a file; whether there was one.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<bool, Failure> {
        match fs::remove_file(self.path.join(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed(name, &error)),
        }
    }

    /// What is known of the passes, as who does not hold the lock finds it.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn stamp(&self) -> Result<Stamp, Failure> {
        match self.open(LOCK, OFlags::RDONLY) {
            Ok(file) => Ok(Stamp::read(&file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Stamp::default()),
            Err(error) => Err(self.failed(LOCK, &error)),
        }
    }

    /// Keeps it, also while somebody else holds the lock: of two that do so at the same time
    /// one is forgotten.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_stamp(&self, stamp: &Stamp) -> Result<(), Failure> {
        let write = || stamp.write(&self.create(LOCK)?);
        write().map_err(|error| self.failed(LOCK, &error))
    }

    /// Where the lock's file is.
    pub fn lock_path(&self) -> PathBuf {
        self.path.join(LOCK)
    }

    /// The lock's file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn lock_file(&self) -> Result<File, Failure> {
        match self.create(LOCK) {
            // Nothing can be kept, but the links can be shown all the same.
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => {
                self.open(LOCK, OFlags::RDONLY)
            }
            file => file,
        }
        .map_err(|error| self.failed(LOCK, &error))
    }

    /// Waits for the lock.
    ///
    /// # Errors
    /// When the lock cannot be opened, or somebody else holds it until the deadline.
    pub fn lock(&self, deadline: Instant) -> Result<Lock, Failure> {
        let file = self.lock_file()?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(fs::TryLockError::Error(error)) => return Err(self.failed(LOCK, &error)),
                Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(RETRY);
                }
                Err(fs::TryLockError::WouldBlock) => {
                    let path = self.path.join(LOCK);
                    let line = format!(
                        "another ringcheck holds {path} and does not end; see which with `fuser -v {path}`",
                        path = path.display()
                    );
                    return Err(Failure::new(Exit::Deadline, line));
                }
            }
        }
    }

    /// Whether the error is that somebody else's file stands in a folder that is ours: root's,
    /// say, who copied it. It can be replaced, so it need not be read.
    fn is_strange(&self, error: &std::io::Error) -> bool {
        let ours = || {
            self.owner()
                .is_ok_and(|owner| owner.uid == geteuid().as_raw())
        };
        error.kind() == ErrorKind::PermissionDenied && ours()
    }

    fn create(&self, name: &str) -> std::io::Result<File> {
        self.open(name, OFlags::RDWR | OFlags::CREATE)
    }

    fn open(&self, name: &str, flags: OFlags) -> std::io::Result<File> {
        // A fifo must not block, and a link must not lead elsewhere.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open(self.path.join(name), flags, Mode::from(0o640))?;
        Ok(File::from(file))
    }

    fn failed(&self, name: &str, error: &std::io::Error) -> Failure {
        let path = self.path.join(name);
        let (exit, remedy) = match error.kind() {
            ErrorKind::PermissionDenied => {
                (Exit::Permission, "; run ringcheck as root or hacluster")
            }
            ErrorKind::NotFound => (
                Exit::State,
                "; create it with `systemd-tmpfiles --create ringcheck.conf`",
            ),
            ErrorKind::IsADirectory => (Exit::State, "; remove that folder"),
            kind => (Exit::State, remedy(kind)),
        };
        let path = if error.kind() == ErrorKind::NotFound {
            self.path.as_path()
        } else {
            &path
        };
        Failure::new(
            exit,
            format!("cannot use {}: {error}{remedy}", trimmed(path)),
        )
    }
}

fn trimmed(path: &Path) -> String {
    path.display().to_string().trim_end_matches('/').to_owned()
}

fn is_link(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// What is known of the passes.
    pub fn stamp(&self) -> Stamp {
        Stamp::read(&self.0)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_stamp(&self, stamp: &Stamp) -> Result<(), Failure> {
        stamp.write(&self.0).map_err(|error| {
            let remedy = remedy(error.kind());
            let line = format!("cannot leave the time stamp of this pass: {error}{remedy}");
            Failure::new(Exit::State, line)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        (place, folder)
    }

    #[test]
    fn reads_what_was_written() {
        let (_place, folder) = folder();
        assert_eq!(folder.read("state").unwrap(), None);
        folder.replace("state", b"one and more").unwrap();
        folder.replace("state", b"two").unwrap();
        assert_eq!(folder.read("state").unwrap().unwrap(), b"two");
    }

    #[test]
    fn follows_no_link() {
        let (place, folder) = folder();
        let foreign = place.path().join("foreign");
        fs::write(&foreign, "precious").unwrap();
        for name in ["state", "state.new"] {
            symlink(&foreign, place.path().join(name)).unwrap();
        }
        assert_eq!(folder.read("state").unwrap(), None);
        folder.replace("state", b"ours").unwrap();
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "precious");
        assert_eq!(folder.read("state").unwrap().unwrap(), b"ours");
        symlink(&foreign, place.path().join("lock")).unwrap();
        assert_eq!(folder.lock(Instant::now()).unwrap_err().exit, Exit::State);
    }

    #[test]
    fn a_folder_or_a_fifo_in_its_place_is_no_state() {
        let (place, folder) = folder();
        fs::create_dir(place.path().join("state")).unwrap();
        assert_eq!(folder.read("state").unwrap(), None);
        assert_eq!(folder.replace("state", b"x").unwrap_err().exit, Exit::State);
        assert!(!place.path().join("state.new").exists());
        let fifo = place.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        assert_eq!(folder.read("fifo").unwrap(), None);
    }

    #[test]
    fn a_missing_folder_says_how_to_make_it() {
        let folder = Folder::new("/nonexistent/ringcheck");
        let failure = folder.lock(Instant::now()).unwrap_err();
        assert_eq!(failure.exit, Exit::State);
        assert!(failure.line.contains("systemd-tmpfiles"), "{failure}");
    }

    #[test]
    fn one_holds_the_lock_and_the_other_waits_for_the_deadline() {
        let (_place, folder) = folder();
        let held = folder.lock(Instant::now()).unwrap();
        let deadline = Instant::now() + Duration::from_millis(30);
        assert_eq!(folder.lock(deadline).unwrap_err().exit, Exit::Deadline);
        assert!(Instant::now() >= deadline);
        drop(held);
        folder.lock(Instant::now()).unwrap();
    }

    #[test]
    fn the_stamp_stays_with_the_lock() {
        let (_place, folder) = folder();
        assert_eq!(folder.stamp().unwrap(), Stamp::default());
        let stamp = Stamp {
            passes: 1,
            ..Stamp::default()
        };
        let lock = folder.lock(Instant::now()).unwrap();
        lock.set_stamp(&stamp).unwrap();
        drop(lock);
        assert_eq!(folder.lock(Instant::now()).unwrap().stamp(), stamp);
        assert_eq!(folder.stamp().unwrap(), stamp);
        folder.set_stamp(&Stamp::default()).unwrap();
        assert_eq!(folder.stamp().unwrap(), Stamp::default());
    }
}
