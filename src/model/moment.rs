//! A point in time since boot, as data: nothing here reads a clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since boot, sleep included (`CLOCK_BOOTTIME`); steps of the wall clock do
/// not touch it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment that comes this much later.
    pub fn after(self, wait: Duration) -> Moment {
        Moment(self.0.saturating_add(wait.as_millis() as u64))
    }

    /// The moment that came this much earlier, the boot at the earliest.
    pub fn before(self, time: Duration) -> Moment {
        Moment(self.0.saturating_sub(time.as_millis() as u64))
    }

    /// How much time went by since `earlier`; none if that is not earlier.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
