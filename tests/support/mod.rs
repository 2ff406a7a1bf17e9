//! A cluster made of facts, a Pacemaker made of maps, and a clock that only moves when told.

#![allow(dead_code, unused_imports, reason = "each test file uses a part of it")]

mod cluster;
pub mod random;
mod world;

pub use cluster::{Cluster, Event};
pub use world::{Loss, World};

use ringcheck::model::link::{Facts, LinkNumber, LinkState};
use ringcheck::model::memory::Memory;
use ringcheck::model::moment::Moment;
use ringcheck::model::settings::Settings;
use ringcheck::model::verdict::{self, Judgement, Verdict};

pub const UP: Option<LinkState> = Some(LinkState::Up);
pub const FAULTY: Option<LinkState> = Some(LinkState::Faulty);

/// After this a link that was seen bad is looked at again: first to count the pings that its
/// peer has answered, and then to see whether there are more.
pub const NEXT_LOOK: u64 = 150;

/// After this a link is believed to have left the configuration.
pub const TIME_TO_LEAVE: u64 = 1000;

/// After this a link of a new peer is no longer believed to come.
pub const TIME_TO_JOIN: u64 = 4500;

/// Between two looks at the pings that a link has missed which was never seen to answer.
pub const ANSWER: u64 = 500;

/// After this an interface that was seen broken is looked at again.
pub const SECOND_LOOK: u64 = 1150;

/// After this a node that starts is believed to be alone.
pub const TIME_TO_MEET: u64 = 9000;

/// The default recovery hold.
pub const HOLD: u64 = 10_000;

/// Judges again and again, and hands what it must know from one time to the next.
#[derive(Clone, Default)]
pub struct Judge {
    pub settings: Settings,
    pub memory: Memory,
    pub now: u64,
}

impl Judge {
    /// A judge who has seen this cluster before.
    pub fn knowing(cluster: &Cluster) -> Judge {
        let mut judge = Judge::default();
        judge.look(&cluster.facts());
        judge
    }

    pub fn look(&mut self, facts: &Facts) -> Judgement {
        let judgement = verdict::judge(facts, &self.settings, &self.memory, Moment(self.now));
        self.memory = judgement.memory.clone();
        judgement
    }

    /// Looks after this many milliseconds more.
    pub fn look_after(&mut self, time: u64, cluster: &Cluster) -> Judgement {
        self.now += time;
        self.look(&cluster.facts())
    }

    /// Looks until whatever is bad is believed to be.
    pub fn settle(&mut self, cluster: &Cluster) -> Judgement {
        self.look(&cluster.facts());
        self.look_after(TIME_TO_JOIN, cluster);
        self.look_after(NEXT_LOOK, cluster)
    }
}

/// The state of one link, if it has a verdict with one.
pub fn state(judgement: &Judgement, link: u8) -> Option<LinkState> {
    verdict(judgement, link).state
}

/// Why a link has its verdict.
pub fn reason(judgement: &Judgement, link: u8) -> String {
    verdict(judgement, link).reason.to_string()
}

fn verdict(judgement: &Judgement, link: u8) -> &Verdict {
    &judgement.verdicts[&LinkNumber(link)]
}
