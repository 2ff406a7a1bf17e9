//! The command line.

use std::ffi::OsString;
use std::mem;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{ArgAction, Args, Parser, Subcommand, value_parser};

use crate::command::history::Since;
use crate::command::{check, drill};
use crate::model::check::{Levels, Limits};
use crate::model::drill::Move;
use crate::model::flaps;
use crate::model::link::LinkNumber;

/// Shows the state of Corosync's links as Pacemaker node attributes.
///
/// Without a command: the links of this node, as `ringcheck status` prints them. Started by
/// Pacemaker as an alert agent, it does a pass on node events and nothing on all others.
#[derive(Debug, Default, Parser)]
#[command(
    name = "ringcheck",
    version,
    disable_version_flag = true,
    disable_help_flag = true,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes, settings and files: man 8 ringcheck"
)]
pub struct Arguments {
    /// Do one pass: read the links, write the node attributes that changed
    #[arg(long)]
    pub once: bool,

    /// Print what would be written, and write nothing
    #[arg(long, requires = "once")]
    pub dry_run: bool,

    /// Write every attribute, also those that are right
    #[arg(long, requires = "once")]
    pub force: bool,

    /// Say a failure once, until it changes, and that the cluster is down only after a minute (for
    /// the timer)
    #[arg(short, long, requires = "once")]
    pub quiet: bool,

    /// The same, and leave what fails to the timer (for when Corosync has logged something)
    #[arg(long, requires = "once", conflicts_with = "quiet")]
    pub event: bool,

    /// Read the settings from FILE instead of /etc/ringcheck.toml
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Say more of what is done and why
    #[arg(short = 'V', long, global = true)]
    pub verbose: bool,

    /// Print the version
    #[arg(long, short_alias = '$', action = ArgAction::Version)]
    version: Option<bool>,

    /// Print help
    #[arg(short, long, short_alias = '?', action = ArgAction::Help, global = true)]
    help: Option<bool>,

    /// As ifcheckd had it: stay in the foreground, which is a pass here
    #[arg(short = 'f', hide = true)]
    pub foreground: bool,

    /// As ifcheckd had it: a pid file, which nobody writes here
    #[arg(short = 'p', value_name = "FILE", hide = true)]
    pub pid_file: Option<PathBuf>,

    /// What to do instead
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Arguments {
    /// What the units type, known without all that could be typed: to have the whole command line
    /// described first is what a pass of theirs would spend most of its own time on.
    pub fn of_unit(typed: impl Iterator<Item = OsString>) -> Option<Arguments> {
        let mut arguments = Arguments::default();
        for word in typed {
            let option = match word.to_str() {
                Some("--once") => &mut arguments.once,
                Some("--quiet") => &mut arguments.quiet,
                Some("--event") => &mut arguments.event,
                _ => return None,
            };
            // Twice is refused.
            if mem::replace(option, true) {
                return None;
            }
        }
        let is_pass = arguments.once && arguments.quiet != arguments.event;
        is_pass.then_some(arguments)
    }

    /// Whether it was started as ifcheckd was.
    pub fn is_for_ifcheckd(&self) -> bool {
        self.foreground || self.pid_file.is_some()
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the links of this node, or of all nodes; reads only
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,

        /// Show what all nodes have published, and where a link is broken
        #[arg(long)]
        cluster: bool,

        /// Show it again every SECONDS (2 if not given), until interrupted
        #[arg(
            long,
            value_name = "SECONDS",
            num_args = 0..=1,
            default_missing_value = "2",
            value_parser = value_parser!(u64).range(1..=3600)
        )]
        watch: Option<u64>,
    },
    /// Show what became of the links of this node; reads only
    History {
        /// Show no changes from before WHEN: 30s, 15m, 2h or 3d ago, or a time, as "2026-11-22
        /// 03:00" or 2026-11-22T03:00:00+01:00
        #[arg(long, value_name = "WHEN")]
        since: Option<Since>,

        /// Show the changes of link NUMBER alone
        #[arg(
            long,
            value_name = "NUMBER",
            value_parser = value_parser!(u8).range(..=i64::from(LinkNumber::COUNT - 1))
        )]
        link: Option<u8>,

        /// Print JSON
        #[arg(long)]
        json: bool,

        /// Draw a picture into FILE instead
        #[arg(long, value_name = "FILE", conflicts_with = "json")]
        svg: Option<PathBuf>,
    },
    /// Check the whole installation and say what is wrong and what mends it; reads only
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say whether all is well, to a monitoring system: one line, and exit code 0, 1, 2 or 3
    Check(Check),
    /// Print metrics of this node for Prometheus
    Metrics,
    /// Set this node up after installing: show each command, and run it
    Setup {
        /// See to the alert agent, too; once for the whole cluster
        #[arg(long)]
        alert: bool,

        /// Take it back
        #[arg(long)]
        undo: bool,

        /// Show the commands only
        #[arg(long)]
        dry_run: bool,
    },
    /// Test the failover with a resource that serves nothing, and remove it again
    Drill(Drill),
    /// Delete this node's attributes, as stopping the timer does
    Clear,
}

