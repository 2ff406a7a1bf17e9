//! Rule 9: without state from before, Corosync's counters bring a verdict, whatever the token is.

mod support;

use ringcheck::model::link::LinkNumber;
use ringcheck::model::verdict::Judgement;
use support::*;

/// How long `check` has for looking.
const COMMAND: u64 = 5000;

/// A cluster in which link 1 to vm03 was cut that many pings ago. `token` is in milliseconds.
fn cut(pings: u64, token: u64) -> Cluster {
    let mut cluster = Cluster::new(2, 2);
    for link in cluster.facts_mut().links.values_mut() {
        link.ping_interval = std::time::Duration::from_millis(token / 4);
        link.ping_timeout = std::time::Duration::from_millis(token / 2);
    }
    for peer in [2, 3] {
        for link in [0, 1] {
            // All were away for a while.
            cluster.pinged(peer, link, 1000, 900);
        }
    }
    cluster.cut(3, 1);
    cluster.pinged(3, 1, 1000, 900 - pings);
    cluster
}

/// Looks as a command does that has no state: until there is nothing to wait for, or no time.
/// knet pings once every `period` milliseconds.
fn command(cluster: &Cluster, period: u64) -> (Judgement, u64) {
    let mut judge = Judge::default();
    let mut facts = cluster.facts();
    let mut pinged = 0;
    loop {
        let judgement = judge.look(&facts);
        match judgement.look_again {
            Some(again) if again.0 <= COMMAND => judge.now = again.0.min(judge.now + 500),
            _ => return (judgement, judge.now),
        }
        if judge.now - pinged >= period {
            pinged = judge.now;
            facts = cluster.facts();
        }
    }
}

#[test]
fn a_link_that_has_missed_many_pings_is_faulty() {
    for (token, period) in [
        (1000, 400),
        (3000, 800),
        (5000, 1400),
        (10_000, 2600),
        (22_500, 5800),
    ] {
        let (judgement, took) = command(&cut(30_000 / period, token), period);
        assert_eq!(state(&judgement, 1), FAULTY, "token {token}");
        assert_eq!(reason(&judgement, 1), "no answer from vm03");
        assert_eq!(state(&judgement, 0), UP);
        assert!(took <= 3500, "token {token}: {took} ms");
    }
}

#[test]
fn one_that_has_missed_few_is_watched_until_it_has() {
    let (judgement, took) = command(&cut(1, 3000), 800);
    assert_eq!(state(&judgement, 1), FAULTY);
    assert!((1500..4000).contains(&took), "{took}");
}

#[test]
fn one_that_answers_is_coming_up_however_many_it_has_missed() {
    let mut cluster = cut(500, 3000);
    cluster.answer(3, 1);
    let (judgement, _) = command(&cluster, 800);
    assert_eq!(state(&judgement, 1), None);
    cluster.heal(3, 1);
    let (judgement, took) = command(&cluster, 800);
    assert_eq!((state(&judgement, 1), took), (UP, 0));
}

#[test]
fn where_the_peer_is_no_longer_heard_the_link_is_not_faulty() {
    let mut cluster = cut(1, 3000);
    cluster.silence(3);
    let (judgement, _) = command(&cluster, 800);
    assert_eq!(state(&judgement, 1), None);
}

#[test]
fn looks_that_come_too_soon_prove_nothing() {
    let cluster = cut(1, 3000);
    let mut judge = Judge::default();
    for _ in 0..4 {
        let judgement = judge.look_after(50, &cluster);
        assert_eq!(state(&judgement, 1), None);
    }
}

#[test]
fn a_link_that_was_up_meanwhile_is_judged_as_any_other() {
    let mut cluster = cut(1, 3000);
    let mut judge = Judge::default();
    judge.look(&cluster.facts());
    cluster.heal(3, 1);
    cluster.cut(3, 1);
    let judgement = judge.look_after(500, &cluster);
    assert_eq!(judgement.look_again.unwrap().0, judge.now + NEXT_LOOK);
}

#[test]
fn a_node_that_has_long_been_alone_need_not_wait_for_the_others() {
    let mut cluster = Cluster::new(1, 2);
    cluster.cut_all(2);
    cluster.leave(2);
    let judgement = Judge::default().look(&cluster.facts());
    assert_eq!(state(&judgement, 0), None, "Corosync has just started");
    for link in [0, 1] {
        cluster.pinged(2, link, TIME_TO_MEET / 750, 0);
    }
    let judgement = Judge::default().look(&cluster.facts());
    assert_eq!(state(&judgement, 0), UP);
    assert_eq!(judgement.look_again, None);
    assert!(judgement.verdicts.contains_key(&LinkNumber(1)));
}
