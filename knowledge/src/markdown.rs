//! Runbooks in a folder, found by their words.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use tokio::task;
use waggle_agent_core::{
    Error, Kind, Result,
    ports::{Knowledge, Passage, PassageQuery},
};

mod sections;
mod words;

use sections::{Section, sections};
use words::words;

/// Documents in a folder.
const MAX_DOCUMENTS: usize = 2_000;

/// Greatest document, bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Folders below the folder.
const MAX_DEPTH: usize = 16;

/// How often a word of a heading counts.
const HEADING_WEIGHT: u32 = 3;

/// How soon more of the same word says no more, and how much long passages are held back.
/// Usual values: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, section 3.2.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// The Markdown files of a folder and the folders in it, as they were when it was opened.
///
/// A document's id is its path in the folder. Passages are its sections, ranked by BM25 over the words of headings and text: English words and pairs of Chinese characters.
/// Files that are hidden, linked, over 1 MiB or not UTF-8 are left out, as is what comes after 2,000 documents; [`left_out`](Self::left_out) names them.
#[derive(Debug, Default)]
pub struct MarkdownFolder {
    documents: BTreeMap<String, String>,
    passages: Vec<Indexed>,
    /// In how many passages a word occurs.
    frequency: HashMap<String, u32>,
    /// Mean length of a passage in words.
    mean_words: f64,
    left_out: Vec<String>,
}

#[derive(Debug)]
struct Indexed {
    document: String,
    section: Section,
    counts: HashMap<String, u32>,
    n_words: u32,
}

impl MarkdownFolder {
    /// Reads the folder.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such folder, `Denied` when it may not be read.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let read = task::spawn_blocking(move || {
            let mut read = Self::default();
            read.add_folder(&folder, "", 0).map_err(|error| unreadable(&folder, error))?;
            read.weigh();
            Ok(read)
        });
        read.await.map_err(|error| Kind::Internal.because("read the runbooks", error))?
    }

    /// Returns the paths that were left out, each with the reason.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn add_folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> std::io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let id = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if name.starts_with('.') || kind.is_symlink() {
                continue;
            }
            if kind.is_dir() && depth < MAX_DEPTH {
                let added = self.add_folder(&entry.path(), &format!("{id}/"), depth + 1);
                added.unwrap_or_else(|error| self.left_out.push(format!("`{id}`: {error}")));
            }
            if kind.is_file() && name.ends_with(".md") {
                match document(&entry.path()) {
                    _ if self.documents.len() >= MAX_DOCUMENTS => {
                        self.left_out.push(format!("`{id}`: over {MAX_DOCUMENTS} documents"));
                    }
                    Ok(text) => self.add_document(id, text),
                    Err(reason) => self.left_out.push(format!("`{id}`: {reason}")),
                }
            }
        }
        Ok(())
    }

    fn add_document(&mut self, id: String, text: String) {
        for section in sections(&text) {
            let mut counts = HashMap::new();
            let heading = words(&section.heading).map(|word| (word, HEADING_WEIGHT));
            for (word, times) in heading.chain(words(&section.text).map(|word| (word, 1))) {
                *counts.entry(word).or_default() += times;
            }
            let n_words = counts.values().sum();
            self.passages.push(Indexed { document: id.clone(), section, counts, n_words });
        }
        self.documents.insert(id, text);
    }

    fn weigh(&mut self) {
        for word in self.passages.iter().flat_map(|passage| passage.counts.keys()) {
            *self.frequency.entry(word.clone()).or_default() += 1;
        }
        let n_words: f64 = self.passages.iter().map(|passage| f64::from(passage.n_words)).sum();
        self.mean_words = n_words / (self.passages.len().max(1) as f64);
    }

    fn score(&self, passage: &Indexed, query: &[String]) -> f64 {
        let length = f64::from(passage.n_words) / self.mean_words.max(1.0);
        let score_of = |word: &String| {
            let times = f64::from(*passage.counts.get(word)?);
            let with_word = f64::from(*self.frequency.get(word)?);
            // Never negative, also for words in most passages: as Lucene's `BM25Similarity`.
            let rarity = (1.0 + (self.passages.len() as f64 - with_word + 0.5) / (with_word + 0.5)).ln();
            Some(rarity * times * (K1 + 1.0) / (times + K1 * (1.0 - B + B * length)))
        };
        query.iter().filter_map(score_of).sum()
    }

    /// Tells whether a document is about a service: its path or its text names it.
    fn is_about(&self, document: &str, service: &str) -> bool {
        let service: Vec<_> = words(service).collect();
        let text = self.documents.get(document).map(String::as_str).unwrap_or_default();
        let names = |text: &str| {
            let words: Vec<_> = words(text).collect();
            words.windows(service.len().max(1)).any(|window| window == service)
        };
        names(document) || names(text)
    }
}

