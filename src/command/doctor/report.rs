//! The points as text.

use serde::Serialize;

use crate::model::checkup::{self, Grade, Point};

/// What `--json` prints. Fields may be added within a version, never taken away or changed.
#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    grade: Grade,
    points: &'a [Point],
}

/// The points as JSON.
pub fn json(points: &[Point]) -> String {
    let report = Report {
        version: 1,
        grade: checkup::worst(points),
        points,
    };
    serde_json::to_string_pretty(&report).expect("a report is always valid JSON") + "\n"
}

/// The points, a line each, and the command that mends it below.
pub fn table(points: &[Point], colour: bool) -> String {
    let mut text = String::new();
    for point in points {
        let (word, code) = match point.grade {
            Grade::Ok => ("ok", "32"),
            Grade::Note => ("note", "36"),
            Grade::Warning => ("warning", "33"),
            Grade::Wrong => ("WRONG", "1;31"),
            Grade::Skipped => ("skipped", "2"),
        };
        let (start, end) = match colour {
            true => (format!("\x1b[{code}m"), "\x1b[0m"),
            false => (String::new(), ""),
        };
        let finding = printable(&point.finding);
        let line = format!("{start}{word:7}{end}  {:13}  {finding}", point.topic.name());
        text += line.trim_end();
        text += "\n";
        if let Some(command) = &point.command {
            text += &format!("    {}\n", printable(command));
        }
    }
    text + &summary(points)
}

fn summary(points: &[Point]) -> String {
    let count = |grade| points.iter().filter(|point| point.grade == grade).count();
    let plural = if count(Grade::Warning) == 1 { "" } else { "s" };
    let counts: Vec<String> = [
        (Grade::Wrong, "wrong".to_owned()),
        (Grade::Warning, format!("warning{plural}")),
        (Grade::Skipped, "skipped".to_owned()),
    ]
    .into_iter()
    .map(|(grade, word)| (count(grade), word))
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    match counts.is_empty() {
        true => "all is well\n".into(),
        false => format!("{}\n", counts.join(", ")),
    }
}

/// What others wrote may steer no terminal.
fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control(), "?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checkup::Topic;

    fn points() -> Vec<Point> {
        vec![
            Point::ok(Topic::Configuration, "defaults"),
            Point::wrong(Topic::Timer, "not enabled").mend("systemctl enable"),
            Point::warning(Topic::Links, "one\x1b[2J"),
            Point::skipped(Topic::Alert, "no Pacemaker"),
        ]
    }

    #[test]
    fn the_command_stands_below_what_it_mends() {
        let expected = "\
ok       configuration  defaults
WRONG    timer          not enabled
    systemctl enable
warning  links          one?[2J
skipped  alert          no Pacemaker
1 wrong, 1 warning, 1 skipped
";
        assert_eq!(table(&points(), false), expected);
        assert_eq!(
            table(&points()[..1], false),
            "ok       configuration  defaults\nall is well\n"
        );
    }

    #[test]
    fn colours_change_no_letter() {
        let mut text = table(&points(), true);
        assert!(text.starts_with("\x1b[32mok     \x1b[0m  configuration"));
        for code in ["\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[2m", "\x1b[0m"] {
            text = text.replace(code, "");
        }
        assert_eq!(text, table(&points(), false));
    }

    #[test]
    fn json_has_every_point() {
        let json: serde_json::Value = serde_json::from_str(&json(&points())).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(json["grade"], "wrong");
        let expected = serde_json::json!({
            "topic": "timer",
            "grade": "wrong",
            "finding": "not enabled",
            "command": "systemctl enable",
        });
        assert_eq!(json["points"][1], expected);
        assert_eq!(json["points"][0]["command"], serde_json::Value::Null);
    }
}
