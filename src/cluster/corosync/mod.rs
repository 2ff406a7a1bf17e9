//! Corosync through cmap: the one user of rust-corosync.
//!
//! The library has traps, each reproduced with 3.2.0 and Corosync 3.1.7, and each kept away
//! from here:
//!
//! 1. Reading a `stats.schedmiss.*` key can crash the corosync daemon: only `stats.knet.`
//!    and `stats.srp.` keys are read. Iterating the STATS map with a shorter prefix than those
//!    crashes the client: it is iterated below `stats.knet.node` only, and only after a refused
//!    reload.
//! 2. `cmap::get` refuses strings of 16 bytes and more: those come through the iterator, with
//!    the whole key as its prefix (`map.rs`).
//! 3. The iterator takes every error for the end of the list and stops at a value that is
//!    not UTF-8: it is used for one key at a time, so that a missing key is seen, and for lists
//!    that nothing else has, where what is missing is seen at the next look.
//! 4. Nothing has a time-out: with corosync stopped, a call blocks for ever. Calls are made by a
//!    thread of their own, which is left behind when the deadline passes; but not those of the
//!    pass that finds all well, for which a thread would be a tenth of its cost: an alarm has it
//!    begin anew, with a thread.
//! 5. `initialize` does not retry, and its errors mean something other than their names say:
//!    `ErrLibrary` is "not running", `ErrTryAgain` is "starting".
//! 6. `cfg::node_status_get` always returns eight links.

mod address;
mod errors;
mod glance;
mod map;
mod picture;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rust_corosync::cmap;

use self::glance::glance;
use self::map::Map;
use self::picture::{picture, traffic};
use crate::cluster::alarm;
use crate::model::failure::{Exit, Failure};
use crate::model::link::{FailedReload, LinkNumber, NodeId, Peer, Transport};
use crate::model::metrics::Traffic;
use crate::model::outline::Outline;

/// Where Corosync's configuration is (corosync.conf(5)).
pub const CONFIGURATION: &str = "/etc/corosync/corosync.conf";

/// What Corosync says of the links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// This node's id.
    pub node: NodeId,
    /// This node's name, or its node id in digits where it has none.
    pub name: String,
    /// How Corosync talks.
    pub transport: Transport,
    /// [`Facts::memberships`](crate::model::link::Facts::memberships).
    pub memberships: Option<u64>,
    /// The links that this node has an address for.
    pub links: BTreeMap<LinkNumber, ConfiguredLink>,
    /// All other nodes.
    pub peers: BTreeMap<NodeId, Peer>,
    /// [`Facts::failed_reload`](crate::model::link::Facts::failed_reload).
    pub failed_reload: Option<FailedReload>,
    /// What knet counts, where that was asked for.
    pub traffic: Traffic,
}

/// One link of this node as Corosync has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredLink {
    /// The address as it is configured: an IP address or a host name.
    pub configured: String,
    /// The IP address that Corosync uses, where it can be found out.
    pub ip: Option<IpAddr>,
    /// knet's ping interval, zero with other transports.
    pub ping_interval: Duration,
    /// knet's ping timeout, zero with other transports.
    pub ping_timeout: Duration,
    /// What Corosync 2's redundant ring protocol says, where no peer has a link in the STATS
    /// map.
    pub rrp_faulty: Option<bool>,
}

/// The connections to corosync, made at the first read and kept for the next ones.
pub struct Corosync {
    /// Until a thread has it.
    reader: Option<Reader>,
    thread: Option<Thread>,
}

impl Default for Corosync {
    fn default() -> Corosync {
        Corosync::new()
    }
}

impl Corosync {
    /// Connects to nothing yet.
    pub fn new() -> Corosync {
        Corosync::with(Reader::default())
    }

    /// The same, which also reads what knet counts.
    pub fn with_traffic() -> Corosync {
        Corosync::with(Reader {
            traffic: true,
            ..Reader::default()
        })
    }

    fn with(reader: Reader) -> Corosync {
        Corosync {
            reader: Some(reader),
            thread: None,
        }
    }

