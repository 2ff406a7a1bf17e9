//! The failover test: what it makes, what Pacemaker says of it, and where it may not be done.
//!
//! All that a drill makes in the CIB has an id that begins with [`RESOURCE`], so that any node
//! finds it again without a file that could be lost.

pub mod plan;
pub mod refusal;
pub mod report;
pub mod scene;

/// The id of the drill's resource, and what the ids of all else that it makes begin with.
pub const RESOURCE: &str = "ringcheck-drill";

/// How the drill makes its resource move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// By a location rule on a ring attribute, which is true on the resource's node alone.
    Ring,
    /// By a standby of the resource's node that ends with its membership.
    Standby,
}

impl Move {
    /// What it is called on the command line.
    pub const NAMES: [&str; 2] = ["ring", "standby"];

    /// The one that is called so.
    pub fn of(name: &str) -> Option<Move> {
        [Move::Ring, Move::Standby]
            .into_iter()
            .find(|way| way.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Move::Ring => Move::NAMES[0],
            Move::Standby => Move::NAMES[1],
        }
    }
}
