//! The peers that each link has lost, as they are published.

mod support;

use support::*;

/// What is published of lost peers, as `1: vm02 vm03`.
fn lost(node: &World) -> String {
    let shown = node.shown();
    let lost = shown.iter().filter_map(|(name, value)| {
        let link = name.strip_prefix("ringlost_")?;
        Some(format!("{link}: {value}"))
    });
    lost.collect::<Vec<_>>().join(", ")
}

fn three_nodes() -> World {
    World::quiet(Cluster::new(2, 2))
}

#[test]
fn who_is_not_reached_is_named_while_there_is_anybody() {
    let node = three_nodes();
    assert_eq!(lost(&node), "");
    node.change(|cluster| cluster.cut(3, 1));
    node.pass().unwrap();
    assert_eq!(lost(&node), "1: vm03");
    assert_eq!(node.states(), "0 UP, 1 FAULTY");
    node.change(|cluster| cluster.cut(2, 1));
    // The link is FAULTY already, so no pass waits for the proof.
    node.passes(3, 5000);
    assert_eq!(lost(&node), "1: vm02 vm03");
    node.change(|cluster| {
        cluster.heal(2, 1);
        cluster.heal(3, 1);
    });
    node.pass().unwrap();
    assert_eq!(lost(&node), "1: vm02 vm03", "held as the state is");
    node.advance(HOLD - 1);
    node.pass().unwrap();
    assert_eq!(
        (lost(&node).as_str(), node.states().as_str()),
        ("1: vm02 vm03", "0 UP, 1 FAULTY")
    );
    node.advance(1);
    node.pass().unwrap();
    assert_eq!(
        (lost(&node).as_str(), node.states().as_str()),
        ("", "0 UP, 1 UP")
    );
}

#[test]
fn a_flap_holds_it_longer() {
    let node = three_nodes();
    node.change(|cluster| cluster.cut(3, 1));
    node.pass().unwrap();
    node.change(|cluster| cluster.heal(3, 1));
    node.passes(2, 5000);
    node.change(|cluster| cluster.flap(3, 1));
    node.pass().unwrap();
    node.advance(HOLD - 1);
    node.pass().unwrap();
    assert_eq!(lost(&node), "1: vm03");
    node.advance(1);
    node.pass().unwrap();
    assert_eq!(lost(&node), "");
}

#[test]
fn a_peer_that_dies_or_leaves_is_not_lost() {
    let node = three_nodes();
    node.change(|cluster| cluster.cut(3, 1));
    node.pass().unwrap();
    node.change(|cluster| cluster.cut_all(3));
    node.pass().unwrap();
    assert_eq!(lost(&node), "1: vm03", "nothing new is known of it");
    node.change(|cluster| cluster.leave(3));
    node.pass().unwrap();
    assert_eq!(lost(&node), "");
    node.change(|cluster| cluster.cut_all(2));
    node.passes(3, 1000);
    node.change(|cluster| cluster.leave(2));
    node.passes(3, 5000);
    assert!(
        node.written
            .borrow()
            .iter()
            .all(|change| !format!("{change:?}").contains("vm02"))
    );
}

#[test]
fn a_lost_state_takes_no_lost_peer_away() {
    let node = three_nodes();
    node.change(|cluster| cluster.cut(3, 1));
    node.passes(2, 5000);
    node.forget();
    node.lose(Loss::State);
    node.passes(3, 5000);
    assert_eq!(lost(&node), "1: vm03");
    let written = node.written.borrow();
    assert!(
        written
            .iter()
            .all(|change| !format!("{change:?}").contains("Delete")),
        "{written:?}"
    );
}

#[test]
fn a_link_that_is_removed_takes_them_along() {
    let node = three_nodes();
    node.change(|cluster| cluster.cut(3, 1));
    node.pass().unwrap();
    node.change(|cluster| cluster.remove_link(1));
    node.passes(3, 5000);
    assert_eq!(lost(&node), "");
    assert_eq!(node.states(), "0 UP");
}

#[test]
fn all_peers_also_tells_them_while_the_link_is_up() {
    let mut node = three_nodes();
    node.settings.faulty_when = ringcheck::model::settings::FaultyWhen::AllPeers;
    node.change(|cluster| cluster.cut(3, 1));
    node.passes(3, 5000);
    assert_eq!(
        (lost(&node).as_str(), node.states().as_str()),
        ("1: vm03", "0 UP, 1 UP")
    );
}

#[test]
fn a_setting_turns_it_off() {
    let mut node = three_nodes();
    node.change(|cluster| cluster.cut(3, 1));
    node.pass().unwrap();
    node.settings.publish_lost_peers = false;
    node.pass().unwrap();
    assert_eq!(
        (lost(&node).as_str(), node.states().as_str()),
        ("", "0 UP, 1 FAULTY")
    );
}

#[test]
fn a_peer_that_a_link_is_taken_from_is_not_lost() {
    let node = three_nodes();
    node.change(|cluster| cluster.cut(3, 1));
    node.pass().unwrap();
    assert_eq!(lost(&node), "1: vm03");
    node.change(|cluster| cluster.apply(&Event::Forget(3, 1)));
    node.pass().unwrap();
    assert_eq!(lost(&node), "");
}
