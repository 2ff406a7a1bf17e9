//! `make bench`: what ringcheck costs, side by side with what a user would take instead and with
//! what it could cost at least.
//!
//! Each bench measures on a cluster of its own, writes its section of docs/cost.md, and fails
//! where a limit is exceeded. `ROUNDS` and `TRIALS` in the environment make it shorter or longer.

mod activation;
mod agents;
mod clients;
mod crowd;
mod day;
mod examples;
mod figures;
mod growth;
mod instruments;
mod latency;
mod machine;
mod meter;
mod passes;
mod plot;
mod report;
mod startup;
mod table;
mod trace;

use std::env;

use anyhow::{Context, Result};
use lab::Spec;

use crate::Test;

pub use examples::PURE;

/// What the names of all of them begin with. They are done when they are named, and alone.
pub const PREFIX: &str = "bench_";

pub fn benches() -> Vec<(&'static str, Spec, Test)> {
    let two = || Spec {
        nodes: 2,
        ..Spec::default()
    };
    let one = Spec {
        nodes: 1,
        links: vec![0],
        ..Spec::default()
    };
    vec![
        ("bench_clients", two(), clients::clients as Test),
        ("bench_startup", two(), startup::startup),
        ("bench_growth", one, growth::growth),
        ("bench_latency", Spec::default(), latency::latency),
        ("bench_activation", two(), activation::activation),
        ("bench_day", two(), day::day),
    ]
}

/// How often something is done: as the environment says, or so often.
fn times(variable: &str, usual: usize) -> Result<usize> {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .ok()
            .filter(|&times| times > 0)
            .with_context(|| format!("{variable} must be a number from 1, not `{text}`")),
        Err(_) => Ok(usual),
    }
}
