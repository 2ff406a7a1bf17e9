//! The file that node_exporter's textfile collector reads (`--collector.textfile.directory`).

use std::fs::{self, DirEntry, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::geteuid;

use crate::model::failure::{Exit, Failure, remedy};

/// What any user may read: node_exporter has one of its own.
const READABLE: u32 = 0o644;

/// After so long a temporary file was left by a pass that was killed: none takes so long.
const LEFT: Duration = Duration::from_secs(60);

/// Replaces the file, whole or not at all, and removes what killed passes have left beside it.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, text: &[u8]) -> Result<(), Failure> {
    // node_exporter reads only what ends in `.prom`. Of two passes each has its own.
    let temporary = PathBuf::from(format!("{}.{}", path.display(), process::id()));
    let replace = || -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(open(&temporary, flags, Mode::from(READABLE))?);
        // Whatever the umask is.
        file.set_permissions(Permissions::from_mode(READABLE))?;
        file.write_all(text)?;
        fs::rename(&temporary, path)?;
        remove_left(path);
        Ok(())
    };
    replace().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        let folder = path.parent().unwrap_or(path).display();
        let remedy = match error.kind() {
            ErrorKind::NotFound => format!("; create {folder}, or change metrics-file"),
            ErrorKind::PermissionDenied => {
                format!("; type `chgrp haclient {folder} && chmod g+w {folder}`")
            }
            kind => remedy(kind).to_owned(),
        };
        let line = format!(
            "cannot write metrics-file {}: {error}{remedy}",
            path.display()
        );
        Failure::new(Exit::Failed, line)
    })
}

/// Removes the old temporary files of this one. What belongs to others stays.
fn remove_left(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let is_left = |entry: &DirEntry| {
        let other = entry.file_name();
        let pid = other.as_bytes().strip_prefix(name.as_bytes())?;
        let pid = pid.strip_prefix(b".").filter(|pid| !pid.is_empty())?;
        let found = entry.metadata().ok()?;
        let age = found.modified().ok()?.elapsed().ok()?;
        let ours = found.is_file() && found.uid() == geteuid().as_raw();
        Some(ours && age >= LEFT && pid.iter().all(u8::is_ascii_digit))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_left(entry) == Some(true)) {
        let _ = fs::remove_file(entry.path());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn it_is_replaced_as_a_whole_and_readable_for_all() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ringcheck.prom");
        for text in ["one and more", "two"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, READABLE);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_in_the_way_leads_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let foreign = place.path().join("foreign");
        fs::write(&foreign, "precious").unwrap();
        let path = place.path().join("ringcheck.prom");
        symlink(&foreign, format!("{}.{}", path.display(), process::id())).unwrap();
        write(&path, b"x").unwrap_err();
        symlink(&foreign, &path).unwrap();
        write(&path, b"x").unwrap();
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "precious");
    }

    #[test]
    fn what_a_killed_pass_left_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - 2 * LEFT;
        let make = |name: &str, modified| {
            let file = File::create(place.path().join(name)).unwrap();
            file.set_modified(modified).unwrap();
        };
        let others = [
            "other.prom.1",
            "ringcheck.prom.",
            "ringcheck.prom.1a",
            "ringcheck.prom.new",
            "ringcheck.promx1",
        ];
        for name in others
            .iter()
            .chain(&["ringcheck.prom.1", "ringcheck.prom.4194304"])
        {
            make(name, long_ago);
        }
        make("ringcheck.prom.2", SystemTime::now());
        fs::create_dir(place.path().join("ringcheck.prom.3")).unwrap();
        let mut kept = vec!["ringcheck.prom", "ringcheck.prom.2", "ringcheck.prom.3"];
        kept.extend(others);
        make("ringcheck.prom.4", long_ago);
        // Only root can give files away; the suite runs as root.
        if chown(place.path().join("ringcheck.prom.4"), Some(12345), None).is_ok() {
            kept.push("ringcheck.prom.4");
        }
        write(&place.path().join("ringcheck.prom"), b"x").unwrap();
        let mut found: Vec<_> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        kept.sort_unstable();
        assert_eq!(found, kept);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let failure = write(Path::new("/nowhere/ringcheck.prom"), b"x").unwrap_err();
        assert!(failure.line.contains("create /nowhere, or"), "{failure}");
    }
}
