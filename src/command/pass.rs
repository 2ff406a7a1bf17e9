//! The pass: observe, judge, diff, publish, remember.
//!
//! One direction, and no knowledge of where facts come from and attributes go, so that the
//! whole of it runs in tests on recorded facts. A link that cannot be judged yet is looked at
//! again within the same pass, as far as there is time; after that the next pass does it.

use std::collections::BTreeMap;
use std::mem;
use std::time::{Duration, Instant};

use crate::cluster::clock::Clock;
use crate::cluster::daemon::Daemons;
use crate::cluster::journal::{self, Entry, Level};
use crate::cluster::{Registry, Source};
use crate::model::attribute::{self, Attributes, Change};
use crate::model::check::figures::Layout;
use crate::model::failure::{Exit, Failure};
use crate::model::gather::Gather;
use crate::model::health::Health;
use crate::model::link::{Facts, LinkState, NodeId};
use crate::model::memory::{LinkMemory, Memory};
use crate::model::moment::Moment;
use crate::model::outline::Outline;
use crate::model::settings::Settings;
use crate::model::transition::{self, Transition};
use crate::model::verdict::{self, Judgement};
use crate::store::state::State;

/// How often at least a link that cannot be judged yet is looked at, because it may be good.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What a pass keeps of its time for writing, when it waits to look again.
const RESERVE: Duration = Duration::from_secs(3);

/// For how long after a change of the membership or of a daemon Pacemaker may still take
/// attributes out of the CIB: the controllers agree on a new membership, the designated
/// controller is elected (`dc-deadtime`, 20 s by default), and it cleans up.
const UNREST: Duration = Duration::from_secs(25);

/// A pass, and all that it works with.
pub struct Pass<'a> {
    /// Where facts come from.
    pub source: &'a mut dyn Source,
    /// Where attributes go.
    pub registry: &'a mut dyn Registry,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The rules' settings.
    pub settings: &'a Settings,
    /// Whether to write every attribute, also the right ones.
    pub force: bool,
    /// When every step must have ended.
    pub deadline: Instant,
    /// Says a line.
    pub say: &'a mut dyn FnMut(Entry),
    /// Keeps a link's change.
    pub record: &'a mut dyn FnMut(Transition),
    /// Keeps the state.
    pub remember: &'a mut dyn FnMut(&State) -> Result<(), Failure>,
}

