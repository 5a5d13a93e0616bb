//! The probes, in the running kernel, on processes that know nothing of them.
//!
//! Needs `CAP_BPF` and `CAP_PERFMON`; says `skipped: …` without.
//!
//! # Layout
//!
//! - [`recorder`]: attached probes, and what they told so far.
//! - [`role`]: what the observed processes do. Each is this very program, started again.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed unwrap in a test's own tools is a failed test"
)]

mod recorder;
mod role;

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use recorder::{Recorder, Seen, What};
use role::{BODY_BYTES, Form, Role};
use waggle_collectors::ebpf::EbpfConfig;
use waggle_collectors_ebpf::{Address, Body, CAPTURE_BYTES, Connect, Direction};

/// `include/net/tcp_states.h`
const TCP_ESTABLISHED: u8 = 1;

#[test]
fn a_request_is_seen_on_both_sides_whichever_system_calls_move_it() {
    let Some(mut recorder) = Recorder::start(&EbpfConfig::default()) else { return };
    for form in [Form::Send, Form::File, Form::Vector, Form::Message] {
        let mut server = Role::Server(form).start();
        let port: u16 = server.line("port ").parse().unwrap();
        let mut client = Role::Client(form, port).start();
        let client_port: u16 = client.line("port ").parse().unwrap();
        let (client, server) = (client.finish(), server.finish());
        recorder.until(|seen| seen.has_exited(client) && seen.has_exited(server));

        let (asked, answered) = (recorder.of(client), recorder.of(server));
        assert!(asked.has(|what| matches!(what, What::Plain(Body::Exec))), "{form:?}");
        assert!(answered.has(|what| matches!(what, What::Plain(Body::Exec))), "{form:?}");

        // The ends.
        let connect = asked.connect();
        assert_eq!((connect.remote, connect.errno), (loopback(port), 0), "{form:?}");
        let accepted = answered
            .find(|what| match what {
                What::Plain(Body::Accept(accept)) => Some(*accept),
                _ => None,
            })
            .expect("an accept");
        assert_eq!(accepted.remote, loopback(client_port), "{form:?}");

        // What went through.
        let request = role::request();
        let sent = asked.data(Direction::Write);
        assert_eq!(sent.concat(), request, "{form:?}");
        assert_eq!(answered.data(Direction::Read).concat(), request, "{form:?}");
        let response = role::response_head();
        let answer = answered.data(Direction::Write).concat();
        assert!(answer.starts_with(&response), "{form:?}: {:?}", String::from_utf8_lossy(&answer));
        assert!(asked.data(Direction::Read)[0].starts_with(&response), "{form:?}");
        let whole = response.len() + BODY_BYTES;
        assert_eq!(asked.bytes(Direction::Read), whole, "{form:?}");
        assert_eq!(answered.bytes(Direction::Write), whole, "{form:?}");
        assert!(answered.data(Direction::Write).iter().any(|bytes| bytes.len() == CAPTURE_BYTES), "{form:?}");

        // The sockets behind the descriptors, and the packets' side of them.
        for (side, fd, ends) in [
            (&asked, connect.fd, (loopback(client_port), loopback(port))),
            (&answered, accepted.fd, (loopback(port), loopback(client_port))),
        ] {
            let socks = side.socks(fd);
            assert_eq!(socks.len(), 1, "{form:?}: told once");
            assert!(recorder.all().has(|what| match what {
                What::Plain(Body::Tcp { sock, new_state: TCP_ESTABLISHED, ends: found, .. }) => {
                    *sock == socks[0] && (found.local, found.remote) == ends
                }
                _ => false,
            }));
            assert!(
                side.has(|what| matches!(what, What::Plain(Body::Close { fd: closed }) if *closed == fd))
            );
        }
    }
    assert_eq!((recorder.probes.lost(), recorder.probes.undecodable()), (0, 0));
    assert!(recorder.probes.emitted() > 0);
}

