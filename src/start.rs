//! The start of the process, without Rust's.
//!
//! Rust's own start asks the C library where the main thread's stack ends, to tell a stack
//! overflow from another fault, and for that the C library has the kernel print all mappings and
//! reads them: an eighth of what a pass takes of the processor. What else it does is done here.
//!
//! Here are also the start over of a process that hangs, and what is left of unwinding in a program
//! that aborts at a panic.

use std::ffi::{c_char, c_int};
use std::fs::OpenOptions;
use std::mem;
use std::process;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::libc;
use nix::sys::signal::{self, SaFlags, SigAction, SigHandler, SigSet};
use ringcheck::cluster::alarm;
use ringcheck::cluster::signal::Signal;
use ringcheck::model::failure::Exit;
use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::stdio::{stderr, stdin, stdout};
use rustix::thread::set_name;

/// The command line, as the kernel left it.
static ARGUMENTS: AtomicPtr<*const c_char> = AtomicPtr::new(ptr::null_mut());

/// What the C library calls.
#[expect(unsafe_code, reason = "a name that the linker sees")]
#[unsafe(no_mangle)]
extern "C" fn main(_: c_int, arguments: *mut *const c_char) -> c_int {
    keep_standard_streams();
    ARGUMENTS.store(arguments, Ordering::Relaxed);
    start_over_at_an_alarm();
    // Who writes to where nobody reads is told so, and not ended.
    let _ = signal_hook::flag::register(Signal::PIPE.number(), Arc::default());
    // Which flushes what was printed, as returning would not.
    process::exit(super::run().into())
}

/// Has SIGALRM execute the program again (`cluster/alarm.rs`).
fn start_over_at_an_alarm() {
    if alarm::has_rung() {
        // The kernel has named it after the link that it was executed by.
        let _ = set_name(c"ringcheck");
    }
    let handler = SigHandler::Handler(start_over);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    #[expect(unsafe_code, reason = "a handler of signals")]
    // SAFETY: it calls nothing but what signal-safety(7) lists.
    let _ = unsafe { signal::sigaction(signal::SIGALRM, &action) };
}

extern "C" fn start_over(_: c_int) {
    if !alarm::is_set() {
        // Whoever had an alarm set for this program wants its end.
        let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        #[expect(unsafe_code, reason = "it takes this handler away")]
        // SAFETY: signal-safety(7) lists it.
        let _ = unsafe { signal::sigaction(signal::SIGALRM, &default) };
        let _ = signal::raise(signal::SIGALRM);
        return;
    }
    #[expect(
        unsafe_code,
        reason = "in a handler of signals only C's functions may be called"
    )]
    // SAFETY: the arguments are those that main has got, which nobody changes.
    unsafe {
        libc::execv(
            c"/proc/self/exe".as_ptr(),
            ARGUMENTS.load(Ordering::Relaxed),
        );
        libc::_exit(Exit::Deadline.code().into());
    }
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

/// A program that aborts at a panic unwinds nothing: without these the linker takes all of libgcc_s
/// along, one library more to load at each start. What asks for a backtrace gets none.
#[cfg(panic = "abort")]
mod unwinding {
    #![expect(unsafe_code, reason = "names that the linker sees")]

    use std::ffi::c_int;
    use std::process;

    /// `_URC_END_OF_STACK` (unwind.h).
    const END_OF_STACK: c_int = 5;

    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Backtrace() -> c_int {
        END_OF_STACK
    }

    macro_rules! never_called {
        ($($name:ident)*) => {$(
            #[unsafe(no_mangle)]
            extern "C" fn $name() -> ! {
                process::abort()
            }
        )*};
    }

    never_called! {
        _Unwind_FindEnclosingFunction _Unwind_GetCFA _Unwind_GetDataRelBase _Unwind_GetIP
        _Unwind_GetIPInfo _Unwind_GetLanguageSpecificData _Unwind_GetRegionStart
        _Unwind_GetTextRelBase _Unwind_Resume _Unwind_SetGR _Unwind_SetIP
    }
}
