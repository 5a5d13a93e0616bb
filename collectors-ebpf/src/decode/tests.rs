extern crate std;

use proptest::prelude::*;
use std::{vec, vec::Vec};

use super::*;

/// Writes an event down as `wire` describes it: place by place, and without the structs that `decode` takes its places from.
fn encode(event: &KernelEvent<'_>) -> Vec<u8> {
    let mut fixed = Vec::new();
    let mut tail: Vec<u8> = Vec::new();
    let kind = match event.body {
        Body::Data(data) => {
            fixed.extend(data.entered_ns.to_ne_bytes());
            fixed.extend(data.fd.to_ne_bytes());
            fixed.extend(data.size.to_ne_bytes());
            fixed.extend(match data.direction {
                Direction::Read => 0u32.to_ne_bytes(),
                Direction::Write => 1u32.to_ne_bytes(),
            });
            fixed.extend([0; 4]);
            tail.extend(data.bytes);
            1u32
        }
        Body::Connect(connect) => {
            fixed.extend(connect.entered_ns.to_ne_bytes());
            fixed.extend(connect.fd.to_ne_bytes());
            fixed.extend(connect.errno.to_ne_bytes());
            fixed.extend(address(connect.remote));
            fixed.extend([0; 4]);
            2
        }
        Body::Accept(accept) => {
            fixed.extend(accept.fd.to_ne_bytes());
            fixed.extend(address(accept.remote));
            3
        }
        Body::Close { fd } => {
            fixed.extend(fd.to_ne_bytes());
            fixed.extend([0; 4]);
            4
        }
        Body::Exec => 5,
        Body::Exit => 6,
        Body::Socket { fd, sock } => {
            fixed.extend(sock.to_ne_bytes());
            fixed.extend(fd.to_ne_bytes());
            fixed.extend([0; 4]);
            7
        }
        Body::Tcp { sock, old_state, new_state, ends } => {
            fixed.extend(sock.to_ne_bytes());
            fixed.extend(address(ends.local));
            fixed.extend(address(ends.remote));
            fixed.extend([old_state, new_state, 0, 0, 0, 0, 0, 0]);
            8
        }
        Body::Retransmit { sock, ends } => {
            fixed.extend(sock.to_ne_bytes());
            fixed.extend(address(ends.local));
            fixed.extend(address(ends.remote));
            9
        }
        Body::Sample(stack) => {
            tail.extend(stack.frames);
            10
        }
    };
    let mut bytes = Vec::new();
    bytes.extend(event.time_ns.to_ne_bytes());
    bytes.extend(event.pid.to_ne_bytes());
    bytes.extend(event.tid.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(u32::try_from(tail.len()).unwrap().to_ne_bytes());
    bytes.extend(fixed);
    bytes.extend(tail);
    bytes
}

fn address(address: Address) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes[..16].copy_from_slice(&address.ip);
    bytes[16..18].copy_from_slice(&address.port.to_ne_bytes());
    bytes
}

