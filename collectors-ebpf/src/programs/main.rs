//! The eBPF programs. One object, loaded and attached by `collectors::ebpf`.
//!
//! Only tracepoints and perf events: they are the same across kernels, and where a field of a tracepoint may lie elsewhere, user space looks it up and passes its offset as a global.
//!
//! # Layout
//!
//! - [`output`]: the ring buffer, its counters, and what every event begins with.
//! - [`calls`]: the system call that each thread is in.
//! - [`sockets`]: what is known about each descriptor.
//! - [`transfer`]: read, write and their kin.
//! - [`lifecycle`]: socket, connect, accept, close.
//! - [`capture`]: copying the first bytes of a call.
//! - [`tcp`]: states and retransmissions.
//! - [`processes`]: exec and exit.
//! - [`sampler`]: who is on the CPU.
//!
//! Compiled for anything but the kernel this is an empty program, so that a build with all features on passes.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![cfg_attr(
    target_arch = "bpf",
    expect(unsafe_code, reason = "programs in the kernel read memory they are handed the address of")
)]

#[cfg(target_arch = "bpf")]
mod calls;
#[cfg(target_arch = "bpf")]
mod capture;
#[cfg(target_arch = "bpf")]
mod lifecycle;
#[cfg(target_arch = "bpf")]
mod output;
#[cfg(target_arch = "bpf")]
mod processes;
#[cfg(target_arch = "bpf")]
mod sampler;
#[cfg(target_arch = "bpf")]
mod sockets;
#[cfg(target_arch = "bpf")]
mod tcp;
#[cfg(target_arch = "bpf")]
mod transfer;

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Never reached: the verifier refuses a program that can loop for ever.
    loop {}
}

/// The kernel lends most of its helpers to GPL programs only; this crate is offered under GPL-2.0 as well (see `Cargo.toml`).
#[cfg(target_arch = "bpf")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
