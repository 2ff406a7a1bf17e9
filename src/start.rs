//! The start of the process, without Rust's.
//!
//! Rust's own start asks the C library where the main thread's stack ends, to tell a stack
//! overflow from another fault, and for that the C library has the kernel print all mappings and
//! reads them: an eighth of what a pass takes of the processor. What else it does is done here.

use std::ffi::c_int;
use std::fs::OpenOptions;
use std::mem;
use std::process;
use std::sync::Arc;

use ringcheck::cluster::signal::Signal;
use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::stdio::{stderr, stdin, stdout};

/// What the C library calls.
#[expect(unsafe_code, reason = "a name that the linker sees")]
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    keep_standard_streams();
    // Who writes to where nobody reads is told so, and not ended.
    let _ = signal_hook::flag::register(Signal::PIPE.number(), Arc::default());
    // Which flushes what was printed, as returning would not.
    process::exit(super::run().into())
}

/// A standard stream that is closed must not become the first file that is opened, which would be
/// written over by what is said.
fn keep_standard_streams() {
    for stream in [stdin(), stdout(), stderr()] {
        if fcntl_getfd(stream) == Err(Errno::BADF)
            && let Ok(nothing) = OpenOptions::new().read(true).write(true).open("/dev/null")
        {
            // So it must be for children.
            let _ = fcntl_setfd(&nothing, FdFlags::empty());
            mem::forget(nothing);
        }
    }
}
