//! The changes of the links as a picture for a report: an SVG that needs nothing beside it.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::Local;

use super::clean;
use super::stretch::{Shown, Stretch, Time};
use super::timeline::Span;
use crate::command::screen::short_duration;
use crate::model::link::LinkNumber;

/// Where the bars begin, how wide they and the picture are, and how high the row of a link is.
const LEFT: usize = 80;
const BAR: usize = 840;
const WIDTH: usize = 960;
const ROW: usize = 44;

/// Where the first row begins.
const TOP: usize = 70;

/// The least width of what must be seen, however short it was.
const LEAST: f64 = 3.0;

/// The times that the axis has.
const TICKS: usize = 6;

/// The picture.
pub fn svg(node: &str, links: &BTreeMap<LinkNumber, Vec<Stretch>>, span: Span) -> String {
    let bottom = TOP + links.len().max(1) * ROW;
    let height = bottom + 84;
    let title = format!("Corosync links of {}", escaped(node));
    let from_to = format!("{} to {}", exact(span.begin), exact(span.end));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{WIDTH}\" \
         height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n\
         <title>{title}, {from_to}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"28\" font-size=\"18\">{title}</text>\n\
         <text x=\"20\" y=\"50\" fill=\"#555555\">{from_to}</text>\n"
    );
    if links.is_empty() {
        let y = TOP + ROW / 2;
        svg += &format!("<text x=\"20\" y=\"{y}\">no change of a link is on record</text>\n");
    }
    for (row, (link, stretches)) in links.iter().enumerate() {
        svg += &bar(TOP + row * ROW, *link, stretches, span);
    }
    svg += &axis(bottom, span);
    svg += &legend(bottom + 56);
    svg + "</svg>\n"
}

/// The row of a link: what is graver is drawn later, and higher, so that it can also be told
/// without colours.
fn bar(y: usize, link: LinkNumber, stretches: &[Stretch], span: Span) -> String {
    let middle = y + ROW / 2;
    let mut svg = format!(
        "<text x=\"20\" y=\"{}\">link {link}</text>\n\
         <rect x=\"{LEFT}\" y=\"{}\" width=\"{BAR}\" height=\"2\" fill=\"#dddddd\"/>\n",
        middle + 5,
        middle - 1
    );
    let mut drawn: Vec<&Stretch> = stretches
        .iter()
        .filter(|stretch| stretch.shown > Shown::Nothing)
        .filter(|stretch| stretch.is_in(span.begin, span.end))
        .collect();
    drawn.sort_by_key(|stretch| stretch.shown);
    for stretch in drawn {
        let at = |time: Time| {
            let at = span.at(time.clamp(span.begin, span.end), BAR);
            at.unwrap_or_default()
        };
        let width = (at(stretch.end) - at(stretch.begin)).max(LEAST);
        let x = LEFT as f64 + at(stretch.begin).min(BAR as f64 - width);
        let _ = writeln!(
            svg,
            "{}<title>{}</title></rect>",
            rectangle(x, middle, width, stretch.shown),
            escaped(&told(stretch))
        );
    }
    svg
}

/// What is told of a stretch when it is pointed at.
fn told(stretch: &Stretch) -> String {
    let record = stretch.record;
    let from_to = match stretch.begin == stretch.end {
        true => exact(stretch.begin),
        false => {
            let long = (stretch.end - stretch.begin).to_std().unwrap_or_default();
            let (begin, end) = (exact(stretch.begin), exact(stretch.end));
            format!("{begin} to {end}, {}", short_duration(long))
        }
    };
    match stretch.shown {
        Shown::Unsure => format!("not known, {from_to}"),
        shown => format!(
            "{} is {}, {from_to}: {}",
            record.address,
            name(shown),
            record.reason
        ),
    }
}

fn name(shown: Shown) -> &'static str {
    match shown {
        Shown::Nothing => "not shown",
        Shown::Unsure => "not known until when",
        Shown::Up => "UP",
        Shown::Unknown => "UNKNOWN",
        Shown::Faulty => "FAULTY",
    }
}

/// A part of a bar, without its end.
fn rectangle(x: f64, middle: usize, width: f64, shown: Shown) -> String {
    let (half, fill) = match shown {
        Shown::Nothing => (1, "#dddddd"),
        Shown::Unsure => (3, "#b0bec5"),
        Shown::Up => (8, "#2e7d32"),
        Shown::Unknown => (11, "#f9a825"),
        Shown::Faulty => (16, "#c62828"),
    };
    let (y, height) = (middle - half, 2 * half);
    format!(
        "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{fill}\">"
    )
}

fn axis(y: usize, span: Span) -> String {
    let mut svg = format!("<path d=\"M{LEFT} {y}h{BAR}\" stroke=\"#555555\" fill=\"none\"/>\n");
    for tick in 0..=TICKS {
        let x = LEFT + BAR * tick / TICKS;
        let label = span.label(span.time(tick, TICKS));
        let _ = write!(
            svg,
            "<path d=\"M{x} {y}v5\" stroke=\"#555555\"/>\n\
             <text x=\"{x}\" y=\"{}\" font-size=\"11\" text-anchor=\"middle\">{label}</text>\n",
            y + 20
        );
    }
    svg
}

fn legend(y: usize) -> String {
    let shown = [Shown::Up, Shown::Faulty, Shown::Unknown, Shown::Unsure];
    let entries = shown.iter().enumerate().map(|(at, &shown)| {
        let x = LEFT + at * 130;
        let sample = rectangle(x as f64, y, 24.0, shown);
        let (x, y, name) = (x + 32, y + 5, name(shown));
        format!("{sample}</rect>\n<text x=\"{x}\" y=\"{y}\">{name}</text>\n")
    });
    entries.collect()
}

fn exact(time: Time) -> String {
    let time = time.with_timezone(&Local);
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A text as XML has it.
fn escaped(text: &str) -> String {
    clean(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
