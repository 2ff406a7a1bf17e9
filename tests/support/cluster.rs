use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ringcheck::model::link::{
    Facts, Interface, LinkNumber, LocalLink, NodeId, Peer, PeerLink, Transport,
};
use ringcheck::model::outline::{Outline, OutlinedLink, OutlinedPeer};

/// What can happen to a cluster.
#[derive(Clone, Debug)]
pub enum Event {
    /// The way to a peer over a link stops to carry data.
    Cut(u32, u8),
    /// It carries data again.
    Heal(u32, u8),
    /// A link that was just added connects, if the peer lives.
    Connect(u32, u8),
    /// Nothing comes from a peer any more, whatever knet still believes.
    Silence(u32),
    /// A peer answers over a link that knet has not connected yet.
    Answer(u32, u8),
    Leave(u32),
    Join(u32),
    /// A link is added, enabled and not connected yet.
    Add(u8),
    /// knet forgets the way to a peer over a link.
    Forget(u32, u8),
    /// The node list forgets a link.
    Remove(u8),
    Interface(u8, Interface),
}

/// The facts of a node whose peers are numbered from 2.
#[derive(Clone, Debug)]
pub struct Cluster {
    facts: Facts,
    silent: BTreeSet<u32>,
    /// Corosync's configuration file was written lately.
    configuring: bool,
    /// The links that answer pings though knet has not connected them yet.
    answering: BTreeSet<(u32, u8)>,
    /// The interfaces that carry data though they say that they do not.
    misjudged: BTreeSet<u8>,
    /// How many pings were sent and answered over each link.
    pings: RefCell<BTreeMap<(NodeId, LinkNumber), (u64, u64)>>,
}

impl Cluster {
    /// All peers are joined, and all links to them carry data.
    pub fn new(peers: u32, links: u8) -> Cluster {
        let facts = Facts {
            node: NodeId(1),
            name: "vm01".into(),
            transport: Transport::Knet,
            memberships: Some(1),
            links: (0..links)
                .map(|link| (LinkNumber(link), local(link)))
                .collect(),
            peers: (2..2 + peers)
                .map(|id| (NodeId(id), peer(id, links)))
                .collect(),
            failed_reload: None,
        };
        let mut cluster = Cluster {
            facts,
            silent: BTreeSet::new(),
            configuring: false,
            answering: BTreeSet::new(),
            misjudged: BTreeSet::new(),
            pings: RefCell::default(),
        };
        for link in (0..peers).flat_map(|peer| (0..links).map(move |link| (peer + 2, link))) {
            cluster.heal(link.0, link.1);
        }
        cluster
    }

    /// One link that Corosync says nothing about.
    pub fn udpu(peers: u32) -> Cluster {
        let mut cluster = Cluster::new(peers, 1);
        cluster.facts.transport = Transport::Udpu;
        for peer in cluster.facts.peers.values_mut() {
            peer.links.clear();
        }
        cluster
    }

    /// The facts of this moment. By the time that anybody looks, a ping more was sent over each
    /// link.
    pub fn facts(&self) -> Facts {
        let mut pings = self.pings.borrow_mut();
        let mut facts = self.facts.clone();
        for (&id, peer) in &mut facts.peers {
            for (&number, link) in &mut peer.links {
                let (sent, answered) = pings.entry((id, number)).or_default();
                *sent += 1;
                *answered += u64::from(self.answers(id, number, link.connected));
                (link.pings, link.pongs) = (*sent, *answered);
            }
        }
        facts
    }

    /// Whether a peer answers over a link.
    fn answers(&self, id: NodeId, number: LinkNumber, connected: bool) -> bool {
        let local = self.facts.links.get(&number);
        let broken = local.is_some_and(|local| local.interface.is_broken());
        let carries = !broken || self.misjudged.contains(&number.0);
        let alive = !self.silent.contains(&id.0);
        alive && carries && (connected || self.answering.contains(&(id.0, number.0)))
    }

    /// Has an interface carry data whatever it says.
    pub fn misjudge(&mut self, link: u8) {
        self.misjudged.insert(link);
    }

    /// Has a peer answer over a link that knet has not connected yet.
    pub fn answer(&mut self, peer: u32, link: u8) {
        self.silent.remove(&peer);
        self.answering.insert((peer, link));
    }

    /// Has that many pings been sent over a link, and so many of them answered.
    pub fn pinged(&mut self, peer: u32, link: u8, sent: u64, answered: u64) {
        let key = (NodeId(peer), LinkNumber(link));
        self.pings.borrow_mut().insert(key, (sent, answered));
    }

    /// The same by an outline, while nothing says that it has changed and all is well.
    pub fn glance(&self, known: &Outline) -> Option<Facts> {
        let now = self.facts();
        if self.configuring || now.memberships != Some(known.memberships) {
            return None;
        }
        let link = |(&number, link): (&LinkNumber, &OutlinedLink)| {
            let now = now.links.values().find(|now| now.ip == link.ip)?;
            let link = LocalLink {
                address: link.address.clone(),
                ip: link.ip,
                interface: Some(now.interface.clone()).filter(|now| !now.is_broken())?,
                ping_interval: link.ping_interval,
                ping_timeout: link.ping_timeout,
                rrp_faulty: None,
            };
            Some((number, link))
        };
        let peer = |(&id, peer): (&NodeId, &OutlinedPeer)| {
            let now = now.peers.get(&id);
            let link = |number| now?.links.get(number);
            let links = peer
                .links
                .iter()
                .map(|number| Some((*number, *link(number)?)));
            match peer.joined {
                false => Some((id, peer.unasked())),
                true => Some((id, peer.with(links.collect::<Option<_>>()?))),
            }
        };
        let facts = Facts {
            links: known.links.iter().map(link).collect::<Option<_>>()?,
            peers: known.peers.iter().map(peer).collect::<Option<_>>()?,
            ..now
        };
        let joined = facts.peers.values().filter(|peer| peer.joined);
        let mut links = joined.flat_map(|peer| peer.links.values());
        links
            .all(|link| link.enabled && link.connected)
            .then_some(facts)
    }

