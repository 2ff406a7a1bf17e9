//! The rules, whatever happens.

mod support;

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use ringcheck::model::link::{Facts, Interface, LinkNumber, LinkState, NodeId};
use ringcheck::model::moment::Moment;
use ringcheck::model::settings::FaultyWhen;
use ringcheck::model::verdict::Judgement;
use support::random::event;
use support::*;

/// Looks, each with what happens before it and the time until it.
fn looks() -> impl Strategy<Value = Vec<(u64, Vec<Event>)>> {
    let time = prop_oneof![0u64..300, 300u64..6000, 6000u64..30_000];
    vec((time, vec(event(3, 3), 0..4)), 1..40)
}

fn faulty_when() -> impl Strategy<Value = FaultyWhen> {
    prop_oneof![Just(FaultyWhen::AnyPeer), Just(FaultyWhen::AllPeers)]
}

fn has_carrier(facts: &Facts, link: LinkNumber) -> bool {
    let interface = &facts.links[&link].interface;
    matches!(interface, Interface::Up(_) | Interface::Unknown)
}

/// Whether each joined and reachable peer that has the link enabled is connected.
fn all_answer(facts: &Facts, link: LinkNumber) -> Vec<bool> {
    let peers = facts.peers.values();
    peers
        .filter(|peer| peer.joined && peer.reachable())
        .filter_map(|peer| peer.links.get(&link))
        .filter(|way| way.enabled)
        .map(|way| way.connected)
        .collect()
}

fn states(judgement: &Judgement) -> BTreeMap<LinkNumber, Option<LinkState>> {
    let verdicts = judgement.verdicts.iter();
    verdicts
        .map(|(&link, verdict)| (link, verdict.state))
        .collect()
}

/// What changes when a link of a joined and reachable peer went down.
fn counts(facts: &Facts, link: LinkNumber) -> BTreeMap<NodeId, (u32, u32)> {
    let peers = facts.peers.iter();
    peers
        .filter(|(_, peer)| peer.joined && peer.reachable())
        .filter_map(|(&id, peer)| {
            let way = peer.links.get(&link)?;
            Some((id, (peer.join_count, way.down_count)))
        })
        .collect()
}

