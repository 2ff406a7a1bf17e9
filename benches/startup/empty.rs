//! What a Rust program must cost at least. It has a folder of its own because Cargo would take it
//! for a benchmark.

fn main() {}
