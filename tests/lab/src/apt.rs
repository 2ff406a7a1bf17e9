//! Where the nodes' packages come from: the host's own apt configuration.

use std::env;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::{self, host_within};

const LIMIT: Duration = Duration::from_secs(60);
/// The settings that say how to reach a mirror, not what to take from it.
const SETTINGS: [&str; 6] = [
    "Acquire::http::",
    "Acquire::https::",
    "Acquire::Retries ",
    "Acquire::Check-",
    "Acquire::ForceIPv4 ",
    "Acquire::ForceIPv6 ",
];

/// What the build of an image needs to fetch packages.
pub(crate) struct Sources {
    /// For debootstrap.
    pub(crate) mirror: String,
    /// The sources.list.
    pub(crate) list: String,
    /// The apt configuration: proxies and the like.
    pub(crate) configuration: String,
    /// Proxy variables, for the programs that do not know apt's configuration.
    pub(crate) proxies: Vec<(String, String)>,
}

impl Sources {
    /// The host's Debian sources, made to name `suite`; or the mirror `LAB_MIRROR`.
    pub(crate) fn of_host(suite: &str) -> Result<Self> {
        let format = "$(ORIGIN)|$(SITE)|$(RELEASE)|$(COMPONENT)";
        let list = match env::var("LAB_MIRROR") {
            Ok(mirror) => format!("deb {mirror} {suite} main\n"),
            Err(_) => {
                let targets = run(&[
                    "apt-get",
                    "indextargets",
                    "--format",
                    format,
                    "Created-By: Packages",
                ])?;
                select(&targets, &codename()?, suite)
            }
        };
        let base = format!(" {suite} main");
        let mirror = list
            .lines()
            .find_map(|line| line.strip_prefix("deb ")?.strip_suffix(&base))
            .context(
                "apt's configuration names no Debian mirror: set LAB_MIRROR to the URL of one",
            )?
            .to_owned();
        let configuration = settings(&run(&["apt-config", "dump"])?);
        let proxies = proxies(&configuration);
        Ok(Self {
            mirror,
            list,
            configuration,
            proxies,
        })
    }
}

fn run(argv: &[&str]) -> Result<String> {
    command::run(host_within(LIMIT).args(argv), LIMIT)
}

fn codename() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let value = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(value.unwrap_or_default().trim_matches('"').to_owned())
}

/// Sources of the release `suite` at the sites where the host has its own release,
/// `codename`, from.  Other people's repositories are left out.
fn select(targets: &str, codename: &str, suite: &str) -> String {
    let known = targets.lines().any(|line| line.starts_with("Debian|"));
    let mut list = String::new();
    for target in targets.lines() {
        let mut fields = target.split('|');
        let (Some(origin), Some(site), Some(release), Some("main")) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // Before the first `apt-get update` no origin is known.
        if known && origin != "Debian" {
            continue;
        }
        let kind = [codename, "stable", "oldstable"]
            .into_iter()
            .find_map(|name| release.strip_prefix(name))
            .filter(|kind| ["", "-updates", "-security"].contains(kind));
        let (Some(kind), Some(site)) = (kind, url(site)) else {
            continue;
        };
        let line = format!("deb {site} {suite}{kind} main\n");
        if !list.contains(&line) {
            list += &line;
        }
    }
    list
}

/// The site, or the first one of apt's list of mirrors.
fn url(site: &str) -> Option<String> {
    let Some(file) = site.strip_prefix("mirror+file:") else {
        return site.starts_with("http").then(|| site.to_owned());
    };
    let mirrors = fs::read_to_string(file.trim_start_matches("//")).ok()?;
    let mirror = mirrors.lines().find(|line| line.starts_with("http"))?;
    mirror
        .split_whitespace()
        .next()
        .map(|url| url.trim_end_matches('/').to_owned())
}

fn settings(dump: &str) -> String {
    let wanted = |line: &&str| SETTINGS.iter().any(|name| line.starts_with(name));
    dump.lines()
        .filter(wanted)
        .map(|line| format!("{line}\n"))
        .collect()
}

/// apt's proxies as environment variables, unless these are set already.
fn proxies(settings: &str) -> Vec<(String, String)> {
    [
        ("Acquire::http::Proxy \"", "http_proxy"),
        ("Acquire::https::Proxy \"", "https_proxy"),
    ]
    .into_iter()
    .filter(|(_, variable)| env::var_os(variable).is_none())
    .filter_map(|(setting, variable)| {
        let value = settings
            .lines()
            .find_map(|line| line.strip_prefix(setting))?;
        let value = value.strip_suffix("\";")?;
        (!value.is_empty() && value != "DIRECT").then(|| (variable.into(), value.into()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGETS: &str = "\
Debian|http://mirror.example/debian|bookworm|main
Debian|http://mirror.example/debian|bookworm|contrib
Debian|http://mirror.example/debian|bookworm-updates|main
Debian|http://mirror.example/security|bookworm-security|main
Debian Backports|http://mirror.example/debian|bookworm-backports|main
Vendor|http://vendor.example/apt|bookworm|main
";

    #[test]
    fn only_debian_itself_is_taken() {
        let list = "\
deb http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
deb http://mirror.example/security bookworm-security main
";
        assert_eq!(select(TARGETS, "bookworm", "bookworm"), list);
    }

    #[test]
    fn another_release_comes_from_the_same_sites() {
        let list = select(TARGETS, "bookworm", "trixie");
        assert!(
            list.starts_with("deb http://mirror.example/debian trixie main\n"),
            "{list}"
        );
        assert!(list.contains("security trixie-security main\n") && !list.contains("bookworm"));
    }

    #[test]
    fn before_the_first_update_no_origin_is_known() {
        let targets = "$(ORIGIN)|http://mirror.example/debian|bookworm|main\n";
        let list = select(targets, "bookworm", "bookworm");
        assert_eq!(list, "deb http://mirror.example/debian bookworm main\n");
    }

    #[test]
    fn how_to_reach_the_mirror_is_kept_and_the_rest_is_not() {
        let dump = "Dir \"/\";\nAcquire::http::Proxy \"http://proxy.example:3128\";\n\
                    Acquire::Languages \"none\";\nAcquire::Check-Valid-Until \"false\";\n";
        let kept = settings(dump);
        assert_eq!(kept.lines().count(), 2);
        assert!(kept.contains("Proxy") && kept.contains("Check-Valid-Until"));
    }
}
