//! The end of a call that hangs, without the cost of a thread: the process begins anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::alarm;

/// What such a call may take, in seconds.
const PATIENCE: u32 = 1;

static SET: AtomicBool = AtomicBool::new(false);

/// Makes a call. If that has not ended after a second the program is executed again in place of
/// this process (`start.rs`), and there it is not made. Nor is it where somebody else has set an
/// alarm before this program was executed, as one does to end it.
pub fn limit<T>(call: impl FnOnce() -> T) -> Option<T> {
    if has_rung() {
        return None;
    }
    SET.store(true, Ordering::Relaxed);
    let theirs = alarm::set(PATIENCE);
    let result = theirs.is_none().then(call);
    match theirs {
        Some(seconds) => alarm::set(seconds),
        None => alarm::cancel(),
    };
    SET.store(false, Ordering::Relaxed);
    result
}

/// Whether an alarm that rings now is ours.
pub fn is_set() -> bool {
    SET.load(Ordering::Relaxed)
}

/// Whether the program is executed again because a call has not ended. The signal that is being
/// handled is blocked, and stays so through execve(2).
pub fn has_rung() -> bool {
    SigSet::thread_get_mask().is_ok_and(|blocked| blocked.contains(Signal::SIGALRM))
}

/// What such a call has taken already of the time that this process has.
pub fn spent() -> Duration {
    match has_rung() {
        true => Duration::from_secs(PATIENCE.into()),
        false => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_an_alarm_of_others_alone() {
        assert_eq!(limit(|| ()), Some(()));
        assert_eq!(alarm::cancel(), None);
        alarm::set(100);
        assert_eq!(limit(|| ()), None);
        assert!(alarm::cancel().is_some_and(|left| left > 90));
    }
}
