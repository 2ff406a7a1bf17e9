//! The programs of benches/, built here and put into a node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use lab::Node;

/// Where they are in a node; everybody may write there.
pub const FOLDER: &str = "/var/tmp/bench";

/// Builds all, and puts them there.
pub fn install(node: &Node) -> Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let built = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    node.run(&["install", "-d", "-m1777", FOLDER])?;
    let c: &[&str] = &["cc", "-O2", "-Wall", "-Wextra", "-Werror"];
    // As Cargo.toml has ringcheck itself built.
    let rust: &[&str] = &[
        "rustc",
        "--edition=2024",
        "-Copt-level=s",
        "-Clto",
        "-Ccodegen-units=1",
        "-Cpanic=abort",
        "-Cstrip=symbols",
    ];
    let seen = "-Wl,--export-dynamic-symbol=qb_ipcc_connect";
    let programs: [(&str, &[&str], &str, &[&str]); 4] = [
        ("meter", c, "meter.c", &[]),
        ("floor", c, "floor.c", &["-lcmap", seen]),
        ("keys.so", c, "keys.c", &["-shared", "-fPIC"]),
        ("empty", rust, "startup/empty.rs", &[]),
    ];
    for (name, compiler, file, more) in programs {
        let program = built.join(name);
        let mut command = Command::new(compiler[0]);
        command
            .args(&compiler[1..])
            .arg(source.join(file))
            .arg("-o")
            .arg(&program)
            .args(more);
        let output = command
            .output()
            .with_context(|| format!("cannot start {}", compiler[0]))?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{file} does not build: {complaint}"
        );
        let place = format!("{FOLDER}/{name}");
        node.write(&place, fs::read(&program)?)?;
        node.run(&["chmod", "755", &place])?;
    }
    Ok(())
}
