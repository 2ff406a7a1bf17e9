use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ringcheck::cluster::clock::Clock;
use ringcheck::cluster::daemon::{Daemons, Incarnation};
use ringcheck::cluster::journal::Level;
use ringcheck::cluster::{Registry, Source};
use ringcheck::command::pass::Pass;
use ringcheck::model::attribute::{Attributes, Change};
use ringcheck::model::failure::{Exit, Failure};
use ringcheck::model::link::{Facts, NodeId};
use ringcheck::model::moment::Moment;
use ringcheck::model::outline::Outline;
use ringcheck::model::settings::Settings;
use ringcheck::model::transition::Transition;
use ringcheck::model::verdict::Judgement;
use ringcheck::store::state::State;

use super::{Cluster, Event};

const BOOT: Option<&str> = Some("6ba7b810-9dad-11d1-80b4-00c04fd430c8");

/// How attributes vanish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// pacemaker-attrd was killed and started again.
    Attrd,
    /// pacemaker-controld was killed and started again.
    Controld,
    /// The CIB alone has lost them, and no daemon was restarted.
    Cib,
    /// Somebody deleted them.
    Both,
    /// The state file.
    State,
}

/// A node: its cluster, its Pacemaker, its clock, and the state that its passes keep.
pub struct World {
    cluster: RefCell<Cluster>,
    script: RefCell<Vec<(u64, Event)>>,
    now: Cell<u64>,
    /// What the attribute manager knows; nothing is what it knows to be deleted.
    attrd: RefCell<BTreeMap<String, Option<String>>>,
    cib: RefCell<Attributes>,
    pub settings: Settings,
    pub daemons: Cell<Daemons>,
    pub state: RefCell<State>,
    /// Link state cannot be read.
    pub unreadable: Cell<bool>,
    /// cmap takes no connection.
    pub down: Cell<bool>,
    /// cmap does not answer, so that a read takes all the time that it is given.
    pub hung: Cell<bool>,
    /// The attribute manager does not acknowledge writes of attributes with this name.
    pub refused: RefCell<Option<String>>,
    /// It acts on what it does not acknowledge.
    pub acknowledgements_lost: Cell<bool>,
    /// The CIB cannot be asked.
    pub mute: Cell<bool>,
    pub written: RefCell<Vec<Change>>,
    pub queries: Cell<usize>,
    pub refreshes: Cell<usize>,
    pub looks: Cell<usize>,
    /// How many of them went by an outline.
    pub glances: Cell<usize>,
    pub said: RefCell<Vec<String>>,
    pub recorded: RefCell<Vec<Transition>>,
    spent: Cell<Option<Instant>>,
}

impl World {
    pub fn new(cluster: Cluster) -> World {
        let daemon = |pid| Some(Incarnation { pid, start: 1 });
        World {
            cluster: RefCell::new(cluster),
            script: RefCell::default(),
            now: Cell::new(1_000_000),
            attrd: RefCell::default(),
            cib: RefCell::default(),
            settings: Settings::default(),
            daemons: Cell::new(Daemons {
                corosync: daemon(1),
                attrd: daemon(2),
                controld: daemon(3),
            }),
            state: RefCell::new(State::new(BOOT)),
            unreadable: Cell::new(false),
            down: Cell::new(false),
            hung: Cell::new(false),
            refused: RefCell::default(),
            acknowledgements_lost: Cell::new(false),
            mute: Cell::new(false),
            written: RefCell::default(),
            queries: Cell::new(0),
            refreshes: Cell::new(0),
            looks: Cell::new(0),
            glances: Cell::new(0),
            said: RefCell::default(),
            recorded: RefCell::default(),
            spent: Cell::new(None),
        }
    }

    /// A node that has done passes for so long that no change is recent, and has compared
    /// the CIB just now.
    pub fn quiet(cluster: Cluster) -> World {
        let world = World::new(cluster);
        world.settle();
        world
    }

    /// Does passes for so long that no change is recent, and compares the CIB.
    pub fn settle(&self) {
        self.passes(20, 5000);
        self.advance(self.settings.refresh.as_millis() as u64);
        self.pass().unwrap();
        self.forget();
    }

