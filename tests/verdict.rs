//! The rules by example: facts in, verdict and reason out.

mod support;

use ringcheck::model::link::{Interface, LinkNumber, LinkState, NodeId};
use ringcheck::model::settings::FaultyWhen;
use ringcheck::model::verdict::Reason;
use support::*;

#[test]
fn rule_1_a_link_that_no_peer_has_enabled_is_not_configured() {
    let mut cluster = Cluster::new(2, 2);
    cluster.forget_link(1);
    let judgement = Judge::default().look(&cluster.facts());
    assert_eq!(state(&judgement, 0), UP);
    assert!(!judgement.verdicts.contains_key(&LinkNumber(1)));

    let mut cluster = Cluster::new(2, 2);
    for peer in [2, 3] {
        cluster.cut(peer, 1);
        cluster.way(peer, 1).unwrap().enabled = false;
    }
    let judgement = Judge::default().look(&cluster.facts());
    assert!(!judgement.verdicts.contains_key(&LinkNumber(1)));
}

#[test]
fn rule_1_one_peer_that_has_it_enabled_is_enough() {
    let mut cluster = Cluster::new(2, 2);
    cluster.peer(3).links.remove(&LinkNumber(1));
    let judgement = Judge::default().look(&cluster.facts());
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(reason(&judgement, 1), "1 peer answers");
}

#[test]
fn rule_1_a_link_that_leaves_is_seen_to_be_gone_twice() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.forget_link(1);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), None);
    assert_eq!(judgement.verdicts[&LinkNumber(1)].reason, Reason::Leaving);
    let wait = judgement.look_again.unwrap().0 - judge.now;
    assert_eq!(wait, TIME_TO_LEAVE);

    let mut other = judge.clone();
    let judgement = judge.look_after(wait, &cluster);
    assert!(!judgement.verdicts.contains_key(&LinkNumber(1)));
    assert_eq!(judgement.look_again, None);

    let judgement = other.look_after(wait, &Cluster::new(1, 2));
    assert_eq!(state(&judgement, 1), UP);
    other.look_after(1, &cluster);
    assert!(other.memory.links.contains_key(&LinkNumber(1)));
}

#[test]
fn rule_2_an_interface_that_carries_no_data_is_faulty_when_it_is_seen_again() {
    for (interface, why) in [
        (Interface::Down("eth1".into()), "interface eth1 is down"),
        (
            Interface::NoCarrier("eth1".into()),
            "interface eth1 has no carrier",
        ),
        (Interface::Absent, "no interface has this address"),
    ] {
        let mut cluster = Cluster::new(1, 2);
        let mut judge = Judge::knowing(&cluster);
        cluster.interface(1, interface);
        let judgement = judge.look_after(1, &cluster);
        assert_eq!(state(&judgement, 1), UP);
        assert_eq!(reason(&judgement, 1), format!("{why}, looking again"));
        assert_eq!(judgement.look_again.unwrap().0, judge.now + SECOND_LOOK);
        assert_eq!(state(&judge.look_after(SECOND_LOOK - 1, &cluster), 1), UP);
        let judgement = judge.look_after(1, &cluster);
        assert_eq!(state(&judgement, 1), FAULTY);
        assert_eq!(reason(&judgement, 1), why);
        assert_eq!(state(&judgement, 0), UP);
        assert_eq!(judgement.look_again, None);
    }
}

#[test]
fn rule_2_an_interface_that_is_gone_for_a_blink_is_not() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = Judge::knowing(&cluster);
    for _ in 0..10 {
        cluster.interface(1, Interface::Absent);
        judge.look_after(5000, &cluster);
        cluster.interface(1, Interface::Up("eth1".into()));
        let judgement = judge.look_after(SECOND_LOOK, &cluster);
        assert_eq!(state(&judgement, 1), UP);
        assert_eq!(reason(&judgement, 1), "all 2 peers answer");
        assert_eq!(judgement.look_again, None);
    }
}

