//! What a monitoring system is told.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use ringcheck::model::attribute::Attributes;
use ringcheck::model::check::figures::{Account, Flaps, Layout};
use ringcheck::model::check::{self, Levels, Limits, Passes, Report, Seen, Shown, Status};
use ringcheck::model::failure::{Exit, Failure};
use ringcheck::model::link::LinkNumber;
use support::random::event;
use support::*;

/// A node whose passes are as they should be.
struct Node {
    cluster: Cluster,
    judge: Judge,
    passes: Passes,
    limits: Limits,
}

impl Node {
    fn new(peers: u32, links: u8) -> Node {
        let cluster = Cluster::new(peers, links);
        let mut judge = Judge::default();
        let judgement = judge.look(&cluster.facts());
        let published = judgement.wanted(&Attributes::new());
        let flaps = cluster.links().into_iter().map(|link| {
            let flaps = Flaps {
                total: 7,
                lately: 0,
            };
            (LinkNumber(link), flaps)
        });
        Node {
            judge,
            passes: Passes {
                account: Account {
                    age: Some(Duration::from_millis(2300)),
                    flaps: Some(flaps.collect()),
                },
                shown: Ok(Shown {
                    stored: published.clone(),
                    published,
                    ..Shown::default()
                }),
            },
            limits: Limits {
                latency: Levels::default(),
                flaps: Levels::default(),
                flap_window: Duration::from_secs(3600),
                max_age: Duration::from_secs(60),
            },
            cluster,
        }
    }

    fn shown(&mut self) -> &mut Shown {
        self.passes.shown.as_mut().unwrap()
    }

    /// The status, the text and the figures.
    fn says(&mut self, asked: bool) -> (Status, String, String) {
        let facts = self.cluster.facts();
        let seen = Seen {
            facts: &facts,
            judgement: &self.judge.look(&facts),
            passes: asked.then_some(&self.passes),
        };
        let report = check::check(&seen, &self.limits);
        let line = report.to_string();
        let (text, figures) = line.split_once(" | ").unwrap_or((&line, ""));
        let start = format!("RINGCHECK {} - ", report.status);
        let text = text
            .strip_prefix(&start)
            .unwrap_or_else(|| panic!("{line}"));
        (report.status, text.to_owned(), figures.to_owned())
    }

    fn is(&mut self, status: Status, text: &str) {
        let said = self.says(true);
        assert_eq!((said.0, said.1.as_str()), (status, text));
    }
}

#[test]
fn the_codes_are_those_of_the_guidelines() {
    let codes = [
        (Status::Ok, 0),
        (Status::Warning, 1),
        (Status::Critical, 2),
        (Status::Unknown, 3),
    ];
    assert!(codes.iter().all(|(status, code)| status.code() == *code));
}

#[test]
fn all_is_well() {
    let mut node = Node::new(1, 2);
    let latency = &mut node.cluster.facts_mut().peers;
    for link in latency
        .values_mut()
        .flat_map(|peer| peer.links.values_mut())
    {
        link.latency = 183;
    }
    let (status, text, figures) = node.says(true);
    assert_eq!((status, text.as_str()), (Status::Ok, "2 links UP"));
    assert_eq!(
        figures,
        "'links_up'=2;;;0;2 'links_faulty'=0;;;0;2 \
         'link0_vm02_latency'=183us;;;0 'link1_vm02_latency'=183us;;;0 \
         'link0_flaps_lately'=0;;;0 'link0_flaps'=7c;;;0 \
         'link1_flaps_lately'=0;;;0 'link1_flaps'=7c;;;0 \
         'last_pass_age'=2s;;60;0"
    );
    Node::new(1, 1).is(Status::Ok, "the only link is UP");
}

#[test]
fn a_faulty_link_is_critical_and_says_why() {
    let mut node = Node::new(2, 2);
    node.cluster.cut(3, 1);
    node.judge.settle(&node.cluster);
    let line = "link 1 (10.0.1.1) is FAULTY: no answer from vm03; 1 of 2 links UP";
    node.is(Status::Critical, line);
    assert!(
        node.says(true)
            .2
            .starts_with("'links_up'=1;;;0;2 'links_faulty'=1;;;0;2 ")
    );
}

#[test]
fn what_cannot_be_judged_is_unknown() {
    let mut node = Node::new(1, 2);
    node.judge = Judge::default();
    node.cluster.cut(2, 1);
    let line = "link 1 (10.0.1.1) cannot be judged yet: no answer from vm02 yet, looking again; 1 of 2 links UP";
    let said = node.says(false);
    assert_eq!((said.0, said.1.as_str()), (Status::Unknown, line));
    node.cluster.facts_mut().links.clear();
    node.judge = Judge::default();
    assert_eq!(node.says(false).0, Status::Unknown, "no link at all");
}

