//! What asks for a pass.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What asked for a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A person.
    Hand,
    /// The timer: says a failure once, until it changes.
    Timer,
    /// Pacemaker, on a node event: the same, and does not bring back what was cleared.
    Alert,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trigger::Hand => "hand",
            Trigger::Timer => "timer",
            Trigger::Alert => "alert",
        })
    }
}
