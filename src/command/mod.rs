//! What a person, the timer or Pacemaker asks for: one file a command.

pub mod check;
pub mod clear;
pub mod doctor;
pub mod drill;
pub mod history;
pub mod metrics;
pub mod once;
pub mod pass;
pub mod screen;
pub mod setup;
pub mod station;
pub mod status;
pub mod view;
