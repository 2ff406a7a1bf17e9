//! What else needs saying: that nobody looks, that looking fails, that there is no second link.

use std::time::Duration;

use crate::command::screen::{short_duration, short_time};
use crate::command::view::View;
use crate::model::moment::Moment;
use crate::store::stamp::Stamp;

/// After how long without a good pass something is wrong: the timer does one every 5 s, and
/// an administrator may have made it slower.
const LONG_AGO: Duration = Duration::from_secs(30);

/// A line for each. Where no pass can be done, for want of Pacemaker or of the folder, nobody is
/// told that there is none.
pub fn of(view: &View) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(view.facts.failed_reload.as_ref().map(ToString::to_string));
    if view.facts.links.len() == 1 && !view.facts.peers.is_empty() {
        notes.push("one link only: nothing takes over when it fails".to_owned());
    }
    if let Some(stamp) = &view.known.stamp
        && view.pacemaker_may_run()
    {
        let clock = |moment| view.wall(moment).map(|time| short_time(time, view.wall));
        notes.extend(of_the_passes(stamp, view.now, clock));
    }
    notes
}

fn of_the_passes(
    stamp: &Stamp,
    now: Moment,
    clock: impl Fn(Moment) -> Option<String>,
) -> Option<String> {
    let ago = stamp.good.map(|good| now.since(good.started));
    match (&stamp.failing, ago) {
        (Some(failing), _) => {
            let since = clock(failing.since).map_or(String::new(), |at| format!(" since {at}"));
            Some(format!("passes fail{since}: {}", failing.line))
        }
        (None, None) => Some("no pass yet: is ringcheck.timer running?".to_owned()),
        (None, Some(ago)) if ago > LONG_AGO => Some(format!(
            "last pass {} ago: is ringcheck.timer running?",
            short_duration(ago)
        )),
        (None, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::{Exit, Failure};
    use crate::model::trigger::Trigger;
    use crate::store::stamp::Good;

    fn told(stamp: &Stamp, now: u64) -> Option<String> {
        of_the_passes(stamp, Moment(now), |_| Some("14:03:11".to_owned()))
    }

    #[test]
    fn a_timer_that_does_not_run_is_asked_for() {
        let mut stamp = Stamp::default();
        let ask = "is ringcheck.timer running?";
        assert_eq!(told(&stamp, 1000), Some(format!("no pass yet: {ask}")));
        stamp.succeed(
            Good {
                started: Moment(1000),
                took: 10,
                forced: false,
                trigger: Trigger::Timer,
            },
            0,
        );
        assert_eq!(told(&stamp, 31_000), None);
        assert_eq!(
            told(&stamp, 181_000),
            Some(format!("last pass 3m ago: {ask}"))
        );
    }

    #[test]
    fn passes_that_fail_say_with_what() {
        let mut stamp = Stamp::default();
        let failure = Failure::new(Exit::State, "no room");
        stamp.fail(&failure, Trigger::Timer, Moment(1000));
        let told = told(&stamp, 2000);
        assert_eq!(told.as_deref(), Some("passes fail since 14:03:11: no room"));
    }
}
