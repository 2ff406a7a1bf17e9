//! What a pass does not ask again, and when it does.

mod support;

use std::time::Duration;

use ringcheck::model::link::Interface;
use ringcheck::model::moment::Moment;
use ringcheck::model::outline::Outline;
use support::*;

/// Whether the next pass goes by what is known.
fn goes_by_it(node: &World) -> bool {
    node.forget();
    node.pass().unwrap();
    assert_eq!(node.looks.get(), 1);
    node.glances.get() == 1
}

fn known() -> World {
    let node = World::quiet(Cluster::new(2, 2));
    assert!(goes_by_it(&node));
    node
}

#[test]
fn it_is_read_again_once_a_minute() {
    let node = known();
    node.forget();
    node.passes(120, 5000);
    assert_eq!(node.looks.get() - node.glances.get(), 9);
    assert_eq!(node.written.take(), []);
}

#[test]
fn a_rare_comparison_does_not_make_it_older() {
    let mut node = known();
    node.settings.refresh = Duration::from_secs(3600);
    node.pass().unwrap();
    node.change(|cluster| cluster.add_link(2));
    node.change(|cluster| [2, 3].iter().for_each(|&peer| cluster.heal(peer, 2)));
    node.change(|cluster| cluster.reload_long_ago());
    node.passes(13, 5000);
    assert_eq!(node.states(), "0 UP, 1 UP, 2 UP");
    assert!(goes_by_it(&node));
}

#[test]
fn another_membership_is_read() {
    let node = known();
    node.change(|cluster| cluster.enter_membership());
    assert!(!goes_by_it(&node), "of the same members");
    assert!(goes_by_it(&node));
    node.change(|cluster| cluster.leave(3));
    assert!(!goes_by_it(&node));
    assert_eq!(node.states(), "0 UP, 1 UP");
}

#[test]
fn so_is_all_while_anything_is_broken() {
    let node = known();
    node.change(|cluster| cluster.cut(2, 1));
    node.passes(1, 5000);
    assert_eq!(node.states(), "0 UP, 1 FAULTY");
    assert!(!goes_by_it(&node));
    node.change(|cluster| cluster.heal(2, 1));
    assert!(goes_by_it(&node), "the hold asks for nothing more");
    node.change(|cluster| cluster.interface(0, Interface::Down("eth0".into())));
    node.pass().unwrap();
    assert!(!goes_by_it(&node));
    assert_eq!(node.states(), "0 FAULTY, 1 FAULTY");
}

#[test]
fn so_is_a_configuration_that_may_be_loaded() {
    let node = known();
    node.change(|cluster| cluster.address(1, "10.0.1.77"));
    assert!(!goes_by_it(&node));
    assert_eq!(node.shown()["ringnumber_1"], "10.0.1.77 is UP");
}

#[test]
fn what_a_reload_has_taken_half_away_is_not_kept() {
    let mut cluster = Cluster::new(2, 2);
    let outline = |cluster: &Cluster| Outline::of(&cluster.facts(), Moment(0));
    assert!(outline(&cluster).is_some());
    cluster.apply(&Event::Forget(3, 1));
    assert_eq!(outline(&cluster), None);
    cluster.leave(3);
    assert!(outline(&cluster).is_some(), "nobody asks for it");
}

#[test]
fn a_corosync_that_was_restarted_is_read_though_it_counts_the_same() {
    let node = known();
    node.restart_corosync();
    assert!(!goes_by_it(&node));
}

#[test]
fn a_forced_pass_reads_all() {
    let node = known();
    node.forget();
    node.forced_pass().unwrap();
    assert_eq!(node.glances.get(), 0);
}

#[test]
fn where_corosync_counts_no_memberships_all_is_read_each_time() {
    let node = known();
    node.change(|cluster| cluster.facts_mut().memberships = None);
    assert!(!goes_by_it(&node));
    assert!(!goes_by_it(&node));
}

#[test]
fn where_the_transport_tells_nothing_too() {
    let node = World::quiet(Cluster::udpu(2));
    assert!(!goes_by_it(&node));
}