#[async_trait]
impl Knowledge for MarkdownFolder {
    async fn search(&self, query: &PassageQuery) -> Result<Vec<Passage>> {
        // Runbooks are about no library.
        if query.library.is_some() {
            return Ok(Vec::new());
        }
        let mut wanted: Vec<_> = words(&query.text).collect();
        wanted.sort();
        wanted.dedup();
        let scored = self.passages.iter().map(|passage| (self.score(passage, &wanted), passage));
        let mut found: Vec<_> = scored.filter(|(score, _)| *score > 0.0).collect();
        // Stable: equal passages stay in order of their documents.
        found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let mut about = HashMap::new();
        let is_wanted = |passage: &Indexed| match &query.service {
            Some(service) => {
                let document = passage.document.as_str();
                *about.entry(document.to_owned()).or_insert_with(|| self.is_about(document, service))
            }
            None => true,
        };
        let mut is_wanted = is_wanted;
        let wanted = found.into_iter().filter(|(_, passage)| is_wanted(passage)).take(query.limit);
        let told = wanted.map(|(score, passage)| Passage {
            id: passage.document.clone(),
            collection: String::new(),
            place: passage.document.clone(),
            heading: passage.section.heading.clone(),
            text: passage.section.text.clone(),
            score,
        });
        Ok(told.collect())
    }

    async fn read(&self, id: &str) -> Result<String> {
        let text = self.documents.get(id).cloned();
        text.ok_or_else(|| {
            let shown: String = id.chars().take(200).collect();
            Kind::NotFound.error(format!("unknown document `{shown}`")).with_hint("ids come from a search")
        })
    }
}

/// Reads one document, or says why not.
fn document(path: &Path) -> Result<String, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.len() > MAX_BYTES {
        return Err(format!("over {MAX_BYTES} bytes"));
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}

