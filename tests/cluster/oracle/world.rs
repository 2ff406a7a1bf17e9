//! What is physically so, and what each node must show of it. Pure: it knows no cluster, and
//! none of the product's code.
//!
//! The worlds are kept simple enough to be sure of: at most one node is absent (down, or cut
//! off from all others), and all others have at least one whole link in common. Otherwise a
//! node could talk with two that cannot talk with each other, and who is a member of what
//! would be Corosync's choice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is wrong with a node's end of a link. No packet comes back over it in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Carrier,
    Interface,
    Address,
    DropIn,
    DropOut,
    DropBoth,
}

impl Fault {
    pub const ALL: [Fault; 6] = [
        Fault::Carrier,
        Fault::Interface,
        Fault::Address,
        Fault::DropIn,
        Fault::DropOut,
        Fault::DropBoth,
    ];

    /// Whether the node's own interface shows it.
    pub fn is_local(self) -> bool {
        matches!(self, Fault::Carrier | Fault::Interface | Fault::Address)
    }

    /// Whether a node that boots is rid of it.
    pub fn ends_at_boot(self) -> bool {
        matches!(self, Fault::Interface | Fault::Address)
    }
}

/// How a node is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// The cluster is stopped on it.
    Stopped,
    /// It has no power.
    Off,
}

/// What an attribute says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Up,
    Faulty,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Up => "UP",
            State::Faulty => "FAULTY",
        })
    }
}

/// All of it at one moment.
#[derive(Clone, Debug)]
pub struct World {
    pub nodes: usize,
    /// The links that there are cables for.
    pub links: Vec<u8>,
    /// Those of them that are in the configuration.
    pub configured: BTreeSet<u8>,
    pub faults: BTreeMap<(usize, u8), Fault>,
    pub down: BTreeMap<usize, Down>,
    /// The links of nodes that nobody else reaches which were FAULTY when their last witness left:
    /// nobody has seen them healed.
    unhealed: BTreeSet<(usize, u8)>,
    /// Such links that may or may not have been shown FAULTY before that.
    unsure: BTreeSet<(usize, u8)>,
    /// Whether pcs changes the links, which then asks all nodes over the first one.
    pub pcs: bool,
}

impl World {
    /// Where nothing is wrong.
    pub fn whole(nodes: usize, links: &[u8], pcs: bool) -> World {
        World {
            nodes,
            links: links.to_vec(),
            configured: links.iter().copied().collect(),
            faults: BTreeMap::new(),
            down: BTreeMap::new(),
            unhealed: BTreeSet::new(),
            unsure: BTreeSet::new(),
            pcs,
        }
    }

    /// The same world with what a node that is alone keeps of the one before.
    pub fn after(mut self, before: &World) -> World {
        let alone = self.alone();
        let links = || self.configured.iter();
        let kept = |shown: &dyn Fn(usize, u8) -> bool| -> BTreeSet<(usize, u8)> {
            let of = |&n: &usize| links().map(move |&link| (n, link));
            let all = alone.iter().flat_map(of);
            all.filter(|&(n, link)| shown(n, link)).collect()
        };
        let unhealed = kept(&|n, link| before.shows(n, link) == Some(State::Faulty));
        let unsure = kept(&|n, link| before.is_unsure(n, link));
        (self.unhealed, self.unsure) = (unhealed, unsure);
        self
    }

    /// The same world where it may or may not have been seen that this link, which was UP in
    /// the world `before`, was broken shortly before a node was alone.
    pub fn doubting(mut self, link: u8, before: &World) -> World {
        for n in self.alone() {
            if before.shows(n, link) == Some(State::Up) {
                self.unhealed.remove(&(n, link));
                self.unsure.insert((n, link));
            }
        }
        self
    }

    /// Whether a link may be shown as either.
    pub fn is_unsure(&self, n: usize, link: u8) -> bool {
        let shown = self.shows(n, link);
        shown == Some(State::Up) && self.unsure.contains(&(n, link))
    }

    /// The nodes on which the cluster runs.
    pub fn up(&self) -> Vec<usize> {
        let all = 1..=self.nodes;
        all.filter(|n| !self.down.contains_key(n)).collect()
    }

