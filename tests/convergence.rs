//! Whatever happens and whatever is lost: in the end the attributes are right, and then all
//! is quiet.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use ringcheck::model::attribute::Attributes;
use ringcheck::model::link::Interface;
use support::random::event;
use support::*;

#[derive(Clone, Debug)]
enum Step {
    Cluster(Event),
    Lose(Loss),
    CorosyncRestarts,
    Unreadable(bool),
    Refused(Option<u8>, bool),
    Mute(bool),
    Plant(u8, &'static str),
    Pass(bool),
    Wait(u64),
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![
        Just(Loss::Attrd),
        Just(Loss::Controld),
        Just(Loss::Cib),
        Just(Loss::Both),
        Just(Loss::State),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let text = prop_oneof![
        Just("10.0.0.1 is UP"),
        Just("10.0.0.1 is FAULTY"),
        Just("fd00::1 is UNKNOWN"),
        Just("what is this"),
        Just(""),
    ];
    let refused = (proptest::option::of(0u8..3), any::<bool>());
    prop_oneof![
        10 => event(2, 3).prop_map(Step::Cluster),
        3 => loss().prop_map(Step::Lose),
        1 => Just(Step::CorosyncRestarts),
        1 => any::<bool>().prop_map(Step::Unreadable),
        1 => refused.prop_map(|(name, lost)| Step::Refused(name, lost)),
        1 => any::<bool>().prop_map(Step::Mute),
        1 => (0u8..8, text).prop_map(|(link, text)| Step::Plant(link, text)),
        10 => proptest::bool::weighted(0.1).prop_map(Step::Pass),
        5 => (0u64..70_000).prop_map(Step::Wait),
    ]
}

fn take(world: &World, step: &Step) {
    match step {
        Step::Cluster(event) => world.change(|cluster| cluster.apply(event)),
        Step::Lose(loss) => world.lose(*loss),
        Step::CorosyncRestarts => world.restart_corosync(),
        Step::Unreadable(unreadable) => world.unreadable.set(*unreadable),
        Step::Refused(link, lost) => {
            let name = link.map(|link| format!("ringnumber_{link}"));
            world.refused.replace(name);
            world.acknowledgements_lost.set(*lost);
        }
        Step::Mute(mute) => world.mute.set(*mute),
        Step::Plant(link, text) => {
            world.plant(&format!("ringnumber_{link}"), text);
            world.plant(&format!("ringlost_{link}"), text);
        }
        Step::Pass(true) => drop(world.forced_pass()),
        Step::Pass(false) => drop(world.pass()),
        Step::Wait(time) => world.advance(*time),
    }
}

/// All is well again, but for one link of one peer perhaps.
fn recover(world: &World, bad: Option<(u32, u8)>) {
    world.unreadable.set(false);
    world.refused.take();
    world.mute.set(false);
    world.change(|cluster| {
        cluster
            .links()
            .iter()
            .for_each(|&link| cluster.add_link(link));
        for link in cluster.links() {
            cluster.interface(link, Interface::Up("eth".into()));
        }
        for peer in cluster.peers() {
            cluster.join(peer);
            cluster.heal_all(peer);
        }
        if let Some((peer, link)) = bad {
            cluster.cut(peer, link);
        }
    });
}

fn right(world: &World, bad: Option<(u32, u8)>) -> Attributes {
    let mut right = Attributes::new();
    world.change(|cluster| {
        for link in cluster.links() {
            let is_bad = bad.is_some_and(|(_, bad)| bad == link);
            let state = if is_bad { "FAULTY" } else { "UP" };
            let value = format!("10.0.{link}.1 is {state}");
            right.insert(format!("ringnumber_{link}"), value);
        }
    });
    if let Some((peer, link)) = bad {
        right.insert(format!("ringlost_{link}"), format!("vm{peer:02}"));
    }
    right
}

fn assert_right(world: &World, right: &Attributes) {
    assert_eq!(&world.shown(), right);
    // What was lost in the CIB together with the state, nobody but the attribute manager
    // knows: it shows at its next refresh, and goes then.
    let mut known = world.known();
    known.retain(|name, _| right.contains_key(name));
    assert_eq!(&known, right);
    assert_eq!(&world.state.borrow().published, right);
}

proptest! {
    #![proptest_config(support::random::config())]

    #[test]
    fn in_the_end_all_is_right_and_quiet(
        steps in vec(step(), 0..60), bad in proptest::option::of((2u32..4, 0u8..2))
    ) {
        let world = World::new(Cluster::new(2, 3));
        steps.iter().for_each(|step| take(&world, step));
        recover(&world, bad);
        // A refresh may bring back what somebody else wrote and the CIB alone had lost, so
        // that it takes another; and then the recovery hold.
        world.passes(30, 5000);
        let right = right(&world, bad);
        assert_right(&world, &right);
        world.advance(world.settings.refresh.as_millis() as u64);
        world.pass().unwrap();
        world.forget();
        let before = world.state.borrow().clone();
        world.passes(11, 5000);
        prop_assert_eq!(&*world.state.borrow(), &before);
        prop_assert_eq!(world.written.take(), []);
        prop_assert_eq!((world.queries.get(), world.refreshes.get()), (0, 0));
        prop_assert_eq!(world.looks.get(), 11);
        assert_right(&world, &right);
    }

    #[test]
    fn a_loss_with_a_sign_is_repaired_by_one_pass(
        steps in vec(loss(), 1..4), bad in proptest::option::of((2u32..4, 0u8..2))
    ) {
        let world = World::new(Cluster::new(2, 3));
        recover(&world, bad);
        world.passes(30, 5000);
        let right = right(&world, bad);
        steps.iter().for_each(|&loss| world.lose(loss));
        // Without a memory a link that is bad must be looked at for longer.
        let signs = [Loss::Attrd, Loss::Controld, Loss::State];
        if steps.iter().any(|loss| signs.contains(loss)) {
            world.pass().unwrap();
        } else {
            world.passes(13, 5000);
        }
        assert_right(&world, &right);
    }

    #[test]
    fn what_only_waits_for_the_next_pass_is_never_written_twice(steps in vec(event(2, 3), 0..30)) {
        let world = World::quiet(Cluster::new(2, 3));
        let mut shown = world.shown();
        for step in &steps {
            world.change(|cluster| cluster.apply(step));
            world.pass().unwrap();
            for change in world.written.take() {
                let before = shown.clone();
                change.apply(&mut shown);
                prop_assert_ne!(&shown, &before, "{:?} changes nothing", change);
            }
            world.advance(5000);
        }
        prop_assert_eq!(world.refreshes.get(), 0);
    }
}
