//! The recovery hold: rule 7.

mod support;

use ringcheck::model::link::{Interface, LinkNumber, LinkState};
use ringcheck::model::settings::FaultyWhen;
use support::*;

/// A judge who knows link 1 to be FAULTY, because vm02 did not answer on it.
fn faulty(cluster: &mut Cluster) -> Judge {
    let mut judge = Judge::knowing(cluster);
    cluster.cut(2, 1);
    let judgement = judge.settle(cluster);
    assert_eq!(state(&judgement, 1), FAULTY);
    judge
}

#[test]
fn a_link_is_up_again_after_the_hold_and_not_before() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = faulty(&mut cluster);
    cluster.heal(2, 1);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), FAULTY);
    assert_eq!(reason(&judgement, 1), "recovering: good for 0 s of 10 s");
    assert_eq!(state(&judge.look_after(HOLD - 1, &cluster), 1), FAULTY);
    let judgement = judge.look_after(1, &cluster);
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(judgement.memory.links[&LinkNumber(1)].since.0, judge.now);
}

#[test]
fn the_hold_starts_anew_when_the_link_goes_down_again() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = faulty(&mut cluster);
    cluster.heal(2, 1);
    judge.look_after(5000, &cluster);
    cluster.cut(2, 1);
    judge.look_after(5000, &cluster);
    cluster.heal(2, 1);
    judge.look_after(1, &cluster);
    assert_eq!(state(&judge.look_after(HOLD - 1, &cluster), 1), FAULTY);
    assert_eq!(state(&judge.look_after(1, &cluster), 1), UP);
}

#[test]
fn the_hold_starts_anew_when_the_link_went_down_between_two_looks() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = faulty(&mut cluster);
    cluster.heal(2, 1);
    judge.look_after(5000, &cluster);
    for _ in 0..10 {
        cluster.flap(2, 1);
        assert_eq!(state(&judge.look_after(5000, &cluster), 1), FAULTY);
    }
    assert_eq!(state(&judge.look_after(HOLD - 1, &cluster), 1), FAULTY);
    assert_eq!(state(&judge.look_after(1, &cluster), 1), UP);
}

#[test]
fn the_hold_starts_anew_when_the_peer_left_and_joined_between_two_looks() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = faulty(&mut cluster);
    cluster.heal(2, 1);
    judge.look_after(5000, &cluster);
    cluster.flap(2, 1);
    cluster.leave(2);
    cluster.join(2);
    let judgement = judge.look_after(HOLD, &cluster);
    assert_eq!(state(&judgement, 1), FAULTY, "it went down just now");
    assert_eq!(state(&judge.look_after(HOLD, &cluster), 1), UP);
}

#[test]
fn the_hold_starts_anew_when_a_silent_peer_comes_back() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = faulty(&mut cluster);
    cluster.heal(2, 1);
    judge.look_after(5000, &cluster);
    cluster.cut_all(2);
    judge.look_after(5000, &cluster);
    cluster.heal_all(2);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), FAULTY, "it went down just now");
    assert_eq!(state(&judge.look_after(HOLD, &cluster), 1), UP);
}

#[test]
fn a_flap_of_a_link_that_is_up_changes_nothing() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = Judge::knowing(&cluster);
    cluster.flap(2, 1);
    let judgement = judge.look_after(5000, &cluster);
    assert_eq!(state(&judgement, 1), UP);
    assert_eq!(reason(&judgement, 1), "1 peer answers");
}

#[test]
fn with_all_peers_the_flaps_of_one_peer_hold_nothing_back() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = Judge::knowing(&cluster);
    judge.settings.faulty_when = FaultyWhen::AllPeers;
    cluster.cut(2, 1);
    cluster.cut(3, 1);
    assert_eq!(state(&judge.settle(&cluster), 1), FAULTY);
    cluster.heal(2, 1);
    for _ in 0..5 {
        cluster.flap(3, 1);
        judge.look_after(5000, &cluster);
    }
    let judgement = judge.look(&cluster.facts());
    assert_eq!(state(&judgement, 1), UP, "vm02 answered all the time");
}

#[test]
fn an_interface_that_comes_back_is_held_too() {
    let mut cluster = Cluster::new(1, 1);
    let mut judge = Judge::knowing(&cluster);
    cluster.interface(0, Interface::Absent);
    judge.look_after(1, &cluster);
    judge.look_after(SECOND_LOOK, &cluster);
    cluster.interface(0, Interface::Up("eth0".into()));
    assert_eq!(state(&judge.look_after(1, &cluster), 0), FAULTY);
    assert_eq!(state(&judge.look_after(HOLD, &cluster), 0), UP);
}

#[test]
fn an_interface_that_goes_down_again_starts_the_hold_anew() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = faulty(&mut cluster);
    cluster.heal(2, 1);
    judge.look_after(1, &cluster);
    cluster.interface(1, Interface::NoCarrier("eth1".into()));
    judge.look_after(5000, &cluster);
    judge.look_after(SECOND_LOOK, &cluster);
    cluster.interface(1, Interface::Up("eth1".into()));
    judge.look_after(1, &cluster);
    assert_eq!(state(&judge.look_after(HOLD - 1, &cluster), 1), FAULTY);
    assert_eq!(state(&judge.look_after(1, &cluster), 1), UP);
}

