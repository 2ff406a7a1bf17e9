//! What the timeline is drawn on.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};

use super::timeline::Charset;
use crate::command::screen::Screen;

/// The screen as wide as `COLUMNS` says, where it says something.
pub fn fitted(screen: Screen) -> Screen {
    let width = columns(env::var_os("COLUMNS"));
    Screen {
        width: width.unwrap_or(screen.width),
        ..screen
    }
}

fn columns(variable: Option<OsString>) -> Option<usize> {
    variable?
        .to_str()?
        .parse()
        .ok()
        .filter(|&columns| columns > 0)
}

/// Unicode on a terminal alone, and only where the locale says that it can show it.
pub fn charset() -> Charset {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    match io::stdout().is_terminal() && is_unicode(locale) {
        true => Charset::Unicode,
        false => Charset::Ascii,
    }
}

fn is_unicode(locale: Option<OsString>) -> bool {
    let locale = locale.unwrap_or_default().to_string_lossy().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_how_wide_and_in_which_characters() {
        for (text, width) in [("132", Some(132)), ("0", None), ("-1", None), ("", None)] {
            assert_eq!(columns(Some(text.into())), width, "{text}");
        }
        for locale in ["de_DE.UTF-8", "C.utf8"] {
            assert!(is_unicode(Some(locale.into())));
        }
        for locale in ["", "C", "de_DE.ISO-8859-1"] {
            assert!(!is_unicode(Some(locale.into())));
        }
    }
}