    /// Forgets what was counted.
    pub fn forget(&self) {
        self.written.take();
        self.said.take();
        self.recorded.take();
        self.queries.set(0);
        self.refreshes.set(0);
        self.looks.set(0);
        self.glances.set(0);
    }

    pub fn change(&self, change: impl FnOnce(&mut Cluster)) {
        change(&mut self.cluster.borrow_mut());
    }

    /// Has something happen that many milliseconds from now.
    pub fn later(&self, time: u64, event: Event) {
        let mut script = self.script.borrow_mut();
        script.push((self.now.get() + time, event));
        script.sort_by_key(|(at, _)| *at);
    }

    pub fn advance(&self, milliseconds: u64) {
        self.now.set(self.now.get() + milliseconds);
        let mut script = self.script.borrow_mut();
        let due = script.partition_point(|(at, _)| *at <= self.now.get());
        for (_, event) in script.drain(..due) {
            self.cluster.borrow_mut().apply(&event);
        }
    }

    pub fn now(&self) -> u64 {
        self.now.get()
    }

    pub fn pass(&self) -> Result<Judgement, Failure> {
        self.do_pass(false)
    }

    pub fn forced_pass(&self) -> Result<Judgement, Failure> {
        self.do_pass(true)
    }

    fn do_pass(&self, force: bool) -> Result<Judgement, Failure> {
        let mut saved = self.state.borrow().clone();
        let mut state = saved.clone();
        let result = Pass {
            source: &mut &*self,
            registry: &mut &*self,
            clock: self,
            settings: &self.settings,
            force,
            deadline: Instant::now() + Duration::from_secs(3600),
            say: &mut |entry| {
                if entry.level != Level::Info {
                    self.said.borrow_mut().push(entry.text);
                }
            },
            record: &mut |transition| self.recorded.borrow_mut().push(transition),
            remember: &mut |state| {
                // What the file does not keep, the next pass does not know.
                let text = serde_json::to_vec(state).unwrap();
                saved = serde_json::from_slice(&text).unwrap();
                Ok(())
            },
        }
        .run(&mut state, self.daemons.get());
        self.state.replace(saved);
        result
    }

    /// Does passes, each that long after the one before.
    pub fn passes(&self, count: usize, interval: u64) {
        for _ in 0..count {
            let _ = self.pass();
            self.advance(interval);
        }
    }

    pub fn lose(&self, loss: Loss) {
        let mut daemons = self.daemons.get();
        let restart = |daemon: &mut Option<Incarnation>| {
            if let Some(daemon) = daemon {
                daemon.start += 1;
            }
        };
        match loss {
            Loss::Attrd => {
                restart(&mut daemons.attrd);
                self.attrd.take();
                self.cib.take();
            }
            Loss::Controld => {
                restart(&mut daemons.controld);
                self.cib.take();
            }
            Loss::Cib => drop(self.cib.take()),
            Loss::Both => {
                self.attrd.take();
                self.cib.take();
            }
            Loss::State => drop(self.state.replace(State::new(BOOT))),
        }
        self.daemons.set(daemons);
    }

    /// Corosync ends and starts again, and Pacemaker with it.
    pub fn restart_corosync(&self) {
        let mut daemons = self.daemons.get();
        if let Some(corosync) = &mut daemons.corosync {
            corosync.start += 1;
        }
        self.daemons.set(daemons);
        self.lose(Loss::Attrd);
        self.lose(Loss::Controld);
    }

    /// /proc shows corosync no more, and with `pacemaker` none of the daemons.
    pub fn hide_daemons(&self, pacemaker: bool) {
        let mut daemons = self.daemons.get();
        daemons.corosync = None;
        if pacemaker {
            (daemons.attrd, daemons.controld) = (None, None);
        }
        self.daemons.set(daemons);
    }

    /// What `crm_mon -A1` shows.
    pub fn shown(&self) -> Attributes {
        self.cib.borrow().clone()
    }

