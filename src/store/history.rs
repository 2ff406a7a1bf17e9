//! The history: each change of a link as a line of JSON, in `/var/lib/ringcheck/history.jsonl`.
//!
//! Fields may be added to a line, never taken away or changed. The file is bounded: when it has
//! become too large, the older half of it goes.

use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use crate::model::failure::Failure;
use crate::model::link::{LinkNumber, LinkState};
use crate::model::transition::Transition;
use crate::model::trigger::Trigger;

/// Where the history is.
pub const FOLDER: &str = "/var/lib/ringcheck";

/// The history's name there.
pub const FILE: &str = "history.jsonl";

/// When it is too large, in bytes: some 2,500 changes.
const LARGEST: usize = 512 * 1024;

/// One change of a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was seen, by the wall clock.
    pub time: DateTime<FixedOffset>,
    /// The link.
    pub link: LinkNumber,
    /// Its address, empty where it was not known.
    pub address: String,
    /// The state that it had, `null` if nothing was known of it.
    pub from: Option<LinkState>,
    /// The state that it has since then, `null` if nothing is shown of it any more.
    pub to: Option<LinkState>,
    /// Why.
    pub reason: String,
    /// The names of the peers that did not answer on it.
    pub peers: Vec<String>,
    /// For how many seconds it had had the state before, `null` where that was not known.
    pub lasted_s: Option<f64>,
    /// What asked for the pass.
    pub trigger: Trigger,
}

impl Record {
    /// What is kept of a change.
    pub fn new(time: DateTime<FixedOffset>, change: &Transition, trigger: Trigger) -> Record {
        let seconds = |time: Duration| time.as_millis() as f64 / 1000.0;
        Record {
            time,
            link: change.link,
            address: change.address.clone(),
            from: change.from,
            to: change.to,
            reason: change.reason.clone(),
            peers: change.peers.clone(),
            lasted_s: change.lasted.map(seconds),
            trigger,
        }
    }
}

/// Adds to the history. Of two that do so at the same time none is lost, unless it becomes too
/// large just then.
///
/// # Errors
/// When it cannot be written.
pub fn append(folder: &Folder, records: &[Record]) -> Result<(), Failure> {
    let lines = records.iter().map(|record| {
        let line = serde_json::to_string(record).expect("a record is always valid JSON");
        line + "\n"
    });
    let length = folder.append(FILE, lines.collect::<String>().as_bytes())?;
    if length > LARGEST as u64
        && let Some(bytes) = folder.read_end(FILE)?
    {
        folder.replace(FILE, newer_half(&bytes))?;
    }
    Ok(())
}

/// What can be read of the history, the oldest first: a line that a power cut tore is left out.
///
/// # Errors
/// When it is there but cannot be read.
pub fn read(folder: &Folder) -> Result<Vec<Record>, Failure> {
    let bytes = folder.read_end(FILE)?.unwrap_or_default();
    Ok(parse(&bytes))
}

/// The records in these bytes.
pub fn parse(bytes: &[u8]) -> Vec<Record> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

fn newer_half(bytes: &[u8]) -> &[u8] {
    let half = &bytes[bytes.len() / 2..];
    let line = half.iter().position(|byte| *byte == b'\n');
    line.map_or(&[], |end| &half[end + 1..])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn record(reason: &str) -> Record {
        let change = Transition {
            link: LinkNumber(1),
            address: "10.77.1.1".into(),
            from: Some(LinkState::Up),
            to: Some(LinkState::Faulty),
            reason: reason.into(),
            peers: vec!["n2".into()],
            lasted: Some(Duration::from_millis(61_500)),
        };
        let time = DateTime::parse_from_rfc3339("2026-11-22T05:00:00.25+01:00").unwrap();
        Record::new(time, &change, Trigger::Timer)
    }

    #[test]
    fn one_odd_record_hides_no_other() {
        let line = |reason| serde_json::to_string(&record(reason)).unwrap();
        let odd = line("odd").replace("\"UP\"", "\"MELTED\"");
        let bytes = [line("a"), odd, "{}".into(), "\u{fffd}".into(), line("b")].join("\n");
        assert_eq!(parse(bytes.as_bytes()), [record("a"), record("b")]);
    }

    #[test]
    fn a_line_is_this_json() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        append(&folder, &[record("no answer from n2")]).unwrap();
        let text = fs::read_to_string(place.path().join(FILE)).unwrap();
        assert_eq!(
            text,
            "{\"time\":\"2026-11-22T05:00:00.250+01:00\",\"link\":1,\"address\":\"10.77.1.1\",\
             \"from\":\"UP\",\"to\":\"FAULTY\",\"reason\":\"no answer from n2\",\
             \"peers\":[\"n2\"],\"lasted_s\":61.5,\"trigger\":\"timer\"}\n"
        );
    }

    #[test]
    fn what_was_added_is_read_and_a_torn_line_harms_no_other() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        assert_eq!(read(&folder).unwrap(), []);
        append(&folder, &[record("a"), record("b")]).unwrap();
        let path = place.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        append(&folder, &[record("c")]).unwrap();
        assert_eq!(read(&folder).unwrap(), [record("a"), record("c")]);
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_new() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let records: Vec<Record> = (0..5000).map(|n| record(&n.to_string())).collect();
        for records in records.chunks(10) {
            append(&folder, records).unwrap();
            let length = place.path().join(FILE).metadata().unwrap().len();
            assert!(length <= LARGEST as u64, "{length}");
        }
        let kept = read(&folder).unwrap();
        assert!(kept.len() > 1000);
        assert_eq!(kept, records[records.len() - kept.len()..]);
    }

    #[test]
    fn of_a_file_of_gigabytes_the_end_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let path = place.path().join(FILE);
        fs::File::create(&path).unwrap().set_len(3 << 30).unwrap();
        append(&folder, &[record("a")]).unwrap();
        append(&folder, &[record("b")]).unwrap();
        assert!(path.metadata().unwrap().len() <= LARGEST as u64);
        let kept = read(&folder).unwrap();
        assert_eq!(kept, [record("a"), record("b")]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse(&bytes);
            newer_half(&bytes);
        }
    }
}
