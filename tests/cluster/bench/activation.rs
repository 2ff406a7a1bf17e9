//! What an activation by the timer costs in all.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use lab::Node;

use super::figures::Spread;
use super::meter::{Meter, Run};
use super::report::{Bar, Section, Table, Topic};
use super::{agents, passes, times};
use crate::bed::{Bed, INTERVAL};

const UNITS: &str = "/run/systemd/system";

/// How often the timers fire, much more often than the shipped one.
const EACH: Duration = Duration::from_millis(100);

/// How long one of them runs at a time.
const WINDOW: Duration = Duration::from_secs(5);

/// What an activation may cost, in parts of a monitor run of ocf:pacemaker:ping.
const OF_PING: f64 = 0.5;

/// What an activation may cost in its unit's cgroup, in milliseconds of CPU time.
const CGROUP: f64 = 10.0;

/// What the path unit may take where nothing is logged, in parts of what the timer takes.
const WATCHING: f64 = 0.01;

const TEXT: &str = "\
A timer that fires ten times a second, for five seconds at a time and {rounds} times in turn with \
the others, and the same time without one, which is taken off. The unit's own is the CPU time of \
its cgroup, sandbox and start of the process included; PID 1's is that of systemd, journald and \
D-Bus; corosync's is what it does for the pass. The ping is a monitor run in the same rounds. \
Below it is what systemd takes while ringcheck.path watches the log of a healthy cluster, and no \
timer runs.";

/// One way to activate something.
struct Kind {
    name: &'static str,
    runs: Runs,
}

/// What runs for a while.
enum Runs {
    /// A timer, for this unit.
    Timer(String),
    /// The path unit as it is shipped.
    Path,
    Nothing,
}

/// CPU time so far in ms, and the jobs that systemd has had so far.
#[derive(Clone, Copy, Debug)]
struct Reading {
    unit: f64,
    systemd: f64,
    corosync: f64,
    jobs: f64,
}

