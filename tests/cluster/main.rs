//! ringcheck on real clusters: `make test-cluster`, or `make test-cluster TEST=name` for one.
//!
//! The tests run one after the other, those with the same kind of cluster next to each other,
//! and share it; a test that fails takes its cluster along.

mod bed;
mod bench;
mod concurrent;
mod failover;
mod faults;
mod lifecycle;
mod links;
mod logs;
mod node;
mod notify;
mod oracle;
mod package;
mod quiet;
mod record;
mod refused;
mod reports;
mod shapes;
mod triggers;

use libtest_mimic::{Arguments, Failed, Trial};

use bed::{Bed, Beds};
use lab::Spec;

type Test = fn(&Bed) -> anyhow::Result<()>;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let beds: &'static Beds = Box::leak(Box::default());
    let three = [
        links::TESTS,
        lifecycle::TESTS,
        failover::TESTS,
        quiet::TESTS,
        triggers::TESTS,
        notify::TESTS,
        concurrent::TESTS,
        refused::TESTS,
        package::TESTS,
        logs::TESTS,
        oracle::TESTS,
    ];
    let three = three.iter().copied().flatten();
    let mut trials: Vec<Trial> = three
        .map(|(name, test)| trial(beds, name, Spec::default(), *test))
        .collect();
    for (name, test) in faults::tests() {
        let name = format!("faults::{name}");
        trials.push(trial(beds, &name, Spec::default(), test));
    }
    for (name, test) in reports::tests() {
        let name = format!("reports::{name}");
        trials.push(trial(beds, &name, Spec::default(), test));
    }
    for (name, spec, test) in shapes::tests() {
        trials.push(trial(beds, name, spec, test));
    }
    for (name, test) in oracle::PURE {
        let test = || test().map_err(|error| Failed::from(format!("{error:#}")));
        trials.push(Trial::test(*name, test));
    }
    for (name, test) in bench::BENCHES {
        let bench = trial(beds, name, Spec::default(), *test);
        trials.push(bench.with_ignored_flag(true));
    }
    if let Some((spec, test)) = oracle::soak() {
        trials.push(trial(beds, "soak", spec, test).with_ignored_flag(true));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    beds.clear();
    conclusion.exit();
}

fn trial(beds: &'static Beds, name: &str, spec: Spec, test: Test) -> Trial {
    Trial::test(name, move || {
        beds.with(&spec, test)
            .map_err(|error| Failed::from(format!("{error:#}")))
    })
}
