//! The table at the end of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::watch::Times;

/// What a run did and found.
#[derive(Default)]
pub struct Report {
    kinds: BTreeMap<&'static str, (usize, Times)>,
    /// How many values of the logs were judged.
    pub values: usize,
    /// How many attributes were compared after a step.
    compared: usize,
    pub wrong: Vec<String>,
}

impl Report {
    pub fn add(&mut self, kind: &'static str, times: Times) {
        let (count, most) = self.kinds.entry(kind).or_default();
        *count += 1;
        most.corosync = most.corosync.max(times.corosync);
        most.online = most.online.max(times.online);
        most.shown = most.shown.max(times.shown);
        self.compared += times.compared;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: &Duration| format!("{:.1} s", time.as_secs_f32());
        let mut line = |kind: &str, count: usize, times: &Times| {
            let (corosync, online) = (seconds(&times.corosync), seconds(&times.online));
            let shown = seconds(&times.shown);
            writeln!(
                f,
                "{kind:20} {count:5} {corosync:>10} {online:>10} {shown:>10}"
            )
        };
        let mut total = (0, Times::default());
        for (kind, (count, times)) in &self.kinds {
            line(kind, *count, times)?;
            total.0 += count;
            total.1.corosync = total.1.corosync.max(times.corosync);
            total.1.online = total.1.online.max(times.online);
            total.1.shown = total.1.shown.max(times.shown);
        }
        line("all", total.0, &total.1)?;
        write!(
            f,
            "{} attributes compared after the steps, {} values in the logs, {} of them wrong",
            self.compared,
            self.values,
            self.wrong.len()
        )
    }
}