/// A body without its variable part, which borrows.
#[derive(Clone, Debug)]
enum Plan {
    Data { fd: i32, direction: Direction, entered_ns: u64, size: u32, bytes: Vec<u8> },
    Plain(Body<'static>),
    Sample(Vec<u64>),
}

fn plans() -> impl Strategy<Value = Plan> {
    let addresses = || (any::<[u8; 16]>(), any::<u16>()).prop_map(|(ip, port)| Address { ip, port });
    let ends = move || (addresses(), addresses()).prop_map(|(local, remote)| Ends { local, remote });
    let direction = prop_oneof![Just(Direction::Read), Just(Direction::Write)];
    prop_oneof![
        (
            any::<i32>(),
            direction,
            any::<u64>(),
            any::<u32>(),
            proptest::collection::vec(any::<u8>(), 0..=CAPTURE_BYTES)
        )
            .prop_map(|(fd, direction, entered_ns, size, bytes)| Plan::Data {
                fd,
                direction,
                entered_ns,
                size,
                bytes
            }),
        (any::<i32>(), addresses(), any::<u64>(), any::<u32>()).prop_map(
            |(fd, remote, entered_ns, errno)| {
                Plan::Plain(Body::Connect(Connect { fd, remote, entered_ns, errno }))
            }
        ),
        (any::<i32>(), addresses()).prop_map(|(fd, remote)| Plan::Plain(Body::Accept(Accept { fd, remote }))),
        any::<i32>().prop_map(|fd| Plan::Plain(Body::Close { fd })),
        Just(Plan::Plain(Body::Exec)),
        Just(Plan::Plain(Body::Exit)),
        (any::<i32>(), any::<u64>()).prop_map(|(fd, sock)| Plan::Plain(Body::Socket { fd, sock })),
        (any::<u64>(), any::<u8>(), any::<u8>(), ends()).prop_map(|(sock, old_state, new_state, ends)| {
            Plan::Plain(Body::Tcp { sock, old_state, new_state, ends })
        }),
        (any::<u64>(), ends()).prop_map(|(sock, ends)| Plan::Plain(Body::Retransmit { sock, ends })),
        proptest::collection::vec(any::<u64>(), 0..=STACK_FRAMES).prop_map(Plan::Sample),
    ]
}

/// Makes the event of a plan and hands it to `check`.
fn with_event<T>(
    plan: &Plan,
    (time_ns, pid, tid): (u64, u32, u32),
    check: impl FnOnce(KernelEvent<'_>) -> T,
) -> T {
    let frames: Vec<u8>;
    let body = match plan {
        Plan::Data { fd, direction, entered_ns, size, bytes } => {
            Body::Data(Data { fd: *fd, direction: *direction, entered_ns: *entered_ns, size: *size, bytes })
        }
        Plan::Plain(body) => *body,
        Plan::Sample(addresses) => {
            frames = addresses.iter().flat_map(|address| address.to_ne_bytes()).collect();
            Body::Sample(Stack { frames: &frames })
        }
    };
    check(KernelEvent { time_ns, pid, tid, body })
}

proptest! {
    #[test]
    fn events_come_back_as_they_were_written(plan in plans(), header in any::<(u64, u32, u32)>()) {
        with_event(&plan, header, |event| {
            let bytes = encode(&event);
            prop_assert_eq!(decode(&bytes), Ok(event));
            Ok(())
        })?;
    }

    #[test]
    fn records_cut_short_or_too_long_are_refused(plan in plans(), at in any::<prop::sample::Index>(), extra in 1..16usize) {
        let bytes = with_event(&plan, (1, 2, 3), |event| encode(&event));
        prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
        let longer = [bytes, vec![0; extra]].concat();
        prop_assert!(decode(&longer).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = decode(&bytes);
    }

    /// Random bytes seldom are a header; these always are.
    #[test]
    fn no_bytes_after_a_header_make_it_panic(
        kind in 0..12u32,
        announced in 0..1100u32,
        rest in proptest::collection::vec(any::<u8>(), 0..1200),
    ) {
        let bytes = [&[0; 16][..], &kind.to_ne_bytes(), &announced.to_ne_bytes(), &rest].concat();
        if let Ok(event) = decode(&bytes) {
            let bytes = encode(&event);
            prop_assert_eq!(decode(&bytes), Ok(event));
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let event = KernelEvent { time_ns: 1, pid: 2, tid: 3, body: Body::Close { fd: 4 } };
    let good = encode(&event);
    let with = |at: usize, value: u32| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        bytes
    };
    let data = encode(&KernelEvent {
        body: Body::Data(Data { fd: 4, direction: Direction::Read, entered_ns: 0, size: 0, bytes: b"" }),
        ..event
    });
    let mut sideways = data.clone();
    sideways[40] = 7;
    for (bytes, message) in [
        (&b""[..], "event of 0 bytes is shorter than 20"),
        (&good[..28], "event of 28 bytes is shorter than 32"),
        (&with(16, 99), "unknown kind of event 99"),
        (&with(20, 8), "event of kind 4 announces 8 further bytes and has 0"),
        (&sideways, "unknown direction 7"),
    ] {
        assert_eq!(std::format!("{}", decode(bytes).unwrap_err()), message);
    }
}

#[test]
fn a_stack_longer_than_programs_take_is_refused() {
    let frames = vec![0; (STACK_FRAMES + 1) * 8];
    let body = Body::Sample(Stack { frames: &frames });
    let bytes = encode(&KernelEvent { time_ns: 1, pid: 2, tid: 3, body });
    assert!(matches!(decode(&bytes), Err(DecodeError::Tail { kind: 10, .. })));
}
