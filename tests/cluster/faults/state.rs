//! The state file and its lock in every wrong shape. It is a cache: whatever is wrong with
//! it, it counts as none.

use anyhow::{Result, ensure};
use lab::Cut;

use super::{
    Halted, SHORT, be_short, by_hand, fails, is_right, is_said_once, one_pass_repairs, unsettle,
};
use crate::Test;
use crate::bed::{Bed, LONG};
use crate::node::{journal_cursor, journal_since, run_as, wait_for_rest};

pub const TESTS: &[(&str, Test)] = &[
    ("state_of_a_newer_version", state_of_a_newer_version),
    ("state_of_another_boot", state_of_another_boot),
    (
        "something_else_in_the_place_of_a_file",
        something_else_in_the_place_of_a_file,
    ),
    (
        "a_directory_of_roots_in_the_place_of_a_file",
        a_directory_of_roots_in_the_place_of_a_file,
    ),
    ("state_is_a_link_to_elsewhere", state_is_a_link_to_elsewhere),
    ("state_is_unreadable", state_is_unreadable),
    (
        "state_half_written_by_a_killed_pass",
        state_half_written_by_a_killed_pass,
    ),
    ("lock_held_by_a_stopped_pass", lock_held_by_a_stopped_pass),
    ("lock_held_for_good", lock_held_for_good),
];

const STATE: &str = "/run/ringcheck/state.json";

/// After this was done to the state file the next pass repairs everything.
fn survives(bed: &Bed, ruin: &str) -> Result<()> {
    by_hand(bed, 2, |node| {
        // Only a pass that knows nothing asks the CIB then; the rest is made to come at once.
        node.sh(&format!(
            "sed -i 's/\"compare-until\": [0-9]*/\"compare-until\": 0/' {STATE}"
        ))?;
        wait_for_rest(node)?;
        node.sh("ringcheck --once; attrd_updater -D -n ringnumber_1")?;
        node.sh(ruin)?;
        one_pass_repairs(bed, node)
    })
}

fn state_of_a_newer_version(bed: &Bed) -> Result<()> {
    survives(
        bed,
        &format!("sed -i 's/\"version\": 1/\"version\": 2/' {STATE}"),
    )
}

fn state_of_another_boot(bed: &Bed) -> Result<()> {
    survives(
        bed,
        &format!("sed -i 's/\"boot-id\": \"./\"boot-id\": \"x/' {STATE}"),
    )
}

/// Every file that a pass writes, where a wrong one may stand.
const FILES: &str = "/run/ringcheck/lock /run/ringcheck/state.json \
    /run/ringcheck/state.json.new /var/lib/ringcheck/history.jsonl";

fn something_else_in_the_place_of_a_file(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        for make in [
            "mkdir $f",
            "install -d -o hacluster $f $f/a $f/a/b; ln -s /etc/passwd $f/a/link",
            "ln -s /var/tmp/precious $f",
            "ln -s /nowhere $f",
            "ln -s /var/tmp $f",
            "mkfifo $f",
            "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('$f')\"",
            "truncate -s 3G $f; chown hacluster $f",
        ] {
            unsettle(node)?;
            node.sh("echo precious > /var/tmp/precious; chown hacluster /var/tmp/precious")?;
            node.sh(&format!("for f in {FILES}; do rm -f $f; {make}; done"))?;
            one_pass_repairs(bed, node)?;
            let kinds = node.sh(&format!(
                "for f in /run/ringcheck/lock {STATE} /var/lib/ringcheck/history.jsonl; do \
                 stat -c '%F %U' $f; [ $(stat -c %s $f) -lt 1000000 ] || echo too large; done; \
                 cat /var/tmp/precious; rm /var/tmp/precious"
            ))?;
            let right = "regular file hacluster\n".repeat(3) + "precious\n";
            ensure!(kinds == right, "after `{make}`: {kinds}");
        }
        Ok(())
    })
}

fn a_directory_of_roots_in_the_place_of_a_file(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        unsettle(node)?;
        let names = ["lock", "state.json"].map(|name| format!("/run/ringcheck/{name}"));
        for path in &names {
            node.sh(&format!(
                "rm -f {path}; mkdir -p {path}/a; touch {path}/a/b"
            ))?;
        }
        let ended = run_as(node, "root", &["ringcheck", "--once"])?;
        ensure!(ended.code == Some(0), "{ended:?}");
        for path in &names {
            node.sh(&format!("test -e {path}.aside/a/b && rm -r {path}.aside"))?;
        }
        is_right(bed, node)
    })
}

fn state_is_a_link_to_elsewhere(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        unsettle(node)?;
        // Both to a file that hacluster may write to and to one that it may not.
        for owner in ["hacluster", "root"] {
            let target = "/var/tmp/precious";
            node.sh(&format!(
                "echo precious > {target}; chown {owner} {target}; chmod 600 {target}; \
                 for name in {STATE} {STATE}.new; do rm -f $name; ln -s {target} $name; done"
            ))?;
            let before = node.sh(&format!("stat -c '%i %U %a %Y' {target}; cat {target}"))?;
            one_pass_repairs(bed, node)?;
            let after = node.sh(&format!("stat -c '%i %U %a %Y' {target}; cat {target}"))?;
            ensure!(before == after, "{before} became {after}");
            let kind = node.sh(&format!("stat -c '%F %U' {STATE}; rm {target}"))?;
            ensure!(kind == "regular file hacluster\n", "{kind}");
        }
        Ok(())
    })
}

fn state_is_unreadable(bed: &Bed) -> Result<()> {
    let ruin = format!("chown root:root {STATE}; chmod 600 {STATE}");
    survives(bed, &ruin)?;
    survives(bed, &format!("{ruin}; cp -p {STATE} {STATE}.new"))
}

fn state_half_written_by_a_killed_pass(bed: &Bed) -> Result<()> {
    let ruin = format!("head -c 100 {STATE} > {STATE}.new; rm {STATE}");
    survives(bed, &ruin)
}

fn lock_held_by_a_stopped_pass(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        be_short(node)?;
        unsettle(node)?;
        let holder = Halted::at(node, "flock", 1)?;
        let line = "another ringcheck holds /run/ringcheck/lock and does not end";
        fails(node, SHORT, 8, line)?;
        is_said_once(node, line)?;
        // What only reads does not need the lock.
        let ended = run_as(node, "root", &["ringcheck"])?;
        ensure!(ended.code == Some(0), "{ended:?}");
        holder.goes_on(SHORT, 8, "")?;
        one_pass_repairs(bed, node)?;
        is_right(bed, node)
    })
}

fn lock_held_for_good(bed: &Bed) -> Result<()> {
    held_for_good(bed, "root")
}

/// Somebody stopped a pass of this user's on node 2 and forgot it, and a cable is out.
pub fn held_for_good(bed: &Bed, user: &str) -> Result<()> {
    let node = bed.node(2);
    let stopped = Halted::by(user, node, "flock", 1)?;
    let cursor = journal_cursor(node)?;
    node.cut(1, Cut::Carrier)?;
    let mut broken = bed.all("UP");
    broken.extend((1..=3).map(|n| bed.attribute(n, 1, "FAULTY")));
    let took = bed.wait_on(1, "the broken link to be shown", LONG, &broken)?;
    note!("shown after {took:.1?}");
    let said = journal_since(node, &cursor)?;
    let line = format!("ended ringcheck[{}]", stopped.pid);
    ensure!(said.iter().any(|said| said.contains(&line)), "{said:#?}");
    node.heal(1)
}
