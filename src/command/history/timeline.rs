//! The changes of the links as a line of characters for each.

use std::collections::BTreeMap;

use chrono::{Local, TimeDelta};

use super::stretch::{Shown, Stretch, Time};
use crate::command::screen::{Screen, short_duration};
use crate::model::link::LinkNumber;

/// From when to when a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub begin: Time,
    /// Its end, which is later.
    pub end: Time,
}

impl Span {
    /// A span that ends now and is never too short to be drawn.
    pub fn until(now: Time, begin: Option<Time>) -> Span {
        let latest = now - TimeDelta::minutes(1);
        Span {
            begin: begin.map_or(latest, |begin| begin.min(latest)),
            end: now,
        }
    }

    /// How far into it a time is, of `parts` parts; none if it is not in it.
    pub fn at(self, time: Time, parts: usize) -> Option<f64> {
        let (length, into) = (self.end - self.begin, time - self.begin);
        let share = into.num_milliseconds() as f64 / length.num_milliseconds() as f64;
        (self.begin..=self.end)
            .contains(&time)
            .then_some(share * parts as f64)
    }

    /// When the part of this number begins.
    pub fn time(self, part: usize, parts: usize) -> Time {
        let milliseconds = (self.end - self.begin).num_milliseconds();
        let into = i128::from(milliseconds) * part as i128 / parts as i128;
        self.begin + TimeDelta::milliseconds(into as i64)
    }

    /// A time's text, short, but long enough to tell the times of this span apart.
    pub fn label(self, time: Time) -> String {
        let length = self.end - self.begin;
        let format = match length {
            _ if length <= TimeDelta::minutes(20) => "%H:%M:%S",
            _ if length <= TimeDelta::hours(24) => "%H:%M",
            _ if length <= TimeDelta::days(60) => "%m-%d %H:%M",
            _ => "%Y-%m-%d",
        };
        time.with_timezone(&Local).format(format).to_string()
    }
}

/// What each of so many equal parts of the span shows: the gravest of what was in it, so that
/// a short FAULTY is seen in a long time.
pub fn cells(stretches: &[Stretch], span: Span, parts: usize) -> Vec<Shown> {
    let mut cells = vec![Shown::Nothing; parts];
    for stretch in stretches {
        if !stretch.is_in(span.begin, span.end) {
            continue;
        }
        let into = |time: Time| {
            let into = span.at(time.clamp(span.begin, span.end), parts);
            into.unwrap_or_default()
        };
        let first = (into(stretch.begin) as usize).min(parts - 1);
        let end = (into(stretch.end).ceil() as usize).clamp(first + 1, parts);
        for cell in &mut cells[first..end] {
            *cell = stretch.shown.max(*cell);
        }
    }
    cells
}

/// The characters that a timeline is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// What every terminal, file and mail has.
    Ascii,
    /// What a terminal with Unicode has.
    Unicode,
}

impl Charset {
    fn of(self, shown: Shown) -> char {
        let (ascii, unicode) = match shown {
            Shown::Nothing => (' ', ' '),
            Shown::Unsure => ('.', '\u{2504}'),
            Shown::Up => ('=', '\u{2501}'),
            Shown::Unknown => ('?', '?'),
            Shown::Faulty => ('X', '\u{2588}'),
        };
        match self {
            Charset::Ascii => ascii,
            Charset::Unicode => unicode,
        }
    }
}

/// The fewest characters that a line is drawn with, however narrow the terminal.
const FEWEST: usize = 20;

/// The most: beyond that nobody finds the time that belongs to one.
const MOST: usize = 400;

/// The timeline: a line for each link, the times below, and what the characters mean.
pub fn timeline(
    links: &BTreeMap<LinkNumber, Vec<Stretch>>,
    span: Span,
    screen: Screen,
    charset: Charset,
) -> String {
    let parts = screen.width.saturating_sub("link 0 ||".len());
    let parts = parts.clamp(FEWEST, MOST);
    let mut text = String::new();
    let mut seen = Vec::new();
    for (link, stretches) in links {
        let cells = cells(stretches, span, parts);
        text += &format!("link {link} |{}|\n", drawn(&cells, screen, charset));
        seen.extend(cells);
    }
    let (ticks, labels) = axis(span, parts);
    let each = (span.end - span.begin) / parts as i32;
    text += &format!("        {ticks}\n        {labels}\n");
    let meanings = [
        (Shown::Up, "UP"),
        (Shown::Faulty, "FAULTY"),
        (Shown::Unknown, "UNKNOWN"),
        (Shown::Unsure, "not known until when"),
    ];
    let mut legend: Vec<String> = meanings
        .iter()
        .filter(|(shown, _)| seen.contains(shown))
        .map(|&(shown, meaning)| format!("{} {meaning}", charset.of(shown)))
        .collect();
    let each = short_duration(each.to_std().unwrap_or_default().max(ONE_SECOND));
    legend.push(format!("one character shows the worst of {each}"));
    text + &screen.wrap(&legend.join(", "), 8)
}

const ONE_SECOND: std::time::Duration = std::time::Duration::from_secs(1);

fn drawn(cells: &[Shown], screen: Screen, charset: Charset) -> String {
    let runs = cells.chunk_by(|a, b| a == b).map(|run| {
        let text: String = run.iter().map(|&shown| charset.of(shown)).collect();
        let code = match run[0] {
            Shown::Up => "32",
            Shown::Faulty => "1;31",
            Shown::Unknown => "33",
            Shown::Unsure | Shown::Nothing => return text,
        };
        match screen.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text,
        }
    });
    runs.collect()
}

/// The ruler below the lines, and its times below their ticks.
fn axis(span: Span, parts: usize) -> (String, String) {
    let width = span.label(span.end).len();
    let last = parts - width;
    // Each label has room for itself and some more, and the last one ends with the line.
    let count = last / (width + 4);
    let (mut ticks, mut labels) = (vec!['-'; parts], String::new());
    for label in 0..count {
        let part = label * last / count;
        ticks[part] = '+';
        labels += &" ".repeat(part - labels.len());
        labels += &span.label(span.time(part, parts));
    }
    labels += &" ".repeat(last - labels.len());
    labels += &span.label(span.end);
    (ticks.into_iter().collect(), labels)
}

#[cfg(test)]
mod tests;
