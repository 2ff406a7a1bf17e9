//! Signals that would end this process, caught so that it can tidy up first.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::flag;

use crate::model::failure::{Exit, Failure, remedy};

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    /// What ends a process that writes to where nobody reads any more.
    pub const PIPE: Signal = Signal(SIGPIPE);

    const CAUGHT: [Signal; 3] = [Signal(SIGINT), Signal(SIGTERM), Signal(SIGHUP)];

    /// Its number (signal(7)).
    pub fn number(self) -> i32 {
        self.0
    }

    /// The exit code of what it ended, as shells have it.
    pub fn exit_code(self) -> u8 {
        u8::try_from(128 + self.0).unwrap_or(u8::MAX)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            SIGINT => "SIGINT",
            SIGTERM => "SIGTERM",
            SIGHUP => "SIGHUP",
            SIGPIPE => "SIGPIPE",
            _ => "a signal",
        })
    }
}

/// The signals that have come. Once they are caught they do not end this process any more.
#[derive(Clone, Debug, Default)]
pub struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Catches the signals that a person, a dropped connection or a shutdown sends. What the
    /// caller has this process ignore, as nohup(1) does, stays ignored.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn catch() -> Result<Signals, Failure> {
        let came = Arc::new(AtomicUsize::new(0));
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        for signal in Signal::CAUGHT {
            if is_ignored(&status, signal) {
                continue;
            }
            let number = usize::try_from(signal.0).expect("signals are positive");
            flag::register_usize(signal.0, Arc::clone(&came), number).map_err(|error| {
                let remedy = remedy(error.kind());
                let line = format!("cannot catch {signal}: {error}{remedy}");
                Failure::new(Exit::Failed, line)
            })?;
        }
        Ok(Signals(came))
    }

    /// The last one that has come since this was asked.
    pub fn take(&self) -> Option<Signal> {
        match self.0.swap(0, Ordering::SeqCst) {
            0 => None,
            number => i32::try_from(number).ok().map(Signal),
        }
    }
}

/// Whether a process ignores a signal, by its `SigIgn` (proc_pid_status(5)).
fn is_ignored(status: &str, signal: Signal) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal.0 - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nohup_ignores_stays_ignored() {
        let status = "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\tffffffffffffffff\n";
        assert!(is_ignored(status, Signal(SIGHUP)));
        assert!(is_ignored(status, Signal(SIGPIPE)));
        assert!(!is_ignored(status, Signal(SIGINT)));
        assert!(!is_ignored("", Signal(SIGHUP)));
    }

    #[test]
    fn the_exit_code_is_the_shells() {
        assert_eq!(Signal(SIGINT).exit_code(), 130);
        assert_eq!(Signal::PIPE.exit_code(), 141);
    }
}
