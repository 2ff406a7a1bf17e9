//! The metrics, held against Prometheus' text format and its conventions by a strict reader.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use ringcheck::model::link::{Interface, LinkNumber, NodeId};
use ringcheck::model::metrics::{Account, Counter, Links, Traffic, text};
use support::*;

type Labels = BTreeMap<String, String>;

/// One metric: its type, and the value of each sample.
#[derive(Debug)]
struct Family {
    kind: String,
    samples: BTreeMap<Labels, f64>,
}

/// Reads all of it, and accepts nothing that `promtool check metrics` would find fault with.
fn read(page: &str) -> BTreeMap<String, Family> {
    assert!(page.ends_with('\n') && !page.contains("\n\n"));
    let mut families = BTreeMap::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let help = line.strip_prefix("# HELP ").expect(line);
        let (name, help) = help.split_once(' ').expect(line);
        assert!(help.ends_with('.') && !help.contains('\\'), "{line}");
        let kind = lines.next().expect(line);
        let kind = kind.strip_prefix(&format!("# TYPE {name} ")).expect(line);
        assert!(is_name(name), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(["counter", "gauge"].contains(&kind), "{kind}");
        for other in [
            "_ms",
            "_us",
            "_count",
            "_sum",
            "_milliseconds",
            "_kilobytes",
        ] {
            assert!(!name.ends_with(other), "{name}");
        }
        let mut samples = BTreeMap::new();
        while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
            let rest = sample.strip_prefix(name).expect(sample);
            let (labels, value) = match rest.strip_prefix('{') {
                Some(rest) => read_labels(rest),
                None => (Labels::new(), rest),
            };
            let value = value.strip_prefix(' ').expect(sample);
            let number: f64 = value.parse().expect(sample);
            assert!(number.is_finite() && number >= 0.0, "{sample}");
            assert_eq!(samples.insert(labels, number), None, "twice: {sample}");
        }
        assert!(!samples.is_empty(), "{name} has no sample");
        let keys: BTreeSet<Vec<_>> = samples
            .keys()
            .map(|labels| labels.keys().cloned().collect())
            .collect();
        assert_eq!(keys.len(), 1, "{name} has samples with different labels");
        let kind = kind.to_owned();
        let twice = families.insert(name.to_owned(), Family { kind, samples });
        assert!(twice.is_none(), "{name} comes twice");
    }
    families
}

