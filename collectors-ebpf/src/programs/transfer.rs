//! Read, write and their kin.
//!
//! Nearly all of these calls are on files, pipes and sockets that are no concern of ours, so the way of such a call is short:
//! one entry written when it is entered and read when it returns, and the tracepoint inside of the kernel's socket code decides whether there is more to do.

use aya_ebpf::{Global, macros::tracepoint, programs::TracePointContext};
use waggle_collectors_ebpf::{
    protocol,
    wire::{self, kind},
};

use crate::{
    calls::{self, Call, What, argument, result},
    capture,
    output::{Task, now_ns},
    sockets::{self, State},
};

/// Whether `sock_sent` and `sock_received` are attached (their tracepoints are there since Linux 6.3). Set by the loader.
/// Then a call that they did not see was on no socket.
#[unsafe(no_mangle)]
static SOCKS_ARE_SEEN: Global<u32> = Global::new(0);

/// Offset of `sk` in `sock:sock_send_length` and `sock:sock_recv_length`. Set by the loader.
#[unsafe(no_mangle)]
static LENGTH_SOCK: Global<u32> = Global::new(8);
/// Offset of `family` in the same. Set by the loader.
#[unsafe(no_mangle)]
static LENGTH_FAMILY: Global<u32> = Global::new(16);

/// `recv` left the bytes in the queue (`include/linux/socket.h`): they will be read again.
const MSG_PEEK: u32 = 0x2;
/// `recv` read from the error queue: not data.
const MSG_ERRQUEUE: u32 = 0x2000;

/// `read(fd, buf, count)`
#[tracepoint]
fn enter_read(ctx: TracePointContext) -> u32 {
    enter(What::READ, &ctx, 0)
}

/// `write(fd, buf, count)`, and `sendto`, which begins alike.
#[tracepoint]
fn enter_write(ctx: TracePointContext) -> u32 {
    enter(What::WRITE, &ctx, 0)
}

/// `readv(fd, vector, parts)`
#[tracepoint]
fn enter_readv(ctx: TracePointContext) -> u32 {
    enter(What::READ_VECTOR, &ctx, 0)
}

/// `writev(fd, vector, parts)`
#[tracepoint]
fn enter_writev(ctx: TracePointContext) -> u32 {
    enter(What::WRITE_VECTOR, &ctx, 0)
}

/// `recvfrom(fd, buf, len, flags, ..)`
#[tracepoint]
fn enter_recvfrom(ctx: TracePointContext) -> u32 {
    enter(What::READ, &ctx, argument::<3>(&ctx))
}

/// `recvmsg(fd, message, flags)`
#[tracepoint]
fn enter_recvmsg(ctx: TracePointContext) -> u32 {
    enter(What::READ_MESSAGE, &ctx, argument::<2>(&ctx))
}

/// `sendmsg(fd, message, flags)`
#[tracepoint]
fn enter_sendmsg(ctx: TracePointContext) -> u32 {
    enter(What::WRITE_MESSAGE, &ctx, 0)
}

#[inline(always)]
fn enter(what: What, ctx: &TracePointContext, flags: u64) -> u32 {
    let (fd, pointer, length) = (argument::<0>(ctx), argument::<1>(ctx), argument::<2>(ctx));
    calls::enter(Call::new(what, fd, pointer, length, flags));
    0
}

/// `sock:sock_send_length`: inside of a call that writes.
#[tracepoint]
fn sock_sent(ctx: TracePointContext) -> u32 {
    note_sock(&ctx, |what| what.is_transfer() && !what.is_read())
}

/// `sock:sock_recv_length`: inside of a call that reads.
#[tracepoint]
fn sock_received(ctx: TracePointContext) -> u32 {
    note_sock(&ctx, What::is_read)
}

#[inline(always)]
fn note_sock(ctx: &TracePointContext, wanted: impl Fn(What) -> bool) -> u32 {
    // SAFETY: the offset is the running kernel's own.
    let sock = unsafe { ctx.read_at::<u64>(LENGTH_SOCK.load() as usize) };
    // SAFETY: as above.
    let family = unsafe { ctx.read_at::<u16>(LENGTH_FAMILY.load() as usize) };
    if let (Ok(sock), Ok(family)) = (sock, family) {
        calls::note_sock(sock, u32::from(family), wanted);
    }
    0
}

/// All of them return the number of bytes, or a negative error number.
#[tracepoint]
fn exit_transfer(ctx: TracePointContext) -> u32 {
    let Some((task, call)) = calls::leave(What::is_transfer) else { return 0 };
    let size = result(&ctx);
    let is_unseen = SOCKS_ARE_SEEN.load() != 0 && call.sock == 0;
    let is_no_read = call.what.is_read() && call.flags & (MSG_PEEK | MSG_ERRQUEUE) != 0;
    if size > 0 && !is_unseen && !is_no_read {
        transferred(task, &call, size as u64);
    }
    0
}

#[inline(always)]
fn transferred(task: Task, call: &Call, size: u64) {
    if !is_followed(task, call, size) {
        return;
    }
    let Some(scratch) = capture::scratch() else { return };
    let captured = scratch.capture(call, size);
    scratch.event = wire::Data {
        header: task.header(now_ns(), kind::DATA, captured as u32),
        entered_ns: call.entered_ns,
        fd: call.fd,
        size: size.min(u64::from(u32::MAX)) as u32,
        direction: if call.what.is_read() { wire::DIRECTION_READ } else { wire::DIRECTION_WRITE },
        reserved: 0,
    };
    scratch.emit(captured);
}

/// Tells whether the descriptor of a call is followed, and begins to follow it when its bytes are of a known protocol.
#[inline(always)]
fn is_followed(task: Task, call: &Call, size: u64) -> bool {
    let known = sockets::known(task, call.fd);
    if let Some(known) = &known {
        // Otherwise the descriptor was closed without our seeing it, and its number given out again.
        let is_the_same = call.sock == 0 || known.sock == 0 || known.sock == call.sock;
        if known.state == State::FOLLOWED && is_the_same {
            return known.sock == call.sock || told(task, call);
        }
    }

    let speaks = capture::prefix(call, size).is_some_and(protocol::is_known);
    match known {
        Some(known) if speaks => known.state = State::FOLLOWED,
        Some(known) if known.state == State::OTHER => return false,
        Some(known) => known.state = State::CONNECTED,
        None if speaks => sockets::note(task, call.fd, State::FOLLOWED),
        None => return false,
    }
    told(task, call) && speaks
}

/// Tells user space which socket a known descriptor stands for, and returns true.
#[inline(never)]
fn told(task: Task, call: &Call) -> bool {
    if let Some(known) = sockets::known(task, call.fd) {
        sockets::tell_sock(task, call.fd, known, call.sock, call.family);
    }
    true
}
