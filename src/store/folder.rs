//! A folder of hacluster's, `/run/ringcheck` or `/var/lib/ringcheck`: whose it is, its lock, and
//! how files in it are written.
//!
//! hacluster owns it, so nothing in it is trusted: no link is followed, nothing but a
//! regular file is read, and root gives its rights up before it writes there
//! ([`crate::cluster::user::become_user`]). It is ringcheck's alone: whatever else stands in the
//! place of one of its files is removed.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::stamp::{self, Stamp};
use crate::cluster::user::User;
use crate::model::failure::{Exit, Failure, remedy};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Larger than any file that ringcheck writes there.
const LARGEST: u64 = 1 << 20;

/// The lock's file, which carries the stamp.
const LOCK: &str = "lock";

const RETRY: Duration = Duration::from_millis(10);

/// How long it may take another process to remove what is not ours.
const TURN: Duration = Duration::from_secs(1);

/// What is removed from the place of a file.
#[derive(Clone, Copy)]
enum Removed {
    /// What is no regular file: a directory, a link, a socket, a fifo or a device.
    Misshapen,
    /// That, and another user's file that cannot be opened.
    Any,
}

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
        let read = || match self.open_to_read(name)? {
            Some((file, length)) if length <= LARGEST => content(file, length).map(Some),
            _ => Ok(None),
        };
        read().map_err(|error| self.failed(name, &error))
    }

    /// Like [`Folder::read`], but of a file that is too large its end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_end(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let read = || match self.open_to_read(name)? {
            Some((mut file, length)) => {
                let start = length.saturating_sub(LARGEST);
                file.seek(SeekFrom::Start(start))?;
                content(file, length - start).map(Some)
            }
            None => Ok(None),
        };
        read().map_err(|error| self.failed(name, &error))
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
            let mut file = self.create(&temporary)?;
            file.set_len(0)?;
            file.write_all(contents)?;
            let rename = || fs::rename(&path, self.path.join(name));
            rename().or_else(|error| match error.kind() {
                ErrorKind::IsADirectory => {
                    self.make_way(name, Removed::Misshapen)?;
                    rename()
                }
                _ => Err(error),
            })
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&path);
            self.failed(name, &error)
        })
    }

    /// Adds whole lines to a file; how long it is then, in bytes. Where its last line was torn,
    /// these begin on one of their own. What stands there may be precious to somebody, so a
    /// file of another user's is not replaced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&self, name: &str, lines: &[u8]) -> Result<u64, Failure> {
        let write = || {
            let mut file = self.open_or_make(name, OFlags::APPEND, Removed::Misshapen)?;
            let length = file.metadata()?.len();
            let mut last = *b"\n";
            if length > 0 {
                file.read_exact_at(&mut last, length - 1)?;
            }
            let torn: &[u8] = if last == *b"\n" { b"" } else { b"\n" };
            file.write_all(&[torn, lines].concat())?;
            Ok(file.metadata()?.len())
        };
        write().map_err(|error: io::Error| self.failed(name, &error))
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
        let file = self.open_to_read(LOCK);
        let file = file.map_err(|error| self.failed(LOCK, &error))?;
        Ok(file.map_or_else(Stamp::default, |(file, _)| Stamp::read(&file)))
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
        let failed = |error| self.failed(LOCK, &error);
        loop {
            let file = self.lock_file()?;
            if wait(&file, deadline).map_err(failed)? {
                if let Some(length) = self.is_in_place(&file).map_err(failed)? {
                    if length > stamp::LENGTH {
                        // It takes room that is missing elsewhere.
                        let _ = file.set_len(stamp::LENGTH);
                    }
                    return Ok(Lock(file));
                }
                // It was removed, and the next pass would lock another one.
                if Instant::now() < deadline {
                    continue;
                }
            }
            let path = self.path.join(LOCK);
            let line = format!(
                "another ringcheck holds {path} and does not end; see which with `fuser -v {path}`",
                path = path.display()
            );
            return Err(Failure::new(Exit::Deadline, line));
        }
    }

    /// Returns the length of the lock's file, if it is still the one that others find.
    fn is_in_place(&self, file: &File) -> io::Result<Option<u64>> {
        let ours = file.metadata()?;
        match fs::symlink_metadata(self.lock_path()) {
            Ok(found) if (found.dev(), found.ino()) == (ours.dev(), ours.ino()) => {
                Ok(Some(found.len()))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Checks whether what could not be opened is to be removed.
    fn is_foreign(&self, name: &str, error: &io::Error, removed: Removed) -> bool {
        // What it was then, and what it is now.
        let misshapen = [Errno::LOOP, Errno::ISDIR, Errno::NXIO].map(Errno::raw_os_error);
        let was = error
            .raw_os_error()
            .is_some_and(|was| misshapen.contains(&was));
        let found = fs::symlink_metadata(self.path.join(name));
        was || found.is_ok_and(|found| !found.is_file())
            || (matches!(removed, Removed::Any) && self.is_strange(error))
    }

    /// Whether the error is that somebody else's file stands in a folder that is ours: root's,
    /// say, who copied it. It can be replaced, so it need not be read.
    fn is_strange(&self, error: &io::Error) -> bool {
        let ours = || {
            self.owner()
                .is_ok_and(|owner| owner.uid == geteuid().as_raw())
        };
        error.kind() == ErrorKind::PermissionDenied && ours()
    }

    /// Opens a file that can be read, if there is one; with its length.
    fn open_to_read(&self, name: &str) -> io::Result<Option<(File, u64)>> {
        match self.open(name, OFlags::RDONLY) {
            Ok(file) => {
                let length = file.metadata()?.len();
                Ok(Some((file, length)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if self.is_foreign(name, &error, Removed::Any) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a file for writing, whatever stands in its place.
    fn create(&self, name: &str) -> io::Result<File> {
        self.open_or_make(name, OFlags::empty(), Removed::Any)
    }

    fn open_or_make(&self, name: &str, flags: OFlags, removed: Removed) -> io::Result<File> {
        let flags = flags | OFlags::RDWR | OFlags::CREATE;
        match self.open(name, flags) {
            Err(error) if self.is_foreign(name, &error, removed) => {
                self.make_way(name, removed)?;
                self.open(name, flags)
            }
            result => result,
        }
    }

    /// Removes what stands in a file's place, if it is none of ours.
    ///
    /// One process does this at a time, under a lock of the directory itself, and looks again
    /// first: it must not remove what another one has just put there and locked.
    fn make_way(&self, name: &str, removed: Removed) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = File::from(open(&self.path, flags, Mode::empty())?);
        if !wait(&folder, Instant::now() + TURN)? {
            return Err(ErrorKind::TimedOut.into());
        }
        match self.open(name, OFlags::RDWR) {
            Err(error) if self.is_foreign(name, &error, removed) => {}
            _ => return Ok(()),
        }
        let path = self.path.join(name);
        if !fs::symlink_metadata(&path)?.is_dir() {
            return fs::remove_file(&path);
        }
        // What root has put into it is not ours to remove, but it can all be put aside.
        let aside = self.path.join(format!("{name}.aside"));
        let _ = fs::remove_dir_all(&aside);
        fs::rename(&path, &aside)?;
        let _ = fs::remove_dir_all(&aside);
        Ok(())
    }

    /// Opens a regular file, and nothing else.
    fn open(&self, name: &str, flags: OFlags) -> io::Result<File> {
        // A fifo must not block, and a link must not lead elsewhere.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(open(self.path.join(name), flags, Mode::from(0o640))?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            // As of a socket.
            false => Err(Errno::NXIO.into()),
        }
    }

    fn failed(&self, name: &str, error: &io::Error) -> Failure {
        let path = self.path.join(name);
        let (exit, remedy) = match error.kind() {
            ErrorKind::PermissionDenied => {
                (Exit::Permission, "; run ringcheck as root or hacluster")
            }
            ErrorKind::NotFound => (
                Exit::State,
                "; create it with `systemd-tmpfiles --create ringcheck.conf`",
            ),
            ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty => {
                (Exit::State, "; remove that directory")
            }
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

/// Reads the rest of a file, whose length is known.
fn content(file: File, length: u64) -> io::Result<Vec<u8>> {
    // Room for its end, too, or it would be read in small pieces.
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Waits for the lock of this file; false if somebody else holds it until the deadline.
fn wait(file: &File, deadline: Instant) -> io::Result<bool> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(fs::TryLockError::Error(error)) => return Err(error),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(RETRY);
            }
            Err(fs::TryLockError::WouldBlock) => return Ok(false),
        }
    }
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
mod tests;
