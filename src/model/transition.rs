//! A link's change from one state to another, as the log and the history tell it.

use std::time::Duration;

use super::attribute::{self, Attributes};
use super::link::{LinkNumber, LinkState};
use super::memory::{LinkMemory, Memory};
use super::moment::Moment;
use super::verdict::Judgement;

/// A change of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The link.
    pub link: LinkNumber,
    /// Its address, empty where it is not known.
    pub address: String,
    /// The state that it had; none if it had no verdict.
    pub from: Option<LinkState>,
    /// The state that it has now; none if it has no verdict any more.
    pub to: Option<LinkState>,
    /// Why.
    pub reason: String,
    /// The names of the peers that do not answer on it.
    pub peers: Vec<String>,
    /// For how long it had the state before, where that is known.
    pub lasted: Option<Duration>,
}

impl Transition {
    /// That nothing is shown any more of a link that was as `before` says. `published` has its
    /// address.
    pub fn gone(
        link: LinkNumber,
        before: &LinkMemory,
        published: &Attributes,
        reason: &str,
        now: Moment,
    ) -> Transition {
        let value = published.get(&attribute::name(link));
        let address = value.and_then(|value| attribute::parse(value));
        Transition {
            link,
            address: address.map_or_else(String::new, |(address, _)| address.to_owned()),
            from: Some(before.state),
            to: None,
            reason: reason.to_owned(),
            peers: Vec::new(),
            lasted: Some(now.since(before.since)),
        }
    }
}

/// What became of each link since `before`. `published` has the addresses of the links that
/// are gone.
pub fn between(
    before: &Memory,
    judgement: &Judgement,
    published: &Attributes,
    now: Moment,
) -> Vec<Transition> {
    let changed = judgement.memory.links.iter().filter_map(|(&link, memory)| {
        let verdict = judgement.verdicts.get(&link)?;
        let before = before.links.get(&link);
        let from = before.map(|before| before.state);
        (from != Some(memory.state)).then(|| Transition {
            link,
            address: verdict.address.clone(),
            from,
            to: Some(memory.state),
            reason: verdict.reason.to_string(),
            peers: verdict.reason.peers().to_vec(),
            lasted: before.map(|before| now.since(before.since)),
        })
    });
    let gone = before.links.iter().filter(|(link, _)| {
        !judgement.memory.links.contains_key(link) && !judgement.verdicts.contains_key(link)
    });
    let gone = gone.map(|(&link, before)| {
        Transition::gone(link, before, published, "left the configuration", now)
    });
    changed.chain(gone).collect()
}