#[test]
fn rule_2_it_is_believed_as_soon_as_a_peer_has_stopped_to_answer() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.interface(1, Interface::NoCarrier("eth1".into()));
    let mut other = judge.clone();
    judge.look_after(1, &cluster);
    cluster.cut(3, 1);
    assert_eq!(state(&judge.look_after(1, &cluster), 1), FAULTY);
    let judgement = other.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), FAULTY, "also at the first look");
    assert_eq!(reason(&judgement, 1), "interface eth1 has no carrier");
}

#[test]
fn rule_2_it_is_not_believed_while_all_peers_answer() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.interface(1, Interface::Absent);
    cluster.misjudge(1);
    assert_eq!(state(&judge.look_after(5000, &cluster), 1), UP);
    // An answer may have come between the counters and the interface.
    let judgement = judge.look_after(SECOND_LOOK, &cluster);
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(judgement.look_again.unwrap().0, judge.now + SECOND_LOOK);
    for _ in 0..10 {
        let judgement = judge.look_after(5000, &cluster);
        assert_eq!(state(&judgement, 1), UP);
        let why = "all 2 peers answer, though no interface has this address";
        assert_eq!(reason(&judgement, 1), why);
        assert_eq!(judgement.look_again, None);
    }
    // One of them is enough.
    cluster.cut(2, 1);
    assert_eq!(state(&judge.look_after(5000, &cluster), 1), FAULTY);
}

#[test]
fn rule_2_an_interface_that_really_breaks_later_is_believed() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.interface(1, Interface::Absent);
    cluster.misjudge(1);
    for _ in 0..5 {
        judge.look_after(5000, &cluster);
    }
    let facts = cluster.facts();
    judge.look(&facts);
    judge.now += SECOND_LOOK - 1;
    let judgement = judge.look(&facts);
    assert_eq!(state(&judgement, 1), UP, "too soon for an answer");
    assert_eq!(judgement.look_again, None);
    judge.now += 1;
    assert_eq!(state(&judge.look(&facts), 1), FAULTY);
}

#[test]
fn rule_2_an_interface_that_cannot_be_told_decides_nothing() {
    let mut cluster = Cluster::new(1, 1);
    cluster.interface(0, Interface::Unknown);
    let judgement = Judge::default().look(&cluster.facts());
    assert_eq!(state(&judgement, 0), UP);
}

#[test]
fn rule_3_a_peer_that_answers_on_no_link_says_nothing() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.cut_all(2);
    for _ in 0..10 {
        let judgement = judge.look_after(1000, &cluster);
        assert_eq!(state(&judgement, 0), UP);
        assert_eq!(state(&judgement, 1), UP);
        assert_eq!(reason(&judgement, 1), "1 peer answers");
        assert_eq!(judgement.look_again, None);
    }
}

#[test]
fn rule_3_what_is_known_stays_while_all_members_are_silent() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.cut(2, 1);
    judge.settle(&cluster);
    cluster.cut(2, 0);
    for _ in 0..20 {
        let judgement = judge.look_after(1000, &cluster);
        assert_eq!(state(&judgement, 0), UP);
        assert_eq!(state(&judgement, 1), FAULTY);
        let why = "members answer on no link, waiting for Corosync";
        assert_eq!(reason(&judgement, 1), why);
    }
}

#[test]
fn rule_3_a_node_that_is_no_member_says_nothing() {
    let mut cluster = Cluster::new(2, 2);
    cluster.cut(3, 1);
    cluster.leave(3);
    let mut judge = Judge::default();
    let judgement = judge.settle(&cluster);
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(reason(&judgement, 1), "1 peer answers");
}

