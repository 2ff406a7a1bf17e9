//! The state file: what one pass leaves to the next, as versioned JSON.
//!
//! It is a cache: a state that is missing, torn, of another boot or of another version counts
//! as none, and the next pass asks the CIB what is published.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::folder::Folder;
use crate::cluster::daemon::Daemons;
use crate::model::attribute::Attributes;
use crate::model::check::figures::Layout;
use crate::model::failure::Failure;
use crate::model::flaps::Flaps;
use crate::model::link::NodeId;
use crate::model::memory::{Evidence, Memory};
use crate::model::moment::Moment;
use crate::model::outline::Outline;

/// The state file's name in its folder.
pub const FILE: &str = "state.json";

const VERSION: u32 = 1;

/// By how much who reads without the lock may be overtaken by who writes.
const OVERTAKEN: Duration = Duration::from_secs(10);

/// Longer than any pass has others wait.
const FORESIGHT: Duration = Duration::from_secs(3600);

/// What is known from the passes before.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct State {
    /// The format of this file.
    version: u32,
    /// The boot it belongs to, where that is known: attributes and counters do not outlive one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot_id: Option<String>,
    /// The daemons of the last pass.
    pub daemons: Daemons,
    /// This node's id, once it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// What the next pass need not ask of Corosync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<Outline>,
    /// Layout of the figures of `ringcheck check`, once it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// The joined members with the count of their joins.
    pub members: BTreeMap<NodeId, u32>,
    /// The attributes that the attribute manager has acknowledged.
    pub published: Attributes,
    /// What the verdicts rest upon.
    pub memory: Memory,
    /// How often each link went down.
    #[serde(default)]
    pub flaps: Flaps,
    /// When the CIB was last compared with what was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Moment>,
    /// Until when each pass compares, because the membership or a daemon changed and
    /// Pacemaker may still take attributes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_until: Option<Moment>,
    /// Since when link state cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable_since: Option<Moment>,
    /// The timer was stopped and the attributes deleted: alerts must not bring them back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cleared: bool,
}

impl State {
    /// The state of a node that nothing is known of.
    pub fn new(boot_id: Option<&str>) -> State {
        State {
            version: VERSION,
            boot_id: boot_id.map(str::to_owned),
            ..State::default()
        }
    }

    /// Reads the state; one that cannot be used counts as none.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn load(folder: &Folder, boot_id: Option<&str>, now: Moment) -> Result<State, Failure> {
        let bytes = folder.read(FILE)?.unwrap_or_default();
        let state = parse(&bytes, boot_id).filter(|state| !state.is_of_the_future(now));
        Ok(state.unwrap_or_else(|| State::new(boot_id)))
    }

    /// Whether it tells of what is still to come: nothing would be compared, and no evidence
    /// heard, before then.
    fn is_of_the_future(&self, now: Moment) -> bool {
        let links = self.memory.links.values();
        let peers = self.memory.peers.values();
        let evidence = peers.flat_map(|peer| peer.links.values().map(|link| link.evidence));
        let past = links
            .clone()
            .flat_map(|link| [Some(link.since), link.good_since])
            .chain(
                self.memory
                    .lost
                    .values()
                    .flat_map(|lost| lost.values().copied()),
            )
            .chain([
                self.compared,
                self.unreadable_since,
                self.flaps.latest(),
                self.memory.alone_since,
                self.memory.well_since,
                self.memory.doubts.values().map(|doubt| doubt.since).max(),
                self.outline.as_ref().map(|outline| outline.read),
            ]);
        let to_come = evidence
            .map(|evidence| match evidence {
                Evidence::Unsettled(until) => Some(until),
                Evidence::Unheard(silence) => Some(silence.until),
                Evidence::Good | Evidence::Bad | Evidence::Unproven(_) => None,
            })
            .chain(links.map(|link| link.gone_at))
            .chain([self.compare_until]);
        past.flatten().any(|moment| moment > now.after(OVERTAKEN))
            || to_come
                .flatten()
                .any(|moment| moment > now.after(FORESIGHT))
    }

    /// Writes the state, unless the file already says the same. Where it cannot be written, what
    /// was there is removed if it can be: the next pass would tell and write the same changes
    /// again, and what is missing it asks the CIB.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Folder, before: &State) -> Result<(), Failure> {
        if self == before {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(self).expect("a state is always valid JSON");
        folder.replace(FILE, &text).inspect_err(|_| {
            let _ = folder.remove(FILE);
        })
    }
}