proptest! {
    #![proptest_config(support::random::config())]

    #[test]
    fn judging_twice_is_judging_once(looks in looks(), faulty_when in faulty_when()) {
        let mut cluster = Cluster::new(3, 3);
        let mut judge = Judge::default();
        judge.settings.faulty_when = faulty_when;
        for (time, events) in looks {
            events.iter().for_each(|event| cluster.apply(event));
            judge.now += time;
            let facts = cluster.facts();
            let once = judge.look(&facts);
            let twice = judge.look(&facts);
            prop_assert_eq!(&twice, &once);
            // Where nothing is to be looked at again, time alone only lets a link recover.
            if once.look_again.is_none() {
                let later = judge.clone().look_after(100_000, &cluster);
                for (link, state) in states(&later) {
                    let before = states(&once)[&link];
                    prop_assert!(state == before || before == FAULTY && state == UP);
                }
            }
        }
    }

    #[test]
    fn a_link_is_made_faulty_by_its_interface_or_by_a_peer_and_by_nothing_else(
        looks in looks(), faulty_when in faulty_when()
    ) {
        let mut cluster = Cluster::new(3, 3);
        let mut judge = Judge::default();
        judge.settings.faulty_when = faulty_when;
        let mut before = BTreeMap::new();
        for (time, events) in looks {
            events.iter().for_each(|event| cluster.apply(event));
            let judgement = judge.look_after(time, &cluster);
            let facts = cluster.facts();
            for (&link, &state) in &states(&judgement) {
                // A link that leaves has no verdict, and may come back as it was.
                let was = before.get(&link).copied().flatten();
                before.insert(link, state.or(was));
                if state != FAULTY && facts.links.contains_key(&link) {
                    let again = judgement.look_again.is_some();
                    prop_assert!(has_carrier(&facts, link) || state.is_none() || again);
                }
                if state == FAULTY && was != FAULTY {
                    let answers = all_answer(&facts, link);
                    let bad = match faulty_when {
                        FaultyWhen::AnyPeer => answers.contains(&false),
                        FaultyWhen::AllPeers => !answers.contains(&true) && !answers.is_empty(),
                    };
                    prop_assert!(bad || !has_carrier(&facts, link));
                }
            }
            before.retain(|link, _| judgement.verdicts.contains_key(link));
        }
    }

    #[test]
    fn a_faulty_link_is_up_only_after_it_was_good_for_the_hold(looks in looks()) {
        let mut cluster = Cluster::new(3, 3);
        let mut judge = Judge::default();
        let mut before: BTreeMap<LinkNumber, _> = BTreeMap::new();
        for (time, events) in looks {
            events.iter().for_each(|event| cluster.apply(event));
            let judgement = judge.look_after(time, &cluster);
            let facts = cluster.facts();
            for (&link, &state) in &states(&judgement) {
                if !facts.links.contains_key(&link) {
                    before.remove(&link);
                    continue;
                }
                let counts = counts(&facts, link);
                let (was, counted, bad_at) =
                    before.remove(&link).unwrap_or((None, counts.clone(), 0));
                let good = has_carrier(&facts, link) && !all_answer(&facts, link).contains(&false);
                let went_down = counted
                    .iter()
                    .any(|(id, count)| counts.get(id).is_some_and(|now| now != count));
                let bad_at = if good && !went_down { bad_at } else { judge.now };
                if was == FAULTY && state == UP {
                    prop_assert!(judge.now >= bad_at + HOLD, "good for {}", judge.now - bad_at);
                }
                let mut counted = counted;
                counted.extend(counts);
                before.insert(link, (state, counted, bad_at));
            }
            before.retain(|link, _| judgement.verdicts.contains_key(link));
        }
    }

    #[test]
    fn after_enough_quiet_time_every_verdict_is_what_the_facts_say(
        looks in looks(), bad in proptest::option::of((2u32..5, 0u8..2)), faulty_when in faulty_when()
    ) {
        let mut cluster = Cluster::new(3, 3);
        let mut judge = Judge::default();
        judge.settings.faulty_when = faulty_when;
        for (time, events) in looks {
            events.iter().for_each(|event| cluster.apply(event));
            judge.look_after(time, &cluster);
        }
        for link in 0..3 {
            cluster.add_link(link);
            cluster.interface(link, Interface::Up("eth".into()));
        }
        for peer in 2..5 {
            cluster.join(peer);
            cluster.heal_all(peer);
        }
        if let Some((peer, link)) = bad {
            cluster.cut(peer, link);
        }
        for _ in 0..6 {
            judge.look_after(5000, &cluster);
        }
        let judgement = judge.look(&cluster.facts());
        prop_assert_eq!(judgement.look_again, None);
        for link in 0..3 {
            let is_bad = faulty_when == FaultyWhen::AnyPeer && bad.is_some_and(|(_, b)| b == link);
            prop_assert_eq!(state(&judgement, link), if is_bad { FAULTY } else { UP });
        }
    }

    #[test]
    fn a_look_again_is_in_the_future_and_comes_to_an_end(looks in looks()) {
        let mut cluster = Cluster::new(3, 3);
        // Whom nothing reaches any more, knet would have given up.
        (0..3).for_each(|link| cluster.misjudge(link));
        let mut judge = Judge::default();
        for (time, events) in looks {
            events.iter().for_each(|event| cluster.apply(event));
            judge.look_after(time, &cluster);
        }
        for _ in 0..20 {
            let Some(again) = judge.look(&cluster.facts()).look_again else {
                return Ok(());
            };
            prop_assert!(again > Moment(judge.now));
            judge.now = again.0;
        }
        prop_assert!(false, "it looks again and again");
    }
}
