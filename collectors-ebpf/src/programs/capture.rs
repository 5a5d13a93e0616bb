//! Copying the first bytes of a call.
//!
//! All of it happens when the call returns: what was read is there only then, and what was written has just been touched, so that its pages are present.

use aya_ebpf::{
    helpers::{bpf_probe_read_user, generated::bpf_probe_read_user as read_user},
    macros::map,
    maps::PerCpuArray,
};
use waggle_collectors_ebpf::{CAPTURE_BYTES, protocol::PREFIX_BYTES, wire};

use crate::{
    calls::{Call, What},
    output::emit_bytes,
};

/// How many parts of a vector are looked at. Servers send a head and a body; few have more.
const SEGMENTS: usize = 8;

/// `recv` was asked to throw bytes away (`include/linux/socket.h`): the buffer holds none of them.
const MSG_TRUNC: u32 = 0x20;

/// Where an event with captured bytes is put together. Twice as long as the bytes, because the verifier adds the largest offset to the largest length.
#[repr(C)]
pub struct Scratch {
    pub event: wire::Data,
    bytes: [u8; 2 * CAPTURE_BYTES],
}

/// Tracepoints do not interrupt each other on one CPU, so one is enough.
#[map]
static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

/// Returns this CPU's scratch space.
#[inline(always)]
pub fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: the memory is this CPU's own, and preemption is off while a tracepoint program runs.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
}

/// Returns the bytes that a call's data begins with, or none when there are too few.
#[inline(always)]
pub fn prefix(call: &Call, size: u64) -> Option<[u8; PREFIX_BYTES]> {
    if size < PREFIX_BYTES as u64 || call.flags & MSG_TRUNC != 0 {
        return None;
    }
    let (start, len) = match vector(call) {
        Some(vector) if vector.parts > 0 => {
            let part = vector.part(0)?;
            (part.base, part.len)
        }
        Some(_) => return None,
        None => (call.pointer, size),
    };
    if len < PREFIX_BYTES as u64 {
        return None;
    }
    // SAFETY: the helper fails for an address that is not readable user memory.
    unsafe { bpf_probe_read_user(start as *const [u8; PREFIX_BYTES]) }.ok()
}

impl Scratch {
    /// Copies the first bytes of a call's data, as many as fit, and returns how many. None when they cannot be read.
    #[inline(always)]
    pub fn capture(&mut self, call: &Call, size: u64) -> u64 {
        if call.flags & MSG_TRUNC != 0 {
            return 0;
        }
        let wanted = size.min(CAPTURE_BYTES as u64);
        let Some(vector) = vector(call) else { return self.copy(0, call.pointer, wanted) };

        let mut done = 0;
        for at in 0..SEGMENTS as u64 {
            if at >= vector.parts || done >= wanted {
                break;
            }
            let Some(part) = vector.part(at) else { break };
            let len = part.len.min(wanted - done);
            if len > 0 && self.copy(done, part.base, len) == 0 {
                break;
            }
            done += len;
        }
        done
    }

    /// Copies `len` bytes to `offset`; returns how many were copied: all or none.
    #[inline(always)]
    fn copy(&mut self, offset: u64, source: u64, len: u64) -> u64 {
        // Both bounds always hold; they are written where the verifier sees them.
        let offset = at_most(offset, CAPTURE_BYTES as u64);
        let len = at_most(len, CAPTURE_BYTES as u64);
        // SAFETY: offset and length are at most half the buffer's length each.
        let target = unsafe { self.bytes.as_mut_ptr().add(offset as usize) };
        // SAFETY: as above for the target; the helper fails for a source that is not readable user memory.
        let failed = unsafe { read_user(target.cast(), len as u32, source as *const _) } != 0;
        if failed { 0 } else { len }
    }

    /// Sends the event with `captured` bytes after it.
    #[inline(always)]
    pub fn emit(&self, captured: u64) {
        let len = size_of::<wire::Data>() + at_most(captured, CAPTURE_BYTES as u64) as usize;
        // SAFETY: the bytes follow the event without a gap, and there are more than `CAPTURE_BYTES` of them.
        emit_bytes(unsafe { core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), len) });
    }
}

/// Returns `value`, or `limit` when it is larger, in a way the compiler cannot see through:
/// it would drop a bound that it knows to hold, and the verifier would miss it.
#[inline(always)]
fn at_most(value: u64, limit: u64) -> u64 {
    let value = core::hint::black_box(value);
    if value > limit { limit } else { value }
}

/// An array of `struct iovec` in user space.
struct Vector {
    address: u64,
    parts: u64,
}

/// `struct iovec` (`include/uapi/linux/uio.h`).
#[derive(Clone, Copy)]
#[repr(C)]
struct Part {
    base: u64,
    len: u64,
}

impl Vector {
    #[inline(always)]
    fn part(&self, at: u64) -> Option<Part> {
        let address = self.address + at * size_of::<Part>() as u64;
        // SAFETY: the helper fails for an address that is not readable user memory.
        unsafe { bpf_probe_read_user(address as *const Part) }.ok()
    }
}

/// Returns the vector that a call was given, directly or in a `struct user_msghdr`.
#[inline(always)]
fn vector(call: &Call) -> Option<Vector> {
    if call.what == What::READ_VECTOR || call.what == What::WRITE_VECTOR {
        return Some(Vector { address: call.pointer, parts: call.length });
    }
    if call.what == What::READ_MESSAGE || call.what == What::WRITE_MESSAGE {
        // `msg_iov` and `msg_iovlen` follow a pointer and a padded length (`include/linux/socket.h`).
        // SAFETY: the helper fails for an address that is not readable user memory.
        let parts = unsafe { bpf_probe_read_user((call.pointer + 16) as *const [u64; 2]) };
        return Some(match parts {
            Ok([address, parts]) => Vector { address, parts },
            Err(_) => Vector { address: 0, parts: 0 },
        });
    }
    None
}
