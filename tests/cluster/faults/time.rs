//! Time that is not what it was: ringcheck counts from boot, and the wall clock has no say.
//! The nodes share the machine's clock, so it is never set: a pass gets a clock of its own.

use anyhow::{Result, ensure};

use super::{by_hand, is_right, one_pass_repairs, unsettle};
use crate::Test;
use crate::bed::Bed;
use crate::node::run_as;

pub const TESTS: &[(&str, Test)] = &[
    (
        "clock_stepped_forward_and_back",
        clock_stepped_forward_and_back,
    ),
    ("state_from_the_past", state_from_the_past),
    ("state_from_the_future", state_from_the_future),
];

/// The time since boot jumps by a day and back, under a pass that has something to write and
/// under one that has not.
fn clock_stepped_forward_and_back(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        let shifted = [
            "unshare",
            "--time",
            "--fork",
            "--boottime",
            "86400",
            "--monotonic",
            "86400",
            "ringcheck",
            "--once",
        ];
        for _ in 0..2 {
            let ended = run_as(node, "root", &shifted)?;
            ensure!(ended.code == Some(0), "a day later: {ended:?}");
            is_right(bed, node)?;
            // And a day earlier again, with that pass's state.
            unsettle_attribute(node)?;
            one_pass_repairs(bed, node)?;
            unsettle(node)?;
        }
        one_pass_repairs(bed, node)
    })
}

/// Takes an attribute away; the pass that knows of no restart compares when its time comes.
fn unsettle_attribute(node: &lab::Node) -> Result<()> {
    node.run(&["attrd_updater", "-D", "-n", "ringnumber_1"])
        .map(drop)
}

/// All moments in the state moved by so many milliseconds.
fn move_moments(node: &lab::Node, by: i64) -> Result<()> {
    const SCRIPT: &str = "
import json, sys
by, path = int(sys.argv[1]), '/run/ringcheck/state.json'
state = json.load(open(path))
for key in ('compared', 'compare-until'):
    state[key] = max(0, state.get(key, state['compared']) + by)
for link in state['memory']['links'].values():
    link['since'] = max(0, link['since'] + by)
link = state['memory']['links']['1']
link['state'], link['good-since'] = 'FAULTY', link['since']
evidence = state['memory']['peers']['3']['links']['0']
evidence['evidence'] = {'unsettled': link['since']}
state['unreadable-since'] = link['since']
text = json.dumps(state)
open(path, 'w').write(text)
";
    node.run(&["python3", "-c", SCRIPT, &by.to_string()])
        .map(drop)
}

fn state_from_the_past(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        unsettle_attribute(node)?;
        move_moments(node, -86_400_000)?;
        one_pass_repairs(bed, node)
    })
}

/// It would hold a link FAULTY, or the evidence against it unheard, for a day.
fn state_from_the_future(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        unsettle_attribute(node)?;
        move_moments(node, 86_400_000)?;
        one_pass_repairs(bed, node)
    })
}
