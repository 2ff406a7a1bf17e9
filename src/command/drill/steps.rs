//! The steps of a drill, each told when it has come about.

use std::time::{Duration, Instant};

use super::desk::{Desk, Look, Stop};
use crate::cluster::drill;
use crate::model::drill::plan::{self, MONITOR_SECONDS};
use crate::model::drill::refusal::immovable;
use crate::model::drill::report::Step;
use crate::model::drill::scene::Scene;
use crate::model::drill::{Move, RESOURCE};

/// How long the cluster may take for each step.
const LIMIT: Duration = Duration::from_secs(60);

/// For how long it may be somewhere else before it starts here.
const ELSEWHERE: Duration = Duration::from_secs(10);

/// A drill under way.
pub struct Drill<'a> {
    /// Where it is followed.
    pub desk: &'a mut Desk,
    /// The node that it is run on.
    pub node: &'a str,
    /// What was done.
    pub steps: Vec<Step>,
}

/// What a step leaves: what the next ones need, where it happened, and how it is told.
type Done<T> = (T, Option<String>, String);

impl Drill<'_> {
    /// Does all that comes after the resource was created.
    ///
    /// # Errors
    /// When a step fails or something interrupts.
    pub fn run(&mut self, symmetric: bool, way: Option<Move>) -> Result<(), Stop> {
        let begun = self.started(symmetric)?;
        let stopped = self.stopped()?;
        self.noticed(stopped)?;
        let on = self.recovered(stopped, begun)?;
        match way {
            None => Ok(()),
            Some(way) => self.moved(&on, way),
        }
    }

    fn step<T>(
        &mut self,
        name: &'static str,
        act: impl FnOnce(&mut Desk, &str) -> Result<Done<T>, Stop>,
    ) -> Result<T, Stop> {
        let start = Instant::now();
        let result = self.desk.check().and_then(|()| act(self.desk, self.node));
        let (ok, node, detail) = match &result {
            Ok((_, node, detail)) => (true, node.clone(), detail.clone()),
            Err(Stop::Failed(why)) => (false, None, why.clone()),
            Err(Stop::Interrupted(signal)) => (false, None, format!("interrupted by {signal}")),
        };
        match ok {
            true => self.desk.say(&detail),
            false => self.desk.warn(&detail),
        }
        self.steps.push(Step {
            name,
            node,
            at: rounded(self.desk.elapsed()),
            seconds: rounded(start.elapsed()),
            ok,
            detail,
        });
        result.map(|(value, ..)| value)
    }

    /// Tells that the resource was created, which is done before there is anything to remove.
    pub fn created(&mut self) -> Result<(), Stop> {
        self.step("create", |_, _| {
            let text = format!(
                "{RESOURCE} created (ocf:pacemaker:Dummy, monitored every {MONITOR_SECONDS} s)"
            );
            Ok(((), None, text))
        })
    }

    /// The number of its first start's call. There is none where something that was left behind
    /// has the probe find it running.
    fn started(&mut self, symmetric: bool) -> Result<Option<u64>, Stop> {
        self.step("start", |desk, node| {
            drill::change(&plan::start(node, symmetric))?;
            let begun = Instant::now();
            let call = desk.until("the start", LIMIT, || {
                let scene = drill::scene()?;
                if scene.lacks_agent(node) {
                    let line = format!(
                        "ocf:pacemaker:Dummy is not installed on {node}; install Pacemaker's resource agents"
                    );
                    return Ok(Look::Never(line));
                }
                Ok(match scene.started_on() {
                    Some(on) if on == node => Look::Found(scene.last_start(node)),
                    Some(on) if begun.elapsed() > ELSEWHERE => Look::Never(format!(
                        "started on {on}, not on {node}: something forbids it here, as the node's health may; run the drill on {on}"
                    )),
                    _ => look(&scene),
                })
            })?;
            Ok((call, Some(node.to_owned()), format!("started on {node}")))
        })
    }

    /// When it was stopped.
    fn stopped(&mut self) -> Result<Instant, Stop> {
        self.step("stop", |_, node| {
            drill::force_stop()?;
            let text = format!("stopped by force on {node}, behind the cluster's back");
            Ok((Instant::now(), Some(node.to_owned()), text))
        })
    }

    fn noticed(&mut self, stopped: Instant) -> Result<(), Stop> {
        self.step("notice", |desk, _| {
            let monitor = desk.until("its monitor to notice", LIMIT, || {
                let scene = drill::scene()?;
                Ok(match scene.failed_monitor() {
                    Some(monitor) => Look::Found(monitor.clone()),
                    None => look(&scene),
                })
            })?;
            let text = format!(
                "failure noticed on {}: monitor says \"{}\" (after {:.1} s)",
                monitor.node,
                monitor.text,
                stopped.elapsed().as_secs_f64()
            );
            Ok(((), Some(monitor.node), text))
        })
    }

    /// The node that it was started on again.
    fn recovered(&mut self, stopped: Instant, begun: Option<u64>) -> Result<String, Stop> {
        self.step("recover", |desk, node| {
            let on = desk.until("the recovery", LIMIT, || {
                let scene = drill::scene()?;
                let on = scene.started_on().filter(|on| {
                    let before = if *on == node { begun } else { None };
                    scene.last_start(on) > before
                });
                Ok(match on {
                    Some(on) => Look::Found(on.to_owned()),
                    None => look(&scene),
                })
            })?;
            let away = stopped.elapsed().as_secs_f64();
            let text = format!("recovered: started again on {on} ({away:.1} s after the stop)");
            Ok((on.clone(), Some(on), text))
        })
    }

    /// Makes it move from this node, and come back.
    fn moved(&mut self, from: &str, way: Move) -> Result<(), Stop> {
        let begun = match way {
            Move::Ring => self.rule(from)?,
            Move::Standby => self.standby(from)?,
        };
        self.step("move", |desk, _| {
            let on = desk.until("the move", LIMIT, || {
                let scene = drill::scene()?;
                Ok(match scene.started_on().filter(|on| *on != from) {
                    Some(on) => Look::Found(on.to_owned()),
                    None => look(&scene),
                })
            })?;
            let took = begun.elapsed().as_secs_f64();
            let text = format!("moved to {on} (after {took:.1} s)");
            Ok(((), Some(on), text))
        })?;
        let ended = self.step("end", |_, _| {
            let text = match way {
                Move::Ring => {
                    drill::release(plan::AWAY)?;
                    "rule removed".into()
                }
                Move::Standby => {
                    drill::end_standby(from)?;
                    format!("standby of {from} ended")
                }
            };
            Ok((Instant::now(), Some(from.to_owned()), text))
        })?;
        self.step("return", |desk, _| {
            desk.until("the way back", LIMIT, || {
                let scene = drill::scene()?;
                Ok(match scene.started_on() == Some(from) {
                    true => Look::Found(()),
                    false => look(&scene),
                })
            })?;
            let took = ended.elapsed().as_secs_f64();
            let text = format!("moved back to {from} (after {took:.1} s)");
            Ok(((), Some(from.to_owned()), text))
        })
    }

    fn rule(&mut self, from: &str) -> Result<Instant, Stop> {
        self.step("rule", |_, _| {
            let scene = drill::scene()?;
            if let Some(why) = immovable(&scene, from, Move::Ring) {
                return Err(Stop::Failed(why));
            }
            let (name, value) = scene.ring(from).unwrap_or_default();
            drill::constrain(&plan::away(name, value))?;
            let text = format!("rule set: {name} eq \"{value}\" scores {}", plan::RULE);
            Ok((Instant::now(), Some(from.to_owned()), text))
        })
    }

    fn standby(&mut self, from: &str) -> Result<Instant, Stop> {
        self.step("standby", |_, _| {
            // Others may have come to it since the drill began.
            if let Some(why) = immovable(&drill::scene()?, from, Move::Standby) {
                return Err(Stop::Failed(why));
            }
            drill::constrain(&plan::standby_mark(from))?;
            drill::begin_standby(from)?;
            let text = format!("standby of {from} begun (until it leaves the cluster)");
            Ok((Instant::now(), Some(from.to_owned()), text))
        })
    }
}

fn look<T>(scene: &Scene) -> Look<T> {
    match scene.resource() {
        Some(_) => Look::Not(scene.told()),
        None => Look::Never(format!(
            "{} meanwhile: has somebody run `ringcheck drill --cleanup`?",
            scene.told()
        )),
    }
}

fn rounded(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}
