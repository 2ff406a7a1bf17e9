//! The timeline shows all that is on record, and nothing else.

use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;

use super::super::stretch::{Lasting, stretches};
use super::super::tests::{at, record};
use super::*;
use crate::model::link::LinkState::{self, Faulty, Unknown, Up};
use crate::store::history::Record;

/// How long after that noon it is now.
const NOW: i64 = 3600;

fn until_now(minutes: i64) -> Span {
    Span::until(at(NOW), Some(at(NOW - 60 * minutes)))
}

/// What the cells of link 1 show of the last `minutes`, if its last state is known to last.
fn line(records: &[Record], lasting: Option<i64>, minutes: i64, parts: usize) -> String {
    let lasting: Lasting = lasting
        .map(|time| (LinkNumber(1), at(time)))
        .into_iter()
        .collect();
    let links = stretches(records, &lasting, at(NOW));
    let cells = cells(&links[&LinkNumber(1)], until_now(minutes), parts);
    cells
        .iter()
        .map(|&shown| Charset::Ascii.of(shown))
        .collect()
}

#[test]
fn each_state_is_shown_for_as_long_as_it_lasted() {
    let records = [
        record(1, 600, None, Some(Up)),
        record(1, 1200, Some(Up), Some(Faulty)),
        record(1, 1800, Some(Faulty), Some(Unknown)),
        record(1, 2400, Some(Unknown), Some(Up)),
        record(1, 3000, Some(Up), None),
    ];
    assert_eq!(line(&records, None, 60, 12), "  ==XX??==  ");
    assert_eq!(line(&records, None, 30, 6), "??==  ");
}

#[test]
fn a_short_fault_is_seen_in_a_long_time() {
    let records = [
        record(1, -864_000, None, Some(Up)),
        record(1, 1799, Some(Up), Some(Faulty)),
        record(1, 1801, Some(Faulty), Some(Up)),
    ];
    assert_eq!(line(&records, Some(NOW), 60, 5), "==X==");
    assert_eq!(line(&records, Some(NOW), 14_400, 10), "=========X");
}

/// The power was cut some time after noon: the link was UP then, and nobody knows until when.
#[test]
fn what_is_not_known_is_not_drawn_as_up() {
    let cut = [
        record(1, 0, None, Some(Up)),
        record(1, 3000, None, Some(Up)),
    ];
    assert_eq!(line(&cut, Some(NOW), 60, 12), "=.........==");
    // Of a record that could not be written only the next one tells.
    let missed = [
        record(1, 0, None, Some(Up)),
        record(1, 3000, Some(Faulty), Some(Up)),
    ];
    assert_eq!(line(&missed, Some(NOW), 60, 12), "=.........==");
    // And there has been no pass since then, or there was one some time ago.
    let down = [record(1, 0, None, Some(Up))];
    assert_eq!(line(&down, None, 60, 12), "=...........");
    assert_eq!(line(&down, Some(1200), 60, 12), "====........");
    // But what was deleted is not there.
    let deleted = [
        record(1, 0, Some(Up), None),
        record(1, 3000, None, Some(Up)),
    ];
    assert_eq!(line(&deleted, Some(NOW), 60, 12), "          ==");
}

#[test]
fn a_clock_that_was_set_hides_no_fault() {
    let records = [
        record(1, 0, None, Some(Up)),
        record(1, 2400, Some(Up), Some(Faulty)),
        record(1, 1200, Some(Faulty), Some(Up)),
        record(1, 90_000, Some(Up), Some(Faulty)),
    ];
    assert_eq!(line(&records, Some(NOW), 60, 6), "====XX");
}

#[test]
fn it_is_drawn_like_this() {
    let records = [
        record(0, 0, None, Some(Up)),
        record(1, 0, None, Some(Up)),
        record(1, 1800, Some(Up), Some(Faulty)),
        record(1, 2400, Some(Faulty), Some(Up)),
    ];
    let lasting = (0..2).map(|link| (LinkNumber(link), at(NOW))).collect();
    let links = stretches(&records, &lasting, at(NOW));
    let drawn = timeline(&links, until_now(60), Screen::PLAIN, Charset::Ascii);
    assert_eq!(
        drawn,
        "\
link 0 |=======================================================================|
link 1 |===================================XXXXXXXXXXXXX=======================|
        +--------+--------+---------+--------+---------+--------+--------------
        12:00    12:07    12:15     12:23    12:31     12:39    12:47     13:00
        = UP, X FAULTY, one character shows the worst of 50s
"
    );
    let screen = Screen {
        colour: true,
        width: 40,
    };
    let drawn = timeline(&links, until_now(60), screen, Charset::Unicode);
    assert!(drawn.contains("|\x1b[32m\u{2501}"), "{drawn}");
    assert!(
        drawn.contains("\u{2501}\x1b[0m\x1b[1;31m\u{2588}"),
        "{drawn}"
    );
}

