//! Section `logging` of corosync.conf(5): where the lines about links go.
//!
//! It is read as Corosync reads it (exec/coroparse.c, exec/logconfig.c and exec/logsys.c there), and
//! what these do with loggers that share a file was tried on Corosync 3.1.7 and 3.1.10.

use std::collections::BTreeMap;
use std::mem;

/// Where the lines about links go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this file.
    File(String),
    /// Nowhere: this file takes only more important lines.
    Quiet {
        /// The file.
        file: String,
        /// The subsystem that logs about links.
        subsystem: Subsystem,
        /// Lowest priority that the file takes, as the configuration has it.
        priority: String,
    },
    /// To no file: to syslog, or nowhere.
    Elsewhere(Off),
}

/// Reason why the lines go to no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Off {
    /// Corosync does not log to a file; the file that the configuration names all the same.
    All(Option<String>),
    /// This subsystem turns the file off.
    By(String),
}

/// Part of Corosync that logs about links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsystem {
    /// kronosnet, with priority info.
    Knet,
    /// The other transports, with priority notice.
    Totem,
}

impl Subsystem {
    /// The name that the configuration has for it.
    pub fn name(self) -> &'static str {
        match self {
            Subsystem::Knet => "KNET",
            Subsystem::Totem => "TOTEM",
        }
    }

    /// The priority of its lines about links.
    pub fn priority(self) -> &'static str {
        match self {
            Subsystem::Knet => "info",
            Subsystem::Totem => "notice",
        }
    }
}

/// Corosync's priorities, the most important ones first; of `err` there are two spellings.
const PRIORITIES: [&str; 9] = [
    "emerg", "alert", "crit", "err", "error", "warning", "notice", "info", "debug",
];

/// Settings of one logger by key.
type Logger<'a> = BTreeMap<&'a str, &'a str>;

/// Where corosync's lines about links go, from the text of its configuration.
pub fn target(configuration: &str) -> Target {
    let Settings { transport, loggers } = Settings::read(configuration);
    let subsystem = match transport {
        None | Some("knet") => Subsystem::Knet,
        Some(_) => Subsystem::Totem,
    };
    let none = Logger::new();
    let main = loggers.get("").unwrap_or(&none);
    let own = loggers.get(subsystem.name());
    let setting = |key| own.and_then(|own| own.get(key)).or_else(|| main.get(key));

    let main_file = main.get("logfile");
    let Some(file) = setting("logfile") else {
        return Target::Elsewhere(Off::All(None));
    };
    let main_is_on = main.get("to_logfile").is_some_and(|value| is_on(value));
    if main_file == Some(file) && !main_is_on {
        return Target::Elsewhere(Off::All(Some((*file).to_owned())));
    }
    // Loggers with the same file share it, and one that turns it off does so for all.
    let silences = |(name, logger): &(&&str, &Logger)| {
        let shares = logger.get("logfile").or(main_file) == Some(file);
        let switch = logger.get("to_logfile").or_else(|| logger.get("to_file"));
        !name.is_empty() && shares && !switch.map_or(main_is_on, |value| is_on(value))
    };
    if let Some((name, _)) = loggers.iter().find(silences) {
        return Target::Elsewhere(Off::By((*name).to_owned()));
    }

    // Each logger that is configured has `debug: off` unless it says otherwise itself.
    let debug = own.unwrap_or(main).get("debug");
    let debug = debug.is_some_and(|value| ["on", "trace"].contains(value));
    let priority = setting("logfile_priority").copied().unwrap_or("info");
    match debug || rank(priority) >= rank(subsystem.priority()) {
        true => Target::File((*file).to_owned()),
        false => Target::Quiet {
            file: (*file).to_owned(),
            subsystem,
            priority: priority.to_owned(),
        },
    }
}

/// Reads a switch. With any value but yes, on, no and off Corosync does not start.
fn is_on(value: &str) -> bool {
    ["yes", "on"].contains(&value)
}

/// Rank of a priority: lines up to a higher one are logged.
fn rank(priority: &str) -> Option<usize> {
    let same = |name: &&str| name.eq_ignore_ascii_case(priority);
    PRIORITIES.iter().position(same)
}

/// Settings that decide about logging.
#[derive(Default)]
struct Settings<'a> {
    transport: Option<&'a str>,
    /// Loggers by subsystem; the main one has an empty name.
    loggers: BTreeMap<&'a str, Logger<'a>>,
}

