use chrono::TimeZone;

use super::*;
use crate::command::screen::visible;
use crate::model::attribute::Attributes;

fn member(id: u32, attributes: &[(&str, &str)]) -> Member {
    let attributes = attributes.iter();
    let attributes = attributes.map(|(name, value)| (name.to_string(), value.to_string()));
    Member::new(
        Some(NodeId(id)),
        &format!("n{id}"),
        true,
        &attributes.collect(),
    )
}

fn offline(id: u32) -> Member {
    Member::new(
        Some(NodeId(id)),
        &format!("n{id}"),
        false,
        &Attributes::new(),
    )
}

fn report(members: &[Member]) -> Report {
    let time = Local.with_ymd_and_hms(2026, 11, 22, 14, 5, 20).unwrap();
    Report::of(members, time)
}

fn shown(members: &[Member]) -> String {
    let text = screen(&report(members), Screen::PLAIN);
    for line in text.lines() {
        assert!(visible(line) <= 80, "{line}");
    }
    text
}

/// Lines from the source, which are indented there.
fn lines(text: &str) -> String {
    let lines = text.lines().skip(1);
    lines
        .map(|line| format!("{}\n", line.trim_start_matches('|')))
        .collect()
}

fn with_link_1(id: u32, state: &str, lost: &str) -> Member {
    let (zero, one) = (
        format!("10.77.0.{id} is UP"),
        format!("10.77.1.{id} is {state}"),
    );
    let mut attributes = vec![
        ("ringnumber_0", zero.as_str()),
        ("ringnumber_1", one.as_str()),
    ];
    if !lost.is_empty() {
        attributes.push(("ringlost_1", lost));
    }
    member(id, &attributes)
}

#[test]
fn a_cable_out_is_at_its_own_end() {
    let members = [
        with_link_1(1, "FAULTY", "n3"),
        with_link_1(2, "FAULTY", "n3"),
        with_link_1(3, "FAULTY", "n1 n2"),
    ];
    let expected = lines(
        "
|3 nodes, 3 online, 14:05:20
|
|n1
|  0  UP       10.77.0.1
|  1  FAULTY   10.77.1.1  misses n3
|n2
|  0  UP       10.77.0.2
|  1  FAULTY   10.77.1.2  misses n3
|n3
|  0  UP       10.77.0.3
|  1  FAULTY   10.77.1.3  misses n1, n2
|
|link 1: n3's own end (n1 and n2 reach each other and not n3)",
    );
    assert_eq!(shown(&members), expected);
    let json = serde_json::to_value(report(&members)).unwrap();
    assert_eq!(json["faults"][0]["kind"], "own-end");
    assert_eq!(json["faults"][0]["nodes"], serde_json::json!(["n3"]));
    assert_eq!(
        json["nodes"][2]["links"][1]["misses"],
        serde_json::json!(["n1", "n2"])
    );
}

#[test]
fn who_is_offline_or_publishes_nothing_says_so() {
    let members = [
        with_link_1(1, "UP", ""),
        offline(2),
        member(3, &[("pingd", "100")]),
    ];
    let expected = lines(
        "
|3 nodes, 2 online, 14:05:20
|
|n1
|  0  UP       10.77.0.1
|  1  UP       10.77.1.1
|n2  offline
|n3  publishes nothing: is ringcheck.timer running there?",
    );
    assert_eq!(shown(&members), expected);
}

#[test]
fn ipv6_stays_within_80_columns() {
    let address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff02 is FAULTY";
    let lost = "database-primary.cluster.example database-standby.cluster.example";
    let members = [member(
        1,
        &[("ringnumber_0", address), ("ringlost_0", lost)],
    )];
    assert!(shown(&members).contains("\n     misses database-primary.cluster.example,"));
}

#[test]
fn of_many_nodes_only_what_is_broken_has_a_line() {
    let members: Vec<_> = (1..=32)
        .map(|id| match id {
            7 => with_link_1(7, "FAULTY", "n9"),
            9 => with_link_1(9, "FAULTY", "n7"),
            id => with_link_1(id, "UP", ""),
        })
        .collect();
    let text = shown(&members);
    let (_, end) = text.split_at(text.find("\nn9\n").unwrap() + 1);
    let expected = lines(
        "
|n9
|  1  FAULTY   10.77.1.9  misses n7
|  1 more UP
|every link UP: n1, n2, n3, n4, n5, n6, n8, n10, n11, n12, n13, n14, n15, n16,
|n17, n18, n19, n20, n21, n22, n23, n24, n25, n26, n27, n28, n29, n30, n31, n32
|
|link 1: path n7 - n9 (both reach others)",
    );
    assert_eq!(end, expected);
}
