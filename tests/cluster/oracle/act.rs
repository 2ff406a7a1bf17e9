//! Makes happen on a real cluster what a step says.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lab::{Cut, Form, wait_until};

use super::step::Step;
use super::world::{Down, Fault, World};
use crate::bed::{Bed, LONG};
use crate::node::{kill, pid};

const CONF: &str = "/etc/corosync/corosync.conf";

/// What the nodes are given for a quick run that sees all: these, all attributes, and that everything starts at boot.
const QUICK: &str = "mkdir -p /etc/systemd/system/ringcheck.timer.d
    printf 'recovery-hold = 3\npublish-reached-peers = true\nnode-health = \"yellow\"\n' \
        > /etc/ringcheck.toml
    printf '[Timer]\\nOnActiveSec=\\nOnUnitActiveSec=\\nOnActiveSec=1s\\nOnUnitActiveSec=1s\\n' \
        > /etc/systemd/system/ringcheck.timer.d/oracle.conf
    systemctl --quiet enable corosync pacemaker
    systemctl daemon-reload && systemctl restart ringcheck.timer";

const USUAL: &str = "rm -r /etc/ringcheck.toml /etc/systemd/system/ringcheck.timer.d
    systemctl --quiet disable corosync pacemaker
    systemctl daemon-reload && systemctl restart ringcheck.timer";

/// A shorter recovery hold and a quicker timer, as [`super::HOLD`] and [`super::INTERVAL`] say.
pub fn quicken(bed: &Bed) -> Result<()> {
    bed.cluster.each(|node| node.sh(QUICK).map(drop))
}

/// As other tests expect it.
pub fn slow_down(bed: &Bed) -> Result<()> {
    bed.cluster.each(|node| node.sh(USUAL).map(drop))
}

/// Does it to a cluster that is as `before` says; how long that took. It has been done on return,
/// but nobody needs to have noticed.
pub fn act(bed: &Bed, step: &Step, before: &World) -> Result<Duration> {
    let start = Instant::now();
    perform(bed, step, before)?;
    Ok(start.elapsed())
}

fn perform(bed: &Bed, step: &Step, before: &World) -> Result<()> {
    match *step {
        Step::Break(n, link, fault) => make(bed, n, link, fault),
        Step::Heal(n, link) => bed.node(n).heal(link),
        Step::Flap(n, link, fault, time) => {
            make(bed, n, link, fault)?;
            // The time is the step's own: there is nothing to wait for.
            thread::sleep(time);
            bed.node(n).heal(link)
        }
        Step::Isolate(n, fault) => {
            let free = |link: &&u8| !before.faults.contains_key(&(n, **link));
            let links = before.configured.iter().filter(free);
            at_once(links.copied(), |link| make(bed, n, link, fault))
        }
        Step::FlapThenPowerCut(n, link) => {
            flap(bed, n, link, before)?;
            bed.node(n).power_cut()
        }
        Step::FlapThenIsolate(n, link, fault) => {
            flap(bed, n, link, before)?;
            perform(bed, &Step::Isolate(n, fault), before)
        }
        Step::HealAll(n) => {
            let links = before.faults.keys().filter(|(m, _)| *m == n);
            at_once(links.map(|(_, link)| *link), |link| bed.node(n).heal(link))
        }
        Step::Stop(n) => {
            let stop = ["pcs", "cluster", "stop", "--force"];
            bed.node(n).run(&stop).map(drop)
        }
        Step::PowerCut(n) => bed.node(n).power_cut(),
        Step::Start(n) => match before.down.get(&n) {
            Some(Down::Off) => bed.node(n).boot(),
            _ => bed.node(n).run(&["pcs", "cluster", "start"]).map(drop),
        },
        Step::Reboot(n) => {
            // A node that does not end is asked what it waits for.
            bed.node(n).power_off().with_context(|| {
                let jobs = bed
                    .node(n)
                    .sh("systemctl list-jobs; ps axf -o pid,stat,args");
                jobs.unwrap_or_else(|error| error.to_string())
            })?;
            bed.node(n).boot()
        }
        Step::RestartCorosync(n) => {
            let restart = "systemctl restart corosync && systemctl start pacemaker";
            bed.node(n).sh(restart).map(drop)
        }
        Step::KillCorosync(n) => {
            kill(bed.node(n), "corosync")?;
            bed.node(n).run(&["pcs", "cluster", "start"]).map(drop)
        }
        Step::KillAttrd(n) => replace(bed, n, "pacemaker-attrd"),
        Step::KillControld(n) => replace(bed, n, "pacemaker-controld"),
        Step::AddLink(link) => match bed.spec.form {
            Form::Conf => reload(bed, |conf| with_link(bed, conf, link)),
            Form::Pcs => {
                let address = |n| format!("{}={}", bed.node(n).name(), bed.node(n).address(link));
                let addresses: Vec<String> = (1..=before.nodes).map(address).collect();
                let number = format!("linknumber={link}");
                let mut argv = vec!["pcs", "cluster", "link", "add"];
                argv.extend(addresses.iter().map(String::as_str));
                argv.extend(["options", &number]);
                bed.node(1).run(&argv).map(drop)
            }
        },
        Step::RemoveLink(link) => match bed.spec.form {
            Form::Conf => reload(bed, |conf| without_link(conf, link)),
            Form::Pcs => {
                let argv = ["pcs", "cluster", "link", "remove", &link.to_string()];
                bed.node(1).run(&argv).map(drop)
            }
        },
    }
}