#[test]
fn rule_3_a_link_newly_seen_bad_is_believed_when_its_peer_is_heard() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.cut(2, 1);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(
        reason(&judgement, 1),
        "no answer from vm02 yet, looking again"
    );
    assert_eq!(judgement.look_again.unwrap().0, judge.now + NEXT_LOOK);
    let judgement = judge.look_after(NEXT_LOOK, &cluster);
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(judgement.look_again.unwrap().0, judge.now + NEXT_LOOK);
    let judgement = judge.look_after(NEXT_LOOK, &cluster);
    assert_eq!(state(&judgement, 1), FAULTY);
    assert_eq!(reason(&judgement, 1), "no answer from vm02");
    assert_eq!(judgement.look_again, None);
}

#[test]
fn rule_3_a_peer_that_is_no_longer_heard_makes_no_link_faulty() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.silence(2);
    cluster.cut(2, 1);
    for _ in 0..100 {
        let judgement = judge.look_after(NEXT_LOOK, &cluster);
        assert_eq!(state(&judgement, 1), UP, "vm02 may be dead");
    }
}

#[test]
fn rule_3_a_count_that_went_down_proves_nothing_and_does_not_hide_for_ever() {
    let mut cluster = Cluster::new(1, 3);
    let mut judge = Judge::knowing(&cluster);
    cluster.cut(2, 1);
    let mut facts = cluster.facts();
    for (time, pongs, expected) in [
        (0, 900, UP),
        (NEXT_LOOK, 900, UP),
        (500, 10, UP),
        (750, 11, FAULTY),
    ] {
        judge.now = time;
        for link in facts.peers.get_mut(&NodeId(2)).unwrap().links.values_mut() {
            link.pongs = if link.connected { pongs } else { 0 };
        }
        assert_eq!(state(&judge.look(&facts), 1), expected, "{time}");
    }
}

#[test]
fn rule_3_a_link_of_a_new_member_is_believed_after_the_time_to_join() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.cut_all(2);
    cluster.leave(2);
    judge.look_after(5000, &cluster);
    cluster.join(2);
    cluster.heal(2, 0);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(judgement.look_again.unwrap().0, judge.now + ANSWER);
    cluster.answer(2, 1);
    let judgement = judge.look_after(ANSWER, &cluster);
    assert_eq!(judgement.look_again.unwrap().0, judge.now + TIME_TO_JOIN);
    let judgement = judge.look_after(TIME_TO_JOIN - 1, &cluster);
    assert_eq!(judgement.look_again.unwrap().0, judge.now + 1);
    assert_eq!(state(&judge.look_after(1, &cluster), 1), UP);
    assert_eq!(state(&judge.look_after(NEXT_LOOK, &cluster), 1), FAULTY);
}

#[test]
fn rule_3_so_it_is_where_the_member_left_and_joined_between_two_looks() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.leave(2);
    cluster.join(2);
    // Counters that start anew may happen to say the same.
    cluster.way(2, 1).unwrap().connected = false;
    cluster.answer(2, 1);
    judge.look_after(5000, &cluster);
    let judgement = judge.look_after(ANSWER, &cluster);
    assert_eq!(judgement.look_again.unwrap().0, judge.now + TIME_TO_JOIN);
}

#[test]
fn rule_3_and_where_all_links_were_interrupted_between_two_looks() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.cut(2, 1);
    cluster.flap(2, 0);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(judgement.look_again.unwrap().0, judge.now + TIME_TO_JOIN);
}

#[test]
fn rule_3_also_where_a_link_was_seen_bad_before_all_were_interrupted() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.cut(2, 1);
    judge.look(&cluster.facts());
    cluster.flap(2, 0);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), UP, "vm02 just comes back");
    assert_eq!(judgement.look_again.unwrap().0, judge.now + TIME_TO_JOIN);
}

#[test]
fn rule_3_also_where_a_link_was_seen_bad_and_was_good_in_between() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.cut(2, 1);
    judge.look(&cluster.facts());
    cluster.heal(2, 1);
    cluster.cut(2, 1);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), UP, "vm02 may be dying");
    assert_eq!(judgement.look_again.unwrap().0, judge.now + NEXT_LOOK);
}

