//! What vanished is right again, what failed is tried again, and nothing is written blindly.

mod support;

use ringcheck::model::failure::Exit;
use support::*;

/// One link UP and one FAULTY.
fn world() -> World {
    let mut cluster = Cluster::new(2, 2);
    cluster.cut(2, 1);
    World::quiet(cluster)
}

const RIGHT: &str = "0 UP, 1 FAULTY";

fn assert_right(world: &World) {
    assert_eq!(world.states(), RIGHT);
    assert_eq!(world.known(), world.shown());
    assert_eq!(world.state.borrow().published, world.shown());
}

#[test]
fn a_loss_that_left_a_sign_is_repaired_by_one_pass() {
    for loss in [Loss::Attrd, Loss::Controld] {
        let world = world();
        world.lose(loss);
        assert_eq!(world.states(), "");
        world.pass().unwrap();
        assert_right(&world);
    }
}

#[test]
fn an_attribute_manager_that_starts_knows_nothing_though_the_cib_may() {
    let world = world();
    let before = world.shown();
    world.lose(Loss::Attrd);
    for (name, value) in before {
        world.plant_in_cib(&name, &value);
    }
    world.pass().unwrap();
    assert_right(&world);
}

#[test]
fn and_so_is_one_that_comes_some_time_after_its_sign() {
    let signs: [fn(&World); 3] = [
        |world| world.lose(Loss::Controld),
        |world| world.change(|cluster| cluster.leave(3)),
        |world| {
            world.change(|cluster| {
                cluster.leave(3);
                cluster.join(3);
            })
        },
    ];
    for sign in signs {
        for loss in [Loss::Cib, Loss::Both] {
            let world = world();
            sign(&world);
            world.pass().unwrap();
            world.advance(15_000);
            world.lose(loss);
            world.pass().unwrap();
            assert_right(&world);
        }
    }
}

#[test]
fn a_loss_without_a_sign_is_repaired_within_the_refresh_period() {
    for loss in [Loss::Cib, Loss::Both] {
        let world = world();
        world.lose(loss);
        world.passes(13, 5000);
        assert_right(&world);
        assert_eq!(world.refreshes.get(), 1);
        assert!(world.queries.get() <= 2);
    }
}

#[test]
fn one_query_of_the_cib_writes_nothing_where_all_is_right() {
    let world = world();
    world.passes(25, 5000);
    assert_eq!(world.queries.get(), 2);
    assert_eq!(world.written.take(), []);
    assert_eq!(world.refreshes.get(), 0);
}

#[test]
fn a_pass_that_waits_asks_the_cib_but_once() {
    let world = World::quiet(Cluster::new(1, 2));
    world.lose(Loss::Controld);
    world.change(|cluster| cluster.cut(2, 1));
    world.pass().unwrap();
    assert_right(&world);
    assert!(world.looks.get() > 2);
    assert_eq!(world.queries.get(), 1);
}

#[test]
fn corosyncs_restart_is_repaired_by_one_pass() {
    let world = world();
    world.restart_corosync();
    world.change(|cluster| cluster.cut(2, 1));
    world.pass().unwrap();
    assert_right(&world);
}

#[test]
fn a_lost_state_changes_no_attribute() {
    let world = world();
    let before = world.shown();
    world.lose(Loss::State);
    world.pass().unwrap();
    assert_eq!(world.shown(), before);
    assert_right(&world);
}

#[test]
fn a_lost_state_keeps_the_recovery_hold() {
    let world = world();
    world.change(|cluster| cluster.heal(2, 1));
    world.lose(Loss::State);
    world.passes(2, 5000);
    assert_eq!(world.states(), RIGHT);
    world.pass().unwrap();
    assert_eq!(world.states(), "0 UP, 1 UP");
}

#[test]
fn a_lost_state_keeps_the_recovery_hold_also_where_the_cib_cannot_be_asked_yet() {
    let world = world();
    world.change(|cluster| cluster.heal(2, 1));
    world.lose(Loss::State);
    world.mute.set(true);
    world.pass().unwrap_err();
    world.mute.set(false);
    world.advance(5000);
    world.pass().unwrap();
    assert_eq!(world.states(), RIGHT);
}

#[test]
fn what_was_lost_together_with_the_state_is_repaired_by_one_pass() {
    for loss in [Loss::Cib, Loss::Both, Loss::Attrd, Loss::Controld] {
        let world = world();
        world.lose(loss);
        world.lose(Loss::State);
        world.pass().unwrap();
        assert_right(&world);
    }
}

#[test]
fn a_link_that_left_while_the_state_was_lost_takes_its_attribute_along() {
    let world = world();
    world.lose(Loss::State);
    world.change(|cluster| cluster.remove_link(1));
    world.pass().unwrap();
    assert_eq!(world.states(), "0 UP");
    let updates = world
        .written
        .borrow()
        .iter()
        .map(|c| c.name().to_owned())
        .collect::<Vec<_>>();
    assert_eq!(
        updates,
        ["ringnumber_0", "ringlost_1", "ringnumber_1"],
        "and is not written before"
    );
}

