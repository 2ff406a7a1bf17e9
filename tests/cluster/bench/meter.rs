//! Commands measured in turn in a node, by benches/meter.c.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::Node;

use super::figures::Spread;
use super::instruments::{self, FOLDER};
use crate::node::pid;

/// Long enough for any series.
const LIMIT: Duration = Duration::from_secs(1800);

/// What is measured.
#[derive(Clone, Debug)]
pub struct Command {
    /// As it is shown.
    pub name: String,
    /// A line of shell to run before each run, or nothing.
    pub prepare: String,
    /// Its words, one space between them.
    pub words: String,
}

impl Command {
    pub fn new(name: &str, words: impl Into<String>) -> Command {
        Command {
            name: name.to_owned(),
            prepare: String::new(),
            words: words.into(),
        }
    }

    pub fn after(self, prepare: impl Into<String>) -> Command {
        Command {
            prepare: prepare.into(),
            ..self
        }
    }
}

/// One run of a command; times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// CPU time of it and its children.
    pub cpu: f64,
    pub wall: f64,
    /// The largest of its processes, in MiB.
    pub peak: f64,
    /// CPU time of corosync, less what it takes without it.
    pub daemon: f64,
}

impl Run {
    pub fn total(&self) -> f64 {
        self.cpu + self.daemon
    }
}

/// Who runs it.
#[derive(Clone, Copy, Debug)]
pub enum User {
    /// As agents are run.
    Root,
    /// As passes are run.
    Hacluster,
}

const HACLUSTER: &[&str] = &[
    "setpriv",
    "--reuid=hacluster",
    "--regid=haclient",
    "--clear-groups",
    "env",
];

/// Measures in a node.
pub struct Meter<'a> {
    pub node: &'a Node,
    pub user: User,
    /// Variables of the environment.
    pub environment: Vec<String>,
    /// How long corosync is given to clear up after a client.
    pub settle: Duration,
}

/// Long enough for corosync to clear up.
const SETTLE: Duration = Duration::from_millis(20);

impl Meter<'_> {
    /// One for passes, with all instruments.
    pub fn install(node: &Node) -> Result<Meter<'_>> {
        instruments::install(node)?;
        Ok(Meter {
            node,
            user: User::Hacluster,
            environment: Vec::new(),
            settle: SETTLE,
        })
    }

    /// The command line that runs these words in the same way.
    pub fn line<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        let mut line = match self.user {
            User::Root => vec!["env"],
            User::Hacluster => HACLUSTER.to_vec(),
        };
        line.extend(self.environment.iter().map(String::as_str));
        line.extend(words);
        line
    }

    /// Each command's runs, by rounds.
    pub fn measure(&self, rounds: usize, commands: &[Command]) -> Result<Vec<Vec<Run>>> {
        let file = format!("{FOLDER}/commands");
        let lines: String = commands
            .iter()
            .map(|command| format!("{}\n{}\n", command.prepare, command.words))
            .collect();
        self.node.write(&file, lines)?;
        let (rounds, settle) = (rounds.to_string(), self.settle.as_millis().to_string());
        let meter = format!("{FOLDER}/meter");
        let daemon = pid(self.node, "corosync")?;
        let line = self.line(&[&meter, &rounds, &settle, &daemon, &file]);
        let text = self.node.run_within(LIMIT, &line)?;
        ensure!(
            pid(self.node, "corosync")? == daemon,
            "corosync did not outlive it"
        );
        runs(&text, commands)
    }
}

fn runs(text: &str, commands: &[Command]) -> Result<Vec<Vec<Run>>> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let row: Option<Vec<f64>> = line.split(' ').map(|field| field.parse().ok()).collect();
        let row = row.filter(|row| row.len() == 9);
        rows.push(row.with_context(|| format!("the meter says `{line}`"))?);
    }
    ensure!(!rows.is_empty(), "the meter says nothing");
    // The share of a processor that corosync takes by itself.
    let idle = Spread::of(rows.iter().map(|row| row[7] / row[8])).median;
    let mut runs = vec![Vec::new(); commands.len()];
    for row in rows {
        let command = &commands[row[0] as usize];
        ensure!(row[1] == 0.0, "`{}` ended with {}", command.words, row[1]);
        runs[row[0] as usize].push(Run {
            cpu: row[2] / 1e3,
            wall: row[3] / 1e3,
            peak: row[4] / 1024.0,
            daemon: (row[5] - idle * row[6]) / 1e3,
        });
    }
    Ok(runs)
}
