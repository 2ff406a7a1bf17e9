//! What every command that touches the state shares: the folder, its lock, the daemons and
//! the user to be.

use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::boot;
use crate::cluster::clock::{BootClock, Clock};
use crate::cluster::daemon::{Daemons, Look};
use crate::cluster::holder::Holder;
use crate::cluster::journal::{Journal, Level};
use crate::cluster::{sandbox, user};
use crate::model::failure::{Exit, Failure};
use crate::model::settings::LONGEST_DEADLINE;
use crate::store::folder::{Folder, Lock};
use crate::store::state::State;
use crate::store::{FOLDER, history};

const PROC: &str = "/proc";

/// How long after its deadline a process may still be alive.
const GRACE: Duration = Duration::from_secs(1);

/// This node, entered: the process runs as hacluster from here on.
pub struct Station {
    /// The folder of the state.
    pub folder: Folder,
    /// The id of this boot, where it is known.
    pub boot_id: Option<String>,
    hacluster: u32,
}

impl Station {
    /// Looks where everything is, and gives root's rights up.
    ///
    /// # Errors
    /// When the folder is missing or not hacluster's. Where Pacemaker is not running either,
    /// that is what the failure says.
    pub fn enter() -> Result<Station, Failure> {
        let folder = Folder::new(FOLDER);
        let boot_id = boot::id(Path::new(PROC))?;
        let owner = folder.owner().or_else(|failure| {
            let look = Look::take(Path::new(PROC), &Daemons::default(), None);
            require(&look).and(Err(failure))
        })?;
        if user::is_root() {
            user::become_user(owner)?;
        }
        Ok(Station {
            folder,
            boot_id,
            hacluster: owner.uid,
        })
    }

    /// Gives up the right to write anywhere but to what is kept here, and to `file`. Where /proc
    /// hides processes this takes from view what it still shows, so the daemons and whoever holds
    /// the lock are looked for before.
    pub fn confine(&self, file: Option<&Path>) {
        let mut directories = vec![Path::new(FOLDER), Path::new(history::FOLDER)];
        directories.extend(file.and_then(Path::parent));
        sandbox::enter(&directories);
    }

    /// Waits for the lock. A ringcheck that holds it for longer than any may run, because
    /// somebody stopped it, is ended: what it would still write is of long ago.
    ///
    /// # Errors
    /// When the lock cannot be opened, or had before the deadline.
    pub fn lock(&self, deadline: Instant, journal: Journal) -> Result<Lock, Failure> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.folder.lock(deadline - left / 5) {
            Err(failure) if failure.exit == Exit::Deadline => {}
            result => return result,
        }
        if let Some(holder) = self.end_holder() {
            let line = format!("ended ringcheck[{holder}], which held the lock and did not go on");
            journal.say(Level::Notice, &line);
        }
        self.folder.lock(deadline)
    }

    fn end_holder(&self) -> Option<Holder> {
        let proc = Path::new(PROC);
        let holder = Holder::of(proc, &self.folder.lock_file().ok()?).ok()??;
        let overdue = holder.age(BootClock.now()) > LONGEST_DEADLINE + 2 * GRACE;
        (overdue && holder.end(proc).is_ok()).then_some(holder)
    }

    /// The state as the last pass left it.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn load(&self) -> Result<State, Failure> {
        State::load(&self.folder, self.boot_id.as_deref(), BootClock.now())
    }

    /// Looks for the daemons.
    pub fn look(&self, state: &State) -> Look {
        Look::take(Path::new(PROC), &state.daemons, Some(self.hacluster))
    }
}

/// Requires that no daemon that a pass needs is known to be down.
///
/// # Errors
/// When one is.
pub fn require(look: &Look) -> Result<(), Failure> {
    if look.corosync_is_down() {
        let line = "corosync is not running; start the cluster with `pcs cluster start`";
        let failure = Failure::new(Exit::CorosyncDown, line);
        return Err(failure.known_as("Stop monitoring interface. cmap connection is destroyed"));
    }
    if !look.pacemaker_may_run() {
        let line = "Pacemaker is not running; start it with `pcs cluster start`";
        return Err(Failure::new(Exit::PacemakerDown, line));
    }
    Ok(())
}

/// Ends this process when something hangs past every deadline of its own, and says what has
/// not ended if `is_news` finds that it should be said.
pub fn watch(
    what: &'static str,
    deadline: Instant,
    journal: Journal,
    is_news: impl Fn(&Failure) -> bool + Send + 'static,
) {
    let line = format!("{what} did not end before its deadline and was given up");
    let failure = Failure::new(Exit::Deadline, line);
    give_up(deadline + GRACE, failure.exit.code(), move || {
        say_once(|| {
            if is_news(&failure) {
                journal.say(Level::Error, &failure.line);
            }
        });
    });
}

/// Says what has failed, unless that is being said already: a process that goes on after its
/// deadline, because it was stopped meanwhile, is given up while it fails by itself. Who comes
/// second waits for the other one to end the process.
pub fn say_once(say: impl FnOnce()) {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    match BEGUN.swap(true, Ordering::Relaxed) {
        false => say(),
        true => thread::sleep(2 * GRACE),
    }
}

/// Ends this process with that exit code, after `say`, if it is still running at `end`: something
/// hangs past its own deadline then.
pub fn give_up(end: Instant, exit: u8, say: impl FnOnce() + Send + 'static) {
    // Where no thread can be started all deadlines but this one still hold.
    let _ = thread::Builder::new().spawn(move || {
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            thread::sleep(left);
        }
        let (done, told) = mpsc::channel();
        // Saying it can hang, too: the journal may be what does.
        let _ = thread::Builder::new().spawn(move || {
            say();
            let _ = done.send(());
        });
        let _ = told.recv_timeout(GRACE);
        process::exit(exit.into());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_is_said_and_its_process_not_ended_by_the_other() {
        let (say, said) = mpsc::channel();
        let second = say.clone();
        say_once(move || {
            // What comes second comes while the first is at it.
            let (started, begun) = mpsc::channel();
            thread::spawn(move || {
                let _ = started.send(());
                say_once(|| second.send("second").expect("somebody listens"));
                let _ = second.send("went on");
            });
            begun.recv().expect("it starts");
            say.send("first").expect("somebody listens");
        });
        assert_eq!(said.recv(), Ok("first"));
        let more = said.recv_timeout(GRACE);
        assert_eq!(more, Err(mpsc::RecvTimeoutError::Timeout));
    }
}
