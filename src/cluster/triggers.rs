//! What starts passes on this node.

use std::time::{Duration, Instant};

use super::{log, registered, systemd};
use crate::model::checkup::{Answer, Grade, log::is_watched, shown};
use crate::model::trigger::Triggers;

/// How long systemd and the CIB may each take to answer: this is a word beside the links.
const ANSWER: Duration = Duration::from_secs(1);

/// Asks systemd and the CIB, by a child each.
pub fn ask() -> Triggers {
    let units = systemd::units(Instant::now() + ANSWER).ok().flatten();
    let target = log::target();
    let alerts = registered::alerts(Instant::now() + ANSWER).ok();
    Triggers {
        timer: units.as_ref().map(|units| units.timer.is_active()),
        log: units.map(|units| is_watched(&units, target.as_ref())),
        alert: alerts.map(|alerts| {
            let points = shown::alerts(&Answer::Known(alerts), None, false);
            points.iter().all(|point| point.grade != Grade::Wrong)
        }),
    }
}