#[test]
fn rule_3_and_for_a_link_that_was_just_added() {
    let mut cluster = Cluster::new(2, 1);
    let mut judge = Judge::knowing(&cluster);
    cluster.add_link(1);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), None);
    assert_eq!(judgement.look_again.unwrap().0, judge.now + TIME_TO_JOIN);
    cluster.heal(2, 1);
    cluster.heal(3, 1);
    let judgement = judge.look_after(1500, &cluster);
    assert_eq!(state(&judgement, 1), UP);
}

#[test]
fn rule_3_the_times_are_those_of_the_slowest_link() {
    let mut cluster = Cluster::new(1, 2);
    let slow = cluster.facts_mut().links.get_mut(&LinkNumber(0)).unwrap();
    slow.ping_interval *= 4;
    slow.ping_timeout *= 4;
    let mut judge = Judge::knowing(&cluster);
    cluster.cut(2, 1);
    let judgement = judge.look(&cluster.facts());
    assert_eq!(judgement.look_again.unwrap().0, NEXT_LOOK);
    judge.memory.peers.clear();
    judge.look(&cluster.facts());
    cluster.answer(2, 1);
    let judgement = judge.look_after(ANSWER, &cluster);
    let wait = judgement.look_again.unwrap().0 - judge.now;
    assert_eq!(wait, 2 * (3000 + 6000));
}

#[test]
fn rule_3_a_peer_that_has_the_link_disabled_says_nothing() {
    let mut cluster = Cluster::new(2, 2);
    cluster.cut(2, 1);
    cluster.way(2, 1).unwrap().enabled = false;
    let judgement = Judge::default().settle(&cluster);
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(reason(&judgement, 1), "1 peer answers");
}

#[test]
fn rule_4_one_peer_lost_is_faulty_by_default() {
    let mut cluster = Cluster::new(3, 2);
    cluster.cut(3, 1);
    let judgement = Judge::default().settle(&cluster);
    assert_eq!(state(&judgement, 0), UP);
    assert_eq!(reason(&judgement, 0), "all 3 peers answer");
    assert_eq!(state(&judgement, 1), FAULTY);
    assert_eq!(reason(&judgement, 1), "no answer from vm03");
}

#[test]
fn rule_4_all_peers_lost_is_faulty_with_all_peers() {
    let mut cluster = Cluster::new(3, 2);
    let mut judge = Judge::knowing(&cluster);
    judge.settings.faulty_when = FaultyWhen::AllPeers;
    cluster.cut(3, 1);
    cluster.cut(4, 1);
    let judgement = judge.settle(&cluster);
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(reason(&judgement, 1), "no answer from vm03, vm04");
    cluster.cut(2, 1);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), UP, "vm02 may be dying");
    judge.look_after(NEXT_LOOK, &cluster);
    let judgement = judge.look_after(NEXT_LOOK, &cluster);
    assert_eq!(state(&judgement, 1), FAULTY);
    assert_eq!(reason(&judgement, 1), "no answer from vm02, vm03, vm04");
}

#[test]
fn rule_4_a_peer_that_joins_does_not_hide_one_that_is_lost() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.cut(2, 1);
    judge.settle(&cluster);
    cluster.leave(3);
    cluster.join(3);
    cluster.cut(3, 1);
    let judgement = judge.look_after(1, &cluster);
    assert_eq!(state(&judgement, 1), FAULTY);
    assert_eq!(reason(&judgement, 1), "no answer from vm02");
}