    /// Whether packets come back over this link.
    pub fn answers(&self, a: usize, b: usize, link: u8) -> bool {
        let ends = [a, b];
        let whole = |n| !self.down.contains_key(n) && !self.faults.contains_key(&(*n, link));
        self.configured.contains(&link) && ends.iter().all(whole)
    }

    /// The nodes that are members of the same cluster as this one.
    pub fn partition(&self, n: usize) -> Vec<usize> {
        let any = |&other: &usize| {
            let mut links = self.configured.iter();
            other == n || links.any(|&link| self.answers(n, other, link))
        };
        self.up().into_iter().filter(any).collect()
    }

    /// The members that a node does not reach over a link.
    pub fn lost(&self, n: usize, link: u8) -> Vec<usize> {
        let members = self.partition(n).into_iter();
        let silent = |&peer: &usize| peer != n && !self.answers(n, peer, link);
        members.filter(silent).collect()
    }

    /// How many members a node reaches over a link, if it runs, the link is configured and there
    /// are any.
    pub fn reached(&self, n: usize, link: u8) -> Option<usize> {
        self.shows(n, link)?;
        let others = self.partition(n).len() - 1;
        (others > 0).then(|| others - self.lost(n, link).len())
    }

    /// Whether a node that runs has lost a link, and not another one.
    pub fn health(&self, n: usize) -> Option<State> {
        if self.down.contains_key(&n) {
            return None;
        }
        let others = self.partition(n).len() - 1;
        let ill = |link: &u8| {
            let local = self.faults.get(&(n, *link));
            local.is_some_and(|fault| fault.is_local()) || 2 * self.lost(n, *link).len() > others
        };
        Some(match self.configured.iter().any(ill) {
            true => State::Faulty,
            false => State::Up,
        })
    }

    /// What a node that runs must show of a link that is configured.
    pub fn shows(&self, n: usize, link: u8) -> Option<State> {
        if self.down.contains_key(&n) || !self.configured.contains(&link) {
            return None;
        }
        let fault = self.faults.get(&(n, link));
        let local = fault.is_some_and(|fault| fault.is_local());
        let mut peers = self.partition(n).into_iter().filter(|&peer| peer != n);
        let lost = peers.any(|peer| !self.answers(n, peer, link));
        Some(match local || lost || self.unhealed.contains(&(n, link)) {
            true => State::Faulty,
            false => State::Up,
        })
    }

    /// How many nodes are down, or cut off from the others.
    pub fn absent(&self) -> usize {
        let alone = self.alone().len();
        let lone = if alone == self.up().len() {
            alone.saturating_sub(1)
        } else {
            alone
        };
        self.down.len() + lone
    }

    fn alone(&self) -> Vec<usize> {
        let mut up = self.up();
        up.retain(|&n| self.partition(n).len() == 1);
        up
    }

    /// Whether this is one of the worlds that the module is about.
    pub fn is_sure(&self) -> bool {
        let alone = self.alone();
        let mut group = self.up();
        group.retain(|n| !alone.contains(n));
        let in_common = |link: &u8| {
            group
                .iter()
                .all(|&n| !self.faults.contains_key(&(n, *link)))
        };
        self.absent() <= 1 && (group.is_empty() || self.configured.iter().any(in_common))
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.faults.iter();
        let faults = faults.map(|((n, link), fault)| format!("n{n}/{link} {fault:?}"));
        let down = self.down.iter().map(|(n, down)| format!("n{n} {down:?}"));
        let gone = self
            .links
            .iter()
            .filter(|link| !self.configured.contains(link));
        let gone = gone.map(|link| format!("link {link} removed"));
        let all: Vec<String> = faults.chain(down).chain(gone).collect();
        match all.is_empty() {
            true => f.write_str("all whole"),
            false => f.write_str(&all.join(", ")),
        }
    }
}

/// Whether these values, in this order, are what was true, in this order: each of them at some
/// time, and none again after it had ended. What was true may be passed over.
pub fn is_true(values: &[State], truth: &[Option<State>]) -> bool {
    let mut at = 0;
    values.iter().all(|value| {
        let rest = truth.get(at..).unwrap_or_default();
        let found = rest.iter().position(|state| *state == Some(*value));
        at += found.unwrap_or(rest.len());
        found.is_some()
    })
}
