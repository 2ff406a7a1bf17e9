//! What must never make a link FAULTY, in any order and at any time; and what must.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::random::{Story, story};
use support::*;

const LINKS: u8 = 3;

/// The times between passes: the timer's, and those of alerts and of corosync's log.
fn gaps() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![3 => 0u64..1000, 2 => 1000u64..6000], 20..80)
}

/// Writes the stories of each peer, from vm02 on, into the script, and tells when all ended.
fn script(world: &World, stories: &[Vec<Story>]) -> u64 {
    let mut last = 0;
    for (peer, stories) in (2..).zip(stories) {
        let mut end = 0;
        for story in stories {
            let (events, ended) = story.tell(end, peer);
            end = ended;
            for (time, event) in events {
                world.later(time, event);
            }
        }
        last = last.max(end);
    }
    world.now() + last
}

/// Does passes with these times between them until then.
fn passes_until(world: &World, end: u64, gaps: &[u64]) {
    for gap in gaps.iter().cycle() {
        world.pass().unwrap();
        if world.now() > end {
            break;
        }
        world.advance(gap + 1);
    }
}

/// How often the state of a link was written.
fn states_written(world: &World) -> usize {
    let written = world.written.borrow();
    let states = written
        .iter()
        .filter(|change| change.name().starts_with("ringnumber_"));
    states.count()
}

proptest! {
    #![proptest_config(support::random::config())]

    #[test]
    fn peers_that_die_stop_join_or_fall_silent_make_no_link_faulty(
        stories in vec(vec(story(LINKS.into()), 0..5), 1..4), gaps in gaps()
    ) {
        let world = World::quiet(Cluster::new(stories.len() as u32, LINKS));
        let end = script(&world, &stories);
        passes_until(&world, end, &gaps);
        prop_assert!(!world.was_faulty(), "{:?}", world.said.take());
        prop_assert_eq!(world.written.take(), []);
    }

    #[test]
    fn nor_where_passes_have_no_time_to_look_again(
        stories in vec(vec(story(LINKS.into()), 0..5), 1..4), gaps in gaps()
    ) {
        let mut world = World::quiet(Cluster::new(stories.len() as u32, LINKS));
        world.settings.deadline = std::time::Duration::from_secs(2);
        let end = script(&world, &stories);
        passes_until(&world, end, &gaps);
        prop_assert!(!world.was_faulty(), "{:?}", world.said.take());
        prop_assert_eq!(world.written.take(), []);
    }

    #[test]
    fn nor_on_a_node_that_starts_itself(
        back in vec(0u64..=2200, 3 * usize::from(LINKS)), joined in vec(0u64..=2200, 3),
        gaps in gaps()
    ) {
        let mut cluster = Cluster::new(3, LINKS);
        for peer in cluster.peers() {
            cluster.leave(peer);
            cluster.cut_all(peer);
        }
        let world = World::new(cluster);
        for (peer, times) in (2..).zip(back.chunks(LINKS.into())) {
            for (link, time) in (0..).zip(times) {
                world.later(2000, Event::Answer(peer, link));
                world.later(2000 + time, Event::Heal(peer, link));
            }
            let first = times.iter().min().unwrap();
            world.later(2000 + first + joined[peer as usize - 2], Event::Join(peer));
        }
        passes_until(&world, world.now() + 20_000, &gaps);
        prop_assert!(!world.was_faulty(), "{:?}", world.said.take());
        prop_assert_eq!(world.states(), "0 UP, 1 UP, 2 UP");
    }

    #[test]
    fn links_that_are_added_and_removed_are_not_faulty(
        changes in vec((1000u64..2000, 1000u64..2000, 3000u64..20_000, 0u64..100, 0u64..4000), 1..5),
        gaps in gaps()
    ) {
        let world = World::quiet(Cluster::new(2, 1));
        let mut start = 0;
        for (vm02, vm03, stays, forgotten, removed) in changes {
            world.later(start, Event::Add(1));
            world.later(start + vm02, Event::Connect(2, 1));
            world.later(start + vm03, Event::Connect(3, 1));
            world.later(start + stays, Event::Forget(2, 1));
            world.later(start + stays + forgotten, Event::Forget(3, 1));
            world.later(start + stays + 100 + removed, Event::Remove(1));
            start += stays + 15_000;
        }
        passes_until(&world, world.now() + start, &gaps);
        prop_assert!(!world.was_faulty(), "{:?}", world.said.take());
        prop_assert_eq!(world.states(), "0 UP");
    }

    #[test]
    fn a_link_that_breaks_is_faulty_soon_whatever_the_other_peers_do(
        stories in vec(vec(story(LINKS.into()), 1..5), 1..3), gaps in gaps(),
        link in 0..LINKS, delay in 0u64..10_000
    ) {
        let world = World::quiet(Cluster::new(stories.len() as u32 + 1, LINKS));
        let end = script(&world, &stories);
        let peer = stories.len() as u32 + 2;
        world.later(delay, Event::Cut(peer, link));
        world.advance(delay);
        world.pass().unwrap();
        let states = world.states();
        let expected = format!("{link} FAULTY");
        prop_assert!(states.contains(&expected), "{states}");
        passes_until(&world, end, &gaps);
        prop_assert_eq!(states_written(&world), 1, "{:?}", world.said.take());
    }

    #[test]
    fn a_link_that_is_broken_while_its_peer_joins_is_faulty_soon(
        story in story(LINKS.into()), gaps in gaps(), link in 0..LINKS
    ) {
        let world = World::quiet(Cluster::new(1, LINKS));
        let (events, end) = story.tell(0, 2);
        for (time, event) in events {
            let comes = |back| back == link;
            if !matches!(event, Event::Heal(_, back) | Event::Answer(_, back) if comes(back)) {
                world.later(time, event);
            }
        }
        let end = world.now() + end + TIME_TO_JOIN;
        passes_until(&world, end, &gaps);
        let states = world.states();
        let expected = format!("{link} FAULTY");
        prop_assert!(states.contains(&expected), "{states}");
        prop_assert_eq!(states_written(&world), 1, "{:?}", world.said.take());
    }
}
