//! The links: whether there is more than one, whole and good, and how soon a fault shows.

use std::time::Duration;

use super::timer::REVERT;
use super::{Answer, Point, Topic, length};
use crate::model::link::{Facts, Interface, LinkNumber, LinkState, PeerLink, Transport};
use crate::model::verdict::Judgement;

/// How much longer than Corosync needs to see a fault the timer may take to show it, before
/// that is worth a word.
const PATIENCE: Duration = Duration::from_secs(30);

/// The links as they are now.
pub fn links(seen: &Answer<(Facts, Judgement)>) -> Vec<Point> {
    let (facts, judgement) = match seen.known(Topic::Links) {
        Ok(seen) => seen,
        Err(point) => return vec![point],
    };
    let warning = |why: String| Point::warning(Topic::Links, why);
    let mut points = Vec::new();
    match facts.links.len() {
        0 => points.push(Point::wrong(Topic::Links, "no link is configured")),
        1 if facts.transport == Transport::Knet => points.push(warning(
            "there is one link only: nothing carries the cluster when it breaks; add another with `pcs cluster link add`"
                .into(),
        )),
        1 => points.push(warning(format!(
            "there is one link only, and {} can have no other: knet can",
            facts.transport
        ))),
        _ => {}
    }
    for number in facts.links.keys() {
        let without = without(facts, *number);
        if !without.is_empty() {
            points.push(warning(format!(
                "link {number} is not configured on {}",
                without.join(", ")
            )));
        }
    }
    for (number, verdict) in &judgement.verdicts {
        if !matches!(
            verdict.state,
            Some(LinkState::Faulty) | Some(LinkState::Unknown)
        ) {
            continue;
        }
        let (state, reason) = (verdict.state.unwrap_or(LinkState::Unknown), &verdict.reason);
        let point = warning(format!("link {number} is {state}: {reason}"));
        points.push(match facts.links.get(number).map(|link| &link.interface) {
            Some(Interface::Down(name)) => point.mend(format!("ip link set dev {name} up")),
            _ => point,
        });
    }
    if points.is_empty() {
        points.push(Point::ok(Topic::Links, summary(facts, judgement)));
    }
    points
}

/// The nodes that knet has no way to over a link.
fn without(facts: &Facts, number: LinkNumber) -> Vec<&str> {
    if facts.transport != Transport::Knet {
        return Vec::new();
    }
    let enabled = |link: Option<&PeerLink>| link.is_some_and(|l| l.enabled);
    facts
        .peers
        .values()
        .filter(|peer| !enabled(peer.links.get(&number)))
        .map(|peer| peer.name.as_str())
        .collect()
}

fn summary(facts: &Facts, judgement: &Judgement) -> String {
    let links: Vec<String> = judgement
        .verdicts
        .iter()
        .map(|(number, verdict)| match verdict.state {
            Some(state) => format!("{number} {state}"),
            None => format!("{number} not judged yet"),
        })
        .collect();
    let away: Vec<&str> = facts
        .peers
        .values()
        .filter(|peer| !peer.joined)
        .map(|peer| peer.name.as_str())
        .collect();
    let away = match away.as_slice() {
        [] => String::new(),
        names => format!("; not joined: {}", names.join(", ")),
    };
    format!("{} links: {}{away}", links.len(), links.join(", "))
}

