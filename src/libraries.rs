//! Corosync's libraries, loaded when they are first called.
//!
//! libcmap needs libqb, that libsystemd, and that six more: to load them all is more than half of
//! what a start of the program takes. What asks Corosync nothing, as `--version`, `history` or an
//! alert that is not for us, needs none of them, and an idle pass not libcfg.
//!
//! The functions that rust-corosync calls the linker finds here, and links no library for them. And
//! one that these libraries call they find here before libqb's: what makes a connection.

#![expect(unsafe_code, reason = "functions of C's")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::io::{self, Write};
use std::mem;
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::libc::{RTLD_GLOBAL, RTLD_LAZY, RTLD_NEXT, dlerror, dlopen, dlsym};

/// The functions by their libraries, as the headers of Corosync 3 have them (cmap.h, cfg.h).
macro_rules! libraries {
    ($($library:literal: { $(fn $name:ident($($argument:ident: $kind:ty),*);)* })*) => {$($(
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: $kind),*) -> c_int {
            static ADDRESS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
            let name = concat!(stringify!($name), "\0");
            let address = address(&ADDRESS, $library, name);
            if address.is_null() {
                return NOT_SUPPORTED;
            }
            // SAFETY: the library has a function of that name, and the header says that it is so.
            let function: extern "C" fn($($kind),*) -> c_int = unsafe { mem::transmute(address) };
            function($($argument),*)
        }
    )*)*};
}

libraries! {
    c"libcmap.so.4": {
        fn cmap_initialize_map(handle: *mut u64, map: c_int);
        fn cmap_finalize(handle: u64);
        fn cmap_get(
            handle: u64, key: *const c_char, value: *mut c_void, length: *mut usize,
            kind: *mut c_int
        );
        fn cmap_iter_init(handle: u64, prefix: *const c_char, iterator: *mut u64);
        fn cmap_iter_next(
            handle: u64, iterator: u64, key: *mut c_char, length: *mut usize, kind: *mut c_int
        );
        fn cmap_iter_finalize(handle: u64, iterator: u64);
    }
    c"libcfg.so.7": {
        fn corosync_cfg_initialize(handle: *mut u64, callbacks: *const c_void);
        fn corosync_cfg_finalize(handle: u64);
        fn corosync_cfg_local_get(handle: u64, node: *mut c_uint);
        fn corosync_cfg_node_status_get(
            handle: u64, node: c_uint, version: c_int, status: *mut c_void
        );
    }
}

/// How long a message of a connection may be, in bytes: as long as Corosync's libraries want it
/// where they are built to take little memory (`IPC_REQUEST_SIZE` in `lib/util.h`), which is enough
/// for what is read here: a line of Corosync's configuration has 512 at most, and no client may set
/// what comes from it.
const MESSAGE: usize = 64 * 1024;

/// By what Corosync's libraries connect (`qbipcc.h`); the linker is told to let them see it
/// (`build.rs`). As they are built in distributions they want a megabyte, and Corosync's real-time
/// thread makes three files of that size in /dev/shm and has the kernel fill them with zeros
/// (`qb_sys_mmap_file_open`): three quarters of what a connection takes of it.
#[unsafe(no_mangle)]
extern "C" fn qb_ipcc_connect(service: *const c_char, message: usize) -> *mut c_void {
    static ADDRESS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    // Which brings libqb along.
    let address = address(&ADDRESS, c"libcmap.so.4", "qb_ipcc_connect\0");
    if address.is_null() {
        return address;
    }
    // SAFETY: libqb has a function of that name, and the header says that it is so.
    let function: extern "C" fn(*const c_char, usize) -> *mut c_void =
        unsafe { mem::transmute(address) };
    function(service, message.min(MESSAGE))
}

/// What a function returns that this Corosync's library does not have, as those before 3.1.1 have
/// no `corosync_cfg_node_status_get` (`CS_ERR_NOT_SUPPORTED` in `corotypes.h`).
const NOT_SUPPORTED: c_int = 19;

/// Where the function is, which is looked for once; null if the library has none of that name.
fn address(known: &AtomicPtr<c_void>, library: &CStr, name: &str) -> *mut c_void {
    let found = known.load(Ordering::Relaxed);
    if !found.is_null() {
        return found;
    }
    let name = CStr::from_bytes_with_nul(name.as_bytes()).expect("it ends with a zero");
    // SAFETY: both are texts of C's. A library that is loaded already is only counted.
    let found = unsafe {
        if dlopen(library.as_ptr(), RTLD_LAZY | RTLD_GLOBAL).is_null() {
            missing();
        }
        // Not that of the program itself, but one that is to come before the library's
        // (LD_PRELOAD in ld.so(8)).
        dlsym(RTLD_NEXT, name.as_ptr())
    };
    known.store(found, Ordering::Relaxed);
    found
}

/// The exit code of a program whose libraries the dynamic linker does not find.
const NOT_LOADED: i32 = 127;

/// Ends the process as the dynamic linker would have, had it been linked.
fn missing() -> ! {
    // SAFETY: it is asked at once, and its text is there until it is asked again.
    let why = unsafe {
        let why = dlerror();
        match why.is_null() {
            true => c"",
            false => CStr::from_ptr(why),
        }
    };
    let why = why.to_string_lossy();
    let line = format!(
        "ringcheck: cannot load Corosync's library: {why}; install it: libcmap4 and libcfg7, \
         or corosynclib\n"
    );
    let _ = io::stderr().write_all(line.as_bytes());
    process::exit(NOT_LOADED);
}