#[test]
fn what_the_cib_shows_must_be_what_is() {
    let name = "ringnumber_1";
    for (value, status) in [
        (None, Status::Critical),
        (Some("10.0.1.1 is FAULTY"), Status::Critical),
        (Some("10.0.1.1 is UNKNOWN"), Status::Unknown),
        (Some("10.9.9.9 is UP"), Status::Critical),
        (Some("nonsense"), Status::Critical),
    ] {
        let mut node = Node::new(1, 2);
        let passes = node.shown();
        passes.stored.remove(name);
        passes
            .stored
            .extend(value.map(|value| (name.into(), value.into())));
        // It is what they have published, so nothing was lost on the way.
        passes.published = passes.stored.clone();
        let shown = value.unwrap_or("nothing");
        let line = format!("link 1 (10.0.1.1) is UP, but {name} shows {shown}; 2 links UP");
        node.is(status, &line);
    }
}

#[test]
fn the_cib_must_have_what_was_published() {
    let mut node = Node::new(1, 2);
    let passes = node.shown();
    passes.published.insert("ringlost_0".into(), "vm02".into());
    let line = "the CIB has nothing in ringlost_0, published was `vm02`; 2 links UP";
    node.is(Status::Critical, line);
    let mut node = Node::new(1, 2);
    node.shown().stored.remove("ringnumber_1");
    let line = "the CIB has nothing in ringnumber_1, published was `10.0.1.1 is UP`; 2 links UP";
    node.is(Status::Critical, line);
}

#[test]
fn passes_that_have_ended_are_critical() {
    let mut node = Node::new(1, 2);
    node.passes.account.age = Some(Duration::from_secs(60));
    assert_eq!(node.says(true).0, Status::Ok);
    node.passes.account.age = Some(Duration::from_secs(95));
    let timer = "look at `systemctl status ringcheck.timer`; 2 links UP";
    node.is(Status::Critical, &format!("no good pass for 95 s; {timer}"));
    node.passes.account.age = None;
    let line = format!("no good pass since this node booted; {timer}");
    node.is(Status::Critical, &line);
    node.shown().failing = Some("disk | full\nof things".into());
    let line = "no good pass since this node booted; the last one failed: disk / full/of things; 2 links UP";
    node.is(Status::Critical, line);
}

#[test]
fn a_timer_that_was_stopped_is_a_warning_and_hides_no_fault() {
    let mut node = Node::new(1, 2);
    *node.shown() = Shown {
        cleared: true,
        ..Shown::default()
    };
    let said = node.says(true);
    assert_eq!(said.0, Status::Warning);
    assert!(said.1.starts_with("the timer was stopped"), "{}", said.1);
    node.cluster.cut(2, 1);
    node.judge.settle(&node.cluster);
    let said = node.says(true);
    assert_eq!(said.0, Status::Critical);
    assert!(
        said.1.starts_with("link 1 "),
        "the worst is first: {}",
        said.1
    );
}

#[test]
fn what_the_passes_did_cannot_be_told() {
    for (exit, status) in [
        (Exit::PacemakerDown, Status::Critical),
        (Exit::CorosyncDown, Status::Critical),
        (Exit::Permission, Status::Unknown),
        (Exit::State, Status::Unknown),
        (Exit::Deadline, Status::Unknown),
        (Exit::Attribute, Status::Unknown),
    ] {
        let failure = Failure::new(exit, "why");
        let alone = check::Report::failed(&failure);
        assert_eq!(alone.to_string(), format!("RINGCHECK {status} - why"));
        let mut node = Node::new(1, 2);
        node.passes.shown = Err(failure);
        node.is(status, "why; 2 links UP");
        assert_eq!(node.says(false).0, Status::Ok, "who does not ask");
    }
}

#[test]
fn latency_has_its_limits() {
    let mut node = Node::new(2, 2);
    node.limits.latency = Levels {
        warning: Some(500),
        critical: Some(2500),
    };
    let set = |node: &mut Node, latency| {
        let peers = &mut node.cluster.facts_mut().peers;
        let link = peers
            .values_mut()
            .next()
            .unwrap()
            .links
            .get_mut(&LinkNumber(1));
        link.unwrap().latency = latency;
    };
    for (latency, status) in [
        (500, Status::Ok),
        (501, Status::Warning),
        (2500, Status::Warning),
        (2501, Status::Critical),
    ] {
        set(&mut node, latency);
        let (is, text, figures) = node.says(true);
        assert_eq!(is, status, "{latency}: {text}");
        let figure = format!("'link1_vm02_latency'={latency}us;500;2500;0 ");
        assert!(figures.contains(&figure), "{figures}");
    }
    node.is(
        Status::Critical,
        "knet's average to vm02 on link 1 is 2.501 ms; 2 links UP",
    );
    // Of who is no member, and of what is not connected, it is an old one.
    node.cluster
        .facts_mut()
        .peers
        .values_mut()
        .next()
        .unwrap()
        .joined = false;
    let (status, text, figures) = node.says(true);
    assert_eq!(
        (status, text.as_str()),
        (Status::Ok, "2 links UP; vm02 is no member")
    );
    for figure in [
        " 'link0_vm02_latency'=U;500;2500;0 ",
        " 'link1_vm02_latency'=U;500;2500;0 ",
    ] {
        assert!(figures.contains(figure), "{figures}");
    }
}

