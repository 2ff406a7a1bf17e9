//! Which test gets which cluster, and for how long it has it.
//!
//! Tests mostly wait, so several run at a time, each on a lab of its own; a lab has all that
//! it needs to itself but the machine.

use std::cmp::Reverse;
use std::env;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use lab::Spec;

use crate::Test;
use crate::bed::Bed;

/// Prints a line with the name of the test that it is of: another one may run beside it.
macro_rules! note {
    ($($text:tt)*) => {
        println!(
            "{}: {}",
            std::thread::current().name().unwrap_or_default(),
            format_args!($($text)*)
        )
    };
}

/// How many of the slowest tests are shown.
const SHOWN: usize = 10;

/// As many beds as tests run at a time.
pub struct Beds {
    free: Mutex<Vec<Slot>>,
    /// Held by every test, and by one that is to have no neighbour for writing.
    neighbours: RwLock<()>,
    times: Mutex<Vec<Time>>,
}

/// A lab's name, and the bed that is there, if there is one.
struct Slot {
    prefix: String,
    bed: Option<Bed>,
}

/// What a test took.
struct Time {
    name: String,
    /// Until its bed was whole.
    before: Duration,
    test: Duration,
}

impl Beds {
    /// Up to so many beds: the labs `LAB_PREFIX` or ringtest, ringtest-2, …
    pub fn new(count: usize) -> Beds {
        let first = env::var("LAB_PREFIX").unwrap_or_else(|_| "ringtest".into());
        let prefix = |number| match number {
            1 => first.clone(),
            _ => format!("{first}-{number}"),
        };
        // They are taken from the end.
        let slots = (1..=count).rev().map(|number| Slot {
            prefix: prefix(number),
            bed: None,
        });
        Beds {
            free: Mutex::new(slots.collect()),
            neighbours: RwLock::default(),
            times: Mutex::default(),
        }
    }

    /// Runs `test` on a healthy cluster of that kind, while others run theirs.
    pub fn beside(&self, name: &str, spec: &Spec, test: Test) -> Result<()> {
        let _shared = self
            .neighbours
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        self.run(name, spec, test)
    }

    /// Runs `test` on a healthy cluster of that kind, while no other test runs.
    pub fn alone(&self, name: &str, spec: &Spec, test: Test) -> Result<()> {
        let _exclusive = self
            .neighbours
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        self.run(name, spec, test)
    }

    fn run(&self, name: &str, spec: &Spec, test: Test) -> Result<()> {
        let mut slot = self.take(spec)?;
        let result = slot.run(name, spec, test);
        lock(&self.free).push(slot);
        let (time, result) = result?;
        lock(&self.times).push(time);
        result
    }

    /// A slot with a bed of that kind, or else an empty one, or else any: who asks has given
    /// back what it had before, so one is free.
    fn take(&self, spec: &Spec) -> Result<Slot> {
        let mut free = lock(&self.free);
        let same = free.iter().rposition(|slot| slot.has(spec));
        let empty = || free.iter().rposition(|slot| slot.bed.is_none());
        let found = same.or_else(empty).or(free.len().checked_sub(1));
        Ok(free.remove(found.context("more tests at a time than beds")?))
    }

    /// Takes all clusters down.
    pub fn clear(&self) {
        lock(&self.free).clear();
    }
}

impl Slot {
    fn has(&self, spec: &Spec) -> bool {
        let there = self.bed.as_ref();
        there.is_some_and(|bed| format!("{:?}", bed.spec) == format!("{spec:?}"))
    }

    /// How long it took, and how the test ended; an error if it could not begin.
    fn run(&mut self, name: &str, spec: &Spec, test: Test) -> Result<(Time, Result<()>)> {
        let start = Instant::now();
        if !self.has(spec) {
            // Its name is needed for the other one.
            drop(self.bed.take());
        }
        let bed = match self.bed.take() {
            Some(bed) => bed,
            None => Bed::make(&self.prefix, spec)?,
        };
        bed.restore()?;
        let before = start.elapsed();
        let result = named(name, || test(&bed));
        let time = Time {
            name: name.to_owned(),
            before,
            test: start.elapsed() - before,
        };
        match &result {
            Ok(()) => self.bed = Some(bed),
            Err(_) => bed.tell(name),
        }
        Ok((time, result))
    }
}

/// Runs a test in a thread of its name, which a panic tells, and [`note`] too.
fn named(name: &str, test: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(name.to_owned());
        let test = thread.spawn_scoped(scope, test)?;
        test.join().unwrap_or_else(|_| Err(anyhow!("it panicked")))
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slowest tests, if there were any.
impl fmt::Display for Beds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = lock(&self.times);
        if !times.is_empty() {
            writeln!(
                f,
                "the slowest, in seconds: until its bed was whole + itself"
            )?;
        }
        times.sort_by_key(|time| Reverse(time.before + time.test));
        for Time { name, before, test } in times.iter().take(SHOWN) {
            let (before, test) = (before.as_secs_f64(), test.as_secs_f64());
            writeln!(f, "{before:6.1} + {test:5.1}  {name}")?;
        }
        Ok(())
    }
}
