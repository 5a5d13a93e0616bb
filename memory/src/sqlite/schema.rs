//! Brings a file to the schema of this version.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use waggle_agent_core::{Error, Kind, Result};

use super::failure::failed;

/// What each version of the schema adds, from version 1.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/sqlite/0001_first.sql"),
    include_str!("../../migrations/sqlite/0002_checkpoints.sql"),
    include_str!("../../migrations/sqlite/0003_cases.sql"),
];

/// `WGLM`: says in the file's header whose it is. <https://www.sqlite.org/fileformat2.html#application_id>
const APPLICATION_ID: i64 = 0x5747_4c4d;

/// Checks that the file is a memory or empty, and adds what is missing, all or nothing.
///
/// # Errors
///
/// `Invalid` for a file of another program or of a newer version; both stay as they are.
pub async fn bring_up_to_date(connection: &mut SqliteConnection, path: &Path) -> Result<()> {
    let doing = || format!("open `{}`", path.display());
    // Two programs that open a new file at once migrate it once.
    let mut migration = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed(doing()))?;
    let known = version(&mut migration).await.map_err(failed(doing()))?;
    let known = known.ok_or_else(|| foreign(path))?;
    let missing = MIGRATIONS.get(known..).ok_or_else(|| newer(path, known))?;
    for sql in missing {
        sqlx::raw_sql(*sql).execute(&mut *migration).await.map_err(failed(doing()))?;
    }
    if !missing.is_empty() {
        let stamp =
            format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}", MIGRATIONS.len());
        // Only numbers of this program go into the statement; a pragma takes no parameters.
        sqlx::raw_sql(AssertSqlSafe(stamp)).execute(&mut *migration).await.map_err(failed(doing()))?;
    }
    migration.commit().await.map_err(failed(doing()))?;

    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = WAL")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed(doing()))?;
    if mode == "wal" { Ok(()) } else { Err(no_wal(path)) }
}

/// Returns the version of the schema, 0 for an empty file; `None` when the file belongs to another program.
async fn version(connection: &mut SqliteConnection) -> sqlx::Result<Option<usize>> {
    let owner: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await?;
    let is_empty = owner == 0 && version == 0 && tables == 0;
    if owner != APPLICATION_ID && !is_empty {
        return Ok(None);
    }
    Ok(usize::try_from(version).ok())
}

fn foreign(path: &Path) -> Error {
    Kind::Invalid
        .error(format!("`{}` is a database of another program", path.display()))
        .with_hint("name another file; this one was not changed")
}

fn newer(path: &Path, version: usize) -> Error {
    Kind::Invalid
        .error(format!(
            "`{}` has schema version {version}; this program knows versions up to {}",
            path.display(),
            MIGRATIONS.len()
        ))
        .with_hint("a newer Waggle wrote it; run that one, or restore a backup from before")
}

fn no_wal(path: &Path) -> Error {
    Kind::Invalid
        .error(format!("`{}` lies where SQLite cannot keep a write-ahead log", path.display()))
        .with_hint("keep it on a local disk, not on a network share")
}
