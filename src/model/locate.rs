//! Where a link is broken: what all nodes say of it, put together.
//!
//! Each node publishes whom it misses on a link. On that link, nodes that reach each other,
//! directly or by way of others, are one group. A node in a group of its own, where others form
//! a larger one, has the fault at its own end; groups of several nodes are cut off from each
//! other; where nobody reaches anybody, it is what all of them share. What is missed within a
//! group is the path between two nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::gather::Gather;
use super::link::{LinkNumber, LinkState};

/// What one node says of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The state that it publishes.
    pub state: LinkState,
    /// The joined members that it does not reach over the link.
    pub misses: BTreeSet<String>,
}

/// What the nodes say of one link, by node name.
pub type Words = BTreeMap<String, Word>;

/// Where a link is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// At each of these nodes' own end: the others reach each other.
    OwnEnd {
        /// The nodes.
        nodes: Vec<String>,
        /// Those who reach each other and none of them.
        others: Vec<String>,
        /// Who of the two sides misses the other.
        seen: Seen,
    },
    /// Between the two nodes that say anything: nobody else can tell whose end it is.
    Between(String, String, Seen),
    /// On the way between this node and each of these, which all reach others.
    Path {
        /// The node.
        node: String,
        /// Those that it and who miss each other.
        to: Vec<String>,
        /// Who misses whom.
        seen: Seen,
    },
    /// Between groups of nodes that reach each other within.
    Split(Vec<Vec<String>>),
    /// No node reaches another: it is what all of them share, or all ends but one.
    Shared(Vec<String>),
    /// These are missed, and those who could tell more say nothing.
    Unsure {
        /// Who misses others.
        by: Vec<String>,
        /// Who is missed.
        missed: Vec<String>,
    },
    /// These say FAULTY and name nobody: nobody else has joined, or they are not to name them.
    MissesNobody(Vec<String>),
    /// These could not read their links for a long time.
    Unknown(Vec<String>),
}

/// From which side a fault is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// From all sides that say anything.
    Alike,
    /// The node that is named first is missed, and does not miss the others.
    FromOthers,
    /// The node that is named first misses others, and they do not miss it.
    FromNode,
    /// Some miss each other, some only one the other.
    Mixed,
}

/// Where each link is broken. Offline nodes must be left out of both the words and the names in
/// them: that they are missed is no fault of a link.
pub fn locate(links: &BTreeMap<LinkNumber, Words>) -> Vec<(LinkNumber, Fault)> {
    let faults = links
        .iter()
        .flat_map(|(&link, words)| of_link(words).into_iter().map(move |fault| (link, fault)));
    faults.collect()
}

fn of_link(words: &Words) -> Vec<Fault> {
    let map = Map::of(words);
    let mut faults = Vec::new();
    if !map.missing.is_empty() {
        let groups = map.groups();
        faults.extend(map.between(&groups));
        let within = groups.iter().map(|group| map.paths(group));
        faults.extend(within.flatten());
    }
    let silent = |state| -> Vec<String> {
        let words = words.iter().filter(|(name, word)| {
            word.state == state && word.misses.is_empty() && !map.missed(name)
        });
        words.map(|(name, _)| name.clone()).collect()
    };
    let faulty = silent(LinkState::Faulty);
    if !faulty.is_empty() {
        faults.push(Fault::MissesNobody(faulty));
    }
    let unknown = silent(LinkState::Unknown);
    if !unknown.is_empty() {
        faults.push(Fault::Unknown(unknown));
    }
    faults
}

