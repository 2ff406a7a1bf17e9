//! What every report is made from: this node as it is now, and what the passes know of it.
//! Reads only, and takes no lock.

use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Local, TimeDelta};

use crate::cluster::Source;
use crate::cluster::boot;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::daemon::Daemons;
use crate::cluster::observer::Observer;
use crate::model::failure::Failure;
use crate::model::link::{Facts, LinkNumber};
use crate::model::moment::Moment;
use crate::model::settings::Settings;
use crate::model::verdict::{self, Judgement};
use crate::store::FOLDER;
use crate::store::folder::Folder;
use crate::store::stamp::Stamp;
use crate::store::state::State;

const PROC: &str = "/proc";

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
        let state = boot_id.and_then(|boot_id| State::load(&folder, &boot_id, now));
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
        Ok((State::load(&folder, &boot_id, now)?, folder.stamp()?))
    }
}

impl View {
    /// Looks at this node.
    ///
    /// # Errors
    /// As [`Source::observe`].
    pub fn take(settings: &Settings) -> Result<View, Failure> {
        View::look(&mut Observer::default(), settings)
    }

    /// The same by an observer who keeps the connection to corosync for the next look.
    ///
    /// # Errors
    /// As [`Source::observe`].
    pub fn look(observer: &mut Observer, settings: &Settings) -> Result<View, Failure> {
        let deadline = Instant::now() + settings.deadline;
        let facts = observer.observe(deadline, None)?;
        let now = BootClock.now();
        let known = Known::read(now);
        let memory = known.state.as_ref().map(|state| state.memory.clone());
        let judgement = verdict::judge(&facts, settings, &memory.unwrap_or_default(), now);
        Ok(View {
            facts,
            judgement,
            known,
            now,
            wall: Local::now(),
        })
    }

    /// Looks again at what could not be judged yet, knowing what this look has shown.
    ///
    /// # Errors
    /// As [`Source::observe`].
    pub fn look_again(
        &mut self,
        observer: &mut Observer,
        settings: &Settings,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + settings.deadline;
        self.facts = observer.observe(deadline, None)?;
        (self.now, self.wall) = (BootClock.now(), Local::now());
        let memory = &self.judgement.memory;
        self.judgement = verdict::judge(&self.facts, settings, memory, self.now);
        Ok(())
    }

    /// The cluster's daemons that live now.
    pub fn daemons(&self) -> Daemons {
        let known = self.known.state.as_ref().map(|state| state.daemons);
        let hacluster = Folder::new(FOLDER).owner().map(|owner| owner.uid);
        let known = known.unwrap_or_default();
        Daemons::find(Path::new(PROC), &known, hacluster.ok())
    }

    /// Whether Pacemaker runs on this node, so that passes can be done.
    pub fn pacemaker_runs(&self) -> bool {
        self.daemons().pacemaker_runs()
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
