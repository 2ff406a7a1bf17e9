//! corosync's log, as its configuration has it: `cmap` would have it too, but not while corosync
//! is down.

use std::fs;

use super::corosync::CONFIGURATION;
use crate::model::checkup::log::{self, Target};

/// Where corosync logs to; nothing if its configuration cannot be read.
pub fn target() -> Option<Target> {
    let text = fs::read(CONFIGURATION).ok()?;
    Some(log::target(&String::from_utf8_lossy(&text)))
}