fn unreadable(folder: &Path, error: std::io::Error) -> Error {
    let kind =
        if error.kind() == std::io::ErrorKind::PermissionDenied { Kind::Denied } else { Kind::NotFound };
    kind.because(format!("read runbooks in `{}`", folder.display()), error)
        .with_hint("check the folder of runbooks in the configuration")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn folder(files: &[(&str, &[u8])]) -> (tempfile::TempDir, MarkdownFolder) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let read = MarkdownFolder::open(folder.path()).await.unwrap();
        (folder, read)
    }

    async fn headings(folder: &MarkdownFolder, text: &str, service: Option<&str>) -> Vec<String> {
        let query = PassageQuery {
            text: text.into(),
            service: service.map(str::to_owned),
            limit: 9,
            ..PassageQuery::default()
        };
        folder.search(&query).await.unwrap().into_iter().map(|passage| passage.heading).collect()
    }

    const SLOW: &[u8] = b"# Checkout\n\nTakes orders.\n\n## Slow orders\n\nLook at the connection pool of inventory first.\n\n## Errors\n\nRestart nothing.\n";
    const PAYMENT: &[u8] = "# Payment\n\n## 支付超时\n\n检查数据库连接池,再看网络延迟。\n\n## Certificates\n\nRenew the certificate with `certctl renew`.\n".as_bytes();

    #[tokio::test]
    async fn passages_are_found_in_english_and_in_chinese() {
        let (_files, folder) = folder(&[("checkout.md", SLOW), ("deep/payment.md", PAYMENT)]).await;
        let cases: [(&str, Option<&str>, &[&str]); 8] = [
            ("Why are orders slow?", None, &["Checkout › Slow orders", "Checkout"]),
            ("certificates", None, &["Payment › Certificates"]),
            ("connection pool exhausted", None, &["Checkout › Slow orders"]),
            ("为什么超时", None, &["Payment › 支付超时"]),
            ("数据库", None, &["Payment › 支付超时"]),
            ("nothing of the kind", Some("cart"), &[]),
            ("restart", Some("checkout"), &["Checkout › Errors"]),
            ("restart", Some("payment"), &[]),
        ];
        for (text, service, expected) in cases {
            assert_eq!(headings(&folder, text, service).await, expected, "{text}");
        }
        assert_eq!(headings(&folder, "", None).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_document_is_read_by_the_id_that_a_passage_names() {
        let (_files, folder) = folder(&[("deep/payment.md", PAYMENT)]).await;
        let query = PassageQuery { text: "renew".into(), limit: 1, ..PassageQuery::default() };
        let found = folder.search(&query).await.unwrap();
        assert_eq!(found[0].id, "deep/payment.md");
        assert_eq!(folder.read(&found[0].id).await.unwrap().as_bytes(), PAYMENT);
        for unknown in ["", "payment.md", "../payment.md", "/etc/passwd", "deep/../deep/payment.md"] {
            assert_eq!(folder.read(unknown).await.unwrap_err().kind(), Kind::NotFound, "{unknown}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_left_out_and_named() {
        let great = vec![b'a'; 1024 * 1024 + 1];
        let files: [(&str, &[u8]); 5] = [
            ("a.md", SLOW),
            ("b.md", b"\xff"),
            ("c.md", &great),
            ("d.txt", b"slow"),
            (".hidden.md", b"# slow\n\nslow"),
        ];
        let (_files, folder) = folder(&files).await;
        assert_eq!(folder.documents.keys().collect::<Vec<_>>(), ["a.md"]);
        assert_eq!(
            folder.left_out(),
            ["`b.md`: stream did not contain valid UTF-8", "`c.md`: over 1048576 bytes"]
        );
    }

    #[tokio::test]
    async fn a_link_out_of_the_folder_is_not_followed() {
        let (files, _) = folder(&[("a.md", SLOW)]).await;
        let (outside, _) = folder(&[("secret.md", SLOW)]).await;
        std::os::unix::fs::symlink(outside.path(), files.path().join("out")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.md"), files.path().join("b.md")).unwrap();
        let folder = MarkdownFolder::open(files.path()).await.unwrap();
        assert_eq!(folder.documents.keys().collect::<Vec<_>>(), ["a.md"]);
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_not_found() {
        let error = MarkdownFolder::open("/no/such/folder").await.unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert_eq!(error.to_string(), "read runbooks in `/no/such/folder`");
    }

    /// Worked by hand: two passages of 4 and 2 words (headings count three times), one word of the query in one of them.
    #[tokio::test]
    async fn scores_follow_the_formula() {
        let (_files, folder) = folder(&[("a.md", b"one two two four"), ("b.md", b"five six")]).await;
        let query = PassageQuery { text: "two".into(), limit: 9, ..PassageQuery::default() };
        let found = folder.search(&query).await.unwrap();
        let rarity = (1.0_f64 + (2.0 - 1.0 + 0.5) / 1.5).ln();
        let expected = rarity * 2.0 * 2.2 / (2.0 + 1.2 * (0.25 + 0.75 * 4.0 / 3.0));
        assert_eq!(found.len(), 1);
        assert!((found[0].score - expected).abs() < 1e-12, "{} is not {expected}", found[0].score);
    }
}
