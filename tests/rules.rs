//! What location rules and node health go by: how many peers each link reaches, and whether this
//! node has lost a link.

mod support;

use ringcheck::model::attribute::Change;
use ringcheck::model::link::Interface;
use ringcheck::model::settings::{FaultyWhen, Ill};
use support::*;

const HEALTH: &str = "#health-ringcheck";

fn node_with(peers: u32) -> World {
    let mut node = World::new(Cluster::new(peers, 2));
    node.settings.publish_reached_peers = true;
    node.settings.node_health = Some(Ill::Yellow);
    node.settle();
    node
}

/// The numbers of reached peers by link and the health, as `2 2 green`.
fn shown(node: &World) -> String {
    let shown = node.shown();
    let told = shown
        .iter()
        .filter(|(name, _)| name.starts_with("ringpeers_"));
    let health = shown.get(HEALTH);
    let told = told.map(|(_, value)| value.as_str());
    told.chain(health.map(String::as_str))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What was written of the number of peers over a link.
fn numbers(node: &World, link: u8) -> Vec<String> {
    written(node, &format!("ringpeers_{link}"))
}

fn written(node: &World, name: &str) -> Vec<String> {
    let written = node.written.borrow();
    let ours = written.iter().filter(|change| change.name() == name);
    ours.map(|change| match change {
        Change::Update { value, .. } => value.clone(),
        Change::Delete { .. } => "-".into(),
    })
    .collect()
}

#[test]
fn neither_is_published_unless_it_is_asked_for() {
    let node = World::quiet(Cluster::new(2, 2));
    assert_eq!(shown(&node), "");
    let mut node = node_with(2);
    assert_eq!(shown(&node), "2 2 green");
    node.settings = Default::default();
    node.pass().unwrap();
    assert_eq!(shown(&node), "", "turned off, they go");
    assert_eq!(node.states(), "0 UP, 1 UP");
}

#[test]
fn the_own_cable_is_this_nodes_loss() {
    let node = node_with(2);
    node.change(|cluster| {
        cluster.interface(1, Interface::NoCarrier("eth1".into()));
    });
    node.pass().unwrap();
    assert_eq!(shown(&node), "2 0 yellow", "before knet knows");
    node.change(|cluster| [2, 3].iter().for_each(|&peer| cluster.cut(peer, 1)));
    node.passes(2, 5000);
    assert_eq!(shown(&node), "2 0 yellow");
    assert_eq!(numbers(&node, 1), ["0"]);
}

#[test]
fn another_nodes_cable_is_not() {
    let node = node_with(2);
    node.change(|cluster| cluster.cut(3, 1));
    node.passes(3, 5000);
    assert_eq!(node.states(), "0 UP, 1 FAULTY");
    assert_eq!(shown(&node), "2 1 green");
}

#[test]
fn in_two_nodes_nobody_can_tell_whose_it_is() {
    let node = node_with(1);
    node.change(|cluster| cluster.cut(2, 1));
    node.passes(3, 5000);
    assert_eq!(shown(&node), "1 0 yellow");
}

#[test]
fn a_link_is_lost_with_more_than_half_of_the_peers() {
    for (peers, cut, health) in [
        (2, 1, "green"),
        (2, 2, "yellow"),
        (3, 1, "green"),
        (3, 2, "yellow"),
        (4, 2, "green"),
        (4, 3, "yellow"),
    ] {
        for rule in [FaultyWhen::AnyPeer, FaultyWhen::AllPeers] {
            let mut node = node_with(peers);
            node.settings.faulty_when = rule;
            node.change(|cluster| (0..cut).for_each(|peer| cluster.cut(peer + 2, 1)));
            node.pass().unwrap();
            let told = format!("{peers} {} {health}", peers - cut);
            assert_eq!(shown(&node), told, "{cut} of {peers} lost, {rule:?}");
        }
    }
}

#[test]
fn the_colour_is_the_settings() {
    let mut node = node_with(2);
    node.settings.node_health = Some(Ill::Red);
    node.change(|cluster| [2, 3].iter().for_each(|&peer| cluster.cut(peer, 0)));
    node.pass().unwrap();
    assert_eq!(shown(&node), "0 2 red");
    let said = node.said.take();
    let line = "Node attribute #health-ringcheck is now: red";
    assert!(said.iter().any(|said| said == line), "{said:?}");
    node.settings.node_health = Some(Ill::Yellow);
    node.pass().unwrap();
    assert_eq!(shown(&node), "0 2 yellow");
}

#[test]
fn both_come_back_with_the_state_after_the_hold() {
    let broken: [fn(&mut Cluster); 2] = [
        |cluster| [2, 3].iter().for_each(|&peer| cluster.cut(peer, 1)),
        |cluster| cluster.interface(1, Interface::Down("eth1".into())),
    ];
    for broken in broken {
        let node = node_with(2);
        node.change(broken);
        node.pass().unwrap();
        assert_eq!(shown(&node), "2 0 yellow");
        node.change(|cluster| {
            cluster.interface(1, Interface::Up("eth1".into()));
            [2, 3].iter().for_each(|&peer| cluster.heal(peer, 1));
        });
        node.pass().unwrap();
        node.advance(HOLD - 1);
        node.pass().unwrap();
        assert_eq!(shown(&node), "2 0 yellow");
        node.advance(1);
        node.pass().unwrap();
        assert_eq!(shown(&node), "2 2 green");
        assert_eq!(numbers(&node, 1), ["0", "2"]);
        assert_eq!(written(&node, HEALTH), ["yellow", "green"]);
    }
}

#[test]
fn a_peer_that_dies_counts_until_it_has_left() {
    let node = node_with(2);
    node.change(|cluster| cluster.cut_all(3));
    node.passes(2, 1000);
    assert_eq!(shown(&node), "2 2 green");
    node.change(|cluster| cluster.leave(3));
    node.passes(3, 5000);
    assert_eq!(shown(&node), "1 1 green");
    assert_eq!(numbers(&node, 0), ["1"]);
    node.change(|cluster| cluster.leave(2));
    node.passes(3, 5000);
    assert_eq!(shown(&node), "green", "alone, but well");
    assert_eq!(numbers(&node, 0), ["1", "-"]);
    node.change(|cluster| cluster.interface(1, Interface::Absent));
    node.pass().unwrap();
    assert_eq!(shown(&node), "yellow");
}

/// With 0 the rule would prefer the newcomer, which has no number yet.
#[test]
fn a_node_that_was_alone_never_reaches_0_of_those_that_join() {
    let node = node_with(1);
    node.change(|cluster| {
        cluster.cut_all(2);
        cluster.leave(2);
    });
    node.passes(3, 5000);
    assert_eq!(shown(&node), "green");
    node.change(|cluster| {
        cluster.join(2);
        cluster.heal(2, 0);
        cluster.answer(2, 1);
    });
    node.later(2000, Event::Heal(2, 1));
    node.passes(3, 1000);
    node.passes(3, 5000);
    assert_eq!(shown(&node), "1 1 green");
    assert_eq!(numbers(&node, 0), ["-", "1"]);
    assert_eq!(numbers(&node, 1), ["-", "1"]);
}

#[test]
fn a_link_that_a_joining_peer_does_not_answer_on_reaches_0() {
    let node = node_with(1);
    node.change(|cluster| {
        cluster.cut_all(2);
        cluster.leave(2);
    });
    node.passes(3, 5000);
    node.change(|cluster| {
        cluster.join(2);
        cluster.heal(2, 0);
    });
    node.passes(5, 5000);
    assert_eq!(shown(&node), "1 0 yellow");
    assert_eq!(numbers(&node, 1), ["-", "0"]);
}

#[test]
fn a_peer_that_joins_counts_once_it_answers() {
    let node = node_with(2);
    node.change(|cluster| {
        cluster.cut_all(3);
        cluster.leave(3);
    });
    node.passes(3, 5000);
    node.forget();
    node.change(|cluster| {
        cluster.join(3);
        cluster.heal(3, 0);
        cluster.answer(3, 1);
    });
    node.later(2000, Event::Heal(3, 1));
    node.passes(3, 1000);
    node.passes(3, 5000);
    assert_eq!(shown(&node), "2 2 green");
    assert_eq!(numbers(&node, 0), ["2"]);
    assert_eq!(numbers(&node, 1), ["2"]);
    assert_eq!(written(&node, HEALTH), [""; 0]);
}

#[test]
fn who_left_and_joined_between_two_looks_counts_once_it_answers() {
    let node = node_with(2);
    node.change(|cluster| {
        cluster.cut(3, 1);
        cluster.flap(3, 0);
        cluster.leave(3);
        cluster.join(3);
        cluster.answer(3, 1);
    });
    node.later(2000, Event::Heal(3, 1));
    node.passes(2, 5000);
    assert_eq!(numbers(&node, 1), ["1", "2"]);
}

#[test]
fn a_short_outage_moves_nothing() {
    let node = node_with(2);
    node.change(|cluster| cluster.cut(3, 1));
    node.later(100, Event::Heal(3, 1));
    node.passes(3, 5000);
    assert_eq!(node.states(), "0 UP, 1 UP");
    assert_eq!(numbers(&node, 1), [""; 0]);
}

#[test]
fn who_is_lost_besides_is_found_within_the_same_pass() {
    let node = node_with(3);
    node.change(|cluster| cluster.cut(2, 1));
    node.later(300, Event::Cut(3, 1));
    node.later(300, Event::Cut(4, 1));
    node.pass().unwrap();
    node.pass().unwrap();
    assert_eq!(shown(&node), "3 0 yellow");
}

#[test]
fn what_cannot_be_read_has_no_number_and_is_not_well() {
    let node = node_with(2);
    node.unreadable.set(true);
    node.passes(20, 5000);
    assert_eq!(node.states(), "0 UNKNOWN, 1 UNKNOWN");
    assert_eq!(shown(&node), "yellow");
    let said = node.said.borrow();
    let line = "Node attribute #health-ringcheck is now: yellow";
    assert!(said.iter().any(|said| said == line), "{said:?}");
    drop(said);
    node.unreadable.set(false);
    node.passes(2, 5000);
    assert_eq!(shown(&node), "2 2 green");
}

#[test]
fn red_stays_red_where_nothing_can_be_read() {
    let mut node = node_with(1);
    node.settings.node_health = Some(Ill::Red);
    node.change(|cluster| cluster.cut(2, 1));
    node.pass().unwrap();
    node.unreadable.set(true);
    node.passes(20, 5000);
    assert_eq!(shown(&node), "red");
}

#[test]
fn a_lost_state_makes_no_node_healthy() {
    for lost_peers in [true, false] {
        let mut node = node_with(2);
        node.settings.publish_lost_peers = lost_peers;
        node.change(|cluster| [2, 3].iter().for_each(|&peer| cluster.cut(peer, 1)));
        node.passes(2, 5000);
        node.forget();
        node.lose(Loss::State);
        node.passes(3, 5000);
        assert_eq!(shown(&node), "2 0 yellow");
        assert!(
            written(&node, HEALTH)
                .iter()
                .all(|health| health == "yellow")
        );
        assert!(numbers(&node, 1).iter().all(|number| number == "0"));
    }
}

/// A node that is cut off has no token: what attrd has acknowledged is not in the CIB.
#[test]
fn a_cib_that_is_behind_brings_no_loss_back() {
    let node = node_recovering();
    node.advance(HOLD);
    node.pass().unwrap();
    assert_eq!(shown(&node), "2 2 green");
    node.plant_in_cib("ringlost_1", "vm02 vm03");
    node.change(|cluster| [2, 3].iter().for_each(|&peer| cluster.cut_all(peer)));
    node.advance(node.settings.refresh.as_millis() as u64);
    node.passes(2, 5000);
    assert_eq!(node.shown().get("ringlost_1"), None);
    assert_eq!(written(&node, HEALTH), ["green"]);
}

#[test]
fn a_node_whose_members_are_silent_gets_no_better() {
    let node = node_recovering();
    node.advance(HOLD);
    // knet gives up the link that it has met last much later than the other.
    node.change(|cluster| {
        for peer in [2, 3] {
            cluster.silence(peer);
            cluster.cut(peer, 0);
        }
    });
    for peer in [2, 3] {
        node.later(500, Event::Cut(peer, 1));
    }
    node.passes(2, 5000);
    assert_eq!(node.states(), "0 UP, 1 UP");
    assert_eq!(written(&node, HEALTH), [""; 0]);
    node.change(|cluster| [2, 3].iter().for_each(|&peer| cluster.leave(peer)));
    node.passes(3, 5000);
    assert_eq!(shown(&node), "green", "alone, but well");
    assert_eq!(written(&node, HEALTH), ["green"]);
}

#[test]
fn a_node_that_meets_silent_members_says_nothing() {
    let mut node = World::new(Cluster::new(2, 2));
    node.settings.node_health = Some(Ill::Yellow);
    node.change(|cluster| [2, 3].iter().for_each(|&peer| cluster.cut_all(peer)));
    node.passes(4, 5000);
    assert_eq!(written(&node, HEALTH), [""; 0]);
}

/// The node that was cut off by its own interface: nobody has seen its link healed, but it may have
/// to run everything.
#[test]
fn a_node_that_is_alone_gets_better_by_its_interfaces() {
    let node = node_alone();
    node.pass().unwrap();
    node.advance(HOLD - 1);
    node.pass().unwrap();
    assert_eq!(shown(&node), "yellow");
    // It starts again with each fault.
    node.change(|cluster| cluster.interface(0, Interface::Absent));
    node.pass().unwrap();
    node.change(|cluster| cluster.interface(0, Interface::Up("eth0".into())));
    node.pass().unwrap();
    node.advance(HOLD - 1);
    node.pass().unwrap();
    assert_eq!(shown(&node), "yellow");
    node.advance(1);
    node.pass().unwrap();
    assert_eq!(node.states(), "0 FAULTY, 1 UP", "nobody has answered");
    assert_eq!(shown(&node), "green", "nobody may ever come");
}

#[test]
fn its_link_is_up_once_somebody_has_answered() {
    let node = node_alone();
    node.pass().unwrap();
    node.change(|cluster| {
        for peer in [2, 3] {
            cluster.join(peer);
            cluster.heal_all(peer);
        }
    });
    node.pass().unwrap();
    node.advance(HOLD - 1);
    node.pass().unwrap();
    assert_eq!(node.states(), "0 FAULTY, 1 UP");
    assert_eq!(shown(&node), "2 2 yellow");
    node.advance(1);
    node.pass().unwrap();
    assert_eq!(node.states(), "0 UP, 1 UP");
    assert_eq!(shown(&node), "2 2 green");
}

#[test]
fn and_stays_ill_where_it_joins_with_another_link_broken() {
    let node = node_alone();
    node.pass().unwrap();
    node.change(|cluster| {
        for peer in [2, 3] {
            cluster.join(peer);
            cluster.heal(peer, 0);
        }
    });
    node.passes(4, 5000);
    assert_eq!(node.states(), "0 UP, 1 FAULTY");
    assert_eq!(shown(&node), "2 0 yellow");
    assert_eq!(written(&node, HEALTH), [""; 0]);
}

#[test]
fn another_nodes_cable_keeps_nobody_ill() {
    let node = node_recovering();
    node.advance(HOLD / 2);
    node.change(|cluster| cluster.cut(3, 0));
    node.pass().unwrap();
    node.change(|cluster| cluster.heal(3, 0));
    node.pass().unwrap();
    node.advance(HOLD / 2);
    node.pass().unwrap();
    assert_eq!(node.states(), "0 FAULTY, 1 UP");
    assert_eq!(shown(&node), "1 2 green");
}

/// Yellow for link 1, which has just come back.
fn node_recovering() -> World {
    let node = node_with(2);
    node.change(|cluster| [2, 3].iter().for_each(|&peer| cluster.cut(peer, 1)));
    node.pass().unwrap();
    node.change(|cluster| [2, 3].iter().for_each(|&peer| cluster.heal(peer, 1)));
    node.pass().unwrap();
    assert_eq!(shown(&node), "2 0 yellow");
    node.forget();
    node
}

/// Cut off by its interface of link 0, which has just come back.
fn node_alone() -> World {
    let node = node_with(2);
    node.change(|cluster| {
        cluster.interface(0, Interface::Absent);
        for peer in [2, 3] {
            cluster.cut_all(peer);
            cluster.leave(peer);
        }
    });
    node.passes(3, 5000);
    assert_eq!(shown(&node), "yellow");
    node.forget();
    node.change(|cluster| cluster.interface(0, Interface::Up("eth0".into())));
    node
}

#[test]
fn a_node_that_starts_says_neither_before_it_knows() {
    let mut node = World::new(Cluster::new(2, 2));
    node.settings.publish_reached_peers = true;
    node.settings.node_health = Some(Ill::Yellow);
    node.change(|cluster| {
        for peer in [2, 3] {
            cluster.cut_all(peer);
            cluster.leave(peer);
        }
    });
    node.pass().unwrap();
    assert_eq!((node.states().as_str(), shown(&node).as_str()), ("", ""));
    node.passes(4, 5000);
    assert_eq!(shown(&node), "green");
}

#[test]
fn a_link_that_is_removed_takes_its_number_along() {
    let node = node_with(2);
    node.change(|cluster| cluster.remove_link(1));
    node.passes(3, 5000);
    assert_eq!(shown(&node), "2 green");
}

#[test]
fn a_link_that_a_reload_takes_away_for_a_moment_keeps_its_number() {
    let node = node_with(2);
    node.change(|cluster| cluster.forget_link(1));
    node.later(300, Event::Add(1));
    for peer in [2, 3] {
        node.later(300, Event::Heal(peer, 1));
    }
    node.passes(3, 5000);
    assert_eq!(node.states(), "0 UP, 1 UP");
    assert_eq!(numbers(&node, 1), [""; 0]);
    assert_eq!(written(&node, HEALTH), [""; 0]);
}

#[test]
fn where_the_transport_tells_nothing_the_interface_does() {
    let mut node = World::new(Cluster::udpu(2));
    node.settings.publish_reached_peers = true;
    node.settings.node_health = Some(Ill::Yellow);
    node.settle();
    assert_eq!(shown(&node), "2 green");
    node.change(|cluster| cluster.interface(0, Interface::Down("eth0".into())));
    node.pass().unwrap();
    assert_eq!(shown(&node), "0 yellow");
    node.change(|cluster| cluster.interface(0, Interface::Up("eth0".into())));
    node.passes(2, HOLD);
    node.pass().unwrap();
    assert_eq!(shown(&node), "2 green");
}

#[test]
fn a_peer_that_a_link_is_taken_from_is_not_reached() {
    let node = node_with(2);
    node.change(|cluster| cluster.way(3, 1).unwrap().enabled = false);
    node.pass().unwrap();
    assert_eq!(shown(&node), "2 1 green");
}
