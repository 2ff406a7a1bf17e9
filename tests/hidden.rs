//! A /proc that hides processes: what it does not show is unknown, and nobody is called dead or
//! restarted for it.

mod support;

use ringcheck::model::failure::Exit;
use support::*;

/// A node whose /proc no longer shows corosync, and with `pacemaker` none of the daemons.
fn hidden(cluster: Cluster, pacemaker: bool) -> World {
    let world = World::quiet(cluster);
    world.hide_daemons(pacemaker);
    world.passes(5, 5000);
    assert_eq!(world.queries.get(), 0, "nothing has changed");
    world
}

/// Corosync is started anew with the same counters, and link 1 comes later than link 0.
fn restart(world: &World) {
    world.restart_corosync();
    world.change(|cluster| {
        cluster.cut_all(2);
        cluster.heal(2, 0);
        cluster.answer(2, 1);
        cluster.way(2, 1).unwrap().down_count = 1;
        cluster.way(2, 0).unwrap().down_count = 1;
    });
    world.later(3000, Event::Heal(2, 1));
    world.passes(4, 5000);
    assert_eq!(world.states(), "0 UP, 1 UP");
    assert!(!world.was_faulty(), "{:?}", world.written);
}

#[test]
fn a_hidden_corosync_was_restarted_when_the_attribute_manager_was() {
    restart(&hidden(Cluster::new(1, 2), false));
}

#[test]
fn a_hidden_corosync_was_restarted_when_its_count_goes_back() {
    let mut cluster = Cluster::new(1, 2);
    cluster.enter_membership();
    let world = hidden(cluster, true);
    world.change(|cluster| cluster.facts_mut().memberships = Some(1));
    restart(&world);
}

#[test]
fn a_restart_between_two_looks_is_seen_when_pacemaker_is() {
    let world = hidden(Cluster::new(1, 2), true);
    let mut daemons = world.daemons.get();
    // Other processes than those that were seen at first.
    let other = |pid| Some(ringcheck::cluster::daemon::Incarnation { pid, start: 9 });
    (daemons.attrd, daemons.controld) = (other(2), other(3));
    world.daemons.set(daemons);
    world.lose(Loss::Both);
    world.pass().unwrap();
    assert_eq!(world.states(), "0 UP, 1 UP");
}

#[test]
fn passes_that_see_more_than_others_restart_nothing() {
    let mut cluster = Cluster::new(1, 2);
    cluster.cut(2, 1);
    for hidden_at_first in [false, true] {
        let world = World::new(cluster.clone());
        let all = world.daemons.get();
        if hidden_at_first {
            world.hide_daemons(false);
        }
        world.settle();
        world.change(|cluster| cluster.heal(2, 1));
        for pacemaker in [true, false] {
            world.hide_daemons(pacemaker);
            world.passes(1, 2000);
            world.daemons.set(all);
            world.passes(1, 2000);
            assert_eq!(world.states(), "0 UP, 1 FAULTY", "the recovery hold");
        }
        world.passes(2, 2000);
        assert_eq!(world.states(), "0 UP, 1 UP");
        // A daemon that is seen for the first time may be another one.
        assert_eq!(world.queries.get() > 0, hidden_at_first);
    }
}

#[test]
fn a_hidden_corosync_that_is_stopped_writes_nothing() {
    let world = hidden(Cluster::new(1, 2), false);
    world.down.set(true);
    for _ in 0..20 {
        assert_eq!(world.pass().unwrap_err().exit, Exit::CorosyncDown);
        world.advance(5000);
    }
    assert_eq!(world.written.take(), []);
}

#[test]
fn a_corosync_that_runs_and_takes_no_connection_is_unknown() {
    let world = World::quiet(Cluster::new(1, 2));
    world.down.set(true);
    world.passes(14, 5000);
    assert_eq!(world.states(), "0 UNKNOWN, 1 UNKNOWN");
}
