//! The whole pass by example: what it writes when something happens to the cluster.

mod support;

use ringcheck::model::attribute::Change;
use ringcheck::model::link::Interface;
use ringcheck::model::settings::Ill;
use support::*;

#[test]
fn the_first_pass_publishes_every_link() {
    let world = World::new(Cluster::new(1, 2));
    world.pass().unwrap();
    assert_eq!(world.shown()["ringnumber_0"], "10.0.0.1 is UP");
    assert_eq!(world.shown()["ringnumber_1"], "10.0.1.1 is UP");
    assert_eq!(world.shown().len(), 2);
    let said = world.said.borrow().join("\n");
    let line =
        "Interface link status changed [ring id=0, state=UP]: 10.0.0.1 is UP: 1 peer answers";
    assert!(said.contains(line), "{said}");
}

#[test]
fn a_cut_link_is_faulty_within_one_pass_and_up_again_after_the_hold() {
    let world = World::quiet(Cluster::new(1, 2));
    world.change(|cluster| cluster.cut(2, 1));
    let cut = world.now();
    world.pass().unwrap();
    assert_eq!(world.states(), "0 UP, 1 FAULTY");
    let took = world.now() - cut;
    assert!((2 * NEXT_LOOK..3 * NEXT_LOOK).contains(&took), "{took}");
    world.change(|cluster| cluster.heal(2, 1));
    world.passes(2, 5000);
    assert_eq!(world.states(), "0 UP, 1 FAULTY");
    world.pass().unwrap();
    assert_eq!(world.states(), "0 UP, 1 UP");
    // The state, and whom the link has lost.
    assert_eq!(world.written.borrow().len(), 4);
}

#[test]
fn what_settles_by_itself_is_never_written() {
    let world = World::quiet(Cluster::new(1, 2));
    world.change(|cluster| cluster.cut(2, 1));
    world.later(NEXT_LOOK + 1, Event::Heal(2, 1));
    world.pass().unwrap();
    assert_eq!(world.written.take(), []);
    assert_eq!(world.states(), "0 UP, 1 UP");
}

#[test]
fn a_pass_waits_no_longer_than_it_must() {
    let world = World::quiet(Cluster::new(1, 2));
    let start = world.now();
    world.change(|cluster| cluster.cut(2, 1));
    world.later(300, Event::Heal(2, 1));
    world.pass().unwrap();
    assert!(world.now() - start < 600);
}

#[test]
fn a_link_that_cannot_settle_in_time_is_left_to_the_next_pass() {
    let mut cluster = Cluster::new(1, 2);
    for link in cluster.facts_mut().links.values_mut() {
        // What corosync makes of a token of 30 s.
        link.ping_interval *= 10;
        link.ping_timeout *= 10;
    }
    let world = World::quiet(cluster);
    world.change(|cluster| cluster.add_link(2));
    world.pass().unwrap();
    assert_eq!(world.looks.get(), 1);
    assert_eq!(world.states(), "0 UP, 1 UP");
    world.advance(10 * TIME_TO_JOIN);
    world.pass().unwrap();
    assert_eq!(world.states(), "0 UP, 1 UP, 2 FAULTY");
}

#[test]
fn a_pass_that_waits_ends_before_its_deadline() {
    for deadline in [2, 3, 5, 10, 25] {
        let mut world = World::quiet(Cluster::new(1, 2));
        world.settings.deadline = std::time::Duration::from_secs(deadline);
        let start = world.now();
        world.change(|cluster| cluster.cut(2, 1));
        for time in 1..100 {
            // Never as it was when it was last looked at.
            let event = [Event::Heal(2, 1), Event::Cut(2, 1)][time % 2].clone();
            world.later(time as u64 * 260, event);
        }
        world.pass().unwrap();
        let took = world.now() - start;
        assert!(took <= (deadline * 1000).saturating_sub(2500), "{took}");
    }
}