#[test]
fn programs_of_others_are_seen_alike() {
    if !role::has_all(&["python3", "curl"]) {
        eprintln!("skipped: needs `python3` and `curl`");
        return;
    }
    let Some(mut recorder) = Recorder::start(&EbpfConfig::default()) else { return };
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("order.txt"), "seven").unwrap();
    let port = role::free_port();
    let mut server = Command::new("python3")
        .args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"])
        .arg(directory.path())
        .arg(port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    role::wait_for_port(port);
    let client = Command::new("curl")
        .args(["--silent", "--max-time", "10", &format!("http://127.0.0.1:{port}/order.txt")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let client_pid = client.id();
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"seven");
    // `python3` may be a script that executes the real one, in the same process or in a child of it.
    recorder.until(|seen| seen.has_exited(client_pid));
    server.kill().unwrap();
    server.wait().unwrap();

    let request = b"GET /order.txt HTTP/1.1\r\n";
    let asked = recorder.of(client_pid);
    assert!(asked.data(Direction::Write)[0].starts_with(request));
    assert!(asked.data(Direction::Read)[0].starts_with(b"HTTP/1.0 200 OK\r\n"));
    // It connects without waiting: 115 is `EINPROGRESS`.
    assert_eq!((asked.connect().remote, asked.connect().errno), (loopback(port), 115));
    let sides = recorder.all();
    let answered = sides.count(|seen| match &seen.what {
        What::Data { direction: Direction::Read, bytes, .. } => {
            seen.pid != client_pid && bytes.starts_with(request)
        }
        _ => false,
    });
    assert_eq!(answered, 1);
}

#[test]
fn a_busy_loop_is_sampled_with_its_stack() {
    let Some(mut recorder) = Recorder::start(&EbpfConfig::default()) else { return };
    let mut busy = Role::Busy.start();
    let code: Vec<u64> =
        busy.line("code ").split('-').map(|address| u64::from_str_radix(address, 16).unwrap()).collect();
    let pid = busy.finish();
    recorder.until(|seen| seen.has_exited(pid));

    let stacks: Vec<Vec<u64>> = recorder
        .of(pid)
        .map(|what| match what {
            What::Sample(addresses) => Some(addresses.clone()),
            _ => None,
        })
        .collect();
    // It ran for a second of its own time, which is 99 ticks; the clock's edges cost one or two.
    assert!((80..140).contains(&stacks.len()), "{} samples", stacks.len());
    let inside = stacks.iter().filter(|stack| (code[0]..code[1]).contains(&stack[0])).count();
    assert!(inside * 10 > stacks.len() * 8, "{inside} of {} samples in the loop", stacks.len());
    // A debug build keeps frame pointers nowhere by itself, so nothing is said of the callers.
}

#[test]
fn without_a_rate_nothing_is_sampled() {
    let config = EbpfConfig { samples_per_s: 0, ..EbpfConfig::default() };
    let Some(mut recorder) = Recorder::start(&config) else { return };
    let pid = Role::Busy.start().finish();
    recorder.until(|seen| seen.has_exited(pid));
    assert!(!recorder.all().has(|what| matches!(what, What::Sample(_))));
}

#[test]
fn files_and_pipes_are_not_followed_even_if_they_hold_requests() {
    let Some(mut recorder) = Recorder::start(&EbpfConfig::default()) else { return };
    let pid = Role::Files.start().finish();
    recorder.until(|seen| seen.has_exited(pid));
    let told = recorder.of(pid);
    assert!(told.has(|what| matches!(what, What::Plain(Body::Exec))));
    assert!(
        !told.has(|what| matches!(what, What::Data { .. } | What::Plain(Body::Close { .. }))),
        "{told:?}"
    );
}

#[test]
fn other_protocols_are_connections_without_data() {
    let Some(mut recorder) = Recorder::start(&EbpfConfig::default()) else { return };
    let pid = Role::Stranger.start().finish();
    recorder.until(|seen| seen.has_exited(pid));
    let told = recorder.of(pid);
    let fd = told.connect().fd;
    assert_eq!(told.socks(fd).len(), 1);
    assert!(told.has(|what| matches!(what, What::Plain(Body::Close { fd: closed }) if *closed == fd)));
    assert!(!told.has(|what| matches!(what, What::Data { .. })), "{told:?}");
}

#[test]
fn failed_connects_are_told_with_their_error_and_datagram_sockets_not_at_all() {
    let Some(mut recorder) = Recorder::start(&EbpfConfig::default()) else { return };
    let port = role::free_port();
    let pid = Role::Refused(port).start().finish();
    recorder.until(|seen| seen.has_exited(pid));
    let connects: Vec<Connect> = recorder.of(pid).map(What::connect).collect();
    // 111 is `ECONNREFUSED`.
    let told: Vec<_> = connects.iter().map(|connect| (connect.remote, connect.errno)).collect();
    assert_eq!(told, [(loopback(port), 111)]);
}

#[test]
fn a_descriptor_that_became_a_file_is_no_longer_followed() {
    if !role::has_all(&["python3"]) {
        eprintln!("skipped: needs `python3`");
        return;
    }
    let Some(mut recorder) = Recorder::start(&EbpfConfig::default()) else { return };
    let script = "
import os, socket, tempfile
ours, theirs = socket.create_server(('127.0.0.1', 0)), socket.socket()
theirs.connect(ours.getsockname())
theirs.send(b'GET /followed HTTP/1.1\\r\\n\\r\\n')
file = tempfile.TemporaryFile()
os.dup2(file.fileno(), theirs.fileno())
os.write(theirs.fileno(), b'GET /not-followed HTTP/1.1\\r\\n\\r\\n')
";
    let output = Command::new("python3").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let wrote = |recorder: &Recorder, what: &[u8]| {
        recorder.all().data(Direction::Write).iter().any(|bytes| bytes.starts_with(what))
    };
    recorder.until(|recorder| wrote(recorder, b"GET /followed"));
    recorder.rest();
    assert!(!wrote(&recorder, b"GET /not-followed"));
}

#[test]
fn the_ignored_process_is_not_observed_and_only_that_one() {
    for (config, is_observed) in [
        (EbpfConfig::default(), false),
        (EbpfConfig { ignored_pid: None, ..EbpfConfig::default() }, true),
        (EbpfConfig { ignored_pid: Some(1), ..EbpfConfig::default() }, true),
    ] {
        let Some(mut recorder) = Recorder::start(&config) else { return };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut asking = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut answering, _) = listener.accept().unwrap();
        asking.write_all(b"GET /self HTTP/1.1\r\n\r\n").unwrap();
        answering.read_exact(&mut [0; 22]).unwrap();
        drop((asking, answering, listener));

        // Another process, as a sign that everything before it has been told.
        let other = Role::Files.start().finish();
        recorder.until(|seen| seen.has_exited(other));
        let of_ourselves = recorder.of(std::process::id());
        let has_request = of_ourselves
            .has(|what| matches!(what, What::Data { bytes, .. } if bytes.starts_with(b"GET /self")));
        assert_eq!(has_request, is_observed, "{config:?}");
        let is_tcp = |what: &What| matches!(what, What::Plain(Body::Tcp { .. } | Body::Retransmit { .. }));
        assert_eq!(of_ourselves.has(|what| !is_tcp(what)), is_observed, "{config:?}: {of_ourselves:?}");
    }
}

