//! The rules: facts, settings and what was known before → each link's verdict and its reason.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::attribute::{self, Attributes};
use super::evidence::{self, Testimony};
use super::gather::Gather;
use super::health;
use super::link::{Facts, Interface, LinkNumber, LinkState, LocalLink, Transport};
use super::local::{self, Belief};
use super::lost;
use super::memory::{Evidence, LinkMemory, Memory};
use super::moment::Moment;
use super::reached;
use super::settings::{FaultyWhen, Settings};

/// After how long a link is believed to have left the configuration.
const TIME_TO_LEAVE: Duration = Duration::from_secs(1);

/// Why a link has its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// So many peers, all that count, answer on it.
    PeersAnswer(usize),
    /// These peers do not answer on it.
    PeersLost(Vec<String>),
    /// So many peers, all that count, answer on it, though this interface seems to be broken.
    PeersAnswerDespite(usize, Interface),
    /// No peer is left to judge by, so the local interface alone decides.
    NoPeers,
    /// No peer is left to judge by, and nobody has answered on it since it was FAULTY.
    NobodySinceFault,
    /// The transport says nothing about its link, so the local interface alone decides.
    InterfaceOnly(Transport),
    /// Corosync 2's redundant ring protocol says so.
    Rrp {
        /// Whether it marked the ring FAULTY.
        faulty: bool,
    },
    /// The interface that has the link's address is down, without carrier or gone.
    Interface(Interface),
    /// The same, but seen only once: looked at again before it counts.
    InterfaceDoubted(Interface),
    /// Good again, but not yet for as long as the recovery hold asks.
    Recovering {
        /// For how long it has been good.
        good: Duration,
        /// For how long it must be.
        hold: Duration,
    },
    /// Members answer on no link at all: dead or cut off, which membership will tell.
    SilentMembers,
    /// These peers do not answer on it yet, or no longer: looked at again before it counts.
    Settling(Vec<String>),
    /// This node has just started, and the others may still join.
    Meeting,
    /// It seems to have left the configuration: looked at again before it counts.
    Leaving,
}

impl Reason {
    /// The names of the peers that it is about.
    pub fn peers(&self) -> &[String] {
        match self {
            Reason::PeersLost(names) | Reason::Settling(names) => names,
            _ => &[],
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::PeersAnswer(1) => f.write_str("1 peer answers"),
            Reason::PeersAnswer(n) => write!(f, "all {n} peers answer"),
            Reason::PeersAnswerDespite(n, interface) => {
                write!(f, "{}, though {interface}", Reason::PeersAnswer(*n))
            }
            Reason::PeersLost(names) => write!(f, "no answer from {}", names.join(", ")),
            Reason::NoPeers => f.write_str("no peer to judge by, the interface is up"),
            Reason::InterfaceOnly(transport) => {
                write!(f, "the interface is up ({transport} tells no more)")
            }
            Reason::Rrp { faulty: true } => f.write_str("the ring is marked FAULTY by Corosync"),
            Reason::Rrp { faulty: false } => f.write_str("the ring is active"),
            Reason::NobodySinceFault => {
                f.write_str("nobody has answered on it since it was FAULTY, no peer to judge by")
            }
            Reason::Interface(interface) => interface.fmt(f),
            Reason::InterfaceDoubted(interface) => write!(f, "{interface}, looking again"),
            Reason::Recovering { good, hold } => write!(
                f,
                "recovering: good for {} s of {} s",
                good.as_secs(),
                hold.as_secs()
            ),
            Reason::SilentMembers => f.write_str("members answer on no link, waiting for Corosync"),
            Reason::Settling(names) => {
                write!(f, "no answer from {} yet, looking again", names.join(", "))
            }
            Reason::Meeting => f.write_str("no peer to judge by yet, waiting for the others"),
            Reason::Leaving => f.write_str("leaving the configuration"),
        }
    }
}

/// One link, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The state to publish; nothing while there is none yet, then what is published stays.
    pub state: Option<LinkState>,
    /// The link's address.
    pub address: String,
    /// Why.
    pub reason: Reason,
}

