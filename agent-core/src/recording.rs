//! One investigation with everything that it was made of, in a file: to be replayed elsewhere, and to become a case with a known answer.

use serde::{Deserialize, Serialize};

use crate::{
    Evidence, Incident, IncidentId, Kind, Result,
    ports::{InvestigationRecord, Memory, Rating},
    redact::Redactor,
};

/// Version of the form.
const SCHEMA: u32 = 1;

/// Everything of one investigation. Fields may be added; none is renamed while `schema` is 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Version of this form.
    pub schema: u32,
    /// The incident.
    pub incident: Incident,
    /// The conversation and what came of it.
    pub record: InvestigationRecord,
    /// What the tools answered, by id.
    pub evidence: Vec<Evidence>,
    /// What people thought of it, oldest first.
    pub ratings: Vec<Rating>,
}

impl Recording {
    /// Takes an incident's latest investigation out of the memory, redacted.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such incident or it was never investigated.
    pub async fn of(memory: &dyn Memory, id: &IncidentId) -> Result<Self> {
        let incident = memory.incident(id).await?;
        let record = memory.latest_investigation(id).await?;
        let record =
            record.ok_or_else(|| Kind::NotFound.error(format!("incident `{id}` was never investigated")))?;
        let (evidence, ratings) = (memory.all_evidence(id).await?, memory.ratings(id).await?);
        Self { schema: SCHEMA, incident, record, evidence, ratings }.redacted()
    }

    /// Reads one.
    ///
    /// # Errors
    ///
    /// `Invalid` for what is none, or of another version.
    pub fn read(text: &str) -> Result<Self> {
        let read: Self =
            serde_json::from_str(text).map_err(|error| Kind::Invalid.because("read a recording", error))?;
        if read.schema != SCHEMA {
            let fault =
                format!("a recording of version {}; this program reads version {SCHEMA}", read.schema);
            return Err(Kind::Invalid.error(fault));
        }
        Ok(read)
    }

    /// Puts everything into a memory that does not know the incident.
    ///
    /// # Errors
    ///
    /// What the memory answers.
    pub async fn keep(&self, memory: &dyn Memory) -> Result<()> {
        let id = &self.incident.id;
        memory.save_incident(&self.incident).await?;
        for evidence in &self.evidence {
            memory.save_evidence(id, evidence).await?;
        }
        memory.save_investigation(&self.record).await?;
        for rating in &self.ratings {
            memory.save_rating(rating).await?;
        }
        Ok(())
    }

    fn redacted(&self) -> Result<Self> {
        let fault = |error| Kind::Internal.because("redact a recording", error);
        let written = serde_json::to_value(self).map_err(fault)?;
        serde_json::from_value(Redactor::default().redact_json(&written)).map_err(fault)
    }
}