#[test]
fn an_attribute_that_is_none_of_ours_by_its_text_is_deleted() {
    let world = world();
    world.plant("ringnumber_7", "what is this");
    world.passes(13, 5000);
    assert_right(&world);
}

#[test]
fn an_attribute_that_only_the_cib_has_is_deleted() {
    for text in ["what is this", "10.0.7.1 is UP"] {
        let world = world();
        world.plant_in_cib("ringnumber_7", text);
        world.passes(14, 5000);
        assert_right(&world);
        world.forget();
        world.passes(14, 5000);
        assert_eq!(world.written.take(), [], "once is enough");
    }
}

#[test]
fn a_value_that_somebody_changed_is_right_again_within_the_refresh_period() {
    let world = world();
    world.plant("ringnumber_1", "10.0.1.1 is UP");
    world.plant_in_cib("ringnumber_0", "10.0.0.1 is FAULTY");
    world.passes(13, 5000);
    assert_right(&world);
}

#[test]
fn a_write_that_failed_is_tried_again_and_keeps_no_other_back() {
    let world = world();
    world.lose(Loss::Attrd);
    world.refused.replace(Some("ringnumber_0".into()));
    let failure = world.pass().unwrap_err();
    assert_eq!(failure.exit, Exit::Attribute);
    let line = "Failed to change link status [ring id=0, expected state=UP]";
    assert!(failure.line.starts_with(line), "{failure}");
    assert_eq!(world.states(), "1 FAULTY");
    world.refused.take();
    world.pass().unwrap();
    assert_right(&world);
}

#[test]
fn a_write_that_failed_is_tried_again_also_where_the_cib_cannot_be_asked() {
    let world = World::quiet(Cluster::new(1, 2));
    world.refused.replace(Some("ringnumber_1".into()));
    world.change(|cluster| cluster.cut(2, 1));
    world.pass().unwrap_err();
    world.refused.take();
    world.mute.set(true);
    let _ = world.pass();
    assert_eq!(world.states(), RIGHT);
}

#[test]
fn a_deletion_that_failed_is_tried_again() {
    let world = World::quiet(Cluster::new(1, 2));
    world.refused.replace(Some("ringnumber_1".into()));
    world.change(|cluster| cluster.remove_link(1));
    world.pass().unwrap_err();
    assert_eq!(world.states(), "0 UP, 1 UP");
    world.refused.take();
    world.passes(2, 5000);
    assert_eq!(world.states(), "0 UP");
}

#[test]
fn a_write_whose_acknowledgement_was_lost_is_not_believed_to_have_failed() {
    let mut world = World::quiet(Cluster::new(1, 2));
    world.settings.recovery_hold = std::time::Duration::ZERO;
    world.refused.replace(Some("ringnumber_1".into()));
    world.acknowledgements_lost.set(true);
    world.change(|cluster| cluster.cut(2, 1));
    world.pass().unwrap_err();
    assert_eq!(world.states(), RIGHT);
    world.refused.take();
    world.change(|cluster| cluster.heal(2, 1));
    world.pass().unwrap();
    assert_eq!(world.states(), "0 UP, 1 UP", "the link is good again");
}

#[test]
fn a_query_that_failed_is_tried_again_and_keeps_no_write_back() {
    let world = World::quiet(Cluster::new(1, 2));
    world.lose(Loss::Controld);
    world.mute.set(true);
    world.change(|cluster| cluster.cut(2, 1));
    world.pass().unwrap_err();
    for _ in 0..2 {
        world.advance(NEXT_LOOK);
        world.pass().unwrap_err();
    }
    assert_eq!(world.states(), "1 FAULTY");
    world.mute.set(false);
    world.pass().unwrap();
    assert_right(&world);
}

#[test]
fn a_forced_pass_writes_all() {
    let world = world();
    world.forced_pass().unwrap();
    // Two states, and whom link 1 has lost.
    assert_eq!(world.written.borrow().len(), 3);
    assert_eq!(world.queries.get(), 1);
    assert_eq!(world.refreshes.get(), 0);
}

#[test]
fn a_forced_pass_repairs_all() {
    let losses: [&[Loss]; 5] = [
        &[Loss::Cib],
        &[Loss::Both],
        &[Loss::State],
        &[Loss::Both, Loss::State],
        &[Loss::Cib, Loss::State],
    ];
    for loss in losses {
        let world = world();
        loss.iter().for_each(|&loss| world.lose(loss));
        world.plant("ringnumber_7", "10.0.7.1 is UP");
        world.forced_pass().unwrap();
        assert_right(&world);
    }
}

#[test]
fn a_forced_pass_that_waits_writes_all_but_once() {
    let world = World::quiet(Cluster::new(1, 3));
    world.change(|cluster| cluster.cut(2, 1));
    world.forced_pass().unwrap();
    assert_eq!(world.states(), "0 UP, 1 FAULTY, 2 UP");
    // UP three times, FAULTY, and whom link 1 has lost.
    assert_eq!(world.written.borrow().len(), 5);
}
