//! The folder on a file system that takes nothing: the links are shown all the same.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use lab::{Cut, Node, wait_until};

use super::{by_hand, fails, one_pass_repairs, said_by_the_timer};
use crate::Test;
use crate::bed::{Bed, INTERVAL, LONG};
use crate::node::run_as;

pub const TESTS: &[(&str, Test)] = &[
    ("a_full_file_system", a_full_file_system),
    ("a_read_only_file_system", a_read_only_file_system),
];

const FOLDER: &str = "/run/ringcheck";

fn a_full_file_system(bed: &Bed) -> Result<()> {
    takes_nothing(
        bed,
        &format!("cat /dev/zero > {FOLDER}/filler || true"),
        &format!("rm {FOLDER}/filler"),
        "No space left on device",
        true,
    )
}

fn a_read_only_file_system(bed: &Bed) -> Result<()> {
    takes_nothing(
        bed,
        &format!("mount -o remount,ro {FOLDER}"),
        &format!("mount -o remount,rw {FOLDER}"),
        "Read-only file system",
        false,
    )
}

/// A link breaks while nothing can be kept. The evidence that it is broken takes several
/// looks, so they must all be made within one pass. That it was said can be kept where the
/// stamp can be written in place.
fn takes_nothing(bed: &Bed, spoil: &str, repair: &str, line: &str, can_keep: bool) -> Result<()> {
    by_hand(bed, 2, |node| {
        node.sh(&format!(
            "mount -t tmpfs -o size=16k,mode=0750,uid=$(id -u hacluster),gid=$(id -g hacluster) \
             ringcheck {FOLDER} && ringcheck --once && {spoil}"
        ))?;
        let result = shows_a_broken_link(bed, node, line, can_keep);
        node.sh(&format!("{repair}; umount {FOLDER}"))?;
        result?;
        bed.node(1).heal(1)?;
        wait_until("link 1 to be good again", LONG, || {
            let key = "stats.knet.node1.link1.connected";
            let shown = node.run(&["corosync-cmapctl", "-m", "stats", "-g", key])?;
            Ok(shown.trim().ends_with("= 1").then_some(()))
        })?;
        wait_until("a good pass after the recovery hold", LONG, || {
            one_pass_repairs(bed, node).map(Some)
        })
    })
}

fn shows_a_broken_link(bed: &Bed, node: &Node, line: &str, can_keep: bool) -> Result<()> {
    let deadline = 2 * INTERVAL;
    bed.node(1).cut(1, Cut::DropBoth)?;
    let broken: BTreeMap<_, _> = (1..=3).map(|n| bed.attribute(n, 1, "FAULTY")).collect();
    let mut wanted = bed.all("UP");
    wanted.extend(broken);
    wait_until("the broken link to be shown", LONG, || {
        let ended = run_as(node, "root", &["ringcheck", "--once"])?;
        ensure!(matches!(ended.code, Some(0 | 7)), "{ended:?}");
        let seen = bed.seen_from(1)?;
        ensure!(seen == wanted, "{ended:?}, and node 1 shows {seen:?}");
        Ok(Some(()))
    })?;
    if can_keep {
        // A pass that could not replace the state has removed it, and made room for the next one's.
        node.sh(&format!(
            "rm -f {FOLDER}/state.json; cat /dev/zero >> {FOLDER}/filler || true"
        ))?;
    }
    // The links' memory changes with each pass that could not keep it.
    fails(node, deadline, 7, line)?;
    match can_keep {
        true => {
            let said = said_by_the_timer(node)?;
            let lines = said.iter().filter(|said| said.contains(line)).count();
            ensure!(lines == 1, "expected `{line}` once, got {said:#?}");
            Ok(())
        }
        false => Ok(()),
    }
}
