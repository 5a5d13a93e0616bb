//! The write-ahead log's bytes: how records are framed, and what is left of them after a crash.
//!
//! A file is a header and then records; a record is a mark, a length, a checksum and the payload.
//! The mark is not valid UTF-8, so no text inside a payload can pass for the start of a record.

use std::ops::Range;

use waggle_signals::Batch;

/// First bytes of every log file; the last one is the version of the record format.
pub const HEADER: [u8; 8] = *b"WAGGLE\x00\x01";

/// Longest payload: what one append may bring.
pub const MAX_PAYLOAD: usize = 64 << 20;

const MARK: [u8; 4] = [0xD7, b'W', b'G', 0xFF];
const FRAME: usize = MARK.len() + 4 + 4;

/// Writes `batch` as one framed record.
///
/// # Errors
///
/// A sentence when it is longer than [`MAX_PAYLOAD`].
pub fn record(batch: &Batch) -> Result<Vec<u8>, String> {
    let bytes =
        postcard::to_extend(batch, vec![0; FRAME]).map_err(|error| format!("does not encode: {error}"))?;
    let (length, max) = (bytes.len() - FRAME, MAX_PAYLOAD);
    if length > max {
        return Err(format!("{length} bytes exceed {max}"));
    }
    Ok(framed(bytes, length))
}

fn framed(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    // `MAX_PAYLOAD` fits in 32 bits.
    let length = (length as u32).to_le_bytes();
    let sum = checksum(length, &bytes[FRAME..]).to_le_bytes();
    bytes[..4].copy_from_slice(&MARK);
    bytes[4..8].copy_from_slice(&length);
    bytes[8..12].copy_from_slice(&sum);
    bytes
}

/// Sums the length with the payload: a zeroed block must not pass for a record of length zero.
fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

/// What a log file holds.
#[derive(Debug, Default, PartialEq)]
pub struct Contents {
    /// The batches, oldest first.
    pub batches: Vec<Batch>,
    /// Bytes after the last good record: an append that a crash cut short, and nobody was told it was kept.
    pub torn_bytes: usize,
    /// Bytes before the last good record that do not read: something has changed the file since.
    pub damaged_bytes: usize,
}

/// Reads a log file. Never fails: every record that is whole is kept, wherever the others broke.
pub fn contents(file: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let body = match file.strip_prefix(&HEADER) {
        Some(body) => body,
        // A crash while the file was made: nothing was in it yet.
        None if file.len() < HEADER.len() => return Contents { torn_bytes: file.len(), ..contents },
        None => {
            contents.damaged_bytes = HEADER.len();
            &file[HEADER.len()..]
        }
    };
    let mut at = 0;
    while at < body.len() {
        if let Some((batch, end)) = record_at(body, at) {
            contents.batches.push(batch);
            at = end;
            continue;
        }
        match next_record(body, at + 1) {
            Some(next) => {
                contents.damaged_bytes += next - at;
                at = next;
            }
            None => {
                contents.torn_bytes = body.len() - at;
                break;
            }
        }
    }
    contents
}

fn record_at(body: &[u8], at: usize) -> Option<(Batch, usize)> {
    let payload = payload_at(body, at)?;
    let batch = postcard::from_bytes(&body[payload.clone()]).ok()?;
    Some((batch, payload.end))
}

fn next_record(body: &[u8], from: usize) -> Option<usize> {
    let mut from = from;
    while let Some(offset) = body.get(from..)?.windows(MARK.len()).position(|window| window == MARK) {
        let at = from + offset;
        if record_at(body, at).is_some() {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn payload_at(body: &[u8], at: usize) -> Option<Range<usize>> {
    let frame = body.get(at..at + FRAME)?;
    let number = |from: usize| Some(u32::from_le_bytes(frame.get(from..from + 4)?.try_into().ok()?));
    let (length, sum) = (number(4)?, number(8)?);
    let start = at + FRAME;
    let payload = body.get(start..start.checked_add(length as usize)?)?;
    let is_record = frame.starts_with(&MARK) && checksum(length.to_le_bytes(), payload) == sum;
    is_record.then_some(start..start + payload.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waggle_signals::{Attributes, Event, ResourceId, Timestamp};

    use super::*;

    fn batch(number: u32) -> Batch {
        let event = Event {
            resource: ResourceId(number),
            time: Timestamp::from_secs(i64::from(number)),
            name: format!("event {number}"),
            body: "x".repeat(number as usize % 50),
            attributes: Attributes::from([("key".to_owned(), number.to_string())]),
        };
        Batch { events: vec![event], ..Batch::default() }
    }

    fn file(n: u32) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = HEADER.to_vec();
        let mut ends = vec![];
        for number in 0..n {
            bytes.extend(record(&batch(number)).unwrap());
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    #[test]
    fn what_was_written_reads_back() {
        let (bytes, _) = file(3);
        let expected = Contents { batches: (0..3).map(batch).collect(), ..Contents::default() };
        assert_eq!(contents(&bytes), expected);
    }

    #[test]
    fn a_file_cut_anywhere_gives_the_records_before_the_cut() {
        let (bytes, ends) = file(4);
        for cut in 0..=bytes.len() {
            let found = contents(&bytes[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(found.batches, (0..whole as u32).map(batch).collect::<Vec<_>>(), "cut at {cut}");
            assert_eq!(found.damaged_bytes, 0, "a cut is not damage");
        }
    }

    #[test]
    fn a_tail_of_zeros_is_torn_and_not_a_record() {
        let (mut bytes, _) = file(2);
        bytes.extend([0; 4096]);
        let found = contents(&bytes);
        assert_eq!((found.batches.len(), found.torn_bytes, found.damaged_bytes), (2, 4096, 0));
    }

    #[test]
    fn records_after_damage_are_found_again() {
        let (mut bytes, ends) = file(5);
        bytes[ends[1] + FRAME + 3] ^= 0x40;
        let found = contents(&bytes);
        assert_eq!(found.batches, [0, 1, 3, 4].map(batch));
        assert_eq!(found.damaged_bytes, ends[2] - ends[1]);
    }

    #[test]
    fn the_encoding_of_a_batch_has_not_changed() {
        // Postcard writes fields in order without names: when this fails, a field was added to a signal,
        // and the last byte of `HEADER` and `FORMAT` have to change with it.
        let sum = crc32fast::hash(&record(&waggle_batch()).unwrap());
        assert_eq!(format!("{sum:08x}"), "74794875");
    }

    fn waggle_batch() -> Batch {
        crate::testing::one_of_each()
    }

    proptest! {
        #[test]
        fn any_bytes_give_contents(bytes in proptest::collection::vec(any::<u8>(), 0..2000), headed in any::<bool>()) {
            let file = if headed { [&HEADER[..], &bytes].concat() } else { bytes };
            let found = contents(&file);
            prop_assert!(found.batches.is_empty());
        }

        #[test]
        fn a_changed_byte_loses_one_record_at_most(n in 1..6_u32, at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
            let (mut bytes, ends) = file(n);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let found = contents(&bytes);
            let hit = ends.iter().position(|end| at < *end).unwrap() as u32;
            let in_header = at < HEADER.len();
            let expected: Vec<_> = (0..n).filter(|number| in_header || *number != hit).map(batch).collect();
            prop_assert_eq!(found.batches, expected);
            prop_assert!(found.damaged_bytes + found.torn_bytes > 0);
        }
    }
}
