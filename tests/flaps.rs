//! How often a link went down.

mod support;

use std::collections::BTreeMap;

use ringcheck::model::flaps;
use ringcheck::model::link::LinkNumber;
use ringcheck::model::moment::Moment;
use support::*;

/// A node of three, with two links, whose peers are vm02 and vm03.
fn node() -> World {
    World::quiet(Cluster::new(2, 2))
}

/// The count of each link that has one.
fn counts(node: &World) -> BTreeMap<u8, u64> {
    let state = node.state.borrow();
    let links = state.flaps.links.iter();
    links
        .map(|(LinkNumber(link), count)| (*link, *count))
        .collect()
}

fn after(node: &World, milliseconds: u64) -> BTreeMap<u8, u64> {
    node.advance(milliseconds);
    node.pass().unwrap();
    counts(node)
}

#[test]
fn a_flap_between_two_passes_is_counted() {
    let node = node();
    assert_eq!(counts(&node), [].into());
    node.change(|cluster| cluster.flap(2, 1));
    assert_eq!(after(&node, 5000), [(1, 1)].into());
    assert_eq!(after(&node, 5000), [(1, 1)].into(), "once");
    node.change(|cluster| {
        cluster.flap(3, 1);
        cluster.flap(3, 1);
        cluster.flap(3, 0);
    });
    assert_eq!(after(&node, 5000), [(0, 1), (1, 3)].into());
    assert!(!node.was_faulty());
}

#[test]
fn when_it_was_is_kept_of_the_last_ones() {
    let node = node();
    let recent = |seconds: u64| {
        let since = Moment(node.now().saturating_sub(seconds * 1000));
        node.state.borrow().flaps.since(LinkNumber(1), since)
    };
    node.change(|cluster| cluster.flap(2, 1));
    after(&node, 5000);
    assert_eq!((recent(1), recent(0)), (1, 1));
    after(&node, 60_000);
    assert_eq!((recent(61), recent(59)), (1, 0));
    for _ in 0..flaps::RECENT + 5 {
        node.change(|cluster| cluster.flap(2, 1));
    }
    assert_eq!(after(&node, 5000), [(1, 106)].into());
    assert_eq!(recent(3600), flaps::RECENT as u64);
    node.change(|cluster| cluster.remove_link(1));
    node.passes(4, 5000);
    assert_eq!(recent(3600), 0, "nobody asks for it any more");
}

#[test]
fn what_all_peers_lose_went_down_once() {
    let node = node();
    node.change(|cluster| cluster.cut(2, 1));
    assert_eq!(after(&node, 5000), [(1, 1)].into());
    // knet gives the other one up a little later.
    node.change(|cluster| cluster.cut(3, 1));
    assert_eq!(after(&node, 5000), [(1, 1)].into());
    node.change(|cluster| {
        cluster.heal(2, 1);
        cluster.heal(3, 1);
    });
    assert_eq!(after(&node, 5000), [(1, 1)].into());
    node.change(|cluster| cluster.flap(3, 1));
    assert_eq!(after(&node, 5000), [(1, 2)].into(), "this is another time");
}

#[test]
fn a_peer_that_dies_or_joins_is_no_flap() {
    let node = node();
    node.later(4000, Event::Silence(2));
    node.later(4000, Event::Cut(2, 1));
    node.later(9000, Event::Cut(2, 0));
    node.later(11_000, Event::Leave(2));
    node.passes(4, 5000);
    node.later(1000, Event::Join(2));
    node.later(1000, Event::Heal(2, 0));
    node.later(8000, Event::Heal(2, 1));
    node.passes(8, 5000);
    assert_eq!(counts(&node), [].into());
    node.change(|cluster| cluster.flap(2, 1));
    assert_eq!(after(&node, 5000), [(1, 1)].into());
}

#[test]
fn a_short_outage_of_the_only_link_is_counted() {
    let node = World::quiet(Cluster::new(1, 1));
    node.change(|cluster| cluster.cut(2, 0));
    let _ = node.pass();
    node.advance(1000);
    node.change(|cluster| cluster.heal(2, 0));
    assert_eq!(after(&node, 5000), [(0, 1)].into());
}

#[test]
fn corosync_that_starts_anew_counts_anew() {
    let node = node();
    node.change(|cluster| cluster.flap(2, 1));
    assert_eq!(after(&node, 5000), [(1, 1)].into());
    node.restart_corosync();
    node.change(|cluster| cluster.way(2, 1).unwrap().down_count = 7);
    node.passes(4, 5000);
    assert_eq!(counts(&node), [(1, 1)].into());
    node.change(|cluster| cluster.remove_link(1));
    node.passes(4, 5000);
    assert_eq!(counts(&node), [].into(), "nobody asks for it any more");
}
