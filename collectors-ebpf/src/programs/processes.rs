//! Exec and exit.

use aya_ebpf::{Global, macros::tracepoint, programs::TracePointContext};
use waggle_collectors_ebpf::wire::{NO_FIELD, kind};

use crate::{
    calls,
    output::{Task, current, emit, now_ns},
};

/// Offset of `group_dead` in `sched:sched_process_exit`, which tells the last thread of a process from the others;
/// older kernels do not have it. Set by the loader.
#[unsafe(no_mangle)]
static EXIT_GROUP_DEAD: Global<u32> = Global::new(NO_FIELD);

/// `sched:sched_process_exec`
#[tracepoint]
fn process_exec(_ctx: TracePointContext) -> u32 {
    tell(current(), kind::EXEC);
    0
}

/// `sched:sched_process_exit`, once per thread
#[tracepoint]
fn process_exit(ctx: TracePointContext) -> u32 {
    let task = current();
    calls::forget(task);
    if is_last(&ctx, task) {
        tell(task, kind::EXIT);
    }
    0
}

/// Without `group_dead`, the first thread stands for the process: it rarely ends before the others.
#[inline(always)]
fn is_last(ctx: &TracePointContext, task: Task) -> bool {
    let offset = EXIT_GROUP_DEAD.load();
    if offset == NO_FIELD {
        return task.pid == task.tid;
    }
    // SAFETY: the offset is the running kernel's own.
    unsafe { ctx.read_at::<u8>(offset as usize) }.is_ok_and(|is_dead| is_dead != 0)
}

#[inline(always)]
fn tell(task: Task, kind: u32) {
    if task.is_ignored() {
        return;
    }
    emit(&task.header(now_ns(), kind, 0));
}