/// All links, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict of each link that is configured.
    pub verdicts: BTreeMap<LinkNumber, Verdict>,
    /// What the next pass must know.
    pub memory: Memory,
    /// The names of the joined peers that each link does not reach, where there are any and
    /// they are to be published.
    pub lost: BTreeMap<LinkNumber, Vec<String>>,
    /// When to look again, because a link cannot be judged before, or not all are known that it
    /// has lost.
    pub look_again: Option<Moment>,
}

impl Judgement {
    /// The attributes that should be published where these are now.
    pub fn wanted(&self, published: &Attributes) -> Attributes {
        let text = |(&number, verdict): (&LinkNumber, &Verdict)| {
            let name = attribute::name(number);
            let value = match verdict.state {
                Some(state) => attribute::value(&verdict.address, state),
                None => published.get(&name)?.clone(),
            };
            Some((name, value))
        };
        let states = self.verdicts.iter().filter_map(text);
        let lost = self.lost.iter().map(|(&link, peers)| {
            let peers = attribute::lost_value(peers.iter().map(String::as_str));
            (attribute::lost_name(link), peers)
        });
        let reached = self.memory.reached.iter();
        let reached =
            reached.map(|(&link, peers)| (attribute::reached_name(link), peers.len().to_string()));
        let health = self.memory.health;
        let health = health.map(|health| (attribute::HEALTH.to_owned(), health.to_string()));
        states.chain(lost).chain(reached).chain(health).gather()
    }
}

/// Judges every link of this node.
pub fn judge(facts: &Facts, settings: &Settings, memory: &Memory, now: Moment) -> Judgement {
    let testimony = evidence::hear(facts, memory, now);
    let mut beliefs = BTreeMap::new();
    let mut doubts = BTreeMap::new();
    for (&number, link) in &facts.links {
        let before = memory.doubts.get(&number);
        let (belief, doubt) = local::judge(facts, number, link, before, now);
        beliefs.insert(number, belief);
        doubts.extend(doubt.map(|doubt| (number, doubt)));
    }
    let hold = settings.recovery_hold;
    let mut judgement = Judgement {
        verdicts: BTreeMap::new(),
        memory: Memory {
            links: BTreeMap::new(),
            doubts,
            peers: testimony.memory.clone(),
            lost: lost::judge(facts, memory, &testimony, &beliefs, hold, now),
            reached: BTreeMap::new(),
            health: None,
            well_since: None,
            alone_since: testimony.alone_since,
        },
        lost: BTreeMap::new(),
        look_again: None,
    };
    for number in LinkNumber::all() {
        let before = memory.links.get(&number);
        let configured = facts
            .links
            .get(&number)
            .filter(|_| is_configured(facts, number));
        let Some(link) = configured else {
            if let Some(before) = before {
                leave(&mut judgement, number, before, now);
            }
            continue;
        };
        let finding = match beliefs[&number] {
            Belief::Broken => Finding::Bad(Reason::Interface(link.interface.clone())),
            Belief::Doubted(until) => {
                let reason = Reason::InterfaceDoubted(link.interface.clone());
                Finding::Unsettled(until, reason)
            }
            Belief::Whole => find(facts, settings, &testimony, (number, link), before, now),
            Belief::Disproved => {
                match find(facts, settings, &testimony, (number, link), before, now) {
                    Finding::Good(Reason::PeersAnswer(peers)) => {
                        let interface = link.interface.clone();
                        Finding::Good(Reason::PeersAnswerDespite(peers, interface))
                    }
                    finding => finding,
                }
            }
        };
        if let Finding::Unsettled(until, _) = &finding {
            look_again_at(&mut judgement, *until);
        }
        let flapped = flapped(settings, &testimony, number);
        let (state, reason, good_since) = decide(finding, before, flapped, hold, now);
        if let Some(state) = state {
            let since = before.filter(|b| b.state == state).map_or(now, |b| b.since);
            let gone_at = None;
            judgement.memory.links.insert(
                number,
                LinkMemory {
                    state,
                    since,
                    good_since,
                    gone_at,
                },
            );
        }
        let address = link.address.clone();
        judgement.verdicts.insert(
            number,
            Verdict {
                state,
                address,
                reason,
            },
        );
    }
    if settings.publish_lost_peers {
        let memory = judgement.memory.lost.iter();
        let shown = memory.filter(|(link, _)| judgement.verdicts.contains_key(link));
        let names = |id| facts.peers[id].name.clone();
        judgement.lost = shown
            .map(|(&link, lost)| (link, lost.keys().map(names).collect()))
            .gather();
    }
    if settings.publish_reached_peers {
        judgement.memory.reached = reached::judge(facts, memory, &testimony, &judgement);
    }
    // Whom a FAULTY link has lost besides is to be known soon, too.
    for heard in testimony.links.values() {
        if let Some(moment) = evidence::next_look(heard, now) {
            look_again_at(&mut judgement, moment);
        }
    }
    if let Some(ill) = settings.node_health {
        let since = health::well_since(&judgement, memory.well_since, now);
        let alone_for = since.map(|since| now.since(since));
        judgement.memory.well_since = since;
        judgement.memory.health =
            health::judge(facts, &judgement, memory.health, ill, alone_for, hold);
    }
    judgement
}

