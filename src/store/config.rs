//! `/etc/ringcheck.toml` → settings. Every setting has a default, so the file is optional.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::model::failure::{Exit, Failure, remedy};
use crate::model::settings::{FaultyWhen, Ill, LONGEST_DEADLINE, Settings};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    faulty_when: Option<Peers>,
    recovery_hold: Option<u64>,
    refresh: Option<u64>,
    unknown_after: Option<u64>,
    deadline: Option<u64>,
    publish_lost_peers: Option<bool>,
    publish_reached_peers: Option<bool>,
    node_health: Option<Health>,
    metrics_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Peers {
    AnyPeer,
    AllPeers,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Health {
    Off,
    Yellow,
    Red,
}

/// The settings in `path`, or the defaults if `path` is none and the usual file is missing.
///
/// # Errors
/// When the file cannot be read, is not TOML, or has a setting that is unknown or out of its
/// bounds.
pub fn read(path: Option<&Path>) -> Result<Settings, Failure> {
    let file = path.unwrap_or(Path::new(super::CONFIGURATION));
    match fs::read_to_string(file) {
        Ok(text) => parse(&text).map_err(|why| {
            let line = format!("configuration {} is invalid: {why}", file.display());
            Failure::new(Exit::Configuration, line)
        }),
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_none() => {
            Ok(Settings::default())
        }
        Err(error) => {
            let remedy = match error.kind() {
                ErrorKind::InvalidData => "; it must be UTF-8",
                kind => remedy(kind),
            };
            let file = file.display();
            let line = format!("cannot read configuration {file}: {error}{remedy}");
            Err(Failure::new(Exit::Configuration, line))
        }
    }
}

/// The settings in this text; the error is one line and names the line of the text.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str) -> Result<Settings, String> {
    let file: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text[..at].matches('\n').count() + 1;
        let why = error.message().replace('\n', ", ");
        format!("line {line}: {why}")
    })?;
    let defaults = Settings::default();
    let seconds = |name: &str, value: Option<u64>, default: Duration, low: u64, high: u64| {
        let value = value.unwrap_or(default.as_secs());
        match (low..=high).contains(&value) {
            true => Ok(Duration::from_secs(value)),
            false => Err(format!(
                "{name} = {value} is out of bounds: it is {low} to {high} seconds"
            )),
        }
    };
    Ok(Settings {
        faulty_when: match file.faulty_when {
            Some(Peers::AllPeers) => FaultyWhen::AllPeers,
            Some(Peers::AnyPeer) => FaultyWhen::AnyPeer,
            None => defaults.faulty_when,
        },
        recovery_hold: seconds(
            "recovery-hold",
            file.recovery_hold,
            defaults.recovery_hold,
            0,
            3600,
        )?,
        refresh: seconds("refresh", file.refresh, defaults.refresh, 5, 86400)?,
        unknown_after: seconds(
            "unknown-after",
            file.unknown_after,
            defaults.unknown_after,
            0,
            86400,
        )?,
        deadline: seconds(
            "deadline",
            file.deadline,
            defaults.deadline,
            2,
            LONGEST_DEADLINE.as_secs(),
        )?,
        publish_lost_peers: file
            .publish_lost_peers
            .unwrap_or(defaults.publish_lost_peers),
        publish_reached_peers: file
            .publish_reached_peers
            .unwrap_or(defaults.publish_reached_peers),
        node_health: match file.node_health {
            Some(Health::Yellow) => Some(Ill::Yellow),
            Some(Health::Red) => Some(Ill::Red),
            Some(Health::Off) => None,
            None => defaults.node_health,
        },
        metrics_file: metrics_file(file.metrics_file)?,
    })
}

/// Nothing where it is empty. Only what node_exporter would read makes sense.
fn metrics_file(path: Option<PathBuf>) -> Result<Option<PathBuf>, String> {
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
        return Ok(None);
    };
    // Its folder is what the process may write.
    let folder = path
        .parent()
        .is_some_and(|folder| folder.parent().is_some());
    let proper = folder && path.is_absolute() && path.extension().is_some_and(|end| end == "prom");
    match proper {
        true => Ok(Some(path)),
        false => Err(format!(
            "metrics-file = {path:?} is no absolute path of a .prom file in a folder"
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_set_is_the_defaults() {
        assert_eq!(parse(""), Ok(Settings::default()));
    }

    #[test]
    fn every_setting_is_read() {
        let text = "faulty-when = 'all-peers'\nrecovery-hold = 1\nrefresh = 20\nunknown-after = 3\ndeadline = 4\npublish-lost-peers = false\npublish-reached-peers = true\nnode-health = 'red'\nmetrics-file = '/a/b.prom'\n";
        let settings = Settings {
            faulty_when: FaultyWhen::AllPeers,
            recovery_hold: Duration::from_secs(1),
            refresh: Duration::from_secs(20),
            unknown_after: Duration::from_secs(3),
            deadline: Duration::from_secs(4),
            publish_lost_peers: false,
            publish_reached_peers: true,
            node_health: Some(Ill::Red),
            metrics_file: Some("/a/b.prom".into()),
        };
        assert_eq!(parse(text), Ok(settings));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let unknown = parse("refresh = 20\n\nrecovery_hold = 1\n").unwrap_err();
        assert!(
            unknown.starts_with("line 3: unknown field `recovery_hold`"),
            "{unknown}"
        );
        let low = parse("deadline = 0").unwrap_err();
        assert_eq!(low, "deadline = 0 is out of bounds: it is 2 to 25 seconds");
        for path in ["b.prom", "a/b.prom", "/a/b", "/b.prom", "/"] {
            let why = parse(&format!("metrics-file = '{path}'")).unwrap_err();
            assert!(why.ends_with("of a .prom file in a folder"), "{why}");
        }
        assert_eq!(parse("metrics-file = ''"), Ok(Settings::default()));
        assert_eq!(parse("node-health = 'off'"), Ok(Settings::default()));
        for bad in [
            "deadline = -1",
            "deadline = '5s'",
            "faulty-when = 'never'",
            "node-health = 'green'",
            "x",
            "refresh = 1e400",
        ] {
            let why = parse(bad).unwrap_err();
            assert!(
                why.starts_with("line 1: ") && !why.contains('\n'),
                "{bad}: {why}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(deadline|refresh|[a-z\"'\\[\\]{}=é\n -]|[0-9]{1,20}|\\PC){0,60}") {
            let _ = parse(&text);
        }
    }
}
