//! What passed over the network each second, and what did not get through.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use waggle_collectors_ebpf::event::Address;

use crate::{
    connections::{ConnectionId, Role, Wire},
    processes::Process,
};

/// Most connections that are counted apart within one second; what is beyond is not counted, and that is counted.
const MAX_TALLIES: usize = 65_536;

/// Most failed attempts of different kinds that are told apart within one second.
const MAX_FAILURES: usize = 4096;

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections opened or accepted.
    pub connections: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Segments sent again.
    pub retransmits: u64,
    /// Connections that were reset.
    pub resets: u64,
}

/// Whose traffic, and with whom.
#[derive(Clone, Debug)]
pub struct Party {
    /// The near end.
    pub process: Arc<Process>,
    /// Which end it is.
    pub role: Role,
    /// The far end's address.
    pub remote: Address,
    /// The port that is listened at, on whichever end that is; zero while unknown.
    pub port: u16,
    /// The connection's name, once it has one.
    pub wire: Option<Wire>,
}

/// What counts are kept apart by, until they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// A descriptor's life.
    Connection(ConnectionId),
    /// A socket of the kernel whose descriptor is gone or not known yet.
    Sock(u64),
    /// Attempts of a process to reach an address that never became a connection.
    Attempt(u32, Address),
}

/// The counts of one near end with one far end over one second.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whose traffic; one of the connections it was carried by.
    pub party: Party,
    /// Name of the service at the far end; empty when unknown.
    pub peer: String,
    /// How much.
    pub counts: Counts,
}

/// Attempts of one process to connect to one address that failed in one way within one second.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Who tried.
    pub process: Arc<Process>,
    /// Where to.
    pub remote: Address,
    /// `error.type`.
    pub reason: String,
    /// When it was tried first, in nanoseconds of the monotonic clock.
    pub first_ns: u64,
    /// How often.
    pub count: u64,
}

/// The counts of the second at hand.
#[derive(Debug, Default)]
pub struct Flows {
    tallies: HashMap<Carrier, Tally>,
    failures: BTreeMap<(u32, [u8; 16], u16, String), Failure>,
    uncounted: u64,
}

#[derive(Debug)]
struct Tally {
    party: Party,
    counts: Counts,
    was_held: bool,
}

impl Counts {
    /// Adds other counts.
    pub fn add(&mut self, other: Self) {
        self.connections += other.connections;
        self.connect_failures += other.connect_failures;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.retransmits += other.retransmits;
        self.resets += other.resets;
    }
}

impl Flows {
    /// Counts something.
    pub fn count(&mut self, carrier: Carrier, party: Party, counts: Counts) {
        if self.tallies.len() >= MAX_TALLIES && !self.tallies.contains_key(&carrier) {
            self.uncounted += 1;
            return;
        }
        let tally = self.tallies.entry(carrier).or_insert_with(|| Tally {
            party: party.clone(),
            counts: Counts::default(),
            was_held: false,
        });
        // What is learned about a connection later is better.
        tally.party = party;
        tally.counts.add(counts);
    }

    /// Notes an attempt to connect that failed.
    pub fn failed(&mut self, process: &Arc<Process>, remote: Address, reason: &str, time_ns: u64) {
        let key = (process.pid, remote.ip, remote.port, reason.to_owned());
        if self.failures.len() >= MAX_FAILURES && !self.failures.contains_key(&key) {
            self.uncounted += 1;
            return;
        }
        let failure = self.failures.entry(key).or_insert_with(|| Failure {
            process: Arc::clone(process),
            remote,
            reason: reason.to_owned(),
            first_ns: time_ns,
            count: 0,
        });
        failure.count += 1;
    }

    /// Takes the second's rows; `peer` names who is at the far end.
    ///
    /// A connection that was accepted just now and has no name yet waits for the next time, so that it is counted for the right peer.
    pub fn take(&mut self, peer: impl Fn(&Party) -> String) -> Vec<Row> {
        let mut rows: BTreeMap<(u32, Role, [u8; 16], u16, String), Row> = BTreeMap::new();
        for (carrier, mut tally) in std::mem::take(&mut self.tallies) {
            let party = &tally.party;
            let is_new = party.role == Role::Server && party.wire.is_none() && !tally.was_held;
            if is_new {
                tally.was_held = true;
                self.tallies.insert(carrier, tally);
                continue;
            }
            let service = peer(party);
            let key = (party.process.pid, party.role, party.remote.ip, party.port, service.clone());
            let row = rows.entry(key).or_insert_with(|| Row {
                party: party.clone(),
                peer: service,
                counts: Counts::default(),
            });
            row.counts.add(tally.counts);
        }
        rows.into_values().collect()
    }

    /// Takes the second's failures.
    pub fn take_failures(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.failures).into_values().collect()
    }

    /// Returns how often something was not counted for lack of room, since the start.
    pub fn uncounted(&self) -> u64 {
        self.uncounted
    }
}

/// Names an error number as `error.type`.
// Source: include/uapi/asm-generic/errno.h
pub fn reason(errno: u32) -> String {
    let known = match errno {
        13 => "permission_denied",
        98 => "address_in_use",
        99 => "address_not_available",
        101 => "network_unreachable",
        104 => "connection_reset",
        110 => "timed_out",
        111 => "connection_refused",
        113 => "host_unreachable",
        _ => return format!("errno_{errno}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use waggle_signals::Resource;

    use super::*;

    fn process(pid: u32) -> Arc<Process> {
        let resource = Resource::default();
        Arc::new(Process { pid, parent: 1, start_ticks: 0, network: 9, is_explicit: false, resource })
    }

    fn party(pid: u32, role: Role, wire: Option<Wire>) -> Party {
        Party { process: process(pid), role, remote: Address { ip: [1; 16], port: 80 }, port: 80, wire }
    }

    #[test]
    fn connections_to_one_peer_are_one_row() {
        let mut flows = Flows::default();
        let sent = Counts { bytes_sent: 10, ..Counts::default() };
        flows.count(Carrier::Connection(ConnectionId(1)), party(1, Role::Client, None), sent);
        flows.count(
            Carrier::Connection(ConnectionId(2)),
            party(1, Role::Client, None),
            Counts { retransmits: 1, ..sent },
        );
        let rows = flows.take(|_| "cart".into());
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].counts, Counts { bytes_sent: 20, retransmits: 1, ..Counts::default() });
        assert!(flows.take(|_| String::new()).is_empty());
    }

    #[test]
    fn an_accepted_connection_waits_a_second_for_its_name() {
        let mut flows = Flows::default();
        flows.count(
            Carrier::Connection(ConnectionId(1)),
            party(1, Role::Server, None),
            Counts { connections: 1, ..Counts::default() },
        );
        assert!(flows.take(|_| String::new()).is_empty());
        assert_eq!(flows.take(|_| String::new())[0].counts.connections, 1);
    }

    #[test]
    fn failures_of_one_kind_are_counted_together() {
        let mut flows = Flows::default();
        for time_ns in [5, 6] {
            flows.failed(&process(1), Address { ip: [1; 16], port: 80 }, &reason(111), time_ns);
        }
        let failures = flows.take_failures();
        assert_eq!(failures.len(), 1);
        assert_eq!(
            (failures[0].count, failures[0].first_ns, &*failures[0].reason),
            (2, 5, "connection_refused")
        );
    }
}