fn make(bed: &Bed, n: usize, link: u8, fault: Fault) -> Result<()> {
    let node = bed.node(n);
    let how = match fault {
        Fault::Carrier => Cut::Carrier,
        Fault::Interface => Cut::Interface,
        Fault::DropIn => Cut::DropIn,
        Fault::DropOut => Cut::DropOut,
        Fault::DropBoth => Cut::DropBoth,
        Fault::Address => {
            let flush = format!("ip address flush dev ring{link}");
            return node.sh(&flush).map(drop);
        }
    };
    node.cut(link, how)
}

/// Until knet has found a link broken and whole again.
fn flap(bed: &Bed, n: usize, link: u8, world: &World) -> Result<()> {
    let others = world.up().into_iter();
    let mut others = others.filter(|&other| other != n && world.answers(n, other, link));
    let other = bed.node(others.next().context("nobody answers")?);
    let id = bed.node(n).id();
    let key = format!("stats.knet.node{id}.link{link}.connected");
    let wait_for = |connected: &str| {
        wait_until(&format!("{key} = {connected}"), LONG, || {
            let shown = other.run(&["corosync-cmapctl", "-m", "stats", "-g", &key])?;
            Ok(shown.trim().ends_with(connected).then_some(()))
        })
    };
    make(bed, n, link, Fault::DropBoth)?;
    wait_for("= 0")?;
    bed.node(n).heal(link)?;
    wait_for("= 1")
}

/// Within a few milliseconds.
fn at_once(links: impl Iterator<Item = u8>, work: impl Fn(u8) -> Result<()> + Sync) -> Result<()> {
    let links: Vec<u8> = links.collect();
    thread::scope(|scope| {
        let work = &work;
        let start = |link: &u8| {
            let link = *link;
            scope.spawn(move || work(link))
        };
        let works: Vec<_> = links.iter().map(start).collect();
        let mut results = works.into_iter().map(|work| work.join().expect("no panic"));
        results.try_for_each(|result| result)
    })
}

/// Kills a daemon and waits until pacemakerd has started it again.
fn replace(bed: &Bed, n: usize, daemon: &str) -> Result<()> {
    let node = bed.node(n);
    let before = pid(node, daemon)?;
    kill(node, daemon)?;
    wait_until(&format!("another {daemon}"), LONG, || {
        Ok((pid(node, daemon)? != before).then_some(()))
    })
}

fn reload(bed: &Bed, change: impl Fn(&str) -> String) -> Result<()> {
    let before = bed.node(1).sh(&format!("cat {CONF}"))?;
    let after = change(&before);
    ensure!(after != before, "nothing to change in {before}");
    bed.cluster.each(|node| node.write(CONF, &after))?;
    wait_until("the reload", Duration::from_secs(20), || {
        bed.node(1).run(&["corosync-cfgtool", "-R"])?;
        Ok(Some(()))
    })
}

fn with_link(bed: &Bed, conf: &str, link: u8) -> String {
    let mut text = String::new();
    for line in conf.lines() {
        text += &format!("{line}\n");
        let id = line.trim().strip_prefix("nodeid: ");
        let mut nodes = bed.cluster.nodes().iter();
        if let Some(node) = nodes.find(|node| id == Some(&node.id().to_string())) {
            text += &format!("        ring{link}_addr: {}\n", node.address(link));
        }
    }
    text
}

fn without_link(conf: &str, link: u8) -> String {
    let ours = format!("ring{link}_addr:");
    let lines = conf.lines().filter(|line| !line.trim().starts_with(&ours));
    lines.map(|line| format!("{line}\n")).collect()
}
