//! `ringcheck clear`: deletes this node's attributes, as stopping ifcheckd did.

use std::path::Path;
use std::time::Instant;

use super::station::{self, Station};
use super::{metrics, once};
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::journal::{Journal, Level};
use crate::cluster::observer::Observer;
use crate::cluster::pacemaker::Pacemaker;
use crate::cluster::{Registry, Source};
use crate::model::attribute::{self, Attributes};
use crate::model::failure::Failure;
use crate::model::transition::Transition;
use crate::model::trigger::Trigger;
use crate::store::config;

/// Deletes every attribute of ringcheck's and has alerts leave it at that. Where Pacemaker
/// does not run there is none, and that is fine.
///
/// # Errors
/// When an attribute cannot be deleted, or the state cannot be kept.
pub fn run(config: Option<&Path>, trigger: Trigger, journal: Journal) -> Result<(), Failure> {
    if trigger == Trigger::Timer {
        journal.say(
            Level::Notice,
            "Stop monitoring interface. Notified of Pacemaker stop event",
        );
    }
    let settings = config::read(config)?;
    let deadline = Instant::now() + settings.deadline;
    let file = settings.metrics_file.as_deref();
    let station = Station::enter()?;
    let lock = station.lock(deadline, journal)?;
    let before = station.load()?;
    let mut state = before.clone();
    let look = station.look(&state);
    station.confine(file);
    station::watch("the pass", deadline, journal, |_| true);
    let mut result = Ok(());
    if look.pacemaker_may_run() {
        let node = match state.node {
            Some(node) => Ok(node),
            None => Observer::default()
                .observe(deadline, None)
                .map(|facts| facts.node),
        };
        let stored = node.and_then(|node| Pacemaker.query(node, deadline));
        // What the CIB cannot tell, the state does.
        let stored = stored.unwrap_or_default();
        for change in attribute::repair(&Attributes::new(), &state.published, &stored) {
            let deleted = Pacemaker.write(&change, deadline);
            if deleted.is_ok() {
                change.apply(&mut state.published);
                let line = format!("Node attribute {} deleted", change.name());
                journal.say(Level::Notice, &line);
            }
            result = result.and(deleted);
        }
    } else {
        state.published.clear();
    }
    let stopped = !state.cleared;
    state.cleared = true;
    state.save(&station.folder, &before)?;
    drop(lock);
    if let Some(file) = file {
        metrics::take_away(file, journal);
    }
    if stopped {
        let now = BootClock.now();
        let gone = state.memory.links.iter().map(|(&link, memory)| {
            let reason = "the attributes were deleted";
            let change = Transition::gone(link, memory, &before.published, reason, now);
            once::record(&change, trigger)
        });
        once::remember(&gone.collect::<Vec<_>>(), journal);
    }
    result
}
