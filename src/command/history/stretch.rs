//! What was shown of a link from when to when, as far as the history tells it.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};

use crate::model::gather::Gather;
use crate::model::link::{LinkNumber, LinkState};
use crate::store::history::Record;

/// A point of the wall clock's time.
pub type Time = DateTime<FixedOffset>;

/// What is known of a link at some time; what is graver is greater, and hides what is less so
/// where there is room for one of them only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// Nothing was shown of it, or nothing is on record yet.
    Nothing,
    /// It had a state, and nobody knows until when: the node's power was cut, say.
    Unsure,
    /// It was UP.
    Up,
    /// Link state could not be read.
    Unknown,
    /// It was FAULTY.
    Faulty,
}

impl From<Option<LinkState>> for Shown {
    fn from(state: Option<LinkState>) -> Shown {
        match state {
            None => Shown::Nothing,
            Some(LinkState::Up) => Shown::Up,
            Some(LinkState::Unknown) => Shown::Unknown,
            Some(LinkState::Faulty) => Shown::Faulty,
        }
    }
}

/// A stretch of time in which the same was known of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch<'a> {
    /// When it began.
    pub begin: Time,
    /// When it ended: the same, if it is not known to have lasted.
    pub end: Time,
    /// What was known.
    pub shown: Shown,
    /// The change that it began with.
    pub record: &'a Record,
}

impl Stretch<'_> {
    /// Whether some of it is in that time.
    pub fn is_in(&self, begin: Time, end: Time) -> bool {
        self.begin <= end && (self.end > begin || self.begin == begin)
    }
}

/// Until when each link is known to have what the last record of it says.
pub type Lasting = BTreeMap<LinkNumber, Time>;

/// The stretches of each link, in the order in which they were seen. Where the clock was set
/// back they overlap, and what is on record for a time still to come was seen by `now`.
pub fn stretches<'a>(
    records: &'a [Record],
    lasting: &Lasting,
    now: Time,
) -> BTreeMap<LinkNumber, Vec<Stretch<'a>>> {
    let mut links: BTreeMap<LinkNumber, Vec<&Record>> = BTreeMap::new();
    for record in records {
        links.entry(record.link).or_default().push(record);
    }
    let stretches = links.into_iter().map(|(link, records)| {
        let known_until = lasting.get(&link).copied();
        let next = |at: usize| records.get(at + 1).copied();
        let each = records.iter().enumerate();
        let each = each.flat_map(|(at, record)| one(record, next(at), known_until, now));
        (link, each.collect())
    });
    stretches.gather()
}

/// What begins with this record: what it says, and then perhaps what nobody knows.
fn one<'a>(
    record: &'a Record,
    next: Option<&Record>,
    known_until: Option<Time>,
    now: Time,
) -> impl Iterator<Item = Stretch<'a>> {
    let begin = record.time.min(now);
    let end = next.map_or(now, |next| next.time.min(now)).max(begin);
    let sure_until = match (record.to, next) {
        (None, _) => end,
        (state, Some(next)) if next.from == state => end,
        (_, Some(_)) => begin,
        (_, None) => known_until.map_or(begin, |time| time.clamp(begin, end)),
    };
    let sure = Stretch {
        begin,
        end: sure_until,
        shown: record.to.into(),
        record,
    };
    let unsure = (sure_until < end).then_some(Stretch {
        begin: sure_until,
        end,
        shown: Shown::Unsure,
        record,
    });
    std::iter::once(sure).chain(unsure)
}
