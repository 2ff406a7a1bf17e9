//! The node attributes: their names and texts, and what must be written to get from one
//! set to another.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::Gather;
use super::link::{LinkNumber, LinkState};

/// Node attributes by name.
pub type Attributes = BTreeMap<String, String>;

/// What the names of a link's attribute begin with, as ifcheckd had it.
pub const PREFIX: &str = "ringnumber_";

/// What the names of the attributes begin with that say which peers a link has lost.
pub const LOST_PREFIX: &str = "ringlost_";

/// What the names of the attributes begin with that say how many peers a link reaches.
pub const REACHED_PREFIX: &str = "ringpeers_";

/// The attribute with the node's health; Pacemaker heeds whatever begins with `#health`
/// (Pacemaker Explained, "Tracking Node Health").
pub const HEALTH: &str = "#health-ringcheck";

/// What every name of ours begins with.
pub const BEGINNINGS: [&str; 4] = [PREFIX, LOST_PREFIX, REACHED_PREFIX, HEALTH];

/// The attribute of a link.
pub fn name(link: LinkNumber) -> String {
    format!("{PREFIX}{link}")
}

/// The link whose state an attribute tells, or nothing if it does not tell one.
pub fn link(name: &str) -> Option<LinkNumber> {
    number(name.strip_prefix(PREFIX)?)
}

/// The attribute with the peers that a link has lost.
pub fn lost_name(link: LinkNumber) -> String {
    format!("{LOST_PREFIX}{link}")
}

/// The link whose lost peers an attribute tells, or nothing if it does not tell any.
pub fn lost_link(name: &str) -> Option<LinkNumber> {
    number(name.strip_prefix(LOST_PREFIX)?)
}

/// The attribute with the number of peers that a link reaches.
pub fn reached_name(link: LinkNumber) -> String {
    format!("{REACHED_PREFIX}{link}")
}

/// The link whose number of reached peers an attribute tells, or nothing if it does not tell any.
pub fn reached_link(name: &str) -> Option<LinkNumber> {
    number(name.strip_prefix(REACHED_PREFIX)?)
}

/// Whether an attribute is ringcheck's.
pub fn is_ours(name: &str) -> bool {
    let of_a_link = link(name)
        .or_else(|| lost_link(name))
        .or_else(|| reached_link(name));
    of_a_link.is_some() || name == HEALTH
}

/// The text for the peers that a link has lost: their names, with a space between them.
pub fn lost_value<'a>(peers: impl IntoIterator<Item = &'a str>) -> String {
    peers.into_iter().collect::<Vec<_>>().join(" ")
}

/// The names of the peers in such a text.
pub fn lost_peers(value: &str) -> impl Iterator<Item = &str> {
    value.split_ascii_whitespace()
}

fn number(digits: &str) -> Option<LinkNumber> {
    LinkNumber::all().find(|link| link.to_string() == digits)
}

/// The text of a link's attribute, ifcheckd's to the letter: `192.168.101.131 is UP`.
pub fn value(address: &str, state: LinkState) -> String {
    format!("{address} is {state}")
}

/// The address and the state in an attribute's text.
pub fn parse(value: &str) -> Option<(&str, LinkState)> {
    let (address, state) = value.rsplit_once(" is ")?;
    Some((address, LinkState::parse(state)?))
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Create the attribute or give it this value.
    Update {
        /// The attribute.
        name: String,
        /// Its new text.
        value: String,
    },
    /// Delete the attribute.
    Delete {
        /// The attribute.
        name: String,
    },
}

impl Change {
    /// The attribute that is written.
    pub fn name(&self) -> &str {
        match self {
            Change::Update { name, .. } | Change::Delete { name } => name,
        }
    }

    /// What `attributes` are once this was written.
    pub fn apply(&self, attributes: &mut Attributes) {
        match self {
            Change::Update { name, value } => {
                attributes.insert(name.clone(), value.clone());
            }
            Change::Delete { name } => {
                attributes.remove(name);
            }
        }
    }
}

/// The writes that turn `published` into `wanted`, and no others.
pub fn diff(wanted: &Attributes, published: &Attributes) -> Vec<Change> {
    repair(wanted, published, published)
}

