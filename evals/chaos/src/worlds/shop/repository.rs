//! The shop's repository: made anew with git, with the same commit ids on every machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::sources::{HISTORY, IMPORT};
use crate::command::{bare_command, output};

/// The commit that every service runs at first.
pub const BASELINE: &str = "25dcb22503f9ce4403cc91aa8ae38c9213be9774";
/// A harmless commit to cart.
pub const CART_DECOY: &str = "c9b2f5c86550957499c0a533e47510fa4efd5761";
/// A harmless commit to payment.
pub const PAYMENT_DECOY: &str = "35ca59989a895adc7143fa56fe745a2a65a7bc9b";
/// The commit that makes inventory slow. It is the head of `main`.
pub const BAD: &str = "a969d1d4485fca1949bc5e099fdf1c82443cb0c2";

const LIMIT: Duration = Duration::from_secs(30);
const IMPORT_AUTHOR: &str = "Tom Weber";
const IMPORT_EMAIL: &str = "tom.weber@shop.example";
const IMPORT_DATE: &str = "2026-01-12T09:30:00+01:00";
const IMPORT_MESSAGE: &str = "Import the shop\n\nSix services, taken out of the old monolith one by one.\nEach stands on `common` and on nothing else.\n";

/// A commit that has a part in the play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedCommit {
    /// Its part: `baseline`, `cart decoy`, `payment decoy` or `bad`.
    pub part: &'static str,
    /// Full id.
    pub id: &'static str,
}

/// The commits that are deployed, oldest first.
pub(super) const COMMITS: [NamedCommit; 4] = [
    NamedCommit { part: "baseline", id: BASELINE },
    NamedCommit { part: "cart decoy", id: CART_DECOY },
    NamedCommit { part: "payment decoy", id: PAYMENT_DECOY },
    NamedCommit { part: "bad", id: BAD },
];

/// The repository on disk, with a working tree at the head of `main`.
#[derive(Debug)]
pub(super) struct Repository {
    directory: PathBuf,
}

/// Makes the shop's repository in `directory`, without a shop: for those who read a recording of one. The commits have the same ids everywhere.
///
/// # Errors
///
/// When git is missing or fails, or when the directory is there already.
pub fn make_repository(directory: &Path) -> Result<()> {
    Repository::create(directory).map(drop)
}