impl<'a> Settings<'a> {
    fn read(configuration: &'a str) -> Settings<'a> {
        let mut settings = Settings::default();
        let mut sections = Vec::new();
        let mut block = Logger::new();
        for line in configuration.lines().map(str::trim) {
            if line.starts_with('#') {
                continue;
            } else if let Some((name, _)) = line.split_once('{') {
                sections.push(name.trim_end_matches([' ', '\t', ':']));
                block.clear();
            } else if let Some((key, value)) = line.split_once(':') {
                let (key, value) = (key.trim(), value.trim());
                match sections.as_slice() {
                    ["totem"] if key == "transport" => settings.transport = Some(value),
                    ["logging"] => {
                        settings.loggers.entry("").or_default().insert(key, value);
                    }
                    // In such a block the first of two values counts.
                    ["logging", "logger_subsys" | "logging_daemon"] => {
                        block.entry(key).or_insert(value);
                    }
                    _ => {}
                }
            } else if line == "}" {
                match sections.as_slice() {
                    ["logging", "logger_subsys"] => settings.add(mem::take(&mut block)),
                    ["logging", "logging_daemon"] if block.remove("name") == Some("corosync") => {
                        settings.add(mem::take(&mut block));
                    }
                    _ => {}
                }
                sections.pop();
            }
        }
        settings
    }

    fn add(&mut self, mut block: Logger<'a>) {
        let name = block.remove("subsys").unwrap_or_default();
        self.loggers.entry(name).or_default().append(&mut block);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "/var/log/corosync/corosync.log";
    const OWN: &str = "/var/log/knet.log";

    fn file(path: &str) -> Target {
        Target::File(path.into())
    }

    fn quiet(priority: &str) -> Target {
        Target::Quiet {
            file: FILE.into(),
            subsystem: Subsystem::Knet,
            priority: priority.into(),
        }
    }

    fn off(file: Option<&str>) -> Target {
        Target::Elsewhere(Off::All(file.map(str::to_owned)))
    }

    /// The section with these lines, and KNET's part of it, if it has any.
    fn section(lines: &str, knet: &str) -> String {
        let knet = match knet {
            "" => String::new(),
            knet => format!("logger_subsys {{\nsubsys: KNET\n{knet}\n}}\n"),
        };
        format!("logging {{\n{lines}\n{knet}}}\n")
    }

    #[test]
    fn what_corosync_takes_for_yes_is_yes() {
        for (lines, wanted) in [
            ("to_logfile: yes\nlogfile: FILE", file(FILE)),
            ("to_logfile: on\nlogfile: FILE", file(FILE)),
            ("to_logfile: no\nlogfile: FILE", off(Some(FILE))),
            ("to_logfile: off\nlogfile: FILE", off(Some(FILE))),
            // Of the main logger it is off unless it is on, and the old name of the key is not heard.
            ("logfile: FILE", off(Some(FILE))),
            ("to_file: yes\nlogfile: FILE", off(Some(FILE))),
            ("to_logfile: yes", off(None)),
            ("to_syslog: yes", off(None)),
            ("to_logfile: no\nto_logfile: yes\nlogfile: FILE", file(FILE)),
            ("to_logfile:yes\n  logfile :\tFILE \r", file(FILE)),
            (
                "#to_logfile: no\nto_logfile: yes\nlogfile: FILE",
                file(FILE),
            ),
        ] {
            let text = section(&lines.replace("FILE", FILE), "");
            assert_eq!(target(&text), wanted, "{lines}");
        }
    }

    #[test]
    fn a_priority_may_keep_the_lines_out() {
        for (lines, knet, wanted) in [
            ("logfile_priority: info", "", file(FILE)),
            ("logfile_priority: DEBUG", "", file(FILE)),
            ("logfile_priority: notice", "", quiet("notice")),
            ("logfile_priority: warning", "", quiet("warning")),
            ("logfile_priority: error", "", quiet("error")),
            ("logfile_priority: err\ndebug: on", "", file(FILE)),
            ("logfile_priority: err\ndebug: trace", "", file(FILE)),
            // It has one of its own, or inherits it; `debug` is not inherited.
            ("", "logfile_priority: warning", quiet("warning")),
            (
                "logfile_priority: err",
                "logfile_priority: info",
                file(FILE),
            ),
            (
                "logfile_priority: err\ndebug: on",
                "to_syslog: no",
                quiet("err"),
            ),
            ("logfile_priority: err", "debug: on", file(FILE)),
            ("syslog_priority: err", "syslog_priority: err", file(FILE)),
        ] {
            let lines = format!("to_logfile: yes\nlogfile: {FILE}\n{lines}");
            assert_eq!(target(&section(&lines, knet)), wanted, "{lines} {knet}");
        }
    }

    #[test]
    fn a_subsystem_may_have_a_file_of_its_own() {
        let by = |name: &str| Target::Elsewhere(Off::By(name.into()));
        for (main, knet, wanted) in [
            ("yes", "logfile: OWN", file(OWN)),
            ("no", "logfile: OWN", by("KNET")),
            ("no", "logfile: OWN\nto_logfile: on", file(OWN)),
            ("no", "logfile: OWN\nto_file: yes", file(OWN)),
            ("yes", "logfile: OWN\nto_logfile: no", by("KNET")),
            // Of one file for both, each can turn it off.
            ("yes", "to_logfile: no", by("KNET")),
            ("no", "to_logfile: yes", off(Some(FILE))),
            ("no", "logfile: FILE\nto_logfile: yes", off(Some(FILE))),
            // The first of two values counts there.
            ("yes", "logfile: OWN\nlogfile: /other", file(OWN)),
        ] {
            let knet = knet.replace("OWN", OWN).replace("FILE", FILE);
            let text = section(&format!("to_logfile: {main}\nlogfile: {FILE}"), &knet);
            assert_eq!(target(&text), wanted, "{main} {knet}");
        }
        let main = format!("to_logfile: yes\nlogfile: {FILE}\n");
        let quorum = main + "logger_subsys {\nsubsys: QUORUM\nto_logfile: off\n}";
        assert_eq!(target(&section(&quorum, "")), by("QUORUM"));
        let other = quorum.replace("off", "off\nlogfile: /other");
        assert_eq!(target(&section(&other, "")), file(FILE));
        // Of two sections the second one counts.
        let text = section(
            &format!("to_logfile: yes\nlogfile: {FILE}"),
            "to_syslog: no",
        );
        let text = text + &section("", &format!("logfile: {OWN}"));
        assert_eq!(target(&text), file(OWN));
    }

    #[test]
    fn what_is_about_others_is_passed_over() {
        let main = format!("to_logfile: yes\nlogfile: {FILE}\n");
        for other in [
            "logger_subsys {\nsubsys: QUORUM\nlogfile: /other\nlogfile_priority: err\n}",
            "logging_daemon {\nname: qdevice\nlogfile: /other\n}",
            "interface {\nlogfile: /other\n}",
        ] {
            assert_eq!(target(&section(&format!("{main}{other}"), "")), file(FILE));
        }
        let knet = format!("logging_daemon {{\nname: corosync\nsubsys: KNET\nlogfile: {OWN}\n}}");
        assert_eq!(target(&section(&format!("{main}{knet}"), "")), file(OWN));
        let all = format!("logging_daemon {{\nname: corosync\nto_logfile: yes\nlogfile: {OWN}\n}}");
        assert_eq!(target(&section(&all, "")), file(OWN));
        for nothing in ["", "}}}", "{", "logging {", "logging {\n}\nto_logfile: yes"] {
            assert_eq!(target(nothing), off(None), "{nothing}");
        }
    }

    #[test]
    fn other_transports_tell_of_links_by_notices() {
        let main = format!("to_logfile: yes\nlogfile: {FILE}\nlogfile_priority: notice");
        let udpu = "totem {\ntransport: udpu\n}\n".to_owned() + &section(&main, "");
        assert_eq!(target(&udpu), file(FILE));
        let knet = udpu.replace("udpu", "knet");
        assert_eq!(target(&knet), quiet("notice"));
        let warning = udpu.replace("notice", "warning");
        let Target::Quiet { subsystem, .. } = target(&warning) else {
            panic!("{:?}", target(&warning));
        };
        assert_eq!(subsystem, Subsystem::Totem);
    }

    proptest! {
        #[test]
        fn no_configuration_makes_it_panic(
            text in "((logging|logger_subsys|totem) \\{\n|\\}\n|(to_logfile|logfile|subsys): (yes|KNET)?\n|\\PC|\n){0,30}"
        ) {
            let _ = target(&text);
        }
    }
}