/// The widest labels belong to the spans of some days.
#[test]
fn the_times_have_room_on_the_narrowest_terminal() {
    for seconds in [600, 40_000, 864_000, 86_400_000] {
        let span = Span::until(at(NOW), Some(at(NOW - seconds)));
        for parts in FEWEST..80 {
            let (ticks, labels) = axis(span, parts);
            assert_eq!((ticks.len(), labels.len()), (parts, parts), "{labels}");
            let times: Vec<&str> = labels
                .split("   ")
                .filter(|time| !time.is_empty())
                .collect();
            assert!(labels.ends_with(&span.label(at(NOW))), "{labels}");
            assert_eq!(times.len(), ticks.matches('+').count() + 1, "{labels}");
        }
    }
}

fn states() -> impl Strategy<Value = Option<LinkState>> {
    prop_oneof![
        Just(None),
        Just(Some(Up)),
        Just(Some(Faulty)),
        Just(Some(Unknown))
    ]
}

/// Records in any order, also of times to come.
fn histories() -> impl Strategy<Value = Vec<Record>> {
    let record = (0..3_u8, -1000..5000_i64, states(), states())
        .prop_map(|(link, time, from, to)| record(link, time, from, to));
    proptest::collection::vec(record, 0..12)
}

fn seen(record: &Record) -> DateTime<FixedOffset> {
    record.time.min(at(NOW))
}

proptest! {
    #[test]
    fn each_record_is_seen(records in histories(), begin in -2000..3540_i64, parts in 1..200_usize) {
        let span = Span::until(at(NOW), Some(at(begin)));
        let links = stretches(&records, &Lasting::new(), at(NOW));
        for record in &records {
            let cells = cells(&links[&record.link], span, parts);
            prop_assert_eq!(cells.len(), parts);
            if let Some(into) = span.at(seen(record), parts) {
                let cell = cells[(into as usize).min(parts - 1)];
                prop_assert!(cell >= record.to.into(), "{:?} shows {:?}", record, cell);
            }
        }
    }

    #[test]
    fn a_cell_shows_what_was_and_nothing_else(
        records in histories(),
        begin in -2000..3540_i64,
        parts in 1..200_usize,
        lasting in proptest::option::of(0..4000_i64),
    ) {
        let span = Span::until(at(NOW), Some(at(begin)));
        let lasting: Lasting = lasting.map(|time| (LinkNumber(1), at(time))).into_iter().collect();
        for stretches in stretches(&records, &lasting, at(NOW)).values() {
            for stretch in stretches {
                prop_assert!(stretch.begin <= stretch.end && stretch.end <= at(NOW));
            }
            let cells = cells(stretches, span, parts);
            for (cell, shown) in cells.iter().enumerate() {
                // A millisecond is what times are rounded by.
                let begin = span.time(cell, parts);
                let end = span.time(cell + 1, parts) + TimeDelta::milliseconds(1);
                let there = stretches.iter().filter(|s| s.begin <= end && s.end >= begin);
                let there: Vec<Shown> = there.map(|stretch| stretch.shown).collect();
                prop_assert!(*shown == Shown::Nothing || there.contains(shown));
                let inside = stretches.iter().filter(|s| {
                    let one = TimeDelta::milliseconds(1);
                    s.begin <= begin + one && s.end >= end - one - one
                });
                for stretch in inside {
                    prop_assert!(*shown >= stretch.shown);
                }
            }
        }
    }

    #[test]
    fn it_fits_any_terminal(
        records in histories(),
        width in 0..500_usize,
        begin in prop_oneof![-2000..3540_i64, -90_000_000..3540_i64],
    ) {
        let screen = Screen { colour: false, width };
        let span = Span::until(at(NOW), Some(at(begin)));
        let links = stretches(&records, &Lasting::new(), at(NOW));
        let text = timeline(&links, span, screen, Charset::Ascii);
        let drawn = text.lines().take(links.len() + 2);
        for line in drawn {
            prop_assert!(line.len() <= width.max(29), "{line}");
        }
    }
}