#[test]
fn what_does_not_fit_is_counted_as_lost() {
    let config = EbpfConfig { ring_bytes: 64 * 1024, samples_per_s: 0, ..EbpfConfig::default() };
    let Some(mut recorder) = Recorder::start(&config) else { return };
    // 64 KiB hold some 60 events with 1 KiB of data each; nobody reads meanwhile.
    let mut server = Role::Server(Form::Chatty).start();
    let port = server.line("port ").parse().unwrap();
    let (_, pid) = (Role::Client(Form::Chatty, port).start().finish(), server.finish());
    assert!(recorder.probes.lost() > 0);
    let emitted = recorder.probes.emitted();
    recorder.rest();
    assert!(recorder.all().0.len() as u64 >= emitted);
    assert!(!recorder.of(pid).0.is_empty());
}

#[test]
fn segments_sent_again_are_told() {
    if !role::has_all(&["unshare", "ip", "iptables"]) {
        eprintln!("skipped: needs `unshare`, `ip` and `iptables`");
        return;
    }
    let Some(mut recorder) = Recorder::start(&EbpfConfig::default()) else { return };
    let mut lossy = Role::Lossy.start();
    let port: u16 = lossy.line("port ").parse().unwrap();
    let pid = lossy.finish();
    recorder.until(|seen| seen.has_exited(pid));
    let told = recorder.all();
    let socks: Vec<u64> = told
        .map(|what| match what {
            What::Plain(Body::Retransmit { sock, ends }) if ends.remote == loopback(port) => Some(*sock),
            _ => None,
        })
        .collect();
    assert!(!socks.is_empty());
    assert!(told.has(|what| matches!(what, What::Plain(Body::Tcp { sock, .. }) if *sock == socks[0])));
}

