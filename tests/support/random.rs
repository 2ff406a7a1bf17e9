use proptest::prelude::*;
use ringcheck::model::link::Interface;

use super::Event;

/// A failure prints its input, which belongs into a test by example and not into a file.
pub fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Anything that can happen to a cluster of `peers` peers whose links are numbered below
/// `links`, the last of which comes and goes.
pub fn event(peers: u32, links: u8) -> impl Strategy<Value = Event> {
    let peer = || 2..2 + peers;
    let link = || 0..links;
    let interface = prop_oneof![
        3 => Just(Interface::Up("eth".into())),
        1 => Just(Interface::Down("eth".into())),
        1 => Just(Interface::NoCarrier("eth".into())),
        1 => Just(Interface::Absent),
        1 => Just(Interface::Unknown),
    ];
    prop_oneof![
        6 => (peer(), link()).prop_map(|(peer, link)| Event::Cut(peer, link)),
        6 => (peer(), link()).prop_map(|(peer, link)| Event::Heal(peer, link)),
        1 => peer().prop_map(Event::Leave),
        2 => peer().prop_map(Event::Join),
        1 => Just(Event::Add(links - 1)),
        1 => Just(Event::Remove(links - 1)),
        1 => (peer(), link()).prop_map(|(peer, link)| Event::Forget(peer, link)),
        2 => (link(), interface).prop_map(|(link, interface)| Event::Interface(link, interface)),
    ]
}

/// What happens to a peer and must never make a link FAULTY, as measured on real clusters:
/// when each event happens, and after which time the next story may start.
#[derive(Clone, Debug)]
pub struct Story {
    pub pause: u64,
    pub kind: Kind,
    /// When knet gives each link up: one that was down shortly before much later.
    pub gone: Vec<u64>,
    /// For how long all are gone.
    pub out: u64,
    /// When each link comes, once one does.
    pub back: Vec<u64>,
    /// When membership notices, if it does.
    pub noticed: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// The peer dies, leaves some seconds later, and joins again when its links come.
    Death,
    /// The peer leaves first and stops then.
    Stop,
    /// All links fail, and come back before membership notices.
    Outage,
}

pub fn story(links: usize) -> impl Strategy<Value = Story> {
    let kind = prop_oneof![Just(Kind::Death), Just(Kind::Stop), Just(Kind::Outage)];
    let times = |most| proptest::collection::vec(0..=most, links);
    (
        500u64..20_000,
        kind,
        times(7000u64),
        300u64..12_000,
        times(2200u64),
        0u64..8_000,
    )
        .prop_map(|(pause, kind, gone, out, back, noticed)| Story {
            pause,
            kind,
            gone,
            out,
            back,
            noticed,
        })
}

impl Story {
    /// The events of this story with their times, and when it has ended.
    pub fn tell(&self, start: u64, peer: u32) -> (Vec<(u64, Event)>, u64) {
        let start = start + self.pause;
        let links = || 0..self.gone.len() as u8;
        let last_gone = start + self.gone.iter().max().unwrap();
        let left = match self.kind {
            Kind::Death => Some(last_gone + self.noticed),
            Kind::Stop => Some(start),
            Kind::Outage => None,
        };
        let first_back = left.unwrap_or(0).max(last_gone) + self.out;
        let mut events = vec![(start, Event::Silence(peer))];
        events.extend(
            links().map(|link| (start + self.gone[usize::from(link)], Event::Cut(peer, link))),
        );
        let first = self.back.iter().min().unwrap();
        let back = |link: u8| first_back + self.back[usize::from(link)] - first;
        events.extend(links().map(|link| (back(link), Event::Heal(peer, link))));
        events.extend(links().map(|link| (first_back, Event::Answer(peer, link))));
        let joined = first_back + self.noticed % 2200;
        if let Some(left) = left {
            events.insert(0, (left, Event::Leave(peer)));
            events.push((joined, Event::Join(peer)));
        }
        (events, first_back + 2200)
    }
}