#[test]
fn without_a_hold_a_link_is_up_at_once() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = faulty(&mut cluster);
    judge.settings.recovery_hold = std::time::Duration::ZERO;
    cluster.heal(2, 1);
    assert_eq!(state(&judge.look_after(1, &cluster), 1), UP);
}

#[test]
fn silence_ends_a_recovery() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = faulty(&mut cluster);
    cluster.heal(2, 1);
    judge.look_after(1, &cluster);
    cluster.cut_all(2);
    judge.look_after(HOLD, &cluster);
    cluster.heal_all(2);
    let judgement = judge.look_after(1, &cluster);
    assert_eq!(state(&judgement, 1), Some(LinkState::Faulty));
    assert_eq!(state(&judge.look_after(HOLD, &cluster), 1), UP);
}

/// Rule 5: nobody has seen it healed.
#[test]
fn a_node_that_was_cut_off_stays_faulty_until_somebody_answers() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = Judge::knowing(&cluster);
    for link in 0..2 {
        cluster.interface(link, Interface::NoCarrier("eth".into()));
    }
    for peer in 2..4 {
        cluster.cut_all(peer);
        cluster.leave(peer);
    }
    judge.look_after(5000, &cluster);
    assert_eq!(state(&judge.look_after(SECOND_LOOK, &cluster), 1), FAULTY);
    for link in 0..2 {
        cluster.interface(link, Interface::Up("eth".into()));
    }
    for _ in 0..100 {
        let judgement = judge.look_after(5000, &cluster);
        assert_eq!(state(&judgement, 1), FAULTY);
        assert_eq!(judgement.look_again, None);
        assert_eq!(
            reason(&judgement, 1),
            "nobody has answered on it since it was FAULTY, no peer to judge by"
        );
    }
    // Link 1 to vm02 is still cut when they meet.
    for peer in 2..4 {
        cluster.join(peer);
        cluster.heal_all(peer);
    }
    cluster.cut(2, 1);
    assert_eq!(state(&judge.look_after(1, &cluster), 1), FAULTY);
    assert_eq!(state(&judge.look_after(TIME_TO_JOIN, &cluster), 1), FAULTY);
    assert_eq!(state(&judge.settle(&cluster), 1), FAULTY);
    cluster.heal(2, 1);
    judge.look_after(1, &cluster);
    assert_eq!(state(&judge.look_after(HOLD, &cluster), 1), UP);
}

/// It was seen healed before its last witness left.
#[test]
fn a_link_that_recovers_does_so_without_its_witness() {
    let mut cluster = Cluster::new(1, 2);
    let mut judge = faulty(&mut cluster);
    cluster.heal(2, 1);
    judge.look_after(1, &cluster);
    cluster.leave(2);
    assert_eq!(state(&judge.look_after(HOLD - 1, &cluster), 1), FAULTY);
    assert_eq!(state(&judge.look_after(1, &cluster), 1), UP);
}

/// Where there is no other node, nobody will ever answer.
#[test]
fn the_only_node_of_a_cluster_recovers_by_its_interface() {
    let mut cluster = Cluster::new(0, 1);
    let mut judge = Judge::knowing(&cluster);
    cluster.interface(0, Interface::Down("eth0".into()));
    judge.look_after(1, &cluster);
    assert_eq!(state(&judge.look_after(SECOND_LOOK, &cluster), 0), FAULTY);
    cluster.interface(0, Interface::Up("eth0".into()));
    judge.look_after(1, &cluster);
    assert_eq!(state(&judge.look_after(HOLD, &cluster), 0), UP);
}

#[test]
fn the_last_witness_that_leaves_heals_nothing() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = Judge::knowing(&cluster);
    let other = judge.clone();
    cluster.cut(3, 1);
    assert_eq!(state(&judge.settle(&cluster), 1), FAULTY);
    // As vm01 sees it, vm02 still answers.
    cluster.cut_all(3);
    judge.look_after(1000, &cluster);
    cluster.leave(3);
    judge.look_after(1000, &cluster);
    assert_eq!(state(&judge.look_after(HOLD, &cluster), 1), UP);
    // As vm03 would, nobody does.
    let mut judge = other;
    let mut cluster = Cluster::new(2, 2);
    cluster.cut(2, 1);
    cluster.cut(3, 1);
    assert_eq!(state(&judge.settle(&cluster), 1), FAULTY);
    for peer in [2, 3] {
        cluster.cut_all(peer);
    }
    judge.look_after(1000, &cluster);
    for peer in [2, 3] {
        cluster.leave(peer);
    }
    for _ in 0..100 {
        let judgement = judge.look_after(1000, &cluster);
        assert_eq!(state(&judgement, 1), FAULTY);
        assert_eq!(state(&judgement, 0), UP);
    }
}