#[test]
fn flaps_have_their_limits() {
    let mut node = Node::new(1, 2);
    node.limits.flaps = Levels {
        warning: Some(0),
        critical: Some(3),
    };
    assert_eq!(node.says(true).0, Status::Ok, "what was long ago is over");
    for (lately, status) in [
        (1, Status::Warning),
        (3, Status::Warning),
        (4, Status::Critical),
    ] {
        let times = match lately {
            1 => "once".to_owned(),
            _ => format!("{lately} times"),
        };
        let flaps = Flaps { total: 9, lately };
        node.passes.account.flaps = Some(BTreeMap::from([(LinkNumber(1), flaps)]));
        node.is(
            status,
            &format!("link 1 went down {times} in 3600 s; 2 links UP"),
        );
        let figure = format!(" 'link1_flaps_lately'={lately};0;3;0 'link1_flaps'=9c;;;0 ");
        assert!(node.says(true).2.contains(&figure));
    }
}

/// Returns the labels, in their order.
fn labels(figures: &str) -> Vec<&str> {
    let figures = figures.split_ascii_whitespace();
    figures
        .map(|figure| figure.split_once('=').expect("a value").0)
        .collect()
}

#[test]
fn what_is_not_known_has_its_label_all_the_same() {
    let mut node = Node::new(1, 2);
    node.cluster.cut(2, 1);
    node.cluster.leave(2);
    node.passes.account = Account::default();
    assert_eq!(
        node.says(true).2,
        "'links_up'=2;;;0;2 'links_faulty'=0;;;0;2 \
         'link0_vm02_latency'=U;;;0 'link1_vm02_latency'=U;;;0 \
         'link0_flaps_lately'=U;;;0 'link0_flaps'=U;;;0 \
         'link1_flaps_lately'=U;;;0 'link1_flaps'=U;;;0 \
         'last_pass_age'=U;;60;0"
    );
    let failure = Failure::new(Exit::Deadline, "why");
    let layout = Layout::of(&node.cluster.facts());
    let account = Node::new(1, 2).passes.account;
    let blind = Report::blind(&failure, &layout, Some(&account), &node.limits);
    assert_eq!(
        blind.to_string(),
        "RINGCHECK UNKNOWN - why | 'links_up'=U;;;0;2 'links_faulty'=U;;;0;2 \
         'link0_vm02_latency'=U;;;0 'link1_vm02_latency'=U;;;0 \
         'link0_flaps_lately'=0;;;0 'link0_flaps'=7c;;;0 \
         'link1_flaps_lately'=0;;;0 'link1_flaps'=7c;;;0 \
         'last_pass_age'=2s;;60;0"
    );
}

#[test]
fn a_transport_that_measures_nothing_has_no_latency() {
    let mut node = Node::new(2, 1);
    node.cluster = Cluster::udpu(2);
    let figures = node.says(false).2;
    assert_eq!(labels(&figures), ["'links_up'", "'links_faulty'"]);
}

proptest! {
    #![proptest_config(support::random::config())]

    #[test]
    fn the_labels_do_not_depend_on_what_happens(
        looks in vec((0u64..30_000, vec(event(3, 3), 0..4)), 1..20),
        asked: bool,
    ) {
        use Event::{Add, Remove};

        let mut node = Node::new(3, 3);
        let layout = Layout::of(&node.cluster.facts());
        let first = node.says(asked).2;
        for (time, events) in looks {
            node.judge.now += time;
            // Another configuration has other labels.
            let events = events.iter().filter(|e| !matches!(e, Add(_) | Remove(_)));
            events.for_each(|event| node.cluster.apply(event));
            if time % 3 == 0 {
                node.passes.account = Account::default();
            }
            if time % 5 == 0 {
                node.passes.shown = Err(Failure::new(Exit::Deadline, "why"));
            }
            let figures = node.says(asked).2;
            prop_assert_eq!(labels(&figures), labels(&first));
        }
        let failure = Failure::new(Exit::CorosyncDown, "why");
        let account = asked.then(Account::default);
        let blind = Report::blind(&failure, &layout, account.as_ref(), &node.limits).to_string();
        let (_, figures) = blind.split_once(" | ").expect("figures");
        prop_assert_eq!(labels(figures), labels(&first));
    }
}

#[test]
fn no_name_breaks_the_line() {
    let mut node = Node::new(1, 1);
    let peers = &mut node.cluster.facts_mut().peers;
    peers.values_mut().next().unwrap().name = "a'b=c|d".into();
    assert!(node.says(true).2.contains(" 'link0_a_b_c_d_latency'="));
}
