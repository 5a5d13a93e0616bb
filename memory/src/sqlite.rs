//! The memory in one SQLite file.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::SqlitePool;
use waggle_agent_core::{
    Evidence, EvidenceId, Incident, IncidentId, Kind, Result,
    past_case::{CaseCheck, KeptCase, PastCase, Retirement},
    ports::{
        AuditEntry, CasePage, ChatLine, Checkpoint, IncidentPage, InvestigationRecord, Memory, NewAuditEntry,
        Rating,
    },
};

use crate::{audit::AuditVerdict, json};

mod audit;
mod cases;
mod failure;
mod open;
mod schema;

use failure::{failed, failed_for};

/// Keeps everything in one SQLite file, write-ahead log beside it.
///
/// Every acknowledged write has reached the disk.
/// Several programs may have the file open; one writes at a time and the others wait up to five seconds.
#[derive(Clone, Debug)]
pub struct SqliteMemory {
    /// For messages.
    path: Arc<Path>,
    /// One connection: writes of this program queue here instead of polling each other's locks.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteMemory {
    /// Opens the memory in the file `path`; makes the file (mode 0600) and its folder (mode 0700) where they do not exist.
    ///
    /// # Errors
    ///
    /// `Denied` when the file or folder may not be written, `Unavailable` when another program keeps it locked,
    /// `Invalid` when it is not a memory, or one of a newer version. All but programming errors carry a hint.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        open::open(path.as_ref()).await
    }

    /// Walks the audit log from its beginning and tells whether every link holds. Takes about a second for 100,000 entries.
    ///
    /// Whoever can write the file can also write a whole new chain: compare the head of an intact verdict with one that was kept elsewhere.
    ///
    /// # Errors
    ///
    /// As for reading. A broken chain is a verdict, not an error.
    pub async fn verify_audit(&self) -> Result<AuditVerdict> {
        audit::verify(&self.readers).await
    }

    /// Finishes what is under way and closes the file. Calls after this are `Unavailable`.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} in `{}`", self.path.display())
    }
}

#[async_trait]
impl Memory for SqliteMemory {
    async fn add_incident(&self, incident: &Incident) -> Result<bool> {
        const SQL: &str =
            "INSERT INTO incidents (id, opened_at, body) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING";
        let body = json::written("the incident", incident)?;
        let query = sqlx::query(SQL).bind(&incident.id.0).bind(incident.opened_at.nanos()).bind(body);
        let added = query.execute(&self.writer).await.map_err(failed(self.doing("add incident")))?;
        Ok(added.rows_affected() == 1)
    }

    async fn save_incident(&self, incident: &Incident) -> Result<()> {
        const SQL: &str = "INSERT INTO incidents (id, opened_at, body) VALUES (?1, ?2, ?3)
            ON CONFLICT (id) DO UPDATE SET opened_at = excluded.opened_at, body = excluded.body";
        let body = json::written("the incident", incident)?;
        let query = sqlx::query(SQL).bind(&incident.id.0).bind(incident.opened_at.nanos()).bind(body);
        query.execute(&self.writer).await.map_err(failed(self.doing("save incident")))?;
        Ok(())
    }

    async fn incident(&self, id: &IncidentId) -> Result<Incident> {
        let query = sqlx::query_scalar("SELECT body FROM incidents WHERE id = ?1").bind(&id.0);
        let body: Option<String> =
            query.fetch_optional(&self.readers).await.map_err(failed(self.doing("read incident")))?;
        json::read(&format!("incident `{id}`"), &body.ok_or_else(|| unknown(id))?)
    }

    async fn incidents(&self, page: &IncidentPage) -> Result<Vec<Incident>> {
        const SQL: &str = "SELECT body FROM incidents WHERE ?1 IS NULL OR opened_at < ?1
            ORDER BY opened_at DESC, id DESC LIMIT ?2";
        let query =
            sqlx::query_scalar(SQL).bind(page.before.map(|before| before.nanos())).bind(rows(page.limit));
        let bodies = query.fetch_all(&self.readers).await.map_err(failed(self.doing("read incidents")))?;
        all("incident", bodies)
    }

    async fn save_line(&self, incident: &IncidentId, line: &ChatLine) -> Result<()> {
        const SQL: &str = "INSERT INTO lines (incident, id, first_at, body) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (incident, id) DO UPDATE SET body = excluded.body";
        let body = json::written("the chat line", line)?;
        let query = sqlx::query(SQL).bind(&incident.0).bind(&line.id.0).bind(line.at.nanos()).bind(body);
        let saved = query.execute(&self.writer).await;
        saved.map_err(failed_for(incident, self.doing("save chat line")))?;
        Ok(())
    }

    async fn lines(&self, incident: &IncidentId) -> Result<Vec<ChatLine>> {
        self.bodies(
            "chat line",
            "SELECT body FROM lines WHERE incident = ?1 ORDER BY first_at, place",
            incident,
        )
        .await
    }

    async fn save_evidence(&self, incident: &IncidentId, evidence: &Evidence) -> Result<()> {
        const SQL: &str = "INSERT INTO evidence (incident, id, body) VALUES (?1, ?2, ?3)
            ON CONFLICT (incident, id) DO NOTHING";
        let body = json::written("the evidence", evidence)?;
        let query = sqlx::query(SQL).bind(&incident.0).bind(evidence.id.0).bind(body);
        let saved = query.execute(&self.writer).await;
        let saved = saved.map_err(failed_for(incident, self.doing("save evidence")))?;
        // Evidence never changes, so what is read now is what was in the way.
        if saved.rows_affected() == 1 || self.evidence(incident, evidence.id).await? == *evidence {
            return Ok(());
        }
        Err(Kind::Invalid
            .error(format!("other evidence is already kept as `{}` of `{incident}`", evidence.id)))
    }

