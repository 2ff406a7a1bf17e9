use chrono::{DateTime, Local, TimeDelta, TimeZone};

use super::super::report::{Link, Node, PeerLink, Report};
use super::*;
use crate::command::screen::visible;
use crate::model::link::{Interface, LinkNumber, LinkState, NodeId, Transport};

fn now() -> DateTime<Local> {
    Local.with_ymd_and_hms(2026, 11, 22, 14, 5, 20).unwrap()
}

fn peer(id: u32, name: &str) -> PeerLink {
    PeerLink {
        id: NodeId(id),
        name: name.into(),
        joined: true,
        enabled: true,
        connected: true,
        latency_us: 300 + 20 * id,
        mtu: 1397,
        down_count: 1,
    }
}

fn link(number: u8, address: &str, peers: Vec<PeerLink>) -> Link {
    Link {
        link: LinkNumber(number),
        address: address.into(),
        state: Some(LinkState::Up),
        reason: format!("all {} peers answer", peers.len()),
        since: Some(now() - TimeDelta::seconds(438)),
        flaps: Some(0),
        interface: Interface::Up(format!("eth{number}")),
        peers,
    }
}

fn report(links: Vec<Link>) -> Report {
    Report {
        version: 1,
        node: Node {
            id: NodeId(2),
            name: "n2".into(),
        },
        transport: Transport::Knet,
        time: now(),
        links,
        triggers: None,
        notes: Vec::new(),
    }
}

fn broken(mut peer: PeerLink) -> PeerLink {
    peer.connected = false;
    peer
}

fn faulty(mut link: Link, reason: &str) -> Link {
    link.state = Some(LinkState::Faulty);
    link.reason = reason.into();
    link
}

/// Lines from the source, which are indented there.
fn lines(text: &str) -> String {
    let lines = text.lines().skip(1);
    lines
        .map(|line| format!("{}\n", line.trim_start_matches('|')))
        .collect()
}

fn fits(table: &str) {
    for line in table.lines() {
        assert!(visible(line) <= 80, "{line}");
    }
}

#[test]
fn three_nodes_and_a_cable_out() {
    let mut lost = faulty(
        link(
            1,
            "10.77.1.2",
            vec![broken(peer(1, "n1")), broken(peer(3, "n3"))],
        ),
        "interface ring1 has no carrier",
    );
    lost.since = Some(now() - TimeDelta::days(2));
    lost.flaps = Some(12);
    let mut report = report(vec![
        link(0, "10.77.0.2", vec![peer(1, "n1"), peer(3, "n3")]),
        lost,
    ]);
    report.notes = vec!["last pass 3m ago: is ringcheck.timer running?".into()];
    let expected = lines(
        "
|Node n2 (id 2), knet, 14:05:20
|
|LINK  ADDRESS    STATE    SINCE       FLAPS  REASON
|0     10.77.0.2  UP       13:58:02        0  all 2 peers answer
|      n1  connected   0.32 ms  MTU 1397
|      n3  connected   0.36 ms  MTU 1397
|1     10.77.1.2  FAULTY   2026-11-20     12  interface ring1 has no carrier
|      n1  not connected
|      n3  not connected
|
|last pass 3m ago: is ringcheck.timer running?",
    );
    assert_eq!(of(&report, Screen::PLAIN), expected);
}

#[test]
fn only_states_have_colours() {
    let report = report(vec![faulty(
        link(0, "10.77.0.2", vec![peer(1, "n1")]),
        "why",
    )]);
    let screen = Screen {
        colour: true,
        ..Screen::PLAIN
    };
    let painted = of(&report, screen);
    assert_eq!(painted.matches('\x1b').count(), 2);
    let plain = painted.replace("\x1b[1;31m", "").replace("\x1b[0m", "");
    assert_eq!(plain, of(&report, Screen::PLAIN));
}

#[test]
fn ipv6_and_long_names_stay_within_80_columns() {
    let names = [
        "database-primary.cluster.example",
        "database-standby.cluster.example",
    ];
    let peers = || vec![peer(1, names[0]), broken(peer(3, names[1]))];
    let reason = format!("no answer from {}", names.join(", "));
    let address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff02";
    let mut unknown = link(1, "fd77:1::2", peers());
    unknown.state = None;
    unknown.since = None;
    unknown.flaps = None;
    let report = report(vec![faulty(link(0, address, peers()), &reason), unknown]);
    let table = of(&report, Screen::PLAIN);
    let expected = lines(
        "
|Node n2 (id 2), knet, 14:05:20
|
|LINK  ADDRESS                                 STATE    SINCE       FLAPS  REASON
|0     2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff02  FAULTY   13:58:02        0
|      no answer from database-primary.cluster.example,
|      database-standby.cluster.example
|      database-primary.cluster.example  connected   0.32 ms  MTU 1397
|      database-standby.cluster.example  not connected
|1     fd77:1::2                               -        -               -
|      all 2 peers answer
|      database-primary.cluster.example  connected   0.32 ms  MTU 1397
|      database-standby.cluster.example  not connected",
    );
    assert_eq!(table, expected);
    fits(&table);
}

#[test]
fn where_there_are_many_ways_only_broken_ones_are_named() {
    let peers = || -> Vec<PeerLink> {
        (1..=31)
            .map(|id| peer(id, &format!("node{id:02}")))
            .collect()
    };
    let mut links: Vec<Link> = (0..8)
        .map(|n| link(n, &format!("10.77.{n}.2"), peers()))
        .collect();
    for link in &mut links {
        link.peers[8].joined = false;
        link.peers[8].connected = false;
    }
    for at in [2, 4] {
        links[7].peers[at].connected = false;
    }
    let last = links.pop().unwrap();
    links.push(faulty(last, "no answer from node03, node05"));
    let table = of(&report(links), Screen::PLAIN);
    fits(&table);
    assert!(table.lines().count() <= 3 + 8 * 4, "{table}");
    let (_, last) = table.split_at(table.find("7     ").unwrap());
    let expected = lines(
        "
|7     10.77.7.2  FAULTY   13:58:02        0  no answer from node03, node05
|      not connected: node03, node05
|      not joined: node09
|      connected: 28 peers, 0.32-0.92 ms, MTU 1397",
    );
    assert_eq!(last, expected);
}

#[test]
fn a_hundred_names_are_broken_between_them() {
    let peers = (1..=100)
        .map(|id| broken(peer(id, &format!("node{id:03}"))))
        .collect();
    fits(&of(
        &report(vec![link(0, "10.0.0.1", peers)]),
        Screen::PLAIN,
    ));
}

#[test]
fn no_link_is_said() {
    assert!(of(&report(Vec::new()), Screen::PLAIN).ends_with("no link is configured\n"));
}

#[test]
fn milliseconds_are_as_precise_as_they_are_worth() {
    for (time, text) in [
        (0, "0.00"),
        (9994, "9.99"),
        (20_460, "20.5"),
        (4_000_000, "4000"),
    ] {
        assert_eq!(milliseconds(time), text);
    }
}