impl Repository {
    /// Makes the repository in `directory`, which must not exist.
    pub(super) fn create(directory: &Path) -> Result<Self> {
        let repository = Self { directory: directory.to_path_buf() };
        for (path, text) in IMPORT {
            write(&directory.join(path), text)?;
        }
        repository.git(&[
            "init",
            "--quiet",
            "--template=",
            "--object-format=sha1",
            "--initial-branch=main",
        ])?;
        repository.git(&["add", "--all"])?;
        let mut import = repository.command(&["commit", "--quiet", "--message", IMPORT_MESSAGE]);
        for (role, date) in [("AUTHOR", "AUTHOR_DATE"), ("COMMITTER", "COMMITTER_DATE")] {
            import
                .env(format!("GIT_{role}_NAME"), IMPORT_AUTHOR)
                .env(format!("GIT_{role}_EMAIL"), IMPORT_EMAIL);
            import.env(format!("GIT_{date}"), IMPORT_DATE);
        }
        output(&mut import, LIMIT)?;
        repository.apply_history()?;
        repository.check()?;
        Ok(repository)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes the tree of `commit` to `target`, which must not exist.
    pub(super) fn export(&self, commit: &str, target: &Path) -> Result<()> {
        fs::create_dir_all(target).with_context(|| format!("create `{}`", target.display()))?;
        // An index of its own: the repository's working tree stays as it is.
        let mut checkout = self.command(&["checkout", "--quiet", "--force", commit, "--", "."]);
        checkout.env("GIT_INDEX_FILE", target.join(".index")).env("GIT_WORK_TREE", target);
        checkout.env("GIT_DIR", self.directory.join(".git"));
        output(&mut checkout, LIMIT).with_context(|| format!("export commit `{commit}`"))?;
        Ok(())
    }

    /// Returns the ids of `paths` as they are in `commit`: equal ids mean equal content.
    pub(super) fn content_ids(&self, commit: &str, paths: &[&str]) -> Result<String> {
        let mut words = vec!["rev-parse".to_owned()];
        words.extend(paths.iter().map(|path| format!("{commit}:{path}")));
        self.git(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Returns the full id of a commit that is named in full, in short, or by a branch.
    pub(super) fn resolve(&self, commit: &str) -> Result<String> {
        let peeled = format!("{commit}^{{commit}}");
        let id = self.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled]);
        Ok(id.with_context(|| format!("unknown commit `{commit}`"))?.trim().to_owned())
    }

    fn apply_history(&self) -> Result<()> {
        // Beside the work tree: git must not see the patches themselves.
        let patches = self.directory.join(".git/history");
        let mut words = vec!["am", "--quiet", "--committer-date-is-author-date", "--whitespace=nowarn"];
        let mut paths = Vec::new();
        for (name, text) in HISTORY {
            let path = patches.join(name);
            write(&path, text)?;
            paths.push(path.to_string_lossy().into_owned());
        }
        words.extend(paths.iter().map(String::as_str));
        self.git(&words)?;
        fs::remove_dir_all(&patches).context("remove the applied patches")
    }

    fn check(&self) -> Result<()> {
        let ids = self.git(&["rev-list", "main"])?;
        for commit in COMMITS {
            if !ids.lines().any(|id| id == commit.id) {
                bail!(
                    "the shop's history came out differently: no {} commit `{}`\nhint: after a change to the shop's files, put the new ids into `repository.rs`; git has:\n{ids}",
                    commit.part,
                    commit.id
                );
            }
        }
        Ok(())
    }

    fn git(&self, words: &[&str]) -> Result<String> {
        output(&mut self.command(words), LIMIT)
    }

    /// Git without anything of the user's: no configuration, no hooks, no signing, no background work.
    fn command(&self, words: &[&str]) -> Command {
        let mut git = bare_command("git");
        for (name, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_COMMITTER_NAME", "Shop CI"),
            ("GIT_COMMITTER_EMAIL", "ci@shop.example"),
            ("HOME", "/nonexistent"),
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
        ] {
            git.env(name, value);
        }
        // Not inside a repository that the directory happens to lie in.
        if let Some(parent) = self.directory.parent() {
            git.env("GIT_CEILING_DIRECTORIES", parent);
        }
        for setting in [
            "core.autocrlf=false",
            "core.hooksPath=/dev/null",
            "gc.auto=0",
            "maintenance.auto=false",
            "advice.detachedHead=false",
        ] {
            git.args(["-c", setting]);
        }
        git.current_dir(&self.directory).args(words);
        git
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("create `{}`", parent.display()))?;
    }
    fs::write(path, text).with_context(|| format!("write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_has_the_same_ids_each_time() {
        let place = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            let repository = Repository::create(&place.path().join(name)).unwrap();
            let log = repository.git(&["log", "--reverse", "--format=%H %an: %s"]).unwrap();
            let lines: Vec<&str> = log.lines().collect();
            assert_eq!(lines.len(), 1 + HISTORY.len());
            let deployed: Vec<&str> =
                lines[lines.len() - COMMITS.len()..].iter().map(|line| &line[..40]).collect();
            assert_eq!(deployed, COMMITS.map(|commit| commit.id));
            assert_eq!(
                lines[10],
                format!("{BAD} Li Na: inventory: match SKUs by prefix so that bundles can be reserved")
            );
        }
    }

    #[test]
    fn the_bad_commit_changes_one_file_of_inventory() {
        let place = tempfile::tempdir().unwrap();
        let repository = Repository::create(&place.path().join("shop")).unwrap();
        let files = |commit: &str| {
            repository.git(&["diff-tree", "--no-commit-id", "--name-only", "-r", commit]).unwrap()
        };
        assert_eq!(files(BAD), "inventory/src/reserve.rs\n");
        assert_eq!(files(PAYMENT_DECOY), "payment/src/main.rs\n");
        assert_eq!(files(CART_DECOY), "cart/src/main.rs\n");
    }

    #[test]
    fn an_export_leaves_the_working_tree_alone() {
        let place = tempfile::tempdir().unwrap();
        let repository = Repository::create(&place.path().join("shop")).unwrap();
        let export = place.path().join("export");
        repository.export(BASELINE, &export).unwrap();
        assert_eq!(repository.git(&["status", "--porcelain"]).unwrap(), "");
        let before = fs::read_to_string(export.join("inventory/src/reserve.rs")).unwrap();
        let head = fs::read_to_string(repository.directory().join("inventory/src/reserve.rs")).unwrap();
        assert!(before.contains("binary_search") && !head.contains("binary_search"));
    }

    #[test]
    fn an_unknown_commit_is_named_in_the_error() {
        let place = tempfile::tempdir().unwrap();
        let repository = Repository::create(&place.path().join("shop")).unwrap();
        assert_eq!(repository.resolve(&BAD[..7]).unwrap(), BAD);
        assert_eq!(repository.resolve("0badcafe").unwrap_err().to_string(), "unknown commit `0badcafe`");
    }
}
