//! What became of a drill.

use serde::Serialize;

/// What `ringcheck drill --json` prints. Fields may be added within a version, never taken away
/// or changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Of this format.
    pub version: u32,
    /// When it began (RFC 3339).
    pub time: String,
    /// The node that it was run on.
    pub node: String,
    /// How the resource was to be made to move, if it was.
    #[serde(rename = "move")]
    pub way: Option<&'static str>,
    /// How it ended.
    pub result: Outcome,
    /// Why, where it did not pass.
    pub failure: Option<String>,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// What became of what it had made.
    pub cleanup: Cleanup,
}

/// What `ringcheck drill --cleanup --json` prints, with the same promise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Repair {
    /// Of this format.
    pub version: u32,
    /// What became of what drills had left.
    pub cleanup: Cleanup,
}

/// How a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The cluster did all that it should.
    Passed,
    /// A step failed.
    Failed,
    /// A signal came, or nobody was reading any more.
    Interrupted,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Its name: create, start, stop, notice, recover, rule, standby, move, end, return.
    pub name: &'static str,
    /// The node that it happened on; nothing where it is on none.
    pub node: Option<String>,
    /// When it ended, in seconds since the drill began.
    pub at: f64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whether it came about.
    pub ok: bool,
    /// What the screen says.
    pub detail: String,
}

/// What became of what drills had made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cleanup {
    /// Whether nothing is left.
    pub ok: bool,
    /// What was removed.
    pub removed: Vec<String>,
    /// Why something is left, and what to do.
    pub failure: Option<String>,
}
