//! What the nodes have published, as any node can read it.

use std::collections::{BTreeMap, BTreeSet};

use super::attribute::{self, Attributes};
use super::gather::Gather;
use super::link::{LinkNumber, LinkState, NodeId};
use super::locate::{Word, Words};

/// A node of the cluster, as Pacemaker has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id; none if the id in the CIB is not a number, as left by cloud tools, Heartbeat or a
    /// mistyped command. Corosync's ids are numbers, so such a node is never online.
    pub id: Option<NodeId>,
    /// Its name.
    pub name: String,
    /// Whether Pacemaker runs on it and has it in the cluster.
    pub online: bool,
    /// What it has published of its links.
    pub links: BTreeMap<LinkNumber, Published>,
}

/// What a node has published of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its address.
    pub address: String,
    /// Its state.
    pub state: LinkState,
    /// The members that it does not reach over it.
    pub misses: BTreeSet<String>,
}

impl Member {
    /// A node with these attributes, of which those that are not ringcheck's are ignored.
    pub fn new(id: Option<NodeId>, name: &str, online: bool, attributes: &Attributes) -> Member {
        let links = attributes.iter().filter_map(|(name, value)| {
            let link = attribute::link(name)?;
            let (address, state) = attribute::parse(value)?;
            let misses = attributes.get(&attribute::lost_name(link));
            let misses = misses.map(|misses| attribute::lost_peers(misses));
            let published = Published {
                address: address.to_owned(),
                state,
                misses: misses.into_iter().flatten().map(str::to_owned).gather(),
            };
            Some((link, published))
        });
        Member {
            id,
            name: name.to_owned(),
            online,
            links: links.gather(),
        }
    }
}

/// What the nodes that are online say of each link and of each other.
pub fn words(members: &[Member]) -> BTreeMap<LinkNumber, Words> {
    let offline: BTreeSet<&str> = members
        .iter()
        .filter(|member| !member.online)
        .map(|member| member.name.as_str())
        .gather();
    let mut words: BTreeMap<LinkNumber, Words> = BTreeMap::new();
    for member in members.iter().filter(|member| member.online) {
        for (&link, published) in &member.links {
            let misses = published.misses.iter();
            let misses = misses.filter(|name| !offline.contains(name.as_str()));
            let word = Word {
                state: published.state,
                misses: misses.cloned().gather(),
            };
            let link = words.entry(link).or_default();
            link.insert(member.name.clone(), word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u32, online: bool, attributes: &[(&str, &str)]) -> Member {
        let attributes = attributes.iter();
        let attributes = attributes.map(|(name, value)| (name.to_string(), value.to_string()));
        Member::new(
            Some(NodeId(id)),
            &format!("n{id}"),
            online,
            &attributes.collect(),
        )
    }

    #[test]
    fn attributes_tell_state_and_whom_a_node_misses() {
        let attributes = [
            ("ringlost_1", "n2 n3"),
            ("ringlost_2", "n2"),
            ("ringnumber_0", "fd00::1 is UP"),
            ("ringnumber_1", "10.77.1.1 is FAULTY"),
            ("ringnumber_3", "nonsense"),
            ("pingd", "100"),
        ];
        let member = member(1, true, &attributes);
        let links: Vec<_> = member.links.keys().map(|link| link.0).collect();
        assert_eq!(links, [0, 1], "what has no state of its own is nothing");
        let published = &member.links[&LinkNumber(1)];
        assert_eq!(published.address, "10.77.1.1");
        assert_eq!(published.state, LinkState::Faulty);
        let misses = ["n2".to_owned(), "n3".to_owned()];
        assert_eq!(published.misses, BTreeSet::from(misses));
        assert!(member.links[&LinkNumber(0)].misses.is_empty());
    }

    #[test]
    fn who_is_offline_neither_speaks_nor_is_spoken_of() {
        let faulty = |misses| {
            [
                ("ringnumber_1", "10.0.0.1 is FAULTY"),
                ("ringlost_1", misses),
            ]
        };
        let members = [
            member(1, true, &faulty("n2 n3")),
            member(2, true, &faulty("n1 n3")),
            member(3, false, &faulty("n1")),
        ];
        let words = words(&members);
        let words = &words[&LinkNumber(1)];
        assert_eq!(words.len(), 2);
        assert_eq!(words["n1"].misses, BTreeSet::from(["n2".to_owned()]));
    }
}
