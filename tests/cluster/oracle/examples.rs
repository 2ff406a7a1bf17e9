//! The model itself, by example: no cluster is needed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::dice::Dice;
use super::step::Step;
use super::world::State::{Faulty, Up};
use super::world::{Down, Fault, State, World, is_true};

pub fn the_oracle_knows_the_rules() -> Result<()> {
    let shows = |world: &World, link| -> Vec<Option<State>> {
        (1..=world.nodes).map(|n| world.shows(n, link)).collect()
    };
    let expect = |world: &World, link, wanted: &[Option<State>]| {
        let shown = shows(world, link);
        ensure!(shown == wanted, "{world}: link {link} is {shown:?}");
        Ok(())
    };
    let mut world = World::whole(3, &[0, 1], false);
    expect(&world, 0, &[Some(Up); 3])?;
    world.faults.insert((3, 1), Fault::DropIn);
    expect(&world, 0, &[Some(Up); 3])?;
    expect(&world, 1, &[Some(Faulty); 3])?;
    // Cut off: nobody is left to see link 1 healed, and link 0 is UP by its interface.
    let before = world.clone();
    world.faults.insert((3, 0), Fault::DropBoth);
    let mut world = world.after(&before);
    ensure!(world.is_sure() && world.partition(1) == [1, 2]);
    expect(&world, 1, &[Some(Up), Some(Up), Some(Faulty)])?;
    expect(&world, 0, &[Some(Up); 3])?;
    let before = world.clone();
    world.faults.remove(&(3, 1));
    let joined = world.after(&before);
    expect(&joined, 1, &[Some(Up); 3])?;
    let mut world = before;
    world.faults.insert((3, 0), Fault::Carrier);
    expect(&world, 0, &[Some(Up), Some(Up), Some(Faulty)])?;
    // A node that is down shows nothing, and is nobody to judge by.
    world.faults.remove(&(3, 0));
    world.down.insert(3, Down::Stopped);
    expect(&world, 1, &[Some(Up), Some(Up), None])?;
    world.configured.remove(&1);
    expect(&world, 1, &[None; 3])?;
    // The only other node of two goes off, and the cable is put back meanwhile.
    let whole = World::whole(2, &[0, 1], false);
    let broken = last(&Step::Break(1, 1, Fault::Carrier), &whole)?;
    let alone = last(&Step::PowerCut(2), &broken)?;
    let healed = last(&Step::Heal(1, 1), &alone)?;
    expect(&healed, 1, &[Some(Faulty), None])?;
    let both = last(&Step::Start(2), &healed)?;
    expect(&both, 1, &[Some(Up); 2])?;
    // It may have been seen broken before.
    let alone = last(&Step::FlapThenPowerCut(2, 1), &whole)?;
    ensure!(alone.is_unsure(1, 1) && !alone.is_unsure(1, 0));
    let flap = Step::Flap(1, 0, Fault::Carrier, Duration::from_millis(700));
    let flapped = last(&flap, &alone)?;
    ensure!(flapped.is_unsure(1, 0) && flapped.is_unsure(1, 1));
    let rebooted = last(&Step::Reboot(1), &flapped)?;
    ensure!(!rebooted.is_unsure(1, 0) && !rebooted.is_unsure(1, 1));
    // An interface that is broken for a blink is not FAULTY if knet does not notice.
    let blink = Duration::from_millis(200);
    let flap = Step::Flap(1, 1, Fault::Carrier, blink);
    ensure!(flap.blink(blink) == Some((1, 1)) && flap.blink(10 * blink).is_none());
    ensure!(
        Step::Flap(1, 1, Fault::DropIn, blink)
            .blink(blink)
            .is_none()
    );
    // Node 1 and node 3 cannot talk with each other, but both with node 2.
    let mut world = World::whole(3, &[0, 1], false);
    world.faults.insert((1, 0), Fault::DropIn);
    world.faults.insert((3, 1), Fault::DropIn);
    ensure!(!world.is_sure(), "{world} is sure");
    Ok(())
}

fn last(step: &Step, world: &World) -> Result<World> {
    step.worlds(world).pop().context("no world")
}

pub fn the_oracle_tells_what_never_was_true() -> Result<()> {
    let broken = [Some(Up), Some(Faulty)];
    let flapped = [Some(Up), Some(Faulty), Some(Up)];
    let restarted = [Some(Faulty), None, Some(Faulty)];
    ensure!(is_true(&[], &broken) && is_true(&[Faulty], &broken));
    ensure!(is_true(&[Up, Up, Faulty, Faulty], &broken));
    ensure!(!is_true(&[Faulty, Up], &broken), "came back");
    ensure!(is_true(&[Up, Faulty, Up], &flapped) && is_true(&[Up], &flapped));
    ensure!(!is_true(&[Faulty, Up, Faulty], &flapped), "flashed");
    ensure!(!is_true(&[Faulty], &[Some(Up)]) && !is_true(&[Up], &restarted));
    Ok(())
}

/// Any seed leads through worlds that are sure, and home again.
pub fn the_oracle_never_leaves_what_it_is_sure_of() -> Result<()> {
    for seed in 0..20 {
        let mut dice = Dice::new(seed);
        let nodes = dice.pick(&[2, 3, 4, 5]);
        let links: Vec<u8> = (0..dice.pick(&[1, 2, 3])).collect();
        let mut world = World::whole(nodes, &links, seed % 2 == 0);
        for _ in 0..100 {
            let step = Step::choose(&world, &mut dice);
            world = step.worlds(&world).pop().unwrap_or(world);
            ensure!(world.is_sure(), "seed {seed}: {step} leads to {world}");
        }
        while let Some(step) = Step::home(&world) {
            world = step.worlds(&world).pop().unwrap_or(world);
            ensure!(
                world.is_sure(),
                "seed {seed}: {step} on the way home leads to {world}"
            );
        }
        ensure!(world.to_string() == "all whole", "seed {seed}: {world}");
    }
    Ok(())
}
