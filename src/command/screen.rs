//! How text is fitted to who reads it: colour, width, times.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

use chrono::{DateTime, Local, TimeDelta};
use rustix::termios::tcgetwinsize;

use crate::model::failure::{Exit, Failure, remedy};
use crate::model::link::LinkState;

/// What every terminal over ssh has.
const WIDTH: usize = 80;

/// The same.
const HEIGHT: usize = 24;

/// What a text is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Whether it shows colours.
    pub colour: bool,
    /// How many columns it has.
    pub width: usize,
}

impl Screen {
    /// Who reads no colours.
    pub const PLAIN: Screen = Screen {
        colour: false,
        width: WIDTH,
    };

    /// Who reads standard output: a terminal's own width, and colours for a terminal alone,
    /// unless `NO_COLOR` is set (<https://no-color.org>) or the terminal knows none.
    pub fn of_stdout() -> Screen {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = terminal();
        Screen {
            colour: terminal.is_some() && !unwanted,
            width: terminal.map_or(WIDTH, |(columns, _)| columns),
        }
    }

    /// A link's state, seven columns wide, in its colour; `-` while there is none.
    pub fn state(self, state: Option<LinkState>) -> String {
        let (text, code) = match state {
            None => return format!("{:7}", "-"),
            Some(state @ LinkState::Up) => (state, "32"),
            Some(state @ LinkState::Faulty) => (state, "1;31"),
            Some(state @ LinkState::Unknown) => (state, "33"),
        };
        let text = text.to_string();
        let fill = " ".repeat(7 - text.len());
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m{fill}"),
            false => text + &fill,
        }
    }

    /// Puts `rest` behind `row` if both fit into a line, and otherwise below it, `indent`
    /// columns in.
    pub fn beside_or_below(self, row: &str, rest: &str, indent: usize) -> String {
        match visible(row) + rest.chars().count() <= self.width {
            true => format!("{}\n", format!("{row}{rest}").trim_end()),
            false => format!("{}\n{}", row.trim_end(), self.wrap(rest, indent)),
        }
    }

    /// Breaks a text between its words, each line `indent` columns in. A word that is longer
    /// than a line stays whole: it is a name or an address to be copied.
    pub fn wrap(self, text: &str, indent: usize) -> String {
        let mut lines = vec![String::new()];
        for word in text.split_ascii_whitespace() {
            let line = lines.last_mut().expect("there is one");
            let length = indent + line.chars().count() + 1 + word.chars().count();
            if line.is_empty() {
                *line += word;
            } else if length <= self.width {
                *line += " ";
                *line += word;
            } else {
                lines.push(word.to_owned());
            }
        }
        let indent = " ".repeat(indent);
        let lines = lines.iter().map(|line| format!("{indent}{line}\n"));
        lines.collect()
    }
}

/// How many columns and rows the terminal has that is standard output, if it is one.
pub fn terminal() -> Option<(usize, usize)> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = tcgetwinsize(&stdout).ok();
    let (columns, rows) = size.map_or((0, 0), |size| (size.ws_col, size.ws_row));
    // A serial console knows no size.
    let known = |size: u16, usual| if size == 0 { usual } else { usize::from(size) };
    Some((known(columns, WIDTH), known(rows, HEIGHT)))
}

/// Prints a text to standard output. Whether somebody is still reading.
///
/// # Errors
/// When it cannot be written.
pub fn print(text: &str) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(true),
        // Who closed the pipe has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let line = format!("cannot print: {error}{}", remedy(error.kind()));
            Err(Failure::new(Exit::Failed, line))
        }
    }
}

/// How many columns a text takes: colours take none.
pub fn visible(text: &str) -> usize {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default().chars().count();
    let painted = parts.map(|part| {
        part.split_once('m')
            .map_or(0, |(_, text)| text.chars().count())
    });
    first + painted.sum::<usize>()
}

/// The beginning of a line that so many columns have room for, with all of its colours.
pub fn crop(line: &str, columns: usize) -> String {
    let (mut cropped, mut left, mut painting) = (String::new(), columns, false);
    for char in line.chars() {
        painting |= char == '\x1b';
        if painting {
            cropped.push(char);
            painting = char != 'm';
        } else if left > 0 {
            cropped.push(char);
            left -= 1;
        }
    }
    cropped
}

/// A time of the past: by the clock where that can mean one time only, and else the day.
pub fn short_time(time: DateTime<Local>, now: DateTime<Local>) -> String {
    let recent = now - time < TimeDelta::hours(12);
    let format = if recent { "%H:%M:%S" } else { "%Y-%m-%d" };
    time.format(format).to_string()
}

/// How long, in its two largest units: `45s`, `3m`, `2h 5m`, `3d 4h`.
pub fn short_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    const COLOURS: Screen = Screen {
        colour: true,
        ..Screen::PLAIN
    };

    #[test]
    fn colours_take_no_room() {
        for state in [LinkState::Up, LinkState::Faulty, LinkState::Unknown] {
            let painted = COLOURS.state(Some(state));
            assert_eq!(visible(&painted), 7, "{painted:?}");
            assert_eq!(Screen::PLAIN.state(Some(state)).trim(), state.to_string());
        }
        assert_eq!(
            COLOURS.state(Some(LinkState::Faulty)),
            "\x1b[1;31mFAULTY\x1b[0m "
        );
    }

    #[test]
    fn what_is_cut_off_keeps_its_colours() {
        let line = "0  \x1b[1;31mFAULTY\x1b[0m  why";
        assert_eq!(crop(line, 5), "0  \x1b[1;31mFA\x1b[0m");
        assert_eq!(crop(line, 80), line);
        assert_eq!(visible(&crop(line, 12)), 12);
    }

    #[test]
    fn what_does_not_fit_beside_stands_below() {
        let screen = Screen {
            width: 20,
            ..Screen::PLAIN
        };
        assert_eq!(
            screen.beside_or_below("0 UP ", "all is well now", 2),
            "0 UP all is well now\n"
        );
        assert_eq!(
            screen.beside_or_below("0  UP ", "all is well now", 2),
            "0  UP\n  all is well now\n"
        );
        assert_eq!(
            screen.wrap("n1, n2, n3, n4, n5, n6", 4),
            "    n1, n2, n3, n4,\n    n5, n6\n"
        );
        let name = "a-name-of-more-than-a-line";
        assert_eq!(
            screen.wrap(&format!("from {name}"), 2),
            format!("  from\n  {name}\n")
        );
    }

    #[test]
    fn a_time_is_short_and_means_one_time_only() {
        let at = |day, hour| Local.with_ymd_and_hms(2026, 11, day, hour, 3, 11).unwrap();
        assert_eq!(short_time(at(21, 23), at(22, 1)), "23:03:11");
        assert_eq!(short_time(at(21, 23), at(22, 22)), "2026-11-21");
        for (seconds, text) in [
            (45, "45s"),
            (179, "2m"),
            (7500, "2h 5m"),
            (273_600, "3d 4h"),
        ] {
            assert_eq!(short_duration(Duration::from_secs(seconds)), text);
        }
    }
}
