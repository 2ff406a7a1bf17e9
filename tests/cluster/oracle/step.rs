//! What can happen, when it may, and which worlds it goes through.

use std::fmt;
use std::time::Duration;

use super::dice::Dice;
use super::world::{Down, Fault, World};

/// Something that happens to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Break(usize, u8, Fault),
    Heal(usize, u8),
    /// Broken and whole again after so long.
    Flap(usize, u8, Fault, Duration),
    /// All links of a node at once.
    Isolate(usize, Fault),
    /// A link is broken and comes back, and then the power goes: knet gives the link much more
    /// time than the others, which seem to be the only ones that are broken.
    FlapThenPowerCut(usize, u8),
    /// The same, but all links are cut then.
    FlapThenIsolate(usize, u8, Fault),
    /// All links of a node whole again at once.
    HealAll(usize),
    Stop(usize),
    PowerCut(usize),
    Start(usize),
    Reboot(usize),
    RestartCorosync(usize),
    KillCorosync(usize),
    KillAttrd(usize),
    KillControld(usize),
    AddLink(u8),
    RemoveLink(u8),
}

/// How likely each kind is where it is possible; what leads back to a whole world is more
/// likely, or it would be seldom seen.
const KINDS: [(&str, usize); 22] = [
    ("carrier lost", 4),
    ("interface down", 3),
    ("address removed", 3),
    ("packets in dropped", 3),
    ("packets out dropped", 3),
    ("packets dropped", 3),
    ("link healed", 16),
    ("link flapped", 9),
    ("node cut off", 3),
    ("cut off after a flap", 3),
    ("node healed", 8),
    ("cluster stopped", 2),
    ("power cut", 2),
    ("power cut after a flap", 3),
    ("node started", 16),
    ("node rebooted", 2),
    ("corosync restarted", 3),
    ("corosync killed", 2),
    ("attrd killed", 3),
    ("controld killed", 3),
    ("link added", 8),
    ("link removed", 3),
];

/// An interface that is broken for so long is not seen broken again one ping interval later.
const BLINK: Duration = Duration::from_millis(750);

