//! ringcheck shows the state of Corosync's links as Pacemaker node attributes.
//!
//! Four floors, and an arrow only ever points down: the command line ([`cli`]) and `main`
//! call [`command`], which asks the world outside ([`cluster`]) and what is kept
//! ([`store`]); all three speak in the nouns and rules of [`model`], which knows no file,
//! clock, process or environment.

#![forbid(unsafe_code)]

pub mod cli;
pub mod cluster;
pub mod command;
pub mod model;
pub mod store;
