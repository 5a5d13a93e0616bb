//! What is known about each descriptor.

use aya_ebpf::{macros::map, maps::LruHashMap};
use waggle_collectors_ebpf::wire::{self, kind};

use crate::output::{Task, emit, now_ns};

/// From `include/linux/socket.h`.
pub const AF_INET: u32 = 2;
/// From `include/linux/socket.h`.
pub const AF_INET6: u32 = 10;

/// By process and descriptor. The least recently used entry makes room.
///
/// Entries go when the descriptor is closed. Those that a process leaves behind when it ends, or replaces with `dup2`, are harmless:
/// the socket seen behind the descriptor is compared before an entry is believed.
#[map]
static SOCKETS: LruHashMap<u64, Known> = LruHashMap::with_max_entries(64 * 1024, 0);

/// What is known about a descriptor.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Known {
    /// The `struct sock` that was last seen behind it; zero until then.
    pub sock: u64,
    /// How it came to be known.
    pub state: State,
    reserved: u32,
}

/// How a descriptor came to be known.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct State(u32);

impl State {
    /// Connected or accepted, but nothing we understand went through yet.
    pub const CONNECTED: Self = Self(0);
    /// Speaks a known protocol: what goes through is sent to user space.
    pub const FOLLOWED: Self = Self(1);
    /// Made as something other than a TCP socket.
    pub const OTHER: Self = Self(2);
}

#[inline(always)]
fn key(task: Task, fd: i32) -> u64 {
    (u64::from(task.pid) << 32) | u64::from(fd as u32)
}

/// Returns what is known about a descriptor.
#[inline(always)]
pub fn known(task: Task, fd: i32) -> Option<&'static mut Known> {
    // SAFETY: entries are plain numbers; when two threads work on one descriptor, or an entry is reused meanwhile, the worst is one event too many or too few.
    SOCKETS.get_ptr_mut(key(task, fd)).map(|known| unsafe { &mut *known })
}

/// Notes a descriptor, over what was known about it.
#[inline(always)]
pub fn note(task: Task, fd: i32, state: State) {
    // Fails only when the map has no room for one more: then the descriptor is not followed.
    let _ = SOCKETS.insert(key(task, fd), Known { sock: 0, state, reserved: 0 }, 0);
}

/// Forgets a descriptor.
#[inline(always)]
pub fn forget(task: Task, fd: i32) {
    // Not being there is as good.
    let _ = SOCKETS.remove(key(task, fd));
}

/// Tells whether a family is that of IPv4 or IPv6.
#[inline(always)]
pub fn is_internet(family: u32) -> bool {
    family == AF_INET || family == AF_INET6
}

/// Tells user space which internet socket is behind a known descriptor, once.
#[inline(always)]
pub fn tell_sock(task: Task, fd: i32, known: &mut Known, sock: u64, family: u32) {
    if sock == 0 || sock == known.sock {
        return;
    }
    known.sock = sock;
    if !is_internet(family) {
        return;
    }
    emit(&wire::Socket { header: task.header(now_ns(), kind::SOCKET, 0), sock, fd, reserved: 0 });
}