/// When it is not all well.
#[derive(Debug, Args)]
pub struct Check {
    /// WARNING if knet's running average of a peer's round-trip time on a link is longer; by
    /// default that average soon hardly changes (see MONITORING in the man page)
    #[arg(long, value_name = "MS", value_parser = microseconds)]
    warning_latency: Option<u64>,

    /// CRITICAL if that average is longer; with Corosync's defaults neither limit is of much use
    #[arg(long, value_name = "MS", value_parser = microseconds)]
    critical_latency: Option<u64>,

    /// WARNING if a link went down more often than that within the flap window
    #[arg(long, value_name = "TIMES", value_parser = times)]
    warning_flaps: Option<u64>,

    /// CRITICAL if a link went down more often than that within the flap window
    #[arg(long, value_name = "TIMES", value_parser = times)]
    critical_flaps: Option<u64>,

    /// For how long it counts that a link went down
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = value_parser!(u64).range(1..))]
    flap_window: u64,

    /// CRITICAL if there was no good pass for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(1..))]
    max_age: u64,

    /// Answer within this time, even if something hangs
    #[arg(short, long, value_name = "SECONDS", default_value_t = 8, value_parser = timeout)]
    timeout: u64,

    /// Look at the links only, not at the passes and at what they publish (for Corosync without
    /// Pacemaker)
    #[arg(long, conflicts_with_all = ["warning_flaps", "critical_flaps", "flap_window", "max_age"])]
    no_attributes: bool,
}

impl Check {
    /// Returns the options for the command.
    pub fn options(&self) -> check::Options {
        let limits = Limits {
            latency: Levels {
                warning: self.warning_latency,
                critical: self.critical_latency,
            },
            flaps: Levels {
                warning: self.warning_flaps,
                critical: self.critical_flaps,
            },
            flap_window: Duration::from_secs(self.flap_window),
            max_age: Duration::from_secs(self.max_age),
        };
        check::Options {
            limits,
            attributes: !self.no_attributes,
            timeout: Duration::from_secs(self.timeout),
        }
    }
}

/// The failover test.
#[derive(Debug, Args)]
pub struct Drill {
    /// Make the resource move, too: by a rule on a ring attribute (ring, if not given), or by a
    /// standby of its node
    #[arg(
        long = "move",
        value_name = "HOW",
        num_args = 0..=1,
        default_missing_value = Move::NAMES[0],
        value_parser = PossibleValuesParser::new(Move::NAMES)
    )]
    way: Option<String>,

    /// Remove what a drill that was killed has left, from whatever node
    #[arg(long, conflicts_with_all = ["way", "yes"])]
    cleanup: bool,

    /// Start without asking
    #[arg(short, long)]
    yes: bool,

    /// Print a report as JSON at the end, and the steps on standard error
    #[arg(long)]
    json: bool,
}

impl Drill {
    /// The same for the command.
    pub fn options(&self) -> drill::Options {
        drill::Options {
            way: self.way.as_deref().and_then(Move::of),
            cleanup: self.cleanup,
            yes: self.yes,
            json: self.json,
        }
    }
}

/// Parses a timeout. Less would leave no time to query the CIB on a busy machine.
fn timeout(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok();
    let seconds = seconds.filter(|seconds| (2..=60).contains(seconds));
    seconds.ok_or_else(|| "it is 2 to 60 seconds".into())
}

/// How many times can be asked for: more are not remembered.
fn times(text: &str) -> Result<u64, String> {
    let most = flaps::RECENT as u64 - 1;
    let times = text.parse().ok().filter(|times| *times <= most);
    times.ok_or_else(|| format!("it is 0 to {most}"))
}

/// `0.5` milliseconds → 500.
fn microseconds(text: &str) -> Result<u64, String> {
    match text.parse::<f64>() {
        Ok(ms) if (0.0..=1e6).contains(&ms) => Ok((ms * 1000.0).round() as u64),
        _ => Err("it is a number of milliseconds, like 0.5".into()),
    }
}

/// What is wrong with a command line, or that help was asked for, in one line.
pub fn first_line(error: &clap::Error) -> String {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return format!(
            "ringcheck {}; see `man ringcheck`",
            env!("CARGO_PKG_VERSION")
        );
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
