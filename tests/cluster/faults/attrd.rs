//! The attribute manager and the tool that reaches it.

use anyhow::{Result, ensure};
use lab::Node;

use super::{
    SHORT, be_short, by_hand, fails, is_said_once, one_pass_repairs, said_by_the_timer, unsettle,
    while_stopped,
};
use crate::Test;
use crate::bed::{Bed, INTERVAL, MARGIN};

pub const TESTS: &[(&str, Test)] = &[
    ("attrd_hung", attrd_hung),
    ("attrd_updater_missing", attrd_updater_missing),
    ("attrd_updater_failing", attrd_updater_failing),
    ("attrd_updater_hanging", attrd_updater_hanging),
    (
        "attrd_updater_with_a_child_that_stays",
        attrd_updater_with_a_child_that_stays,
    ),
    ("attrd_updater_answers_102", attrd_updater_answers_102),
    ("attrd_updater_answers_4", attrd_updater_answers_4),
    ("attrd_updater_answers_124", attrd_updater_answers_124),
    (
        "attributes_gone_from_the_cib_only",
        attributes_gone_from_the_cib_only,
    ),
];

fn attrd_hung(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        be_short(node)?;
        unsettle(node)?;
        let line = "attrd_updater did not end before the deadline: is Pacemaker hung?";
        while_stopped(node, "pacemaker-attrd", || fails(node, SHORT, 8, line))?;
        one_pass_repairs(bed, node)?;
        unsettle(node)?;
        while_stopped(node, "pacemaker-attrd", || is_said_once(node, line))?;
        one_pass_repairs(bed, node)
    })
}

const TOOL: &str = "/usr/sbin/attrd_updater";

/// What is said when this script stands in the tool's place, or nothing does.
struct Stand<'a> {
    script: Option<&'a str>,
    code: i32,
    line: &'a str,
    /// Whether the timer says it, too.
    news: bool,
}

fn stand_in(bed: &Bed, stand: &Stand) -> Result<()> {
    by_hand(bed, 2, |node| {
        be_short(node)?;
        unsettle(node)?;
        node.sh(&format!("mv {TOOL} {TOOL}.away"))?;
        let result = refused(node, stand);
        node.sh(&format!("mv {TOOL}.away {TOOL}"))?;
        result?;
        one_pass_repairs(bed, node)
    })
}

fn refused(node: &Node, stand: &Stand) -> Result<()> {
    if let Some(script) = stand.script {
        node.write(TOOL, format!("#!/bin/sh\n{script}\n"))?;
        node.run(&["chmod", "755", TOOL])?;
    }
    fails(node, SHORT, stand.code, stand.line)?;
    if stand.news {
        return is_said_once(node, stand.line);
    }
    let said = said_by_the_timer(node)?;
    ensure!(said.is_empty(), "the timer says {said:?}");
    Ok(())
}

fn attrd_updater_missing(bed: &Bed) -> Result<()> {
    stand_in(
        bed,
        &Stand {
            script: None,
            code: 9,
            line: "cannot run attrd_updater: it is in none of",
            news: true,
        },
    )
}

fn attrd_updater_failing(bed: &Bed) -> Result<()> {
    stand_in(
        bed,
        &Stand {
            script: Some("echo broken >&2; echo more >&2; exit 1"),
            code: 9,
            line: "cannot write node attribute ringnumber_0: broken (exit code 1)",
            news: true,
        },
    )
}

fn attrd_updater_hanging(bed: &Bed) -> Result<()> {
    stand_in(
        bed,
        &Stand {
            script: Some("exec sleep 30"),
            code: 8,
            line: "attrd_updater did not end before the deadline",
            news: true,
        },
    )
}

/// It ends, but what it started holds its output open.
fn attrd_updater_with_a_child_that_stays(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        be_short(node)?;
        unsettle(node)?;
        let script = format!("#!/bin/sh\nsleep 20 &\nexec {TOOL}.away \"$@\"\n");
        node.sh(&format!("mv {TOOL} {TOOL}.away"))?;
        node.write(TOOL, script)?;
        let ended = node.sh(&format!("chmod 755 {TOOL}; timeout 8 ringcheck --once"));
        node.sh(&format!("mv {TOOL}.away {TOOL}"))?;
        ended?;
        one_pass_repairs(bed, node)
    })
}

fn attrd_updater_answers_102(bed: &Bed) -> Result<()> {
    stand_in(
        bed,
        &Stand {
            script: Some("exit 102"),
            code: 6,
            line: "Pacemaker does not accept connections",
            // As while Pacemaker starts.
            news: false,
        },
    )
}

fn attrd_updater_answers_4(bed: &Bed) -> Result<()> {
    stand_in(
        bed,
        &Stand {
            script: Some("exit 4"),
            code: 4,
            line: "Pacemaker refused this user",
            news: true,
        },
    )
}

fn attrd_updater_answers_124(bed: &Bed) -> Result<()> {
    stand_in(
        bed,
        &Stand {
            script: Some("exit 124"),
            code: 9,
            line: "Pacemaker did not answer in time",
            news: true,
        },
    )
}

/// As a controller that ends leaves them. What others delete in the CIB Pacemaker 3's attribute
/// manager puts back, but not what crm_attribute does, which does it where it does not reach it.
fn attributes_gone_from_the_cib_only(bed: &Bed) -> Result<()> {
    let node = bed.node(2);
    let refresh = INTERVAL;
    node.write("/etc/ringcheck.toml", "refresh = 5\n")?;
    let delete = "strace -qq -o /dev/null -e inject=connect:error=ECONNREFUSED:when=2+ \
        crm_attribute --type status --node n2 --delete --name";
    // No pass comes in between.
    let status = node.sh(&format!(
        "flock /run/ringcheck/lock sh -c '{delete} ringnumber_0 >&2 && \
         {delete} ringnumber_1 >&2 && cibadmin --query --scope status'"
    ))?;
    let there = ["10.77.0.2", "10.77.1.2"].map(|address| status.contains(address));
    ensure!(there == [false; 2], "they are still there: {status}");
    let asked = node.run(&["attrd_updater", "-Q", "-n", "ringnumber_0"])?;
    ensure!(asked.contains("is UP"), "attrd has lost them, too: {asked}");
    let limit = refresh + 2 * INTERVAL + MARGIN;
    bed.wait_on(1, "the attributes back", limit, &bed.all("UP"))?;
    Ok(())
}
