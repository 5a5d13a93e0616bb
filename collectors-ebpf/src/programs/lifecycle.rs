//! Socket, connect, accept, close.

use aya_ebpf::{helpers::bpf_probe_read_user, macros::tracepoint, programs::TracePointContext};
use waggle_collectors_ebpf::wire::{self, kind};

use crate::{
    calls::{self, Call, What, argument, result},
    output::{current, emit, now_ns},
    sockets::{self, AF_INET, AF_INET6, State, is_internet},
};

/// Types of sockets may carry flags above these bits (`SOCK_TYPE_MASK` in `include/linux/net.h`).
const SOCK_TYPE_MASK: u64 = 0xf;
/// `include/linux/net.h`.
const SOCK_STREAM: u64 = 1;

/// `include/uapi/asm-generic/errno.h`: a non-blocking connect has begun.
const EINPROGRESS: i64 = 115;
/// `include/uapi/asm-generic/errno.h`: an earlier connect is still under way. Nothing new.
const EALREADY: i64 = 114;
/// `include/uapi/asm-generic/errno.h`: an earlier connect has succeeded. Nothing new.
const EISCONN: i64 = 106;
/// From here on, error numbers never reach the program: the call is made again (`include/linux/errno.h`).
const ERESTARTSYS: i64 = 512;

/// `socket(family, type, protocol)`
#[tracepoint]
fn enter_socket(ctx: TracePointContext) -> u32 {
    calls::enter(Call::new(What::SOCKET, 0, 0, argument::<1>(&ctx), argument::<0>(&ctx)));
    0
}

/// Remembers which descriptors are no TCP sockets: datagram sockets are "connected" too, and every name lookup does so.
#[tracepoint]
fn exit_socket(ctx: TracePointContext) -> u32 {
    let Some((task, call)) = calls::leave(|what| what == What::SOCKET) else { return 0 };
    let fd = result(&ctx);
    if fd < 0 {
        return 0;
    }
    let is_tcp = is_internet(call.flags) && call.length & SOCK_TYPE_MASK == SOCK_STREAM;
    if is_tcp {
        sockets::forget(task, fd as i32);
    } else {
        sockets::note(task, fd as i32, State::OTHER);
    }
    0
}

/// `connect(fd, address, length)`
#[tracepoint]
fn enter_connect(ctx: TracePointContext) -> u32 {
    let (fd, address) = (argument::<0>(&ctx), argument::<1>(&ctx));
    calls::enter(Call::new(What::CONNECT, fd, address, 0, 0));
    0
}

/// Tells of each attempt, whether it failed or not.
#[tracepoint]
fn exit_connect(ctx: TracePointContext) -> u32 {
    let Some((task, call)) = calls::leave(|what| what == What::CONNECT) else { return 0 };
    let errno = -result(&ctx);
    let is_news = errno >= 0 && errno != EALREADY && errno != EISCONN && errno < ERESTARTSYS;
    let is_other = sockets::known(task, call.fd).is_some_and(|known| known.state == State::OTHER);
    if !is_news || is_other {
        return 0;
    }
    let Some(remote) = address(call.pointer) else { return 0 };

    emit(&wire::Connect {
        header: task.header(now_ns(), kind::CONNECT, 0),
        entered_ns: call.entered_ns,
        fd: call.fd,
        errno: errno as u32,
        remote,
        reserved: 0,
    });
    if errno == 0 || errno == EINPROGRESS {
        sockets::note(task, call.fd, State::CONNECTED);
        if let Some(known) = sockets::known(task, call.fd) {
            sockets::tell_sock(task, call.fd, known, call.sock, call.family);
        }
    }
    0
}

/// `accept(fd, address, length)`, and `accept4`, which begins alike.
#[tracepoint]
fn enter_accept(ctx: TracePointContext) -> u32 {
    let (fd, address) = (argument::<0>(&ctx), argument::<1>(&ctx));
    calls::enter(Call::new(What::ACCEPT, fd, address, 0, 0));
    0
}

/// Both return the new descriptor, or a negative error number.
#[tracepoint]
fn exit_accept(ctx: TracePointContext) -> u32 {
    let Some((task, call)) = calls::leave(|what| what == What::ACCEPT) else { return 0 };
    let fd = result(&ctx);
    if fd < 0 {
        return 0;
    }
    let fd = fd as i32;
    let did_ask = call.pointer != 0;
    let is_other = sockets::known(task, call.fd).is_some_and(|listener| listener.state == State::OTHER);
    let remote = match address(call.pointer) {
        Some(remote) => remote,
        None if did_ask || is_other => {
            sockets::note(task, fd, State::OTHER);
            return 0;
        }
        None => wire::Address { ip: [0; 16], port: 0, reserved: 0 },
    };

    emit(&wire::Accept { header: task.header(now_ns(), kind::ACCEPT, 0), fd, remote });
    sockets::note(task, fd, State::CONNECTED);
    0
}

/// `close(fd)`. Told when it begins: once it returns, another thread may already have been given the same number.
#[tracepoint]
fn enter_close(ctx: TracePointContext) -> u32 {
    let task = current();
    let fd = argument::<0>(&ctx) as i32;
    let Some(known) = sockets::known(task, fd) else { return 0 };
    let state = known.state;
    sockets::forget(task, fd);
    if state == State::CONNECTED || state == State::FOLLOWED {
        emit(&wire::Close { header: task.header(now_ns(), kind::CLOSE, 0), fd, reserved: 0 });
    }
    0
}

/// `struct sockaddr_in` (`include/uapi/linux/in.h`) and `struct sockaddr_in6` (`include/uapi/linux/in6.h`), as far as they go together.
#[derive(Clone, Copy)]
#[repr(C)]
struct SocketAddress {
    family: u16,
    /// Network byte order.
    port: [u8; 2],
    /// The address in `sockaddr_in`, something else in `sockaddr_in6`.
    short_ip: [u8; 4],
}

/// Returns the address that lies in user space; none when it is not an internet address.
#[inline(always)]
fn address(pointer: u64) -> Option<wire::Address> {
    // SAFETY: the helper fails for an address that is not readable user memory.
    let found = unsafe { bpf_probe_read_user(pointer as *const SocketAddress) }.ok()?;
    let mut ip = [0; 16];
    if u32::from(found.family) == AF_INET {
        (ip[10], ip[11]) = (0xff, 0xff);
        [ip[12], ip[13], ip[14], ip[15]] = found.short_ip;
    } else if u32::from(found.family) == AF_INET6 {
        let long_ip = pointer + size_of::<SocketAddress>() as u64;
        // SAFETY: as above.
        ip = unsafe { bpf_probe_read_user(long_ip as *const [u8; 16]) }.ok()?;
    } else {
        return None;
    }
    Some(wire::Address { ip, port: u16::from_be_bytes(found.port), reserved: 0 })
}
