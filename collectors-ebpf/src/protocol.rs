//! Which first bytes make a connection worth following.

/// How many first bytes [`is_known`] looks at.
pub const PREFIX_BYTES: usize = 8;

/// How messages of known protocols begin, at most [`PREFIX_BYTES`] long.
///
/// HTTP/1: a method token and a space, or the version that begins a response (RFC 9112 §3 and §4; methods of RFC 9110 §9 and RFC 5789).
/// A further protocol is a further line, as long as its messages are told by how they begin.
const BEGINNINGS: [&[u8]; 8] =
    [b"GET ", b"POST ", b"PUT ", b"DELETE ", b"HEAD ", b"PATCH ", b"OPTIONS ", b"HTTP/1."];

/// Tells whether a message that begins with these bytes speaks a protocol that Waggle follows.
///
/// Runs in the kernel for each call on a socket that is not followed yet, hence eight bytes as one number.
#[inline(always)]
pub fn is_known(prefix: [u8; PREFIX_BYTES]) -> bool {
    let prefix = u64::from_le_bytes(prefix);
    let mut at = 0;
    while at < BEGINNINGS.len() {
        let (mask, wanted) = PATTERNS[at];
        if prefix & mask == wanted {
            return true;
        }
        at += 1;
    }
    false
}

/// [`BEGINNINGS`] as numbers: which bits to look at, and what they must be.
const PATTERNS: [(u64, u64); BEGINNINGS.len()] = {
    let mut patterns = [(0, 0); BEGINNINGS.len()];
    let mut at = 0;
    while at < BEGINNINGS.len() {
        patterns[at] = pattern(BEGINNINGS[at]);
        at += 1;
    }
    patterns
};

const fn pattern(beginning: &[u8]) -> (u64, u64) {
    assert!(!beginning.is_empty() && beginning.len() <= PREFIX_BYTES);
    let (mut mask, mut wanted) = ([0; PREFIX_BYTES], [0; PREFIX_BYTES]);
    let mut at = 0;
    while at < beginning.len() {
        mask[at] = 0xff;
        wanted[at] = beginning[at];
        at += 1;
    }
    (u64::from_le_bytes(mask), u64::from_le_bytes(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], known: bool) {
        let mut prefix = [0; PREFIX_BYTES];
        let n = bytes.len().min(PREFIX_BYTES);
        prefix[..n].copy_from_slice(&bytes[..n]);
        assert_eq!(is_known(prefix), known, "{bytes:?}");
    }

    #[test]
    fn messages_of_http_1_are_known_by_how_they_begin() {
        for head in [
            "GET / HTTP/1.1\r\n",
            "POST /orders HTTP/1.1\r\n",
            "PUT /x HTTP/1.0\r\n",
            "DELETE /x HTTP/1.1\r\n",
            "HEAD / HTTP/1.1\r\n",
            "PATCH / HTTP/1.1\r\n",
            "OPTIONS * HTTP/1.1\r\n",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 404 Not Found\r\n",
        ] {
            check(head.as_bytes(), true);
        }
    }

    #[test]
    fn other_bytes_are_not() {
        for other in [
            &b""[..],
            b"GET",
            b"GETALL x",
            b"get / HTTP/1.1",
            b" GET / HTTP/1.1",
            b"HTTP/2.0 200",
            b"OPTIONS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01",
            b"PRI * HTTP/2.0\r\n",
            b"*1\r\n$4\r\nPING\r\n",
        ] {
            check(other, false);
        }
    }
}
