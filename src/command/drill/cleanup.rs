//! Removes all that drills have made, from whatever node and however they ended.
//!
//! The resource is stopped before it is taken out of the configuration: what is still active
//! then would be stopped by the defaults, and where that fails they fence the node.

use std::time::Duration;

use super::desk::{Desk, Look, Stop};
use crate::cluster::drill;
use crate::model::drill::plan;
use crate::model::drill::report::Cleanup;
use crate::model::drill::scene::{Remains, Scene, Standby, Stored};
use crate::model::drill::{RESOURCE, scene};
use crate::model::failure::Failure;

/// How long each part may take.
const LIMIT: Duration = Duration::from_secs(40);

/// After how long the nodes are told to forget what they have not forgotten by themselves, as
/// with `stop-orphan-resources=false`.
const PATIENCE: Duration = Duration::from_secs(2);

/// Removes it all, and tells what.
pub fn run(desk: &mut Desk) -> Cleanup {
    desk.be_patient();
    let mut removed = Vec::new();
    let failure = match remove(desk, &mut removed) {
        Ok(()) => None,
        // A patient desk is not interrupted.
        Err(Stop::Interrupted(_)) => None,
        Err(Stop::Failed(why)) => Some(format!(
            "{why}; `ringcheck drill --cleanup` removes what is left"
        )),
    };
    match &failure {
        Some(line) => desk.warn(&format!("NOT removed: {line}")),
        None if removed.is_empty() => desk.say("nothing of a drill is there to be removed"),
        None => desk.say(&format!("removed: {}; nothing is left", removed.join("; "))),
    }
    Cleanup {
        ok: failure.is_none(),
        removed,
        failure,
    }
}

fn remove(desk: &mut Desk, removed: &mut Vec<String>) -> Result<(), Stop> {
    let Stored {
        remains, refreshed, ..
    } = desk.until("the CIB", LIMIT, || {
        Ok(Look::Found(drill::stored(drill::soon())?))
    })?;
    if remains.is_empty() {
        return Ok(());
    }
    let standby = remains.standby.as_ref();
    if let Some(Standby { node, .. }) = standby.filter(|standby| standby.is_to_be_ended()) {
        tried(desk, "the end of the standby", || drill::end_standby(node))?;
        gone(desk, "the end of the standby", |remains| {
            !remains.standby.as_ref().is_some_and(Standby::lasts)
        })?;
    }
    if remains.resource {
        tried(desk, "the stop", || drill::change(&plan::stop()))?;
        desk.until("the stop", LIMIT, || Ok(stopped(&drill::scene()?)))?;
    }
    for id in &remains.constraints {
        tried(desk, "a constraint's removal", || drill::release(id))?;
    }
    if remains.resource {
        tried(desk, "the resource's removal", drill::delete)?;
    }
    let forgotten = desk.until("the nodes to forget it", PATIENCE, || {
        left(Remains::is_empty)
    });
    if forgotten.is_err() {
        tried(desk, "a refresh", drill::forget)?;
        gone(desk, "the nodes to forget it", Remains::is_empty)?;
    }
    removed.extend(remains.told());
    // What was still under way may come back as something that nobody remembers.
    tried(desk, "the cluster to come to rest", || {
        drill::rest().map(drop)
    })?;
    gone(desk, "the nodes to forget it", Remains::is_empty)?;
    if forgotten.is_ok() {
        return Ok(());
    }
    desk.until("the configuration as it was", LIMIT, || {
        let now = drill::stored(drill::soon())?.refreshed;
        if now == refreshed {
            return Ok(Look::Found(()));
        }
        drill::restore(refreshed.as_deref())?;
        Ok(Look::Not("last-lrm-refresh is new".into()))
    })
}

/// Does something until it succeeds.
fn tried(
    desk: &mut Desk,
    what: &str,
    mut act: impl FnMut() -> Result<(), Failure>,
) -> Result<(), Stop> {
    desk.until(what, LIMIT, || act().map(Look::Found))
}

/// Waits until what is left is as it should be.
fn gone(desk: &mut Desk, what: &str, is_well: fn(&Remains) -> bool) -> Result<(), Stop> {
    desk.until(what, LIMIT, || left(is_well))
}

fn left(is_well: impl Fn(&Remains) -> bool) -> Result<Look<()>, Failure> {
    let remains = drill::stored(drill::soon())?.remains;
    Ok(match is_well(&remains) {
        true => Look::Found(()),
        false => Look::Not(remains.told().join("; ")),
    })
}

/// Whether the resource is active nowhere, or why it will not stop.
fn stopped(scene: &Scene) -> Look<()> {
    let Some(resource) = scene.resource() else {
        return Look::Found(());
    };
    let scene::Resource {
        active,
        blocked,
        managed,
        ..
    } = *resource;
    match (active, managed, blocked) {
        (false, ..) => Look::Found(()),
        (true, false, false) => Look::Never(format!(
            "the cluster does not stop {RESOURCE} ({}): end the maintenance mode first",
            scene.told()
        )),
        (true, _, true) => Look::Never(format!(
            "the stop of {RESOURCE} failed; run `crm_resource --refresh --resource {RESOURCE}` first"
        )),
        (true, true, false) => Look::Not(scene.told()),
    }
}
