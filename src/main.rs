//! The binary: parse, dispatch, exit code.

#![no_main]

mod libraries;
mod start;

use std::env;
use std::time::Duration;

use clap::Parser;
use ringcheck::cli::{self, Arguments, Command};
use ringcheck::cluster::alert::{self, Alert};
use ringcheck::cluster::journal::{Journal, Level, is_stderr};
use ringcheck::command::once::{self, Options};
use ringcheck::command::{
    check, clear, doctor, drill, history, metrics, screen, setup, station, status,
};
use ringcheck::model::failure::{Exit, Failure};
use ringcheck::model::link::LinkNumber;
use ringcheck::model::trigger::Trigger;

/// What is said to who starts ringcheck as ifcheckd was started.
const NO_DAEMON: &str = "this was one pass, and ifcheckd's options -f and -p do no more: there is no daemon and no \
     pid file; for a pass every five seconds run `systemctl enable --now ringcheck.timer`";

/// Does what was asked for; the exit code.
fn run() -> u8 {
    let alert = (env::args_os().len() <= 1).then(|| alert::recognise(env::vars_os()));
    let exit = match alert.flatten() {
        Some(Alert::Ignore) => Exit::Ok,
        Some(Alert::Pass { force }) => on_alert(force),
        None => return by_command_line(),
    };
    exit.code()
}

/// Monitoring systems have exit codes of their own, for a wrong command line, too.
fn by_command_line() -> u8 {
    let typed = env::args_os().skip(1);
    let arguments = match Arguments::of_unit(typed).map_or_else(Arguments::try_parse, Ok) {
        Ok(arguments) => arguments,
        Err(error) if env::args_os().any(|argument| argument == "check") => {
            return check::refuse(&cli::first_line(&error));
        }
        Err(error) => error.exit(),
    };
    match &arguments.command {
        Some(Command::Check(check)) => {
            let config = arguments.config.as_deref();
            check::run(config, &check.options())
        }
        Some(Command::Drill(drill)) => {
            let journal = Journal::new(Trigger::Hand, arguments.verbose);
            drill::run(&drill.options(), journal)
        }
        _ => by_hand(&arguments).code(),
    }
}

fn on_alert(force: bool) -> Exit {
    let options = Options {
        config: None,
        force,
        trigger: Trigger::Alert,
    };
    once::run(&options, Journal::new(Trigger::Alert, false))
}

fn by_hand(arguments: &Arguments) -> Exit {
    // The timer's clearing unit has no option of its own.
    let clears = matches!(arguments.command, Some(Command::Clear)) && is_stderr();
    let trigger = match arguments.quiet || clears {
        _ if arguments.event => Trigger::Log,
        true => Trigger::Timer,
        false => Trigger::Hand,
    };
    let journal = Journal::new(trigger, arguments.verbose);
    dispatch(arguments, trigger, journal).unwrap_or_else(|error| {
        station::say_once(|| journal.say(Level::Error, &format!("{error:#}")));
        let failure = error.downcast_ref::<Failure>();
        failure.map_or(Exit::Failed, |failure| failure.exit)
    })
}

fn dispatch(arguments: &Arguments, trigger: Trigger, journal: Journal) -> anyhow::Result<Exit> {
    let config = arguments.config.as_deref();
    let options = Options {
        config: arguments.config.clone(),
        force: arguments.force,
        trigger,
    };
    match &arguments.command {
        None if arguments.dry_run => {
            screen::print(&once::rehearse(&options, journal)?)?;
        }
        None if arguments.is_for_ifcheckd() => {
            let exit = once::run(&options, journal);
            journal.say(Level::Notice, NO_DAEMON);
            return Ok(exit);
        }
        None if arguments.once => return Ok(once::run(&options, journal)),
        None => status::run(config, &status::Options::default())?,
        Some(Command::History {
            since,
            link,
            json,
            svg,
        }) => {
            let options = history::Options {
                since: *since,
                link: link.map(LinkNumber),
                json: *json,
                svg: svg.clone(),
            };
            screen::print(&history::run(&options, screen::Screen::of_stdout())?)?;
        }
        Some(Command::Status {
            json,
            cluster,
            watch,
        }) => {
            let options = status::Options {
                json: *json,
                cluster: *cluster,
                watch: watch.map(Duration::from_secs),
            };
            status::run(config, &options)?;
        }
        Some(Command::Doctor { json }) => {
            let (text, exit) = doctor::run(config, *json, screen::Screen::of_stdout(), journal)?;
            screen::print(&text)?;
            return Ok(exit);
        }
        Some(Command::Setup {
            alert,
            undo,
            dry_run,
        }) => setup::run(setup::Options {
            alert: *alert,
            undo: *undo,
            dry_run: *dry_run,
        })?,
        Some(Command::Clear) => clear::run(config, trigger, journal)?,
        Some(Command::Metrics) => {
            let (text, failure) = metrics::run(config)?;
            screen::print(&text)?;
            return failure.map_or(Ok(Exit::Ok), |failure| Err(failure.into()));
        }
        // They have exit codes of their own, and have been answered.
        Some(Command::Check(_) | Command::Drill(_)) => {}
    }
    Ok(Exit::Ok)
}
