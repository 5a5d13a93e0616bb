//! The text of the tables below `/proc/<pid>/net`.

use std::net::Ipv4Addr;

use waggle_collectors_ebpf::event::{Address, Ends};

/// `TCP_LISTEN` of `include/net/tcp_states.h`.
const LISTEN: u8 = 10;

/// One line of `/proc/<pid>/net/tcp` or `tcp6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketRow {
    /// Both ends; the remote one is all zero for a listening socket.
    pub ends: Ends,
    /// State, as in `include/net/tcp_states.h`.
    pub state: u8,
    /// Inode of the socket; zero when no process holds it any more.
    pub inode: u64,
}

impl SocketRow {
    /// Tells whether the socket waits for connections.
    pub fn is_listening(&self) -> bool {
        self.state == LISTEN
    }
}

/// Reads a table; lines that do not fit are passed over.
// Source: https://docs.kernel.org/networking/proc_net_tcp.html
pub(super) fn parse(table: &str) -> Vec<SocketRow> {
    table.lines().skip(1).filter_map(row).collect()
}

fn row(line: &str) -> Option<SocketRow> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = address(fields.next()?)?;
    let remote = address(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    // tx_queue:rx_queue, tr:tm->when, retrnsmt, uid and timeout stand between.
    let inode = fields.nth(5)?.parse().ok()?;
    Some(SocketRow { ends: Ends { local, remote }, state, inode })
}

/// Reads `0100007F:1F90`: words of four bytes in the machine's order, then the port.
fn address(text: &str) -> Option<Address> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = ip
        .as_bytes()
        .chunks(8)
        .map(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 8)?;
            Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
        })
        .collect::<Option<_>>()?;
    let ip = match words.as_slice() {
        [v4] => Ipv4Addr::from(*v4).to_ipv6_mapped().octets(),
        [_, _, _, _] => words.concat().try_into().ok()?,
        _ => return None,
    };
    Some(Address { ip, port })
}

/// Finds the host's own addresses in `fib_trie`: a line `|-- 10.0.0.2` followed by `/32 host LOCAL`.
pub(super) fn local_ipv4(fib_trie: &str) -> Vec<[u8; 16]> {
    let mut found = Vec::new();
    let mut last = None;
    for line in fib_trie.lines().map(str::trim) {
        if let Some(ip) = line.strip_prefix("|-- ") {
            last = ip.parse::<Ipv4Addr>().ok();
        }
        if line == "/32 host LOCAL"
            && let Some(ip) = last.filter(|ip| !ip.is_loopback())
        {
            found.push(ip.to_ipv6_mapped().octets());
        }
    }
    found
}

/// Finds the addresses in `if_inet6`: 32 hex digits at the start of each line.
pub(super) fn local_ipv6(if_inet6: &str) -> Vec<[u8; 16]> {
    let addresses = if_inet6.lines().filter_map(|line| {
        let digits = line.get(..32)?;
        Some(u128::from_str_radix(digits, 16).ok()?.to_be_bytes())
    });
    addresses.filter(|ip| !std::net::Ipv6Addr::from(*ip).is_loopback()).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1678 1 0000000063d57d9b 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 02:00000000 00000000  1000        0 20017 2 0000000000000000 20 4 30 10 -1
";

    fn shown(address: Address) -> String {
        let ip = Ipv6Addr::from(address.ip);
        let ip = ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4);
        format!("{ip} {}", address.port)
    }

    #[test]
    fn a_table_of_the_kernel_reads_back() {
        let rows = parse(TCP);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (shown(row.ends.local), shown(row.ends.remote), row.is_listening(), row.inode))
            .collect();
        assert_eq!(
            shown,
            [
                ("0.0.0.0 2024".into(), "0.0.0.0 0".into(), true, 1678),
                ("127.0.0.1 8080".into(), "127.0.0.1 54321".into(), false, 20017),
            ]
        );
    }

    #[test]
    fn ipv6_words_keep_their_order() {
        let loopback = address("00000000000000000000000001000000:0050").unwrap();
        assert_eq!(shown(loopback), "::1 80");
        let mapped = address("0000000000000000FFFF00000100007F:0050").unwrap();
        assert_eq!(shown(mapped), "127.0.0.1 80");
    }

    #[test]
    fn own_addresses_are_found_and_loopback_is_not_one() {
        let fib = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.0.2.0\n        /24 link UNICAST\n     |-- 192.0.2.2\n        /32 host LOCAL\n";
        let mapped = Ipv4Addr::new(192, 0, 2, 2).to_ipv6_mapped().octets();
        assert_eq!(local_ipv4(fib), [mapped]);
        let inet6 = "00000000000000000000000000000001 01 80 10 80       lo\nfd000000000000000000000000000002 04 40 00 82     eth0\n";
        assert_eq!(local_ipv6(inet6), ["fd00::2".parse::<Ipv6Addr>().unwrap().octets()]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(.|\n)*") {
            parse(&text);
            local_ipv4(&text);
            local_ipv6(&text);
            address(&text);
        }
    }
}
