//! Nouns and rules, pure: no file, clock, process or environment.

pub mod attribute;
pub mod check;
pub mod checkup;
pub mod drill;
pub mod evidence;
pub mod failure;
pub mod flaps;
pub mod gather;
pub mod health;
pub mod link;
pub mod local;
pub mod locate;
pub mod lost;
pub mod member;
pub mod memory;
pub mod metrics;
pub mod moment;
pub mod outline;
pub mod reached;
pub mod schema;
pub mod settings;
pub mod setup;
pub mod silence;
pub mod transition;
pub mod trigger;
pub mod verdict;
