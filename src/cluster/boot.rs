//! Which boot this is.

use std::fs;
use std::path::Path;

use crate::model::failure::{Exit, Failure};

/// The id of this boot (`/proc/sys/kernel/random/boot_id`, random(4)).
///
/// # Errors
/// When `proc` does not say.
pub fn id(proc: &Path) -> Result<String, Failure> {
    let path = proc.join("sys/kernel/random/boot_id");
    let text = fs::read_to_string(&path).map_err(|error| {
        let path = path.display();
        let line = format!("cannot read {path}: {error}; is /proc mounted and readable?");
        Failure::new(Exit::Failed, line)
    })?;
    Ok(text.trim().to_owned())
}
