//! Where a drill may not be done: it would do harm, or tell nothing.

use super::scene::{Scene, Stored};
use super::{Move, RESOURCE};

/// Why the drill is not begun on this node, and what to do, in one line; nothing if it may be.
pub fn refusal(scene: &Scene, stored: &Stored, node: &str, way: Option<Move>) -> Option<String> {
    if !scene.dc || !scene.quorum {
        let line = "this partition has no quorum or no designated controller, so nothing would start; see `crm_mon -1`";
        return Some(line.into());
    }
    if !stored.remains.is_empty() {
        return Some(format!(
            "{RESOURCE} exists: another drill runs, or one was killed; `ringcheck drill --cleanup` removes what it made"
        ));
    }
    let options = scene.options;
    if options.maintenance {
        return Some("the cluster is in maintenance mode, so nothing would be started or recovered; end it first (maintenance-mode=false)".into());
    }
    if options.stop_all {
        return Some(
            "the cluster is told to stop all resources; end that first (stop-all-resources=false)"
                .into(),
        );
    }
    let device = |agent: &str| agent.starts_with("stonith:");
    let devices = scene.resources.iter().any(|r| device(&r.agent));
    if options.fencing && !devices && !stored.watchdog {
        return Some(format!(
            "fencing is enabled and there is no fencing device, so nothing would start; configure one, or set {}=false",
            options.fencing_name()
        ));
    }
    for (word, is) in [
        (
            "unclean",
            (|n| n.unclean) as fn(&super::scene::Node) -> bool,
        ),
        ("joining", |n| n.online && n.pending),
    ] {
        if let Some(other) = scene.nodes.iter().find(|node| is(node)) {
            // The cluster never deals with a node that is only left over in the CIB.
            let more = match other.online {
                true => String::new(),
                false => format!(
                    ", or, if there is no such node any more, type `crm_node --force --remove {}`",
                    other.name
                ),
            };
            return Some(format!(
                "node {} is {word}; wait until the cluster has dealt with it (see `crm_mon -1`){more}",
                other.name
            ));
        }
    }
    if let Some(line) = unable(scene, node) {
        return Some(line);
    }
    way.and_then(|way| immovable(scene, node, way))
}

/// Why this node cannot run the resource.
fn unable(scene: &Scene, node: &str) -> Option<String> {
    let Some(here) = scene.nodes.iter().find(|n| n.name == node) else {
        return Some(format!("{node} is no node of this cluster"));
    };
    let why = match here {
        here if here.is_able() => return None,
        here if here.standby => "in standby",
        here if here.maintenance => "in maintenance",
        here if here.shutdown => "shutting down",
        _ => "not online",
    };
    Some(format!(
        "node {node} is {why} and would not run the resource; end that, or run the drill on another node"
    ))
}

/// Why the resource would not move from this node, or not alone.
pub fn immovable(scene: &Scene, node: &str, way: Move) -> Option<String> {
    let others = scene.nodes.iter().filter(|n| n.name != node && n.is_able());
    if others.count() == 0 {
        return Some("no other online node could run the resource, so it cannot move; run the drill without --move".into());
    }
    match way {
        Move::Ring if scene.ring(node).is_none() => Some(format!(
            "node {node} publishes no ring attribute to make a rule of; see `ringcheck doctor`"
        )),
        Move::Standby => match scene.others_on(node).as_slice() {
            [] => None,
            [first, rest @ ..] => {
                let more = match rest.len() {
                    0 => String::new(),
                    rest => format!(" and {rest} more"),
                };
                Some(format!(
                    "a standby of {node} would also move {first}{more}; use --move=ring, which moves the drill's resource alone"
                ))
            }
        },
        Move::Ring => None,
    }
}

#[cfg(test)]
mod tests;
