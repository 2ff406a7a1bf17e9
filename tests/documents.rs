//! What the documents point at is there.

use std::fs;
use std::path::Path;

/// The repository's own folders that documents speak of.
const FOLDERS: [&str; 8] = [
    "src/",
    "tests/",
    "docs/",
    "man/",
    "packaging/",
    "monitoring/",
    "alert-scripts/",
    "systemd-timers/",
];

#[test]
fn every_path_and_link_leads_somewhere() {
    let documents = fs::read_dir("docs").unwrap();
    let documents = documents.map(|file| file.unwrap().path());
    let documents =
        documents.chain(["README.md", "README.ja.md", "CONTRIBUTING.md"].map(Into::into));
    let mut paths = 0;
    for document in documents.filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = fs::read_to_string(&document).unwrap();
        let quoted = text.split('`').skip(1).step_by(2);
        let quoted = quoted.filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)));
        let root = Path::new("");
        let quoted = quoted.map(|path| (root, path));
        let beside = document.parent().unwrap();
        let linked = text.split("](").skip(1);
        let linked = linked.filter_map(|rest| rest.split(['#', ')']).next());
        let linked = linked.filter(|path| !path.is_empty() && !path.contains("://"));
        for (folder, path) in quoted.chain(linked.map(|path| (beside, path))) {
            let named = path.split_ascii_whitespace().next().unwrap_or_default();
            assert!(folder.join(named).exists(), "{document:?}: {path}");
            paths += 1;
        }
    }
    assert!(paths > 20, "{paths} paths found");
}

#[test]
fn both_readmes_show_the_same_screens() {
    let screens = |path: &str| -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        let blocks = text.split("```").skip(1).step_by(2).map(str::to_owned);
        blocks.filter(|block| block.starts_with("\n# ")).collect()
    };
    assert_eq!(screens("README.ja.md"), screens("README.md"));
}
