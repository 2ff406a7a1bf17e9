//! What lies on the disk: settings, tools, package and folders.

use std::path::Path;

use super::{Point, Topic};

/// A file or folder as stat(2) has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// There is none.
    Missing,
    /// There is one.
    Found {
        /// Its kind.
        kind: Kind,
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
    },
}

/// The kind of an [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Anything else, a link too where it was not followed.
    Other,
}

/// What is wrong with the settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfigured {
    /// The line that every pass says.
    pub line: String,
    /// The file.
    pub file: String,
    /// Whether hacluster is not allowed to read it, which is all that is wrong then.
    pub forbidden: bool,
    /// Whether it exists at all: it need not, unless it was named.
    pub exists: bool,
}

/// The settings.
pub fn configuration(found: Result<&str, &Misconfigured>) -> Point {
    let wrong = match found {
        Ok(which) => return Point::ok(Topic::Configuration, which),
        Err(wrong) => wrong,
    };
    let file = quoted(&wrong.file);
    match wrong {
        Misconfigured {
            forbidden: true, ..
        } => Point::wrong(Topic::Configuration, &wrong.line).mend(format!("chmod a+r {file}")),
        Misconfigured { exists: false, .. } => Point::wrong(Topic::Configuration, &wrong.line),
        _ => {
            let finding = format!("{}; correct it, or put it aside", wrong.line);
            Point::wrong(Topic::Configuration, finding).mend(format!("mv {file} {file}.wrong"))
        }
    }
}

/// What installs packages on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installer {
    /// Debian's.
    Dpkg,
    /// Red Hat's.
    Dnf,
    /// SUSE's.
    Zypper,
}

impl Installer {
    fn pacemaker(self) -> &'static str {
        match self {
            Installer::Dpkg => "apt-get install pacemaker pacemaker-cli-utils",
            Installer::Dnf => "dnf install pacemaker pacemaker-cli",
            Installer::Zypper => "zypper install pacemaker pacemaker-cli",
        }
    }

    fn again(self) -> &'static str {
        match self {
            Installer::Dpkg => "dpkg --install ./ringcheck_*.deb",
            Installer::Dnf | Installer::Zypper => "rpm --reinstall ./ringcheck-*.rpm",
        }
    }
}

/// Pacemaker's user, and its tools that passes run: those that are `missing`.
pub fn tools(user: Option<&str>, missing: &[&str], installer: Option<Installer>) -> Point {
    let finding = match (user, missing) {
        (Some(user), []) => {
            return Point::ok(
                Topic::Tools,
                format!("Pacemaker's tools are there, {user} too"),
            );
        }
        (None, []) => "there is no user hacluster: Pacemaker is not installed".to_owned(),
        (None, _) => {
            "there is no user hacluster and no tool of Pacemaker's: it is not installed".to_owned()
        }
        (Some(_), missing) => format!("no {}: install Pacemaker's tools", missing.join(", no ")),
    };
    let point = Point::wrong(Topic::Tools, finding);
    match installer {
        Some(installer) => point.mend(installer.pacemaker()),
        None => point,
    }
}

/// The files of the package, each with the permission bits it is shipped with.
pub fn package(files: &[(&str, u32, Entry)], installer: Option<Installer>) -> Vec<Point> {
    let mut points = Vec::new();
    let gone = |entry: &Entry| {
        !matches!(
            entry,
            Entry::Found {
                kind: Kind::File,
                ..
            }
        )
    };
    let missing: Vec<&str> = files
        .iter()
        .filter(|(_, _, entry)| gone(entry))
        .map(|&(path, ..)| path)
        .collect();
    if !missing.is_empty() {
        let finding = format!(
            "missing: {}; install the package again, where its file lies",
            missing.join(", ")
        );
        let point = Point::wrong(Topic::Package, finding);
        points.push(match installer {
            Some(installer) => point.mend(installer.again()),
            None => point,
        });
    }
    for &(path, shipped, entry) in files {
        let Entry::Found {
            kind: Kind::File,
            mode,
            uid,
            ..
        } = entry
        else {
            continue;
        };
        let missing = shipped & !mode;
        let why = if missing & 0o111 != 0 {
            "is not executable for everybody"
        } else if missing & 0o444 != 0 {
            "is not readable for everybody"
        } else if uid != 0 {
            "is not root's"
        } else if mode & 0o022 != 0 {
            "may be written by others than root"
        } else {
            continue;
        };
        let point = Point::wrong(Topic::Package, format!("{path} {why} (mode {mode:04o})"));
        points.push(point.mend(format!(
            "chown root:root {path} && chmod {shipped:o} {path}"
        )));
    }
    if points.is_empty() {
        let finding = format!("{} files in place", files.len());
        points.push(Point::ok(Topic::Package, finding));
    }
    points
}