#[test]
fn reading_waits_no_longer_than_it_is_told() {
    let config = EbpfConfig { latency: Duration::from_secs(60), samples_per_s: 0, ..EbpfConfig::default() };
    let Some(mut recorder) = Recorder::start(&config) else { return };
    let before = std::time::Instant::now();
    recorder.probes.read(Duration::from_millis(200), |_| ()).unwrap();
    assert!(before.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_burst_wakes_the_reader_before_its_time() {
    let slow = Duration::from_secs(20);
    let config = EbpfConfig { ring_bytes: 1024 * 1024, latency: slow, ..EbpfConfig::default() };
    let Some(mut recorder) = Recorder::start(&config) else { return };
    let mut server = Role::Server(Form::Chatty).start();
    let port = server.line("port ").parse().unwrap();
    let client = Role::Client(Form::Chatty, port).start();
    let before = std::time::Instant::now();
    recorder.until_within(slow, |seen| seen.all().data(Direction::Write).len() > 100);
    assert!(before.elapsed() < slow / 2, "{:?}", before.elapsed());
    client.finish();
    server.finish();
}

#[test]
fn every_probe_says_whether_it_runs() {
    let Some(recorder) = Recorder::start(&EbpfConfig::default()) else { return };
    let running = recorder.probes.running();
    for name in
        ["syscalls:sys_enter_read", "sched:sched_process_exec", "sock:inet_sock_set_state", "cpu-clock:0"]
    {
        let status = running.iter().find(|status| status.name == name).expect(name);
        assert_eq!(status.missing, None, "{name}");
    }
    // Those that need Linux 6.3 may be missing, and then say so.
    for status in running.iter().filter(|status| !status.is_attached()) {
        assert!(status.name.starts_with("sock:sock_"), "{status:?}");
    }
}

/// Not a test: the beginning of every observed process.
#[test]
#[ignore = "started by the other tests, in a process of its own"]
fn role() {
    Role::from_environment().expect("started by another test").play();
}

fn loopback(port: u16) -> Address {
    Address { ip: Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets(), port }
}

impl What {
    fn connect(&self) -> Option<Connect> {
        match self {
            Self::Plain(Body::Connect(connect)) => Some(*connect),
            _ => None,
        }
    }
}

impl Seen {
    fn connect(&self) -> Connect {
        let connect = self.find(What::connect).expect("a connect");
        assert!(connect.entered_ns > 0);
        connect
    }

    /// The captured bytes of each call.
    fn data(&self, wanted: Direction) -> Vec<Vec<u8>> {
        self.map(|what| match what {
            What::Data { direction, bytes, .. } if *direction == wanted => Some(bytes.clone()),
            _ => None,
        })
        .collect()
    }

    /// How many bytes all calls moved.
    fn bytes(&self, wanted: Direction) -> usize {
        self.map(|what| match what {
            What::Data { direction, size, .. } if *direction == wanted => Some(*size as usize),
            _ => None,
        })
        .sum()
    }

    fn socks(&self, wanted: i32) -> Vec<u64> {
        self.map(|what| match what {
            What::Plain(Body::Socket { fd, sock }) if *fd == wanted => Some(*sock),
            _ => None,
        })
        .collect()
    }
}
