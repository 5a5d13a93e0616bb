#![no_std]
#![forbid(unsafe_code)]
//! Event types shared with the kernel, and the eBPF programs themselves.
//!
//! The library is both sides' words: the programs write [`wire`] structs into a ring buffer, user space reads them back with [`decode`].
//! The programs (`src/programs`, feature `programs`) are compiled for the kernel by `build.sh`, and the object is kept in `object/`, so that nothing but a change to them needs a nightly compiler.
//!
//! # Layout
//!
//! - [`event`]: what user space reads.
//! - [`wire`]: the same as it lies in the ring buffer.
//! - [`mod@decode`]: from the one to the other.
//! - [`protocol`]: which first bytes make a connection worth following.
//! - `programs/`: the eBPF programs: system calls, processes, TCP, the CPU sampler.

pub mod decode;
pub mod event;
pub mod protocol;
pub mod wire;

pub use decode::{DecodeError, decode};
pub use event::{Accept, Address, Body, Connect, Data, Direction, Ends, KernelEvent, Stack};

/// How many bytes of one system call are copied at most. An HTTP/1 request line and the headers that matter fit.
pub const CAPTURE_BYTES: usize = 1024;

/// How many frames of a stack are kept at most, innermost first.
pub const STACK_FRAMES: usize = 64;