/// How soon a fault shows: Corosync's own time to see it, and then the timer's, unless what it
/// logs has it looked at `at_once`.
pub fn timings(
    seen: &Answer<(Facts, Judgement)>,
    interval: Option<Duration>,
    at_once: bool,
) -> Point {
    let facts = match seen.known(Topic::Timings) {
        Ok((facts, _)) => facts,
        Err(point) => return Point::skipped(Topic::Timings, point.finding),
    };
    let sees = facts.links.values().map(|link| link.ping_timeout).max();
    let sees = sees.unwrap_or_default();
    let corosync = match facts.transport {
        Transport::Knet => format!("knet sees a dead link after {}", length(sees)),
        other => format!("{other} does not see a dead link, the interface tells"),
    };
    let Some(interval) = interval else {
        let why = format!("{corosync}; how often the timer fires is not known");
        return Point::skipped(Topic::Timings, why);
    };
    let how = match at_once {
        true => "shown at once, or at the latest",
        false => "shown",
    };
    let finding = format!("{corosync}, and it is {how} within {}", length(interval));
    match interval > sees + PATIENCE {
        true => {
            let why = format!("{finding} only: the timer has been slowed down");
            Point::warning(Topic::Timings, why).mend(REVERT)
        }
        false => Point::ok(Topic::Timings, finding + " more"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::super::Grade;
    use super::*;
    use crate::model::link::{LocalLink, NodeId, Peer};
    use crate::model::memory::Memory;
    use crate::model::verdict::{Reason, Verdict};

    const GOOD: PeerLink = PeerLink {
        enabled: true,
        connected: true,
        down_count: 1,
        latency: 100,
        mtu: 1397,
        pings: 10,
        pongs: 10,
    };

    pub fn seen(links: u8) -> (Facts, Judgement) {
        let numbers: Vec<LinkNumber> = (0..links).map(LinkNumber).collect();
        let local = |&number: &LinkNumber| {
            let link = LocalLink {
                address: format!("10.0.{number}.1"),
                ip: None,
                interface: Interface::Up("eth0".into()),
                ping_interval: Duration::from_millis(750),
                ping_timeout: Duration::from_millis(1500),
                rrp_faulty: None,
            };
            (number, link)
        };
        let verdict = |&number: &LinkNumber| {
            let verdict = Verdict {
                state: Some(LinkState::Up),
                address: format!("10.0.{number}.1"),
                reason: Reason::PeersAnswer(1),
            };
            (number, verdict)
        };
        let peer = Peer {
            name: "n2".into(),
            joined: true,
            join_count: 1,
            links: numbers.iter().map(|&number| (number, GOOD)).collect(),
        };
        let facts = Facts {
            node: NodeId(1),
            name: "n1".into(),
            memberships: None,
            transport: Transport::Knet,
            links: numbers.iter().map(local).collect(),
            peers: BTreeMap::from([(NodeId(2), peer)]),
            failed_reload: None,
        };
        let judgement = Judgement {
            verdicts: numbers.iter().map(verdict).collect(),
            lost: BTreeMap::new(),
            memory: Memory::default(),
            look_again: None,
        };
        (facts, judgement)
    }

    fn only(seen: (Facts, Judgement)) -> Point {
        let mut points = links(&Answer::Known(seen));
        assert_eq!(points.len(), 1, "{points:?}");
        points.remove(0)
    }

    #[test]
    fn two_good_links_are_redundant() {
        let point = only(seen(2));
        assert_eq!(point, Point::ok(Topic::Links, "2 links: 0 UP, 1 UP"));
        let (mut facts, judgement) = seen(2);
        facts.peers.get_mut(&NodeId(2)).unwrap().joined = false;
        let point = only((facts, judgement));
        assert_eq!(point.grade, Grade::Ok);
        assert!(point.finding.ends_with("; not joined: n2"), "{point:?}");
    }

    #[test]
    fn one_link_is_a_warning_and_none_is_wrong() {
        assert_eq!(only(seen(1)).grade, Grade::Warning);
        let (mut facts, judgement) = seen(1);
        facts.transport = Transport::Udpu;
        facts.peers.get_mut(&NodeId(2)).unwrap().links.clear();
        let point = only((facts, judgement));
        assert_eq!(point.grade, Grade::Warning);
        assert!(point.finding.contains("udpu"), "{point:?}");
        assert_eq!(only(seen(0)).grade, Grade::Wrong);
    }

    #[test]
    fn a_peer_without_a_link_is_named() {
        let (mut facts, judgement) = seen(2);
        let links = &mut facts.peers.get_mut(&NodeId(2)).unwrap().links;
        links.get_mut(&LinkNumber(0)).unwrap().enabled = false;
        links.remove(&LinkNumber(1));
        let points = super::links(&Answer::Known((facts, judgement)));
        let findings: Vec<&str> = points.iter().map(|p| p.finding.as_str()).collect();
        assert_eq!(
            findings,
            [
                "link 0 is not configured on n2",
                "link 1 is not configured on n2"
            ]
        );
        assert!(points.iter().all(|point| point.grade == Grade::Warning));
    }

    #[test]
    fn a_faulty_link_is_a_warning_and_an_interface_that_is_down_can_be_mended() {
        let (mut facts, mut judgement) = seen(2);
        let verdict = judgement.verdicts.get_mut(&LinkNumber(1)).unwrap();
        verdict.state = Some(LinkState::Faulty);
        verdict.reason = Reason::PeersLost(vec!["n2".into()]);
        let point = only((facts.clone(), judgement.clone()));
        assert_eq!(
            point,
            Point::warning(Topic::Links, "link 1 is FAULTY: no answer from n2")
        );
        let link = facts.links.get_mut(&LinkNumber(1)).unwrap();
        link.interface = Interface::Down("eth1".into());
        let point = only((facts, judgement));
        assert_eq!(point.command.as_deref(), Some("ip link set dev eth1 up"));
    }

    #[test]
    fn a_timer_that_was_slowed_down_is_a_warning() {
        let judge = |seconds| {
            timings(
                &Answer::Known(seen(2)),
                Some(Duration::from_secs(seconds)),
                false,
            )
        };
        assert_eq!(
            judge(5),
            Point::ok(
                Topic::Timings,
                "knet sees a dead link after 1.5 s, and it is shown within 5 s more"
            )
        );
        assert_eq!(judge(31).grade, Grade::Ok);
        let slow = judge(32);
        assert_eq!(slow.grade, Grade::Warning);
        assert_eq!(slow.command.as_deref(), Some(REVERT));
        let unknown = timings(&Answer::Known(seen(2)), None, true);
        assert_eq!(unknown.grade, Grade::Skipped);
        let skipped = timings(&Answer::Failed("no answer".into()), None, true);
        assert_eq!(skipped.grade, Grade::Skipped, "corosync's point says it");
    }
}
