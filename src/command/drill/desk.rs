//! Where a drill is followed: its lines as they come, its waits, and what interrupts it.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::signal::{Signal, Signals};
use crate::command::screen::{self, Screen, crop};
use crate::model::failure::{Exit, Failure, remedy};

/// How often the cluster is asked.
const POLL: Duration = Duration::from_millis(200);

/// How often a wait is told where it cannot be shown in place.
const TELL: Duration = Duration::from_secs(10);

/// How many columns the time takes.
const INDENT: usize = 11;

/// Why a drill does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What was done failed, or what was waited for did not come.
    Failed(String),
    /// It was told to end, or nobody reads any more.
    Interrupted(Signal),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(failure.line)
    }
}

/// What a look has shown of what is waited for.
pub enum Look<T> {
    /// It is there.
    Found(T),
    /// It is not there yet; this is.
    Not(String),
    /// It will not come.
    Never(String),
}

/// Where a drill is followed.
pub struct Desk {
    start: Instant,
    screen: Screen,
    /// Whether standard output is kept for JSON.
    apart: bool,
    signals: Signals,
    /// Whether signals end a wait.
    patient: bool,
    /// What has kept a line from being read.
    gone: Option<Stop>,
}

impl Desk {
    /// A desk on standard output, or `apart` on standard error.
    pub fn new(apart: bool, signals: Signals) -> Desk {
        let screen = match apart {
            true => Screen::PLAIN,
            false => Screen::of_stdout(),
        };
        Desk {
            start: Instant::now(),
            screen,
            apart,
            signals,
            patient: false,
            gone: None,
        }
    }

    /// The time since it was made.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// From now on nothing interrupts: what comes is told, and the work goes on.
    pub fn be_patient(&mut self) {
        self.patient = true;
    }

    /// Shows a line with its time.
    pub fn say(&mut self, text: &str) {
        self.show(text, None);
    }

    /// The same of what went wrong.
    pub fn warn(&mut self, text: &str) {
        self.show(text, Some("1;31"));
    }

    fn show(&mut self, text: &str, colour: Option<&str>) {
        let lines = self.screen.wrap(&printable(text), INDENT);
        let time = format!("{:>7.1} s  ", self.elapsed().as_secs_f64());
        let lines = format!("{time}{}", lines.get(INDENT..).unwrap_or_default());
        let lines = match colour.filter(|_| self.screen.colour) {
            Some(code) => format!("\x1b[{code}m{}\x1b[0m\n", lines.trim_end()),
            None => lines,
        };
        let clear = if self.in_place() { "\r\x1b[K" } else { "" };
        self.print(&format!("{clear}{lines}"));
    }

    /// Whether a wait can be shown in place.
    fn in_place(&self) -> bool {
        !self.apart && self.screen.colour
    }

    fn print(&mut self, text: &str) {
        let printed = match self.apart {
            true => to_stderr(text),
            false => screen::print(text),
        };
        let gone = match printed {
            Ok(true) => return,
            Ok(false) => Stop::Interrupted(Signal::PIPE),
            Err(failure) => Stop::Failed(failure.line),
        };
        self.gone.get_or_insert(gone);
    }

    /// What has come that ends a drill; a patient desk only tells it.
    fn interruption(&mut self) -> Option<Stop> {
        match (self.signals.take(), self.patient) {
            (Some(signal), true) => {
                self.say(&format!(
                    "{signal}: what the drill made is still being removed"
                ));
                None
            }
            (Some(signal), false) => Some(Stop::Interrupted(signal)),
            (None, true) => None,
            (None, false) => self.gone.clone(),
        }
    }

    /// That nothing has come that ends a drill.
    ///
    /// # Errors
    /// When something has.
    pub fn check(&mut self) -> Result<(), Stop> {
        self.interruption().map_or(Ok(()), Err)
    }

    /// Looks until it is there. A look that fails counts as not yet: while a controller is
    /// elected nothing answers.
    ///
    /// # Errors
    /// When it will not come, has not come within the limit, or something interrupts.
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut() -> Result<Look<T>, Failure>,
    ) -> Result<T, Stop> {
        let start = Instant::now();
        let mut told = start;
        loop {
            self.check()?;
            let seen = match look() {
                Ok(Look::Found(found)) => return Ok(found),
                Ok(Look::Not(seen)) => seen,
                Ok(Look::Never(why)) => return Err(Stop::Failed(why)),
                Err(failure) if failure.exit == Exit::Permission => return Err(failure.into()),
                Err(failure) => failure.line,
            };
            if start.elapsed() >= limit {
                let limit = limit.as_secs();
                let line = format!("waited {limit} s for {what} in vain: {seen}");
                return Err(Stop::Failed(line));
            }
            if self.in_place() {
                let time = self.elapsed().as_secs_f64();
                let line = format!(
                    "{time:>7.1} s  ... waiting for {what}: {}",
                    printable(&seen)
                );
                self.print(&format!("\r{}\x1b[K", crop(&line, self.screen.width - 1)));
            } else if told.elapsed() >= TELL {
                told = Instant::now();
                self.say(&format!("still waiting for {what}: {seen}"));
            }
            thread::sleep(POLL);
        }
    }
}

fn to_stderr(text: &str) -> Result<bool, Failure> {
    match io::stderr().write_all(text.as_bytes()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let line = format!("cannot print: {error}{}", remedy(error.kind()));
            Err(Failure::new(Exit::Failed, line))
        }
    }
}

/// What others wrote may steer no terminal.
fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control(), "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> Desk {
        Desk::new(true, Signals::default())
    }

    fn failed(exit: Exit) -> Result<Look<()>, Failure> {
        Err(Failure::new(exit, "no answer"))
    }

    #[test]
    fn a_wait_has_an_end_and_says_what_for_and_what_was_there() {
        let not = || Ok(Look::<()>::Not("Stopped".into()));
        let line = "waited 0 s for the start in vain: Stopped";
        let stop = desk().until("the start", Duration::ZERO, not);
        assert_eq!(stop, Err(Stop::Failed(line.into())));
        let stop = desk().until("the start", Duration::ZERO, || failed(Exit::Failed));
        assert_eq!(
            stop,
            Err(Stop::Failed(line.replace("Stopped", "no answer")))
        );
    }

    #[test]
    fn what_does_not_answer_is_asked_again() {
        let mut answers = [failed(Exit::PacemakerDown), Ok(Look::Found(()))].into_iter();
        let next = || answers.next().expect("no third look");
        assert_eq!(desk().until("it", Duration::from_secs(9), next), Ok(()));
    }

    #[test]
    fn what_will_not_come_is_not_waited_for() {
        let mut answers = [Ok(Look::<()>::Never("it is gone".into()))].into_iter();
        let next = || answers.next().expect("no second look");
        let stop = desk().until("it", Duration::from_secs(9), next);
        assert_eq!(stop, Err(Stop::Failed("it is gone".into())));
        let mut answers = [failed(Exit::Permission)].into_iter();
        let next = || answers.next().expect("no second look");
        let stop = desk().until("it", Duration::from_secs(9), next);
        assert_eq!(stop, Err(Stop::Failed("no answer".into())));
    }

    #[test]
    fn who_cannot_be_told_interrupts_what_is_not_patient() {
        let mut desk = desk();
        desk.gone = Some(Stop::Interrupted(Signal::PIPE));
        assert_eq!(desk.check(), Err(Stop::Interrupted(Signal::PIPE)));
        desk.be_patient();
        assert_eq!(desk.check(), Ok(()));
    }
}
