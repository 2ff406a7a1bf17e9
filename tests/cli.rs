//! The command line, on a machine that need not be in a cluster.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use clap::Parser;
use predicates::prelude::*;
use ringcheck::cli::Arguments;
use tempfile::TempDir;

const SIGALRM: i32 = 14;

fn ringcheck() -> Command {
    let mut command = Command::cargo_bin("ringcheck").expect("cargo builds it");
    command.env_clear();
    command
}

/// One line on stderr that says this, nothing on stdout, and this exit code.
fn refuses(command: &mut Command, code: i32, line: &str) {
    let one_line = predicate::function(|text: &str| text.lines().count() == 1);
    command
        .assert()
        .code(code)
        .stdout("")
        .stderr(predicate::str::starts_with("ringcheck: ").and(predicate::str::contains(line)))
        .stderr(one_line);
}

#[test]
fn says_its_version() {
    let expected = format!("ringcheck {}\n", env!("CARGO_PKG_VERSION"));
    ringcheck()
        .arg("--version")
        .assert()
        .success()
        .stdout(expected);
}

/// What every unit starts is known without the parser, and is the same; nothing else is known so.
#[test]
fn what_units_type_is_understood_as_when_a_person_types_it() {
    let parsed = |words: &[&str]| {
        let words = ["ringcheck"].iter().chain(words);
        Arguments::try_parse_from(words).map(|arguments| format!("{arguments:?}"))
    };
    let known = |words: &[&str]| {
        let arguments = Arguments::of_unit(words.iter().map(OsString::from));
        arguments.map(|arguments| format!("{arguments:?}"))
    };
    let mut passes = 0;
    for unit in fs::read_dir("systemd-timers").unwrap() {
        let text = fs::read_to_string(unit.unwrap().path()).unwrap();
        let starts = text
            .lines()
            .filter_map(|line| line.strip_prefix("ExecStart="));
        for typed in starts.filter_map(|line| line.strip_prefix("/usr/sbin/ringcheck ")) {
            let words: Vec<&str> = typed.split(' ').collect();
            assert_eq!(known(&words), parsed(&words).ok(), "{typed}");
            passes += usize::from(known(&words).is_some());
        }
    }
    assert_eq!(passes, 4);
    let words = ["--once", "--quiet", "--event", "--force", "status"];
    for one in words {
        for two in words {
            for list in [&[one][..], &[one, two], &[one, two, "--once"]] {
                if let Some(known) = known(list) {
                    assert_eq!(parsed(list).ok(), Some(known), "{list:?}");
                }
            }
        }
    }
}

/// A file that whoever reads it waits for.
fn settings_that_nobody_writes() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let fifo = place.path().join("settings.toml");
    let made = Process::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    (place, fifo)
}

/// As wrappers of monitoring systems have it, so that no plugin hangs.
#[test]
fn an_alarm_that_was_set_before_ends_it() {
    let (_place, fifo) = settings_that_nobody_writes();
    let assert = Command::new("perl")
        .args(["-e", "alarm 1; exec @ARGV"])
        .args([cargo_bin("ringcheck"), "--once".into(), "--config".into()])
        .arg(fifo)
        .timeout(Duration::from_secs(30))
        .assert()
        .interrupted();
    assert_eq!(assert.get_output().status.signal(), Some(SIGALRM));
}

/// What is opened first would be written over by what is said.
#[test]
fn closed_streams_are_nothing_and_no_file() {
    let (_place, fifo) = settings_that_nobody_writes();
    let start = "exec \"$0\" --once --config \"$1\" <&- >&- 2>&-";
    let mut waiting = Process::new("sh")
        .args(["-c", start])
        .args([cargo_bin("ringcheck"), fifo])
        .spawn()
        .unwrap();
    let stream = |number: u8| fs::read_link(format!("/proc/{}/fd/{number}", waiting.id()));
    let mut tries = 0..500;
    let nothing = |number| stream(number).is_ok_and(|path| path.ends_with("dev/null"));
    while !(0..3).all(nothing) && tries.next().is_some() {
        thread::sleep(Duration::from_millis(10));
    }
    let streams: Vec<_> = (0..3).map(stream).collect();
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    assert!(tries.next().is_some(), "{streams:?} after five seconds");
}