/// Rule 1: a link that no peer has enabled is not configured. Where the transport has no
/// links of its own to ask, or there is no peer, the node list entry alone counts.
fn is_configured(facts: &Facts, number: LinkNumber) -> bool {
    facts.transport != Transport::Knet
        || facts.peers.is_empty()
        || facts
            .peers
            .values()
            .any(|peer| peer.links.get(&number).is_some_and(|link| link.enabled))
}

/// A link that had a verdict is no longer configured: believed only when it is seen so
/// again, because a reload takes keys away one by one.
fn leave(judgement: &mut Judgement, number: LinkNumber, before: &LinkMemory, now: Moment) {
    let gone_at = before.gone_at.unwrap_or_else(|| now.after(TIME_TO_LEAVE));
    if now >= gone_at {
        return;
    }
    look_again_at(judgement, gone_at);
    let memory = LinkMemory {
        gone_at: Some(gone_at),
        ..before.clone()
    };
    judgement.memory.links.insert(number, memory);
    judgement.verdicts.insert(
        number,
        Verdict {
            state: None,
            address: String::new(),
            reason: Reason::Leaving,
        },
    );
}

fn look_again_at(judgement: &mut Judgement, moment: Moment) {
    let earliest = judgement
        .look_again
        .map_or(moment, |other| other.min(moment));
    judgement.look_again = Some(earliest);
}

/// What the facts alone say of a link, before its past is asked.
enum Finding {
    Good(Reason),
    Bad(Reason),
    /// Says nothing now; what is known stays.
    Mute(Reason),
    /// Says nothing before this moment.
    Unsettled(Moment, Reason),
}