/// Who reaches whom on a link.
struct Map<'a> {
    /// All that speak or are spoken of.
    nodes: Vec<&'a str>,
    /// Whose words tell also of those whom they do not name: they reach them.
    witnesses: BTreeSet<&'a str>,
    /// Who misses whom.
    missing: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Map<'a> {
    fn of(words: &'a Words) -> Map<'a> {
        let missing = words.iter().flat_map(|(name, word)| {
            let others = word.misses.iter().filter(move |other| *other != name);
            others.map(move |other| (name.as_str(), other.as_str()))
        });
        let missing: BTreeSet<_> = missing.gather();
        // FAULTY without a name says nothing of the others: where it recovers they are reached,
        // where its interface is down and nobody has joined they are not.
        let witnesses = words
            .iter()
            .filter(|(_, word)| word.state == LinkState::Up || !word.misses.is_empty());
        let named = missing.iter().map(|(_, other)| *other);
        let nodes: BTreeSet<_> = words.keys().map(String::as_str).chain(named).gather();
        Map {
            nodes: nodes.into_iter().collect(),
            witnesses: witnesses.map(|(name, _)| name.as_str()).collect(),
            missing,
        }
    }

    fn missed(&self, node: &str) -> bool {
        self.missing.iter().any(|(_, other)| *other == node)
    }

    /// Whether one of two misses the other.
    fn apart(&self, a: &'a str, b: &'a str) -> bool {
        self.missing.contains(&(a, b)) || self.missing.contains(&(b, a))
    }

    /// Whether anybody can tell about the way between two.
    fn known(&self, a: &str, b: &str) -> bool {
        self.witnesses.contains(a) || self.witnesses.contains(b)
    }

    /// The groups of those who reach each other, directly or by way of others.
    fn groups(&self) -> Vec<Vec<&'a str>> {
        let mut left = self.nodes.clone();
        let mut groups = Vec::new();
        while !left.is_empty() {
            let mut group = vec![left.remove(0)];
            let mut at = 0;
            while at < group.len() {
                let node = group[at];
                let (reached, rest) = left
                    .into_iter()
                    .partition(|other| self.known(node, other) && !self.apart(node, other));
                left = rest;
                group.extend::<Vec<_>>(reached);
                at += 1;
            }
            group.sort_unstable();
            groups.push(group);
        }
        groups
    }

    /// What keeps the groups apart.
    fn between(&self, groups: &[Vec<&'a str>]) -> Vec<Fault> {
        let (alone, together): (Vec<_>, Vec<_>) = groups
            .iter()
            // Of whom nobody can tell anything, nothing is told.
            .filter(|group| group.len() > 1 || self.spoken_of(group[0]))
            .partition(|group| group.len() == 1);
        let alone: Vec<&str> = alone.iter().map(|group| group[0]).collect();
        match (alone.as_slice(), together.as_slice()) {
            ([], []) | ([], [_]) => Vec::new(),
            ([a, b], []) => vec![Fault::Between(owned(a), owned(b), self.seen(&[*a], &[*b]))],
            (all, []) => vec![self.shared(all)],
            (nodes, [others]) => vec![Fault::OwnEnd {
                nodes: all_owned(nodes),
                others: all_owned(others),
                seen: self.seen(nodes, others),
            }],
            (alone, groups) => {
                let groups = groups.iter().map(|group| group.to_vec());
                let alone = alone.iter().map(|node| vec![*node]);
                let groups = groups.chain(alone).map(|group| all_owned(&group));
                vec![Fault::Split(groups.collect())]
            }
        }
    }

    fn spoken_of(&self, node: &str) -> bool {
        self.missing.iter().any(|(a, b)| *a == node || *b == node)
    }

    fn shared(&self, nodes: &[&'a str]) -> Fault {
        let mut pairs = nodes
            .iter()
            .enumerate()
            .flat_map(|(at, a)| nodes[at + 1..].iter().map(move |b| (*a, *b)));
        match pairs.all(|(a, b)| self.apart(a, b)) {
            true => Fault::Shared(all_owned(nodes)),
            false => {
                let of = |side: fn(&(&'a str, &'a str)) -> &'a str| -> Vec<String> {
                    let names: BTreeSet<_> = self.missing.iter().map(side).gather();
                    names.into_iter().map(owned).collect()
                };
                Fault::Unsure {
                    by: of(|(by, _)| by),
                    missed: of(|(_, missed)| missed),
                }
            }
        }
    }

    /// What is missed within a group, told from the nodes that have the most of it.
    fn paths(&self, group: &[&'a str]) -> Vec<Fault> {
        let mut left: BTreeSet<(&str, &str)> = BTreeSet::new();
        for (at, a) in group.iter().enumerate() {
            let others = group[at + 1..].iter();
            left.extend(others.filter(|b| self.apart(a, b)).map(|b| (*a, *b)));
        }
        let mut faults = Vec::new();
        while !left.is_empty() {
            let paths = |node: &str| {
                left.iter()
                    .filter(|(a, b)| *a == node || *b == node)
                    .count()
            };
            let most = group.iter().map(|node| paths(node)).max();
            let node = group.iter().find(|node| Some(paths(node)) == most);
            let node = *node.expect("somebody has the most");
            let (its, rest): (BTreeSet<_>, _) = left
                .into_iter()
                .partition(|(a, b)| *a == node || *b == node);
            left = rest;
            let other = |(a, b): (&'a str, &'a str)| if a == node { b } else { a };
            let to: Vec<&str> = its.into_iter().map(other).collect();
            faults.push(Fault::Path {
                node: owned(node),
                seen: self.seen(&[node], &to),
                to: all_owned(&to),
            });
        }
        faults
    }

    /// From which side these nodes and those others miss each other, as far as they can tell.
    fn seen(&self, nodes: &[&'a str], others: &[&'a str]) -> Seen {
        let witness = |name: &&&'a str| self.witnesses.contains(**name);
        let pairs = nodes.iter().filter(witness).flat_map(|node| {
            let others = others.iter().filter(witness);
            others.map(move |other| (*node, *other))
        });
        let sides: BTreeSet<_> = pairs
            .map(|(a, b)| {
                (
                    self.missing.contains(&(a, b)),
                    self.missing.contains(&(b, a)),
                )
            })
            .gather();
        match sides.into_iter().collect::<Vec<_>>().as_slice() {
            [] | [(true, true)] => Seen::Alike,
            [(false, true)] => Seen::FromOthers,
            [(true, false)] => Seen::FromNode,
            _ => Seen::Mixed,
        }
    }
}

fn owned(name: &str) -> String {
    name.to_owned()
}

fn all_owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| owned(name)).collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::OwnEnd {
                nodes,
                others,
                seen,
            } => {
                let (whose, them) = match nodes.as_slice() {
                    [node] => (format!("{node}'s own end"), node.clone()),
                    nodes => (format!("own ends of {}", some_of(nodes)), "them".to_owned()),
                };
                let others = some_of(others);
                match seen {
                    Seen::Alike => write!(f, "{whose} ({others} reach each other and not {them})"),
                    Seen::FromOthers => write!(
                        f,
                        "{whose}, one way ({others} reach each other and miss {them}, not the other way round)"
                    ),
                    Seen::FromNode => write!(
                        f,
                        "{whose}, one way ({others} reach each other and are missed by {them}, not the other way round)"
                    ),
                    Seen::Mixed => write!(
                        f,
                        "{whose}, partly one way ({others} reach each other and not {them})"
                    ),
                }
            }
            Fault::Between(a, b, seen) => {
                write!(f, "between {a} and {b}")?;
                one_way(f, a, std::slice::from_ref(b), *seen)?;
                f.write_str("; two nodes cannot tell whose end: see `ringcheck` on both")
            }
            Fault::Path { node, to, seen } => match to.as_slice() {
                [other] => {
                    write!(f, "path {node} - {other}")?;
                    one_way(f, node, to, *seen)?;
                    f.write_str(" (both reach others)")
                }
                to => {
                    write!(f, "paths from {node} to {}", some_of(to))?;
                    one_way(f, node, to, *seen)?;
                    f.write_str(" (all reach others)")
                }
            },
            Fault::Split(groups) => {
                let groups: Vec<_> = groups.iter().map(|group| some_of(group)).collect();
                write!(
                    f,
                    "split into {} (each reach only each other)",
                    groups.join(" | ")
                )
            }
            Fault::Shared(nodes) => {
                write!(f, "what {} share: no node reaches another", some_of(nodes))
            }
            Fault::Unsure { by, missed } => write!(
                f,
                "{} not reached by {}, and nobody else can tell more",
                some_of(missed),
                some_of(by)
            ),
            Fault::MissesNobody(nodes) => write!(
                f,
                "FAULTY on {}, where no node is named: see `ringcheck` there",
                some_of(nodes)
            ),
            Fault::Unknown(nodes) => write!(
                f,
                "cannot be read on {}: see `ringcheck` there",
                some_of(nodes)
            ),
        }
    }
}

fn one_way(f: &mut fmt::Formatter<'_>, node: &str, others: &[String], seen: Seen) -> fmt::Result {
    let others = some_of(others);
    let (who, whom) = match seen {
        Seen::Alike => return Ok(()),
        Seen::Mixed => return f.write_str(", partly one way"),
        Seen::FromOthers => (others.as_str(), node),
        Seen::FromNode => (node, others.as_str()),
    };
    write!(
        f,
        ", one way: {whom} missed by {who}, not the other way round"
    )
}

/// The names, or the first of many.
fn some_of(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= 4 => format!("{} and {last}", first.join(", ")),
        [a, b, rest @ ..] => format!("{a}, {b} and {} others", rest.len()),
    }
}
