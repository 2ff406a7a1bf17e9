//! What was measured, kept in docs/cost.json, from which docs/cost.md and docs/cost.svg are
//! written: a bench replaces its own section and leaves the others as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lab::Node;
use serde::{Deserialize, Serialize};

use super::figures::{Spread, digits};
use super::machine::Machine;
use super::{plot, table};

/// The sections, in the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    Clients,
    Startup,
    Growth,
    Latency,
    Activation,
    Day,
}

/// All that was measured.
pub type Report = BTreeMap<Topic, Section>;

/// What one bench has measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Section {
    pub title: String,
    /// Where.
    pub machine: Machine,
    /// What was done, and how.
    pub text: String,
    pub tables: Vec<Table>,
    /// What the plot shows of it.
    pub bars: Vec<Bar>,
    pub limits: Vec<Limit>,
}

/// A table's rows, the first of which is its head.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Table(pub Vec<Vec<String>>);

impl Table {
    pub fn new(head: &[&str]) -> Table {
        let mut table = Table::default();
        table.row(head);
        table
    }

    pub fn row(&mut self, cells: &[impl ToString]) {
        self.0.push(cells.iter().map(ToString::to_string).collect());
    }
}

/// One bar of the plot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bar {
    pub name: String,
    pub figure: Spread,
    /// Whether it is ringcheck's.
    pub ours: bool,
}

/// What must hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limit {
    pub what: String,
    pub measured: f64,
    pub most: f64,
    /// What both are in, with a space before it, or nothing.
    pub unit: String,
}

impl Limit {
    pub fn holds(&self) -> bool {
        self.measured <= self.most
    }

    /// A line that says how it stands.
    pub fn shown(&self) -> String {
        let Limit { what, unit, .. } = self;
        let (measured, most) = (digits(self.measured), digits(self.most));
        let held = if self.holds() { "held" } else { "EXCEEDED" };
        format!("{held}: {what}: {measured}{unit}, at most {most}{unit}")
    }
}

impl Section {
    pub fn new(node: &Node, title: &str, text: String) -> Result<Section> {
        Ok(Section {
            title: title.to_owned(),
            machine: Machine::of(node)?,
            text,
            tables: Vec::new(),
            bars: Vec::new(),
            limits: Vec::new(),
        })
    }

    pub fn limit(&mut self, what: &str, measured: f64, most: f64, unit: &str) {
        self.limits.push(Limit {
            what: what.to_owned(),
            measured,
            most,
            unit: unit.to_owned(),
        });
    }

    /// Prints it, puts it in its place in docs/, and then says which limits are exceeded.
    pub fn keep(self, topic: Topic) -> Result<()> {
        println!("\n{}", table::section(&self));
        for limit in &self.limits {
            println!("{}", limit.shown());
        }
        let exceeded: Vec<String> = self
            .limits
            .iter()
            .filter(|limit| !limit.holds())
            .map(Limit::shown)
            .collect();
        let mut report = kept()?;
        report.insert(topic, self);
        let json = serde_json::to_string_pretty(&report)? + "\n";
        write("cost.json", &json)?;
        write("cost.md", &table::page(&report))?;
        write("cost.svg", &plot::svg(&report))?;
        ensure!(exceeded.is_empty(), "{}", exceeded.join("; "));
        Ok(())
    }
}

/// What was measured before.
pub fn kept() -> Result<Report> {
    let path = place("cost.json");
    if !path.exists() {
        return Ok(Report::new());
    }
    let json = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&json)
        .with_context(|| format!("{}: not this bench's: remove it", path.display()))
}

fn write(name: &str, text: &str) -> Result<()> {
    let path = place(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name)
}
