//! System calls that an older kernel does not have, or that a filter refuses: a row each of the
//! table in `docs/sandbox.md`.

use anyhow::{Context, Result, ensure};
use lab::Node;

use super::state::held_for_good;
use super::{by_hand, is_right, unsettle};
use crate::Test;
use crate::bed::Bed;
use crate::node::{Ended, run_as};

pub const TESTS: &[(&str, Test)] = &[
    ("newer_calls_missing", newer_calls_missing),
    (
        "a_holder_is_ended_without_newer_calls",
        a_holder_is_ended_without_newer_calls,
    ),
];

/// What a pass that writes something calls, on a kernel that has it. Landlock's calls stand with
/// their numbers, which are the same everywhere, because an old strace does not know the names.
const CALLS: [(&str, &str); 5] = [
    ("pidfd_open", "pidfd_open"),
    ("clone3", "clone3"),
    ("landlock_create_ruleset", "444"),
    ("landlock_add_rule", "445"),
    ("landlock_restrict_self", "446"),
];

/// A pass with everything to write, in which this call fails so, also for the tools; and how
/// often it did.
fn pass_without(node: &Node, call: &str, error: &str) -> Result<(Ended, usize)> {
    unsettle(node)?;
    let (trace, inject) = (
        format!("trace={call}"),
        format!("inject={call}:error={error}"),
    );
    let strace = "strace -f -qq -o /tmp/trace -u hacluster -e".split(' ');
    let argv: Vec<&str> = strace
        .chain([trace.as_str(), "-e", &inject])
        .chain(["ringcheck", "--once"])
        .collect();
    let ended = run_as(node, "root", &argv)?;
    let injected = node.sh("grep -c INJECTED /tmp/trace; true")?;
    Ok((ended, injected.trim().parse()?))
}

fn newer_calls_missing(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        let version = node.run(&["getconf", "GNU_LIBC_VERSION"])?;
        let minor = version.trim().rsplit_once('.').context("no version")?.1;
        let is_old = minor.parse::<u32>()? < 34;
        for (call, traced) in CALLS {
            for error in ["ENOSYS", "EPERM"] {
                let (ended, failed) = pass_without(node, traced, error)?;
                note!("{call} failed with {error} {failed} times");
                // A kernel without Landlock leaves two of its calls untried, and glibc before
                // 2.34 starts threads by clone.
                let may_be_untried = call.starts_with("landlock_") || call == "clone3" && is_old;
                ensure!(failed > 0 || may_be_untried, "{call}");
                if (call, error) == ("clone3", "EPERM") && !is_old {
                    let line = "no thread can be started: Operation not permitted";
                    ensure!(
                        ended.code == Some(10) && ended.stderr.contains(line),
                        "{ended:?}"
                    );
                    continue;
                }
                ensure!(ended.code == Some(0), "{call}, {error}: {ended:?}");
                is_right(bed, node)?;
            }
        }
        Ok(())
    })
}

fn a_holder_is_ended_without_newer_calls(bed: &Bed) -> Result<()> {
    const UNITS: [&str; 2] = ["ringcheck.service", "ringcheck-event.service"];
    let node = bed.node(2);
    let folder = |unit| format!("/run/systemd/system/{unit}.d");
    for refused in ["pidfd_open:ENOSYS", "pidfd_send_signal:EPERM"] {
        for unit in UNITS {
            let filter = format!("[Service]\nSystemCallFilter=~{refused}\n");
            node.write(&format!("{}/calls.conf", folder(unit)), filter)?;
        }
        node.run(&["systemctl", "daemon-reload"])?;
        let result = held_for_good(bed, "root");
        for unit in UNITS {
            node.run(&["rm", "-r", &folder(unit)])?;
        }
        node.run(&["systemctl", "daemon-reload"])?;
        result?;
        bed.wait_for("every link UP", crate::bed::LONG, &bed.all("UP"))?;
    }
    Ok(())
}