#[test]
fn rule_5_without_a_peer_the_interface_decides() {
    let mut alone = Cluster::new(0, 2);
    let mut left = Cluster::new(1, 2);
    let mut judges = [Judge::default(), Judge::knowing(&left)];
    left.cut_all(2);
    left.leave(2);
    for (cluster, judge) in [&mut alone, &mut left].into_iter().zip(&mut judges) {
        cluster.interface(1, Interface::NoCarrier("eth1".into()));
        judge.look(&cluster.facts());
        let judgement = judge.look_after(SECOND_LOOK, cluster);
        assert_eq!(state(&judgement, 0), UP);
        assert_eq!(
            reason(&judgement, 0),
            "no peer to judge by, the interface is up"
        );
        assert_eq!(state(&judgement, 1), FAULTY);
    }
}

#[test]
fn rule_5_a_node_that_starts_gives_the_others_time_to_join() {
    let mut cluster = Cluster::new(1, 2);
    cluster.cut_all(2);
    cluster.leave(2);
    let mut judge = Judge::default();
    let judgement = judge.look(&cluster.facts());
    assert_eq!(state(&judgement, 0), None);
    assert_eq!(
        reason(&judgement, 0),
        "no peer to judge by yet, waiting for the others"
    );
    assert_eq!(judgement.look_again.unwrap().0, TIME_TO_MEET);
    let mut other = judge.clone();
    assert_eq!(
        state(&judge.look_after(TIME_TO_MEET - 1, &cluster), 0),
        None
    );
    assert_eq!(state(&judge.look_after(1, &cluster), 0), UP);

    cluster.join(2);
    let judgement = other.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 0), None, "it is silent still");
    cluster.heal(2, 0);
    let judgement = other.settle(&cluster);
    assert_eq!(state(&judgement, 0), UP);
    assert_eq!(state(&judgement, 1), FAULTY, "and never was UP");
}

#[test]
fn the_redundant_ring_protocol_is_believed_after_the_interface() {
    let mut cluster = Cluster::udpu(1);
    let ring = |cluster: &mut Cluster, faulty| {
        let links = &mut cluster.facts_mut().links;
        links.get_mut(&LinkNumber(0)).unwrap().rrp_faulty = Some(faulty);
    };
    ring(&mut cluster, false);
    let judgement = Judge::default().look(&cluster.facts());
    assert_eq!(state(&judgement, 0), UP);
    assert_eq!(reason(&judgement, 0), "the ring is active");
    ring(&mut cluster, true);
    let judgement = Judge::default().look(&cluster.facts());
    assert_eq!(state(&judgement, 0), FAULTY);
    assert_eq!(
        reason(&judgement, 0),
        "the ring is marked FAULTY by Corosync"
    );
    ring(&mut cluster, false);
    cluster.interface(0, Interface::Absent);
    let mut judge = Judge::knowing(&cluster);
    let judgement = judge.look_after(SECOND_LOOK, &cluster);
    assert_eq!(state(&judgement, 0), FAULTY);
}

#[test]
fn rule_5_with_udpu_the_interface_decides() {
    let mut cluster = Cluster::udpu(2);
    let judgement = Judge::default().look(&cluster.facts());
    assert_eq!(state(&judgement, 0), UP);
    assert_eq!(
        reason(&judgement, 0),
        "the interface is up (udpu tells no more)"
    );
    cluster.interface(0, Interface::Down("eth0".into()));
    let mut judge = Judge::knowing(&cluster);
    let no_pings = cluster.facts_mut().links.get_mut(&LinkNumber(0)).unwrap();
    (no_pings.ping_interval, no_pings.ping_timeout) = Default::default();
    assert_eq!(state(&judge.look_after(SECOND_LOOK - 1, &cluster), 0), None);
    let judgement = judge.look_after(1, &cluster);
    assert_eq!(state(&judgement, 0), FAULTY);
}

#[test]
fn a_link_that_was_unknown_is_up_again_without_a_hold() {
    let cluster = Cluster::new(1, 1);
    let mut judge = Judge::knowing(&cluster);
    let link = judge.memory.links.get_mut(&LinkNumber(0)).unwrap();
    link.state = LinkState::Unknown;
    let judgement = judge.look_after(1, &cluster);
    assert_eq!(state(&judgement, 0), UP);
}
