//! How long it takes from a pulled cable until it shows in another node's crm_mon, and back.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use lab::{Cut, Node, wait_until};

use super::figures::Spread;
use super::report::{Bar, Section, Table, Topic};
use super::times;
use crate::bed::{Bed, INTERVAL, MARGIN};
use crate::node::run_as;

/// The link that is cut, at this node.
const LINK: u8 = 1;
const CUT: usize = 2;

/// Long enough for the slowest.
const LIMIT: Duration = Duration::from_secs(180);

/// How often crm_mon is asked.
const POLL: Duration = Duration::from_millis(100);

/// How much faster than the agents it must be.
const FASTER: f64 = 5.0;

const TEXT: &str = "\
Three nodes; the cable of link 1 of n2 is pulled, and when all have seen it, plugged in again: \
{trials} times. What is shown is the time in seconds until the changed attribute is in crm_mon -A1 \
of another node, asked several times a second. All watch the same cable at the same time, as they \
are by default: {trigger} every five seconds; ocf:pacemaker:ping, a clone, pings n2's address; \
ocf:heartbeat:ethmonitor watches the interface on n2, where ringcheck sees it too, without knet. \
knet's own time is that of corosync's line on n1; back, ringcheck waits for ten seconds without a \
fault (recovery-hold).";

/// One of those who watch the cable.
struct Watcher {
    name: &'static str,
    /// The node whose attribute it is.
    node: usize,
    attribute: &'static str,
    good: String,
    bad: String,
}

/// Seconds until each watcher showed it, and knet's own on n1 and n3.
#[derive(Clone, Debug)]
struct Trial {
    shown: Vec<f64>,
    knet: [f64; 2],
}

pub fn latency(bed: &Bed) -> Result<()> {
    let trials = times("TRIALS", 20)?;
    let with_path = triggers(bed)?;
    create(bed)?;
    let watchers = watchers(bed, with_path);
    let (mut down, mut up) = (Vec::new(), Vec::new());
    wait_for_all(bed, &watchers, |watcher| &watcher.good)?;
    for trial in 1..=trials {
        // Not always at the same moment of everybody's interval.
        thread::sleep(Duration::from_millis(1300 * trial as u64 % 10_000));
        let cut = || bed.node(CUT).cut(LINK, Cut::Carrier);
        down.push(measure(bed, &watchers, "is down", cut, |watcher| {
            &watcher.bad
        })?);
        let heal = || bed.node(CUT).heal(LINK);
        up.push(measure(bed, &watchers, "is up", heal, |watcher| {
            &watcher.good
        })?);
        note!(
            "trial {trial}: down {:.1?}, up {:.1?}",
            down[trial - 1],
            up[trial - 1]
        );
    }
    delete(bed)?;
    if with_path {
        bed.node(3).run(&["systemctl", "start", PATH_UNIT])?;
    }

    let trigger = match with_path {
        true => "n1 looks when corosync writes to its log (ringcheck.path), n3",
        false => "ringcheck looks",
    };
    let text = TEXT
        .replace("{trials}", &trials.to_string())
        .replace("{trigger}", trigger);
    let mut section = Section::new(bed.node(1), "From the cable to the screen", text)?;
    let mut table = Table::new(&["", "down (s)", "after knet (s)", "up (s)"]);
    let knet = |trials: &[Trial]| Spread::of(trials.iter().map(|trial| trial.knet[0])).shown();
    table.row(&[
        "knet itself".to_owned(),
        knet(&down),
        String::new(),
        knet(&up),
    ]);
    for (at, watcher) in watchers.iter().enumerate() {
        let shown = |trials: &[Trial]| Spread::of(trials.iter().map(|trial| trial.shown[at]));
        let after = Spread::of(
            down.iter()
                .map(|trial| trial.shown[at] - trial.knet_of(watcher)),
        );
        table.row(&[
            watcher.name.to_owned(),
            shown(&down).shown(),
            after.shown(),
            shown(&up).shown(),
        ]);
        section.bars.push(Bar {
            name: watcher.name.to_owned(),
            figure: shown(&down),
            ours: watcher.name.starts_with("ringcheck"),
        });
    }
    section.tables.push(table);
    limits(&mut section, &down, &watchers);
    section.keep(Topic::Latency)
}

