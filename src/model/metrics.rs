//! This node in Prometheus' text format: base units, `_total` for what only grows.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::link::{Facts, Interface, LinkNumber, LinkState, NodeId, PeerLink};
use super::verdict::Judgement;

/// What knet has sent and received over one link to one peer.
pub type Traffic = BTreeMap<(NodeId, LinkNumber), BTreeMap<Counter, u64>>;

/// One of knet's counters, `stats.knet.nodeID.linkL.DIRECTION_KIND_WHAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    /// `packets`, `bytes`, `errors` or `retries`.
    pub what: &'static str,
    /// `tx` or `rx`.
    pub direction: &'static str,
    /// `data`, `ping`, `pong` or `pmtu`.
    pub kind: &'static str,
}

impl Counter {
    /// Every counter that there is. knet's own totals are the sums of these.
    pub fn all() -> impl Iterator<Item = Counter> {
        let ways = [
            ("packets", "tx"),
            ("packets", "rx"),
            ("bytes", "tx"),
            ("bytes", "rx"),
            ("errors", "tx"),
            ("retries", "tx"),
        ];
        ways.into_iter().flat_map(|(what, direction)| {
            ["data", "ping", "pong", "pmtu"].map(|kind| Counter {
                what,
                direction,
                kind,
            })
        })
    }

    /// The end of its key.
    pub fn key(self) -> String {
        format!("{}_{}_{}", self.direction, self.kind, self.what)
    }
}

/// The account of the passes since this node booted.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Account {
    /// When the last good pass started, in seconds since 1970, and how many seconds it took.
    pub last: Option<(f64, f64)>,
    /// How many passes went well.
    pub passes: u64,
    /// How many failed.
    pub failures: u64,
    /// How many attributes were written or deleted.
    pub writes: u64,
    /// How many could not be.
    pub failed_writes: u64,
}

/// The links as they were seen.
pub struct Links<'a> {
    /// What Corosync and the kernel say.
    pub facts: &'a Facts,
    /// What the rules make of it.
    pub judgement: &'a Judgement,
    /// What knet counts.
    pub traffic: &'a Traffic,
    /// How often each link went down, where that is known.
    pub flaps: Option<&'a BTreeMap<LinkNumber, u64>>,
}

/// All of it. Where the links cannot be read nothing is said of them, and where there is no
/// account of the passes nothing of those.
pub fn text(version: &str, account: Option<&Account>, links: Option<&Links>) -> String {
    let mut page = Page(String::new());
    let build = [(vec![("version", version.to_owned())], "1".to_owned())];
    page.family(
        "ringcheck_build_info",
        "gauge",
        "The version of ringcheck.",
        build,
    );
    let help = "Whether the state of the links is known.";
    page.one("ringcheck_up", "gauge", help, flag(links.is_some()));
    if let Some(account) = account {
        page.account(account);
    }
    if let Some(links) = links {
        page.links(links);
        page.peers(links.facts);
        page.traffic(links);
    }
    page.0
}

