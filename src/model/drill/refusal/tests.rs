use std::collections::BTreeMap;

use super::*;
use crate::model::drill::scene::{Node, Options, Remains, Resource, Standby};

fn node(name: &str) -> Node {
    Node {
        name: name.into(),
        member: true,
        online: true,
        ..Node::default()
    }
}

fn resource(id: &str, agent: &str, on: &[&str]) -> Resource {
    Resource {
        id: id.into(),
        agent: agent.into(),
        nodes: on.iter().map(|node| (*node).to_owned()).collect(),
        ..Resource::default()
    }
}

/// Two nodes where nothing speaks against a drill of either kind on n1.
fn well() -> Scene {
    let ring = ("ringnumber_0".to_owned(), "10.0.0.1 is UP".to_owned());
    Scene {
        dc: true,
        quorum: true,
        options: Options {
            symmetric: true,
            ..Options::default()
        },
        nodes: vec![node("n1"), node("n2")],
        resources: vec![resource("web", "ocf:heartbeat:apache", &["n2"])],
        attributes: BTreeMap::from([("n1".to_owned(), [ring].into())]),
        ..Scene::default()
    }
}

fn refused(change: impl FnOnce(&mut Scene), way: Option<Move>) -> Option<String> {
    let mut scene = well();
    change(&mut scene);
    refusal(&scene, &Stored::default(), "n1", way)
}

/// That this is refused with a line that has this in it.
fn refuses(line: &str, way: Option<Move>, change: impl FnOnce(&mut Scene)) {
    let said = refused(change, way).unwrap_or_default();
    assert!(said.contains(line), "`{said}` for `{line}`");
}

#[test]
fn where_nothing_speaks_against_it_it_is_done() {
    for way in [None, Some(Move::Ring), Some(Move::Standby)] {
        assert_eq!(refused(|_| (), way), None);
    }
}

#[test]
fn a_cluster_that_would_not_start_it() {
    refuses("no quorum", None, |scene| scene.quorum = false);
    refuses("designated controller", None, |scene| scene.dc = false);
    refuses("maintenance-mode=false", None, |scene| {
        scene.options.maintenance = true;
    });
    refuses("stop-all-resources=false", None, |scene| {
        scene.options.stop_all = true;
    });
}

#[test]
fn fencing_without_a_device() {
    refuses("set stonith-enabled=false", None, |scene| {
        scene.options.fencing = true;
    });
    refuses("set fencing-enabled=false", None, |scene| {
        (scene.options.fencing, scene.options.newer_names) = (true, true);
    });
    let device = |scene: &mut Scene| {
        scene.options.fencing = true;
        scene
            .resources
            .push(resource("f", "stonith:fence_ipmilan", &[]));
    };
    assert_eq!(refused(device, None), None);
    let mut scene = well();
    scene.options.fencing = true;
    let watchdog = Stored {
        watchdog: true,
        ..Stored::default()
    };
    let by_watchdog = refusal(&scene, &watchdog, "n1", None);
    assert_eq!(by_watchdog, None);
}

#[test]
fn whatever_another_drill_has_left() {
    let kinds = [
        Remains {
            resource: true,
            ..Remains::default()
        },
        Remains {
            constraints: vec!["ringcheck-drill-here".into()],
            ..Remains::default()
        },
        Remains {
            standby: Some(Standby {
                node: "n1".into(),
                value: None,
            }),
            ..Remains::default()
        },
        Remains {
            history: vec!["n2".into()],
            ..Remains::default()
        },
        Remains {
            failures: vec!["n1".into()],
            ..Remains::default()
        },
    ];
    for remains in kinds {
        let stored = Stored {
            remains,
            ..Stored::default()
        };
        let line = refusal(&well(), &stored, "n1", None).unwrap_or_default();
        assert!(line.contains("`ringcheck drill --cleanup`"), "{stored:?}");
    }
}

#[test]
fn a_cluster_that_has_something_else_to_do() {
    refuses("node n2 is unclean", None, |scene| {
        scene.nodes[1].unclean = true;
    });
    refuses("node n2 is joining", None, |scene| {
        scene.nodes[1].pending = true;
    });
    let off = |scene: &mut Scene| {
        scene.nodes[1].online = false;
        scene.nodes[1].pending = true;
    };
    assert_eq!(refused(off, None), None, "a node that is off does not join");
}

#[test]
fn a_node_that_would_not_run_it() {
    refuses("n1 is in standby", None, |s| s.nodes[0].standby = true);
    refuses("in maintenance", None, |s| s.nodes[0].maintenance = true);
    refuses("shutting down", None, |s| s.nodes[0].shutdown = true);
    refuses("not online", None, |s| s.nodes[0].online = false);
    refuses("no node of", None, |s| s.nodes.remove(0).name.clear());
}

#[test]
fn a_move_with_nowhere_to_go() {
    for way in [Move::Ring, Move::Standby] {
        for change in [
            (|n: &mut Node| n.online = false) as fn(&mut Node),
            |n| n.standby = true,
            |n| n.maintenance = true,
            |n| n.shutdown = true,
            |n| n.member = false,
        ] {
            refuses("no other online node", Some(way), |scene| {
                change(&mut scene.nodes[1]);
            });
            assert_eq!(refused(|scene| change(&mut scene.nodes[1]), None), None);
        }
    }
}

#[test]
fn a_rule_without_an_attribute() {
    let none = |scene: &mut Scene| scene.attributes.clear();
    refuses("publishes no ring attribute", Some(Move::Ring), none);
    assert_eq!(refused(none, Some(Move::Standby)), None);
    refuses("no ring attribute", Some(Move::Ring), |scene| {
        let other = ("ringlost_0".to_owned(), "n2".to_owned());
        scene.attributes.insert("n1".into(), [other].into());
    });
}

#[test]
fn a_standby_that_would_move_what_is_not_its_own() {
    for (agent, active) in [
        ("stonith:fence_ipmilan", &["n1"][..]),
        ("ocf:heartbeat:apache", &["n2", "n1"]),
    ] {
        let other = |scene: &mut Scene| scene.resources.push(resource("other", agent, active));
        refuses("would also move other;", Some(Move::Standby), other);
        assert_eq!(refused(other, Some(Move::Ring)), None);
    }
    refuses("move a and 1 more", Some(Move::Standby), |scene| {
        scene.resources.push(resource("b", "ocf:x:y", &["n1"]));
        scene.resources.push(resource("a", "ocf:x:y", &["n1"]));
    });
}
