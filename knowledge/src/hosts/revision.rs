//! What may be asked of a host as a revision.

use std::fmt;

use waggle_agent_core::{Error, Kind, Result};

/// Longest revision, bytes. As for local repositories: a branch cannot be longer than the name of a file.
const MAX_BYTES: usize = 250;

/// A commit id, the beginning of one, a branch or a tag; no range, path, search or step back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    /// Checks a revision.
    ///
    /// # Errors
    ///
    /// `Invalid` for what cannot be the name of a branch: <https://git-scm.com/docs/git-check-ref-format>.
    pub fn new(revision: &str) -> Result<Self> {
        let is_plain =
            |letter: char| !letter.is_control() && !letter.is_whitespace() && !"~^:?*[]\\{}".contains(letter);
        let is_part = |part: &str| !part.is_empty() && !part.starts_with('.');
        let is_name = revision.len() <= MAX_BYTES
            && !revision.starts_with('-')
            && !revision.contains("..")
            && revision.split('/').all(is_part)
            && revision.chars().all(is_plain);
        if is_name { Ok(Self(revision.to_owned())) } else { Err(invalid(revision)) }
    }

    /// Returns it as one part of a path or a query of a URL.
    pub fn encoded(&self) -> String {
        encoded(&self.0)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Percent-encodes all but what RFC 3986 §2.3 calls unreserved.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn invalid(revision: &str) -> Error {
    let shown: String = revision.chars().take(40).collect();
    Kind::Invalid
        .error(format!("`{}` is not a revision that a host can be asked for", shown.escape_debug()))
        .with_hint("give a commit id, a branch or a tag")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_commits_pass_and_everything_else_does_not() {
        for (revision, encoded) in [
            ("9f3c1e2", "9f3c1e2"),
            ("main", "main"),
            ("feature/slow-loop", "feature%2Fslow-loop"),
            ("v1.2.3+build", "v1.2.3%2Bbuild"),
            ("修复", "%E4%BF%AE%E5%A4%8D"),
        ] {
            assert_eq!(Revision::new(revision).unwrap().encoded(), encoded);
        }
        let long = "a".repeat(MAX_BYTES + 1);
        for wrong in
            ["", " ", "-x", "a..b", "a/../b", "./a", "/a", "a/", "a//b", "HEAD~2", "a^", "a:b", "a\nb", &long]
        {
            assert_eq!(Revision::new(wrong).unwrap_err().kind(), Kind::Invalid, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_revision_never_leaves_its_part_of_a_url(text in any::<String>()) {
            if let Ok(revision) = Revision::new(&text) {
                let url = format!("https://git.example/commits/{}", revision.encoded());
                let url = reqwest::Url::parse(&url).unwrap();
                prop_assert_eq!(url.path_segments().unwrap().count(), 2);
                prop_assert!(url.query().is_none() && url.fragment().is_none());
            }
        }
    }
}
