//! Keeps the unwind tables out of a release.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=packaging/release.ld");
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{here}/packaging/release.ld");
    }
}
