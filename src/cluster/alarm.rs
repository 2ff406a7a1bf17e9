//! The end of a call that hangs, without the cost of a thread: the process begins anew.

use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::alarm;

/// What such a call may take, in seconds.
const PATIENCE: u32 = 1;

/// Makes a call. If that has not ended after a second the program is executed again in place of
/// this process (`start.rs`), and knows by [`has_rung`] that it is not to make the call.
pub fn limit<T>(call: impl FnOnce() -> T) -> T {
    alarm::set(PATIENCE);
    let result = call();
    alarm::cancel();
    result
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
