//! A broken ring in two nodes, which is both's: nothing that the document recommends stops the
//! service, and what does is what its table says.

use anyhow::{Result, ensure};
use lab::{Cut, wait_until};

use super::guide::{Guide, RULE};
use super::health::{compare_all, sticky};
use super::rule::{publish, reached, wait_reached};
use super::{settled, tidily, wait_started};
use crate::bed::{Bed, LONG};

pub fn in_two_nodes_nothing_stops(bed: &Bed) -> Result<()> {
    tidily(bed, nothing_stops)
}

fn nothing_stops(bed: &Bed) -> Result<()> {
    publish(bed)?;
    let home = sticky(bed, &[1, 2])?;
    let mut guide = Guide::section(RULE)?;
    home.sh(guide.take("pcs constraint location ")?)?;

    // A node that is alone, and is no worse than who joins it.
    let other = bed.node(3 - home.number());
    let before = settled(bed)?;
    other.run(&["pcs", "cluster", "stop"])?;
    wait_until("no number on a node that is alone", LONG, || {
        Ok(reached(bed, home)?.is_none().then_some(()))
    })?;
    wait_started(bed, &[home.number()], "the service alone", |_| true)?;
    ensure!(settled(bed)? == before, "it moved");
    other.run(&["pcs", "cluster", "start"])?;
    wait_reached(bed, "1")?;
    ensure!(settled(bed)? == before, "it moved to the node that joined");

    home.cut(0, Cut::Carrier)?;
    wait_reached(bed, "0")?;
    let moves = settled(bed)? - before;
    let (home, _) = wait_started(bed, &[1, 2], "the service somewhere", |_| true)?;
    note!("while both lost the ring it moved {moves} times");
    ensure!(moves <= 1, "it moved {moves} times");
    home.sh(guide.take("pcs constraint remove ")?)?;

    let mut differences = String::new();
    compare_all(bed, home, &mut differences)?;
    ensure!(differences.is_empty(), "not as documented:\n{differences}");
    Ok(())
}
