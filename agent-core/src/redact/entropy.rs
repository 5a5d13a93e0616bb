//! Secrets that nothing names: runs that were drawn at random.
//!
//! A run of 20 to 512 of the characters of base64 or base64url is taken when it has some lower case, upper case and digits, when its
//! entropy is that of a random draw of its length, and when its kinds of characters change as often as those of one. So hashes,
//! commit ids, trace ids and UUIDs (no upper case), names in camel case (few changes), and numbers are not taken; nor is what is
//! said to be a hash, an id, a fingerprint, or a public key or certificate.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{
    rule::Spot,
    shape::{Shape, names_what_is_public},
};

const LENGTHS: Range<usize> = 20..513;

/// Of the entropy of as many different characters, what a run must have; a random run of 20 has 0.94 of it on average, and
/// `HttpServerRequestHandler2` 0.84.
const ENTROPY_SHARE: f64 = 0.8;

/// A base has so many characters: a longer run cannot have more entropy.
const MOST_DIFFERENT: f64 = 48.0;

/// Neighbours drawn from 26 + 26 + 10 characters differ in kind with probability 0.62; names in camel case stay under 0.35.
const LEAST_CHANGES: f64 = 0.42;

/// A random run hardly has ten letters of one case after another.
const LONGEST_OF_ONE_KIND: usize = 9;

static PUBLIC_BLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let kinds = "(?:[A-Z0-9 ]*CERTIFICATE(?: REQUEST)?|[A-Z0-9 ]*PUBLIC KEY(?: BLOCK)?|X509 CRL|PGP SIGNATURE|PGP MESSAGE)";
    Regex::new(&format!(r"-----BEGIN {kinds}-----[\s\S]*?(?:-----END|\z)")).ok()
});

/// Adds runs that were drawn at random.
pub(super) fn find(text: &str, found: &mut Vec<Spot<'_>>) {
    let mut public: Option<Vec<Range<usize>>> = None;
    for run in runs(text).flat_map(|run| pieces(text, run)) {
        let word = &text[run.clone()];
        if !is_random(word) || names_what_is_public(&text[..run.start]) {
            continue;
        }
        let public = public.get_or_insert_with(|| public_blocks(text));
        if !public.iter().any(|block| block.contains(&run.start)) {
            found.push(Spot { rule: "high_entropy", kind: "secret", range: run });
        }
    }
}

/// Tells whether a run looks drawn at random.
pub(super) fn is_random(word: &str) -> bool {
    let body = word.trim_end_matches('=');
    let shape = Shape::of(body);
    let expected = (body.len() as f64).min(MOST_DIFFERENT).log2();
    LENGTHS.contains(&word.len())
        && shape.lower >= 3
        && shape.upper >= 3
        && shape.digits >= 2
        && shape.longest <= LONGEST_OF_ONE_KIND
        && shape.changes >= LEAST_CHANGES
        && shape.entropy >= ENTROPY_SHARE * expected
        // Mangled names of C++ and Rust, and the keys of SSH that are shown to everybody.
        && !["_ZN", "_R", "_Z", "AAAA"].iter().any(|start| word.starts_with(start))
}

/// Returns the runs of base64 and base64url that are long enough, in order.
pub(super) fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-');
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + bytes.get(at..)?.iter().position(|byte| is_in(*byte))?;
            let len = bytes[start..].iter().position(|byte| !is_in(*byte)).unwrap_or(bytes.len() - start);
            let padding = bytes[start + len..].iter().take(2).take_while(|byte| **byte == b'=').count();
            at = start + len + padding;
            if len >= LENGTHS.start {
                return Some(start..at);
            }
        }
    })
}

/// Returns a run as a whole, or, since paths and addresses have slashes, too, the parts of it that are long enough themselves.
fn pieces(text: &str, run: Range<usize>) -> Vec<Range<usize>> {
    let word = &text[run.clone()];
    // Base64 has dashes or slashes, never both.
    if !word.contains('/') || (is_random(word) && !word.contains(['-', '_'])) {
        return vec![run];
    }
    let mut parts = Vec::new();
    let mut start = run.start;
    for part in word.split('/') {
        parts.push(start..start + part.len());
        start += part.len() + 1;
    }
    parts
}

fn public_blocks(text: &str) -> Vec<Range<usize>> {
    let Some(block) = PUBLIC_BLOCK.as_ref().filter(|_| text.contains("-----BEGIN ")) else {
        return Vec::new();
    };
    block.find_iter(text).map(|found| found.range()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, want: bool) {
        assert_eq!(is_random(word), want, "{word}");
    }

    #[test]
    fn what_was_drawn_is_told_from_what_was_thought_of() {
        check("q7XbR2mKp9TzW4cLd8Vh", true);
        check("Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA", true);
        check("wJalrXUtnFEMI/K7MDENG/bPxRfiCY4q9ZkT0a1B", true);
        for name in [
            "9f3c1e2ab04d77aa1122334455667788aabbccdd",
            "3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "HttpServerRequestHandler2Factory",
            "checkout-7d9f8b6c5d-x2v9q",
            "/usr/lib64/python3/Dist-Packages/Foo1",
            "2026-03-01T14-05-00Z-Backup-Full",
            "_ZN4core3ptr85drop_in_place17h0123456789abcdefE",
            "XMLHttpRequestUpload2ndAttempt",
        ] {
            check(name, false);
        }
    }

    #[test]
    fn most_random_keys_are_taken() {
        // A plain linear congruential generator (Knuth's MMIX), so that the test says the same each time.
        let mut state = 7_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap()
        };
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        for (len, least) in [(20, 80), (24, 85), (32, 90), (40, 90), (64, 90), (128, 80)] {
            let taken = (0..100).filter(|_| {
                is_random(&(0..len).map(|_| char::from(letters[draw() % 62])).collect::<String>())
            });
            let n = taken.count();
            assert!(n >= least, "{n} of 100 with {len} characters");
        }
    }
}
