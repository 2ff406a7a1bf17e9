//! ringcheck's own packages: the only way in which ringcheck gets into a node.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::image::Image;

/// The folder of the whole project.
pub(crate) fn workspace() -> PathBuf {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR"));
    lab.ancestors().nth(2).unwrap_or(lab).to_owned()
}

/// Builds the package with `cargo deb`, linked against the oldest libc among the nodes' and this
/// machine's; the path to it.
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
    let mut cargo = Command::new("cargo");
    let mut oldest = libc(Path::new("/"))?;
    for image in Image::from_environment()? {
        let root = image.ensure()?;
        let version = libc(&root)?;
        if version < oldest {
            oldest = version;
            let (root, arch) = (root.display(), env::consts::ARCH);
            let libraries = format!("{root}/usr/lib/{arch}-linux-gnu");
            let flags = format!("-Clink-arg=--sysroot={root} -Clink-arg=-B{libraries}");
            // cargo adds these to the flags of .cargo/config.toml.
            cargo.env("CARGO_BUILD_RUSTFLAGS", flags);
            // By which dpkg-shlibdeps knows on what the package depends.
            cargo.env("DPKG_ROOT", root.to_string());
        }
    }
    let output = cargo
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

/// The version of glibc in a root file system of Debian, as in (2, 31).
fn libc(root: &Path) -> Result<(u32, u32)> {
    let output = Command::new("dpkg-query")
        .arg(format!(
            "--admindir={}",
            root.join("var/lib/dpkg").display()
        ))
        .args(["--show", "--showformat=${Version}", "libc6"])
        .stdin(Stdio::null())
        .output()
        .context("cannot start dpkg-query")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = || {
        let (upstream, _) = text.split_once('-')?;
        let (major, minor) = upstream.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    version().with_context(|| format!("no version of libc6 in {}: `{text}`", root.display()))
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
