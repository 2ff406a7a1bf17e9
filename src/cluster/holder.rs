//! Who holds a lock, from /proc, and its end.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{major, minor};
use rustix::io::Errno;
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::daemon::{self, Incarnation};
use crate::model::moment::Moment;

/// The name of a process of ours (proc_pid_comm(5)).
const NAME: &str = "ringcheck";

/// A ringcheck that holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder(Incarnation);

impl Holder {
    /// The ringcheck that holds the lock (flock(2)) of this file, if one does.
    ///
    /// # Errors
    /// When the file or `proc` cannot be read.
    pub fn of(proc: &Path, file: &File) -> io::Result<Option<Holder>> {
        let found = file.metadata()?;
        let device = (major(found.dev()), minor(found.dev()));
        let locks = fs::read_to_string(proc.join("locks"))?;
        let pid = locks
            .lines()
            .find_map(|line| parse(line, device, found.ino()));
        let process = pid.and_then(|pid| daemon::stat(proc, pid));
        let ours = process.filter(|(name, _)| name == NAME);
        Ok(ours.map(|(_, incarnation)| Holder(incarnation)))
    }

    /// For how long it has lived.
    pub fn age(&self, now: Moment) -> Duration {
        let ticks = self.0.start as u128 * 1000 / u128::from(clock_ticks_per_second());
        now.since(Moment(ticks as u64))
    }

    /// Ends it, whatever it does (SIGKILL also ends a process that is stopped).
    ///
    /// # Errors
    /// When it is gone already, or the kernel refuses.
    pub fn end(&self, proc: &Path) -> io::Result<()> {
        let pid = i32::try_from(self.0.pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::NotFound)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty());
        // The number may be another process's by now; the descriptor never is.
        if daemon::stat(proc, self.0.pid).is_none_or(|(_, incarnation)| incarnation != self.0) {
            return Err(io::ErrorKind::NotFound.into());
        }
        match pidfd.and_then(|pidfd| pidfd_send_signal(pidfd, Signal::KILL)) {
            Ok(()) => Ok(()),
            Err(Errno::SRCH) => Err(io::ErrorKind::NotFound.into()),
            // A kernel before 5.3, or a filter of system calls: the number it is, which was
            // right just now.
            Err(_) => Ok(kill_process(pid, Signal::KILL)?),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.pid.fmt(f)
    }
}

/// The pid in a line of proc_locks(5), if that is the lock of this file and held:
/// `1: FLOCK  ADVISORY  WRITE 1234 00:1a:567 0 EOF`, where who only waits has `->`.
fn parse(line: &str, device: (u32, u32), inode: u64) -> Option<u32> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    if fields.next()? != "FLOCK" {
        return None;
    }
    let pid = fields.nth(2)?.parse().ok()?;
    let mut file = fields.next()?.splitn(3, ':');
    let mut number = || u32::from_str_radix(file.next()?, 16).ok();
    let held = (number()?, number()?) == device;
    (held && file.next()?.parse() == Ok(inode)).then_some(pid)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::{Child, Command};
    use std::time::Instant;

    use super::*;
    use crate::cluster::clock::{BootClock, Clock};

    #[test]
    fn a_held_lock_is_told_from_others() {
        let device = (0, 0x1a);
        let held = "1: FLOCK  ADVISORY  WRITE 1234 00:1a:567 0 EOF";
        assert_eq!(parse(held, device, 567), Some(1234));
        assert_eq!(parse(held, device, 568), None);
        assert_eq!(parse(held, (0, 0x1b), 567), None);
        for other in [
            "1: -> FLOCK  ADVISORY  WRITE 1234 00:1a:567 0 EOF",
            "1: POSIX  ADVISORY  WRITE 1234 00:1a:567 0 EOF",
            "1: FLOCK  ADVISORY  WRITE -1 00:1a:567 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 1234 00:1a",
            "",
        ] {
            assert_eq!(parse(other, device, 567), None, "{other}");
        }
    }

    /// A process of that name that holds the lock of `path`.
    fn hold(place: &Path, path: &Path, name: &str) -> Child {
        let program = place.join(name);
        symlink("/bin/sleep", &program).unwrap();
        let mut command = Command::new("flock");
        let command = command.arg("--no-fork").arg(path).arg(program);
        let child = command.arg("600").spawn().unwrap();
        let comm = format!("/proc/{}/comm", child.id());
        let start = Instant::now();
        while fs::read_to_string(&comm).unwrap().trim_end() != name {
            assert!(start.elapsed() < Duration::from_secs(20), "no {name}");
            std::thread::yield_now();
        }
        child
    }

    #[test]
    fn ends_a_ringcheck_that_is_stopped_and_nobody_else() {
        let proc = Path::new("/proc");
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lock");
        let file = File::create(&path).unwrap();
        assert_eq!(Holder::of(proc, &file).unwrap(), None);
        let mut stranger = hold(place.path(), &path, "stranger");
        assert_eq!(Holder::of(proc, &file).unwrap(), None);
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        let mut child = hold(place.path(), &path, NAME);
        let pid = Pid::from_raw(child.id() as i32).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        let holder = Holder::of(proc, &file).unwrap().unwrap();
        assert_eq!(holder.to_string(), child.id().to_string());
        let now = BootClock.now();
        assert!(holder.age(now) < Duration::from_secs(60));
        assert!(holder.age(now.after(Duration::from_secs(60))) >= Duration::from_secs(60));
        holder.end(proc).unwrap();
        child.wait().unwrap();
        assert!(holder.end(proc).is_err());
        file.try_lock().unwrap();
    }
}
