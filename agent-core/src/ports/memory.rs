//! What Waggle itself remembers.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waggle_signals::Timestamp;

use crate::{
    Evidence, EvidenceId, Finding, Incident, IncidentId, Language, Result,
    past_case::{CaseCheck, KeptCase, PastCase, Retirement},
    ports::{Message, MessageId, Post, Usage},
};

/// Keeps incidents, what was said, the evidence, ratings, and the audit log.
///
/// What was acknowledged survives a crash of the program and of the machine.
#[async_trait]
pub trait Memory: Send + Sync {
    /// Keeps a new incident. False when its id is taken already: then nothing changes.
    async fn add_incident(&self, incident: &Incident) -> Result<bool>;

    /// Keeps an incident, replacing what was known under its id.
    async fn save_incident(&self, incident: &Incident) -> Result<()>;

    /// Returns one incident.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown id.
    async fn incident(&self, id: &IncidentId) -> Result<Incident>;

    /// Returns incidents, newest first.
    async fn incidents(&self, page: &IncidentPage) -> Result<Vec<Incident>>;

    /// Keeps a chat line, replacing the one under its id.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident.
    async fn save_line(&self, incident: &IncidentId, line: &ChatLine) -> Result<()>;

    /// Returns what was said, oldest first. A line that was replaced keeps its place.
    async fn lines(&self, incident: &IncidentId) -> Result<Vec<ChatLine>>;

    /// Keeps a piece of evidence. Evidence never changes: the first under an id stays.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident, `Invalid` when other evidence has the id already.
    async fn save_evidence(&self, incident: &IncidentId, evidence: &Evidence) -> Result<()>;

    /// Returns one piece of evidence.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident or id.
    async fn evidence(&self, incident: &IncidentId, id: EvidenceId) -> Result<Evidence>;

    /// Returns all evidence of an incident, by id.
    async fn all_evidence(&self, incident: &IncidentId) -> Result<Vec<Evidence>>;

    /// Keeps where a run stands, replacing what was kept for its incident.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident.
    async fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()>;

    /// Returns where the run of an incident stands; `None` when none was begun or the last one came to its end.
    async fn checkpoint(&self, incident: &IncidentId) -> Result<Option<Checkpoint>>;

    /// Keeps what an investigation came to, and lets go of its checkpoint.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident.
    async fn save_investigation(&self, record: &InvestigationRecord) -> Result<()>;

    /// Returns the latest investigation of an incident; `None` when there was none.
    async fn latest_investigation(&self, incident: &IncidentId) -> Result<Option<InvestigationRecord>>;

    /// Keeps what a person thought of a finding.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident.
    async fn save_rating(&self, rating: &Rating) -> Result<()>;

    /// Returns the ratings of an incident, oldest first.
    async fn ratings(&self, incident: &IncidentId) -> Result<Vec<Rating>>;

    /// Keeps the case of an incident, replacing the one that was kept. What was said about it stays.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident.
    async fn save_case(&self, case: &PastCase) -> Result<()>;

    /// Returns cases that were closed before a time, newest first, with all that was said about each. Those out of use are among them.
    async fn cases(&self, page: &CasePage) -> Result<Vec<KeptCase>>;

    /// Keeps what a later incident's data said of a case, replacing what was kept of both.
    ///
    /// # Errors
    ///
    /// `NotFound` when the incident has no case.
    async fn save_case_check(&self, check: &CaseCheck) -> Result<()>;

    /// Takes a case out of use for good. The first word stays: done again, it changes nothing.
    ///
    /// # Errors
    ///
    /// `NotFound` when the incident has no case.
    async fn retire_case(&self, incident: &IncidentId, retirement: &Retirement) -> Result<()>;

    /// Adds to the audit log and returns the entry with its place in the chain.
    async fn audit(&self, entry: &NewAuditEntry) -> Result<AuditEntry>;

    /// Returns up to `limit` audit entries after sequence number `after`, in order.
    async fn audit_log(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>>;
}

/// Asks for a page of incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentPage {
    /// Opened before this.
    pub before: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// Asks for cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasePage {
    /// Closed before this; `None` for all, those of a future that some clock believed in included.
    pub before: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// One message of an incident's conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatLine {
    /// Its id on its platform.
    pub id: MessageId,
    /// Who said it.
    pub speaker: Speaker,
    /// When it was first said.
    pub at: Timestamp,
    /// What was said.
    pub post: Post,
}

/// Who said something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Speaker {
    /// Waggle.
    Waggle,
    /// A person, by the name their token or platform gives them.
    Person {
        /// That name.
        name: String,
    },
}

/// One run of the loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvestigationRecord {
    /// The incident.
    pub incident: IncidentId,
    /// The model that did it.
    pub model: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What it came to.
    pub finding: Finding,
    /// Every message, so that it can be replayed. Results are named by their evidence and not repeated.
    pub transcript: Vec<Message>,
    /// What it cost.
    pub usage: Usage,
    /// Replies of models.
    #[serde(default)]
    pub n_steps: u32,
    /// What a second reader said of the finding; `None` when none was asked.
    #[serde(default)]
    pub review: Option<String>,
}

/// Where a run of the loop stands, so that it can go on after the program ended in the middle of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The incident.
    pub incident: IncidentId,
    /// On whose behalf it runs.
    pub caller: String,
    /// The language of its sentences.
    pub language: Language,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it has run, in milliseconds.
    pub elapsed_ms: u64,
    /// Every message; every call in it is answered. Results are named by their evidence and not repeated.
    pub transcript: Vec<Message>,
    /// What it cost.
    pub usage: Usage,
    /// Replies of models.
    pub n_steps: u32,
    /// True when the fallback took over.
    pub fell_back: bool,
}

/// What a person thought of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// The incident.
    pub incident: IncidentId,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Whether it helped.
    pub helpful: bool,
    /// What it really was, in their words; may be empty.
    pub correction: String,
}

/// Something that was done, to be added to the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewAuditEntry {
    /// When.
    pub at: Timestamp,
    /// On whose behalf.
    pub caller: String,
    /// What: `execute_tool`, `chat.post`, `api`, ….
    pub action: String,
    /// The facts, redacted.
    pub detail: Value,
}

/// One link of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its place, from 1, without gaps.
    pub sequence: u64,
    /// What was done.
    #[serde(flatten)]
    pub entry: NewAuditEntry,
    /// Hash of the link before, hex; 64 zeros for the first.
    pub previous: String,
    /// SHA-256 over the sequence number, the entry's JSON and `previous`, hex.
    pub hash: String,
}

impl AuditEntry {
    /// Links an entry behind the one with hash `previous`; `None` for the first.
    pub fn link(sequence: u64, entry: NewAuditEntry, previous: Option<&str>) -> Self {
        use sha2::{Digest, Sha256};
        let previous = previous.map_or_else(|| "0".repeat(64), str::to_owned);
        // Serializing plain data with string keys cannot fail; an empty text would still be chained.
        let json = serde_json::to_string(&entry).unwrap_or_default();
        let hash = Sha256::digest(format!("{sequence}\n{json}\n{previous}"));
        let hash = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { sequence, entry, previous, hash }
    }

    /// Tells whether this entry is what was written, and stands behind `before`.
    pub fn follows(&self, before: Option<&Self>) -> bool {
        let sequence = before.map_or(1, |entry| entry.sequence + 1);
        *self == Self::link(sequence, self.entry.clone(), before.map(|entry| entry.hash.as_str()))
    }
}
