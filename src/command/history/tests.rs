//! The history as text.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, Local, TimeDelta, TimeZone};

use super::*;
use crate::model::link::LinkState::{self, Faulty, Unknown, Up};
use crate::model::transition::Transition;
use crate::model::trigger::Trigger;
use crate::store::stamp::{Good, Stamp};
use crate::store::state::State;

/// So many seconds after a certain noon.
pub fn at(seconds: i64) -> DateTime<FixedOffset> {
    let noon = Local.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap();
    (noon + TimeDelta::seconds(seconds)).fixed_offset()
}

/// A change of a link, so many seconds after that noon.
pub fn record(link: u8, seconds: i64, from: Option<LinkState>, to: Option<LinkState>) -> Record {
    let change = Transition {
        link: LinkNumber(link),
        address: format!("10.77.{link}.2"),
        from,
        to,
        reason: match to {
            Some(Up) => "all 2 peers answer".into(),
            Some(_) => format!("interface ring{link} has no carrier"),
            None => "the attributes were deleted".into(),
        },
        peers: Vec::new(),
        lasted: from.map(|_| Duration::from_secs(7500)),
    };
    Record::new(at(seconds), &change, Trigger::Timer)
}

fn listed(records: &[Record], screen: Screen) -> String {
    list::list(&records.iter().collect::<Vec<_>>(), screen)
}

#[test]
fn the_list_has_the_newest_last_and_fits_a_terminal() {
    let records = [
        record(0, 0, None, Some(Up)),
        record(1, 5, Some(Up), Some(Faulty)),
        record(1, 20, Some(Faulty), None),
    ];
    assert_eq!(
        listed(&records, Screen::PLAIN),
        "\
TIME                 LINK  ADDRESS    CHANGE        AFTER  BY     REASON
2026-11-22 12:00:00  0     10.77.0.2  - -> UP       -      timer
    all 2 peers answer
2026-11-22 12:00:05  1     10.77.1.2  UP -> FAULTY  2h 5m  timer
    interface ring1 has no carrier
2026-11-22 12:00:20  1     10.77.1.2  FAULTY -> -   2h 5m  timer
    the attributes were deleted
"
    );
}

#[test]
fn on_a_wide_terminal_a_change_is_one_line() {
    let screen = Screen {
        colour: true,
        width: 120,
    };
    let text = listed(&[record(1, 5, Some(Up), Some(Faulty))], screen);
    let line = "2026-11-22 12:00:05  1     10.77.1.2  \x1b[32mUP\x1b[0m -> \x1b[1;31mFAULTY\x1b[0m  \
                2h 5m  timer  interface ring1 has no carrier";
    assert_eq!(text.lines().nth(1), Some(line));
}

#[test]
fn a_long_address_stands_with_the_reason() {
    let mut record = record(1, 5, Some(Up), Some(Faulty));
    record.address = "fd00:10:77:1:abcd:ef01:2345:6789".into();
    record.reason = "no answer from ".to_owned() + &["a-node-with-a-name"; 5].join(", ");
    let text = listed(&[record], Screen::PLAIN);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(
        text.contains("\n    fd00:10:77:1:abcd:ef01:2345:6789: no answer from"),
        "{text}"
    );
}

#[test]
fn a_clock_that_was_set_back_is_told() {
    let records = [
        record(0, 3600, None, Some(Up)),
        record(1, 3599, None, Some(Up)),
        record(1, 0, Some(Up), Some(Faulty)),
    ];
    let text = listed(&records, Screen::PLAIN);
    let told = "(the clock went back by 59m or more)\n2026-11-22 12:00:00";
    assert!(text.contains(told), "{text}");
    assert_eq!(text.matches("clock").count(), 1);
}

#[test]
fn what_the_file_has_does_not_command_the_terminal() {
    let mut record = record(1, 5, Some(Up), Some(Faulty));
    record.reason = "\x1b]0;evil\x07\nFAULTY \u{9b}2J".into();
    record.address = "\r10.77.1.2".into();
    record.lasted_s = Some(-1.0);
    let text = listed(&[record], Screen::PLAIN);
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
    assert!(text.contains("UP -> FAULTY  -      timer"), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn nothing_on_record_is_told_in_one_line() {
    let nothing = text(&[], &[], Some(at(0)), Screen::PLAIN);
    assert!(nothing.starts_with("no change of a link is on record"));
    let records = [record(0, 0, None, Some(Up))];
    let lately = text(
        &records,
        &chosen(&records, Some(at(1))),
        Some(at(1)),
        Screen::PLAIN,
    );
    assert_eq!(lately, "no link has changed since 2026-11-22 12:00:01\n");
}

/// What passes have left a minute after that noon: the last good one was forty seconds ago.
fn known(value: &str, unreadable: bool) -> Known {
    let mut state = State::new(Some("boot"));
    state.published.insert("ringnumber_1".into(), value.into());
    state.unreadable_since = unreadable.then_some(Moment(999_000));
    let good = Good {
        started: Moment(960_000),
        took: 5,
        forced: false,
        trigger: Trigger::Timer,
    };
    let stamp = Stamp {
        good: Some(good),
        ..Stamp::default()
    };
    Known {
        state: Some(state),
        stamp: Some(stamp),
    }
}

#[test]
fn a_state_is_known_to_last_until_the_last_good_pass() {
    let now = at(60).with_timezone(&Local);
    let until = |to, known: &Known| {
        let records = [record(1, 0, None, Some(Faulty)), record(1, 5, None, to)];
        let lasting = lasting(&records, known, Moment(1_000_000), now);
        assert!(lasting.len() <= 1);
        lasting.get(&LinkNumber(1)).copied()
    };
    let up = known("10.77.1.2 is UP", false);
    assert_eq!(until(Some(Up), &up), Some(at(20)));
    assert_eq!(until(Some(Faulty), &up), None);
    assert_eq!(until(None, &up), None);
    // The next pass is still to come.
    let mut recent = known("10.77.1.2 is UP", false);
    recent
        .stamp
        .as_mut()
        .unwrap()
        .good
        .as_mut()
        .unwrap()
        .started = Moment(975_000);
    assert_eq!(until(Some(Up), &recent), Some(at(60)));
    // Each pass fails then, and that is what it says.
    let unknown = known("10.77.1.2 is UNKNOWN", true);
    assert_eq!(until(Some(Unknown), &unknown), Some(at(60)));
    let rebooted = Known {
        state: Some(State::new(Some("another boot"))),
        stamp: Some(Stamp::default()),
    };
    assert_eq!(until(Some(Up), &rebooted), None);
}

#[test]
fn the_json_has_the_records_as_they_are_kept() {
    let records = [
        record(0, 0, None, Some(Up)),
        record(1, 5, Some(Up), Some(Faulty)),
    ];
    let chosen = chosen(&records, Some(at(1)));
    let now = at(60).with_timezone(&Local);
    let text = json(&Report::new(&chosen, Some(at(1)), now));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(value["since"], at(1).to_rfc3339());
    assert_eq!(value["time"], at(60).to_rfc3339());
    assert_eq!(value["node"]["name"], host::name());
    assert_eq!(value["records"], serde_json::json!([records[1]]));
}
