//! ringcheck's own packages: the only way in which ringcheck gets into a node.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The folder of the whole project.
pub(crate) fn workspace() -> PathBuf {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR"));
    lab.ancestors().nth(2).unwrap_or(lab).to_owned()
}

/// Builds the package with `cargo deb`; the path to it.
///
/// # Errors
///
/// If there is no cargo-deb or the build fails.
pub fn build_package() -> Result<PathBuf> {
    let workspace = workspace();
    let prepared = Command::new("sh")
        .arg("packaging/prepare.sh")
        .current_dir(&workspace)
        .stdin(Stdio::null())
        .status()
        .context("cannot start sh")?;
    ensure!(
        prepared.success(),
        "packaging/prepare.sh failed: {prepared}"
    );
    let output = Command::new("cargo")
        .args(["deb", "--quiet", "--package", "ringcheck"])
        .env("CARGO_TERM_QUIET", "true")
        .current_dir(&workspace)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "`cargo deb` failed: {}",
        output.status
    );
    let path = String::from_utf8(output.stdout)?;
    let path = path
        .lines()
        .last()
        .context("`cargo deb` named no package")?;
    Ok(workspace.join(path))
}

/// Builds the rpm of what [`build_package`] has built; the path to it.
///
/// # Errors
///
/// If cargo-generate-rpm fails, or is missing.
pub fn build_rpm() -> Result<PathBuf> {
    let rpm = workspace().join("target/package/ringcheck.rpm");
    let status = Command::new("cargo")
        .args(["generate-rpm", "--auto-req", "find-requires", "--output"])
        .arg(&rpm)
        .current_dir(workspace())
        .stdin(Stdio::null())
        .status()
        .context("cannot start cargo")?;
    ensure!(
        status.success(),
        "`cargo generate-rpm` failed: {status} (`make setup-packages` installs it)"
    );
    Ok(rpm)
}

/// The same package as one of an earlier version, beside it; the path to it.
///
/// # Errors
///
/// If dpkg-deb cannot take it apart or put it together.
pub fn older_package(package: &Path) -> Result<PathBuf> {
    const RELABEL: &str = r#"set -e
        rm -rf "$2.tmp"
        dpkg-deb --raw-extract "$1" "$2.tmp"
        sed -i 's/^Version: .*/Version: 0.0.1-1/' "$2.tmp/DEBIAN/control"
        dpkg-deb --root-owner-group --build "$2.tmp" "$2"
        rm -r "$2.tmp""#;
    let older = workspace().join("target/older.deb");
    let output = Command::new("sh")
        .args(["-c", RELABEL, "older"])
        .args([package, &older])
        .output()
        .context("cannot start sh")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "dpkg-deb failed: {complaint}");
    Ok(older)
}