#[test]
fn help_names_every_option_and_command() {
    let mut help = ringcheck().arg("--help").assert().success();
    for word in [
        "--once",
        "--dry-run",
        "--force",
        "--quiet",
        "--config <FILE>",
        "-V, --verbose",
        "--version",
        "-h, --help",
        "status",
        "history",
        "doctor",
        "drill",
        "clear",
        "check",
        "metrics",
    ] {
        help = help.stdout(predicate::str::contains(word));
    }
}

#[test]
fn what_goes_with_a_pass_needs_one() {
    for option in ["--force", "--dry-run", "--quiet"] {
        ringcheck()
            .arg(option)
            .assert()
            .code(2)
            .stderr(predicate::str::contains("--once"));
    }
}

#[test]
fn a_mistyped_command_line_is_refused() {
    for arguments in [
        &["--onec"][..],
        &["stauts"],
        &["--once", "status"],
        &["status", "-x"],
        &["drill", "--move=away"],
        &["drill", "--cleanup", "--move"],
        &["drill", "--cleanup", "--yes"],
    ] {
        ringcheck().args(arguments).assert().code(2).stdout("");
    }
}

#[test]
fn an_invalid_configuration_is_named_with_file_and_line() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("ringcheck.toml");
    fs::write(&file, "refresh = 20\ndeadline = 0\n").unwrap();
    for arguments in [
        &["--once"][..],
        &["--once", "--dry-run"],
        &["status"],
        &[],
        &["clear"],
    ] {
        let mut command = ringcheck();
        command.args(arguments).arg("--config").arg(&file);
        refuses(
            &mut command,
            3,
            "ringcheck.toml is invalid: deadline = 0 is out of bounds",
        );
    }
    fs::write(&file, "refresh = 20\nrefesh = 20\n").unwrap();
    let mut command = ringcheck();
    refuses(
        command.arg("--config").arg(&file),
        3,
        "line 2: unknown field `refesh`",
    );
    fs::write(&file, b"\xff\xfe").unwrap();
    let mut command = ringcheck();
    refuses(
        command.arg("--config").arg(&file),
        3,
        "cannot read configuration",
    );
    let mut command = ringcheck();
    refuses(command.args(["--config", "/nowhere"]), 3, "/nowhere");
}

#[test]
fn an_alert_that_is_not_for_us_does_nothing() {
    for kind in ["resource", "fencing", "attribute", ""] {
        ringcheck()
            .env("CRM_alert_kind", kind)
            .env("CRM_alert_version", "2.1.5")
            .assert()
            .success()
            .stdout("")
            .stderr("");
    }
}

#[test]
fn an_argument_is_no_alert() {
    ringcheck()
        .arg("--version")
        .env("CRM_alert_kind", "resource")
        .assert()
        .success()
        .stdout(predicate::str::starts_with("ringcheck "));
}

#[test]
fn without_a_cluster_each_command_says_so() {
    let corosync = "corosync is not running; start";
    for arguments in [&[][..], &["status"], &["status", "--json"], &["--once"]] {
        refuses(ringcheck().args(arguments), 5, corosync);
    }
}

