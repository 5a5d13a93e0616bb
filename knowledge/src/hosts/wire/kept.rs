//! Answers that are still right when the host says so: what was asked before in an incident costs no quota again.
//!
//! GitHub does not count questions that it answers with "not modified":
//! <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate>.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue, header};
use reqwest::Url;

use super::Answer;

/// Answers at a time.
const MAX_ANSWERS: usize = 256;

/// Bytes of answers at a time.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The answers that were used last.
#[derive(Debug, Default)]
pub struct Kept {
    answers: HashMap<String, Entry>,
    bytes: usize,
    /// Counts uses.
    now: u64,
}

#[derive(Debug)]
struct Entry {
    known: Known,
    used: u64,
}

/// An answer, and the tag by which the host knows it.
#[derive(Clone, Debug)]
pub struct Known {
    /// For `If-None-Match`.
    pub tag: HeaderValue,
    /// As it was.
    pub answer: Answer,
}

/// Returns what tells questions apart: the address and the form that is asked for.
pub fn key(url: &Url, headers: &HeaderMap) -> String {
    let form = headers.get(header::ACCEPT).and_then(|form| form.to_str().ok());
    format!("{} {url}", form.unwrap_or_default())
}

impl Kept {
    /// Returns what was answered before.
    pub fn find(&mut self, key: &str) -> Option<Known> {
        self.now += 1;
        let entry = self.answers.get_mut(key)?;
        entry.used = self.now;
        Some(entry.known.clone())
    }

    /// Keeps an answer and drops those that were not used for longest, when there is no room. One over a quarter of all room is not kept.
    pub fn keep(&mut self, key: String, tag: HeaderValue, answer: Answer) {
        self.drop(&key);
        let bytes = answer.body.len();
        if bytes > MAX_BYTES / 4 {
            return;
        }
        while self.answers.len() >= MAX_ANSWERS || self.bytes + bytes > MAX_BYTES {
            let oldest = self.answers.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            self.drop(&oldest);
        }
        self.now += 1;
        self.bytes += bytes;
        self.answers.insert(key, Entry { known: Known { tag, answer }, used: self.now });
    }

    fn drop(&mut self, key: &str) {
        if let Some(entry) = self.answers.remove(key) {
            self.bytes = self.bytes.saturating_sub(entry.known.answer.body.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn keep(kept: &mut Kept, key: &str, n_bytes: usize) {
        let answer =
            Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: vec![b' '; n_bytes].into() };
        kept.keep(key.to_owned(), HeaderValue::from_static("\"tag\""), answer);
    }

    #[test]
    fn what_was_not_used_for_longest_is_dropped_first() {
        let mut kept = Kept::default();
        (0..MAX_ANSWERS).for_each(|n| keep(&mut kept, &n.to_string(), 1));
        assert!(kept.find("0").is_some());
        keep(&mut kept, "one more", 1);
        assert!(kept.find("1").is_none(), "it was used before all others");
        assert!(kept.find("0").is_some() && kept.find("one more").is_some());
        assert_eq!(kept.answers.len(), MAX_ANSWERS);
    }

    #[test]
    fn bytes_are_bounded_and_counted_once() {
        let mut kept = Kept::default();
        for n in 0..100 {
            keep(&mut kept, &format!("{}", n % 50), 2 * 1024 * 1024);
            assert!(kept.bytes <= MAX_BYTES);
            assert_eq!(kept.bytes, kept.answers.len() * 2 * 1024 * 1024);
        }
        keep(&mut kept, "huge", MAX_BYTES / 4 + 1);
        assert!(kept.find("huge").is_none());
    }
}
