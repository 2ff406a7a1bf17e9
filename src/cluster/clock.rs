//! The clock.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::model::moment::Moment;

/// Where the time comes from, and where it is spent.
pub trait Clock {
    /// The time since boot.
    fn now(&self) -> Moment;
    /// Lets this much time go by.
    fn wait(&self, time: Duration);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct BootClock;

impl Clock for BootClock {
    fn now(&self) -> Moment {
        let time = clock_gettime(ClockId::Boottime);
        Moment(time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000)
    }

    fn wait(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
