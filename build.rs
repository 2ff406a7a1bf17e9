//! What the linker is told: to show Corosync's libraries a function of ours (`src/libraries.rs`),
//! and to keep the unwind tables out of a release.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=packaging/release.ld");
    println!("cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol=qb_ipcc_connect");
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{here}/packaging/release.ld");
    }
}
