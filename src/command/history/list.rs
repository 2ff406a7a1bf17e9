//! The changes of the links as a list, the newest last.

use chrono::{DateTime, FixedOffset, Local, TimeDelta};

use super::clean;
use crate::command::screen::{Screen, short_duration, visible};
use crate::store::history::Record;
use std::time::Duration;

/// How far the clock may go back without a word: two passes that end at the same time may add
/// their changes the other way round.
const ASTRAY: TimeDelta = TimeDelta::seconds(30);

/// How far in the reason stands when it does not fit beside.
const INDENT: usize = 4;

/// The list.
pub fn list(records: &[&Record], screen: Screen) -> String {
    let rows: Vec<Row> = records
        .iter()
        .map(|record| Row::new(record, screen))
        .collect();
    let widest = |cells: fn(&Row) -> &str, header: &str| {
        let widths = rows.iter().map(|row| visible(cells(row)));
        widths.max().unwrap_or_default().max(header.len())
    };
    let change = widest(|row| &row.change, "CHANGE");
    let after = widest(|row| &row.after, "AFTER");
    let address = widest(|row| &row.address, "ADDRESS");
    let line = |row: &Row, with_address: bool| {
        let mut line = format!("{:19}  {:4}  ", row.time, row.link);
        if with_address {
            line += &format!("{}  ", fill(&row.address, address));
        }
        let (change, after) = (fill(&row.change, change), fill(&row.after, after));
        line + &format!("{change}  {after}  {:5}  ", row.trigger)
    };
    let header = Row::header();
    // An IPv6 address may be as long as half a line.
    let with_address = visible(line(&header, true).trim_end()) <= screen.width;
    let mut text = format!(
        "{}\n",
        format!("{}REASON", line(&header, with_address)).trim_end()
    );
    let mut before: Option<DateTime<FixedOffset>> = None;
    for (row, record) in rows.iter().zip(records) {
        if let Some(before) = before.filter(|before| record.time < *before - ASTRAY) {
            let back = (before - record.time).to_std().unwrap_or_default();
            text += &format!(
                "(the clock went back by {} or more)\n",
                short_duration(back)
            );
        }
        before = Some(record.time);
        let rest = match with_address || row.address.is_empty() {
            true => row.reason.clone(),
            false => format!("{}: {}", row.address, row.reason),
        };
        text += &screen.beside_or_below(&line(row, with_address), &rest, INDENT);
    }
    text
}

/// A change in words.
struct Row {
    time: String,
    link: String,
    address: String,
    change: String,
    after: String,
    trigger: String,
    reason: String,
}

impl Row {
    fn header() -> Row {
        Row {
            time: "TIME".into(),
            link: "LINK".into(),
            address: "ADDRESS".into(),
            change: "CHANGE".into(),
            after: "AFTER".into(),
            trigger: "BY".into(),
            reason: String::new(),
        }
    }

    fn new(record: &Record, screen: Screen) -> Row {
        let state = |state| screen.state(state).trim_end().to_owned();
        let time = record.time.with_timezone(&Local);
        Row {
            time: time.format("%Y-%m-%d %H:%M:%S").to_string(),
            link: record.link.to_string(),
            address: clean(&record.address),
            change: format!("{} -> {}", state(record.from), state(record.to)),
            after: record.lasted_s.map_or("-".into(), lasted),
            trigger: record.trigger.to_string(),
            reason: clean(&record.reason),
        }
    }
}

/// How long a state lasted; `-` for what is no time.
fn lasted(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or("-".into(), short_duration)
}

fn fill(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(visible(text))))
}
