//! What a person, the timer or Pacemaker asks for: one file a command.

pub mod clear;
pub mod once;
pub mod pass;
pub mod station;
pub mod status;
pub mod view;