/// The folders that hacluster keeps things in, and the lock, which passes replace by
/// themselves never; `user` is hacluster's uid and gid, where there is one.
pub fn folders(
    folders: &[(&str, Entry)],
    lock: (&Path, Entry),
    user: Option<(u32, u32)>,
) -> Vec<Point> {
    let Some(user) = user else {
        let why = "there is no user hacluster that they could belong to";
        return vec![Point::skipped(Topic::Folders, why)];
    };
    let faults = folders
        .iter()
        .filter_map(|&(path, entry)| folder(path, entry, user));
    let mut points: Vec<Point> = faults.collect();
    points.extend(strange(lock, user));
    if !points.is_empty() {
        return points;
    }
    let names: Vec<&str> = folders.iter().map(|&(path, _)| path).collect();
    let finding = format!("{}: hacluster:haclient 0750", names.join(", "));
    vec![Point::ok(Topic::Folders, finding)]
}

fn strange((path, entry): (&Path, Entry), (uid, _): (u32, u32)) -> Option<Point> {
    let Entry::Found {
        kind, uid: owner, ..
    } = entry
    else {
        return None;
    };
    let path = path.display();
    let why = match kind {
        Kind::File if owner == uid => return None,
        Kind::File => format!("{path} belongs to uid {owner}, not to hacluster ({uid})"),
        Kind::Folder | Kind::Other => format!("{path} is no file"),
    };
    Some(Point::wrong(Topic::Folders, why).mend(format!("rm -r {path}")))
}

fn folder(path: &str, entry: Entry, (uid, gid): (u32, u32)) -> Option<Point> {
    let make = format!("install -d -o hacluster -g haclient -m 0750 {path}");
    let wrong = |why: String| Point::wrong(Topic::Folders, why);
    match entry {
        Entry::Missing => Some(wrong(format!("there is no {path}")).mend(make)),
        Entry::Found {
            kind: Kind::File | Kind::Other,
            ..
        } => Some(wrong(format!("{path} is no folder")).mend(format!("rm {path} && {make}"))),
        Entry::Found {
            uid: owner,
            gid: group,
            ..
        } if (owner, group) != (uid, gid) => {
            let why = format!(
                "{path} belongs to uid {owner}, gid {group}, not to hacluster:haclient ({uid}, {gid})"
            );
            Some(wrong(why).mend(make))
        }
        Entry::Found { mode, .. } if mode != 0o750 => {
            let why = format!("{path} has mode {mode:04o}, not 0750");
            Some(wrong(why).mend(make))
        }
        Entry::Found { .. } => None,
    }
}

