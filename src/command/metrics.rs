//! `ringcheck metrics`, and the file that each pass leaves to node_exporter.

use std::fs;
use std::path::Path;
use std::time::Instant;

use chrono::Local;

use super::view::Viewer;
use crate::cluster::Source;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::journal::{Journal, Level};
use crate::cluster::observer::Observer;
use crate::model::failure::{Exit, Failure, remedy};
use crate::model::link::Facts;
use crate::model::metrics::{self, Account, Links};
use crate::model::outline::Outline;
use crate::model::settings::Settings;
use crate::model::verdict::Judgement;
use crate::store::FOLDER;
use crate::store::config;
use crate::store::folder::Folder;
use crate::store::metrics as file;
use crate::store::stamp::Stamp;
use crate::store::state::State;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The metrics of this node, and why some are missing, if the links cannot be read.
///
/// # Errors
/// When the settings cannot be read.
pub fn run(config: Option<&Path>) -> Result<(String, Option<Failure>), Failure> {
    let settings = config::read(config)?;
    let mut viewer = Viewer::new(Observer::with_traffic());
    Ok(match viewer.look_as_a_pass(&settings) {
        Ok(view) => {
            let links = Links {
                facts: &view.facts,
                judgement: &view.judgement,
                traffic: &viewer.observer.traffic,
                flaps: view.known.state.as_ref().map(|state| &state.flaps.links),
            };
            let account = view.known.stamp.as_ref().map(account);
            let text = metrics::text(VERSION, account.as_ref(), Some(&links));
            (text, None)
        }
        Err(failure) => {
            let account = Folder::new(FOLDER).stamp().ok().as_ref().map(account);
            let text = metrics::text(VERSION, account.as_ref(), None);
            (text, Some(failure))
        }
    })
}

fn account(stamp: &Stamp) -> Account {
    let now = BootClock.now();
    let wall = Local::now().timestamp_millis() as f64 / 1000.0;
    Account {
        last: stamp.good.filter(|good| good.started <= now).map(|good| {
            let ago = now.since(good.started).as_secs_f64();
            (wall - ago, good.took as f64 / 1000.0)
        }),
        passes: stamp.passes,
        failures: stamp.failures,
        writes: stamp.writes,
        failed_writes: stamp.failed_writes,
    }
}

/// An observer who remembers what he saw last, for the file.
#[derive(Default)]
pub struct Witness {
    observer: Observer,
    wanted: bool,
    seen: Option<Facts>,
}

impl Witness {
    /// Remembers only if there is a file to write.
    pub fn new(settings: &Settings) -> Witness {
        match settings.metrics_file {
            Some(_) => Witness {
                observer: Observer::with_traffic(),
                wanted: true,
                seen: None,
            },
            None => Witness::default(),
        }
    }
}

impl Source for Witness {
    fn observe(&mut self, deadline: Instant, known: Option<&Outline>) -> Result<Facts, Failure> {
        let facts = self.observer.observe(deadline, known);
        if self.wanted {
            self.seen = facts.as_ref().ok().cloned();
        }
        facts
    }
}

/// What a good pass has seen.
pub struct Seen {
    /// The facts.
    pub witness: Witness,
    /// The state that it leaves.
    pub state: State,
    /// The verdicts.
    pub judgement: Judgement,
}

/// Leaves the metrics in the file: of a pass that failed, without the links. What a pass is for
/// is done by then, so it does not fail by this, and it is said once until it works again.
pub fn leave(path: &Path, seen: Option<&Seen>, journal: Journal) {
    let folder = Folder::new(FOLDER);
    let mut stamp = folder.stamp().unwrap_or_default();
    let links = seen.and_then(|seen| {
        Some(Links {
            facts: seen.witness.seen.as_ref()?,
            judgement: &seen.judgement,
            traffic: &seen.witness.observer.traffic,
            flaps: Some(&seen.state.flaps.links),
        })
    });
    let text = metrics::text(VERSION, Some(&account(&stamp)), links.as_ref());
    let written = file::write(path, text.as_bytes());
    if written.is_err() != stamp.unwritten {
        stamp.unwritten = written.is_err();
        let _ = folder.set_stamp(&stamp);
        if let Err(failure) = written {
            journal.say(Level::Error, &failure.line);
        }
    }
}

/// Takes the file away: there are no passes any more that would keep it true.
pub fn take_away(path: &Path, journal: Journal) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let remedy = remedy(error.kind());
            let line = format!("cannot remove {}: {error}{remedy}", path.display());
            journal.say(Level::Error, &Failure::new(Exit::Failed, line).line);
        }
        _ => {}
    }
}
