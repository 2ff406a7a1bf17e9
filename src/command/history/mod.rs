//! `ringcheck history`: what became of this node's links. Reads only, and needs neither
//! Corosync nor Pacemaker: it is asked when they are down.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Local, TimeDelta};
use serde::Serialize;

use super::screen::Screen;
use super::view::Known;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::host;
use crate::model::attribute;
use crate::model::failure::{Exit, Failure};
use crate::model::gather::Gather;
use crate::model::link::{LinkNumber, LinkState};
use crate::model::moment::Moment;
use crate::store::folder::Folder;
use crate::store::history::{self, FOLDER, Record};

mod list;
mod picture;
mod since;
mod stretch;
mod svg;
mod terminal;
#[cfg(test)]
mod tests;
mod timeline;

pub use since::Since;
use stretch::{Lasting, Time, stretches};
use timeline::Span;

/// What to show of the history.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// From when on, if not from its beginning.
    pub since: Option<Since>,
    /// Of which link, if not of all.
    pub link: Option<LinkNumber>,
    /// Whether as JSON.
    pub json: bool,
    /// The file to draw a picture into instead of printing, if any.
    pub svg: Option<PathBuf>,
}

/// The history, as a list with a timeline or as JSON; nothing where it was drawn into a file.
///
/// # Errors
/// When it is there but cannot be read, or is asked for from a time that is still to come, or
/// the picture cannot be written.
pub fn run(options: &Options, screen: Screen) -> Result<String, Failure> {
    let now = Local::now();
    let since = options.since.map(|since| since.time(now));
    if since.is_some_and(|since| since > now) {
        let line =
            "nothing can be on record yet since a time that is still to come; look at --since";
        return Err(Failure::new(Exit::Usage, line));
    }
    let mut records = history::read(&Folder::new(FOLDER))?;
    records.retain(|record| options.link.is_none_or(|link| record.link == link));
    let chosen = chosen(&records, since);
    if options.json {
        return Ok(json(&Report::new(&chosen, since, now)));
    }
    let moment = BootClock.now();
    let lasting = lasting(&records, &Known::read(moment), moment, now);
    let now = now.fixed_offset();
    let links = stretches(&records, &lasting, now);
    let span = Span::until(
        now,
        since.or(records.iter().map(|record| record.time).min()),
    );
    if let Some(path) = &options.svg {
        picture::write(path, &svg::svg(&host::name(), &links, span))?;
        return Ok(String::new());
    }
    let mut text = text(&records, &chosen, since, screen);
    if !links.is_empty() {
        let screen = terminal::fitted(screen);
        let charset = terminal::charset();
        text += &format!("\n{}", timeline::timeline(&links, span, screen, charset));
    }
    Ok(text)
}

/// A good pass that is no older than this is followed by the next one: the timer has one every
/// few seconds.
const RECENT: Duration = Duration::from_secs(30);

/// Until when each link is known to have what the last record of it says: until the last good
/// pass of this boot, if that left it so, or until now while it cannot be read.
fn lasting(records: &[Record], known: &Known, moment: Moment, now: DateTime<Local>) -> Lasting {
    let good = known.stamp.as_ref().and_then(|stamp| stamp.good);
    let seen = good.map(|good| moment.since(good.started));
    let seen = seen.map(|ago| if ago <= RECENT { Duration::ZERO } else { ago });
    let seen = seen.and_then(|ago| Some(now - TimeDelta::from_std(ago).ok()?));
    let lasts = |link: LinkNumber| -> Option<Time> {
        let state = known.state.as_ref()?;
        let last = records.iter().rfind(|record| record.link == link)?.to?;
        let value = state.published.get(&attribute::name(link))?;
        let (_, published) = attribute::parse(value)?;
        let until = match (published == last, last) {
            (false, _) => return None,
            (true, LinkState::Unknown) if state.unreadable_since.is_some() => now,
            (true, _) => seen?,
        };
        Some(until.fixed_offset())
    };
    let lasting = LinkNumber::all().filter_map(|link| Some((link, lasts(link)?)));
    lasting.gather()
}

/// The records since then.
fn chosen(records: &[Record], since: Option<DateTime<FixedOffset>>) -> Vec<&Record> {
    let wanted = |record: &&Record| since.is_none_or(|since| record.time >= since);
    records.iter().filter(wanted).collect()
}

fn text(
    records: &[Record],
    chosen: &[&Record],
    since: Option<DateTime<FixedOffset>>,
    screen: Screen,
) -> String {
    match since {
        _ if records.is_empty() => {
            format!(
                "no change of a link is on record in {FOLDER}/{}\n",
                history::FILE
            )
        }
        Some(since) if chosen.is_empty() => {
            let since = since.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S");
            format!("no link has changed since {since}\n")
        }
        _ => list::list(chosen, screen),
    }
}

/// What `--json` prints. Fields may be added within a version, never taken away or changed.
#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    node: Node,
    time: String,
    since: Option<String>,
    records: &'a [&'a Record],
}

#[derive(Serialize)]
struct Node {
    name: String,
}

impl<'a> Report<'a> {
    fn new(
        records: &'a [&'a Record],
        since: Option<DateTime<FixedOffset>>,
        now: DateTime<Local>,
    ) -> Report<'a> {
        Report {
            version: 1,
            node: Node { name: host::name() },
            time: now.to_rfc3339(),
            since: since.map(|since| since.to_rfc3339()),
            records,
        }
    }
}

fn json(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report).expect("a report is always valid JSON");
    text + "\n"
}

/// What may be shown of a text from the file, which is hacluster's and not root's: nothing that
/// a terminal would take for a command, and nothing that XML has no character for.
fn clean(text: &str) -> String {
    let harmful = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.replace(harmful, "?")
}
