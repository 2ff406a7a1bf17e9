//! docs/failover.md as the tests execute it: every command of it.

use anyhow::{Context, Result, ensure};

const DOCUMENT: &str = include_str!("../../../docs/failover.md");

pub const PUBLISH: &str = "Publish the numbers";
pub const RULE: &str = "A rule for a service";
pub const HEALTH: &str = "Node health for all services";
pub const TRY: &str = "Try it";

/// The sections whose commands are executed.
const EXECUTED: [&str; 4] = [PUBLISH, RULE, HEALTH, TRY];

/// The commands of a section that were not executed yet.
pub struct Guide {
    left: Vec<&'static str>,
}

impl Guide {
    pub fn section(heading: &str) -> Result<Guide> {
        let (_, text) = DOCUMENT
            .split_once(&format!("\n## {heading}\n"))
            .with_context(|| format!("there is no section `{heading}`"))?;
        let text = text.split("\n## ").next().unwrap_or_default();
        Ok(Guide {
            left: commands(text).collect(),
        })
    }

    /// The command that begins so, to be executed now.
    pub fn take(&mut self, start: &str) -> Result<&'static str> {
        let mut left = self.left.iter();
        let found = left.position(|command| command.starts_with(start));
        let found = found.with_context(|| format!("`{start}…` is not in {:?}", self.left))?;
        Ok(self.left.remove(found))
    }

    /// That none is left.
    pub fn end(self) -> Result<()> {
        ensure!(self.left.is_empty(), "not executed: {:?}", self.left);
        Ok(())
    }
}

/// That no section has commands that nobody executes, and no text has them in passing.
pub fn is_covered() -> Result<()> {
    let mut covered = 0;
    for heading in EXECUTED {
        covered += Guide::section(heading)?.left.len();
    }
    let all: Vec<&str> = commands(DOCUMENT).collect();
    ensure!(all.len() == covered, "{covered} are executed of {all:#?}");
    let code = DOCUMENT.split("```").step_by(2);
    let code = code.flat_map(|text| text.split('`').skip(1).step_by(2));
    let stray: Vec<&str> = code
        .filter(|code| code.starts_with("pcs ") || code.starts_with("crm"))
        .filter(|code| code.contains(' '))
        .filter(|code| *code != "crm_mon -A1")
        .collect();
    ensure!(stray.is_empty(), "not executed: {stray:?}");
    Ok(())
}

/// The lines with a prompt, between fences.
fn commands(text: &'static str) -> impl Iterator<Item = &'static str> {
    let fenced = text.split("```").skip(1).step_by(2);
    fenced
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("# "))
}

/// The cells of the table, row by row, without their marks.
pub fn table() -> Vec<Vec<String>> {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = |row: &str| -> Vec<String> {
        let cells = row.trim_end_matches('|').split('|');
        cells
            .map(|cell| cell.replace(['`', '*'], "").trim().to_owned())
            .collect()
    };
    rows.skip(2).map(cells).collect()
}
