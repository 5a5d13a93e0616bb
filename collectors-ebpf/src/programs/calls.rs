//! The system call that each thread is in.
//!
//! What a call was asked is known when it is entered, what became of it when it returns; between the two it is kept here.
//! A thread's entry stays and is written over by its next call, because finding an entry costs a quarter of inserting and removing one.

use aya_ebpf::{EbpfContext as _, macros::map, maps::LruHashMap, programs::TracePointContext};

use crate::output::{Task, current, now_ns};

/// By thread. The least recently used entry makes room when more threads than this are in calls we follow.
#[map]
static CALLS: LruHashMap<u32, Call> = LruHashMap::with_max_entries(32 * 1024, 0);

/// One system call under way.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Call {
    /// What is being done.
    pub what: What,
    /// The descriptor it is done to.
    pub fd: i32,
    /// When it was entered.
    pub entered_ns: u64,
    /// Where its buffer, vector, message or address lies, in user space.
    pub pointer: u64,
    /// How many bytes, or parts of a vector.
    pub length: u64,
    /// The `struct sock` that it was seen to work on; zero until then.
    pub sock: u64,
    /// Family of that socket.
    pub family: u32,
    /// Flags of the call.
    pub flags: u32,
}

/// What a call does.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct What(u32);

impl What {
    pub const NOTHING: Self = Self(0);
    pub const READ: Self = Self(1);
    pub const READ_VECTOR: Self = Self(2);
    pub const READ_MESSAGE: Self = Self(3);
    pub const WRITE: Self = Self(4);
    pub const WRITE_VECTOR: Self = Self(5);
    pub const WRITE_MESSAGE: Self = Self(6);
    pub const CONNECT: Self = Self(7);
    pub const ACCEPT: Self = Self(8);
    pub const SOCKET: Self = Self(9);

    #[inline(always)]
    pub fn is_read(self) -> bool {
        self.0 >= Self::READ.0 && self.0 <= Self::READ_MESSAGE.0
    }

    #[inline(always)]
    pub fn is_transfer(self) -> bool {
        self.0 >= Self::READ.0 && self.0 <= Self::WRITE_MESSAGE.0
    }
}

impl Call {
    /// A call that is entered now.
    #[inline(always)]
    pub fn new(what: What, fd: u64, pointer: u64, length: u64, flags: u64) -> Self {
        Self {
            what,
            fd: fd as i32,
            entered_ns: now_ns(),
            pointer,
            length,
            sock: 0,
            family: 0,
            flags: flags as u32,
        }
    }
}

/// Notes that the running thread is in this call.
#[inline(always)]
pub fn enter(call: Call) {
    let task = current();
    if task.is_ignored() {
        return;
    }
    match CALLS.get_ptr_mut(task.tid) {
        // SAFETY: the entry is the running thread's own, and nobody else writes to it.
        Some(slot) => unsafe { *slot = call },
        None => {
            // Fails only when the map has no room for one more: then this one call is not seen.
            let _ = CALLS.insert(task.tid, call, 0);
        }
    }
}

/// Takes the call that the running thread returns from, if it is one of those asked for.
#[inline(always)]
pub fn leave(wanted: impl Fn(What) -> bool) -> Option<(Task, Call)> {
    let task = current();
    let slot = CALLS.get_ptr_mut(task.tid)?;
    // SAFETY: the entry is the running thread's own, and nobody else writes to it.
    let call = unsafe { *slot };
    if !wanted(call.what) {
        return None;
    }
    // SAFETY: as above.
    unsafe { (*slot).what = What::NOTHING };
    Some((task, call))
}

/// Notes which socket the running thread's call works on, if the call is one of those asked for.
#[inline(always)]
pub fn note_sock(sock: u64, family: u32, wanted: impl Fn(What) -> bool) {
    let Some(slot) = CALLS.get_ptr_mut(current().tid) else { return };
    // SAFETY: the entry is the running thread's own, and nobody else writes to it.
    let call = unsafe { &mut *slot };
    if wanted(call.what) {
        call.sock = sock;
        call.family = family;
    }
}

/// Forgets a thread that ended.
#[inline(always)]
pub fn forget(task: Task) {
    // Not being there is as good.
    let _ = CALLS.remove(task.tid);
}

/// Returns argument `N` of the system call that is entered.
///
/// The context of `syscalls:sys_enter_*` is the same everywhere: 8 bytes of the kernel's own, the number of the call padded to 8 bytes, then its arguments, 8 bytes each
/// (`struct syscall_tp_t` in `kernel/trace/trace_syscalls.c`, <https://github.com/torvalds/linux/blob/v6.12/kernel/trace/trace_syscalls.c#L560>).
/// The kernel refuses to attach a program that reads an argument which the call does not have.
#[inline(always)]
pub fn argument<const N: usize>(ctx: &TracePointContext) -> u64 {
    // SAFETY: inside the context, which the verifier checks when the program is attached.
    let place = unsafe { ctx.as_ptr().cast::<u64>().add(2 + N) };
    // SAFETY: as above.
    unsafe { place.read_volatile() }
}

/// Returns what the system call returns: the field after the number of the call in the context of `syscalls:sys_exit_*`.
#[inline(always)]
pub fn result(ctx: &TracePointContext) -> i64 {
    // SAFETY: inside the context, which the verifier checks when the program is attached.
    let place = unsafe { ctx.as_ptr().cast::<i64>().add(2) };
    // SAFETY: as above.
    unsafe { place.read_volatile() }
}
