//! What a real cluster says: Corosync, the attributes, and every value that they had.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lab::{Node, wait_until};

use super::world::{State, World};
use super::{HOLD, INTERVAL, MARGIN, STEADY};
use crate::bed::{Attributes, Bed, HEALTH, LONG};
use crate::record::{LOG, set};

/// One value that a node's attribute manager took.
#[derive(Clone, Debug)]
pub struct Value {
    /// The node whose log has it.
    pub observer: usize,
    /// The node whose attribute it is.
    pub subject: String,
    pub name: String,
    pub value: String,
    /// The line of the log.
    pub line: String,
}

/// How long it took after a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Until Corosync saw it on every node.
    pub corosync: Duration,
    /// From then until Pacemaker had agreed on who is online.
    pub online: Duration,
    /// From then until every node showed the right attributes.
    pub shown: Duration,
    /// How many attributes were compared in the end.
    pub compared: usize,
}

/// Follows a cluster.
pub struct Watch<'a> {
    bed: &'a Bed,
    /// How far each node's log has been read.
    lines: BTreeMap<usize, usize>,
    ping_interval: Duration,
    ping_timeout: Duration,
}

impl<'a> Watch<'a> {
    /// Starts with what happens from now on.
    pub fn begin(bed: &'a Bed) -> Result<Watch<'a>> {
        let setting = |name: &str| -> Result<Duration> {
            let key = format!("runtime.config.totem.interface.0.knet_ping_{name}");
            let shown = bed.node(1).run(&["corosync-cmapctl", "-g", &key])?;
            let (_, value) = shown.trim().rsplit_once(' ').context("no value")?;
            Ok(Duration::from_millis(value.parse()?))
        };
        let mut watch = Watch {
            bed,
            lines: BTreeMap::new(),
            ping_interval: setting("interval")?,
            ping_timeout: setting("timeout")?,
        };
        watch.values()?;
        Ok(watch)
    }

    /// How long Corosync may take. A link that has just come is given ten times its timeout;
    /// after that a member is given up after the token's and the consensus' time.
    pub fn corosync_limit(&self) -> Duration {
        10 * self.ping_timeout + Duration::from_secs(20)
    }

    /// How long the attributes may take after that: until a node believes that it is alone,
    /// the recovery hold, and two runs of the timer.
    pub fn shown_limit(&self) -> Duration {
        4 * (self.ping_interval + self.ping_timeout) + HOLD + 2 * INTERVAL + MARGIN
    }

    /// Waits until all nodes show the last of these worlds, and do so steadily.
    pub fn settle(&self, worlds: &[World], restarted: bool) -> Result<Times> {
        let world = worlds.last().context("no world")?;
        let start = Instant::now();
        let mut times = Times::default();
        wait_until("Corosync to see it", self.corosync_limit(), || {
            self.corosync_agrees(world)?;
            Ok(Some(()))
        })?;
        times.corosync = start.elapsed();
        for group in groups(world) {
            if 2 * group.len() > world.nodes {
                self.bed.cluster.wait_online(&group, LONG)?;
            }
        }
        let online = start.elapsed();
        times.online = online - times.corosync;
        let mut since = None;
        let what = "the attributes to agree with it";
        wait_until(what, self.shown_limit() + STEADY, || {
            let agree = self.corosync_agrees(world).and_then(|()| self.agree(world));
            if agree.is_err() {
                since = None;
            }
            times.compared = agree?;
            let since = *since.get_or_insert_with(|| start.elapsed());
            times.shown = since.saturating_sub(online);
            Ok((start.elapsed() - since >= STEADY).then_some(()))
        })?;
        let held = !restarted && recovered(&worlds[0], world);
        let shown = online + times.shown;
        ensure!(
            !held || shown >= HOLD,
            "UP {shown:.1?} after the step: the hold was not kept"
        );
        Ok(times)
    }

    fn corosync_agrees(&self, world: &World) -> Result<()> {
        for n in world.up() {
            let node = self.bed.node(n);
            let script = "corosync-cmapctl -m stats stats.knet.node | grep connected; \
                corosync-cmapctl runtime.members | grep status";
            let text = node.sh(script)?;
            let said: BTreeMap<&str, &str> = text.lines().filter_map(key).collect();
            let members = world.partition(n);
            for peer in 1..=world.nodes {
                let id = self.bed.node(peer).id();
                let status = said.get(format!("runtime.members.{id}.status").as_str());
                let joined = status == Some(&"joined");
                ensure!(
                    joined == members.contains(&peer),
                    "n{n} has n{peer} {status:?}"
                );
                for &link in world.links.iter().filter(|_| peer != n) {
                    let key = format!("stats.knet.node{id}.link{link}.connected");
                    let connected = said.get(key.as_str());
                    let answers = world.answers(n, peer, link);
                    ensure!(
                        (connected == Some(&"1")) == answers,
                        "n{n} has n{peer} link {link} connected {connected:?}"
                    );
                    ensure!(
                        connected.is_some() == world.configured.contains(&link),
                        "n{n} has n{peer} link {link} connected {connected:?}"
                    );
                }
            }
        }
        Ok(())
    }

    /// That every node shows all that it must, and nothing else; how many attributes.
    fn agree(&self, world: &World) -> Result<usize> {
        let mut compared = 0;
        for n in world.up() {
            let mut wanted = Attributes::new();
            for member in world.partition(n) {
                for &link in &world.links {
                    if let Some(state) = world.shows(member, link) {
                        let state = state.to_string();
                        wanted.extend([self.bed.attribute(member, link, &state)]);
                        wanted.extend(self.lost(world, member, link));
                    }
                    if let Some(reached) = world.reached(member, link) {
                        let name = format!("ringpeers_{link}");
                        wanted.insert((self.name(member), name), reached.to_string());
                    }
                }
                if let Some(state) = world.health(member) {
                    wanted.extend([health(&self.name(member), state)]);
                }
            }
            let mut seen = self.bed.all_seen_from(n)?;
            // The CIB of Pacemaker 2.0 may keep that of a node that is gone.
            let members: Vec<String> = world.partition(n).iter().map(|&m| self.name(m)).collect();
            let health = self.bed.health_seen_from(n)?.into_iter();
            seen.extend(health.filter(|((name, _), _)| members.contains(name)));
            self.doubt(world, n, &mut wanted, &seen);
            ensure!(
                seen == wanted,
                "n{n} shows {seen:?}\nand not      {wanted:?}"
            );
            compared += wanted.len();
        }
        Ok(compared)
    }

    /// Wants what is seen where either may be.
    fn doubt(&self, world: &World, n: usize, wanted: &mut Attributes, seen: &Attributes) {
        let unsure = world.links.iter().filter(|link| world.is_unsure(n, **link));
        for &link in unsure {
            let (key, faulty) = self.bed.attribute(n, link, &State::Faulty.to_string());
            if seen.get(&key) == Some(&faulty) {
                wanted.insert(key, faulty);
            }
        }
    }

    /// The attribute that names whom a member has lost, if it has.
    fn lost(&self, world: &World, n: usize, link: u8) -> Option<((String, String), String)> {
        let lost = world.lost(n, link).into_iter();
        let lost: Vec<String> = lost.map(|n| self.name(n)).collect();
        let key = (self.name(n), format!("ringlost_{link}"));
        (!lost.is_empty()).then(|| (key, lost.join(" ")))
    }

    fn name(&self, n: usize) -> String {
        self.bed.node(n).name().to_owned()
    }

    /// How often each running node's knet has given each link up, over all peers.
    pub fn down_counts(&self) -> Result<BTreeMap<(usize, u8), u64>> {
        let mut counts = BTreeMap::new();
        for node in self.bed.cluster.nodes().iter().filter(|node| node.is_up()) {
            let script = "corosync-cmapctl -m stats stats.knet.node | grep down_count || true";
            let text = node.sh(script)?;
            for (key, count) in text.lines().filter_map(key) {
                let link = key
                    .split_once(".link")
                    .and_then(|(_, rest)| rest.split_once('.'));
                let link: u8 = link.context("no link")?.0.parse()?;
                *counts.entry((node.number(), link)).or_default() += count.parse::<u64>()?;
            }
        }
        Ok(counts)
    }

    /// Every value that the nodes' attribute managers took since the last time. The log of a
    /// node without power is read when it is up again.
    pub fn values(&mut self) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        for node in self.bed.cluster.nodes().iter().filter(|node| node.is_up()) {
            let read = self.lines.entry(node.number()).or_default();
            let script = format!(
                "tail -n +{} {LOG} | awk '/Setting (ringnumber_|#health-ringcheck)/ {{ print }} END {{ print NR }}'",
                *read + 1
            );
            let text = node.sh(&script)?;
            let mut lines: Vec<&str> = text.lines().collect();
            *read += lines.pop().context("no count")?.trim().parse::<usize>()?;
            for line in lines {
                values.extend(value(node.number(), line)?);
            }
        }
        Ok(values)
    }

