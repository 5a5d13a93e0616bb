//! The audit log: appended in one transaction, read and verified in pages.

use sqlx::SqlitePool;
use waggle_agent_core::{
    Kind, Result,
    ports::{AuditEntry, NewAuditEntry},
};

use super::{failure::failed, rows};
use crate::{
    audit::{AuditVerdict, Chain, Head, Link},
    json,
};

/// Links verified at a time.
const PAGE: usize = 1_000;

/// How often an entry goes back to the end of the queue because another program was quicker.
const TURNS: usize = 1_000;

const HEAD: &str = "SELECT sequence, hash FROM audit_head";

const ADD: &str = "INSERT INTO audit (sequence, body, previous, hash) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (sequence) DO NOTHING";

const LINKS: &str =
    "SELECT sequence, body, previous, hash FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";

/// One statement sees links and head as of the same moment, while others go on adding.
const LINKS_WITH_HEAD: &str = "SELECT audit.sequence, audit.body, audit.previous, audit.hash,
        audit_head.sequence, audit_head.hash
    FROM audit LEFT JOIN audit_head WHERE audit.sequence > ?1 ORDER BY audit.sequence LIMIT ?2";

/// Columns of [`LINKS`].
type Row = (i64, String, String, String);

/// Columns of [`LINKS_WITH_HEAD`].
type RowWithHead = (i64, String, String, String, Option<i64>, Option<String>);

/// Adds an entry at the end of the chain.
///
/// The chain never forks: a sequence number is given once, and who comes second links behind the first.
/// Adding is one statement, because SQLite may end a transaction by itself when the disk is full, and the pool would not know.
pub async fn append(writer: &SqlitePool, entry: &NewAuditEntry) -> Result<AuditEntry> {
    let doing = "add to the audit log";
    let body = json::written("the audit entry", entry)?;
    let mut turn = writer.acquire().await.map_err(failed(doing))?;
    for _ in 0..TURNS {
        let (last, hash): (i64, String) =
            sqlx::query_as(HEAD).fetch_one(&mut *turn).await.map_err(failed(doing))?;
        let sequence = natural(last) + 1;
        let linked = AuditEntry::link(sequence, entry.clone(), Some(&hash));
        let query = sqlx::query(ADD).bind(last + 1).bind(&body).bind(&linked.previous).bind(&linked.hash);
        let added = query.execute(&mut *turn).await.map_err(failed(doing))?;
        if added.rows_affected() == 1 {
            return Ok(linked);
        }
    }
    Err(Kind::Unavailable.error("other programs add to the audit log without a pause"))
}

/// Returns up to `limit` entries after `after`.
pub async fn page(readers: &SqlitePool, after: u64, limit: usize) -> Result<Vec<AuditEntry>> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let query = sqlx::query_as(LINKS).bind(after).bind(rows(limit));
    let found: Vec<Row> = query.fetch_all(readers).await.map_err(failed("read the audit log"))?;
    found.into_iter().map(entry).collect()
}

/// Walks the chain while others may go on adding.
pub async fn verify(readers: &SqlitePool) -> Result<AuditVerdict> {
    let doing = "verify the audit log";
    let query = sqlx::query_as(HEAD);
    let head: Option<(i64, String)> = query.fetch_optional(readers).await.map_err(failed(doing))?;
    let mut chain = Chain::to(head.map(end));
    let mut after = -1;
    loop {
        let query = sqlx::query_as(LINKS_WITH_HEAD).bind(after).bind(rows(PAGE));
        let page: Vec<RowWithHead> = query.fetch_all(readers).await.map_err(failed(doing))?;
        if page.is_empty() {
            return Ok(chain.end());
        }
        for (sequence, body, previous, hash, head, head_hash) in page {
            after = sequence;
            chain.goes_to(head.zip(head_hash).map(end));
            if let Err(verdict) = chain.follow(&link((sequence, body, previous, hash))) {
                return Ok(verdict);
            }
        }
    }
}

fn end((sequence, hash): (i64, String)) -> Head {
    Head { sequence: natural(sequence), hash }
}

fn link((sequence, body, previous, hash): Row) -> Link {
    Link { sequence: natural(sequence), body, previous, hash }
}

fn entry(row: Row) -> Result<AuditEntry> {
    let Link { sequence, body, previous, hash } = link(row);
    let entry = json::read(&format!("audit entry {sequence}"), &body)?;
    Ok(AuditEntry { sequence, entry, previous, hash })
}

/// Sequence numbers begin at 1; a negative one was never written, and zero breaks the chain as well.
fn natural(sequence: i64) -> u64 {
    u64::try_from(sequence).unwrap_or(0)
}