impl Pass<'_> {
    /// Does the pass. `state` says what is known from before and is left as the next pass
    /// needs it, also on failure; `seen` are the daemons that /proc shows.
    ///
    /// # Errors
    /// The first thing that failed. All else was done, and what was not is done again by
    /// the next pass.
    pub fn run(&mut self, state: &mut State, seen: Daemons) -> Result<Judgement, Failure> {
        let started = self.clock.now();
        let enough = started.after(self.settings.deadline.saturating_sub(RESERVE));
        notice_restarts(state, seen, started);
        let mut first = true;
        loop {
            let looked = self.look(state, seen, first);
            let kept = (self.remember)(state);
            let judgement = looked?;
            let now = self.clock.now();
            match judgement.look_again {
                Some(again) if again <= enough && now < enough => {
                    self.clock.wait(again.since(now).min(LOOK_AGAIN));
                }
                // What cannot be kept was looked at to the end within this pass.
                _ => return kept.map(|()| judgement),
            }
            first = false;
        }
    }

    fn look(
        &mut self,
        state: &mut State,
        seen: Daemons,
        first: bool,
    ) -> Result<Judgement, Failure> {
        let now = self.clock.now();
        // What is hung must leave time to say so in the attributes.
        let reserve = RESERVE.min(self.settings.deadline / 2);
        let in_time = self.deadline.checked_sub(reserve).unwrap_or(self.deadline);
        let force = self.force && first;
        let compares = force || (first && self.must_compare(state, now));
        let last = state.outline.take();
        let entered = last.as_ref().map(|outline| outline.memberships);
        let is_usable = |outline: &Outline| !compares && outline.is_fresh(now);
        let known = last.as_ref().filter(|outline| is_usable(outline));
        let facts = match self.source.observe(in_time, known) {
            Ok(mut facts) => {
                if let Some(last) = &last {
                    last.name(&mut facts);
                }
                facts
            }
            Err(failure) => {
                // A node whose corosync is stopped is no member, and has no attributes.
                let stopped = failure.exit == Exit::CorosyncDown && seen.corosync.is_none();
                if !stopped {
                    self.doubt(state, now)?;
                }
                return Err(failure);
            }
        };
        let unreadable = state.unreadable_since.take();
        if (facts.memberships.zip(entered)).is_some_and(|(now, before)| now < before) {
            // A counter goes back only when corosync was restarted.
            forget_counters(state, now);
        }
        state.node = Some(facts.node);
        state.layout = Some(Layout::of(&facts));
        state.outline = match last.filter(is_usable) {
            Some(known) => known.followed_by(&facts, now),
            None => Outline::of(&facts, now),
        };
        notice_members(state, &facts, now);
        let compare = force || (first && self.must_compare(state, now));
        let asked = compare.then(|| self.registry.query(facts.node, self.deadline));
        let (stored, failure) = match asked {
            None => (None, None),
            Some(Ok(stored)) => (Some(stored), None),
            Some(Err(failure)) => (None, Some(failure)),
        };
        let mut unsure = false;
        if let Some(stored) = &stored {
            unsure = state.compared.is_none();
            state.compared = Some(now);
            recall(state, &facts, stored, now);
        }
        if state.memory.links.is_empty()
            && let Some(failure) = failure
        {
            // A FAULTY link that only the CIB remembers must not lose its recovery hold.
            return Err(failure);
        }
        let judgement = verdict::judge(&facts, self.settings, &state.memory, now);
        self.keep(state, &judgement, unreadable, now);
        state.memory = judgement.memory.clone();
        state.flaps.count(&facts, &state.memory.peers, now);
        self.publish(state, &judgement, stored, force, unsure)?;
        failure.map_or(Ok(judgement), Err)
    }

    /// Writes what is not as it should be. `stored` is what the CIB has, where it was asked;
    /// `unsure`, that it was asked for the first time, so that nothing is known of what the
    /// attribute manager has.
    fn publish(
        &mut self,
        state: &mut State,
        judgement: &Judgement,
        stored: Option<Attributes>,
        force: bool,
        unsure: bool,
    ) -> Result<(), Failure> {
        let acknowledged = state.published.clone();
        let stored = stored.unwrap_or_else(|| acknowledged.clone());
        let mut known = stored.clone();
        known.extend(acknowledged.clone());
        let wanted = judgement.wanted(&known);
        let changes = match force {
            true => attribute::repair(&wanted, &Attributes::new(), &stored),
            false => attribute::repair(&wanted, &acknowledged, &stored),
        };
        let mut result = Ok(());
        for change in &changes {
            match self.registry.write(change, self.deadline) {
                Ok(()) => {
                    self.tell(change, judgement, &known);
                    change.apply(&mut state.published);
                }
                Err(failure) => {
                    // It may have been done all the same: the next pass looks.
                    state.compared = None;
                    result = result.and(Err(explain(change, failure)));
                }
            }
        }
        // The attribute manager discards a value that it has already: only a refresh makes
        // it write what the CIB has lost.
        let lost = changes.iter().any(|change| {
            let name = change.name();
            let discarded = match acknowledged.get(name) {
                Some(value) => wanted.get(name) == Some(value),
                None => unsure || stored.contains_key(name),
            };
            discarded && stored.get(name) != wanted.get(name)
        });
        if lost {
            result = result.and(self.registry.refresh(self.deadline));
        }
        result
    }

    /// Hands each link's change on. What was shown as UNKNOWN was that before.
    fn keep(
        &mut self,
        state: &mut State,
        judgement: &Judgement,
        unreadable: Option<Moment>,
        now: Moment,
    ) {
        let unknown = unreadable.map(|since| since.after(self.settings.unknown_after));
        let unknown = unknown.filter(|unknown| *unknown <= now);
        let mut before = state.memory.clone();
        if mem::take(&mut state.cleared) {
            // Nothing was shown.
            before.links.clear();
        }
        for (link, memory) in &mut before.links {
            let shown = state.published.get(&attribute::name(*link));
            let shown = shown.and_then(|value| attribute::parse(value));
            if let (Some(since), Some((_, LinkState::Unknown))) = (unknown, shown) {
                (memory.state, memory.since) = (LinkState::Unknown, since);
            }
        }
        let changes = transition::between(&before, judgement, &state.published, now);
        changes.into_iter().for_each(&mut self.record);
    }

    fn tell(&mut self, change: &Change, judgement: &Judgement, before: &Attributes) {
        let name = change.name();
        // Whom a link has lost is in the reason of its change.
        let level = match attribute::link(name).is_some() || name == attribute::HEALTH {
            true => Level::Notice,
            false => Level::Info,
        };
        let Change::Update { value, .. } = change else {
            return (self.say)(written(change, level));
        };
        let was = before.get(name);
        if was == Some(value) {
            let line = format!("{name} = {value} written again");
            return (self.say)(Entry::new(Level::Info, line));
        }
        let state = |value| attribute::parse(value).map(|(_, state)| state);
        let verdict = attribute::link(name).and_then(|link| judgement.verdicts.get(&link));
        (self.say)(match (verdict, state(value)) {
            (Some(verdict), Some(now)) if was.and_then(|was| state(was)) != Some(now) => {
                let peers = verdict.reason.peers().join(" ");
                changed(name, now, value, &verdict.reason.to_string()).with(journal::PEERS, peers)
            }
            _ => written(change, level),
        });
    }

    /// Rule 6: what cannot be read is never UP. What is published stays for a while, and
    /// then it is UNKNOWN.
    fn doubt(&mut self, state: &mut State, now: Moment) -> Result<(), Failure> {
        let since = *state.unreadable_since.get_or_insert(now);
        if now.since(since) < self.settings.unknown_after {
            return Ok(());
        }
        let mut wanted = state.published.clone();
        for value in wanted.values_mut() {
            if let Some((address, _)) = attribute::parse(value) {
                *value = attribute::value(address, LinkState::Unknown);
            }
        }
        // What nobody knows has no number, and is not well.
        wanted.retain(|name, _| attribute::reached_link(name).is_none());
        if let Some(health) = wanted.get_mut(attribute::HEALTH)
            && *health == Health::Green.to_string()
        {
            *health = Health::Yellow.to_string();
        }
        let mut result = Ok(());
        for change in attribute::diff(&wanted, &state.published.clone()) {
            if let Err(failure) = self.registry.write(&change, self.deadline) {
                state.compared = None;
                result = result.and(Err(failure));
                continue;
            }
            change.apply(&mut state.published);
            match &change {
                Change::Update { name, value } if attribute::link(name).is_some() => {
                    let reason = "link state cannot be read";
                    (self.say)(changed(name, LinkState::Unknown, value, reason));
                    self.keep_unknown(state, name, value, reason, now);
                }
                change => (self.say)(written(change, Level::Notice)),
            }
            forget(state, &change, now);
        }
        result
    }

    fn keep_unknown(&mut self, state: &State, name: &str, value: &str, reason: &str, now: Moment) {
        let (Some(link), Some((address, _))) = (attribute::link(name), attribute::parse(value))
        else {
            return;
        };
        let before = state.memory.links.get(&link);
        (self.record)(Transition {
            link,
            address: address.to_owned(),
            from: before.map(|before| before.state),
            to: Some(LinkState::Unknown),
            reason: reason.to_owned(),
            peers: Vec::new(),
            lasted: before.map(|before| now.since(before.since)),
        });
    }

    fn must_compare(&self, state: &State, now: Moment) -> bool {
        let refresh = self.settings.refresh;
        let due = state.compared.is_none_or(|then| now.since(then) >= refresh);
        due || state.compare_until.is_some_and(|until| now < until)
    }
}

