//! Whatever ends the owner of a lab, nothing of the lab is left.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use lab::wait_until;

const PREFIX: &str = "leftovers";

/// Processes, mounts, control groups and folders that bear the lab's name.
fn leftovers() -> Vec<String> {
    let name = format!("{PREFIX}.lab");
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let mut found: Vec<_> = mounts
        .lines()
        .filter(|line| line.contains(&name))
        .map(String::from)
        .collect();
    for folder in ["/run", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        let path = Path::new(folder).join(&name);
        if path.exists() {
            found.push(path.display().to_string());
        }
    }
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let process = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if process.contains(&name) || command.contains(&name) {
            found.push(command.replace('\0', " "));
        }
    }
    found
}

#[test]
fn an_owner_killed_at_any_moment_leaves_nothing() {
    for image in lab::Image::from_environment().unwrap() {
        image.ensure().unwrap();
    }
    for milliseconds in [50, 250, 1000, 6000] {
        let mut owner = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(["--prefix", PREFIX, "up", "--nodes", "2", "--form", "conf"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(milliseconds));
        let under_way = owner.try_wait().unwrap().is_none();
        owner.kill().unwrap();
        owner.wait().unwrap();
        if !under_way {
            lab::place::Place::new(PREFIX).unwrap().clear().unwrap();
        }
        let what = format!("the lab killed after {milliseconds} ms to vanish");
        wait_until(&what, Duration::from_secs(10), || match leftovers() {
            left if left.is_empty() => Ok(Some(())),
            left => anyhow::bail!("{left:#?}"),
        })
        .unwrap();
    }
}
