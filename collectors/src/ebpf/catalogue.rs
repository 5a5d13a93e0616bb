//! Which program goes where, and which fields it needs.
//!
//! The names of programs and globals are those in `collectors-ebpf/src/programs`.

/// A tracepoint and the program for it.
#[derive(Clone, Copy, Debug)]
pub struct Tracepoint {
    /// The program.
    pub program: &'static str,
    /// Where the tracepoint is found.
    pub category: &'static str,
    /// Its name.
    pub event: &'static str,
}

/// The tracepoints inside of the kernel's socket code, there since Linux 6.3.
/// With them, a call on anything but a socket is told at once; without, by its first bytes only.
pub const SOCKET_LENGTHS: [Tracepoint; 2] = [
    tracepoint("sock_sent", "sock", "sock_send_length"),
    tracepoint("sock_received", "sock", "sock_recv_length"),
];

/// All other tracepoints. Those for the return of a call come before those for its entry, so that no call is seen to begin and not to end.
pub const TRACEPOINTS: [Tracepoint; 29] = [
    tracepoint("exit_transfer", "syscalls", "sys_exit_read"),
    tracepoint("exit_transfer", "syscalls", "sys_exit_write"),
    tracepoint("exit_transfer", "syscalls", "sys_exit_readv"),
    tracepoint("exit_transfer", "syscalls", "sys_exit_writev"),
    tracepoint("exit_transfer", "syscalls", "sys_exit_recvfrom"),
    tracepoint("exit_transfer", "syscalls", "sys_exit_sendto"),
    tracepoint("exit_transfer", "syscalls", "sys_exit_recvmsg"),
    tracepoint("exit_transfer", "syscalls", "sys_exit_sendmsg"),
    tracepoint("exit_socket", "syscalls", "sys_exit_socket"),
    tracepoint("exit_connect", "syscalls", "sys_exit_connect"),
    tracepoint("exit_accept", "syscalls", "sys_exit_accept"),
    tracepoint("exit_accept", "syscalls", "sys_exit_accept4"),
    tracepoint("enter_read", "syscalls", "sys_enter_read"),
    tracepoint("enter_write", "syscalls", "sys_enter_write"),
    tracepoint("enter_readv", "syscalls", "sys_enter_readv"),
    tracepoint("enter_writev", "syscalls", "sys_enter_writev"),
    tracepoint("enter_recvfrom", "syscalls", "sys_enter_recvfrom"),
    tracepoint("enter_write", "syscalls", "sys_enter_sendto"),
    tracepoint("enter_recvmsg", "syscalls", "sys_enter_recvmsg"),
    tracepoint("enter_sendmsg", "syscalls", "sys_enter_sendmsg"),
    tracepoint("enter_socket", "syscalls", "sys_enter_socket"),
    tracepoint("enter_connect", "syscalls", "sys_enter_connect"),
    tracepoint("enter_accept", "syscalls", "sys_enter_accept"),
    tracepoint("enter_accept", "syscalls", "sys_enter_accept4"),
    tracepoint("enter_close", "syscalls", "sys_enter_close"),
    tracepoint("process_exec", "sched", "sched_process_exec"),
    tracepoint("process_exit", "sched", "sched_process_exit"),
    tracepoint("tcp_state", "sock", "inet_sock_set_state"),
    tracepoint("tcp_retransmit", "tcp", "tcp_retransmit_skb"),
];

/// The program that samples stacks, on a perf event of each CPU.
pub const SAMPLER: &str = "cpu_sample";

const fn tracepoint(program: &'static str, category: &'static str, event: &'static str) -> Tracepoint {
    Tracepoint { program, category, event }
}

/// A field whose offset a program must be told, because it differs between kernels.
#[derive(Clone, Copy, Debug)]
pub struct Needed {
    /// The global that takes the offset.
    pub global: &'static str,
    /// Event of the tracepoint.
    pub event: &'static str,
    /// The field.
    pub field: &'static str,
    /// How many bytes the program reads.
    pub size: u32,
    /// Whether the program can do without.
    pub optional: bool,
}

/// All of them.
pub const FIELDS: [Needed; 19] = [
    needed("LENGTH_SOCK", "sock_send_length", "sk", 8),
    needed("LENGTH_FAMILY", "sock_send_length", "family", 2),
    // The two tracepoints are of one class, and so of one layout; this sees to it that it stays so.
    needed("LENGTH_SOCK", "sock_recv_length", "sk", 8),
    needed("LENGTH_FAMILY", "sock_recv_length", "family", 2),
    needed("STATE_SOCK", "inet_sock_set_state", "skaddr", 8),
    needed("STATE_OLD", "inet_sock_set_state", "oldstate", 4),
    needed("STATE_NEW", "inet_sock_set_state", "newstate", 4),
    needed("STATE_LOCAL_PORT", "inet_sock_set_state", "sport", 2),
    needed("STATE_REMOTE_PORT", "inet_sock_set_state", "dport", 2),
    needed("STATE_FAMILY", "inet_sock_set_state", "family", 2),
    needed("STATE_PROTOCOL", "inet_sock_set_state", "protocol", 2),
    needed("STATE_LOCAL_IP", "inet_sock_set_state", "saddr_v6", 16),
    needed("STATE_REMOTE_IP", "inet_sock_set_state", "daddr_v6", 16),
    needed("RETRANSMIT_SOCK", "tcp_retransmit_skb", "skaddr", 8),
    needed("RETRANSMIT_LOCAL_PORT", "tcp_retransmit_skb", "sport", 2),
    needed("RETRANSMIT_REMOTE_PORT", "tcp_retransmit_skb", "dport", 2),
    needed("RETRANSMIT_LOCAL_IP", "tcp_retransmit_skb", "saddr_v6", 16),
    needed("RETRANSMIT_REMOTE_IP", "tcp_retransmit_skb", "daddr_v6", 16),
    Needed { optional: true, ..needed("EXIT_GROUP_DEAD", "sched_process_exit", "group_dead", 1) },
];

const fn needed(global: &'static str, event: &'static str, field: &'static str, size: u32) -> Needed {
    Needed { global, event, field, size, optional: false }
}