pub fn activation(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let meter = Meter::install(node)?;
    passes::settle(&meter)?;
    let rounds = times("ROUNDS", 50)?.div_ceil(10);
    let kinds = kinds(node)?;
    for (at, kind) in kinds.iter().enumerate() {
        furnish(node, at, kind)?;
    }
    node.run(&["systemctl", "daemon-reload"])?;
    let agents = agents::meter(bed, &meter);
    agents::operate(&agents, agents::PING, "start")?;
    let mut windows = vec![Vec::new(); kinds.len()];
    let mut pings = Vec::new();
    for _ in 0..rounds {
        for (at, windows) in windows.iter_mut().enumerate() {
            node.run(&meter.line(&["sh", "-c", &passes::calm()]))?;
            windows.push(window(node, at, &kinds[at])?);
        }
        pings.extend(
            agents
                .measure(1, &[agents::monitor(agents::PING)])?
                .remove(0),
        );
    }
    agents::operate(&agents, agents::PING, "stop")?;
    for at in 0..kinds.len() {
        remove(node, at)?;
    }
    node.run(&["systemctl", "daemon-reload"])?;
    let ping = Spread::of(pings.iter().map(|run: &Run| run.cpu));

    let text = TEXT.replace("{rounds}", &rounds.to_string());
    let mut section = Section::new(node, "An activation", text)?;
    let mut table = Table::new(&[
        "",
        "the unit's (ms)",
        "PID 1's (ms)",
        "corosync's (ms)",
        "total (ms)",
        "parts of a ping",
    ]);
    let nothing = windows.pop().context("no window in which nothing runs")?;
    let watching = windows.pop().context("no window with the path unit")?;
    let mut shipped = 0.0;
    for (kind, windows) in kinds.iter().zip(&windows) {
        let costs: Vec<Cost> = windows.iter().zip(&nothing).map(Cost::of).collect();
        let of = |figure: fn(&Cost) -> f64| Spread::of(costs.iter().map(figure));
        let total = of(Cost::total);
        let parts = Spread::of(
            costs
                .iter()
                .zip(&pings)
                .map(|(c, ping)| c.total() / ping.cpu),
        );
        table.row(&[
            kind.name.to_owned(),
            of(|cost| cost.unit).shown(),
            of(|cost| cost.systemd).shown(),
            of(|cost| cost.corosync).shown(),
            total.shown(),
            parts.shown(),
        ]);
        section.bars.push(Bar {
            name: format!("activation, {}", kind.name),
            figure: total,
            ours: kind.name == SHIPPED,
        });
        if kind.name == SHIPPED {
            section.limit(
                "a whole activation, in parts of a monitor run of ocf:pacemaker:ping",
                parts.median,
                OF_PING,
                "",
            );
            let own = of(|cost| cost.unit).median;
            section.limit("an activation in its cgroup", own, CGROUP, " ms");
            shipped = total.median;
        }
    }
    section.tables.push(table);
    let minute = Duration::from_secs(60).div_duration_f64(WINDOW);
    let per_minute = |windows: &[(Reading, Reading)]| {
        let grown = windows
            .iter()
            .map(|(a, b)| (b.systemd - a.systemd) * minute);
        Spread::of(grown)
    };
    let (watching, nothing) = (per_minute(&watching), per_minute(&nothing));
    let mut table = Table::new(&["systemd's, in a minute", "(ms)"]);
    table.row(&["with ringcheck.path".to_owned(), watching.shown()]);
    table.row(&["without".to_owned(), nothing.shown()]);
    section.tables.push(table);
    let timers = shipped * Duration::from_secs(60).div_duration_f64(INTERVAL);
    section.limit(
        "what ringcheck.path takes while nothing is logged, in parts of what the timer takes",
        (watching.median - nothing.median) / timers,
        WATCHING,
        "",
    );
    section.bars.push(Bar {
        name: agents::PING.to_owned(),
        figure: ping,
        ours: false,
    });
    section.keep(Topic::Activation)
}

const SHIPPED: &str = "as shipped";

/// The timer's unit as it is shipped, without its sandbox, and one that does nothing, so too; the
/// path unit, and nothing at all.
fn kinds(node: &Node) -> Result<Vec<Kind>> {
    let unit = node.run(&["cat", "/usr/lib/systemd/system/ringcheck.service"])?;
    // What comes after that line is the sandbox.
    let (bare, sandbox) = unit.split_once("# The sandbox").context("no sandbox")?;
    let pass = "ExecStart=/usr/sbin/ringcheck --once --quiet";
    let nothing = bare.replace(pass, "ExecStart=/bin/true");
    let sandboxed = format!("{nothing}# The sandbox{sandbox}");
    let kind = |name, runs| Kind { name, runs };
    Ok(vec![
        kind(SHIPPED, Runs::Timer(unit.clone())),
        kind("without the sandbox", Runs::Timer(bare.to_owned())),
        kind("/bin/true, sandboxed", Runs::Timer(sandboxed)),
        kind("/bin/true", Runs::Timer(nothing)),
        kind("the log watched", Runs::Path),
        kind("nothing", Runs::Nothing),
    ])
}

fn name(at: usize) -> String {
    format!("ringcheck-bench-{at}")
}

/// systemd forgets what it counted with a unit that has ended; it does not forget a slice.
fn slice(at: usize) -> String {
    format!("ringcheckbench{at}.slice")
}

fn furnish(node: &Node, at: usize, kind: &Kind) -> Result<()> {
    let (name, slice) = (name(at), slice(at));
    if let Runs::Timer(unit) = &kind.runs {
        let unit = unit.replace("[Service]", &format!("[Service]\nSlice={slice}"));
        node.write(&format!("{UNITS}/{name}.service"), unit)?;
        let each = EACH.as_millis();
        let timer = format!("[Timer]\nOnActiveSec=0\nOnUnitActiveSec={each}ms\nAccuracySec=1ms\n");
        node.write(&format!("{UNITS}/{name}.timer"), timer)?;
    }
    node.write(&format!("{UNITS}/{slice}"), "[Slice]\nCPUAccounting=yes\n")?;
    node.run(&["systemctl", "start", &slice]).map(drop)
}