#[test]
fn a_pass_in_which_nothing_changed_does_nothing() {
    let world = World::quiet(Cluster::new(3, 2));
    let before = world.state.borrow().clone();
    world.passes(10, 5000);
    assert_eq!(*world.state.borrow(), before);
    assert_eq!(world.written.take(), []);
    assert_eq!(world.said.take(), Vec::<String>::new());
    assert_eq!((world.queries.get(), world.refreshes.get()), (0, 0));
    assert_eq!(world.looks.get(), 10);
}

#[test]
fn nor_does_one_while_a_link_stays_faulty() {
    let mut cluster = Cluster::new(3, 3);
    cluster.cut(3, 1);
    cluster.interface(2, Interface::Absent);
    let world = World::quiet(cluster);
    assert_eq!(world.states(), "0 UP, 1 FAULTY, 2 FAULTY");
    let before = world.state.borrow().clone();
    world.passes(10, 5000);
    assert_eq!(*world.state.borrow(), before);
    assert_eq!(world.written.take(), []);
    assert_eq!(world.looks.get(), 10);
}

#[test]
fn a_link_that_was_removed_takes_its_attribute_along() {
    let world = World::quiet(Cluster::new(1, 3));
    world.change(|cluster| cluster.forget_link(1));
    world.later(4000, Event::Remove(1));
    world.pass().unwrap();
    assert_eq!(world.states(), "0 UP, 2 UP");
    world.passes(20, 5000);
    assert_eq!(world.states(), "0 UP, 2 UP");
    let name = "ringnumber_1".to_owned();
    assert_eq!(world.written.take(), [Change::Delete { name }]);
}

#[test]
fn a_link_that_is_read_as_gone_for_a_moment_keeps_its_attribute() {
    let world = World::quiet(Cluster::new(1, 2));
    world.change(|cluster| cluster.forget_link(1));
    world.later(500, Event::Add(1));
    world.later(1500, Event::Connect(2, 1));
    world.passes(10, 5000);
    assert_eq!(world.written.take(), []);
}

#[test]
fn and_so_it_does_where_the_state_was_lost() {
    let world = World::quiet(Cluster::new(1, 2));
    world.lose(Loss::State);
    world.change(|cluster| cluster.forget_link(1));
    world.later(500, Event::Add(1));
    world.later(600, Event::Connect(2, 1));
    world.passes(10, 5000);
    let name = "ringnumber_1".to_owned();
    assert!(!world.written.take().contains(&Change::Delete { name }));
}

#[test]
fn a_node_whose_corosync_starts_again_gives_its_links_the_time_to_join() {
    let world = World::quiet(Cluster::new(1, 2));
    world.restart_corosync();
    // Counters that start anew may happen to say the same.
    world.change(|cluster| {
        cluster.way(2, 1).unwrap().connected = false;
        cluster.answer(2, 1);
    });
    world.later(2200, Event::Heal(2, 1));
    world.pass().unwrap();
    assert!(!world.was_faulty());
    assert_eq!(world.states(), "0 UP, 1 UP");
}

#[test]
fn a_link_that_was_added_is_shown_once_it_is_up() {
    let world = World::quiet(Cluster::new(2, 1));
    world.change(|cluster| cluster.add_link(1));
    world.later(1000, Event::Connect(2, 1));
    world.later(2000, Event::Connect(3, 1));
    world.pass().unwrap();
    assert_eq!(world.states(), "0 UP, 1 UP");
    assert_eq!(world.written.borrow().len(), 1);
}

#[test]
fn a_new_address_is_shown_and_the_state_stays() {
    let mut cluster = Cluster::new(1, 2);
    cluster.cut(2, 1);
    let world = World::quiet(cluster);
    for link in [0, 1] {
        world.change(|cluster| cluster.address(link, &format!("fd00::{link}")));
    }
    world.pass().unwrap();
    assert_eq!(world.shown()["ringnumber_0"], "fd00::0 is UP");
    assert_eq!(world.shown()["ringnumber_1"], "fd00::1 is FAULTY");
    assert_eq!(world.written.borrow().len(), 2);
}