#[test]
fn a_history_is_asked_for_in_forms_that_are_named() {
    for since in ["yesterday", "-1h", "2h30m"] {
        let argument = format!("--since={since}");
        ringcheck()
            .args(["history", &argument])
            .assert()
            .code(2)
            .stdout("")
            .stderr(predicate::str::contains("15m, 2h or 3d"));
    }
    ringcheck()
        .args(["history", "--link", "8"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("0..=7"));
    ringcheck()
        .args(["history", "--json", "--svg", "links.svg"])
        .assert()
        .code(2);
    let mut command = ringcheck();
    refuses(
        command.args(["history", "--since", "9999-01-01"]),
        2,
        "still to come",
    );
}

#[test]
fn without_a_history_there_is_a_line_that_says_so() {
    for arguments in [&["history"][..], &["history", "--since", "2h"]] {
        ringcheck()
            .args(arguments)
            .assert()
            .success()
            .stderr("")
            .stdout("no change of a link is on record in /var/lib/ringcheck/history.jsonl\n");
    }
    ringcheck()
        .args(["history", "--json"])
        .assert()
        .success()
        .stdout(
            predicate::str::contains("\"version\": 1")
                .and(predicate::str::contains("\"records\": []")),
        );
}

#[test]
fn a_watch_has_bounds() {
    for seconds in ["0", "3601", "-1", "soon"] {
        ringcheck()
            .args(["status", &format!("--watch={seconds}")])
            .assert()
            .code(2)
            .stdout("");
    }
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("ringcheck.toml");
    fs::write(&file, "deadline = 0\n").unwrap();
    let mut command = ringcheck();
    command.args(["status", "--watch", "--config"]).arg(&file);
    refuses(&mut command, 3, "deadline = 0 is out of bounds");
}

#[test]
fn a_watch_goes_on_where_a_look_fails_and_ends_when_nobody_reads() {
    let command = Process::new(cargo_bin("ringcheck"))
        .args(["status", "--watch", "1"])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut watch = command.expect("it starts");
    let stdout = watch.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(stdout).lines();
    for _ in 0..2 {
        let failure = "cannot read link state from cmap: corosync is not running";
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with(failure)));
        assert!(line.is_some(), "it ended");
    }
    drop(lines);
    assert!(watch.wait().expect("it ends").success());
}

#[test]
fn doctor_without_a_cluster_names_what_is_wrong_and_skips_the_rest() {
    let doctor = |json: &[&str]| {
        let mut command = ringcheck();
        command.arg("doctor").args(json).assert().code(1).stderr("")
    };
    let line = |line: &str| predicate::str::contains(format!("{line}\n"));
    doctor(&[])
        .stdout(line("WRONG    corosync       corosync is not running"))
        .stdout(line("skipped  attributes     Pacemaker is not running"))
        .stdout(line("skipped  links          corosync cannot be read"))
        .stdout(predicate::str::contains('\x1b').not());
    let json = doctor(&["--json"]).get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["grade"], "wrong");
    let topics = json["points"].as_array().unwrap().iter();
    let topics: Vec<&str> = topics.filter_map(|point| point["topic"].as_str()).collect();
    let page = include_str!("../man/ringcheck.8");
    for topic in topics {
        assert!(page.contains(&format!("\n.It {topic}\n")), "{topic}");
    }
}

#[test]
fn a_picture_is_drawn_where_it_is_wanted_and_nowhere_else() {
    let place = tempfile::tempdir().unwrap();
    let draw = |file: &str| {
        let mut command = ringcheck();
        command.current_dir(&place).args(["history", "--svg", file]);
        command
    };
    draw("links.svg").assert().success().stdout("").stderr("");
    let drawn = fs::read_to_string(place.path().join("links.svg")).unwrap();
    assert!(drawn.starts_with("<svg "), "{drawn}");
    assert!(drawn.ends_with("</svg>\n"), "{drawn}");
    draw("-")
        .assert()
        .success()
        .stdout(predicate::str::starts_with("<svg "));
    refuses(
        &mut draw("nowhere/links.svg"),
        1,
        "cannot write nowhere/links.svg: No such file",
    );
    refuses(
        &mut draw("/dev/null"),
        1,
        "cannot write /dev/null: that is no regular file",
    );
}