/// The writes that make both the attribute manager, which acknowledged `acknowledged`, and
/// the CIB, which has `stored`, say what is `wanted`.
pub fn repair(wanted: &Attributes, acknowledged: &Attributes, stored: &Attributes) -> Vec<Change> {
    let right = |(name, value): &(&String, &String)| {
        acknowledged.get(*name) == Some(*value) && stored.get(*name) == Some(*value)
    };
    let updates = wanted.iter().filter(|attribute| !right(attribute));
    let updates = updates.map(|(name, value)| Change::Update {
        name: name.clone(),
        value: value.clone(),
    });
    // The states first: whatever fails then, they are told.
    let (states, others): (Vec<_>, Vec<_>) = updates.partition(is_state);
    let updates = states.into_iter().chain(others);
    let known: BTreeSet<&String> = acknowledged.keys().chain(stored.keys()).gather();
    let deletes = known
        .into_iter()
        .filter(|name| !wanted.contains_key(*name))
        .map(|name| Change::Delete { name: name.clone() });
    updates.chain(deletes).collect()
}

fn is_state(change: &Change) -> bool {
    link(change.name()).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_texts_are_ifcheckds() {
        assert_eq!(name(LinkNumber(0)), "ringnumber_0");
        assert_eq!(
            value("192.168.101.131", LinkState::Up),
            "192.168.101.131 is UP"
        );
        assert_eq!(value("fd00::1", LinkState::Faulty), "fd00::1 is FAULTY");
    }

    #[test]
    fn only_our_own_names_are_ours() {
        assert_eq!(link("ringnumber_7"), Some(LinkNumber(7)));
        for foreign in [
            "ringnumber_8",
            "ringnumber_00",
            "ringnumber_",
            "ringnumber_+1",
            "pingd",
        ] {
            assert_eq!(link(foreign), None, "{foreign}");
            assert!(!is_ours(foreign), "{foreign}");
        }
        for ours in [
            "ringnumber_0",
            "ringlost_0",
            "ringpeers_7",
            "#health-ringcheck",
        ] {
            assert!(is_ours(ours), "{ours}");
            assert!(
                BEGINNINGS
                    .iter()
                    .any(|beginning| ours.starts_with(beginning))
            );
        }
        for foreign in [
            "ringlost_8",
            "ringpeers_",
            "#health-ringcheck2",
            "#health_disk",
        ] {
            assert!(!is_ours(foreign), "{foreign}");
        }
    }

    #[test]
    fn states_are_written_before_all_else() {
        let wanted = ["ringlost_0", "ringlost_1", "ringnumber_0", "ringnumber_1"];
        let wanted = wanted.map(|name| (name.to_owned(), "x".to_owned())).into();
        let changes = diff(&wanted, &Attributes::new());
        let names: Vec<&str> = changes.iter().map(Change::name).collect();
        assert_eq!(
            names,
            ["ringnumber_0", "ringnumber_1", "ringlost_0", "ringlost_1"]
        );
    }

    fn attributes() -> impl Strategy<Value = Attributes> {
        proptest::collection::btree_map("ringnumber_[0-7]", "[a-c] is (UP|FAULTY)", 0..8)
    }

    proptest! {
        #[test]
        fn applying_the_diff_gives_the_wanted_set(wanted in attributes(), published in attributes()) {
            let mut result = published.clone();
            for change in diff(&wanted, &published) {
                change.apply(&mut result);
            }
            prop_assert_eq!(&result, &wanted);
            prop_assert_eq!(diff(&wanted, &result), vec![]);
        }

        #[test]
        fn a_repair_leaves_both_sides_as_wanted(
            wanted in attributes(), acknowledged in attributes(), stored in attributes()
        ) {
            let changes = repair(&wanted, &acknowledged, &stored);
            for mut side in [acknowledged, stored] {
                for change in &changes {
                    change.apply(&mut side);
                }
                prop_assert_eq!(&side, &wanted);
            }
        }

        #[test]
        fn what_is_written_can_be_read(address in "[0-9a-f.:]{1,39}") {
            for state in [LinkState::Up, LinkState::Faulty, LinkState::Unknown] {
                let text = value(&address, state);
                prop_assert_eq!(parse(&text), Some((address.as_str(), state)));
            }
        }
    }
}
