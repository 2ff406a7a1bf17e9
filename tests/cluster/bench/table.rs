//! The page: docs/cost.md.

use std::fmt::Write;

use super::figures::digits;
use super::report::{Report, Section, Table};

const INTRODUCTION: &str = "\
# What ringcheck costs

Written by `make bench`, together with [the plot](cost.svg) and [all figures](cost.json). What is
compared was measured in turn, in the same run on the same cluster, so that what else the machine
did fell on all of it alike. Figures are medians, with the least and the largest in brackets;
ratios were taken pair by pair, within a round.

![The plot of it](cost.svg)
";

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut page = INTRODUCTION.to_owned();
    for part in report.values() {
        page += &format!("\n{}", section(part));
    }
    page += "\n## The limits\n\n";
    let mut limits = Table::new(&["", "measured", "at most", ""]);
    for limit in report.values().flat_map(|section| &section.limits) {
        let with_unit = |figure| format!("{}{}", digits(figure), limit.unit);
        let held = if limit.holds() {
            "held"
        } else {
            "**exceeded**"
        };
        limits.row(&[
            limit.what.clone(),
            with_unit(limit.measured),
            with_unit(limit.most),
            held.to_owned(),
        ]);
    }
    page + &markdown(&limits)
}

/// One section of it.
pub fn section(section: &Section) -> String {
    let Section { title, text, .. } = section;
    let mut page = format!("## {title}\n\n{}\n", wrapped(text));
    for table in &section.tables {
        page += &format!("\n{}", markdown(table));
    }
    page + &format!(
        "\n{}\n",
        wrapped(&format!("Measured on: {}.", section.machine.shown()))
    )
}

fn markdown(table: &Table) -> String {
    let mut text = String::new();
    for (at, row) in table.0.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if at == 0 {
            let _ = writeln!(text, "|{}", " --- |".repeat(row.len()));
        }
    }
    text
}

/// Paragraphs in lines of a hundred characters.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 100;
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let mut lines = vec![String::new()];
        for word in paragraph.split_whitespace() {
            let last = lines.last_mut().expect("a line");
            if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(word.to_owned());
            } else {
                last.push_str(if last.is_empty() { "" } else { " " });
                last.push_str(word);
            }
        }
        lines.join("\n")
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
