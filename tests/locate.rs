//! Where a link is broken, from what the nodes say.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use ringcheck::model::link::{LinkNumber, LinkState};
use ringcheck::model::locate::{Fault, Word, Words, locate};

const LINK: LinkNumber = LinkNumber(1);

/// `n1: n3, n2: n3, n3: n1 n2`, or `n1: UP`, `n1: FAULTY`, `n1: UNKNOWN` without a name.
fn words(text: &str) -> Words {
    let word = |part: &str| {
        let (name, rest) = part.trim().split_once(':').expect("a name");
        let state = LinkState::parse(rest.trim());
        let misses = rest.split_ascii_whitespace().map(str::to_owned);
        let word = Word {
            state: state.unwrap_or(LinkState::Faulty),
            misses: if state.is_some() {
                BTreeSet::new()
            } else {
                misses.collect()
            },
        };
        (name.to_owned(), word)
    };
    text.split(',').map(word).collect()
}

fn faults(words: Words) -> Vec<Fault> {
    let faults = locate(&BTreeMap::from([(LINK, words)]));
    faults.into_iter().map(|(_, fault)| fault).collect()
}

fn told(text: &str) -> String {
    let faults = faults(words(text));
    let told: Vec<_> = faults.iter().map(Fault::to_string).collect();
    told.join("\n")
}

#[test]
fn what_is_well_has_no_fault() {
    assert_eq!(told("n1: UP, n2: UP, n3: UP"), "");
    assert_eq!(told("n1: UP"), "");
}

#[test]
fn a_node_that_all_others_miss_has_it_at_its_own_end() {
    let own = "n3's own end (n1 and n2 reach each other and not n3)";
    assert_eq!(told("n1: n3, n2: n3, n3: n1 n2"), own);
    assert_eq!(told("n1: n3, n2: n3"), own, "n3 need not say so itself");
    assert_eq!(told("n1: n3, n2: n3, n3: FAULTY"), own);
    assert_eq!(told("n1: n3, n2: n3, n3: UNKNOWN"), own);
    let two = "own ends of n3 and n4 (n1 and n2 reach each other and not them)";
    assert_eq!(
        told("n1: n3 n4, n2: n3 n4, n3: n1 n2 n4, n4: n1 n2 n3"),
        two
    );
}

#[test]
fn two_nodes_that_miss_only_each_other_have_it_between_them() {
    let path = "path n1 - n2 (both reach others)";
    assert_eq!(told("n1: n2, n2: n1, n3: UP"), path);
    let paths = "paths from n1 to n2 and n3 (all reach others)";
    assert_eq!(told("n1: n2 n3, n2: n1, n3: n1, n4: UP"), paths);
    let both = "n4's own end (n1, n2 and n3 reach each other and not n4)\n".to_owned() + path;
    assert_eq!(told("n1: n2 n4, n2: n1 n4, n3: n4, n4: n1 n2 n3"), both);
}

#[test]
fn two_nodes_cannot_tell_whose_end_it_is() {
    let between = "between n1 and n2; two nodes cannot tell whose end: see `ringcheck` on both";
    assert_eq!(told("n1: n2, n2: n1"), between);
    assert_eq!(told("n1: n2"), between);
}

#[test]
fn where_nobody_reaches_anybody_it_is_what_they_share() {
    let shared = "what n1, n2 and n3 share: no node reaches another";
    assert_eq!(told("n1: n2 n3, n2: n1 n3, n3: n1 n2"), shared);
    let split = "split into n1 and n2 | n3 and n4 (each reach only each other)";
    assert_eq!(told("n1: n3 n4, n2: n3 n4, n3: n1 n2, n4: n1 n2"), split);
}

#[test]
fn a_fault_that_only_one_side_sees_is_one_way() {
    let one_way =
        "path n1 - n2, one way: n2 missed by n1, not the other way round (both reach others)";
    assert_eq!(told("n1: n2, n2: UP, n3: UP"), one_way);
    let one_way =
        "path n1 - n2, one way: n1 missed by n2, not the other way round (both reach others)";
    assert_eq!(told("n1: UP, n2: n1, n3: UP"), one_way);
    let own =
        "n3's own end, one way (n1 and n2 reach each other and miss n3, not the other way round)";
    assert_eq!(told("n1: n3, n2: n3, n3: UP"), own);
    let between = "between n1 and n2, one way: n2 missed by n1, not the other way round; \
        two nodes cannot tell whose end: see `ringcheck` on both";
    assert_eq!(told("n1: n2, n2: UP"), between);
}

