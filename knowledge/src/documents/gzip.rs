//! Unpacking what is packed with gzip, as manual pages are: never more than is allowed.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use super::Reason;

/// Tells whether bytes begin as gzip does. RFC 1952 §2.3.1
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b, 0x08])
}

/// Unpacks; memory grows with what comes out, and stops at `limit` bytes.
///
/// # Errors
///
/// `TooLarge` when more would come out, `Broken` when it does not unpack.
pub fn unpacked(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Reason> {
    let limit = limit as u64;
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(limit + 1).read_to_end(&mut unpacked);
    let read = read.map_err(|error| Reason::Broken(format!("does not unpack: {error}")))?;
    let bytes = u64::try_from(read).unwrap_or(u64::MAX);
    if bytes > limit { Err(Reason::TooLarge { bytes, limit }) } else { Ok(unpacked) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = packed(&vec![b'a'; 4_000_000]);
        assert!(bomb.len() < 10_000);
        assert_eq!(unpacked(&bomb, 1_000), Err(Reason::TooLarge { bytes: 1_001, limit: 1_000 }));
        assert_eq!(unpacked(&packed(b"page"), 4).unwrap(), b"page");
    }

    #[test]
    fn half_a_file_is_broken() {
        let mut half = packed(b"a manual page");
        half.truncate(half.len() / 2);
        assert!(matches!(unpacked(&half, 1_000), Err(Reason::Broken(_))));
    }
}
