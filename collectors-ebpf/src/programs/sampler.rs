//! Who is on the CPU, and what it is doing.

use aya_ebpf::{
    EbpfContext as _,
    bindings::BPF_F_USER_STACK,
    helpers::bpf_get_stack,
    macros::{map, perf_event},
    maps::PerCpuArray,
    programs::PerfEventContext,
};
use waggle_collectors_ebpf::{
    STACK_FRAMES,
    wire::{self, kind},
};

use crate::output::{current, emit_bytes, now_ns};

/// Where a sample is put together.
#[repr(C)]
pub struct Scratch {
    event: wire::Sample,
    frames: [u64; STACK_FRAMES],
}

/// Not shared with the tracepoints, which this program interrupts.
#[map]
static SAMPLE: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

/// One tick of the CPU clock
#[perf_event]
fn cpu_sample(ctx: PerfEventContext) -> u32 {
    let task = current();
    let is_idle = task.pid == 0;
    if is_idle || task.is_ignored() {
        return 0;
    }
    let Some(scratch) = SAMPLE.get_ptr_mut(0) else { return 0 };
    // SAFETY: the memory is this CPU's own, and the program does not interrupt itself.
    let scratch = unsafe { &mut *scratch };

    let room = size_of_val(&scratch.frames) as u32;
    let frames = scratch.frames.as_mut_ptr();
    // SAFETY: the helper writes at most `room` bytes to `frames`.
    let len = unsafe { bpf_get_stack(ctx.as_ptr(), frames.cast(), room, u64::from(BPF_F_USER_STACK)) };
    // Threads of the kernel have no user stack. The upper bound is for the verifier.
    if len <= 0 || len > i64::from(room) {
        return 0;
    }

    scratch.event = wire::Sample { header: task.header(now_ns(), kind::SAMPLE, len as u32) };
    let len = size_of::<wire::Sample>() + len as usize;
    // SAFETY: the frames follow the event without a gap, and `len` is within both.
    emit_bytes(unsafe { core::slice::from_raw_parts(core::ptr::from_ref(scratch).cast(), len) });
    0
}