/// Rules 2 to 5.
fn find(
    facts: &Facts,
    settings: &Settings,
    testimony: &Testimony,
    (number, link): (LinkNumber, &LocalLink),
    before: Option<&LinkMemory>,
    now: Moment,
) -> Finding {
    if let Some(faulty) = link.rrp_faulty {
        return match faulty {
            true => Finding::Bad(Reason::Rrp { faulty }),
            false => Finding::Good(Reason::Rrp { faulty }),
        };
    }
    if facts.transport != Transport::Knet {
        return Finding::Good(Reason::InterfaceOnly(facts.transport));
    }
    let none = BTreeMap::new();
    let heard = testimony.links.get(&number).unwrap_or(&none);
    let names = |wanted: fn(&Evidence) -> bool| -> Vec<String> {
        let peers = heard.iter().filter(|(_, evidence)| wanted(evidence));
        peers.map(|(id, _)| facts.peers[id].name.clone()).collect()
    };
    let bad = names(|evidence| *evidence == Evidence::Bad);
    let unsettled = names(|evidence| !matches!(evidence, Evidence::Good | Evidence::Bad));
    let good = heard.len() - bad.len() - unsettled.len();
    let enough = match settings.faulty_when {
        FaultyWhen::AnyPeer => good == heard.len(),
        FaultyWhen::AllPeers => good > 0,
    };
    if heard.is_empty() && testimony.silent_members {
        Finding::Mute(Reason::SilentMembers)
    } else if let Some(until) = still_to_meet(facts, testimony, before, now) {
        Finding::Unsettled(until, Reason::Meeting)
    } else if heard.is_empty() && is_unhealed(facts, before) {
        Finding::Mute(Reason::NobodySinceFault)
    } else if heard.is_empty() {
        Finding::Good(Reason::NoPeers)
    } else if enough && bad.is_empty() && unsettled.is_empty() {
        Finding::Good(Reason::PeersAnswer(good))
    } else if enough {
        Finding::Good(Reason::PeersLost([bad, unsettled].concat()))
    } else if settings.faulty_when == FaultyWhen::AnyPeer && !bad.is_empty() {
        Finding::Bad(Reason::PeersLost(bad))
    } else if let Some(until) = evidence::next_look(heard, now) {
        Finding::Unsettled(until, Reason::Settling(unsettled))
    } else {
        Finding::Bad(Reason::PeersLost(bad))
    }
}

/// Whether a link was FAULTY and no peer has answered on it since: where there is none left to do
/// so, nobody has seen it healed.
fn is_unhealed(facts: &Facts, before: Option<&LinkMemory>) -> bool {
    let faulty = before.filter(|before| before.state == LinkState::Faulty);
    faulty.is_some_and(|before| before.good_since.is_none()) && !facts.peers.is_empty()
}

/// When a node that starts knows that it is alone, if it does not know yet: Corosync has not
/// been looking for the others for long enough. Until then a link
/// without a past has no verdict: UP by its interface alone, it would hide a broken link for
/// as long as the others take to join.
fn still_to_meet(
    facts: &Facts,
    testimony: &Testimony,
    before: Option<&LinkMemory>,
    now: Moment,
) -> Option<Moment> {
    let time = evidence::time_to_meet(facts);
    let until = testimony.alone_since?.after(time);
    let waits = before.is_none() && !facts.peers.is_empty() && facts.pinged_for() < time;
    (waits && now < until).then_some(until)
}

/// Whether the link went down, however shortly, since the last look.
fn flapped(settings: &Settings, testimony: &Testimony, number: LinkNumber) -> bool {
    let heard = testimony.links.get(&number).map_or(0, BTreeMap::len);
    let steady = testimony.steady.get(&number).copied().unwrap_or_default();
    match settings.faulty_when {
        FaultyWhen::AnyPeer => steady < heard,
        FaultyWhen::AllPeers => steady == 0 && heard > 0,
    }
}

/// Rule 7 and the link's past, held FAULTY until it was good for `hold`: the state to publish,
/// why, and since when a FAULTY link has been good again.
fn decide(
    finding: Finding,
    before: Option<&LinkMemory>,
    flapped: bool,
    hold: Duration,
    now: Moment,
) -> (Option<LinkState>, Reason, Option<Moment>) {
    let was = before.map(|before| before.state);
    let good_since = before.and_then(|before| before.good_since);
    match finding {
        Finding::Bad(reason) => (Some(LinkState::Faulty), reason, None),
        Finding::Unsettled(_, reason) => (was, reason, None),
        Finding::Mute(reason) => (was, reason, None),
        Finding::Good(reason) if was != Some(LinkState::Faulty) => {
            (Some(LinkState::Up), reason, None)
        }
        Finding::Good(reason) => {
            let good_since = good_since.filter(|_| !flapped).unwrap_or(now);
            let good = now.since(good_since);
            if good >= hold {
                (Some(LinkState::Up), reason, None)
            } else {
                let reason = Reason::Recovering { good, hold };
                (Some(LinkState::Faulty), reason, Some(good_since))
            }
        }
    }
}
