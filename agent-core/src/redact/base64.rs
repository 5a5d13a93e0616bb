//! Secrets that are wrapped in base64 (RFC 4648 §4 and §5): what can be read in them is searched like any text.

/// Longest run that is read, bytes.
const MAX_BYTES: usize = 64 << 10;

/// Returns the bytes that a run stands for, with or without padding; `None` when it is not base64, or over 64 KiB.
pub(super) fn decoded(run: &str) -> Option<Vec<u8>> {
    let body = run.trim_end_matches('=');
    if body.len() % 4 == 1 || body.len() > MAX_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(body.len() / 4 * 3 + 2);
    let (mut bits, mut n_bits) = (0_u32, 0_u32);
    for byte in body.bytes() {
        bits = bits << 6 & 0xFFFF | u32::from(value(byte)?);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((bits >> n_bits & 0xFF) as u8);
        }
    }
    Some(bytes)
}

/// Returns the text that a run stands for, if it is one that people write.
pub(super) fn text_in(run: &str) -> Option<String> {
    let head = decoded(run.get(..16)?)?;
    // Most runs are not base64 of a text, and their beginning tells.
    head.iter()
        .all(|byte| (b' '..=b'~').contains(byte) || matches!(byte, b'\n' | b'\r' | b'\t') || *byte >= 0x80)
        .then_some(())?;
    let text = String::from_utf8(decoded(run)?).ok()?;
    let is_written = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_written).then_some(text)
}

fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 4648 §10.
    #[test]
    fn the_vectors_of_the_rfc_are_read() {
        for (run, want) in
            [("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(decoded(run).as_deref(), Some(want.as_bytes()), "{run}");
        }
        assert_eq!(decoded("Zm9vY"), None);
        assert_eq!(decoded("Zm9*"), None);
    }

    proptest! {
        #[test]
        fn any_run_is_read_or_refused(run in "[A-Za-z0-9+/=_-]{0,60}") {
            let n = run.trim_end_matches('=').len();
            if let Some(bytes) = decoded(&run) {
                prop_assert_eq!(bytes.len(), n * 6 / 8);
            }
        }
    }
}
