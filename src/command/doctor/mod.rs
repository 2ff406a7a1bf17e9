//! `ringcheck doctor`: checks the whole installation, and says for each point what is wrong
//! and what mends it. Reads only.

mod look;
mod report;

use std::path::Path;
use std::time::{Duration, Instant};

use super::screen::Screen;
use crate::cluster::journal::Journal;
use crate::model::checkup::{self, Grade};
use crate::model::failure::{Exit, Failure};

/// How long all of it may take; a second later it is given up.
const LIMIT: Duration = Duration::from_secs(18);

/// The report, as a table or as JSON, and [`Exit::Failed`] if something is wrong.
///
/// # Errors
/// When somebody else than root or hacluster asks.
pub fn run(
    config: Option<&Path>,
    json: bool,
    screen: Screen,
    journal: Journal,
) -> Result<(String, Exit), Failure> {
    let points = look::look(config, Instant::now() + LIMIT, journal)?;
    let exit = match checkup::worst(&points) {
        Grade::Wrong => Exit::Failed,
        Grade::Ok | Grade::Note | Grade::Warning | Grade::Skipped => Exit::Ok,
    };
    let text = match json {
        true => report::json(&points),
        false => report::table(&points, screen.colour),
    };
    Ok((text, exit))
}
