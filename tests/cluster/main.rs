//! ringcheck on real clusters: `make test-cluster`, or `make test-cluster TEST=name` for one.
//!
//! Two tests run at a time (`make test-cluster TEST=--test-threads=1`: one), each on a cluster of
//! its own. Those with the same kind of cluster stand next to each other and share it; a test that
//! fails takes its cluster along.

mod bed;
#[macro_use]
mod beds;
mod bench;
mod concurrent;
mod drill;
mod failover;
mod faults;
mod hidden;
mod lifecycle;
mod links;
mod logs;
mod node;
mod notify;
mod oracle;
mod package;
mod path;
mod proof;
mod quiet;
mod record;
mod refused;
mod reloads;
mod reports;
mod shapes;
mod triggers;

use libtest_mimic::{Arguments, Failed, Trial};

use bed::Bed;
use beds::Beds;
use lab::Spec;

type Test = fn(&Bed) -> anyhow::Result<()>;

/// How many tests run at a time: more than two make each other late on two cores.
const AT_A_TIME: usize = 2;

/// Those that keep the machine so busy, or look at it so closely, that none can run beside them.
/// They come first, while there is one cluster only.
const ALONE: &[&str] = &[
    "a_thousand_passes_leave_nothing",
    "fifty_passes_at_once",
    "faults::a_burst_of_100_alerts",
    SOAK,
];

const SOAK: &str = "soak";

fn main() {
    let mut arguments = Arguments::from_args();
    let count = *arguments.test_threads.get_or_insert(AT_A_TIME);
    let beds: &'static Beds = Box::leak(Box::new(Beds::new(count)));
    let three = [
        links::TESTS,
        proof::TESTS,
        reloads::TESTS,
        failover::TESTS,
        quiet::TESTS,
        triggers::TESTS,
        path::TESTS,
        notify::TESTS,
        concurrent::TESTS,
        drill::TESTS,
        refused::TESTS,
        hidden::TESTS,
        package::TESTS,
        logs::TESTS,
        oracle::TESTS,
    ];
    let three = three.iter().copied().flatten();
    let mut trials: Vec<Trial> = three
        .map(|(name, test)| trial(beds, name, Spec::default(), *test))
        .collect();
    for (name, test) in lifecycle::TESTS {
        let name = format!("lifecycle::{name}");
        trials.push(trial(beds, &name, Spec::default(), *test));
    }
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
    for (name, test) in oracle::PURE.iter().chain(bench::PURE) {
        let test = || test().map_err(|error| Failed::from(format!("{error:#}")));
        trials.push(Trial::test(*name, test));
    }
    for (name, spec, test) in bench::benches() {
        trials.push(trial(beds, name, spec, test).with_ignored_flag(true));
    }
    if let Some((spec, test)) = oracle::soak() {
        trials.push(trial(beds, SOAK, spec, test).with_ignored_flag(true));
    }
    for name in ALONE {
        let known = *name == SOAK || trials.iter().any(|trial| trial.name() == *name);
        assert!(known, "no test is called {name}");
    }
    trials.sort_by_key(|trial| !is_alone(trial.name()));
    let conclusion = libtest_mimic::run(&arguments, trials);
    beds.clear();
    print!("{beds}");
    conclusion.exit();
}

fn is_alone(name: &str) -> bool {
    ALONE.contains(&name) || name.starts_with(bench::PREFIX)
}

fn trial(beds: &'static Beds, name: &str, spec: Spec, test: Test) -> Trial {
    let of = name.to_owned();
    Trial::test(name, move || {
        let result = match is_alone(&of) {
            true => beds.alone(&of, &spec, test),
            false => beds.beside(&of, &spec, test),
        };
        result.map_err(|error| {
            let text = format!("{error:#}");
            // The list of what failed comes at the end.
            eprintln!("--- {of}: {text}");
            Failed::from(text)
        })
    })
}
