//! The pass: observe, judge, diff, publish, remember.
//!
//! One direction, and no knowledge of where facts come from and attributes go, so that the
//! whole of it runs in tests on recorded facts. A link that cannot be judged yet is looked at
//! again within the same pass, as far as there is time; after that the next pass does it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::cluster::clock::Clock;
use crate::cluster::daemon::Daemons;
use crate::cluster::journal::Level;
use crate::cluster::{Registry, Source};
use crate::model::attribute::{self, Attributes, Change};
use crate::model::failure::Failure;
use crate::model::link::{Facts, LinkState, NodeId};
use crate::model::memory::{LinkMemory, Memory};
use crate::model::moment::Moment;
use crate::model::settings::Settings;
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
    pub say: &'a mut dyn FnMut(Level, &str),
    /// Keeps the state.
    pub remember: &'a mut dyn FnMut(&State) -> Result<(), Failure>,
}

impl Pass<'_> {
    /// Does the pass. `state` says what is known from before and is left as the next pass
    /// needs it, also on failure.
    ///
    /// # Errors
    /// The first thing that failed. All else was done, and what was not is done again by
    /// the next pass.
    pub fn run(&mut self, state: &mut State, daemons: Daemons) -> Result<Judgement, Failure> {
        let started = self.clock.now();
        let enough = started.after(self.settings.deadline.saturating_sub(RESERVE));
        notice_restarts(state, daemons, started);
        let mut first = true;
        loop {
            let looked = self.look(state, first);
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

    fn look(&mut self, state: &mut State, first: bool) -> Result<Judgement, Failure> {
        let now = self.clock.now();
        // What is hung must leave time to say so in the attributes.
        let reserve = RESERVE.min(self.settings.deadline / 2);
        let in_time = self.deadline.checked_sub(reserve).unwrap_or(self.deadline);
        let facts = match self.source.observe(in_time) {
            Ok(facts) => facts,
            Err(failure) => {
                self.doubt(state, now)?;
                return Err(failure);
            }
        };
        state.unreadable_since = None;
        state.node = Some(facts.node);
        notice_members(state, &facts, now);
        let force = self.force && first;
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
        state.memory = judgement.memory.clone();
        state.flaps.count(&facts, &state.memory.peers);
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

    fn tell(&mut self, change: &Change, judgement: &Judgement, before: &Attributes) {
        let state = |value: &str| attribute::parse(value).map(|(_, state)| state);
        let line = match change {
            Change::Delete { name } => format!("Node attribute {name} deleted"),
            Change::Update { name, value } => {
                let was = before.get(name);
                let reason = attribute::link(name)
                    .and_then(|link| judgement.verdicts.get(&link))
                    .map(|verdict| format!(": {}", verdict.reason))
                    .unwrap_or_default();
                if was == Some(value) {
                    (self.say)(Level::Info, &format!("{name} = {value} written again"));
                    return;
                }
                match (was.and_then(|was| state(was)), state(value)) {
                    (was, Some(now)) if was != Some(now) => changed(name, now, value, &reason),
                    _ => format!("Node attribute {name} is now: {value}"),
                }
            }
        };
        (self.say)(Level::Notice, &line);
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
        let mut result = Ok(());
        for change in attribute::diff(&wanted, &state.published.clone()) {
            if let Err(failure) = self.registry.write(&change, self.deadline) {
                state.compared = None;
                result = result.and(Err(failure));
                continue;
            }
            change.apply(&mut state.published);
            let reason = ": link state cannot be read";
            if let Change::Update { name, value } = &change {
                (self.say)(
                    Level::Notice,
                    &changed(name, LinkState::Unknown, value, reason),
                );
            }
        }
        result
    }

    fn must_compare(&self, state: &State, now: Moment) -> bool {
        let refresh = self.settings.refresh;
        let due = state.compared.is_none_or(|then| now.since(then) >= refresh);
        due || state.compare_until.is_some_and(|until| now < until)
    }
}

/// ifcheckd's line, which log watchers know, and after it what ifcheckd did not say.
fn changed(name: &str, state: LinkState, value: &str, reason: &str) -> String {
    let link = name.trim_start_matches(attribute::PREFIX);
    format!("Interface link status changed [ring id={link}, state={state}]: {value}{reason}")
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
    Failure::new(failure.exit, line)
}

fn notice_restarts(state: &mut State, daemons: Daemons, now: Moment) {
    if state.daemons == daemons {
        return;
    }
    if state.daemons.attrd != daemons.attrd {
        // What the one before acknowledged is gone with it.
        state.published.clear();
    }
    if state.daemons.corosync != daemons.corosync {
        // It joins anew and counts anew: what was seen before says nothing.
        state.memory = Memory::default();
        state.flaps.restart();
    }
    state.daemons = daemons;
    state.compare_until = Some(now.after(UNREST));
}

fn notice_members(state: &mut State, facts: &Facts, now: Moment) {
    let joined = facts.peers.iter().filter(|(_, peer)| peer.joined);
    let members: BTreeMap<NodeId, u32> = joined.map(|(&id, peer)| (id, peer.join_count)).collect();
    if state.members != members {
        state.members = members;
        state.compare_until = Some(now.after(UNREST));
    }
}

/// Takes from the CIB what the state does not know, so that a lost state file cuts no
/// recovery hold short.
fn recall(state: &mut State, facts: &Facts, stored: &Attributes, now: Moment) {
    for (name, value) in stored {
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
