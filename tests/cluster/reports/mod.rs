//! What a person or another program reads of the cluster, in all its states.

mod advice;
mod doctor;
mod history;
mod monitoring;
pub mod readme;
pub mod status;

use crate::Test;

/// Every report that is tested here.
pub fn tests() -> impl Iterator<Item = (&'static str, Test)> {
    [
        monitoring::TESTS,
        status::TESTS,
        history::TESTS,
        readme::TESTS,
        doctor::TESTS,
        advice::TESTS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
