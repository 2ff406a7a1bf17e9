//! `ringcheck status --watch`: the same again and again, in place on a terminal.
//!
//! The screen is drawn over from its top left corner, each line cleared to its end, in one
//! write: nothing flickers and nothing scrolls. The terminal is in no state that would have to
//! be taken back, so an interrupt may end it anywhere.

use std::thread;
use std::time::Duration;

use crate::command::screen::{self, crop, visible};
use crate::model::failure::Failure;

/// Looks and shows until interrupted, or until nobody reads any more. What fails is shown in
/// place of what was to be shown.
///
/// # Errors
/// When standard output cannot be written to.
pub fn run(
    every: Duration,
    mut look: impl FnMut() -> Result<String, Failure>,
) -> Result<(), Failure> {
    let mut first = true;
    loop {
        let text = look()?;
        let drawn = match screen::terminal() {
            Some(size) => drawn(&text, size, first),
            None if first => text,
            None => format!("\n{text}"),
        };
        if !screen::print(&drawn)? {
            return Ok(());
        }
        first = false;
        thread::sleep(every);
    }
}

/// What draws this text over the screen. The cursor ends below it, where a shell's prompt
/// belongs after an interrupt; what the screen has no room for is cut off and counted.
fn drawn(text: &str, (columns, rows): (usize, usize), first: bool) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let room = rows.saturating_sub(1).max(1);
    let shown = match lines.len() <= room {
        true => lines.len(),
        false => room - 1,
    };
    // Once, for what stood there before may be in colours of its own.
    let mut drawn = if first { "\x1b[H\x1b[2J" } else { "\x1b[H" }.to_owned();
    for line in &lines[..shown] {
        drawn += &over(line, columns);
    }
    if shown < lines.len() {
        let more = format!("({} lines more)", lines.len() - shown);
        drawn += &over(&more, columns);
    }
    drawn + "\x1b[J"
}

/// What draws a line over another one. Behind a line that fills the terminal nothing is left to
/// clear, and its last character would be.
fn over(line: &str, columns: usize) -> String {
    let line = crop(line, columns);
    match visible(&line) < columns {
        true => line + "\x1b[K\n",
        false => line + "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_is_drawn_over_in_place() {
        let text = "one\n\x1b[32mUP\x1b[0m two\n";
        let expected = "\x1b[Hone\x1b[K\n\x1b[32mUP\x1b[0m two\x1b[K\n\x1b[J";
        assert_eq!(drawn(text, (80, 24), false), expected);
        assert_eq!(
            drawn(text, (80, 24), true),
            expected.replace("\x1b[H", "\x1b[H\x1b[2J")
        );
    }

    #[test]
    fn what_would_scroll_or_wrap_is_cut_off() {
        let text = "one and more\ntwo\nthree\nfour\n";
        let expected = "\x1b[Hone an\n(3 lin\n\x1b[J";
        assert_eq!(drawn(text, (6, 3), false), expected);
        assert_eq!(drawn(text, (80, 5), false).matches('\n').count(), 4);
        for rows in 0..8 {
            let lines = drawn(text, (80, rows), false).matches('\n').count();
            assert!(lines <= rows.saturating_sub(1).max(1), "{rows}");
        }
    }
}
