//! What is kept: the settings file, the state between passes, and the history.

pub mod config;
pub mod folder;
pub mod history;
pub mod metrics;
pub mod package;
pub mod stamp;
pub mod state;

/// Where the settings are read from, if the file exists.
pub const CONFIGURATION: &str = "/etc/ringcheck.toml";

/// Where the state and its lock are.
pub const FOLDER: &str = "/run/ringcheck";
