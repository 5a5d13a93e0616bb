//! What every [`Changes`] does, wherever the history is read from.

use waggle_signals::Timestamp;

use crate::{
    Kind, Result,
    ports::{Changes, Commit, CommitDiff, CommitQuery, FileDiff, Hunk, OwnerQuery},
};

/// One commit of the history that the suite asks about.
#[derive(Clone, Debug)]
pub struct SampleCommit {
    /// Author's name.
    pub author: &'static str,
    /// Author's e-mail.
    pub email: &'static str,
    /// When it was authored and committed, seconds since the Unix epoch.
    pub at_secs: i64,
    /// First line of the message.
    pub summary: &'static str,
    /// The rest of the message.
    pub body: &'static str,
    /// Files written, with their bytes; `None` removes one.
    pub files: Vec<(&'static str, Option<&'static [u8]>)>,
    /// What its diff is against the commit before.
    pub changed: Vec<FileDiff>,
}

/// Returns a line of history, oldest first. Whoever runs the suite makes a repository of it.
pub fn sample() -> Vec<SampleCommit> {
    vec![begin(), scan_all_skus(), move_readme(), remove_logo()]
}

/// Checks that `changes` tells the history of [`sample`] as it was: `ids` are the commits' full ids, oldest first.
///
/// # Panics
///
/// When it does not.
pub async fn conformance(changes: &dyn Changes, repository: &str, ids: &[String]) {
    let suite = Suite { changes, repository, ids };
    suite.commits_come_newest_first().await;
    suite.diffs_are_what_was_changed().await;
    suite.owners_come_with_their_rule().await;
    suite.what_is_unknown_is_an_error().await;
}

struct Suite<'a> {
    changes: &'a dyn Changes,
    repository: &'a str,
    ids: &'a [String],
}