/// A word for a shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::*;

    fn file(mode: u32, uid: u32) -> Entry {
        Entry::Found {
            kind: Kind::File,
            mode,
            uid,
            gid: 0,
        }
    }

    fn folder_of(uid: u32, gid: u32, mode: u32) -> Entry {
        Entry::Found {
            kind: Kind::Folder,
            mode,
            uid,
            gid,
        }
    }

    fn command(point: &Point) -> &str {
        assert_eq!(point.grade, Grade::Wrong, "{point:?}");
        point.command.as_deref().unwrap_or_default()
    }

    #[test]
    fn a_wrong_configuration_is_put_aside_and_a_forbidden_one_allowed() {
        assert_eq!(configuration(Ok("defaults")).grade, Grade::Ok);
        let mut wrong = Misconfigured {
            line: "line 1: no".into(),
            file: "/etc/a b.toml".into(),
            forbidden: false,
            exists: true,
        };
        let point = configuration(Err(&wrong));
        assert_eq!(command(&point), "mv '/etc/a b.toml' '/etc/a b.toml'.wrong");
        wrong.forbidden = true;
        let point = configuration(Err(&wrong));
        assert_eq!(command(&point), "chmod a+r '/etc/a b.toml'");
        wrong.forbidden = false;
        wrong.exists = false;
        assert_eq!(command(&configuration(Err(&wrong))), "");
    }

    #[test]
    fn pacemakers_user_and_tools_must_be_there() {
        let dpkg = Some(Installer::Dpkg);
        assert_eq!(tools(Some("hacluster"), &[], dpkg).grade, Grade::Ok);
        let point = tools(Some("hacluster"), &["cibadmin"], dpkg);
        assert!(point.finding.starts_with("no cibadmin"), "{point:?}");
        assert!(command(&point).starts_with("apt-get install pacemaker "));
        assert_eq!(command(&tools(None, &[], None)), "");
    }

    #[test]
    fn a_file_is_missing_or_has_other_bits_than_it_was_shipped_with() {
        let judge = |entry| {
            let mut points = package(
                &[("/a", 0o755, entry), ("/b", 0o644, file(0o644, 0))],
                Some(Installer::Dpkg),
            );
            assert_eq!(points.len(), 1, "{points:?}");
            points.remove(0)
        };
        assert_eq!(judge(file(0o755, 0)).grade, Grade::Ok);
        for gone in [Entry::Missing, folder_of(0, 0, 0o755)] {
            let point = judge(gone);
            assert_eq!(command(&point), "dpkg --install ./ringcheck_*.deb");
            assert!(point.finding.starts_with("missing: /a;"), "{point:?}");
        }
        for (entry, why) in [
            (file(0o644, 0), "not executable"),
            (file(0o750, 0), "not executable"),
            (file(0o311, 0), "not readable"),
            (file(0o755, 7), "not root's"),
            (file(0o775, 0), "may be written"),
        ] {
            let point = judge(entry);
            assert_eq!(command(&point), "chown root:root /a && chmod 755 /a");
            assert!(point.finding.contains(why), "{point:?}");
        }
    }

    #[test]
    fn a_folder_is_haclusters_and_nobody_elses() {
        let lock = (Path::new("/run/x/lock"), Entry::Missing);
        let judge = |entry| folders(&[("/run/x", entry)], lock, Some((7, 8))).remove(0);
        assert_eq!(judge(folder_of(7, 8, 0o750)).grade, Grade::Ok);
        let make = "install -d -o hacluster -g haclient -m 0750 /run/x";
        for entry in [
            Entry::Missing,
            folder_of(0, 8, 0o750),
            folder_of(7, 0, 0o750),
            folder_of(7, 8, 0o755),
            folder_of(7, 8, 0o700),
        ] {
            assert_eq!(command(&judge(entry)), make);
        }
        assert_eq!(
            command(&judge(file(0o750, 7))),
            format!("rm /run/x && {make}")
        );
        let unknown = folders(&[("/run/x", folder_of(7, 8, 0o750))], lock, None);
        assert_eq!(unknown[0].grade, Grade::Skipped);
    }
    #[test]
    fn the_lock_is_a_file_of_haclusters() {
        let judge = |entry| {
            let good = ("/run/x", folder_of(7, 8, 0o750));
            folders(&[good], (Path::new("/run/x/lock"), entry), Some((7, 8))).remove(0)
        };
        assert_eq!(judge(file(0o640, 7)).grade, Grade::Ok);
        for entry in [file(0o640, 0), folder_of(7, 8, 0o750)] {
            assert_eq!(command(&judge(entry)), "rm -r /run/x/lock");
        }
    }
}