fn parse(bytes: &[u8], boot_id: Option<&str>) -> Option<State> {
    let state: State = serde_json::from_slice(bytes).ok()?;
    // Without an id the daemons tell: those of another boot are other processes.
    let ids = state.boot_id.as_deref().zip(boot_id);
    let same_boot = ids.is_none_or(|(before, now)| before == now);
    (state.version == VERSION && same_boot).then_some(state)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOOT: Option<&str> = Some("6ba7b810-9dad-11d1-80b4-00c04fd430c8");

    fn written() -> State {
        let mut state = State::new(BOOT);
        let value = "10.0.0.1 is UP".to_owned();
        state.published.insert("ringnumber_0".into(), value);
        state.compared = Some(Moment(60_000));
        state.cleared = true;
        state
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let now = Moment(60_000);
        let new = State::load(&folder, BOOT, now).unwrap();
        assert_eq!(new, State::new(BOOT));
        written().save(&folder, &new).unwrap();
        assert_eq!(State::load(&folder, BOOT, now).unwrap(), written());
        let earlier = State::load(&folder, BOOT, Moment(40_000)).unwrap();
        assert_eq!(earlier, new, "it is of the future");
    }

    #[test]
    fn what_cannot_be_kept_leaves_no_state_of_before() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let new = State::new(BOOT);
        written().save(&folder, &new).unwrap();
        // What is in the way can neither be removed nor put aside.
        let place = place.path();
        std::fs::create_dir(place.join(format!("{FILE}.new"))).unwrap();
        std::fs::write(place.join(format!("{FILE}.new.aside")), "").unwrap();
        new.save(&folder, &written()).unwrap_err();
        assert_eq!(State::load(&folder, BOOT, Moment(60_000)).unwrap(), new);
    }

    #[test]
    fn what_says_the_same_is_not_written() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        written().save(&folder, &written()).unwrap();
        assert!(!place.path().join(FILE).exists());
    }

    #[test]
    fn another_boot_or_version_counts_as_none() {
        let text = serde_json::to_string(&written()).unwrap();
        assert_eq!(parse(text.as_bytes(), BOOT), Some(written()));
        assert_eq!(parse(text.as_bytes(), Some("another boot")), None);
        assert_eq!(parse(text.as_bytes(), None), Some(written()));
        let unknown = serde_json::to_string(&State::new(None)).unwrap();
        assert_eq!(parse(unknown.as_bytes(), BOOT), Some(State::new(None)));
        let newer = text.replace("\"version\":1", "\"version\":2");
        assert_eq!(parse(newer.as_bytes(), BOOT), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(parse(&bytes, BOOT), None);
        }

        #[test]
        fn no_json_makes_it_panic(text in "(\\{|\\}|\\[|\\]|,|:|\"(version|boot-id|daemons|memory|links|peers|published|members|compared|node)\"|[0-9]{1,20}|null|true|\\PC){0,60}") {
            let _ = parse(text.as_bytes(), BOOT);
        }

        #[test]
        fn a_torn_or_mangled_file_counts_as_none_or_is_whole(at in 0usize..400, byte: u8, cut: bool) {
            let mut bytes = serde_json::to_vec(&written()).unwrap();
            let at = at.min(bytes.len() - 1);
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let _ = parse(&bytes, BOOT);
            if cut { prop_assert_eq!(parse(&bytes, BOOT), None); }
        }
    }
}
