//! The oracle: whatever happens to a cluster, in whatever order, every node shows in the end
//! what is so, and meanwhile nothing that never was.
//!
//! A step is chosen by chance (of a seed that is printed), done, and followed through three
//! gates: Corosync sees it, Pacemaker agrees on who is online, and every node's crm_mon shows
//! what the model says. Then every value that any pacemaker-attrd has logged is judged: it
//! must have been true at some time of the step, and on the node itself in the order in which
//! it was.
//!
//! `make soak STEPS=n SEED=s` runs it as long as one likes, on a cluster whose shape the seed
//! chooses.

mod act;
mod dice;
mod examples;
mod report;
mod step;
mod watch;
mod world;

use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use lab::{Form, Spec};

use crate::bed::Bed;
use dice::Dice;
use report::Report;
use step::Step;
use watch::{Value, Watch};
use world::{State, World, is_true};

pub const TESTS: &[(&str, crate::Test)] = &[("whatever_happens_shortly", shortly)];

pub type Pure = fn() -> Result<()>;

/// The tests of the model, which need no cluster.
pub const PURE: &[(&str, Pure)] = &[
    (
        "the_oracle_knows_the_rules",
        examples::the_oracle_knows_the_rules,
    ),
    (
        "the_oracle_tells_what_never_was_true",
        examples::the_oracle_tells_what_never_was_true,
    ),
    (
        "the_oracle_never_leaves_what_it_is_sure_of",
        examples::the_oracle_never_leaves_what_it_is_sure_of,
    ),
];

/// The recovery hold that the nodes are given, for speed.
const HOLD: Duration = Duration::from_secs(3);

/// The timer's interval that they are given.
const INTERVAL: Duration = Duration::from_secs(1);

/// What a busy machine may take beyond what the rules do.
const MARGIN: Duration = Duration::from_secs(5);

/// For how long all must agree.
const STEADY: Duration = Duration::from_millis(1500);

/// The seed was chosen for the variety of what it does.
fn shortly(bed: &Bed) -> Result<()> {
    run(bed, 1138, 12)
}

/// The long run, which is done when it is asked for by name: its cluster, and it.
pub fn soak() -> Option<(Spec, crate::Test)> {
    let seed = number("SEED").ok().flatten()?;
    let mut dice = Dice::new(seed);
    let nodes = dice.pick(&[2, 3, 3, 4, 5]);
    let links = dice.pick(&[1, 2, 2, 2, 3, 3]);
    let form = dice.pick(&[Form::Conf, Form::Conf, Form::Pcs]);
    let spec = Spec {
        nodes,
        links: (0..links).collect(),
        form,
        ..Spec::default()
    };
    Some((spec, long as crate::Test))
}

fn long(bed: &Bed) -> Result<()> {
    let seed = number("SEED")?.context("no SEED")?;
    let steps = number("STEPS")?.unwrap_or(300);
    run(bed, seed, usize::try_from(steps)?)
}

fn number(name: &str) -> Result<Option<u64>> {
    let text = env::var(name).unwrap_or_default();
    match text.is_empty() {
        true => Ok(None),
        false => Ok(Some(
            text.parse().with_context(|| format!("{name}={text}"))?,
        )),
    }
}

fn run(bed: &Bed, seed: u64, steps: usize) -> Result<()> {
    let pcs = bed.spec.form == Form::Pcs;
    let (nodes, links) = (bed.spec.nodes, &bed.spec.links);
    note!("seed {seed}, {steps} steps, {nodes} nodes, links {links:?}, by pcs: {pcs}");
    act::quicken(bed)?;
    let mut dice = Dice::new(seed);
    let mut run = Run {
        bed,
        watch: Watch::begin(bed)?,
        world: World::whole(nodes, links, pcs),
        unread: BTreeMap::new(),
        report: Report::default(),
    };
    let (corosync, shown) = (run.watch.corosync_limit(), run.watch.shown_limit());
    note!(
        "recovery hold {HOLD:?}, timer {INTERVAL:?}; bounds: Corosync {corosync:?}, then {shown:?}"
    );
    let result = (|| -> Result<()> {
        run.watch.settle(&[run.world.clone()], true)?;
        for number in 1..=steps {
            let step = Step::choose(&run.world, &mut dice);
            run.take(&step)
                .with_context(|| format!("seed {seed}, step {number}: {step}"))?;
        }
        while let Some(step) = Step::home(&run.world) {
            run.take(&step)
                .with_context(|| format!("seed {seed}, on the way home: {step}"))?;
        }
        Ok(())
    })();
    let report = &run.report;
    note!("seed {seed}, {nodes} nodes, links {links:?}, by pcs: {pcs}");
    note!("longest times            n   corosync     online attributes\n{report}");
    if result.is_err() {
        run.watch.tell();
    }
    result?;
    ensure!(report.wrong.is_empty(), "never true: {:#?}", report.wrong);
    act::slow_down(bed)
}

