//! The alert agent that says a link's change, with programs in the place of curl and mail.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use chrono::DateTime;
use predicates::prelude::*;
use tempfile::TempDir;

const SCRIPT: &str = include_str!("../alert-scripts/ringcheck-notify");
const PAGE: &str = include_str!("../man/ringcheck.8");

/// All that the agent needs of a node, besides what it sends with.
const TOOLS: [&str; 13] = [
    "date",
    "flock",
    "grep",
    "id",
    "mkdir",
    "rm",
    "sed",
    "sha256sum",
    "sleep",
    "tail",
    "timeout",
    "tr",
    "wc",
];

const EPOCH: i64 = 1_795_322_297;
const HOOK: &str = "https://user@hooks.example.com:8443/services/s3cret?x=[1]";
const FAULTY: &str = "10.77.1.2 is FAULTY";
const UP: &str = "10.77.1.2 is UP";

/// A node with a copy of the agent that remembers here, and with these programs.
struct Desk {
    place: TempDir,
}

impl Desk {
    fn with(programs: &[&str]) -> Desk {
        let place = tempfile::tempdir().unwrap();
        let bin = place.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for tool in TOOLS {
            let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool));
            let found = found.iter().find(|path| path.exists());
            symlink(found.expect(tool), bin.join(tool)).unwrap();
        }
        let desk = Desk { place };
        for name in programs {
            // What it was started with, a line an argument, and its input; then as told.
            let text = format!(
                "#!/bin/sh\nd={}\necho >> $d/{name}.runs\nprintf '%s\\n' \"$@\" > $d/{name}.arguments\n\
                 while IFS= read -r l || [ -n \"$l\" ]; do printf '%s\\n' \"$l\"; done > $d/{name}.input\n\
                 code=0\n[ ! -e $d/{name}.does ] || . $d/{name}.does\n\
                 [ {name} != curl ] || echo \"HTTP ${{http:-200}}\"\nexit $code\n",
                desk.path("").display()
            );
            desk.program(&format!("bin/{name}"), &text);
        }
        let memory = format!("\nMEMORY={}\n", desk.path("run/notified").display());
        let script = replaced(SCRIPT, "\nMEMORY=/run/ringcheck/notified\n", &memory);
        let path = "PATH=${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin\n";
        desk.program("notify", &replaced(&script, path, ""));
        desk
    }

    /// Another process makes the executable: a test beside this one that starts a program while
    /// it is open here would keep it open, and busy.
    fn program(&self, name: &str, text: &str) {
        let source = self.path("source");
        fs::write(&source, text).unwrap();
        let mut install = Command::new("install");
        let install = install.args(["-m", "755"]).arg(source);
        install.arg(self.path(name)).assert().success();
    }

    /// From now on a program does this at its end.
    fn does(&self, program: &str, script: &str) {
        fs::write(self.path(&format!("{program}.does")), script).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn runs(&self, program: &str) -> usize {
        self.read(&format!("{program}.runs")).lines().count()
    }

    /// Runs the agent as Pacemaker does for that value at that second.
    fn alert(&self, recipient: &str, value: &str, second: i64) -> Command {
        let mut command = Command::new(self.path("notify"));
        command
            .env_clear()
            .env("PATH", self.path("bin"))
            .current_dir(self.place.path())
            .timeout(std::time::Duration::from_secs(30))
            .env("CRM_alert_kind", "attribute")
            .env("CRM_alert_version", "2.1.5")
            .env("CRM_alert_recipient", recipient)
            .env("CRM_alert_node", "n2")
            .env("CRM_alert_nodeid", "2")
            .env("CRM_alert_attribute_name", "ringnumber_1")
            .env("CRM_alert_attribute_value", value)
            .env("CRM_alert_timestamp", "04:38:17.421850")
            .env("CRM_alert_timestamp_epoch", (EPOCH + second).to_string())
            .env("CRM_alert_timestamp_usec", "421850");
        command
    }

    fn file(&self) -> String {
        self.path("links.log").to_str().unwrap().to_owned()
    }

    /// What the file has got from these values, written one after the other.
    fn lines_of(&self, values: &[&str]) -> Vec<String> {
        for (second, value) in values.iter().enumerate() {
            let second = i64::try_from(second).unwrap();
            quiet(self.alert(&self.file(), value, second).assert());
        }
        self.lines()
    }

    /// The file's lines without their times.
    fn lines(&self) -> Vec<String> {
        let text = self.read("links.log");
        let lines = text.lines().map(|line| line.split_once(' ').unwrap().1);
        lines.map(str::to_owned).collect()
    }
}

fn replaced(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new)
}

