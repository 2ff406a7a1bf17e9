//! The machine.

use rustix::system::uname;

/// The node's name, as Pacemaker takes it where the node list has none (uname(2)).
pub fn name() -> String {
    uname().nodename().to_string_lossy().into_owned()
}