fn remove(node: &Node, at: usize) -> Result<()> {
    let (name, slice) = (name(at), slice(at));
    node.sh(&format!(
        "systemctl stop {slice}; rm -f {UNITS}/{name}.timer {UNITS}/{name}.service {UNITS}/{slice}"
    ))
    .map(drop)
}

/// What is read before and after it has run for a while.
fn window(node: &Node, at: usize, kind: &Kind) -> Result<(Reading, Reading)> {
    let unit = match kind.runs {
        Runs::Timer(_) => Some(format!("{}.timer", name(at))),
        Runs::Path => Some("ringcheck.path".to_owned()),
        Runs::Nothing => None,
    };
    let operate = |how| match &unit {
        Some(unit) => node.run(&["systemctl", how, unit]).map(drop),
        None => Ok(()),
    };
    operate("start")?;
    // It was asked to start by D-Bus, which is no part of an activation.
    thread::sleep(2 * EACH);
    let before = read(node, at, true)?;
    thread::sleep(WINDOW);
    let after = read(node, at, false)?;
    operate("stop")?;
    Ok((before, after))
}

/// Asking for the jobs is itself work for systemd: it is done outside the window.
fn read(node: &Node, at: usize, before: bool) -> Result<Reading> {
    let cpu = "cpu() { cat $(for pid in $(pidof $1); do echo /proc/$pid/task/*/schedstat; done) \
        | awk '{ sum += $1 } END { printf \"%s %.3f\\n\", name, sum / 1e6 }' name=$1; }";
    let slice = slice(at);
    let read = format!(
        "awk '/^usage_usec/ {{ printf \"unit %.3f\\n\", $2 / 1e3 }}' /sys/fs/cgroup/{slice}/cpu.stat; \
         cat /proc/1/task/*/schedstat | awk '{{ sum += $1 }} END {{ printf \"init %.3f\\n\", sum / 1e6 }}'; \
         cpu systemd-journald; cpu dbus-daemon; cpu corosync"
    );
    let jobs = "echo jobs $(systemctl show --property NInstalledJobs --value)";
    let script = match before {
        true => format!("{cpu}; {jobs}; {read}"),
        false => format!("{cpu}; {read}; {jobs}"),
    };
    let text = node.sh(&script)?;
    let figures: BTreeMap<&str, f64> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, figure)| Some((name, figure.parse().ok()?)))
        .collect();
    let figure = |name: &str| {
        let found = figures.get(name).copied();
        found.with_context(|| format!("no {name} in `{text}`"))
    };
    Ok(Reading {
        unit: figure("unit")?,
        systemd: figure("init")? + figure("systemd-journald")? + figure("dbus-daemon")?,
        corosync: figure("corosync")?,
        jobs: figure("jobs")?,
    })
}

/// What one activation costs, in ms of CPU time.
#[derive(Clone, Copy, Debug)]
struct Cost {
    unit: f64,
    systemd: f64,
    corosync: f64,
}

impl Cost {
    /// By a window with a timer and one without.
    fn of((with, without): (&(Reading, Reading), &(Reading, Reading))) -> Cost {
        let activations = with.1.jobs - with.0.jobs;
        let more = |figure: fn(&Reading) -> f64| {
            let grown = |(before, after): &(Reading, Reading)| figure(after) - figure(before);
            (grown(with) - grown(without)) / activations
        };
        Cost {
            unit: more(|reading| reading.unit),
            systemd: more(|reading| reading.systemd),
            corosync: more(|reading| reading.corosync),
        }
    }

    fn total(&self) -> f64 {
        self.unit + self.systemd + self.corosync
    }
}