#[test]
fn the_options_of_ifcheckd_are_taken_and_not_advertised() {
    let help = ringcheck().arg("--help").output().unwrap().stdout;
    let version = ringcheck().arg("--version").output().unwrap().stdout;
    for (option, text) in [
        ("-?", ringcheck().arg("-h").output().unwrap().stdout),
        ("-$", version),
    ] {
        ringcheck().arg(option).assert().success().stdout(text);
    }
    let help = String::from_utf8(help).unwrap();
    for hidden in ["-f", "-p", "-?", "-$", "ifcheckd"] {
        assert!(
            !help.split_whitespace().any(|word| word == hidden),
            "{hidden}: {help}"
        );
    }
    for arguments in [
        &["-f"][..],
        &["-p", "/var/run/ifcheckd.pid"],
        &["-f", "-p", "/var/run/ifcheckd.pid"],
        &["-fVp/var/run/ifcheckd.pid"],
        &["--once", "-f"],
    ] {
        ringcheck()
            .args(arguments)
            .assert()
            .code(5)
            .stdout("")
            .stderr(predicate::str::contains(
                "ringcheck: corosync is not running; start",
            ))
            .stderr(predicate::str::contains(
                "`systemctl enable --now ringcheck.timer`\n",
            ));
    }
    ringcheck().args(["-f", "status"]).assert().code(2);
}

/// One line on stdout with this in it, nothing on stderr, and this exit code.
fn answers(arguments: &[&str], code: i32, line: &str) {
    let one_line = predicate::function(|text: &str| text.lines().count() == 1);
    ringcheck()
        .args(arguments)
        .assert()
        .code(code)
        .stdout(predicate::str::starts_with(line))
        .stdout(one_line)
        .stderr("");
}

#[test]
fn a_check_never_ends_with_a_code_that_means_something_else() {
    let unknown = "RINGCHECK UNKNOWN - ";
    for arguments in [
        &["check", "--bogus"][..],
        &["check", "--warning-latency"],
        &["check", "--warning-latency", "-1"],
        &["check", "--warning-latency", "NaN"],
        &["check", "--warning-flaps", "100"],
        &["check", "--max-age", "0"],
        &["check", "--timeout", "0"],
        &["check", "-t", "61"],
        &["check", "-t", "5s"],
        &["check", "--no-attributes", "--critical-flaps", "1"],
        &["check", "--once"],
        &["check", "--help"],
        &["check", "--config", "/nowhere"],
        &["--config", "/nowhere", "check"],
    ] {
        answers(arguments, 3, unknown);
    }
    let down = "RINGCHECK CRITICAL - cannot read link state from cmap: corosync is not running";
    for arguments in [&["check"][..], &["check", "--no-attributes"]] {
        answers(arguments, 2, down);
    }
}

#[test]
fn a_timeout_has_bounds_and_says_which() {
    for seconds in ["1", "61", "-1", "x"] {
        let answer = ringcheck().args(["check", "--timeout", seconds]).output();
        let line = String::from_utf8(answer.unwrap().stdout).unwrap();
        let why = if seconds == "-1" {
            "unexpected argument"
        } else {
            "it is 2 to 60 seconds"
        };
        assert!(line.contains(why), "{line}");
    }
}

/// Reading the settings has no deadline of its own: only the watchdog ends it.
#[test]
fn a_check_answers_in_time_whatever_hangs() {
    let (_place, fifo) = settings_that_nobody_writes();
    let start = Instant::now();
    ringcheck()
        .args(["check", "-t", "4", "--config"])
        .arg(fifo)
        .timeout(Duration::from_secs(30))
        .assert()
        .code(3)
        .stdout(predicate::str::starts_with(
            "RINGCHECK UNKNOWN - no result in time; look at `systemctl",
        ))
        .stderr("");
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[test]
fn metrics_without_a_cluster_say_so() {
    let none = "ringcheck_up 0\n";
    ringcheck()
        .arg("metrics")
        .assert()
        .code(5)
        .stdout(predicate::str::contains(none).and(predicate::str::contains("_link").not()))
        .stderr(predicate::str::contains("corosync is not running"));
}

#[test]
fn a_check_that_nobody_can_read_is_unknown() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Process::new(cargo_bin("ringcheck"));
    let status = command.arg("check").stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(3));
}
