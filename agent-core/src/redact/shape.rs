//! What a run of characters is made of, which tells a key that was drawn at random from a name that somebody thought of.

use std::{collections::HashSet, sync::LazyLock};

use regex::Regex;

/// What a run of ASCII is made of.
pub(super) struct Shape {
    pub lower: usize,
    pub upper: usize,
    pub digits: usize,
    /// Shannon's entropy of its characters, bits each (C. E. Shannon, A Mathematical Theory of Communication, 1948, §6).
    pub entropy: f64,
    /// Of neighbours that are letters or digits, the share that differ in kind.
    pub changes: f64,
    /// Longest run of one kind.
    pub longest: usize,
}

/// Words before a value that say that it is meant to be seen: ids, hashes, fingerprints.
static PUBLIC: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "sha-?(?:1|224|256|384|512)|md5|digest|checksum|etag|hash|fingerprint|integrity|commit|revision|(?:request|trace|span|correlation|object|session|block|transaction|message|event|job|x-amz|amz)[_-]?id(?:-2)?|cursor|nonce|ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-[a-z0-9-]+|public[ _-]?key|certificate";
    Regex::new(&format!(r#"(?i)(?:{words})(?:\\?["'])?\s*[:=(\-]?\s*(?:\\?["'])?\s*(?:[a-z0-9-]+[:-])?$"#))
        .ok()
});

/// Tells whether what stands before a value says that it is an id, a hash or a public key.
pub(super) fn names_what_is_public(before: &str) -> bool {
    const LOOKS_BACK: usize = 48;
    let start = before.ceil_char_boundary(before.len().saturating_sub(LOOKS_BACK));
    PUBLIC.as_ref().is_some_and(|public| public.is_match(&before[start..]))
}

impl Shape {
    /// Measures a run.
    pub fn of(text: &str) -> Self {
        let mut counts = [0_u32; 256];
        let mut shape = Self { lower: 0, upper: 0, digits: 0, entropy: 0.0, changes: 0.0, longest: 0 };
        let (mut last, mut pairs, mut changes, mut run) = (0, 0_u32, 0_u32, 0);
        for byte in text.bytes() {
            counts[usize::from(byte)] += 1;
            let kind = match byte {
                b'a'..=b'z' => 1,
                b'A'..=b'Z' => 2,
                b'0'..=b'9' => 3,
                _ => 0,
            };
            shape.lower += usize::from(kind == 1);
            shape.upper += usize::from(kind == 2);
            shape.digits += usize::from(kind == 3);
            if kind != 0 && last != 0 {
                pairs += 1;
                changes += u32::from(kind != last);
            }
            run = if kind != 0 && kind == last { run + 1 } else { 1 };
            shape.longest = shape.longest.max(run);
            last = kind;
        }
        // Texts are far shorter than what a double counts exactly.
        let n = text.len().max(1) as f64;
        shape.entropy =
            counts.iter().filter(|n| **n > 0).map(|count| f64::from(*count) / n).map(|p| -p * p.log2()).sum();
        shape.changes = f64::from(changes) / f64::from(pairs.max(1));
        shape
    }

    /// How many of lower case, upper case and digits occur.
    pub fn kinds(&self) -> usize {
        [self.lower, self.upper, self.digits].into_iter().filter(|n| *n > 0).count()
    }
}

/// Tells whether a text is made of a handful of characters over and over, as what stands for a secret is: `xxxx`, `****`.
pub(super) fn is_filler(text: &str) -> bool {
    let different: HashSet<char> = text.chars().collect();
    different.len() <= 1 || different.iter().all(|c| "*•.xX-_#".contains(*c))
}
