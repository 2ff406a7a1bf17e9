//! Waiting for something to become true, with a limit.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

const PAUSE: Duration = Duration::from_millis(100);

/// Polls until `poll` finds a value.
///
/// An error of `poll` counts as "not yet".
///
/// # Errors
///
/// After `limit`: what was waited for, how long, and the last error of `poll`.
pub fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut poll: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        let error = match poll() {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if start.elapsed() >= limit {
            let waited = format!("waited {} s for {what}, in vain", limit.as_secs_f32());
            return Err(match error {
                Some(error) => error.context(waited),
                None => anyhow!(waited),
            });
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_means_not_yet() {
        let mut calls = 0;
        let found = wait_until("the third call", Duration::from_secs(5), || {
            calls += 1;
            if calls < 3 {
                Err(anyhow!("no"))
            } else {
                Ok(Some(calls))
            }
        });
        assert_eq!(found.unwrap(), 3);
    }

    #[test]
    fn the_limit_tells_what_it_waited_for_and_the_last_error() {
        let error = wait_until::<()>("a miracle", Duration::ZERO, || Err(anyhow!("not today")))
            .unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "waited 0 s for a miracle, in vain: not today"
        );
    }
}
