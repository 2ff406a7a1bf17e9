//! Running commands: never longer than a limit, never stuck on a pipe.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::fs::{MemfdFlags, memfd_create};

/// Where commands are found, on the host (whose root may lack sbin) and in the nodes.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command of the host.
pub(crate) fn host(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// The words that, put before a command, end it after `limit`.
pub(crate) fn limited(limit: Duration) -> [String; 3] {
    [
        "timeout".into(),
        "--kill-after=2".into(),
        limit.as_secs_f32().to_string(),
    ]
}

/// A command of the host that ends after `limit`.
pub(crate) fn host_within(limit: Duration) -> Command {
    let [timeout, kill, limit] = limited(limit);
    let mut command = host(&timeout);
    command.args([kill, limit]);
    command
}

/// Runs to the end and keeps the output, whatever the exit.
///
/// The output goes to memory files, not pipes: a daemon that the command leaves
/// behind with its output open does not block the reader.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    let (stdout, stderr) = (memory(&[])?, memory(&[])?);
    let status = command
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    Ok(Output {
        status,
        stdout: content(&stdout)?,
        stderr: content(&stderr)?,
    })
}

/// The standard output of a command whose `result` must be exit 0; `shown` is the
/// command as its error calls it, `limit` and `start` tell a time-out.
pub(crate) fn success(
    result: Output,
    shown: &str,
    limit: Duration,
    start: Instant,
) -> Result<String> {
    let stdout = String::from_utf8_lossy(&result.stdout).into_owned();
    if result.status.success() {
        return Ok(stdout);
    }
    let how = match result.status.code() {
        _ if start.elapsed() >= limit => format!("took longer than {} s", limit.as_secs_f32()),
        Some(code) => format!("exit {code}"),
        None => result.status.to_string(),
    };
    let stderr = String::from_utf8_lossy(&result.stderr);
    let said = [stderr.trim(), stdout.trim()]
        .into_iter()
        .find(|text| !text.is_empty());
    let said = said.map(|text| format!(": {text}"));
    bail!("`{shown}`: {how}{}", said.unwrap_or_default())
}

/// Runs a command built by [`host_within`]`(limit)`; exit 0 is required.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<String> {
    let shown = shown(
        command
            .get_args()
            .skip(2)
            .map(|arg| arg.to_string_lossy().into_owned()),
    );
    let start = Instant::now();
    success(output(command)?, &shown, limit, start)
}

/// A command on one line, as errors show it: scripts cut short.
pub(crate) fn shown(argv: impl Iterator<Item = impl AsRef<str>>) -> String {
    const MOST: usize = 200;
    let mut line = String::new();
    for word in argv {
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(word.as_ref());
    }
    if line.chars().count() > MOST {
        line = line.chars().take(MOST).chain(" …".chars()).collect();
    }
    line
}

/// Standard input that holds `text`.
pub(crate) fn input(text: &[u8]) -> Result<Stdio> {
    Ok(memory(text)?.into())
}

fn memory(text: &[u8]) -> Result<File> {
    let mut file = File::from(memfd_create("lab", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// All of a memory file, by position: the place where a writer stands is not moved.
fn content(file: &File) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len())?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn sh(script: &str, limit: Duration) -> Result<String> {
        run(host_within(limit).args(["sh", "-c", script]), limit)
    }

    #[test]
    fn an_error_carries_command_exit_and_message() {
        let error = sh("echo out; echo wrong >&2; exit 3", LIMIT).unwrap_err();
        let text = error.to_string();
        assert_eq!(
            text,
            "`sh -c echo out; echo wrong >&2; exit 3`: exit 3: wrong"
        );
    }

    #[test]
    fn a_limit_ends_it() {
        let limit = Duration::from_millis(200);
        let error = sh("sleep 60", limit).unwrap_err().to_string();
        assert!(error.contains("took longer than 0.2 s"), "{error}");
    }

    #[test]
    fn a_daemon_that_keeps_the_output_open_does_not_block() {
        let start = Instant::now();
        assert_eq!(
            sh("setsid sleep 5 & echo started", LIMIT).unwrap(),
            "started\n"
        );
        assert!(start.elapsed() < Duration::from_secs(4));
    }
}
