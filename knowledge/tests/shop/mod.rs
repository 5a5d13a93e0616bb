//! Real repositories, made by `git` with fixed names and times.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::{path::Path, process::Command};

use tempfile::TempDir;

/// A repository in a folder of its own, gone when dropped.
pub struct Shop {
    folder: TempDir,
}

/// Who commits, and when.
#[derive(Clone, Copy)]
pub struct Author {
    pub name: &'static str,
    pub email: &'static str,
    pub at_secs: i64,
}

impl Shop {
    /// Makes an empty repository.
    pub fn new() -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        shop.git(&["init", "--quiet", "--initial-branch=main"]);
        shop
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn name(&self) -> &str {
        self.path().to_str().unwrap()
    }

    /// Writes a file of the worktree.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Commits the worktree as it is and returns the full id.
    pub fn commit(&self, message: &str) -> String {
        self.commit_by(LI_NA, message)
    }

    pub fn commit_by(&self, author: Author, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git_by(author, &["commit", "--quiet", "--allow-empty", "--allow-empty-message", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Runs git and returns what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_by(LI_NA, arguments)
    }

    pub fn git_by(&self, author: Author, arguments: &[&str]) -> String {
        let at = format!("@{} +0800", author.at_secs);
        let output = Command::new("git")
            .current_dir(self.path())
            .args(["-c", "core.quotePath=false", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", author.name)
            .env("GIT_AUTHOR_EMAIL", author.email)
            .env("GIT_AUTHOR_DATE", &at)
            .env("GIT_COMMITTER_NAME", author.name)
            .env("GIT_COMMITTER_EMAIL", author.email)
            .env("GIT_COMMITTER_DATE", &at)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

pub const LI_NA: Author = Author { name: "Li Na", email: "li.na@shop.example", at_secs: 1_772_370_000 };
