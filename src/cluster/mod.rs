//! The world outside: what it says and what we tell it.

use std::time::Instant;

use crate::model::attribute::{Attributes, Change};
use crate::model::failure::Failure;
use crate::model::link::{Facts, NodeId};
use crate::model::outline::Outline;

pub mod alarm;
pub mod alert;
pub mod boot;
pub mod child;
pub mod clock;
pub mod corosync;
pub mod daemon;
pub mod drill;
pub mod exit_code;
pub mod holder;
pub mod host;
pub mod interface;
pub mod journal;
pub mod log;
pub mod members;
pub mod observer;
pub mod pacemaker;
pub mod records;
pub mod registered;
pub mod sandbox;
pub mod signal;
pub mod systemd;
pub mod triggers;
pub mod user;

/// Where facts come from.
pub trait Source {
    /// Everything about the links as it is now. What is in the outline that is `known` need not
    /// be read again while nothing says that it has changed, and all is well.
    ///
    /// # Errors
    /// When no whole picture can be had, for whatever reason, or not before the deadline.
    fn observe(&mut self, deadline: Instant, known: Option<&Outline>) -> Result<Facts, Failure>;
}

/// Where attributes go.
pub trait Registry {
    /// Which of ringcheck's attributes the CIB has for this node.
    ///
    /// # Errors
    /// When the CIB cannot be asked, or does not answer before the deadline.
    fn query(&mut self, node: NodeId, deadline: Instant) -> Result<Attributes, Failure>;

    /// Writes one attribute of this node.
    ///
    /// # Errors
    /// When the attribute manager does not acknowledge it before the deadline.
    fn write(&mut self, change: &Change, deadline: Instant) -> Result<(), Failure>;

    /// Has the attribute manager write all that it knows into the CIB again.
    ///
    /// # Errors
    /// When the attribute manager does not acknowledge it before the deadline.
    fn refresh(&mut self, deadline: Instant) -> Result<(), Failure>;
}
