//! From the bytes of the ring buffer to a [`KernelEvent`].

use core::{
    fmt,
    mem::{offset_of, size_of},
};

use crate::{
    CAPTURE_BYTES, STACK_FRAMES,
    event::{Accept, Address, Body, Connect, Data, Direction, Ends, KernelEvent, Stack},
    wire::{self, Header, kind},
};

/// Reads one record. Borrows the variable part from `bytes`; nothing is copied but numbers.
///
/// Never panics. Fails when the record is not exactly one struct of [`wire`] with the bytes that it announces:
/// then programs and user space are of different versions, or the bytes are not from the ring buffer.
pub fn decode(bytes: &[u8]) -> Result<KernelEvent<'_>, DecodeError> {
    let record = Record(bytes);
    let kind = record.u32(offset_of!(Header, kind))?;
    let announced = record.u32(offset_of!(Header, length))?;
    let fixed = match kind {
        kind::DATA => size_of::<wire::Data>(),
        kind::CONNECT => size_of::<wire::Connect>(),
        kind::ACCEPT => size_of::<wire::Accept>(),
        kind::CLOSE => size_of::<wire::Close>(),
        kind::EXEC | kind::EXIT => size_of::<Header>(),
        kind::SOCKET => size_of::<wire::Socket>(),
        kind::TCP => size_of::<wire::Tcp>(),
        kind::RETRANSMIT => size_of::<wire::Retransmit>(),
        kind::SAMPLE => size_of::<wire::Sample>(),
        _ => return Err(DecodeError::Kind { kind }),
    };
    let tail = bytes.get(fixed..).ok_or(DecodeError::Short { len: bytes.len(), needed: fixed })?;
    if tail.len() != announced as usize || !tail_is_possible(kind, tail.len()) {
        return Err(DecodeError::Tail { kind, announced, len: tail.len() });
    }

    Ok(KernelEvent {
        time_ns: record.u64(offset_of!(Header, time_ns))?,
        pid: record.u32(offset_of!(Header, pid))?,
        tid: record.u32(offset_of!(Header, tid))?,
        body: match kind {
            kind::DATA => Body::Data(record.data(tail)?),
            kind::CONNECT => Body::Connect(record.connect()?),
            kind::ACCEPT => Body::Accept(Accept {
                fd: record.i32(offset_of!(wire::Accept, fd))?,
                remote: record.address(offset_of!(wire::Accept, remote))?,
            }),
            kind::CLOSE => Body::Close { fd: record.i32(offset_of!(wire::Close, fd))? },
            kind::EXEC => Body::Exec,
            kind::EXIT => Body::Exit,
            kind::SOCKET => Body::Socket {
                fd: record.i32(offset_of!(wire::Socket, fd))?,
                sock: record.u64(offset_of!(wire::Socket, sock))?,
            },
            kind::TCP => Body::Tcp {
                sock: record.u64(offset_of!(wire::Tcp, sock))?,
                old_state: record.u8(offset_of!(wire::Tcp, old_state))?,
                new_state: record.u8(offset_of!(wire::Tcp, new_state))?,
                ends: record.ends(offset_of!(wire::Tcp, local), offset_of!(wire::Tcp, remote))?,
            },
            kind::RETRANSMIT => Body::Retransmit {
                sock: record.u64(offset_of!(wire::Retransmit, sock))?,
                ends: record
                    .ends(offset_of!(wire::Retransmit, local), offset_of!(wire::Retransmit, remote))?,
            },
            _ => Body::Sample(Stack { frames: tail }),
        },
    })
}

/// Why bytes are not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The record ends before its struct does.
    Short {
        /// Bytes there are.
        len: usize,
        /// Bytes there must be, at least.
        needed: usize,
    },
    /// No such kind of event.
    Kind {
        /// What the header says.
        kind: u32,
    },
    /// What follows the struct is not what the header announces, or more than the programs ever write.
    Tail {
        /// Kind of the event.
        kind: u32,
        /// Bytes the header announces.
        announced: u32,
        /// Bytes there are.
        len: usize,
    },
    /// Neither read nor written.
    Direction {
        /// What the record says.
        direction: u32,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { len, needed } => write!(f, "event of {len} bytes is shorter than {needed}"),
            Self::Kind { kind } => write!(f, "unknown kind of event {kind}"),
            Self::Tail { kind, announced, len } => {
                write!(f, "event of kind {kind} announces {announced} further bytes and has {len}")
            }
            Self::Direction { direction } => write!(f, "unknown direction {direction}"),
        }
    }
}

impl core::error::Error for DecodeError {}

fn tail_is_possible(kind: u32, len: usize) -> bool {
    match kind {
        kind::DATA => len <= CAPTURE_BYTES,
        kind::SAMPLE => len <= STACK_FRAMES * 8 && len.is_multiple_of(8),
        _ => len == 0,
    }
}

/// The bytes of one record, read at places that `offset_of!` takes from the very structs the programs write.
struct Record<'a>(&'a [u8]);

impl<'a> Record<'a> {
    fn data(&self, bytes: &'a [u8]) -> Result<Data<'a>, DecodeError> {
        Ok(Data {
            fd: self.i32(offset_of!(wire::Data, fd))?,
            direction: match self.u32(offset_of!(wire::Data, direction))? {
                wire::DIRECTION_READ => Direction::Read,
                wire::DIRECTION_WRITE => Direction::Write,
                direction => return Err(DecodeError::Direction { direction }),
            },
            entered_ns: self.u64(offset_of!(wire::Data, entered_ns))?,
            size: self.u32(offset_of!(wire::Data, size))?,
            bytes,
        })
    }

    fn connect(&self) -> Result<Connect, DecodeError> {
        Ok(Connect {
            fd: self.i32(offset_of!(wire::Connect, fd))?,
            remote: self.address(offset_of!(wire::Connect, remote))?,
            entered_ns: self.u64(offset_of!(wire::Connect, entered_ns))?,
            errno: self.u32(offset_of!(wire::Connect, errno))?,
        })
    }

    fn ends(&self, local: usize, remote: usize) -> Result<Ends, DecodeError> {
        Ok(Ends { local: self.address(local)?, remote: self.address(remote)? })
    }

    fn address(&self, at: usize) -> Result<Address, DecodeError> {
        Ok(Address {
            ip: self.array(at + offset_of!(wire::Address, ip))?,
            port: u16::from_ne_bytes(self.array(at + offset_of!(wire::Address, port))?),
        })
    }

    fn u64(&self, at: usize) -> Result<u64, DecodeError> {
        self.array(at).map(u64::from_ne_bytes)
    }

    fn u32(&self, at: usize) -> Result<u32, DecodeError> {
        self.array(at).map(u32::from_ne_bytes)
    }

    fn i32(&self, at: usize) -> Result<i32, DecodeError> {
        self.array(at).map(i32::from_ne_bytes)
    }

    fn u8(&self, at: usize) -> Result<u8, DecodeError> {
        self.array(at).map(u8::from_ne_bytes)
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], DecodeError> {
        self.0
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .copied()
            .ok_or(DecodeError::Short { len: self.0.len(), needed: at + N })
    }
}

#[cfg(test)]
mod tests;
