//! corosync's log, as its configuration has it: `cmap` would have it too, but not while corosync
//! is down.

use std::fs;
use std::path::Path;

use super::corosync::CONFIGURATION;
use crate::model::checkup::log::FILES;
use crate::model::checkup::logging::{self, Target};

/// Where corosync's lines about links go; nothing if its configuration cannot be read.
pub fn target() -> Option<Target> {
    let text = fs::read(CONFIGURATION).ok()?;
    Some(logging::target(&String::from_utf8_lossy(&text)))
}

/// The file where they would be expected on this distribution, whose packages make its directory.
pub fn usual() -> &'static str {
    let has_directory = |file: &&str| Path::new(file).parent().is_some_and(Path::is_dir);
    FILES.into_iter().find(has_directory).unwrap_or(FILES[0])
}
