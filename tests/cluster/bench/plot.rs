//! The plot: docs/cost.svg. Bars on logarithmic axes; where a bar has an end of its own, a thin
//! line from the least to the largest figure.

use std::fmt::Write;

use super::figures::digits;
use super::report::{Bar, Report, Topic};

/// The plot's width, where the bars begin, and how wide they may become.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 290.0;
const SPAN: f64 = 560.0;

/// The height of a bar's row, and of what stands above and below a panel's rows.
const ROW: f64 = 26.0;
const ABOVE: f64 = 40.0;
const BELOW: f64 = 36.0;

/// Colours that show on a light and on a dark page.
const OURS: &str = "#2e9d5b";
const OTHERS: &str = "#8a94a0";
const TEXT: &str = "#7a828c";

/// The panels: which section's bars, and what they are in.
const PANELS: &[(Topic, &str)] = &[
    (
        Topic::Clients,
        "CPU time of one run, and of corosync for it, in ms",
    ),
    (
        Topic::Growth,
        "CPU time of a pass and of corosync by nodes × links, in ms",
    ),
    (
        Topic::Latency,
        "From the pulled cable to another node's screen, in s",
    ),
    (
        Topic::Activation,
        "CPU time of one activation, systemd's share included, in ms",
    ),
];

/// The whole plot, of the sections that there are.
pub fn svg(report: &Report) -> String {
    let mut y = 0.0;
    let mut body = String::new();
    for (topic, title) in PANELS {
        let bars = report.get(topic).map_or(&[][..], |section| &section.bars);
        if !bars.is_empty() {
            body += &panel(y, title, bars);
            y += ABOVE + ROW * bars.len() as f64 + BELOW;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {WIDTH} {y}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"{TEXT}\">\n\
         <title>What ringcheck costs, beside what could be run instead</title>\n{body}</svg>\n"
    )
}

fn panel(top: f64, title: &str, bars: &[Bar]) -> String {
    let axis = Axis::of(bars);
    let first = top + ABOVE;
    let last = first + ROW * bars.len() as f64;
    let mut svg = format!(
        "<text x=\"10\" y=\"{}\" font-size=\"16\">{title}</text>\n",
        top + 24.0
    );
    for power in axis.low..=axis.high {
        let x = axis.at(10f64.powi(power));
        let _ = write!(
            svg,
            "<path d=\"M{x:.1} {first}V{last}\" stroke=\"{OTHERS}\" stroke-opacity=\"0.4\"/>\n\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            last + 18.0,
            10f64.powi(power)
        );
    }
    for (row, bar) in bars.iter().enumerate() {
        svg += &row_of(first + ROW * (row as f64 + 0.5), bar, &axis);
    }
    svg
}

fn row_of(middle: f64, bar: &Bar, axis: &Axis) -> String {
    let colour = if bar.ours { OURS } else { OTHERS };
    let (min, end, max) = (
        axis.at(bar.figure.min),
        axis.at(bar.figure.median),
        axis.at(bar.figure.max),
    );
    format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
         <rect x=\"{LEFT}\" y=\"{}\" width=\"{:.1}\" height=\"16\" fill=\"{colour}\"/>\n\
         <path d=\"M{min:.1} {middle}H{max:.1}\" stroke=\"{TEXT}\" stroke-width=\"1.5\"/>\n\
         <text x=\"{:.1}\" y=\"{}\">{}</text>\n",
        LEFT - 8.0,
        middle + 4.5,
        bar.name,
        middle - 8.0,
        end - LEFT,
        max.max(end) + 8.0,
        middle + 4.5,
        digits(bar.figure.median)
    )
}

/// A logarithmic axis, from a power of ten to another.
struct Axis {
    low: i32,
    high: i32,
}

impl Axis {
    fn of(bars: &[Bar]) -> Axis {
        let least = bars.iter().map(|bar| bar.figure.median);
        let least = least.fold(f64::INFINITY, f64::min);
        let most = bars.iter().map(|bar| bar.figure.max).fold(0.0, f64::max);
        let low = least.max(0.001).log10().floor() as i32;
        Axis {
            low,
            high: (most.max(0.001).log10().ceil() as i32).max(low + 1),
        }
    }

    /// Where a figure is; what lies below the axis is at its beginning.
    fn at(&self, figure: f64) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let part = (figure.max(f64::MIN_POSITIVE).log10() - low) / (high - low);
        LEFT + SPAN * part.clamp(0.0, 1.0)
    }
}