const PATH_UNIT: &str = "ringcheck.path";
const PATH: &str = "ringcheck, path unit";
const TIMER: &str = "ringcheck, timer alone";

/// After knet, ringcheck is late by what its trigger is; and it is quicker than the agents.
fn limits(section: &mut Section, down: &[Trial], watchers: &[Watcher]) {
    let median = |at: usize| Spread::of(down.iter().map(|trial| trial.shown[at])).median;
    for (at, watcher) in watchers.iter().enumerate() {
        let trigger = match watcher.name {
            PATH => Duration::ZERO,
            TIMER => INTERVAL,
            _ => continue,
        };
        let after = down
            .iter()
            .map(|trial| trial.shown[at] - trial.knet_of(watcher));
        let what = format!("{}: after knet, in the worst trial", watcher.name);
        let most = (trigger + MARGIN).as_secs_f64();
        section.limit(&what, Spread::of(after).max, most, " s");
        if watcher.name != PATH {
            continue;
        }
        for (other, agent) in watchers.iter().enumerate() {
            if agent.name.starts_with("ocf:") {
                let what = format!("{PATH}, in parts of {}", agent.name);
                section.limit(&what, median(at) / median(other), 1.0 / FASTER, "");
            }
        }
    }
}

impl Trial {
    /// When knet saw it where this watcher is.
    fn knet_of(&self, watcher: &Watcher) -> f64 {
        self.knet[usize::from(watcher.node == 3)]
    }
}

/// The path unit on n1 and n2, if there is one, and nowhere else.
fn triggers(bed: &Bed) -> Result<bool> {
    let unit = PATH_UNIT;
    let there = run_as(bed.node(1), "root", &["systemctl", "cat", unit])?.code == Some(0);
    if there {
        for n in [1, 2] {
            bed.node(n).run(&["systemctl", "start", unit])?;
        }
        bed.node(3).run(&["systemctl", "stop", unit])?;
    }
    Ok(there)
}

fn watchers(bed: &Bed, with_path: bool) -> Vec<Watcher> {
    let ring = |name, node: usize| {
        let address = bed.node(node).address(LINK);
        Watcher {
            name,
            node,
            attribute: "ringnumber_1",
            good: format!("{address} is UP"),
            bad: format!("{address} is FAULTY"),
        }
    };
    let agent = |name, node, attribute, good: &str| Watcher {
        name,
        node,
        attribute,
        good: good.to_owned(),
        bad: "0".to_owned(),
    };
    let mut watchers = vec![
        ring(TIMER, 3),
        ring("ringcheck, at the cable itself", CUT),
        agent("ocf:pacemaker:ping", 1, "pingd", "1000"),
        agent("ocf:heartbeat:ethmonitor", CUT, "ethmonitor-ring1", "1"),
    ];
    if with_path {
        watchers.insert(0, ring(PATH, 1));
    }
    watchers
}

fn create(bed: &Bed) -> Result<()> {
    let hosts = format!("host_list={}", bed.node(CUT).address(LINK));
    let create = |words: &[&str]| -> Result<()> {
        bed.node(1)
            .run(&[&["pcs", "resource", "create"], words].concat())?;
        Ok(())
    };
    create(&[
        "bench-ping",
        "ocf:pacemaker:ping",
        &hosts,
        "multiplier=1000",
        "clone",
    ])?;
    create(&[
        "bench-eth",
        "ocf:heartbeat:ethmonitor",
        "interface=ring1",
        "clone",
    ])
}

fn delete(bed: &Bed) -> Result<()> {
    for resource in ["bench-ping", "bench-eth"] {
        bed.node(1).run(&["pcs", "resource", "delete", resource])?;
    }
    Ok(())
}

