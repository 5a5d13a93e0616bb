//! What the kernel side tells user space, as user space reads it.

/// One event from the ring buffer, borrowed from its bytes.
///
/// Times are nanoseconds of `CLOCK_MONOTONIC` (`bpf_ktime_get_ns`). `pid` is the process (`tgid`), `tid` the thread, both in the host's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelEvent<'a> {
    /// When it happened; for system calls, when they returned.
    pub time_ns: u64,
    /// The process on whose time it happened. Meaningless for [`Body::Tcp`] and [`Body::Retransmit`] outside of a system call.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// What happened.
    pub body: Body<'a>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Bytes were read from or written to a socket that speaks a known protocol.
    Data(Data<'a>),
    /// `connect` returned.
    Connect(Connect),
    /// `accept` or `accept4` returned a connection.
    Accept(Accept),
    /// A tracked descriptor was closed.
    Close {
        /// The descriptor.
        fd: i32,
    },
    /// A program was executed.
    Exec,
    /// The last thread of a process ended.
    Exit,
    /// The socket behind a descriptor became known.
    Socket {
        /// The descriptor.
        fd: i32,
        /// Address of the kernel's `struct sock`: an opaque key.
        sock: u64,
    },
    /// A TCP socket changed its state (`sock:inet_sock_set_state`).
    Tcp {
        /// Address of the kernel's `struct sock`: an opaque key.
        sock: u64,
        /// State before, as in `include/net/tcp_states.h`.
        old_state: u8,
        /// State after.
        new_state: u8,
        /// Both ends.
        ends: Ends,
    },
    /// A TCP segment was sent again (`tcp:tcp_retransmit_skb`).
    Retransmit {
        /// Address of the kernel's `struct sock`: an opaque key.
        sock: u64,
        /// Both ends.
        ends: Ends,
    },
    /// A thread was running when the sampler looked.
    Sample(Stack<'a>),
}

/// Bytes that went through a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The descriptor.
    pub fd: i32,
    /// Which way.
    pub direction: Direction,
    /// When the system call was entered.
    pub entered_ns: u64,
    /// How many bytes went through; `bytes` holds the first of them.
    pub size: u32,
    /// The first bytes, at most [`CAPTURE_BYTES`](crate::CAPTURE_BYTES); empty when only the size matters.
    pub bytes: &'a [u8],
}

/// Which way bytes went, seen from the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Into the process.
    Read,
    /// Out of the process.
    Write,
}

/// An outgoing connection, or the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The descriptor.
    pub fd: i32,
    /// Where to.
    pub remote: Address,
    /// When the system call was entered.
    pub entered_ns: u64,
    /// Zero, or the error number, positive. `EINPROGRESS` (115) is not a failure yet.
    pub errno: u32,
}

/// An incoming connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The new descriptor.
    pub fd: i32,
    /// Where from; all zero when the program did not ask.
    pub remote: Address,
}

/// An IP address and a port. IPv4 is held as IPv4-mapped IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Network byte order.
    pub ip: [u8; 16],
    /// Host byte order.
    pub port: u16,
}

/// The two ends of a TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// The socket's own end.
    pub local: Address,
    /// The other end.
    pub remote: Address,
}

/// A user-space call stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack<'a> {
    /// Instruction addresses, innermost first, 8 bytes each in native byte order.
    pub frames: &'a [u8],
}

impl Stack<'_> {
    /// Returns the instruction addresses, innermost first.
    pub fn addresses(&self) -> impl Iterator<Item = u64> + '_ {
        self.frames.chunks_exact(8).map(|chunk| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(chunk);
            u64::from_ne_bytes(bytes)
        })
    }
}
