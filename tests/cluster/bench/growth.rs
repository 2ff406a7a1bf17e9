//! How the cost of an idle pass grows with peers and links.

use anyhow::Result;

use super::figures::Spread;
use super::meter::{Command, Meter, Run};
use super::report::{Bar, Section, Table, Topic};
use super::{crowd, passes, times, trace};
use crate::bed::Bed;

/// Nodes and links, the largest last.
const SHAPES: [(usize, usize); 5] = [(2, 1), (2, 2), (4, 4), (8, 8), (32, 8)];

/// What an idle pass may cost at the largest one, in parts of the floor with one map.
const OF_ONE_MAP: f64 = 1.15;

/// By how much what is asked for may differ from a straight line through the smallest and the
/// largest shape, in parts of it.
const CURVED: f64 = 0.1;

const TEXT: &str = "\
One node of real clusters of that many nodes, all joined over all links: the others are bare \
corosyncs, each in a namespace of its own. Idle pass and floor in turn, {rounds} times each; the \
floor gets the very keys that the pass asked for. CPU time is of the command and corosync.";

pub fn growth(bed: &Bed) -> Result<()> {
    let node = bed.node(1);
    let meter = Meter::install(node)?;
    let rounds = times("ROUNDS", 50)?;
    let shapes = &SHAPES[..times("SHAPES", SHAPES.len())?.min(SHAPES.len())];
    let (nodes, links) = shapes[shapes.len() - 1];
    crowd::wire(node, nodes, links)?;
    let text = TEXT.replace("{rounds}", &rounds.to_string());
    let mut section = Section::new(node, "Growth", text)?;
    let mut table = Table::new(&[
        "nodes × links",
        "ways to a peer",
        "keys",
        "idle pass (ms)",
        "floor, one map (ms)",
        "pass / floor",
        "floor, both maps (ms)",
        "wall (ms)",
    ]);
    let mut keys = Vec::new();
    let mut iterations = 0;
    let mut of_floor = 0.0;
    for &(nodes, links) in shapes {
        crowd::gather(node, nodes, links)?;
        passes::settle(&meter)?;
        let idle = passes::idle();
        passes::check(&meter, &idle.clone().after(passes::calm()), 0, 0.0)?;
        let asked = trace::asked(&meter, &passes::calm(), &idle.words)?;
        let commands = [
            idle,
            Command::new("floor, one map", asked.floor(&["stats"])),
            Command::new("floor, both maps", asked.floor(&["icmap", "stats"])),
        ];
        node.run(&meter.line(&["sh", "-c", &passes::calm()]))?;
        let runs = meter.measure(rounds, &commands)?;
        let total = |at: usize| Spread::of(runs[at].iter().map(Run::total)).shown();
        let pairs = runs[0].iter().zip(&runs[1]);
        let ratio = Spread::of(pairs.map(|(pass, floor)| pass.total() / floor.total()));
        let ways = (nodes - 1) * links;
        note!(
            "{nodes} × {links}: {} keys, pass {}, floor {}, ratio {}",
            asked.keys.len(),
            total(0),
            total(1),
            ratio.shown()
        );
        table.row(&[
            format!("{nodes} × {links}"),
            ways.to_string(),
            asked.keys.len().to_string(),
            total(0),
            total(1),
            ratio.shown(),
            total(2),
            Spread::of(runs[0].iter().map(|run| run.wall)).shown(),
        ]);
        for (name, runs, ours) in [("idle pass", &runs[0], true), ("floor", &runs[1], false)] {
            section.bars.push(Bar {
                name: format!("{name}, {nodes} × {links}"),
                figure: Spread::of(runs.iter().map(Run::total)),
                ours,
            });
        }
        keys.push((ways as f64, asked.keys.len() as f64));
        iterations = iterations.max(asked.iterated.len());
        of_floor = ratio.median;
    }
    section.tables.push(table);
    crowd::disperse(node, nodes)?;
    let what = format!("an idle pass at {nodes} × {links}, in parts of the floor with one map");
    section.limit(&what, of_floor, OF_ONE_MAP, "");
    let what = "keys asked for, off a straight line through the smallest and the largest";
    section.limit(what, curvature(&keys), CURVED, "");
    section.limit("iterations over a map", iterations as f64, 0.0, "");
    section.keep(Topic::Growth)
}

/// How far a point lies off the line through the first and the last one, in parts of the line.
pub fn curvature(points: &[(f64, f64)]) -> f64 {
    let ((x0, y0), (x1, y1)) = (points[0], points[points.len() - 1]);
    let slope = if x1 > x0 { (y1 - y0) / (x1 - x0) } else { 0.0 };
    let off = points.iter().map(|(x, y)| {
        let line = y0 + slope * (x - x0);
        (y - line).abs() / line
    });
    off.fold(0.0, f64::max)
}
