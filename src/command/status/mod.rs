//! `ringcheck status`: the links as they are now, read-only.

mod cluster;
mod notes;
mod report;
mod table;
mod watch;

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::Local;
use serde::Serialize;

use self::report::Report;
use super::screen::{self, Screen};
use super::view::Viewer;
use crate::cluster::journal::{Journal, Level};
use crate::cluster::members;
use crate::cluster::triggers;
use crate::model::failure::Failure;
use crate::model::settings::Settings;
use crate::model::trigger::Trigger;
use crate::store::config;

/// What to show, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// As JSON.
    pub json: bool,
    /// All nodes, by what they have published.
    pub cluster: bool,
    /// Again and again, with this much time between.
    pub watch: Option<Duration>,
}

/// Shows the links, once or again and again.
///
/// # Errors
/// When the settings, or at a single look the links, cannot be read, or standard output cannot
/// be written to.
pub fn run(config: Option<&Path>, options: &Options) -> Result<(), Failure> {
    let settings = config::read(config)?;
    let mut viewer = Viewer::default();
    let mut look = || shown(options, &settings, &mut viewer);
    match options.watch {
        None => screen::print(&look()?).map(drop),
        Some(every) => watch::run(every, || match look() {
            // What reads JSON is to find nothing else.
            Err(failure) if options.json => {
                Journal::new(Trigger::Hand, false).say(Level::Error, &failure.line);
                Ok(String::new())
            }
            Err(failure) => {
                let time = Local::now().format("%H:%M:%S");
                Ok(format!(
                    "{time}\n\n{}",
                    Screen::of_stdout().wrap(&failure.line, 0)
                ))
            }
            text => text,
        }),
    }
}

fn shown(options: &Options, settings: &Settings, viewer: &mut Viewer) -> Result<String, Failure> {
    // A terminal's size may change between two looks.
    let screen = Screen::of_stdout();
    if options.cluster {
        let members = members::ask(Instant::now() + settings.deadline)?;
        let report = cluster::Report::of(&members, Local::now());
        return Ok(match options.json {
            true => json_text(&report),
            false => cluster::screen(&report, screen),
        });
    }
    let view = viewer.look_as_a_pass(settings)?;
    let triggers = view.pacemaker_may_run().then(triggers::ask);
    let report = Report::of(&view, triggers);
    Ok(match options.json {
        true => json_text(&report),
        false => table::of(&report, screen),
    })
}

fn json_text(report: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(report).expect("a report is always valid JSON");
    text + "\n"
}
