//! What every report is made from: this node as it is now, and what the passes know of it.
//! Reads only, and takes no lock.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Local, TimeDelta};

use crate::cluster::Source;
use crate::cluster::boot;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::daemon::Look;
use crate::cluster::observer::Observer;
use crate::model::failure::Failure;
use crate::model::link::{Facts, LinkNumber};
use crate::model::memory::Memory;
use crate::model::moment::Moment;
use crate::model::settings::Settings;
use crate::model::verdict::{self, Judgement};
use crate::store::FOLDER;
use crate::store::folder::Folder;
use crate::store::stamp::Stamp;
use crate::store::state::State;

const PROC: &str = "/proc";

/// How often a link that cannot be judged yet is looked at, because it may be good.
const AGAIN: Duration = Duration::from_millis(500);

/// This node, looked at once.
pub struct View {
    /// What Corosync and the kernel say.
    pub facts: Facts,
    /// What the rules make of it and of what the passes know.
    pub judgement: Judgement,
    /// What the passes know.
    pub known: Known,
    /// When that was.
    pub now: Moment,
    /// The same by the wall clock.
    pub wall: DateTime<Local>,
}

/// What the passes have left. Who may not read it knows as little as when there is nothing.
pub struct Known {
    /// What the last pass left to the next one.
    pub state: Option<State>,
    /// The account of the passes; nothing where they have no folder.
    pub stamp: Option<Stamp>,
}

impl Known {
    /// Reads it.
    pub fn read(now: Moment) -> Known {
        let folder = Folder::new(FOLDER);
        let boot_id = boot::id(Path::new(PROC));
        let state = boot_id.and_then(|boot_id| State::load(&folder, boot_id.as_deref(), now));
        Known {
            state: state.ok(),
            stamp: folder.owner().and_then(|_| folder.stamp()).ok(),
        }
    }

    /// The same for who must not take what cannot be read for nothing.
    ///
    /// # Errors
    /// When the folder is missing or not hacluster's, or a file in it cannot be read.
    pub fn demand(now: Moment) -> Result<(State, Stamp), Failure> {
        let folder = Folder::new(FOLDER);
        folder.owner()?;
        let boot_id = boot::id(Path::new(PROC))?;
        Ok((
            State::load(&folder, boot_id.as_deref(), now)?,
            folder.stamp()?,
        ))
    }
}

/// Looks at this node, again and again if need be, and knows what it has seen before.
#[derive(Default)]
pub struct Viewer {
    /// Reads the facts.
    pub observer: Observer,
    /// What the passes knew at the last look, and what the verdicts then rested upon.
    last: Option<(Memory, Memory)>,
}

impl Viewer {
    /// Returns a viewer that reads by this observer.
    pub fn new(observer: Observer) -> Viewer {
        Viewer {
            observer,
            last: None,
        }
    }

    /// Looks at this node until each link is judged, since without passes nobody else does.
    /// What is asked must answer by `deadline`, and nothing is waited for after `patience`.
    ///
    /// # Errors
    /// As [`Source::observe`].
    pub fn look(
        &mut self,
        settings: &Settings,
        deadline: Instant,
        patience: Instant,
    ) -> Result<View, Failure> {
        let mut facts = self.observer.observe(deadline, None)?;
        let mut now = BootClock.now();
        let known = Known::read(now);
        let state = known.state.as_ref();
        let outline = state.and_then(|state| state.outline.clone());
        let passes = state.map(|state| state.memory.clone()).unwrap_or_default();
        // What the passes know is news when it has changed, and there may be none.
        let mut memory = match self.last.take() {
            Some((then, seen)) if then == passes => seen,
            _ => passes.clone(),
        };
        loop {
            if let Some(outline) = &outline {
                outline.name(&mut facts);
            }
            let judgement = verdict::judge(&facts, settings, &memory, now);
            memory = judgement.memory.clone();
            let left = patience.saturating_duration_since(Instant::now());
            let wait = judgement.look_again.map(|then| then.since(now));
            let Some(wait) = wait.filter(|wait| *wait < left) else {
                self.last = Some((passes, memory));
                return Ok(View {
                    facts,
                    judgement,
                    known,
                    now,
                    wall: Local::now(),
                });
            };
            BootClock.wait(wait.clamp(Duration::from_millis(1), AGAIN));
            facts = self.observer.observe(deadline, None)?;
            now = BootClock.now();
        }
    }

    /// Looks at this node within the time that a pass may take.
    ///
    /// # Errors
    /// As [`Source::observe`].
    pub fn look_as_a_pass(&mut self, settings: &Settings) -> Result<View, Failure> {
        let deadline = Instant::now() + settings.deadline;
        self.look(settings, deadline, deadline - settings.deadline / 4)
    }
}

impl View {
    /// Looks for the cluster's daemons.
    pub fn daemons(&self) -> Look {
        let known = self.known.state.as_ref().map(|state| state.daemons);
        let hacluster = Folder::new(FOLDER).owner().map(|owner| owner.uid);
        let known = known.unwrap_or_default();
        Look::take(Path::new(PROC), &known, hacluster.ok())
    }

    /// Returns true unless Pacemaker is known to be down on this node, so that passes can be done.
    pub fn pacemaker_may_run(&self) -> bool {
        self.daemons().pacemaker_may_run()
    }

    /// When a moment of the past was by the wall clock, reckoned back from now.
    pub fn wall(&self, moment: Moment) -> Option<DateTime<Local>> {
        let ago = TimeDelta::from_std(self.now.since(moment)).ok()?;
        (moment < self.now).then(|| self.wall - ago)
    }

    /// Since when a link has its state, where that is known.
    pub fn since(&self, link: LinkNumber) -> Option<DateTime<Local>> {
        self.wall(self.judgement.memory.links.get(&link)?.since)
    }

    /// How often a link went down since this node booted, where that is known.
    pub fn flaps(&self, link: LinkNumber) -> Option<u64> {
        let flaps = &self.known.state.as_ref()?.flaps;
        Some(flaps.links.get(&link).copied().unwrap_or(0))
    }
}
