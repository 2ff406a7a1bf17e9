//! The file that a picture goes to: one that whoever started ringcheck named.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::model::failure::{Exit, Failure, remedy};

/// Writes the file whole or not at all, and follows no link: root may name a place where
/// others may lay one. `-` is standard output.
///
/// # Errors
/// When it cannot be written, or something is there that is no regular file.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = match path.to_str() {
        Some("-") => io::stdout().write_all(text.as_bytes()),
        _ => replace(path, text),
    };
    match written {
        // Who closed the pipe has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| failed(path, &error)),
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name();
    let name = name.ok_or_else(|| io::Error::other("that names no file"))?;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => {
            let why = "that is no regular file; name another one, or - for standard output";
            return Err(io::Error::other(why));
        }
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.new", process::id()));
    let temporary = path.with_file_name(temporary);
    // Nothing that is there already is opened.
    let mut file = File::create_new(&temporary)?;
    let written = file.write_all(text.as_bytes());
    let written = written.and_then(|()| fs::rename(&temporary, path));
    written.inspect_err(|_| drop(fs::remove_file(&temporary)))
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    let exit = match error.kind() {
        ErrorKind::PermissionDenied => Exit::Permission,
        _ => Exit::Failed,
    };
    let remedy = remedy(error.kind());
    let line = format!(
        "cannot write {}: {error}{remedy}",
        PathBuf::from(path).display()
    );
    Failure::new(exit, line)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_written_over_whole() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("links.svg");
        for text in ["one and more", "two"] {
            write(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_but_a_regular_file_is_written_over() {
        let place = tempfile::tempdir().unwrap();
        let foreign = place.path().join("foreign");
        fs::write(&foreign, "precious").unwrap();
        let link = place.path().join("links.svg");
        symlink(&foreign, &link).unwrap();
        for path in [link.as_path(), place.path(), Path::new("/dev/null")] {
            let failure = write(path, "picture").unwrap_err();
            assert!(failure.line.contains("no regular file"), "{failure}");
        }
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "precious");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_laid_out_for_us_is_not_opened() {
        let place = tempfile::tempdir().unwrap();
        let foreign = place.path().join("foreign");
        fs::write(&foreign, "precious").unwrap();
        let temporary = format!("links.svg.{}.new", process::id());
        symlink(&foreign, place.path().join(temporary)).unwrap();
        let path = place.path().join("links.svg");
        assert_eq!(write(&path, "picture").unwrap_err().exit, Exit::Failed);
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "precious");
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let failure = write(Path::new("/nowhere/links.svg"), "picture").unwrap_err();
        assert!(
            failure
                .line
                .starts_with("cannot write /nowhere/links.svg: "),
            "{failure}"
        );
        assert_eq!(
            write(Path::new("/"), "picture").unwrap_err().exit,
            Exit::Failed
        );
    }
}
