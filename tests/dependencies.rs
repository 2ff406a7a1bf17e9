//! What ringcheck is built with: no crate asks for a newer Rust than ringcheck says it needs.
//! (clippy's `incompatible_msrv` looks after the standard library.)

use std::process::Command;

use serde_json::Value;

/// `1.89` → (1, 89, 0).
fn version(text: &str) -> (u32, u32, u32) {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap());
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

#[test]
fn no_crate_needs_a_newer_rust() {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version=1"])
        .args(["--filter-platform", &platform])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    let packages = metadata["packages"].as_array().unwrap();
    for package in packages {
        let (name, wanted) = (&package["name"], &package["rust_version"]);
        let wanted = wanted.as_str().map_or((0, 0, 0), version);
        assert!(wanted <= ours, "{name} needs Rust {wanted:?}");
    }
    assert!(packages.len() > 50, "{} crates", packages.len());
}