/// What is shown as unknown is not brought back by a look that says nothing either: Corosync that
/// went on, and whose members are all silent yet. A link that was FAULTY stays so, and has its
/// recovery hold.
fn forget(state: &mut State, change: &Change, now: Moment) {
    let memory = &mut state.memory;
    let link = attribute::link(change.name()).and_then(|link| memory.links.get_mut(&link));
    if let Some(link) = link.filter(|link| link.state == LinkState::Up) {
        (link.state, link.since) = (LinkState::Unknown, now);
    }
    if let Some(link) = attribute::reached_link(change.name()) {
        memory.reached.remove(&link);
    }
    if change.name() == attribute::HEALTH {
        memory.health = Some(Health::Yellow);
    }
}

fn written(change: &Change, level: Level) -> Entry {
    let line = match change {
        Change::Update { name, value } => format!("Node attribute {name} is now: {value}"),
        Change::Delete { name } => format!("Node attribute {name} deleted"),
    };
    Entry::new(level, line)
}

/// ifcheckd's line, which log watchers know, and after it what ifcheckd did not say.
fn changed(name: &str, state: LinkState, value: &str, reason: &str) -> Entry {
    let link = name.trim_start_matches(attribute::PREFIX);
    let address = attribute::parse(value).map_or("", |(address, _)| address);
    let line =
        format!("Interface link status changed [ring id={link}, state={state}]: {value}: {reason}");
    Entry::new(Level::Notice, line)
        .with(journal::LINK, link)
        .with(journal::ADDRESS, address)
        .with(journal::STATE, state)
}

