//! Telling on the terminal what is going on: one line a step, with its time.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use anyhow::Result;

/// Tells the steps of a longer work.
pub struct Steps {
    start: Instant,
    terminal: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            terminal: stdout().is_terminal(),
        }
    }
}

impl Steps {
    /// Does one step and prints its line; on a terminal also while it is under way.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    pub fn step<T>(&self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let start = Instant::now();
        if self.terminal {
            write!(stdout(), "     …     {what}\r")?;
            stdout().flush()?;
        }
        let result = work();
        let failed = if result.is_err() { ": failed" } else { "" };
        writeln!(stdout(), "{}  {what}{failed}", seconds(start.elapsed()))?;
        result
    }

    /// Prints lines below the last step.
    ///
    /// # Errors
    ///
    /// If nobody reads them.
    pub fn show(&self, text: &str) -> Result<()> {
        for line in text.lines() {
            writeln!(stdout(), "           {line}")?;
        }
        Ok(())
    }

    /// Prints the time of all steps together.
    ///
    /// # Errors
    ///
    /// If nobody reads it.
    pub fn total(&self) -> Result<()> {
        Ok(writeln!(
            stdout(),
            "{}  in all",
            seconds(self.start.elapsed())
        )?)
    }
}

fn seconds(time: Duration) -> String {
    format!("{:7.1} s", time.as_secs_f64())
}