/// A run, and where it is.
struct Run<'a> {
    bed: &'a Bed,
    watch: Watch<'a>,
    world: World,
    /// The worlds since each node without power went off: what it logged before that is read
    /// only when it is up again.
    unread: BTreeMap<usize, Vec<World>>,
    report: Report,
}

impl Run<'_> {
    fn take(&mut self, step: &Step) -> Result<()> {
        note!("{} {step}    ({})", time_of_day(), self.world);
        let mut worlds = step.worlds(&self.world);
        let before = self.watch.down_counts()?;
        let took = act::act(self.bed, step, &self.world)?;
        let restarted = worlds.iter().any(|later| later.down != self.world.down);
        let settled = self.watch.settle(&worlds, restarted);
        let values = self.watch.values()?;
        self.report.values += values.len();
        if let Some((n, link)) = step.blink(took)
            && before.get(&(n, link)) == self.watch.down_counts()?.get(&(n, link))
        {
            note!("knet did not notice the blink of {took:.1?}");
            worlds.truncate(1);
        }
        let wrong = self.never_true(&worlds, &values);
        if !wrong.is_empty() {
            note!("{} NEVER TRUE: {wrong:#?}", time_of_day());
            self.watch.tell();
            self.report.wrong.extend(wrong);
        }
        self.report.add(step.kind(), settled?);
        for node in self.bed.cluster.nodes() {
            if node.is_up() {
                self.unread.remove(&node.number());
            } else {
                let unread = self.unread.entry(node.number()).or_default();
                unread.extend(worlds.iter().cloned());
            }
        }
        self.world = worlds.last().context("no world")?.clone();
        Ok(())
    }

    /// The values that were not true while these worlds were, or were again after they had
    /// ended.
    fn never_true(&self, worlds: &[World], values: &[Value]) -> Vec<String> {
        let spec = &self.bed.spec;
        let mut wrong = Vec::new();
        let mut known = 0;
        for observer in 1..=spec.nodes {
            let earlier = self.unread.get(&observer).into_iter().flatten();
            let worlds: Vec<&World> = earlier.chain(worlds).collect();
            for subject in 1..=spec.nodes {
                let links = spec.links.iter().map(|link| Some(*link));
                for link in links.chain([None]) {
                    let set = self.set(values, observer, subject, link);
                    known += set.len();
                    let states: Option<Vec<State>> = set.iter().map(|(state, _)| *state).collect();
                    let truth: Vec<_> = worlds
                        .iter()
                        .flat_map(|world| truth(world, subject, link))
                        .collect();
                    // What others have of a node that joins can be a moment old: the attribute
                    // managers tell each other all that they know, and that may cross with
                    // news.
                    let times = if observer == subject { 1 } else { set.len() };
                    let allowed = truth.repeat(times);
                    if !states.is_some_and(|states| is_true(&states, &allowed)) {
                        wrong.push(format!("log of n{observer}, truth {truth:?}:"));
                        wrong.extend(set.iter().map(|(_, value)| value.line.clone()));
                    }
                }
            }
        }
        if known != values.len() {
            wrong.push(format!("values of other links or nodes among {values:#?}"));
        }
        wrong
    }

    /// What a node logged of a link of another one, or of its health, and what state that is.
    fn set<'v>(
        &self,
        values: &'v [Value],
        observer: usize,
        subject: usize,
        link: Option<u8>,
    ) -> Vec<(Option<State>, &'v Value)> {
        let shown = |state: State| match link {
            Some(link) => self.bed.attribute(subject, link, &state.to_string()),
            None => watch::health(self.bed.node(subject).name(), state),
        };
        let (up, faulty) = (shown(State::Up), shown(State::Faulty));
        let values = values
            .iter()
            .filter(|value| value.observer == observer)
            .filter(|value| (&value.subject, &value.name) == (&up.0.0, &up.0.1));
        values
            .map(|value| match &value.value {
                text if *text == up.1 => (Some(State::Up), value),
                text if *text == faulty.1 => (Some(State::Faulty), value),
                _ => (None, value),
            })
            .collect()
    }
}

/// What may be shown of a node's link, or of its health, in one world, in this order.
fn truth(world: &World, subject: usize, link: Option<u8>) -> Vec<Option<State>> {
    match link {
        Some(link) if world.is_unsure(subject, link) => {
            [State::Up, State::Faulty, State::Up].map(Some).to_vec()
        }
        Some(link) => vec![world.shows(subject, link)],
        None => vec![world.health(subject)],
    }
}

fn time_of_day() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let day = now.as_secs() % 86400;
    format!("{:02}:{:02}:{:02}", day / 3600, day / 60 % 60, day % 60)
}