fn explain(change: &Change, failure: Failure) -> Failure {
    let line = match (change, attribute::link(change.name())) {
        (Change::Update { value, .. }, Some(link)) => {
            let state = attribute::parse(value).map_or("?".into(), |(_, state)| state.to_string());
            format!(
                "Failed to change link status [ring id={link}, expected state={state}]: {failure}"
            )
        }
        _ => failure.line,
    };
    Failure { line, ..failure }
}

/// Forgets what a restarted daemon no longer knows. One that /proc does not show
/// counts as the one that it showed last.
fn notice_restarts(state: &mut State, seen: Daemons, now: Moment) {
    let before = state.daemons;
    state.daemons = seen.or(before);
    if before == state.daemons {
        return;
    }
    state.compare_until = Some(now.after(UNREST));
    let attrd = before.attrd != state.daemons.attrd;
    if attrd {
        // What the one before acknowledged is gone with it.
        state.published.clear();
    }
    let corosync = match (before.corosync, seen.corosync) {
        (Some(before), Some(now)) => before != now,
        (None, Some(_)) => false,
        // The attribute manager ends with it.
        (_, None) => attrd,
    };
    if corosync {
        state.daemons.corosync = seen.corosync;
        forget_counters(state, now);
    }
}

/// Forgets what was seen of a corosync that has been restarted since then: it joins and counts from
/// the beginning.
fn forget_counters(state: &mut State, now: Moment) {
    state.memory = Memory::default();
    state.flaps.restart();
    state.compare_until = Some(now.after(UNREST));
}

fn notice_members(state: &mut State, facts: &Facts, now: Moment) {
    let joined = facts.peers.iter().filter(|(_, peer)| peer.joined);
    let members: BTreeMap<NodeId, u32> = joined.map(|(&id, peer)| (id, peer.join_count)).gather();
    if state.members != members {
        state.members = members;
        state.compare_until = Some(now.after(UNREST));
    }
}

/// Takes from the CIB what the state does not know, so that a lost state file cuts no
/// recovery hold short, takes no lost peer away and makes no node healthy. Whom a link with a
/// verdict has lost is known: while there is no token, the CIB is behind what was acknowledged.
fn recall(state: &mut State, facts: &Facts, stored: &Attributes, now: Moment) {
    let known = state.memory.links.clone();
    for (name, value) in stored {
        if let Some(link) = attribute::lost_link(name)
            && !known.contains_key(&link)
        {
            let peers = facts
                .peers
                .iter()
                .filter(|(_, peer)| attribute::lost_peers(value).any(|name| name == peer.name));
            let lost = state.memory.lost.entry(link).or_default();
            lost.extend(peers.map(|(&id, _)| (id, None)));
        }
        if name == attribute::HEALTH {
            let health = &mut state.memory.health;
            *health = health.or_else(|| Health::parse(value));
        }
        if let (Some(link), Some((_, was))) = (attribute::link(name), attribute::parse(value)) {
            if !facts.links.contains_key(&link) {
                continue;
            }
            let links = &mut state.memory.links;
            links.entry(link).or_insert_with(|| remembered(was, now));
        }
    }
}

fn remembered(state: LinkState, since: Moment) -> LinkMemory {
    LinkMemory {
        state,
        since,
        good_since: None,
        gone_at: None,
    }
}
