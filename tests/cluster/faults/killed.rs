//! A pass killed with SIGKILL at each of its system calls.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{by_hand, is_right, unsettle};
use crate::Test;
use crate::bed::Bed;

pub const TESTS: &[(&str, Test)] = &[("killed_at_every_point", killed_at_every_point)];

/// In each round there is everything to write: the attribute manager has lost an attribute
/// and the state knows nothing but the daemons. The pass is killed at one system call of its
/// main thread. Whatever it left, a whole state or none, the next pass must leave all as it
/// should be.
const ROUNDS: &str = r#"
    state=/run/ringcheck/state.json
    say() { echo "killed at $call $nth: $*"; exit 1; }
    killed=0
    while read -r call nth; do
        attrd_updater -D -n ringnumber_1 || say "the round cannot begin"
        install -o hacluster -g haclient -m 640 /tmp/base.json $state
        strace -qq -o /dev/null -u hacluster -e trace=$call -e inject=$call:signal=KILL:when=$nth \
            ringcheck --once 2>/tmp/said
        [ $? != 137 ] || killed=$((killed + 1))
        [ -s $state ] || say "an empty state"
        [ "$(tail -c 1 $state)" = "}" ] || say "torn state: $(cat $state)"
        ringcheck --once 2>/tmp/said || say "the next pass fails: $(cat /tmp/said)"
        [ "$(ls -A --ignore=notified /run/ringcheck | tr '\n' ' ')" = "lock state.json " ] || say "$(ls -A /run/ringcheck)"
        grep -q '"ringnumber_1": "10.77.1.2 is UP"' $state || say "the state is $(cat $state)"
        attrd_updater -Q -n ringnumber_1 | grep -q "10.77.1.2 is UP" || say "attrd lacks it"
    done </tmp/points
    echo $killed
"#;

fn killed_at_every_point(bed: &Bed) -> Result<()> {
    by_hand(bed, 2, |node| {
        unsettle(node)?;
        node.sh("ringcheck --once")?;
        let forget = "import json; s = json.load(open('/run/ringcheck/state.json')); \
            s.pop('compared'); s['published'] = {}; s['memory']['links'] = {}; \
            json.dump(s, open('/tmp/base.json', 'w'), indent=2)";
        node.run(&["python3", "-c", forget])?;
        let trace = node.sh(
            "install -o hacluster -g haclient -m 640 /tmp/base.json /run/ringcheck/state.json; \
             strace -qq -o /tmp/trace -u hacluster ringcheck --once; cat /tmp/trace",
        )?;
        let points = points(&trace);
        node.write("/tmp/points", points.join("\n") + "\n")?;
        let ended = node.run_within(Duration::from_secs(240), &["sh", "-c", ROUNDS])?;
        let killed: usize = ended.trim().parse()?;
        note!("killed {killed} times at {} points", points.len());
        // A pass may need a call or two less than the one that was looked at.
        ensure!(
            killed > 100 && killed + 20 > points.len(),
            "it was killed only {killed} times at {} points",
            points.len()
        );
        is_right(bed, node)
    })
}

/// Each system call from where the lock is opened, after which something can be left
/// half-done: its name, and how many of that name there were before, as strace counts.
fn points(trace: &str) -> Vec<String> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut locked = false;
    let mut points = Vec::new();
    for line in trace.lines() {
        let Some((call, _)) = line.split_once('(') else {
            continue;
        };
        let count = counts.entry(call).or_default();
        *count += 1;
        locked |= line.contains("/run/ringcheck/lock");
        if locked {
            points.push(format!("{call} {count}"));
        }
    }
    points
}
