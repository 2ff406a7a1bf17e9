//! Which boot this is.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::model::failure::{Exit, Failure};

/// The id of this boot (`/proc/sys/kernel/random/boot_id`, random(4)); none where `proc` shows
/// processes only (`subset=pid` in proc(5), `ProcSubset=pid` in systemd.exec(5)).
///
/// # Errors
/// When it cannot be read.
pub fn id(proc: &Path) -> Result<Option<String>, Failure> {
    let path = proc.join("sys/kernel/random/boot_id");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let path = path.display();
            let line = format!("cannot read {path}: {error}; is /proc mounted and readable?");
            Err(Failure::new(Exit::Failed, line))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_boot_has_an_id_and_an_empty_proc_has_none() {
        assert!(id(Path::new("/proc")).unwrap().is_some());
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(id(empty.path()).unwrap(), None);
    }
}