fn quiet(assert: Assert) {
    assert.success().stdout("").stderr("");
}

/// One line on stderr that says this, and nothing else.
fn refuses(assert: Assert, line: &str) {
    let one = predicate::function(|text: &str| text.lines().count() == 1);
    assert
        .code(1)
        .stdout("")
        .stderr(predicate::str::starts_with("ringcheck-notify: ").and(one))
        .stderr(predicate::str::contains(line));
}

#[test]
fn what_is_no_change_of_a_link_is_ignored() {
    let desk = Desk::with(&[]);
    for kind in ["node", "fencing", "resource", "Attribute"] {
        let mut command = desk.alert(&desk.file(), FAULTY, 0);
        quiet(command.env("CRM_alert_kind", kind).assert());
    }
    for name in [
        "",
        "ringnumber_",
        "ringnumber_x",
        "ringnumber_10",
        "ringnumber_1 ",
        "ringnumber_1\n",
        "xringnumber_1",
        "pingd",
    ] {
        let mut command = desk.alert(&desk.file(), FAULTY, 0);
        quiet(command.env("CRM_alert_attribute_name", name).assert());
    }
    assert!(desk.lines().is_empty());
    assert!(!desk.path("run").exists());
}

#[test]
fn by_hand_it_says_what_it_is() {
    let desk = Desk::with(&[]);
    let mut command = Command::new(desk.path("notify"));
    command.env_clear().env("PATH", desk.path("bin"));
    refuses(command.assert(), "alert agent for Pacemaker");
}

#[test]
fn a_trial_is_always_said_and_not_remembered() {
    let desk = Desk::with(&[]);
    for _ in 0..2 {
        let mut command = desk.alert(&desk.file(), UP, 0);
        quiet(command.env_remove("CRM_alert_version").assert());
    }
    assert_eq!(desk.lines().len(), 2);
    assert!(!desk.path("run").exists());
}

#[test]
fn a_file_gets_one_line() {
    let desk = Desk::with(&[]);
    fs::write(desk.path("links.log"), "2026 before\n").unwrap();
    quiet(desk.alert(&desk.file(), FAULTY, 0).assert());
    let text = desk.read("links.log");
    let line = text.strip_prefix("2026 before\n").unwrap();
    let (time, said) = line.split_once(' ').unwrap();
    assert_eq!(said, "n2: ringnumber_1 = 10.77.1.2 is FAULTY\n");
    let time = DateTime::parse_from_rfc3339(time).unwrap();
    assert_eq!(time.timestamp(), EPOCH);
}