    async fn evidence(&self, incident: &IncidentId, id: EvidenceId) -> Result<Evidence> {
        // One row when the incident is known; its body is null when the evidence is not.
        const SQL: &str = "SELECT evidence.body FROM incidents
            LEFT JOIN evidence ON evidence.incident = incidents.id AND evidence.id = ?2 WHERE incidents.id = ?1";
        let query = sqlx::query_scalar(SQL).bind(&incident.0).bind(id.0);
        let row: Option<Option<String>> =
            query.fetch_optional(&self.readers).await.map_err(failed(self.doing("read evidence")))?;
        let body = row.ok_or_else(|| unknown(incident))?;
        let body = body.ok_or_else(|| Kind::NotFound.error(format!("no evidence `{id}` in `{incident}`")))?;
        json::read(&format!("evidence `{id}` of `{incident}`"), &body)
    }

    async fn all_evidence(&self, incident: &IncidentId) -> Result<Vec<Evidence>> {
        self.bodies("evidence", "SELECT body FROM evidence WHERE incident = ?1 ORDER BY id", incident).await
    }

    async fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        const SQL: &str = "INSERT INTO checkpoints (incident, body) VALUES (?1, ?2)
            ON CONFLICT (incident) DO UPDATE SET body = excluded.body";
        let body = json::written("the checkpoint", checkpoint)?;
        let query = sqlx::query(SQL).bind(&checkpoint.incident.0).bind(body);
        let saved = query.execute(&self.writer).await;
        saved.map_err(failed_for(&checkpoint.incident, self.doing("save checkpoint")))?;
        Ok(())
    }

    async fn checkpoint(&self, incident: &IncidentId) -> Result<Option<Checkpoint>> {
        const SQL: &str = "SELECT body FROM checkpoints WHERE incident = ?1";
        Ok(self.bodies("checkpoint", SQL, incident).await?.into_iter().next())
    }

    async fn save_investigation(&self, record: &InvestigationRecord) -> Result<()> {
        const SQL: &str = "INSERT INTO investigations (incident, started_at, body) VALUES (?1, ?2, ?3)";
        let body = json::written("the investigation", record)?;
        let query = sqlx::query(SQL).bind(&record.incident.0).bind(record.started_at.nanos()).bind(body);
        let saved = query.execute(&self.writer).await;
        saved.map_err(failed_for(&record.incident, self.doing("save investigation")))?;
        Ok(())
    }

    async fn latest_investigation(&self, incident: &IncidentId) -> Result<Option<InvestigationRecord>> {
        const SQL: &str = "SELECT body FROM investigations WHERE incident = ?1
            ORDER BY started_at DESC, place DESC LIMIT 1";
        let found = self.bodies("investigation", SQL, incident).await?;
        Ok(found.into_iter().next())
    }

    async fn save_rating(&self, rating: &Rating) -> Result<()> {
        const SQL: &str = "INSERT INTO ratings (incident, at, body) VALUES (?1, ?2, ?3)";
        let body = json::written("the rating", rating)?;
        let query = sqlx::query(SQL).bind(&rating.incident.0).bind(rating.at.nanos()).bind(body);
        let saved = query.execute(&self.writer).await;
        saved.map_err(failed_for(&rating.incident, self.doing("save rating")))?;
        Ok(())
    }

    async fn ratings(&self, incident: &IncidentId) -> Result<Vec<Rating>> {
        self.bodies("rating", "SELECT body FROM ratings WHERE incident = ?1 ORDER BY at, place", incident)
            .await
    }

    async fn save_case(&self, case: &PastCase) -> Result<()> {
        cases::save(self, case).await
    }

    async fn cases(&self, page: &CasePage) -> Result<Vec<KeptCase>> {
        cases::page(self, page).await
    }

    async fn save_case_check(&self, check: &CaseCheck) -> Result<()> {
        cases::save_check(self, check).await
    }

    async fn retire_case(&self, incident: &IncidentId, retirement: &Retirement) -> Result<()> {
        cases::retire(self, incident, retirement).await
    }

    async fn audit(&self, entry: &NewAuditEntry) -> Result<AuditEntry> {
        audit::append(&self.writer, entry).await
    }

    async fn audit_log(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>> {
        audit::page(&self.readers, after, limit).await
    }
}

impl SqliteMemory {
    /// Reads the bodies that `sql` selects for an incident.
    async fn bodies<T: DeserializeOwned + Serialize>(
        &self,
        what: &str,
        sql: &'static str,
        incident: &IncidentId,
    ) -> Result<Vec<T>> {
        let query = sqlx::query_scalar(sql).bind(&incident.0);
        let bodies = query.fetch_all(&self.readers).await;
        all(what, bodies.map_err(failed(self.doing(&format!("read {what} of `{incident}`"))))?)
    }
}

fn all<T: DeserializeOwned>(what: &str, bodies: Vec<String>) -> Result<Vec<T>> {
    bodies.iter().map(|body| json::read(what, body)).collect()
}

fn unknown(incident: &IncidentId) -> waggle_agent_core::Error {
    Kind::NotFound.error(format!("unknown incident `{incident}`"))
}

/// SQLite counts rows in signed 64-bit integers; a greater limit is no limit.
fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