impl Step {
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Break(_, _, Fault::Carrier) => "carrier lost",
            Step::Break(_, _, Fault::Interface) => "interface down",
            Step::Break(_, _, Fault::Address) => "address removed",
            Step::Break(_, _, Fault::DropIn) => "packets in dropped",
            Step::Break(_, _, Fault::DropOut) => "packets out dropped",
            Step::Break(_, _, Fault::DropBoth) => "packets dropped",
            Step::Heal(..) => "link healed",
            Step::Flap(..) => "link flapped",
            Step::Isolate(..) => "node cut off",
            Step::FlapThenPowerCut(..) => "power cut after a flap",
            Step::FlapThenIsolate(..) => "cut off after a flap",
            Step::HealAll(_) => "node healed",
            Step::Stop(_) => "cluster stopped",
            Step::PowerCut(_) => "power cut",
            Step::Start(_) => "node started",
            Step::Reboot(_) => "node rebooted",
            Step::RestartCorosync(_) => "corosync restarted",
            Step::KillCorosync(_) => "corosync killed",
            Step::KillAttrd(_) => "attrd killed",
            Step::KillControld(_) => "controld killed",
            Step::AddLink(_) => "link added",
            Step::RemoveLink(_) => "link removed",
        }
    }

    /// Something that may happen to this world.
    pub fn choose(world: &World, dice: &mut Dice) -> Step {
        let every = every(world);
        let likely: Vec<&str> = KINDS
            .iter()
            .flat_map(|(kind, weight)| vec![*kind; *weight])
            .collect();
        loop {
            let kind = dice.pick(&likely);
            let mut of_kind = every.clone();
            of_kind.retain(|step| {
                step.kind() == kind && step.worlds(world).iter().all(World::is_sure)
            });
            // A daemon can always be killed, so this ends.
            if !of_kind.is_empty() {
                return dice.pick(&of_kind);
            }
        }
    }

    /// The next step on the way to a world where all is whole, through worlds that are sure.
    pub fn home(world: &World) -> Option<Step> {
        let down = world.down.keys().map(|&n| Step::Start(n));
        let ends = world.faults.keys();
        let booted = |n: &usize, link: &u8| {
            world.down.get(n) == Some(&Down::Off) && world.faults[&(*n, *link)].ends_at_boot()
        };
        let heals = ends.filter(|(n, link)| !booted(n, link));
        let heals = heals.map(|&(n, link)| Step::Heal(n, link));
        let gone = world
            .links
            .iter()
            .filter(|link| !world.configured.contains(link));
        let steps = down
            .chain(heals)
            .chain(gone.map(|&link| Step::AddLink(link)));
        let steps: Vec<Step> = steps.collect();
        let is_sure = |step: &&Step| step.worlds(world).iter().all(World::is_sure);
        steps.iter().find(is_sure).or(steps.first()).copied()
    }

    /// The worlds that it goes through, from `world` to the one that it leaves.
    pub fn worlds(&self, world: &World) -> Vec<World> {
        let mut worlds: Vec<World> = Vec::new();
        for next in self.physical(world) {
            worlds.push(match worlds.last() {
                Some(before) => next.after(before),
                None => next,
            });
        }
        if let Step::Flap(_, link, _, _)
        | Step::FlapThenPowerCut(_, link)
        | Step::FlapThenIsolate(_, link, _) = *self
        {
            let last = worlds.pop().map(|last| last.doubting(link, world));
            worlds.extend(last);
        }
        worlds
    }

    /// The node and link whose interface is broken for so short a time that it is not FAULTY if
    /// knet does not notice; `took` is how long the step took.
    pub fn blink(&self, took: Duration) -> Option<(usize, u8)> {
        match *self {
            Step::Flap(n, link, fault, _) if fault.is_local() && took < BLINK => Some((n, link)),
            _ => None,
        }
    }

    /// These worlds by what is physically so. What happens to several links at once is one
    /// change: it takes less time than anybody could tell.
    fn physical(&self, world: &World) -> Vec<World> {
        let changed = |change: &dyn Fn(&mut World)| {
            let mut world = world.clone();
            change(&mut world);
            world
        };
        let with = |n: usize, link: u8, fault: Fault| {
            changed(&|w| {
                w.faults.insert((n, link), fault);
            })
        };
        let down = |n: usize, how: Down| {
            changed(&|w| {
                w.down.insert(n, how);
            })
        };
        let booted = |n: usize| {
            changed(&|w| {
                w.faults
                    .retain(|&(m, _), fault| m != n || !fault.ends_at_boot());
                w.down.remove(&n);
            })
        };
        let (before, same) = (world.clone(), world.clone());
        match *self {
            Step::Break(n, link, fault) => vec![before, with(n, link, fault)],
            Step::Heal(n, link) => {
                let healed = changed(&|w| {
                    w.faults.remove(&(n, link));
                });
                vec![before, healed]
            }
            Step::Flap(n, link, fault, _) => vec![before, with(n, link, fault), same],
            Step::Isolate(n, fault) => {
                let isolated = changed(&|w| {
                    for &link in &w.configured {
                        w.faults.entry((n, link)).or_insert(fault);
                    }
                });
                vec![before, isolated]
            }
            Step::FlapThenPowerCut(n, link) => {
                let flapped = with(n, link, Fault::DropBoth);
                vec![before, flapped, same, down(n, Down::Off)]
            }
            Step::FlapThenIsolate(n, link, fault) => {
                let mut worlds = vec![before, with(n, link, Fault::DropBoth)];
                worlds.extend(Step::Isolate(n, fault).physical(world));
                worlds
            }
            Step::HealAll(n) => {
                let healed = changed(&|w| w.faults.retain(|&(m, _), _| m != n));
                vec![before, healed]
            }
            Step::Stop(n) => vec![before, down(n, Down::Stopped)],
            Step::PowerCut(n) => vec![before, down(n, Down::Off)],
            Step::Start(n) => match world.down.get(&n) {
                Some(Down::Off) => vec![before, booted(n)],
                _ => vec![
                    before,
                    changed(&|w| {
                        w.down.remove(&n);
                    }),
                ],
            },
            Step::Reboot(n) => vec![before, down(n, Down::Off), booted(n)],
            Step::RestartCorosync(n) | Step::KillCorosync(n) => {
                vec![before, down(n, Down::Stopped), same]
            }
            Step::KillAttrd(_) | Step::KillControld(_) => vec![before],
            Step::AddLink(link) | Step::RemoveLink(link) => {
                let other = changed(&|w| {
                    if !w.configured.remove(&link) {
                        w.configured.insert(link);
                    }
                });
                vec![before, other]
            }
        }
    }
}

