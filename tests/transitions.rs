//! The changes that the history keeps.

mod support;

use ringcheck::model::link::LinkState::{self, Faulty, Unknown, Up};
use ringcheck::model::transition::Transition;
use support::*;

type Change = (u8, Option<LinkState>, Option<LinkState>, Option<u128>);

/// What was recorded: link, from, to, and for how many milliseconds it had been as before.
fn recorded(node: &World) -> Vec<Change> {
    let recorded = node.recorded.take();
    let short = |change: &Transition| {
        let lasted = change.lasted.map(|lasted| lasted.as_millis());
        (change.link.0, change.from, change.to, lasted)
    };
    recorded.iter().map(short).collect()
}

#[test]
fn each_change_is_kept_once_with_its_reason() {
    let node = World::new(Cluster::new(2, 2));
    node.pass().unwrap();
    let first = [(0, None, Some(Up), None), (1, None, Some(Up), None)];
    assert_eq!(recorded(&node), first);
    node.passes(3, 5000);
    assert_eq!(recorded(&node), []);
    node.advance(5000);
    node.change(|cluster| cluster.cut(3, 1));
    node.pass().unwrap();
    let change = node.recorded.borrow()[0].clone();
    assert_eq!(change.address, "10.0.1.1");
    assert_eq!(change.reason, "no answer from vm03");
    assert_eq!(change.peers, ["vm03"]);
    let lasted = change.lasted.map(|lasted| lasted.as_millis());
    assert_eq!(recorded(&node), [(1, Some(Up), Some(Faulty), lasted)]);
    node.change(|cluster| cluster.heal(3, 1));
    node.passes(4, 5000);
    let back = recorded(&node);
    assert!(
        matches!(back[..], [(1, Some(Faulty), Some(Up), Some(10_000..))]),
        "{back:?}"
    );
}

#[test]
fn a_link_that_leaves_is_kept_with_the_address_that_it_had() {
    let node = World::quiet(Cluster::new(2, 2));
    node.change(|cluster| cluster.remove_link(1));
    node.passes(2, 5000);
    let change = node.recorded.borrow()[0].clone();
    assert_eq!((change.address.as_str(), change.to), ("10.0.1.1", None));
    assert_eq!(node.recorded.borrow().len(), 1);
}

#[test]
fn what_could_not_be_read_is_kept_as_unknown_and_what_came_after_it() {
    let node = World::quiet(Cluster::new(1, 1));
    node.unreadable.set(true);
    node.passes(14, 5000);
    let unknown = recorded(&node);
    assert!(
        matches!(unknown[..], [(0, Some(Up), Some(Unknown), Some(60_000..))]),
        "{unknown:?}"
    );
    node.unreadable.set(false);
    node.pass().unwrap();
    let back = recorded(&node);
    assert!(
        matches!(back[..], [(0, Some(Unknown), Some(Up), Some(..=10_000))]),
        "{back:?}"
    );
}

#[test]
fn a_lost_state_is_no_change() {
    let node = World::quiet(Cluster::new(2, 2));
    node.lose(Loss::State);
    node.passes(2, 5000);
    assert_eq!(recorded(&node), []);
}

#[test]
fn what_was_cleared_is_new_again() {
    let node = World::quiet(Cluster::new(1, 1));
    node.state.borrow_mut().cleared = true;
    node.pass().unwrap();
    assert_eq!(recorded(&node), [(0, None, Some(Up), None)]);
    node.pass().unwrap();
    assert_eq!(recorded(&node), []);
}
