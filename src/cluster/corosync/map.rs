//! One of cmap's maps, read key by key, and what its errors mean.

use rust_corosync::CsError;
use rust_corosync::cmap::{self, CmapIterStart, Data};

use super::errors::{self, Meaning};
use crate::model::failure::{Exit, Failure};

/// One of cmap's maps.
pub(super) struct Map(cmap::Handle);

impl Map {
    /// A map that is connected, or is now.
    pub(super) fn opened(opened: Option<Map>, map: cmap::Map) -> Result<Map, Failure> {
        let connect = || cmap::initialize(map).map(Map).map_err(not_connected);
        opened.map_or_else(connect, Ok)
    }

    fn get(&self, key: &str) -> Result<Option<Data>, CsError> {
        match cmap::get(&self.0, key) {
            Ok(data) => Ok(Some(data)),
            Err(CsError::CsErrNotExist) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A number of up to 32 bits; none if there is no such key. What Corosync takes from its
    /// configuration without knowing it is text.
    pub(super) fn number(&self, key: &str) -> Result<Option<u32>, Failure> {
        match self.get(key) {
            Ok(None) => Ok(None),
            Ok(Some(Data::UInt8(n))) => Ok(Some(n.into())),
            Ok(Some(Data::UInt16(n))) => Ok(Some(n.into())),
            Ok(Some(Data::UInt32(n))) => Ok(Some(n)),
            Ok(Some(Data::String(text))) if text.parse::<u32>().is_ok() => Ok(text.parse().ok()),
            Ok(Some(_)) => Err(unreadable(
                key,
                "it is not the number that was expected; `corosync-cmapctl` shows it",
            )),
            Err(error) => Err(not_read(key, error)),
        }
    }

    /// A signed number; none if there is no such key.
    pub(super) fn signed_number(&self, key: &str) -> Result<Option<i32>, Failure> {
        match self.get(key) {
            Ok(None) => Ok(None),
            Ok(Some(Data::Int32(n))) => Ok(Some(n)),
            Ok(Some(_)) => Err(unreadable(key, "it is not the number that was expected")),
            Err(error) => Err(not_read(key, error)),
        }
    }

    /// The keys that begin so.
    pub(super) fn keys(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        let entries =
            CmapIterStart::new(&self.0, prefix).map_err(|error| not_read(prefix, error))?;
        Ok(entries
            .into_iter()
            .map(|entry| entry.key_name().to_owned())
            .collect())
    }

    /// A number of up to 64 bits; none if there is no such key.
    pub(super) fn counter(&self, key: &str) -> Result<Option<u64>, Failure> {
        match self.get(key) {
            Ok(None) => Ok(None),
            Ok(Some(Data::UInt32(n))) => Ok(Some(n.into())),
            Ok(Some(Data::UInt64(n))) => Ok(Some(n)),
            Ok(Some(_)) => Err(unreadable(
                key,
                "it is not the counter that was expected; `corosync-cmapctl` shows it",
            )),
            Err(error) => Err(not_read(key, error)),
        }
    }

    /// A text; none if there is no such key.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Failure> {
        match self.get(key) {
            Ok(None) => Ok(None),
            Ok(Some(Data::String(text))) => Ok(Some(text)),
            Ok(Some(_)) => Err(unreadable(
                key,
                "it is not the text that was expected; `corosync-cmapctl` shows it",
            )),
            Err(CsError::CsErrInvalidParam) => self.long_text(key).map(Some),
            Err(error) => Err(not_read(key, error)),
        }
    }

    fn long_text(&self, key: &str) -> Result<String, Failure> {
        let entries = CmapIterStart::new(&self.0, key).map_err(|error| not_read(key, error))?;
        let found = entries.into_iter().find(|entry| entry.key_name() == key);
        match found.as_ref().map(|entry| entry.data()) {
            Some(Data::String(text)) => Ok(text.clone()),
            _ => Err(unreadable(
                key,
                "it is not the text that was expected; `corosync-cmapctl` shows it",
            )),
        }
    }
}

pub(super) fn not_connected(error: CsError) -> Failure {
    let Meaning { exit, line } = errors::explain(error);
    Failure::new(exit, format!("cannot read link state from cmap: {line}"))
        .known_as(format!("Failed to connect cmap.  Error {}", error as u32))
}

fn not_read(key: &str, error: CsError) -> Failure {
    // The connection existed, so corosync was running and had started.
    let error = match error {
        CsError::CsErrLibrary => CsError::CsErrBadHandle,
        CsError::CsErrTryAgain => CsError::CsErrBusy,
        error => error,
    };
    let Meaning { exit, line } = errors::explain(error);
    match exit {
        Exit::CorosyncDown => {
            Failure::new(exit, format!("cannot read link state from cmap: {line}"))
        }
        _ => Failure {
            exit,
            ..unreadable(key, &line)
        },
    }
}

pub(super) fn unreadable(key: &str, why: &str) -> Failure {
    let line = format!("cannot read link state from cmap: {key}: {why}");
    Failure::new(Exit::Unreadable, line)
        .known_as(format!("Failed to fetch key name: tmp_key={key}"))
}
