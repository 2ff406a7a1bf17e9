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
    /// A line of corosync's log: the same, and leaves to the timer what fails, since a pass that
    /// fails may itself have corosync write a line.
    Log,
}

/// Which of them are at work on this node; nothing where that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Triggers {
    /// The timer is active.
    pub timer: Option<bool>,
    /// The file that corosync logs to is watched.
    pub log: Option<bool>,
    /// The alert agent is registered for node events, and can be started.
    pub alert: Option<bool>,
}

impl fmt::Display for Triggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (Trigger::Timer, self.timer),
            (Trigger::Log, self.log),
            (Trigger::Alert, self.alert),
        ];
        let those = |wanted| {
            let those = all.iter().filter(|(_, active)| *active == Some(wanted));
            let names: Vec<String> = those.map(|(trigger, _)| trigger.to_string()).collect();
            names.join(", ")
        };
        match (those(true), those(false)) {
            (none, _) if none.is_empty() => write!(f, "triggers: none"),
            (active, none) if none.is_empty() => write!(f, "triggers: {active}"),
            (active, off) => write!(f, "triggers: {active}; not {off}"),
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trigger::Hand => "hand",
            Trigger::Timer => "timer",
            Trigger::Alert => "alert",
            Trigger::Log => "log",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_triggers_that_are_off_are_named() {
        let told = |timer, log, alert| Triggers { timer, log, alert }.to_string();
        let (on, off) = (Some(true), Some(false));
        assert_eq!(told(on, on, on), "triggers: timer, log, alert");
        assert_eq!(told(on, off, off), "triggers: timer; not log, alert");
        assert_eq!(told(on, on, None), "triggers: timer, log");
        assert_eq!(told(off, off, off), "triggers: none");
    }
}