#[test]
fn rule_6_what_cannot_be_read_stays_and_then_is_unknown() {
    let mut cluster = Cluster::new(1, 2);
    cluster.cut(2, 1);
    let world = World::quiet(cluster);
    world.unreadable.set(true);
    for _ in 0..12 {
        world.pass().unwrap_err();
        assert_eq!(world.states(), "0 UP, 1 FAULTY");
        world.advance(5000);
    }
    world.passes(5, 5000);
    assert_eq!(world.states(), "0 UNKNOWN, 1 UNKNOWN");
    assert_eq!(world.written.borrow().len(), 2);
    world.unreadable.set(false);
    world.pass().unwrap();
    assert_eq!(world.states().split(',').next(), Some("0 UP"));
    world.passes(2, 5000);
    assert_eq!(world.states(), "0 UP, 1 FAULTY");
}

/// Corosync that was hung for so long goes on, and finds all members silent.
#[test]
fn rule_6_a_look_that_says_nothing_brings_nothing_back() {
    let mut cluster = Cluster::new(2, 2);
    let mut world = World::quiet(cluster.clone());
    world.settings.node_health = Some(Ill::Yellow);
    world.settings.publish_reached_peers = true;
    world.settle();
    let well = world.shown();
    assert_eq!(well["#health-ringcheck"], "green");
    assert_eq!(well["ringpeers_0"], "2");
    world.unreadable.set(true);
    world.passes(14, 5000);
    let unknown = world.shown();
    assert_eq!(world.states(), "0 UNKNOWN, 1 UNKNOWN");
    assert_eq!(unknown["#health-ringcheck"], "yellow");
    world.unreadable.set(false);
    for peer in cluster.peers() {
        cluster.cut_all(peer);
    }
    world.change(|now| *now = cluster.clone());
    world.passes(2, 1000);
    assert_eq!(world.shown(), unknown);
    for peer in cluster.peers() {
        cluster.heal_all(peer);
    }
    world.change(|now| *now = cluster.clone());
    world.passes(4, 5000);
    assert_eq!(world.shown(), well);
}

#[test]
fn rule_6_the_time_starts_anew_when_it_was_read() {
    let world = World::quiet(Cluster::new(1, 2));
    for unreadable in [true, false, true] {
        world.unreadable.set(unreadable);
        world.passes(11, 5000);
    }
    assert_eq!(world.states(), "0 UP, 1 UP");
}

#[test]
fn rule_6_holds_where_corosync_does_not_answer_at_all() {
    let world = World::quiet(Cluster::new(1, 2));
    world.hung.set(true);
    world.passes(14, 5000);
    assert_eq!(world.states(), "0 UNKNOWN, 1 UNKNOWN");
}

#[test]
fn rule_6_one_attribute_that_cannot_be_written_keeps_no_other_back() {
    let world = World::quiet(Cluster::new(1, 3));
    world.unreadable.set(true);
    world.refused.replace(Some("ringnumber_0".into()));
    world.passes(14, 5000);
    assert_eq!(world.states(), "0 UP, 1 UNKNOWN, 2 UNKNOWN");
    world.refused.take();
    world.passes(1, 5000);
    assert_eq!(world.states(), "0 UNKNOWN, 1 UNKNOWN, 2 UNKNOWN");
}

#[test]
fn what_could_not_be_read_keeps_the_recovery_hold() {
    let mut cluster = Cluster::new(1, 2);
    cluster.cut(2, 1);
    let mut world = World::quiet(cluster);
    world.settings.unknown_after = std::time::Duration::from_secs(5);
    world.unreadable.set(true);
    world.passes(3, 5000);
    world.unreadable.set(false);
    world.change(|cluster| cluster.heal(2, 1));
    world.pass().unwrap();
    assert_ne!(world.states(), "0 UP, 1 UP", "good for 0 s of 10 s");
}
