//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, value_parser};

use crate::command::history::Since;
use crate::model::link::LinkNumber;

/// Shows the state of Corosync's links as Pacemaker node attributes.
///
/// Without a command: the links of this node, as `ringcheck status` prints them. Started by
/// Pacemaker as an alert agent, it does a pass on node events and nothing on all others.
#[derive(Debug, Parser)]
#[command(
    name = "ringcheck",
    version,
    disable_version_flag = true,
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

    /// Read the settings from FILE instead of /etc/ringcheck.toml
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Say more of what is done and why
    #[arg(short = 'V', long, global = true)]
    pub verbose: bool,

    /// Print the version
    #[arg(long, short_alias = '$', action = ArgAction::Version)]
    version: Option<bool>,

    /// As ifcheckd had it: print help
    #[arg(short = '?', action = ArgAction::Help, hide = true)]
    help_for_ifcheckd: Option<bool>,

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
    /// Delete this node's attributes, as stopping the timer does
    Clear,
}
