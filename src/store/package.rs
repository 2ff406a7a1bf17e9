//! What the package puts on a node, and must be there for ringcheck to work.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::model::checkup::installed::{Entry, Kind};

/// The files that something depends on, with their permission bits, as Cargo.toml ships them.
pub const FILES: [(&str, u32); 9] = [
    ("/usr/sbin/ringcheck", 0o755),
    ("/usr/lib/systemd/system/ringcheck.timer", 0o644),
    ("/usr/lib/systemd/system/ringcheck.service", 0o644),
    ("/usr/lib/systemd/system/ringcheck-clear.service", 0o644),
    ("/usr/lib/systemd/system/ringcheck.path", 0o644),
    ("/usr/lib/systemd/system/ringcheck-event.service", 0o644),
    ("/usr/lib/tmpfiles.d/ringcheck.conf", 0o644),
    ("/usr/share/ringcheck/alerts/ringcheck-alert", 0o755),
    ("/usr/share/ringcheck/alerts/ringcheck-notify", 0o755),
];

/// What is at `path`; a link is followed or not.
pub fn look(path: &Path, follow: bool) -> Entry {
    let found = match follow {
        true => fs::metadata(path),
        false => fs::symlink_metadata(path),
    };
    let Ok(found) = found else {
        return Entry::Missing;
    };
    Entry::Found {
        kind: if found.is_file() {
            Kind::File
        } else if found.is_dir() {
            Kind::Folder
        } else {
            Kind::Other
        },
        mode: found.mode() & 0o7777,
        uid: found.uid(),
        gid: found.gid(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn every_unit_and_agent_is_looked_for() {
        let known: Vec<&str> = FILES.iter().map(|&(path, _)| path).collect();
        for (source, target) in [
            ("systemd-timers", "/usr/lib/systemd/system"),
            ("alert-scripts", "/usr/share/ringcheck/alerts"),
        ] {
            for file in fs::read_dir(source).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                let path = format!("{target}/{name}");
                assert!(known.contains(&path.as_str()), "{path}");
            }
        }
    }

    #[test]
    fn tells_what_is_there() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        assert_eq!(look(&file, true), Entry::Missing);
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o750)).unwrap();
        let link = place.path().join("link");
        symlink(&file, &link).unwrap();
        let kind_and_mode = |path: &Path, follow| match look(path, follow) {
            Entry::Found { kind, mode, .. } => (kind, mode),
            Entry::Missing => panic!("{} is there", path.display()),
        };
        assert_eq!(kind_and_mode(&file, false), (Kind::File, 0o750));
        assert_eq!(kind_and_mode(&link, true), (Kind::File, 0o750));
        assert_eq!(kind_and_mode(&link, false).0, Kind::Other);
        assert_eq!(kind_and_mode(place.path(), false).0, Kind::Folder);
    }
}
