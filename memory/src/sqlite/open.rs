//! From a path to open connections.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    fs,
    time::{Instant, sleep},
};
use waggle_agent_core::{Error, Kind, Result};

use super::{
    SqliteMemory,
    failure::{failed, is_locked},
    schema,
};

/// How long a write waits for another program's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call waits for a connection; longer than the write before it may wait.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before opening is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Reads at a time.
const READERS: u32 = 4;

pub async fn open(path: &Path) -> Result<SqliteMemory> {
    open_within(path, BUSY_TIMEOUT).await
}

/// Opens the memory; waits up to `patience` for another program's lock, here and in every later call.
async fn open_within(path: &Path, patience: Duration) -> Result<SqliteMemory> {
    // An absolute path is a path to SQLite, never a URI or `:memory:`.
    let path = std::path::absolute(path)
        .map_err(|error| Kind::Invalid.because(format!("`{}` is not a path", path.display()), error))?;
    make_folder(&path).await?;
    make_file(&path).await?;
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(false)
        .foreign_keys(true)
        // An acknowledged commit has been synced: https://www.sqlite.org/pragma.html#pragma_synchronous
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(patience);

    let deadline = Instant::now() + patience;
    loop {
        match connect(&path, &options).await {
            // While another program opens a new file, SQLite refuses at once instead of waiting.
            Err(error) if is_locked(&error) && Instant::now() < deadline => sleep(PAUSE).await,
            connected => return connected,
        }
    }
}

async fn connect(path: &Path, options: &SqliteConnectOptions) -> Result<SqliteMemory> {
    let doing = || format!("open `{}`", path.display());
    let mut connection = options.connect().await.map_err(failed(doing()))?;
    schema::bring_up_to_date(&mut connection, path).await?;
    connection.close().await.map_err(failed(doing()))?;

    let writer = pool(1, options.clone()).await.map_err(failed(doing()))?;
    let readers = pool(READERS, options.clone().pragma("query_only", "on")).await.map_err(failed(doing()))?;
    tracing::debug!(path = %path.display(), "memory is open");
    Ok(SqliteMemory { path: path.into(), writer, readers })
}

async fn pool(connections: u32, options: SqliteConnectOptions) -> sqlx::Result<SqlitePool> {
    let pool = SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
    pool.connect_with(options).await
}

/// Makes the folder for its owner alone. One that exists stays as it is.
async fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else {
        return Err(Kind::Invalid.error(format!("`{}` is not a path of a file", path.display())));
    };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).await;
    made.map_err(|error| unusable(format!("make folder `{}`", folder.display()), error))
}

/// Makes an empty file for its owner alone; SQLite gives its side files the same mode. One that exists stays as it is.
async fn make_file(path: &Path) -> Result<()> {
    let doing = || format!("make file `{}`", path.display());
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await {
        Ok(_) => sync_folder(path).await.map_err(|error| unusable(doing(), error)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Err(Kind::Invalid
            .error(format!("`{}` is a folder", path.display()))
            .with_hint("name a file inside of it")),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unusable(doing(), error)),
    }
}

/// Makes the file's name survive a crash of the machine.
async fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    fs::File::open(folder).await?.sync_all().await
}

fn unusable(doing: String, error: std::io::Error) -> Error {
    let (kind, hint) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Kind::Unavailable, "the disk is full; make room and try again")
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            (Kind::Invalid, "a file is in the way; name another path")
        }
        _ => (Kind::Denied, "check that the folder may be written, or name another path"),
    };
    kind.because(doing, error).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::ports::{Memory, NewAuditEntry};
    use waggle_signals::Timestamp;

    use super::*;

    #[tokio::test]
    async fn a_file_that_another_program_keeps_locked_is_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.db");
        open(&path).await.unwrap().close().await;
        let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        sqlx::raw_sql("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();

        let error = open_within(&path, Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{}", error.chain());
        assert!(error.kind().is_retryable());
        assert_eq!(error.hint(), Some("another program keeps the file locked; stop it, or try again later"));
    }

    #[tokio::test]
    async fn an_acknowledged_commit_has_been_synced() {
        let folder = tempfile::tempdir().unwrap();
        let memory = open(&folder.path().join("memory.db")).await.unwrap();
        // 2 is FULL: https://www.sqlite.org/pragma.html#pragma_synchronous
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&memory.writer).await.unwrap();
        assert_eq!(synchronous, 2);
    }

    #[tokio::test]
    async fn a_full_disk_is_an_error_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let memory = open(&folder.path().join("memory.db")).await.unwrap();
        let entry = |text: String| NewAuditEntry {
            at: Timestamp::from_secs(1),
            caller: "test".into(),
            action: "write".into(),
            detail: text.into(),
        };
        memory.audit(&entry("small".into())).await.unwrap();
        // SQLite answers as for a full disk when the file may not grow.
        sqlx::raw_sql("PRAGMA max_page_count = 1").execute(&memory.writer).await.unwrap();
        let error = memory.audit(&entry("x".repeat(100_000))).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{}", error.chain());
        assert_eq!(error.hint(), Some("the disk is full; make room and try again"));

        sqlx::raw_sql("PRAGMA max_page_count = 1000000").execute(&memory.writer).await.unwrap();
        assert_eq!(memory.audit(&entry("after".into())).await.unwrap().sequence, 2);
        assert!(memory.verify_audit().await.unwrap().is_intact());
    }
}
