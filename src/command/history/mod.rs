//! `ringcheck history`: what became of this node's links. Reads only, and needs neither
//! Corosync nor Pacemaker: it is asked when they are down.

use chrono::{DateTime, FixedOffset, Local};
use serde::Serialize;

use super::screen::Screen;
use crate::cluster::host;
use crate::model::failure::{Exit, Failure};
use crate::model::link::LinkNumber;
use crate::store::folder::Folder;
use crate::store::history::{self, FOLDER, Record};

mod list;
mod since;
#[cfg(test)]
mod tests;

pub use since::Since;

/// What to show of the history.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// From when on, if not from its beginning.
    pub since: Option<Since>,
    /// Of which link, if not of all.
    pub link: Option<LinkNumber>,
    /// Whether as JSON.
    pub json: bool,
}

/// The history, as a list or as JSON.
///
/// # Errors
/// When it is there but cannot be read, or is asked for from a time that is still to come.
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
    Ok(match options.json {
        true => json(&Report::new(&chosen, since, now)),
        false => text(&records, &chosen, since, screen),
    })
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
