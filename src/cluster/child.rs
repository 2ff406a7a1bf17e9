//! Runs one of Pacemaker's tools, within a deadline.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::model::failure::{Exit, Failure, remedy};

/// Where the tools are looked for: never in the caller's PATH, which an alert's may set.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// How often a child is looked at where the kernel cannot tell of its end.
const LOOK: Duration = Duration::from_millis(5);

/// How a tool ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its exit code; nothing if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of, its first line.
    pub complaint: String,
}

/// Where a tool is, if it is installed.
pub fn find(tool: &str) -> Option<PathBuf> {
    let mut paths = FOLDERS
        .iter()
        .map(|folder| PathBuf::from(folder).join(tool));
    paths.find(|path| path.exists())
}

/// Runs `tool` with these arguments in a clean environment and waits for its end.
///
/// Its output goes to memory files, not pipes: whoever it leaves behind with its output open
/// does not block the reader, however much there is.
///
/// # Errors
/// When there is no such tool, it cannot be started, or it has not ended by the deadline
/// (then it is killed).
pub fn run(tool: &str, arguments: &[&str], deadline: Instant) -> Result<Output, Failure> {
    run_in(tool, arguments, deadline, |command| command)
}

/// The same in a process group of its own: what a person types at the terminal to interrupt
/// ringcheck does not end it half way.
///
/// # Errors
/// As [`run`].
pub fn run_apart(tool: &str, arguments: &[&str], deadline: Instant) -> Result<Output, Failure> {
    run_in(tool, arguments, deadline, |command| {
        command.process_group(0)
    })
}

fn run_in(
    tool: &str,
    arguments: &[&str],
    deadline: Instant,
    place: fn(&mut Command) -> &mut Command,
) -> Result<Output, Failure> {
    let failed = |why: String| Failure::new(Exit::Attribute, format!("cannot run {tool}: {why}"));
    let error = |error: io::Error| failed(format!("{error}{}", remedy(error.kind())));
    let path = find(tool).ok_or_else(|| {
        failed(format!(
            "it is in none of {}; install Pacemaker's command-line tools",
            FOLDERS.join(", ")
        ))
    })?;
    let memory = || memfd_create(tool, MemfdFlags::CLOEXEC).map(File::from);
    let both = || -> io::Result<_> {
        let (stdout, stderr) = (memory()?, memory()?);
        let handed_out = (stdout.try_clone()?, stderr.try_clone()?);
        Ok((stdout, stderr, handed_out))
    };
    let (stdout, stderr, handed_out) = both().map_err(error)?;
    let mut child = place(&mut Command::new(path))
        .args(arguments)
        .env_clear()
        .env("PATH", FOLDERS.join(":"))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(handed_out.0)
        .stderr(handed_out.1)
        .spawn()
        .map_err(error)?;
    let ended = await_end(&mut child, deadline).map_err(error);
    if !matches!(ended, Ok(true)) {
        // Nothing is lost when it has just ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        ended?;
        return Err(Failure::new(
            Exit::Deadline,
            format!("{tool} did not end before the deadline{}", suspect(tool)),
        ));
    }
    let status = child.wait().map_err(error)?;
    let read = |file| content(file).map_err(error);
    Ok(Output {
        code: status.code(),
        stdout: read(&stdout)?,
        complaint: read(&stderr)?.lines().next().unwrap_or_default().to_owned(),
    })
}

/// Suggests where to look when a tool does not end.
fn suspect(tool: &str) -> &'static str {
    match tool {
        "systemctl" => ": is systemd hung? look at `systemctl status`",
        "getent" => ": is a user database such as LDAP not answering? look at /etc/nsswitch.conf",
        _ => ": is Pacemaker hung? look at `systemctl status pacemaker`",
    }
}

/// Waits for a child's end; false if it does not come before the deadline.
fn await_end(child: &mut Child, deadline: Instant) -> io::Result<bool> {
    match pidfd_open(Pid::from_child(child), PidfdFlags::empty()) {
        Ok(pidfd) => await_readable(&pidfd, deadline),
        // A kernel before 5.3, or a filter of system calls.
        Err(_) => look_for_end(child, deadline),
    }
}

fn await_readable(pidfd: &OwnedFd, deadline: Instant) -> io::Result<bool> {
    // A signal that is caught interrupts the wait, and is no end of the tool's.
    let ready = retry_on_intr(|| {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).ok();
        poll(&mut [PollFd::new(pidfd, PollFlags::IN)], left.as_ref())
    })?;
    Ok(ready == 1)
}

/// Like [`await_end`], but looks every few milliseconds.
fn look_for_end(child: &mut Child, deadline: Instant) -> io::Result<bool> {
    loop {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        match deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => return Ok(false),
            left => thread::sleep(left.min(LOOK)),
        }
    }
}

/// All of a memory file, whatever place its writers stand at.
fn content(file: &File) -> io::Result<String> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn tells_how_a_tool_ended_and_what_it_said() {
        let script = "echo out; echo one >&2; echo two >&2; exit 7";
        let output = run("sh", &["-c", script], soon()).unwrap();
        assert_eq!(output.code, Some(7));
        assert_eq!(output.stdout, "out\n");
        assert_eq!(output.complaint, "one");
    }

    #[test]
    fn kills_what_does_not_end() {
        let deadline = Instant::now() + Duration::from_millis(50);
        let failure = run("sleep", &["1000"], deadline).unwrap_err();
        assert_eq!(failure.exit, Exit::Deadline);
    }

    #[test]
    fn an_end_is_seen_without_a_pidfd() {
        let start = |argument| Command::new("sleep").arg(argument).spawn().unwrap();
        let mut child = start("0.05");
        assert!(look_for_end(&mut child, soon()).unwrap());
        assert!(child.wait().unwrap().success(), "how it ended is kept");
        let mut child = start("1000");
        let deadline = Instant::now() + Duration::from_millis(50);
        assert!(!look_for_end(&mut child, deadline).unwrap());
        assert!(Instant::now() >= deadline);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn waits_for_no_child_that_the_tool_leaves_behind() {
        let script = "sleep 10 & echo out; head -c 100000 /dev/zero >&2";
        let start = Instant::now();
        let output = run("sh", &["-c", script], soon()).unwrap();
        assert_eq!(output.stdout, "out\n");
        assert!(start.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn passes_nothing_of_its_environment_on() {
        let output = run("env", &[], soon()).unwrap();
        assert_eq!(output.stdout.lines().count(), 2, "{}", output.stdout);
    }

    #[test]
    fn what_runs_apart_is_in_no_group_of_ours() {
        let script = "read -r pid name state parent group rest < /proc/$$/stat; echo $pid $group";
        let group = |output: Output| {
            let mut fields = output.stdout.split_whitespace().map(str::to_owned);
            (fields.next(), fields.next())
        };
        let (pid, own) = group(run_apart("sh", &["-c", script], soon()).unwrap());
        assert_eq!(pid, own);
        let (pid, ours) = group(run("sh", &["-c", script], soon()).unwrap());
        assert_ne!(pid, ours);
    }

    #[test]
    fn says_what_to_install() {
        let failure = run("no-such-tool", &[], soon()).unwrap_err();
        assert!(failure.line.contains("install"), "{failure}");
    }
}