impl Suite<'_> {
    async fn commits_come_newest_first(&self) {
        let mut all: Vec<_> = sample().iter().zip(self.ids).map(|(commit, id)| commit.commit(id)).collect();
        all.reverse();
        let last = self.ids[3].as_str();
        assert_eq!(self.commits(last, None, 99).await.unwrap(), all);
        assert_eq!(self.commits(&last[..12], None, 99).await.unwrap(), all, "a unique beginning of an id");
        assert_eq!(self.commits(last, None, 2).await.unwrap(), all[..2], "at most so many");
        assert_eq!(self.commits(last, None, 0).await.unwrap(), []);
        assert_eq!(self.commits(&self.ids[1], None, 99).await.unwrap(), all[2..]);
        assert_eq!(self.commits(last, Some(&self.ids[0]), 99).await.unwrap(), all[..3], "`from` is outside");
        assert_eq!(self.commits(last, Some(&self.ids[2][..12]), 99).await.unwrap(), all[..1]);
        assert_eq!(self.commits(last, Some(last), 99).await.unwrap(), []);
        assert_eq!(self.commits(&self.ids[0], Some(last), 99).await.unwrap(), []);
    }

    async fn diffs_are_what_was_changed(&self) {
        for (commit, id) in sample().iter().zip(self.ids) {
            for revision in [id.as_str(), &id[..12]] {
                let mut diff = self.changes.diff(self.repository, revision).await.unwrap();
                // The enclosing function is told as far as it can be.
                diff.files.iter_mut().flat_map(|file| &mut file.hunks).for_each(|hunk| hunk.context.clear());
                assert_eq!(diff, commit.diff(id), "`{revision}`");
            }
        }
    }

    async fn owners_come_with_their_rule(&self) {
        let shop = [("@acme/shop", "@acme/shop")];
        let inventory = [("@li.na", "@li.na"), ("wang.wei@shop.example", "wang.wei@shop.example")];
        let cases: [(&[&str], _); 5] = [
            (&["README.md"], shop.to_vec()),
            (&["inventory/src/reserve.rs"], inventory.to_vec()),
            (&["inventory/generated/api.rs"], Vec::new()),
            (&["inventory/a.rs", "inventory/b.rs", "README.md"], [&inventory[..], &shop].concat()),
            (&[], Vec::new()),
        ];
        for (paths, expected) in cases {
            let owners = self.owners(&self.ids[3], paths).await.unwrap();
            let named: Vec<_> =
                owners.iter().map(|owner| (owner.name.as_str(), owner.contact.as_str())).collect();
            assert_eq!(named, expected, "{paths:?}");
            assert!(owners.iter().all(|owner| !owner.rule.is_empty()), "{owners:?}");
        }
    }

    async fn what_is_unknown_is_an_error(&self) {
        let last = self.ids[3].as_str();
        for unknown in ["f".repeat(40), "deadbeef".into(), "no-such-branch".into()] {
            assert_eq!(kind(self.commits(&unknown, None, 9).await), Kind::NotFound, "{unknown}");
            assert_eq!(kind(self.commits(last, Some(&unknown), 9).await), Kind::NotFound, "{unknown}");
            assert_eq!(kind(self.changes.diff(self.repository, &unknown).await), Kind::NotFound, "{unknown}");
            assert_eq!(kind(self.owners(&unknown, &["a"]).await), Kind::NotFound, "{unknown}");
        }
        let long = "a".repeat(100_000);
        for hostile in
            ["", " ", "-", "--output=x", "../..", "/etc/passwd", "a\0b", "\n", "é", "^", "..", "*", &long]
        {
            let error = kind(self.changes.diff(self.repository, hostile).await);
            assert!(matches!(error, Kind::NotFound | Kind::Invalid), "{hostile:?} is {error:?}");
        }
        for elsewhere in ["", "/", "/no/such/repository", "https://git.example/no/such", "a\0b", &long] {
            let query = CommitQuery { repository: elsewhere.into(), to: last.into(), from: None, limit: 9 };
            let error = kind(self.changes.commits(&query).await);
            assert!(
                matches!(error, Kind::NotFound | Kind::Denied | Kind::Invalid),
                "{elsewhere:?} is {error:?}"
            );
        }
    }

    async fn commits(&self, to: &str, from: Option<&str>, limit: usize) -> Result<Vec<Commit>> {
        let (repository, from) = (self.repository.to_owned(), from.map(str::to_owned));
        self.changes.commits(&CommitQuery { repository, to: to.into(), from, limit }).await
    }

    async fn owners(&self, revision: &str, paths: &[&str]) -> Result<Vec<crate::finding::Owner>> {
        let paths = paths.iter().map(|&path| path.into()).collect();
        let query = OwnerQuery { repository: self.repository.into(), revision: revision.into(), paths };
        self.changes.owners(&query).await
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> Kind {
    result.unwrap_err().kind()
}

impl SampleCommit {
    /// Returns it as a port tells it, under the id it was given.
    pub fn commit(&self, id: &str) -> Commit {
        Commit {
            id: id.into(),
            author: self.author.into(),
            email: self.email.into(),
            at: Timestamp::from_secs(self.at_secs),
            summary: self.summary.into(),
            body: self.body.into(),
        }
    }

    /// Returns its diff as a port tells it, without enclosing functions.
    pub fn diff(&self, id: &str) -> CommitDiff {
        CommitDiff { commit: self.commit(id), files: self.changed.clone() }
    }
}

const CODEOWNERS: &[u8] = b"# Who answers for what.
* @acme/shop
/inventory/ @li.na wang.wei@shop.example
/inventory/generated/
";

const RESERVE: &[u8] = b"//! Reservations.

pub struct Shelf {
    skus: Vec<Sku>,
}

impl Shelf {
    pub fn reserve(&mut self, order: &Order) -> bool {
        let sku = self.index.find(order.sku);
        sku.take(order.count)
    }
}
";

const RESERVE_SLOWLY: &[u8] = b"//! Reservations.

pub struct Shelf {
    skus: Vec<Sku>,
}

impl Shelf {
    pub fn reserve(&mut self, order: &Order) -> bool {
        let sku = self.skus.iter_mut().find(|sku| sku.matches(order));
        sku.take(order.count)
    }
}
";

const README: &[u8] = "# Shop\n\nA shop 商店.\nNo newline at the end".as_bytes();

fn begin() -> SampleCommit {
    SampleCommit {
        author: "Li Na",
        email: "li.na@shop.example",
        at_secs: 1_772_370_000,
        summary: "Begin",
        body: "",
        files: vec![
            ("CODEOWNERS", Some(CODEOWNERS)),
            ("README.md", Some(README)),
            ("inventory/src/reserve.rs", Some(RESERVE)),
            ("logo.png", Some(b"\x89PNG\0\0 logo")),
            ("empty.txt", Some(b"")),
        ],
        changed: vec![
            added("CODEOWNERS", CODEOWNERS),
            added("README.md", README),
            FileDiff { path: "empty.txt".into(), added: 0, removed: 0, hunks: Vec::new() },
            added("inventory/src/reserve.rs", RESERVE),
            FileDiff { path: "logo.png".into(), added: 0, removed: 0, hunks: Vec::new() },
        ],
    }
}

fn scan_all_skus() -> SampleCommit {
    let lines = [
        " impl Shelf {",
        "     pub fn reserve(&mut self, order: &Order) -> bool {",
        "-        let sku = self.index.find(order.sku);",
        "+        let sku = self.skus.iter_mut().find(|sku| sku.matches(order));",
        "         sku.take(order.count)",
        "     }",
        " }",
    ];
    // Three lines around: the blank line before `impl` as well.
    let lines = [" "].into_iter().chain(lines).map(str::to_owned).collect();
    SampleCommit {
        author: "Wang Wei 王伟",
        email: "wang.wei@shop.example",
        at_secs: 1_772_373_600,
        summary: "Reserve by any attribute",
        body: "Customers asked for it.\n\nRefs: SHOP-17",
        files: vec![("inventory/src/reserve.rs", Some(RESERVE_SLOWLY))],
        changed: vec![FileDiff {
            path: "inventory/src/reserve.rs".into(),
            added: 1,
            removed: 1,
            hunks: vec![Hunk { old_start: 6, new_start: 6, context: String::new(), lines }],
        }],
    }
}

fn move_readme() -> SampleCommit {
    SampleCommit {
        author: "Li Na",
        email: "li.na@shop.example",
        at_secs: 1_772_373_700,
        summary: "Move the readme",
        body: "",
        files: vec![("README.md", None), ("docs/readme.md", Some(README))],
        changed: vec![FileDiff { path: "docs/readme.md".into(), added: 0, removed: 0, hunks: Vec::new() }],
    }
}

fn remove_logo() -> SampleCommit {
    let lines =
        String::from_utf8_lossy(CODEOWNERS).lines().map(|line| format!("-{line}")).collect::<Vec<_>>();
    let kept: Vec<_> = lines.iter().map(|line| line.replacen('-', " ", 1)).collect();
    SampleCommit {
        author: "Li Na",
        email: "li.na@shop.example",
        at_secs: 1_772_373_800,
        summary: "Tidy up",
        body: "",
        files: vec![
            ("logo.png", None),
            ("empty.txt", None),
            (
                "CODEOWNERS",
                Some(b"* @acme/shop\n/inventory/ @li.na wang.wei@shop.example\n/inventory/generated/\n"),
            ),
        ],
        changed: vec![
            FileDiff {
                path: "CODEOWNERS".into(),
                added: 0,
                removed: 1,
                hunks: vec![Hunk {
                    old_start: 1,
                    new_start: 1,
                    context: String::new(),
                    lines: [&lines[..1], &kept[1..]].concat(),
                }],
            },
            FileDiff { path: "empty.txt".into(), added: 0, removed: 0, hunks: Vec::new() },
            FileDiff { path: "logo.png".into(), added: 0, removed: 0, hunks: Vec::new() },
        ],
    }
}

/// A new text file: one hunk, which begins before the first line of nothing.
fn added(path: &str, text: &[u8]) -> FileDiff {
    let lines: Vec<_> = String::from_utf8_lossy(text).lines().map(|line| format!("+{line}")).collect();
    let added = u32::try_from(lines.len()).unwrap();
    let hunk = Hunk { old_start: 0, new_start: 1, context: String::new(), lines };
    FileDiff { path: path.into(), added, removed: 0, hunks: vec![hunk] }
}
