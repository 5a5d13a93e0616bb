//! Events as they lie in the ring buffer.
//!
//! Every record is one `#[repr(C)]` struct that begins with a [`Header`], in native byte order, with all padding explicit.
//! Two of them are followed by as many bytes as [`Header::length`] says: [`Data`] by what went through the socket, [`Sample`] by instruction addresses.
//! The ring buffer keeps the exact length of a record, so nothing is padded at the end.
//!
//! ```text
//!            0        8    12   16   20   24
//! Header     time_ns  pid  tid  kind length
//! Data       Header   entered_ns  fd  size  direction  reserved | bytes
//! Connect    Header   entered_ns  fd  errno remote(20) reserved
//! Accept     Header   fd  remote(20)
//! Close      Header   fd  reserved
//! Socket     Header   sock  fd  reserved
//! Tcp        Header   sock  local(20) remote(20) old_state new_state reserved(6)
//! Retransmit Header   sock  local(20) remote(20)
//! Sample     Header | frames
//! ```

use core::mem::{align_of, size_of};

/// What a record is. Exec and exit are a bare [`Header`].
pub mod kind {
    /// [`Data`](super::Data).
    pub const DATA: u32 = 1;
    /// [`Connect`](super::Connect).
    pub const CONNECT: u32 = 2;
    /// [`Accept`](super::Accept).
    pub const ACCEPT: u32 = 3;
    /// [`Close`](super::Close).
    pub const CLOSE: u32 = 4;
    /// A bare [`Header`](super::Header): a program was executed.
    pub const EXEC: u32 = 5;
    /// A bare [`Header`](super::Header): a process ended.
    pub const EXIT: u32 = 6;
    /// [`Socket`](super::Socket).
    pub const SOCKET: u32 = 7;
    /// [`Tcp`](super::Tcp).
    pub const TCP: u32 = 8;
    /// [`Retransmit`](super::Retransmit).
    pub const RETRANSMIT: u32 = 9;
    /// [`Sample`](super::Sample).
    pub const SAMPLE: u32 = 10;
}

/// [`Data::direction`] of bytes that went into the process.
pub const DIRECTION_READ: u32 = 0;
/// [`Data::direction`] of bytes that went out of the process.
pub const DIRECTION_WRITE: u32 = 1;

/// Slots of the per-CPU counters.
pub mod counter {
    /// Events written to the ring buffer.
    pub const EMITTED: u32 = 0;
    /// Events dropped because the ring buffer was full.
    pub const LOST: u32 = 1;
    /// How many slots there are.
    pub const SLOTS: u32 = 2;
}

/// Stands for a tracepoint field that the running kernel does not have.
pub const NO_FIELD: u32 = u32::MAX;

/// What every record begins with.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Header {
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub time_ns: u64,
    /// Process (`tgid`).
    pub pid: u32,
    /// Thread.
    pub tid: u32,
    /// One of [`kind`].
    pub kind: u32,
    /// How many bytes follow the struct.
    pub length: u32,
}

/// An address; IPv4 is IPv4-mapped.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Address {
    /// Network byte order.
    pub ip: [u8; 16],
    /// Host byte order.
    pub port: u16,
    /// Zero.
    pub reserved: u16,
}

/// Bytes that went through a socket; [`Header::length`] of them follow.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Data {
    /// Kind [`kind::DATA`].
    pub header: Header,
    /// When the system call was entered.
    pub entered_ns: u64,
    /// The descriptor.
    pub fd: i32,
    /// How many bytes went through in all.
    pub size: u32,
    /// [`DIRECTION_READ`] or [`DIRECTION_WRITE`].
    pub direction: u32,
    /// Zero.
    pub reserved: u32,
}

/// `connect` returned.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Connect {
    /// Kind [`kind::CONNECT`].
    pub header: Header,
    /// When the system call was entered.
    pub entered_ns: u64,
    /// The descriptor.
    pub fd: i32,
    /// Zero or the error number.
    pub errno: u32,
    /// Where to.
    pub remote: Address,
    /// Zero.
    pub reserved: u32,
}

/// `accept` returned.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Accept {
    /// Kind [`kind::ACCEPT`].
    pub header: Header,
    /// The new descriptor.
    pub fd: i32,
    /// Where from.
    pub remote: Address,
}

/// A descriptor was closed.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Close {
    /// Kind [`kind::CLOSE`].
    pub header: Header,
    /// The descriptor.
    pub fd: i32,
    /// Zero.
    pub reserved: u32,
}

/// The socket behind a descriptor.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Socket {
    /// Kind [`kind::SOCKET`].
    pub header: Header,
    /// Address of the `struct sock`.
    pub sock: u64,
    /// The descriptor.
    pub fd: i32,
    /// Zero.
    pub reserved: u32,
}

/// A TCP socket changed its state.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Tcp {
    /// Kind [`kind::TCP`].
    pub header: Header,
    /// Address of the `struct sock`.
    pub sock: u64,
    /// The socket's own end.
    pub local: Address,
    /// The other end.
    pub remote: Address,
    /// State before.
    pub old_state: u8,
    /// State after.
    pub new_state: u8,
    /// Zero.
    pub reserved: [u8; 6],
}

/// A TCP segment was sent again.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Retransmit {
    /// Kind [`kind::RETRANSMIT`].
    pub header: Header,
    /// Address of the `struct sock`.
    pub sock: u64,
    /// The socket's own end.
    pub local: Address,
    /// The other end.
    pub remote: Address,
}

/// A thread was running; [`Header::length`] bytes of instruction addresses follow, 8 each.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Sample {
    /// Kind [`kind::SAMPLE`].
    pub header: Header,
}

/// Fails to compile when the compiler would put padding of its own into a struct:
/// the kernel refuses to copy uninitialised bytes, and user space would read at other places than were written.
macro_rules! assert_packed {
    ($($name:ident = $($part:expr),+;)*) => {
        $(const _: () = assert!(size_of::<$name>() == 0 $(+ $part)+ && align_of::<$name>() <= 8);)*
    };
}

const HEADER: usize = size_of::<Header>();
const ADDRESS: usize = size_of::<Address>();

assert_packed! {
    Header = 8, 4, 4, 4, 4;
    Address = 16, 2, 2;
    Data = HEADER, 8, 4, 4, 4, 4;
    Connect = HEADER, 8, 4, 4, ADDRESS, 4;
    Accept = HEADER, 4, ADDRESS;
    Close = HEADER, 4, 4;
    Socket = HEADER, 8, 4, 4;
    Tcp = HEADER, 8, ADDRESS, ADDRESS, 1, 1, 6;
    Retransmit = HEADER, 8, ADDRESS, ADDRESS;
    Sample = HEADER;
}
