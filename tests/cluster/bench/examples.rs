//! What the benches reckon with, on examples that need no cluster.

use anyhow::{Result, ensure};

use super::figures::Spread;
use super::growth::curvature;
use super::trace;
use crate::oracle::Pure;

pub const PURE: &[(&str, Pure)] = &[
    (
        "a_bench_counts_processes_and_no_threads",
        counts_processes_and_no_threads,
    ),
    ("a_bench_sees_a_curve", sees_a_curve),
    ("a_bench_finds_the_middle", finds_the_middle),
];

/// As strace 6.1 writes it: one thread, two processes, one that could not be started.
fn counts_processes_and_no_threads() -> Result<()> {
    let calls = trace::count(
        "10 execve(\"/bin/sh\", [\"sh\"], 0x7ffd /* 9 vars */) = 0\n\
         10 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0} => {parent_tid=[11]}, 88) = 11\n\
         10 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>\n\
         12 set_robust_list(0x7f, 24)     = 0\n\
         10 <... clone resumed>, child_tidptr=0x7f) = 12\n\
         12 vfork()                       = 13\n\
         12 vfork()                       = -1 EAGAIN (Resource temporarily unavailable)\n\
         13 +++ exited with 0 +++\n\
         10 --- SIGCHLD {si_signo=SIGCHLD, si_pid=12} ---\n",
    );
    ensure!((calls.calls, calls.children) == (6, 2), "{calls:?}");
    Ok(())
}

fn sees_a_curve() -> Result<()> {
    let straight = curvature(&[(1.0, 4.0), (2.0, 7.0), (10.0, 31.0)]);
    ensure!(straight < 1e-9, "{straight}");
    let curved = curvature(&[(1.0, 1.0), (2.0, 4.0), (3.0, 9.0)]);
    ensure!((curved - 0.2).abs() < 1e-9, "{curved}");
    Ok(())
}

fn finds_the_middle() -> Result<()> {
    let spread = Spread::of([9.0, 1.0, 3.0, 2.0]);
    ensure!(spread.shown() == "2.50 (1.00 to 9.00)", "{spread:?}");
    Ok(())
}