    pub fn silence(&mut self, peer: u32) {
        self.silent.insert(peer);
    }

    pub fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    pub fn links(&self) -> Vec<u8> {
        self.facts.links.keys().map(|link| link.0).collect()
    }

    pub fn peers(&self) -> Vec<u32> {
        self.facts.peers.keys().map(|id| id.0).collect()
    }

    pub fn is_reachable(&self, peer: u32) -> bool {
        self.facts.peers[&NodeId(peer)].reachable()
    }

    pub fn cut(&mut self, peer: u32, link: u8) {
        self.answering.remove(&(peer, link));
        if let Some(link) = self.way(peer, link).filter(|link| link.connected) {
            link.connected = false;
            link.down_count += 1;
        }
    }

    pub fn heal(&mut self, peer: u32, link: u8) {
        self.silent.remove(&peer);
        if let Some(link) = self.way(peer, link) {
            link.connected = true;
        }
    }

    /// Goes down and comes back before anybody looks.
    pub fn flap(&mut self, peer: u32, link: u8) {
        self.cut(peer, link);
        self.heal(peer, link);
    }

    pub fn cut_all(&mut self, peer: u32) {
        self.silence(peer);
        self.links().iter().for_each(|&link| self.cut(peer, link));
    }

    pub fn heal_all(&mut self, peer: u32) {
        self.links().iter().for_each(|&link| self.heal(peer, link));
    }

    pub fn leave(&mut self, peer: u32) {
        self.peer(peer).joined = false;
        self.enter_membership();
    }

    pub fn join(&mut self, id: u32) {
        let peer = self.peer(id);
        if !peer.joined {
            peer.joined = true;
            peer.join_count += 1;
        }
        self.enter_membership();
    }

    /// The same members may enter one anew.
    pub fn enter_membership(&mut self) {
        let memberships = self.facts.memberships.as_mut();
        *memberships.expect("it is counted") += 1;
    }

    pub fn add_link(&mut self, link: u8) {
        self.configuring = true;
        let number = LinkNumber(link);
        self.facts
            .links
            .entry(number)
            .or_insert_with(|| local(link));
        for peer in self.facts.peers.values_mut() {
            peer.links.entry(number).or_insert_with(new);
        }
    }

    /// What a reload takes from the STATS map.
    pub fn forget_link(&mut self, link: u8) {
        for peer in self.facts.peers.values_mut() {
            peer.links.remove(&LinkNumber(link));
        }
    }

    /// What a reload takes from the node list.
    pub fn remove_link(&mut self, link: u8) {
        self.forget_link(link);
        self.facts.links.remove(&LinkNumber(link));
    }

    pub fn interface(&mut self, link: u8, interface: Interface) {
        if let Some(link) = self.facts.links.get_mut(&LinkNumber(link)) {
            link.interface = interface;
        }
    }

    pub fn address(&mut self, link: u8, address: &str) {
        self.configuring = true;
        let link = self.facts.links.get_mut(&LinkNumber(link)).unwrap();
        link.address = address.into();
        link.ip = address.parse().ok();
    }

    /// The configuration file that was loaded is an old one.
    pub fn reload_long_ago(&mut self) {
        self.configuring = false;
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Cut(peer, link) => self.cut(*peer, *link),
            Event::Heal(peer, link) => self.heal(*peer, *link),
            Event::Connect(peer, link) if self.is_reachable(*peer) => self.heal(*peer, *link),
            Event::Connect(..) => {}
            Event::Silence(peer) => self.silence(*peer),
            Event::Answer(peer, link) => self.answer(*peer, *link),
            Event::Leave(peer) => self.leave(*peer),
            Event::Join(peer) => self.join(*peer),
            Event::Add(link) => self.add_link(*link),
            Event::Forget(peer, link) => {
                self.peer(*peer).links.remove(&LinkNumber(*link));
            }
            Event::Remove(link) => self.remove_link(*link),
            Event::Interface(link, interface) => self.interface(*link, interface.clone()),
        }
    }

    pub fn peer(&mut self, id: u32) -> &mut Peer {
        self.facts.peers.get_mut(&NodeId(id)).unwrap()
    }

    pub fn way(&mut self, peer: u32, link: u8) -> Option<&mut PeerLink> {
        self.peer(peer).links.get_mut(&LinkNumber(link))
    }
}

fn local(link: u8) -> LocalLink {
    let address = format!("10.0.{link}.1");
    LocalLink {
        ip: address.parse().ok(),
        address,
        interface: Interface::Up(format!("eth{link}")),
        // What corosync makes of its default token of 3000 ms.
        ping_interval: Duration::from_millis(750),
        ping_timeout: Duration::from_millis(1500),
        rrp_faulty: None,
    }
}

fn peer(id: u32, links: u8) -> Peer {
    Peer {
        name: format!("vm{id:02}"),
        joined: true,
        join_count: 1,
        links: (0..links).map(|link| (LinkNumber(link), new())).collect(),
    }
}

fn new() -> PeerLink {
    PeerLink {
        enabled: true,
        connected: false,
        // As on a healthy start.
        down_count: 1,
        latency: 300,
        mtu: 1397,
        pings: 0,
        pongs: 0,
    }
}