#[test]
fn what_nobody_can_tell_is_not_told() {
    let unsure = "n2 and n3 not reached by n1, and nobody else can tell more";
    assert_eq!(told("n1: n2 n3"), unsure);
    let nameless = "FAULTY on n2, where no node is named: see `ringcheck` there";
    assert_eq!(told("n1: UP, n2: FAULTY, n3: UP"), nameless);
    let unknown = "cannot be read on n2: see `ringcheck` there";
    assert_eq!(told("n1: UP, n2: UNKNOWN, n3: UP"), unknown);
}

#[test]
fn of_many_names_only_the_first_are_told() {
    let others: Vec<_> = (1..32).map(|n| format!("n{n:02}: n32")).collect();
    let own = "n32's own end (n01, n02 and 29 others reach each other and not n32)";
    assert_eq!(told(&others.join(", ")), own);
}

/// What each of `count` nodes says where these ends and these paths are broken.
fn observed(count: usize, ends: &BTreeSet<usize>, paths: &BTreeSet<(usize, usize)>) -> Words {
    let broken = |a: usize, b: usize| {
        let path = paths.contains(&(a, b)) || paths.contains(&(b, a));
        a != b && (ends.contains(&a) || ends.contains(&b) || path)
    };
    let word = |node: usize| {
        let missed = (0..count).filter(|&other| broken(node, other));
        let misses: BTreeSet<_> = missed.map(name).collect();
        let state = if misses.is_empty() {
            LinkState::Up
        } else {
            LinkState::Faulty
        };
        (name(node), Word { state, misses })
    };
    (0..count).map(word).collect()
}

fn name(node: usize) -> String {
    format!("n{node:02}")
}

/// Whom a fault is about.
fn missing(fault: &Fault) -> BTreeSet<(String, String)> {
    let all = |from: &[String], to: &[String]| -> BTreeSet<(String, String)> {
        let pairs = from.iter().flat_map(|a| to.iter().map(move |b| (a, b)));
        pairs
            .filter(|(a, b)| a != b)
            .map(|(a, b)| (a.min(b).clone(), a.max(b).clone()))
            .collect()
    };
    match fault {
        Fault::OwnEnd { nodes, others, .. } => &all(nodes, others) | &all(nodes, nodes),
        Fault::Between(a, b, _) => all(std::slice::from_ref(a), std::slice::from_ref(b)),
        Fault::Path { node, to, .. } => all(std::slice::from_ref(node), to),
        Fault::Shared(nodes) => all(nodes, nodes),
        Fault::Split(groups) => {
            let mut pairs = BTreeSet::new();
            for (at, group) in groups.iter().enumerate() {
                for other in &groups[at + 1..] {
                    pairs.extend(all(group, other));
                }
            }
            pairs
        }
        Fault::Unsure { .. } | Fault::MissesNobody(_) | Fault::Unknown(_) => BTreeSet::new(),
    }
}

proptest! {
    #[test]
    fn broken_ends_are_found(count in 3usize..12, ends in btree_set(0usize..12, 1..4)) {
        let ends: BTreeSet<_> = ends.into_iter().filter(|end| *end < count).collect();
        prop_assume!(!ends.is_empty() && ends.len() + 2 <= count);
        let faults = faults(observed(count, &ends, &BTreeSet::new()));
        let expected: Vec<_> = ends.into_iter().map(name).collect();
        prop_assert!(
            matches!(faults.as_slice(), [Fault::OwnEnd { nodes, .. }] if *nodes == expected),
            "{:?}", faults
        );
    }

    #[test]
    fn what_is_told_is_what_is_missed_and_no_more(
        count in 2usize..9,
        ends in btree_set(0usize..9, 0..3),
        paths in btree_set((0usize..9, 0usize..9), 0..12),
    ) {
        let words = observed(count, &ends, &paths);
        let mut missed = BTreeSet::new();
        for (name, word) in &words {
            let pair = |other: &String| (name.min(other).clone(), name.max(other).clone());
            missed.extend(word.misses.iter().map(pair));
        }
        let mut told = BTreeSet::new();
        for fault in faults(words) {
            for pair in missing(&fault) {
                prop_assert!(told.insert(pair), "told twice");
            }
        }
        prop_assert_eq!(told, missed);
    }

    #[test]
    fn no_words_make_it_panic_or_silent(
        texts in vec((0usize..6, 0usize..4, btree_set(0usize..7, 0..4)), 0..6)
    ) {
        let states = [LinkState::Up, LinkState::Faulty, LinkState::Unknown, LinkState::Up];
        let words: Words = texts
            .into_iter()
            .map(|(node, state, misses)| {
                let misses = misses.into_iter().filter(|m| *m != node).map(name).collect();
                (name(node), Word { state: states[state], misses })
            })
            .collect();
        let well = words.values().all(|word| word.state == LinkState::Up && word.misses.is_empty());
        let faults = faults(words);
        prop_assert_eq!(faults.is_empty(), well, "{:?}", faults);
    }
}