/// Every step that makes sense; whether it leads to a world that is sure is asked elsewhere.
fn every(world: &World) -> Vec<Step> {
    let mut steps = Vec::new();
    let powered = |n: &usize| world.down.get(n) != Some(&Down::Off);
    for n in (1..=world.nodes).filter(powered) {
        for &link in &world.links {
            if world.faults.contains_key(&(n, link)) {
                steps.push(Step::Heal(n, link));
                continue;
            }
            steps.extend(Fault::ALL.map(|fault| Step::Break(n, link, fault)));
            if world.down.contains_key(&n) {
                continue;
            }
            for fault in Fault::ALL {
                let times = [200, 700, 1300, 4000].map(Duration::from_millis);
                steps.extend(times.map(|time| Step::Flap(n, link, fault, time)));
            }
        }
        if world.faults.keys().filter(|(m, _)| *m == n).count() > 1 {
            steps.push(Step::HealAll(n));
        }
    }
    for n in world.up() {
        if world.partition(n).len() > 1 && world.configured.len() > 1 {
            steps.extend(Fault::ALL.map(|fault| Step::Isolate(n, fault)));
        }
        for &link in &world.links {
            let mut others = world.partition(n).into_iter().filter(|&other| other != n);
            if others.any(|other| world.answers(n, other, link)) {
                let isolate = |fault| Step::FlapThenIsolate(n, link, fault);
                steps.extend(Fault::ALL.map(isolate));
                steps.push(Step::FlapThenPowerCut(n, link));
            }
        }
        steps.extend([
            Step::Stop(n),
            Step::PowerCut(n),
            Step::Reboot(n),
            Step::RestartCorosync(n),
            Step::KillCorosync(n),
            Step::KillAttrd(n),
            Step::KillControld(n),
        ]);
    }
    steps.extend(world.down.keys().map(|&n| Step::Start(n)));
    let first = world.links[0];
    let pcs_works = !world.pcs || !world.faults.keys().any(|(_, link)| *link == first);
    if world.absent() == 0 && pcs_works {
        for &link in world.links.iter().filter(|link| **link != first) {
            steps.push(match world.configured.contains(&link) {
                true => Step::RemoveLink(link),
                false => Step::AddLink(link),
            });
        }
    }
    steps
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Step::Break(n, link, _) | Step::Heal(n, link) | Step::FlapThenPowerCut(n, link) => {
                write!(f, "{kind}: n{n} link {link}")
            }
            Step::FlapThenIsolate(n, link, fault) => {
                write!(f, "{kind}: n{n} link {link}, {fault:?}")
            }
            Step::Flap(n, link, fault, time) => {
                write!(f, "{kind}: n{n} link {link}, {fault:?} for {time:?}")
            }
            Step::Isolate(n, fault) => write!(f, "{kind}: n{n}, {fault:?}"),
            Step::AddLink(link) | Step::RemoveLink(link) => write!(f, "{kind}: link {link}"),
            Step::HealAll(n)
            | Step::Stop(n)
            | Step::PowerCut(n)
            | Step::Start(n)
            | Step::Reboot(n)
            | Step::RestartCorosync(n)
            | Step::KillCorosync(n)
            | Step::KillAttrd(n)
            | Step::KillControld(n) => write!(f, "{kind}: n{n}"),
        }
    }
}
