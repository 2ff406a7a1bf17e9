//! What `--since` takes: how long ago, or a time.

use std::str::FromStr;

use chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};

/// Further back than any history goes, and near enough to reckon with.
const LONGEST: TimeDelta = TimeDelta::days(36_500);

/// From when on changes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// This long ago.
    Ago(TimeDelta),
    /// At this time.
    At(DateTime<FixedOffset>),
    /// At this time by the node's own clock on the wall.
    Local(NaiveDateTime),
}

impl Since {
    /// The time that is meant.
    pub fn time(self, now: DateTime<Local>) -> DateTime<FixedOffset> {
        match self {
            Since::Ago(ago) => (now - ago).fixed_offset(),
            Since::At(time) => time,
            Since::Local(time) => Local
                .from_local_datetime(&time)
                .earliest()
                .map_or_else(|| skipped(time), |time| time.fixed_offset()),
        }
    }
}

/// A time that the clocks skip when summer begins: so long after the last one that they have.
fn skipped(time: NaiveDateTime) -> DateTime<FixedOffset> {
    let before = Local.from_local_datetime(&(time - TimeDelta::hours(3)));
    let before = before.earliest().map(|time| time.fixed_offset());
    before.unwrap_or_else(|| time.and_utc().fixed_offset()) + TimeDelta::hours(3)
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Since, String> {
        let text = text.trim();
        let local = |format| NaiveDateTime::parse_from_str(text, format).ok();
        let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        None.or_else(|| ago(text).map(Since::Ago))
            .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(Since::At))
            .or_else(|| local("%Y-%m-%d %H:%M").map(Since::Local))
            .or_else(|| local("%Y-%m-%d %H:%M:%S").map(Since::Local))
            .or_else(|| day()?.and_hms_opt(0, 0, 0).map(Since::Local))
            .filter(|since| match since {
                Since::Ago(ago) => *ago <= LONGEST,
                Since::At(time) => is_reckonable(time.naive_utc()),
                Since::Local(time) => is_reckonable(*time),
            })
            .ok_or_else(|| {
                "give how long ago, as 30s, 15m, 2h or 3d, or a time, as \"2026-11-22 03:00\" or 2026-11-22T03:00:00+01:00"
                    .to_owned()
            })
    }
}

fn is_reckonable(time: NaiveDateTime) -> bool {
    (0..=9999).contains(&chrono::Datelike::year(&time))
}

fn ago(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let number = text.strip_suffix(unit)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = number.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    TimeDelta::try_seconds(number.checked_mul(seconds)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_form_means_its_time() {
        let now = Local.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).unwrap();
        let at = |text: &str| text.parse::<Since>().unwrap().time(now);
        let ago = |text| (now.fixed_offset() - at(text)).num_seconds();
        assert_eq!(
            ["30s", "15m", "2h", "3d", "0s"].map(ago),
            [30, 900, 7200, 259_200, 0]
        );
        let local = |h, m, s| Local.with_ymd_and_hms(2026, 11, 22, h, m, s).unwrap();
        assert_eq!(at("2026-11-22 03:00"), local(3, 0, 0));
        assert_eq!(at("2026-11-22 03:00:07"), local(3, 0, 7));
        assert_eq!(at("2026-11-22"), local(0, 0, 0));
        let exact = at("2026-11-22T03:00:00.5+01:00");
        assert_eq!(exact.to_rfc3339(), "2026-11-22T03:00:00.500+01:00");
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_forms_that_are() {
        for text in [
            "",
            "s",
            "-5m",
            "+5m",
            "5",
            "5w",
            "1.5h",
            "5 m",
            "yesterday",
            "03:00",
            "2026-13-01",
            "99999999999d",
            "9223372036854775807s",
            "٣h",
            "5é",
        ] {
            let refused = text.parse::<Since>().unwrap_err();
            assert!(refused.contains("2h or 3d"), "{text}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9TZ: smhd.]{0,30}|.*") {
            let _ = text.parse::<Since>().map(|since| since.time(Local::now()));
        }
    }
}