/// Does something to the cable, and sees when who shows it.
fn measure(
    bed: &Bed,
    watchers: &[Watcher],
    knet: &str,
    act: impl FnOnce() -> Result<()>,
    wanted: impl Fn(&Watcher) -> &str + Sync,
) -> Result<Trial> {
    let begun = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let start = Instant::now();
    act()?;
    let shown = thread::scope(|scope| {
        let wanted = &wanted;
        // Each is looked for on another node.
        let screens = [1, 3].map(|from| {
            scope.spawn(move || {
                let of = |watcher: &&Watcher| (watcher.node == 1) == (from == 3);
                let mut times = BTreeMap::new();
                let looked_for = watchers.iter().filter(of).count();
                while times.len() < looked_for {
                    let seen = attributes(bed.node(from))?;
                    let now = start.elapsed();
                    for watcher in watchers.iter().filter(of) {
                        if watcher.shows(bed, &seen, wanted(watcher)) {
                            times.entry(watcher.name).or_insert(now.as_secs_f64());
                        }
                    }
                    ensure!(
                        now < LIMIT,
                        "after {now:?} only {times:?} of n{from}'s screen"
                    );
                    thread::sleep(POLL);
                }
                Ok(times)
            })
        });
        let mut shown = BTreeMap::new();
        for screen in screens {
            shown.extend(screen.join().map_err(|_| anyhow!("it panicked"))??);
        }
        anyhow::Ok(shown)
    })?;
    let mut trial = Trial {
        shown: watchers.iter().map(|watcher| shown[watcher.name]).collect(),
        knet: [0.0; 2],
    };
    for (time, n) in trial.knet.iter_mut().zip([1, 3]) {
        *time = knet_time(bed.node(n), begun, knet)? - begun;
    }
    Ok(trial)
}

/// When corosync on this node logged that the link was down or up.
fn knet_time(node: &Node, since: f64, what: &str) -> Result<f64> {
    let since = format!("--since=@{}", since.floor());
    let lines = node.run(&[
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output=short-unix",
        "--unit=corosync.service",
        &since,
    ])?;
    let wanted = format!("host: {CUT} link: {LINK} {what}");
    let line = lines.lines().find(|line| line.contains(&wanted));
    let line = line.with_context(|| format!("no `{wanted}` in\n{lines}"))?;
    let time = line.split_whitespace().next().unwrap_or_default();
    Ok(time.parse()?)
}

fn wait_for_all(bed: &Bed, watchers: &[Watcher], wanted: impl Fn(&Watcher) -> &str) -> Result<()> {
    wait_until("everybody to watch the cable", LIMIT, || {
        let seen = attributes(bed.node(1))?;
        for watcher in watchers {
            let shows = watcher.shows(bed, &seen, wanted(watcher));
            ensure!(shows, "{} does not yet: {seen:?}", watcher.name);
        }
        Ok(Some(()))
    })
}

impl Watcher {
    fn shows(&self, bed: &Bed, seen: &Attributes, wanted: &str) -> bool {
        let name = bed.node(self.node).name().to_owned();
        let shown = seen.get(&(name, self.attribute.to_owned()));
        shown.is_some_and(|value| value == wanted)
    }
}

type Attributes = BTreeMap<(String, String), String>;

/// All attributes that a node's `crm_mon -A1` shows.
fn attributes(node: &Node) -> Result<Attributes> {
    let xml = node.run(&["crm_mon", "-A1", "--output-as=xml"])?;
    let document = roxmltree::Document::parse(&xml).map_err(|error| anyhow!("{error}: {xml}"))?;
    let of = |element: roxmltree::Node| {
        let of = element.parent_element()?.attribute("name")?.to_owned();
        let name = element.attribute("name")?.to_owned();
        Some(((of, name), element.attribute("value")?.to_owned()))
    };
    let elements = document
        .descendants()
        .filter(|e| e.has_tag_name("attribute"));
    Ok(elements.filter_map(of).collect())
}
