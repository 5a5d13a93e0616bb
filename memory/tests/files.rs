//! What becomes of the file: who may read it, and what is said when it cannot be used.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use waggle_agent_core::{Error, Kind};
use waggle_memory::SqliteMemory;

#[tokio::test]
async fn the_file_and_its_folder_are_for_their_owner_alone() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("deep/er");
    let memory = SqliteMemory::open(folder.join("memory.db")).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&root.path().join("deep")), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "the database, its log and its index: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    memory.close().await;
}

#[tokio::test]
async fn a_folder_that_exists_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    SqliteMemory::open(folder.path().join("memory.db")).await.unwrap();
    assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o755);
}

#[tokio::test]
async fn a_name_that_looks_like_a_uri_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file:memory?mode=memory&x=%20.db");
    SqliteMemory::open(&path).await.unwrap();
    assert!(fs::metadata(path).unwrap().len() > 0);
}

#[tokio::test]
async fn commits_are_synced_and_logged_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    SqliteMemory::open(&path).await.unwrap().close().await;
    // The journal mode is kept in the file: bytes 18 and 19 are 2 for a write-ahead log, https://www.sqlite.org/fileformat2.html
    assert_eq!(fs::read(path).unwrap()[18..20], [2, 2]);
}

#[tokio::test]
async fn what_is_not_a_database_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "not a database, ".repeat(100);
    fs::write(&path, &notes).unwrap();
    check(&path, Kind::Invalid, "open `FILE`", "name another file, or move this one away").await;
    assert_eq!(fs::read_to_string(&path).unwrap(), notes);
}

#[tokio::test]
async fn a_database_of_another_program_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    write(&path, "CREATE TABLE orders (id INTEGER)").await;
    let before = fs::read(&path).unwrap();
    let hint = "name another file; this one was not changed";
    check(&path, Kind::Invalid, "`FILE` is a database of another program", hint).await;
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    SqliteMemory::open(&path).await.unwrap().close().await;
    write(&path, "PRAGMA user_version = 9").await;
    let message = "`FILE` has schema version 9; this program knows versions up to 3";
    check(
        &path,
        Kind::Invalid,
        message,
        "a newer Waggle wrote it; run that one, or restore a backup from before",
    )
    .await;
}

#[tokio::test]
async fn a_folder_is_not_a_file() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path(), Kind::Invalid, "`FILE` is a folder", "name a file inside of it").await;
}

#[tokio::test]
async fn a_file_in_place_of_the_folder_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = SqliteMemory::open(file.path().join("memory.db")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(error.to_string(), format!("make folder `{}`", file.path().display()));
    assert_eq!(error.hint(), Some("a file is in the way; name another path"));
}

/// Nobody makes files in `/sys`, whatever their rights.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_may_not_be_written_is_denied() {
    let path = Path::new("/sys/memory.db");
    check(
        path,
        Kind::Denied,
        "make file `FILE`",
        "check that the folder may be written, or name another path",
    )
    .await;
}

#[tokio::test]
async fn a_closed_memory_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let memory = SqliteMemory::open(folder.path().join("memory.db")).await.unwrap();
    memory.close().await;
    let error = memory.verify_audit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
}

async fn check(path: &Path, kind: Kind, message: &str, hint: &str) {
    let error: Error = SqliteMemory::open(path).await.unwrap_err();
    assert_eq!(error.kind(), kind, "{}", error.chain());
    assert_eq!(error.to_string(), message.replace("FILE", &path.display().to_string()));
    assert_eq!(error.hint(), Some(hint));
}

async fn write(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}
