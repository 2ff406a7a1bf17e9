//! The file that node_exporter's textfile collector reads (`--collector.textfile.directory`).

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process;

use rustix::fs::{Mode, OFlags, open};

use crate::model::failure::{Exit, Failure, remedy};

/// What any user may read: node_exporter has one of its own.
const READABLE: u32 = 0o644;

/// Replaces the file, whole or not at all.
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
        fs::rename(&temporary, path)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

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
    fn a_missing_folder_is_named() {
        let failure = write(Path::new("/nowhere/ringcheck.prom"), b"x").unwrap_err();
        assert!(failure.line.contains("create /nowhere, or"), "{failure}");
    }
}
