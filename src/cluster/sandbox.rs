//! What the process gives up, whatever starts it: timer, alert or hand.
//!
//! systemd's own options protect only what the timer starts, and those that need a mount
//! namespace cost more than the whole pass. Landlock (landlock(7)) costs six system calls.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};

/// Where libqb, through which all cluster daemons talk, has its shared memory.
const SHARED_MEMORY: &str = "/dev/shm";

const NULL: &str = "/dev/null";

/// Takes from this thread, and from all that it starts, the right to change any file but those
/// in `folders`, libqb's shared memory and `/dev/null`, to use TCP, and to gain rights.
///
/// A kernel that knows no Landlock, or less of it, restricts less: what is taken is never
/// needed. Like [`super::user::become_user`] this comes before any other thread is started.
/// Tells whether the kernel took anything at all.
pub fn enter(folders: &[&Path]) -> bool {
    restrict(folders).is_ok_and(|status| status != RulesetStatus::NotEnforced)
}

fn restrict(folders: &[&Path]) -> Result<RulesetStatus, RulesetError> {
    // The newest that was looked at: later kernels offer more, which is then not asked for.
    let abi = ABI::V5;
    let write = AccessFs::from_write(abi);
    let mut rules = Ruleset::default()
        .handle_access(write)?
        .handle_access(AccessNet::from_all(abi))?
        .create()?;
    let needed = [Path::new(SHARED_MEMORY), Path::new(NULL)];
    for path in folders.iter().chain(&needed) {
        if let Ok(beneath) = PathFd::new(path) {
            let access = match path.is_dir() {
                true => write,
                false => write & AccessFs::from_file(abi),
            };
            rules = rules.add_rule(PathBeneath::new(beneath, access))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    #[test]
    fn only_the_folder_can_be_written() {
        let inside = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let precious = outside.path().join("precious");
        fs::write(&precious, "as it was").unwrap();
        let (folder, foreign) = (inside.path().to_owned(), precious.clone());
        let restricted = thread::spawn(move || {
            let enforced = enter(&[&folder]);
            let file = folder.join("state");
            fs::write(file.with_extension("new"), "x").unwrap();
            fs::rename(file.with_extension("new"), &file).unwrap();
            fs::read(&foreign).unwrap();
            fs::write("/dev/null", "x").unwrap();
            let refused = fs::write(&foreign, "overwritten").is_err();
            assert_eq!(refused, enforced);
            enforced
        });
        // A kernel without Landlock leaves nothing to test.
        if restricted.join().unwrap() {
            assert_eq!(fs::read_to_string(&precious).unwrap(), "as it was");
        }
    }
}