    /// What the attribute manager knows.
    pub fn known(&self) -> Attributes {
        let known = self.attrd.borrow().clone();
        known
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// Puts a value where a write of somebody else's would.
    pub fn plant(&self, name: &str, value: &str) {
        self.write_now(&Change::Update {
            name: name.into(),
            value: value.into(),
        });
    }

    /// Puts a value into the CIB alone.
    pub fn plant_in_cib(&self, name: &str, value: &str) {
        self.cib.borrow_mut().insert(name.into(), value.into());
    }

    /// The state that is shown of each link, as `0 UP, 1 FAULTY`.
    pub fn states(&self) -> String {
        let shown = self.shown();
        let states = shown.iter().filter_map(|(name, value)| {
            let link = name.strip_prefix("ringnumber_")?;
            Some(format!("{link} {}", value.rsplit(' ').next().unwrap()))
        });
        states.collect::<Vec<_>>().join(", ")
    }

    /// Whether FAULTY was ever written.
    pub fn was_faulty(&self) -> bool {
        let written = self.written.borrow();
        written.iter().any(
            |change| matches!(change, Change::Update { value, .. } if value.ends_with("FAULTY")),
        )
    }

    fn write_now(&self, change: &Change) {
        let (name, value) = match change {
            Change::Update { name, value } => (name, Some(value.clone())),
            Change::Delete { name } => (name, None),
        };
        let before = self.attrd.borrow_mut().insert(name.clone(), value.clone());
        // The attribute manager discards what it knows already.
        if before.flatten() != value {
            change.apply(&mut self.cib.borrow_mut());
        }
    }

    fn refuse(&self, deadline: Instant) -> Result<(), Failure> {
        match self.spent.get() {
            Some(spent) if spent >= deadline => Err(failure(Exit::Deadline, "no time left")),
            _ => Ok(()),
        }
    }
}

fn failure(exit: Exit, line: &str) -> Failure {
    Failure::new(exit, line)
}

impl Clock for World {
    fn now(&self) -> Moment {
        Moment(self.now.get())
    }

    fn wait(&self, time: Duration) {
        // A thread that sleeps is woken a little late.
        self.advance(time.as_millis() as u64 + 1);
    }
}

impl Source for &World {
    fn observe(&mut self, deadline: Instant, known: Option<&Outline>) -> Result<Facts, Failure> {
        self.looks.set(self.looks.get() + 1);
        assert!(self.looks.get() < 100_000, "the passes never end");
        if self.hung.get() {
            self.spent.set(Some(deadline));
            return Err(failure(Exit::Deadline, "corosync does not answer"));
        }
        self.spent.set(None);
        if self.down.get() {
            return Err(failure(Exit::CorosyncDown, "corosync is not running"));
        }
        match self.unreadable.get() {
            true => Err(failure(Exit::Unreadable, "cannot read link state")),
            false => {
                let cluster = self.cluster.borrow();
                let glance = known.and_then(|known| cluster.glance(known));
                self.glances
                    .set(self.glances.get() + usize::from(glance.is_some()));
                Ok(glance.unwrap_or_else(|| cluster.facts()))
            }
        }
    }
}

impl Registry for &World {
    fn query(&mut self, node: NodeId, deadline: Instant) -> Result<Attributes, Failure> {
        assert_eq!(node, NodeId(1));
        self.queries.set(self.queries.get() + 1);
        self.refuse(deadline)?;
        match self.mute.get() {
            true => Err(failure(Exit::Attribute, "cannot read the CIB")),
            false => Ok(self.shown()),
        }
    }

    fn write(&mut self, change: &Change, deadline: Instant) -> Result<(), Failure> {
        self.refuse(deadline)?;
        let refused = self.refused.borrow().as_deref() == Some(change.name());
        if !refused || self.acknowledgements_lost.get() {
            self.written.borrow_mut().push(change.clone());
            self.write_now(change);
        }
        match refused {
            true => Err(failure(Exit::Attribute, "attrd does not answer")),
            false => Ok(()),
        }
    }

    fn refresh(&mut self, deadline: Instant) -> Result<(), Failure> {
        self.refreshes.set(self.refreshes.get() + 1);
        self.refuse(deadline)?;
        let mut cib = self.cib.borrow_mut();
        for (name, value) in self.attrd.borrow().iter() {
            match value {
                Some(value) => cib.insert(name.clone(), value.clone()),
                None => cib.remove(name),
            };
        }
        Ok(())
    }
}
