//! Whom the process runs as.

use std::time::Instant;

use rustix::fs::{Gid, Uid};
use rustix::process::{getegid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::child;
use crate::model::failure::{Exit, Failure};

/// A user with its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Pacemaker's user, wherever users are kept here (getent(1)).
pub fn hacluster(deadline: Instant) -> Option<User> {
    let output = child::run("getent", &["passwd", "hacluster"], deadline).ok()?;
    let mut fields = output.stdout.trim_end().split(':').skip(2);
    Some(User {
        uid: fields.next()?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
    })
}

/// Whether this process runs as that user.
pub fn is(user: User) -> bool {
    geteuid().as_raw() == user.uid
}

/// Whom this process runs as, for a message.
pub fn whoami() -> String {
    format!("uid {}, gid {}", geteuid().as_raw(), getegid().as_raw())
}

/// Gives root's rights up for good.
///
/// Only the calling thread changes, so this comes before any other thread is started.
/// Everything a pass does can be done as hacluster, so root does it as hacluster too: its
/// files stay hacluster's, and nothing that hacluster could lay out can make root write
/// somewhere else.
///
/// # Errors
/// When the kernel refuses.
pub fn become_user(user: User) -> Result<(), Failure> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    set_thread_groups(&[gid])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid))
        .map_err(|error| {
            let User { uid, gid } = user;
            let remedy = "run it as that user, or as root with CAP_SETUID and CAP_SETGID";
            let line = format!("cannot become uid {uid}, gid {gid}: {error}; {remedy}");
            Failure::new(Exit::Permission, line)
        })
}