    /// Reads the whole picture, or by what is known already the state of the links only.
    ///
    /// # Errors
    /// When corosync is not running, does not allow it, gives no whole picture, or does not
    /// answer before the deadline.
    pub fn read(&mut self, deadline: Instant, known: Option<&Outline>) -> Result<Picture, Failure> {
        if let (Some(reader), Some(known)) = (&mut self.reader, known)
            && let Some(glanced) = alarm::limit(|| reader.glance(known))
            && let Some(picture) = glanced?
        {
            return Ok(picture);
        }
        if let Some(reader) = self.reader.take() {
            self.thread = Some(Thread::start(reader)?);
        }
        self.thread.as_mut().ok_or_else(lost)?.read(deadline)
    }
}

/// The thread that makes the calls which may hang.
struct Thread {
    requests: Option<Sender<()>>,
    answers: Receiver<Result<Picture, Failure>>,
    /// An answer that did not come before its deadline is still to come.
    overdue: bool,
}

impl Thread {
    fn start(mut reader: Reader) -> Result<Thread, Failure> {
        let (requests, asked) = channel();
        let (answer, answers) = channel();
        let started = thread::Builder::new().spawn(move || {
            while let Ok(()) = asked.recv() {
                if answer.send(reader.read()).is_err() {
                    break;
                }
            }
        });
        started.map_err(|error| {
            let line = format!(
                "cannot read link state from cmap: no thread can be started: {error}; is a limit of \
                 processes reached? look at `systemctl show --property=TasksMax ringcheck.service`"
            );
            Failure::new(Exit::Unreadable, line)
        })?;
        Ok(Thread {
            requests: Some(requests),
            answers,
            overdue: false,
        })
    }

    fn read(&mut self, deadline: Instant) -> Result<Picture, Failure> {
        let late = || {
            let line = "cannot read link state from cmap: corosync does not answer; look at `systemctl status corosync`";
            Failure::new(Exit::Deadline, line)
        };
        let left = || deadline.saturating_duration_since(Instant::now());
        // Its answer belongs to no later question, and no second thread is to hang beside it.
        if self.overdue {
            match self.answers.recv_timeout(left()) {
                Ok(_) => self.overdue = false,
                Err(RecvTimeoutError::Timeout) => return Err(late()),
                Err(RecvTimeoutError::Disconnected) => return Err(lost()),
            }
        }
        let asked = self.requests.as_ref().map(|requests| requests.send(()));
        match (asked, self.answers.recv_timeout(left())) {
            (Some(Ok(())), Ok(answer)) => answer,
            (Some(Ok(())), Err(RecvTimeoutError::Timeout)) => {
                self.overdue = true;
                Err(late())
            }
            _ => Err(lost()),
        }
    }
}

impl Drop for Thread {
    /// Lets the thread disconnect, unless it is stuck: corosync logs nothing and cleans up
    /// at once when a client says good-bye.
    fn drop(&mut self) {
        self.requests = None;
        if !self.overdue {
            let _ = self.answers.recv_timeout(Duration::from_millis(200));
        }
    }
}

fn lost() -> Failure {
    let line = "cannot read link state from cmap: the connection to corosync is lost; look at `systemctl status corosync`";
    Failure::new(Exit::Unreadable, line)
}

/// Who makes the calls.
#[derive(Default)]
struct Reader {
    stats: Option<Map>,
    icmap: Option<Map>,
    traffic: bool,
}

impl Reader {
    /// That all is as it was, by one connection.
    fn glance(&mut self, known: &Outline) -> Result<Option<Picture>, Failure> {
        if self.traffic {
            return Ok(None);
        }
        let stats = Map::opened(self.stats.take(), cmap::Map::Stats)?;
        let picture = glance(&stats, known)?;
        self.stats = Some(stats);
        Ok(picture)
    }

    fn read(&mut self) -> Result<Picture, Failure> {
        // After an error both are connected anew.
        let stats = Map::opened(self.stats.take(), cmap::Map::Stats)?;
        let icmap = Map::opened(self.icmap.take(), cmap::Map::Icmap)?;
        let mut picture = picture(&icmap, &stats)?;
        if self.traffic {
            picture.traffic = traffic(&stats, &picture.peers)?;
        }
        (self.stats, self.icmap) = (Some(stats), Some(icmap));
        Ok(picture)
    }
}
