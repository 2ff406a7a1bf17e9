//! Messages about failures end with a remedy, not with the text of an error.

use std::fs;
use std::path::{Path, PathBuf};

/// Collects all source files below a directory.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_message_ends_with_the_text_of_an_error() {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    assert!(files.len() > 50, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (text, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        for (line, number) in text.lines().zip(1..) {
            let at = format!("{}:{number}: {line}", file.display());
            for end in ["{error}\"", "{error:?}", "{errno}\"", "{why}: {error}"] {
                assert!(!line.contains(end), "what is to be done about it? {at}");
            }
        }
    }
}