#[test]
fn a_webhook_gets_json_and_its_address_is_not_for_all_to_see() {
    let desk = Desk::with(&["curl"]);
    let node = "n\"2\\\n\u{7}$(touch pwned)`touch pwned`é";
    let mut command = desk.alert(HOOK, "fe80::1%eth0 is UNKNOWN", 0);
    quiet(command.env("CRM_alert_node", node).assert());
    let arguments = desk.read("curl.arguments");
    assert!(!arguments.contains("s3cret"), "{arguments}");
    assert_eq!(desk.read("curl.input"), format!("url = \"{HOOK}\"\n"));
    let (_, body) = arguments.split_once("--data-raw\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let node = "n\"2\\$(touch pwned)`touch pwned`é";
    assert_eq!(body["node"], node);
    let text = format!("{node}: ringnumber_1 = fe80::1%eth0 is UNKNOWN");
    assert_eq!(body["text"], text);
    assert_eq!(body["link"], 1);
    assert_eq!(body["address"], "fe80::1%eth0");
    assert_eq!(body["state"], "UNKNOWN");
    let time = DateTime::parse_from_rfc3339(body["time"].as_str().unwrap()).unwrap();
    assert_eq!(time.timestamp(), EPOCH);
    assert!(!desk.path("pwned").exists());
}

#[test]
fn a_mail_address_gets_a_mail() {
    for recipient in ["ops+ha@example.com", "mailto:ops+ha@example.com"] {
        let desk = Desk::with(&["mail"]);
        quiet(desk.alert(recipient, FAULTY, 0).assert());
        let arguments = desk.read("mail.arguments");
        assert_eq!(arguments, "-s\nn2: link 1 is FAULTY\nops+ha@example.com\n");
        let body = desk.read("mail.input");
        let first = "Link 1 of node n2 (10.77.1.2) is FAULTY, 20";
        assert!(body.starts_with(first), "{body}");
    }
    for recipient in ["root", "ops@example.com"] {
        let desk = Desk::with(&["mail", "sendmail"]);
        quiet(desk.alert(recipient, FAULTY, 0).assert());
        let arguments = desk.read("sendmail.arguments");
        assert_eq!(arguments, format!("-i\n--\n{recipient}\n"));
        let mail = desk.read("sendmail.input");
        let (head, body) = mail.split_once("\n\n").expect("a body");
        let wanted = format!("To: {recipient}\nSubject: n2: link 1 is FAULTY\nAuto-Submitted: ");
        assert!(head.starts_with(&wanted), "{head}");
        assert!(body.starts_with("Link 1 of node n2 "), "{body}");
        assert_eq!(desk.runs("mail"), 0);
    }
}

#[test]
fn a_hostile_value_is_refused() {
    let desk = Desk::with(&["curl", "sendmail"]);
    for value in [
        "$(touch pwned) is FAULTY",
        "`touch pwned` is FAULTY",
        "10.0.0.1;touch${IFS}pwned is FAULTY",
        "10.0.0.1 is FAULTY; touch pwned",
        "10.0.0.1 is FAULTY\nBcc: all@example.com",
        "10.0.0.1\nBcc: all@example.com\n is FAULTY",
        "\"10.0.0.1\" is FAULTY",
        "10.0.0.1 is is FAULTY",
        "10.0.0.1  is FAULTY",
        "10.0.0.1 is faulty",
        "10.0.0.1 is ",
        " is UP",
        "is UP",
        "UP",
        "-n",
        "%s%n",
    ] {
        for recipient in [&desk.file(), HOOK, "ops@example.com"] {
            let refused = desk.alert(recipient, value, 0).assert();
            refuses(
                refused,
                "ringnumber_1 of node n2 is not of ringcheck's form",
            );
        }
    }
    let mut nameless = desk.alert(HOOK, FAULTY, 0);
    refuses(
        nameless.env("CRM_alert_node", "\n").assert(),
        "without a name",
    );
    assert_eq!(desk.runs("curl") + desk.runs("sendmail"), 0);
    assert!(desk.lines().is_empty() && !desk.path("pwned").exists());
}

#[test]
fn a_hostile_node_or_time_is_harmless() {
    let desk = Desk::with(&["sendmail"]);
    // The second time it is compared with what is remembered.
    for value in [FAULTY, UP] {
        let mut command = desk.alert("ops@example.com", value, 0);
        let node = "n2\r\nBcc: all@example.com\n\n$(touch pwned)";
        command.env("CRM_alert_node", node);
        command.env("CRM_alert_timestamp_epoch", "x$(touch pwned)");
        command.env("CRM_alert_timestamp_usec", "a[$(touch pwned)]");
        quiet(command.assert());
    }
    assert_eq!(desk.runs("sendmail"), 2);
    let mail = desk.read("sendmail.input");
    assert!(!mail.lines().any(|line| line.starts_with("Bcc")), "{mail}");
    assert!(!desk.path("pwned").exists());
}

#[test]
fn a_mistaken_recipient_is_named() {
    let desk = Desk::with(&["curl", "mail", "sendmail"]);
    let none = "mail address, URL or absolute path";
    for (recipient, line) in [
        ("", "has no recipient"),
        ("var/log/links.log", none),
        ("htps://example.com/", none),
        ("-oQ/tmp@example.com", none),
        ("-ops@example.com", none),
        ("mailto:+folder", none),
        ("|sh@example.com", none),
        ("mailto:", none),
        ("mailto:/tmp/x", none),
        ("ops@example.com,dev@example.com", none),
        ("ops @example.com", none),
        ("ops@example.com\nx", none),
        ("https://example.com/\"\noutput = \"x", "no URL"),
        ("https://example.com/a b", "no URL"),
        (
            "/nowhere/links.log",
            "cannot append to /nowhere/links.log as ",
        ),
        ("/dev/null", "/dev/null: it is not a regular file"),
        ("/", "not a regular file"),
    ] {
        refuses(desk.alert(recipient, FAULTY, 0).assert(), line);
    }
    for program in ["curl", "mail", "sendmail"] {
        assert_eq!(desk.runs(program), 0, "{program}");
    }
}

#[test]
fn what_the_node_lacks_is_named() {
    let desk = Desk::with(&[]);
    let mail = desk.alert("ops@example.com", FAULTY, 0).assert();
    refuses(mail, "neither sendmail nor mail");
    refuses(desk.alert(HOOK, FAULTY, 0).assert(), "no curl");
}

#[test]
fn a_failure_is_one_line_and_tried_again() {
    let desk = Desk::with(&["curl", "sendmail"]);
    let refusal = "echo 'curl: (7) Failed to connect' >&2; http=000; code=7";
    desk.does("curl", refusal);
    let line = "cannot POST to hooks.example.com:8443: curl: (7) Failed to connect (exit code 7)";
    refuses(desk.alert(HOOK, FAULTY, 0).assert(), line);
    desk.does("curl", "http=302");
    refuses(desk.alert(HOOK, FAULTY, 1).assert(), "it answered HTTP 302");
    desk.does("curl", "http=204");
    quiet(desk.alert(HOOK, FAULTY, 2).assert());
    quiet(desk.alert(HOOK, FAULTY, 3).assert());
    assert_eq!(desk.runs("curl"), 3);
    desk.does("sendmail", "echo one; echo 'no such user' >&2; code=67");
    let line = "cannot mail to ops@example.com: no such user (exit code 67)";
    refuses(desk.alert("ops@example.com", FAULTY, 0).assert(), line);
    desk.does("sendmail", "");
    quiet(desk.alert("ops@example.com", FAULTY, 1).assert());
    assert_eq!(desk.runs("sendmail"), 2);
}

#[test]
fn each_change_is_said_once() {
    let desk = Desk::with(&[]);
    assert!(desk.lines_of(&[UP, UP]).is_empty(), "the first UP is news");
    let again = [FAULTY, FAULTY, UP, UP, "10.77.1.2 is UNKNOWN", UP];
    let said = desk.lines_of(&again);
    let states: Vec<&str> = said.iter().map(|l| l.rsplit(' ').next().unwrap()).collect();
    assert_eq!(states, ["FAULTY", "UP", "UNKNOWN", "UP"]);
}

#[test]
fn a_deletion_says_nothing_and_forgets_nothing() {
    let desk = Desk::with(&[]);
    let said = desk.lines_of(&[FAULTY, "", FAULTY, "", UP]);
    let wanted = [FAULTY, UP].map(|value| format!("n2: ringnumber_1 = {value}"));
    assert_eq!(said, wanted);
}

#[test]
fn recipients_nodes_and_links_are_told_apart() {
    let desk = Desk::with(&["curl"]);
    quiet(desk.alert(&desk.file(), FAULTY, 0).assert());
    quiet(desk.alert(HOOK, FAULTY, 0).assert());
    for (variable, value) in [
        ("CRM_alert_node", "n3"),
        ("CRM_alert_attribute_name", "ringnumber_0"),
    ] {
        let mut command = desk.alert(&desk.file(), FAULTY, 0);
        quiet(command.env(variable, value).assert());
    }
    assert_eq!(desk.lines().len(), 3);
    assert_eq!(desk.runs("curl"), 1);
}

#[test]
fn another_pacemaker_says_again_what_is_not_up() {
    let desk = Desk::with(&[]);
    // A shell in between, which is then the agent's parent.
    let script = format!("{}; exit $?", desk.path("notify").display());
    let elsewhere = |value, second| {
        let command = desk.alert(&desk.file(), value, second);
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().args(["-c", &script]);
        for (name, value) in command.get_envs() {
            shell.env(name, value.unwrap());
        }
        quiet(shell.assert());
        desk.lines().len()
    };
    assert_eq!(elsewhere(FAULTY, 0), 1);
    assert_eq!(elsewhere(FAULTY, 1), 2, "the other may not have said it");
    assert_eq!(elsewhere(UP, 2), 3, "the all-clear");
    assert_eq!(elsewhere(UP, 3), 3, "UP again");
}

#[test]
fn what_comes_late_is_not_said() {
    let desk = Desk::with(&[]);
    quiet(desk.alert(&desk.file(), FAULTY, 10).assert());
    quiet(desk.alert(&desk.file(), UP, 9).assert());
    assert_eq!(desk.lines().len(), 1);
    // Nor has it been remembered.
    quiet(desk.alert(&desk.file(), FAULTY, 11).assert());
    assert_eq!(desk.lines().len(), 1);
    // A clock that was set back an hour silences nothing.
    quiet(desk.alert(&desk.file(), UP, -3600).assert());
    assert_eq!(desk.lines().len(), 2);
}

#[test]
fn a_torn_memory_is_none() {
    let desk = Desk::with(&[]);
    let said = |second, torn: &str| {
        quiet(desk.alert(&desk.file(), FAULTY, second).assert());
        for entry in fs::read_dir(desk.path("run/notified")).unwrap() {
            fs::write(entry.unwrap().path(), torn).unwrap();
        }
        desk.lines().len()
    };
    assert_eq!(said(0, ""), 1);
    assert_eq!(said(1, "1 x FAULTY"), 2);
    assert_eq!(said(2, "1 2 FAUL"), 3);
    assert_eq!(said(3, "1"), 4);
    assert_eq!(said(4, ""), 5);
}

#[test]
fn what_stands_in_the_place_of_the_memory_is_replaced() {
    let shapes: [&dyn Fn(&Path); 4] = [
        &|path| fs::create_dir_all(path.join("a/b")).unwrap(),
        &|path| symlink("/nowhere", path).unwrap(),
        &|path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        &|path| fs::File::create(path).unwrap().set_len(3 << 30).unwrap(),
    ];
    for (index, shape) in shapes.iter().enumerate() {
        let desk = Desk::with(&["curl"]);
        quiet(desk.alert(HOOK, FAULTY, 1).assert());
        let folder = desk.path("run/notified");
        let memory = fs::read_dir(&folder).unwrap().next().unwrap();
        let memory = memory.unwrap().path();
        fs::remove_file(&memory).unwrap();
        shape(&memory);
        quiet(desk.alert(HOOK, FAULTY, 2).assert());
        assert_eq!(desk.runs("curl"), 2, "{index}: nothing was known");
        quiet(desk.alert(HOOK, FAULTY, 3).assert());
        assert_eq!(desk.runs("curl"), 2, "{index}: it is remembered again");
        if index > 0 {
            fs::remove_dir_all(&folder).unwrap();
            shape(&folder);
            quiet(desk.alert(HOOK, FAULTY, 4).assert());
            quiet(desk.alert(HOOK, FAULTY, 5).assert());
            assert_eq!(desk.runs("curl"), 3, "{index}: the folder is there again");
        }
    }
}

#[test]
fn what_cannot_be_remembered_is_said_all_the_same() {
    let desk = Desk::with(&[]);
    fs::write(desk.path("run"), "").unwrap();
    let refused = desk.alert(&desk.file(), FAULTY, 0).assert();
    refuses(refused, "said, but cannot remember it: ");
    assert_eq!(desk.lines().len(), 1);
}

#[test]
fn agents_side_by_side_say_it_once() {
    let desk = Desk::with(&["curl"]);
    desk.does("curl", "sleep 0.3");
    let start = || -> Child {
        let command = desk.alert(HOOK, FAULTY, 0);
        let mut child = std::process::Command::new(desk.path("notify"));
        child.env_clear().stdin(Stdio::null());
        child.envs(command.get_envs().map(|(n, v)| (n, v.unwrap())));
        child.spawn().unwrap()
    };
    let children: Vec<Child> = (0..6).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(desk.runs("curl"), 1);
}

#[test]
fn what_a_mail_program_leaves_behind_holds_up_nothing() {
    let desk = Desk::with(&["sendmail"]);
    desk.does(
        "sendmail",
        "sleep 25 > /dev/null 2>&1 < /dev/null & echo $! > $d/left",
    );
    let start = std::time::Instant::now();
    quiet(desk.alert("ops@example.com", FAULTY, 0).assert());
    desk.does("sendmail", "");
    quiet(desk.alert("ops@example.com", UP, 1).assert());
    let took = start.elapsed();
    let left = desk.read("left");
    let killed = std::process::Command::new("kill").arg(left.trim()).status();
    assert!(killed.unwrap().success(), "nothing was left behind");
    assert!(took.as_secs() < 8, "{took:?}");
    assert_eq!(desk.runs("sendmail"), 2);
}

#[test]
fn all_its_waiting_ends_before_pacemaker_ends_it() {
    let seconds = |name: &str| -> u32 {
        let start = format!("{name}=");
        let line = SCRIPT.lines().find_map(|line| line.strip_prefix(&start));
        line.expect(name).parse().unwrap()
    };
    assert!(seconds("WAIT") + seconds("TRIES") + seconds("POST") < 30);
    assert!(seconds("WAIT") + seconds("MAIL") + 2 < 30);
    for option in [
        "--max-time \"$POST\"",
        "--retry-max-time \"$TRIES\"",
        "timeout -k 2 \"$MAIL\" sendmail",
        "timeout -k 2 \"$MAIL\" mail",
        "flock -w \"$WAIT\"",
    ] {
        assert!(SCRIPT.contains(option), "{option}");
    }
}

#[test]
fn its_head_and_the_man_page_name_the_same_commands() {
    let (_, section) = PAGE.split_once(".Sh NOTIFICATIONS\n").expect("a section");
    let section = section.replace("\\(aq", "'");
    let commands: Vec<&str> = SCRIPT
        .lines()
        .take_while(|line| line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("#   "))
        .collect();
    assert_eq!(commands.len(), 3);
    for command in commands {
        let line = format!("\n# {command}\n");
        assert!(section.contains(&line), "{command}");
    }
}
