//! The man pages and the example of a settings file say what the code does: every exit code,
//! option, command and setting, and no command that is not tested.

use clap::CommandFactory;
use ringcheck::cli::Arguments;
use ringcheck::model::failure::Exit;
use ringcheck::store::config;

const PAGE: &str = include_str!("../man/ringcheck.8");
const JAPANESE: &str = include_str!("../man/ja/ringcheck.8");
const SETTINGS_PAGES: [(&str, &str); 2] = [
    (include_str!("../man/ringcheck.toml.5"), ".Sh SETTINGS\n"),
    (include_str!("../man/ja/ringcheck.toml.5"), ".Sh 設定\n"),
];
const FAILOVER: &str = include_str!("../docs/failover.md");
const EXAMPLE: &str = include_str!("../packaging/ringcheck.toml");

#[test]
fn the_exit_codes_are_those_of_the_table() {
    let (_, section) = PAGE.split_once(".Sh EXIT STATUS\n").expect("a section");
    let items = codes(section);
    assert_eq!(items.len(), Exit::TABLE.len());
    for (item, (exit, meaning)) in items.iter().zip(Exit::TABLE) {
        let start = format!("{}\n{meaning}", exit.code());
        assert!(item.starts_with(&start), "`{item}` is not `{start}`");
    }
    let (_, section) = JAPANESE.split_once(".Sh 終了コード\n").expect("a section");
    let codes = codes(section);
    let codes = codes.iter().filter_map(|item| item.lines().next());
    let known = Exit::TABLE.map(|(exit, _)| exit.code().to_string());
    assert_eq!(codes.collect::<Vec<_>>(), known);
}

fn codes(section: &str) -> Vec<&str> {
    let (section, _) = section.split_once(".El\n").expect("a list");
    section.split(".It ").skip(1).collect()
}

#[test]
fn no_option_or_command_is_missing() {
    let mut command = Arguments::command();
    command.build();
    let subcommands = command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help");
    for sub in subcommands.chain([&command]) {
        for option in sub
            .get_arguments()
            .filter_map(|argument| argument.get_long())
        {
            let is_there = |page: &str| {
                page.contains(&format!("Fl -{option}")) || page.contains(&format!(", -{option}"))
            };
            assert!(is_there(PAGE) && is_there(JAPANESE), "--{option}");
        }
        let name = format!(".It Cm {}", sub.get_name());
        let is_there = PAGE.contains(&name) && JAPANESE.contains(&name);
        assert!(sub.get_name() == "ringcheck" || is_there, "{name}");
    }
}

/// Whatever is typed or read by a machine is the same in both languages.
#[test]
fn commands_files_and_names_are_the_same_in_both_languages() {
    let told = |page: &str| {
        let lines = page.lines().filter_map(|line| {
            let (name, rest) = line.split_once(' ')?;
            let is_the_same = [".Pa", ".Ev", ".Dl", ".Ic"].contains(&name)
                || line.starts_with("# ")
                || line.starts_with(".It Pa ")
                || line.starts_with(".It Ic ")
                || line.starts_with(".It Fl ");
            let word = |word: &&str| !matches!(*word, "." | "," | ")");
            is_the_same.then(|| rest.split(' ').filter(word).collect::<Vec<_>>().join(" "))
        });
        lines.collect::<std::collections::BTreeSet<_>>()
    };
    let (english, japanese) = (told(PAGE), told(JAPANESE));
    let only_in = |one: &std::collections::BTreeSet<String>, other| {
        one.difference(other).cloned().collect::<Vec<_>>()
    };
    assert_eq!(
        only_in(&english, &japanese),
        [""; 0],
        "not in the Japanese page"
    );
    assert_eq!(
        only_in(&japanese, &english),
        [""; 0],
        "not in the English page"
    );
}

#[test]
fn no_setting_is_missing_and_the_defaults_are_true() {
    for (page, start) in SETTINGS_PAGES {
        let (_, section) = page.split_once(start).expect("a section");
        let (section, _) = section.split_once(".El\n").expect("a list");
        let named = section
            .lines()
            .filter_map(|line| line.strip_prefix(".It Cm "));
        are_the_defaults(&named.collect::<Vec<_>>().join("\n").replace("\\(dq", "\""));
    }
}

/// The document's commands are executed by cluster tests.
#[test]
fn the_commands_that_have_pacemaker_act_are_those_of_the_document() {
    let (_, section) = PAGE
        .split_once(".Sh ACTING ON A BROKEN LINK\n")
        .expect("a section");
    let (section, _) = section.split_once("\n.Sh ").expect("an end");
    let settings = SETTINGS_PAGES.iter().flat_map(|(page, _)| page.lines());
    let lines = section.lines().chain(settings);
    let lines = lines.map(|line| line.trim_start_matches(".Dl "));
    let commands: Vec<&str> = lines.filter(|line| line.starts_with("# ")).collect();
    assert_eq!(commands.len(), 6);
    for command in commands {
        assert!(FAILOVER.lines().any(|line| line == command), "{command}");
    }
}

#[test]
fn the_example_has_every_setting_and_its_default() {
    let settings = EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.is_empty() && !line.starts_with(' '));
    are_the_defaults(&settings.collect::<Vec<_>>().join("\n"));
    assert_eq!(config::parse(EXAMPLE), config::parse(""));
}

/// Whether this sets every setting, and to its default.
fn are_the_defaults(text: &str) {
    let default = config::parse("").expect("nothing set is valid");
    assert_eq!(config::parse(text), Ok(default), "{text}");
    let known = config::parse("nothing = 1").expect_err("no such setting");
    for setting in known.split('`').skip(3).step_by(2) {
        let start = format!("{setting} = ");
        let mut lines = text.lines();
        assert!(lines.any(|line| line.starts_with(&start)), "{setting}");
    }
}