    /// What is needed to understand what went wrong.
    pub fn tell(&self) {
        for node in self.bed.cluster.nodes().iter().filter(|node| node.is_up()) {
            eprintln!("--- {}\n{}", node.name(), evidence(node));
        }
    }
}

/// The attribute that tells a node's health, which is green where the world is `Up` to it.
pub fn health(node: &str, state: State) -> ((String, String), String) {
    let colour = match state {
        State::Up => "green",
        State::Faulty => "yellow",
    };
    ((node.to_owned(), HEALTH.to_owned()), colour.to_owned())
}

fn evidence(node: &Node) -> String {
    let script = "journalctl --no-pager -o short-precise -n 25 -t ringcheck; \
        tail -n 25 /var/log/corosync/corosync.log; \
        grep -E 'Setting ringnumber|node_update|Removing all|purge' /var/log/pacemaker/pacemaker.log \
            | tail -n 30; \
        corosync-cmapctl -m stats stats.knet.node | grep -E 'connected|down_count'; \
        corosync-cmapctl runtime.members | grep status; ip -br address; \
        ringcheck; cat /run/ringcheck/state.json";
    match node.output(&["sh", "-c", script]) {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => format!("{error:#}"),
    }
}

/// The nodes that run, by partition.
fn groups(world: &World) -> Vec<Vec<usize>> {
    let mut groups: Vec<_> = world.up().iter().map(|&n| world.partition(n)).collect();
    groups.sort();
    groups.dedup();
    groups
}

/// Whether a link that was FAULTY is UP.
fn recovered(before: &World, after: &World) -> bool {
    let shown = |world: &World, n, link, state| world.shows(n, link) == Some(state);
    let recovered = |n, link| {
        let faulty = shown(before, n, link, State::Faulty);
        faulty && shown(after, n, link, State::Up) && !after.is_unsure(n, link)
    };
    let recovers = |&n: &usize| before.links.iter().any(|&link| recovered(n, link));
    before.up().iter().any(recovers)
}

/// A key and its value from `key (type) = value`.
fn key(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(" = ")?;
    Some((key.split(' ').next()?, value.trim()))
}

/// The value that a line of the log tells; none if it is gone now.
fn value(observer: usize, line: &str) -> Result<Option<Value>> {
    let (name, subject, value) = set(line)?;
    let gone = value.starts_with("(unset)");
    Ok((!gone).then(|| Value {
        observer,
        subject: subject.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        line: line.to_owned(),
    }))
}