type Labels = Vec<(&'static str, String)>;

struct Page(String);

impl Page {
    /// Writes a metric with all its samples, if there are any.
    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, String)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let mut text = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (labels, value) in samples {
            let labels: Vec<String> = labels
                .into_iter()
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(&value)))
                .collect();
            let labels = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            writeln!(text, "{name}{labels} {value}").expect("a string takes all");
        }
        self.0 += &text;
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl ToString) {
        self.family(name, kind, help, [(Labels::new(), value.to_string())]);
    }

    fn account(&mut self, account: &Account) {
        if let Some((started, took)) = account.last {
            let help = "When the last good pass started.";
            let name = "ringcheck_last_pass_timestamp_seconds";
            self.one(name, "gauge", help, format!("{started:.3}"));
            let help = "How long the last good pass took.";
            self.one("ringcheck_last_pass_duration_seconds", "gauge", help, took);
        }
        for (name, help, value) in [
            (
                "ringcheck_passes_total",
                "Passes that went well.",
                account.passes,
            ),
            (
                "ringcheck_pass_failures_total",
                "Passes that failed.",
                account.failures,
            ),
            (
                "ringcheck_attribute_writes_total",
                "Node attributes that were written or deleted.",
                account.writes,
            ),
            (
                "ringcheck_attribute_write_failures_total",
                "Node attributes that could not be written or deleted.",
                account.failed_writes,
            ),
        ] {
            self.one(name, "counter", help, value);
        }
    }

    fn links(&mut self, links: &Links) {
        let judged = || {
            links.judgement.verdicts.iter().map(|(&link, verdict)| {
                let labels = vec![
                    ("node", links.facts.name.clone()),
                    ("link", link.to_string()),
                    ("address", verdict.address.clone()),
                ];
                (link, verdict.state, labels)
            })
        };
        let up = judged().map(|(_, state, labels)| (labels, flag(state == Some(LinkState::Up))));
        let help = "Whether the link is UP.";
        self.family("ringcheck_link_up", "gauge", help, up);
        let states = judged().flat_map(|(_, state, labels)| {
            // What cannot be judged yet is not known.
            let state = state.unwrap_or(LinkState::Unknown);
            [LinkState::Up, LinkState::Faulty, LinkState::Unknown].map(|other| {
                let mut labels = labels.clone();
                labels.push(("state", other.to_string().to_lowercase()));
                (labels, flag(state == other))
            })
        });
        let help = "Which state the link has.";
        self.family("ringcheck_link_state", "gauge", help, states);
        let interfaces = judged().filter_map(|(link, _, labels)| {
            match links.facts.links.get(&link)?.interface {
                Interface::Unknown => None,
                Interface::Up(_) => Some((labels, flag(true))),
                _ => Some((labels, flag(false))),
            }
        });
        let help = "Whether the interface with the link's address is up and has carrier.";
        self.family("ringcheck_link_interface_up", "gauge", help, interfaces);
        let flaps = judged().filter_map(|(link, _, labels)| {
            let count = links.flaps?.get(&link).copied().unwrap_or(0);
            Some((labels, count.to_string()))
        });
        let help = "How often the link went down since the node booted.";
        self.family("ringcheck_link_flaps_total", "counter", help, flaps);
    }

    fn peers(&mut self, facts: &Facts) {
        let joined = facts.peers.values().map(|peer| {
            let labels = vec![("node", facts.name.clone()), ("peer", peer.name.clone())];
            (labels, flag(peer.joined))
        });
        let help = "Whether the peer is a joined member.";
        self.family("ringcheck_peer_joined", "gauge", help, joined);
        let mut family = |name: &str, kind, help, value: fn(&PeerLink) -> Option<String>| {
            let ways = ways(facts);
            let samples = ways.filter_map(|(_, _, link, labels)| Some((labels, value(link)?)));
            self.family(&format!("ringcheck_peer_link_{name}"), kind, help, samples);
        };
        let help = "Whether the peer answers on the link.";
        family("connected", "gauge", help, |link| {
            Some(flag(link.connected))
        });
        let help = "Whether the link to the peer is configured and enabled.";
        family("enabled", "gauge", help, |link| Some(flag(link.enabled)));
        // knet keeps the last ones of a link that has gone.
        let help = "Round-trip time to the peer as knet averages it since the link came up (latency_ave): no current value, it soon hardly moves unless knet_ping_precision is lowered.";
        family("latency_seconds", "gauge", help, |link| {
            let seconds = f64::from(link.latency) / 1e6;
            link.connected.then(|| seconds.to_string())
        });
        let help = "Usable packet size.";
        family("mtu_bytes", "gauge", help, |link| {
            link.connected.then(|| link.mtu.to_string())
        });
        let help = "How often Corosync gave the link to the peer up, 1 on a healthy start.";
        family("downs_total", "counter", help, |link| {
            Some(link.down_count.to_string())
        });
    }

    fn traffic(&mut self, links: &Links) {
        for (what, help) in [
            ("packets", "Packets that knet sent or received."),
            ("bytes", "Bytes that knet sent or received."),
            ("errors", "Packets that knet could not send."),
            ("retries", "Packets that knet had to send again."),
        ] {
            let samples = ways(links.facts).flat_map(|(peer, number, _, labels)| {
                let counted = links.traffic.get(&(peer, number)).into_iter().flatten();
                let counted = counted.filter(|(counter, _)| counter.what == what);
                counted.map(move |(counter, value)| {
                    let mut labels = labels.clone();
                    labels.push(("direction", counter.direction.to_owned()));
                    labels.push(("kind", counter.kind.to_owned()));
                    (labels, value.to_string())
                })
            });
            let name = format!("ringcheck_peer_link_{what}_total");
            self.family(&name, "counter", help, samples);
        }
    }
}

/// Each link to each peer, with its labels.
fn ways(facts: &Facts) -> impl Iterator<Item = (NodeId, LinkNumber, &PeerLink, Labels)> {
    facts.peers.iter().flat_map(move |(&id, peer)| {
        peer.links.iter().map(move |(&number, link)| {
            let labels = vec![
                ("node", facts.name.clone()),
                ("link", number.to_string()),
                ("peer", peer.name.clone()),
            ];
            (id, number, link, labels)
        })
    })
}

fn flag(is: bool) -> String {
    u8::from(is).to_string()
}

fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\");
    value.replace('"', "\\\"").replace('\n', "\\n")
}
