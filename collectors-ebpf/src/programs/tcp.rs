//! States and retransmissions of TCP sockets.
//!
//! The process they happen on is often a bystander: most of it runs when packets arrive. So nothing is filtered by process here.

use aya_ebpf::{Global, macros::tracepoint, programs::TracePointContext};
use waggle_collectors_ebpf::wire::{self, kind};

use crate::{
    calls::{self, What},
    output::{current, emit, now_ns},
    sockets::is_internet,
};

/// `include/uapi/linux/in.h`.
const IPPROTO_TCP: u16 = 6;
/// `include/net/tcp_states.h`. Only `connect` enters this state, on the thread that calls it.
const TCP_SYN_SENT: u8 = 2;

/// Offsets of fields in `sock:inet_sock_set_state`. Set by the loader.
#[unsafe(no_mangle)]
static STATE_SOCK: Global<u32> = Global::new(8);
#[unsafe(no_mangle)]
static STATE_OLD: Global<u32> = Global::new(16);
#[unsafe(no_mangle)]
static STATE_NEW: Global<u32> = Global::new(20);
#[unsafe(no_mangle)]
static STATE_LOCAL_PORT: Global<u32> = Global::new(24);
#[unsafe(no_mangle)]
static STATE_REMOTE_PORT: Global<u32> = Global::new(26);
#[unsafe(no_mangle)]
static STATE_FAMILY: Global<u32> = Global::new(28);
#[unsafe(no_mangle)]
static STATE_PROTOCOL: Global<u32> = Global::new(30);
#[unsafe(no_mangle)]
static STATE_LOCAL_IP: Global<u32> = Global::new(40);
#[unsafe(no_mangle)]
static STATE_REMOTE_IP: Global<u32> = Global::new(56);

/// Offsets of fields in `tcp:tcp_retransmit_skb`. Set by the loader.
#[unsafe(no_mangle)]
static RETRANSMIT_SOCK: Global<u32> = Global::new(16);
#[unsafe(no_mangle)]
static RETRANSMIT_LOCAL_PORT: Global<u32> = Global::new(28);
#[unsafe(no_mangle)]
static RETRANSMIT_REMOTE_PORT: Global<u32> = Global::new(30);
#[unsafe(no_mangle)]
static RETRANSMIT_LOCAL_IP: Global<u32> = Global::new(42);
#[unsafe(no_mangle)]
static RETRANSMIT_REMOTE_IP: Global<u32> = Global::new(58);

/// `sock:inet_sock_set_state`
#[tracepoint]
fn tcp_state(ctx: TracePointContext) -> u32 {
    let _ = changed_state(&ctx);
    0
}

/// `tcp:tcp_retransmit_skb`
#[tracepoint]
fn tcp_retransmit(ctx: TracePointContext) -> u32 {
    let _ = retransmitted(&ctx);
    0
}

#[inline(always)]
fn changed_state(ctx: &TracePointContext) -> Result<(), i32> {
    let family = u32::from(field::<u16>(ctx, &STATE_FAMILY)?);
    let is_tcp = field::<u16>(ctx, &STATE_PROTOCOL)? == IPPROTO_TCP;
    if !is_tcp || !is_internet(family) {
        return Ok(());
    }
    let sock = field::<u64>(ctx, &STATE_SOCK)?;
    let old_state = field::<u32>(ctx, &STATE_OLD)? as u8;
    let new_state = field::<u32>(ctx, &STATE_NEW)? as u8;
    // `close` says so when it changes nothing.
    if old_state == new_state {
        return Ok(());
    }
    if new_state == TCP_SYN_SENT {
        calls::note_sock(sock, family, |what| what == What::CONNECT);
    }
    emit(&wire::Tcp {
        header: current().header(now_ns(), kind::TCP, 0),
        sock,
        local: end(ctx, &STATE_LOCAL_IP, &STATE_LOCAL_PORT)?,
        remote: end(ctx, &STATE_REMOTE_IP, &STATE_REMOTE_PORT)?,
        old_state,
        new_state,
        reserved: [0; 6],
    });
    Ok(())
}

#[inline(always)]
fn retransmitted(ctx: &TracePointContext) -> Result<(), i32> {
    emit(&wire::Retransmit {
        header: current().header(now_ns(), kind::RETRANSMIT, 0),
        sock: field(ctx, &RETRANSMIT_SOCK)?,
        local: end(ctx, &RETRANSMIT_LOCAL_IP, &RETRANSMIT_LOCAL_PORT)?,
        remote: end(ctx, &RETRANSMIT_REMOTE_IP, &RETRANSMIT_REMOTE_PORT)?,
    });
    Ok(())
}

/// Both tracepoints hold ports in host byte order, and addresses twice: the long one is IPv4-mapped when the socket is of IPv4
/// (`TP_STORE_ADDRS` in `include/trace/events/net_probe_common.h`).
#[inline(always)]
fn end(ctx: &TracePointContext, ip: &Global<u32>, port: &Global<u32>) -> Result<wire::Address, i32> {
    Ok(wire::Address { ip: field(ctx, ip)?, port: field(ctx, port)?, reserved: 0 })
}

#[inline(always)]
fn field<T>(ctx: &TracePointContext, offset: &Global<u32>) -> Result<T, i32> {
    // SAFETY: the loader took the offset from the running kernel's description of the tracepoint, and every `T` asked for is made of numbers.
    unsafe { ctx.read_at(offset.load() as usize) }
}