fn is_name(name: &str) -> bool {
    name.starts_with("ringcheck_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// The labels up to the closing brace, and what follows it.
fn read_labels(mut rest: &str) -> (Labels, &str) {
    let mut labels = Labels::new();
    loop {
        let (label, value) = rest.split_once("=\"").expect(rest);
        assert!(label.chars().all(|c| c.is_ascii_lowercase()), "{label}");
        let mut text = String::new();
        let mut characters = value.char_indices();
        let end = loop {
            match characters.next().expect(rest) {
                (at, '"') => break at,
                (_, '\\') => match characters.next().expect(rest).1 {
                    'n' => text.push('\n'),
                    c @ ('"' | '\\') => text.push(c),
                    c => panic!("\\{c} in {rest}"),
                },
                (_, c) => text.push(c),
            }
        };
        assert_eq!(labels.insert(label.to_owned(), text), None, "{label} twice");
        rest = &value[end + 1..];
        if let Some(rest) = rest.strip_prefix('}') {
            return (labels, rest);
        }
        rest = rest.strip_prefix(',').expect(rest);
    }
}

fn account() -> Account {
    Account {
        last: Some((1_795_325_045.123, 0.004)),
        passes: 10,
        failures: 2,
        writes: 3,
        failed_writes: 1,
    }
}

fn page(cluster: &Cluster, judge: &mut Judge, traffic: &Traffic) -> BTreeMap<String, Family> {
    let facts = cluster.facts();
    let links = Links {
        facts: &facts,
        judgement: &judge.look(&facts),
        traffic,
        flaps: Some(&BTreeMap::from([(LinkNumber(1), 4)])),
    };
    read(&text("1.2.3", Some(&account()), Some(&links)))
}

impl Family {
    /// The one sample that has these labels.
    fn at(&self, wanted: &[(&str, &str)]) -> f64 {
        let found = self.samples.iter().filter(|(labels, _)| {
            wanted
                .iter()
                .all(|(label, value)| labels.get(*label).is_some_and(|v| v == value))
        });
        let found: Vec<f64> = found.map(|(_, value)| *value).collect();
        assert_eq!(found.len(), 1, "{wanted:?} in {self:?}");
        found[0]
    }
}

#[test]
fn a_whole_page() {
    let mut cluster = Cluster::new(2, 2);
    let mut judge = Judge::knowing(&cluster);
    let peer = cluster.facts_mut().peers.get_mut(&NodeId(2)).unwrap();
    let link = peer.links.get_mut(&LinkNumber(0)).unwrap();
    (link.latency, link.mtu) = (183, 1397);
    cluster.cut(3, 1);
    cluster
        .facts_mut()
        .links
        .get_mut(&LinkNumber(0))
        .unwrap()
        .interface = Interface::Absent;
    cluster.misjudge(0);
    judge.settle(&cluster);
    judge.look_after(SECOND_LOOK, &cluster);
    let numbers = Counter::all().zip(100..).collect();
    let traffic = Traffic::from([((NodeId(2), LinkNumber(0)), numbers)]);
    let page = page(&cluster, &mut judge, &traffic);
    let at = |name: &str, labels: &[(&str, &str)]| page[&format!("ringcheck_{name}")].at(labels);
    assert_eq!(at("build_info", &[("version", "1.2.3")]), 1.0);
    assert_eq!(at("up", &[]), 1.0);
    let link = [("node", "vm01"), ("link", "1"), ("address", "10.0.1.1")];
    assert_eq!(at("link_up", &link), 0.0);
    assert_eq!(at("link_flaps_total", &link), 4.0);
    assert_eq!(at("link_interface_up", &link), 1.0);
    assert_eq!(at("link_interface_up", &[("link", "0")]), 0.0);
    for (state, is) in [("up", 0.0), ("faulty", 1.0), ("unknown", 0.0)] {
        assert_eq!(at("link_state", &[("link", "1"), ("state", state)]), is);
    }
    assert_eq!(
        at("peer_joined", &[("node", "vm01"), ("peer", "vm03")]),
        1.0
    );
    let way = [("node", "vm01"), ("link", "0"), ("peer", "vm02")];
    assert_eq!(at("peer_link_latency_seconds", &way), 0.000_183);
    assert_eq!(at("peer_link_mtu_bytes", &way), 1397.0);
    assert_eq!(at("peer_link_connected", &way), 1.0);
    let cut = [("link", "1"), ("peer", "vm03")];
    assert_eq!(at("peer_link_connected", &cut), 0.0);
    assert_eq!(at("peer_link_enabled", &cut), 1.0);
    let known = &page["ringcheck_peer_link_latency_seconds"].samples;
    assert_eq!(known.len(), 3, "an old latency is none: {known:?}");
    for (what, direction, kind, value) in [
        ("packets", "tx", "data", 100.0),
        ("packets", "rx", "pmtu", 107.0),
        ("bytes", "tx", "ping", 109.0),
        ("errors", "tx", "data", 116.0),
        ("retries", "tx", "pmtu", 123.0),
    ] {
        let labels = [way.as_slice(), &[("direction", direction), ("kind", kind)]].concat();
        assert_eq!(at(&format!("peer_link_{what}_total"), &labels), value);
    }
    assert_eq!(at("last_pass_timestamp_seconds", &[]), 1_795_325_045.123);
    assert_eq!(at("last_pass_duration_seconds", &[]), 0.004);
    for (name, value) in [
        ("passes", 10.0),
        ("pass_failures", 2.0),
        ("attribute_writes", 3.0),
        ("attribute_write_failures", 1.0),
    ] {
        assert_eq!(at(&format!("{name}_total"), &[]), value);
    }
    assert!(page.values().any(|family| family.kind == "counter"));
}

#[test]
fn a_link_that_cannot_be_judged_is_not_up() {
    let mut cluster = Cluster::new(1, 2);
    cluster.cut(2, 1);
    let page = page(&cluster, &mut Judge::default(), &Traffic::new());
    assert_eq!(page["ringcheck_link_up"].at(&[("link", "1")]), 0.0);
    let state = [("link", "1"), ("state", "unknown")];
    assert_eq!(page["ringcheck_link_state"].at(&state), 1.0);
}

#[test]
fn what_is_not_known_is_not_there() {
    let page = read(&text("1.2.3", None, None));
    assert_eq!(page["ringcheck_up"].at(&[]), 0.0);
    assert_eq!(page.len(), 2, "{page:?}");
    let none = Account {
        last: None,
        ..account()
    };
    let page = read(&text("1.2.3", Some(&none), None));
    assert!(!page.contains_key("ringcheck_last_pass_timestamp_seconds"));
    assert!(!page.contains_key("ringcheck_link_up"));
}

#[test]
fn no_name_breaks_the_page() {
    let mut cluster = Cluster::new(1, 1);
    let name = "a\"b\\c\nd}";
    cluster.facts_mut().peers.get_mut(&NodeId(2)).unwrap().name = name.into();
    let page = page(&cluster, &mut Judge::default(), &Traffic::new());
    assert_eq!(page["ringcheck_peer_joined"].at(&[("peer", name)]), 1.0);
}

#[test]
fn knets_keys() {
    let keys: Vec<String> = Counter::all().map(Counter::key).collect();
    assert_eq!(keys.len(), 24);
    for key in [
        "tx_data_packets",
        "rx_pong_bytes",
        "tx_pmtu_errors",
        "tx_ping_retries",
    ] {
        assert!(keys.iter().any(|known| known == key), "{key}");
    }
}

/// The names of metrics in some text.
fn mentioned(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let names = words.filter(|word| word.starts_with("ringcheck_"));
    names.map(str::to_owned).collect()
}

#[test]
fn rules_and_dashboard_ask_for_what_there_is() {
    let cluster = Cluster::new(1, 1);
    let traffic = Traffic::from([(
        (NodeId(2), LinkNumber(0)),
        Counter::all().zip(0..).collect(),
    )]);
    let page = page(&cluster, &mut Judge::knowing(&cluster), &traffic);
    let dashboard = include_str!("../monitoring/grafana-dashboard.json");
    serde_json::from_str::<serde_json::Value>(dashboard).expect("it is JSON");
    for text in [
        dashboard,
        include_str!("../monitoring/prometheus-rules.yml"),
    ] {
        let names = mentioned(text);
        assert!(names.len() > 3, "{names:?}");
        let missing: Vec<_> = names
            .iter()
            .filter(|name| !page.contains_key(*name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
