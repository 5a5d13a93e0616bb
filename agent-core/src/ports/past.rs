//! What was investigated before.

use std::sync::Arc;

use async_trait::async_trait;
use waggle_signals::Timestamp;

use crate::{
    Finding, Incident, IncidentId, Result,
    ports::{IncidentPage, Memory, Rating},
};

/// Incidents looked through for one answer, newest first.
const MAX_LOOKED_THROUGH: usize = 500;

/// Returns incidents that came to an end, with what they were found to be. Read-only.
#[async_trait]
pub trait PastIncidents: Send + Sync {
    /// Returns incidents with a finding, newest first. Empty when there was none.
    async fn past(&self, query: &PastQuery) -> Result<Vec<PastIncident>>;
}

/// Asks for past incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastQuery {
    /// Opened before this.
    pub before: Timestamp,
    /// All but this one.
    pub except: IncidentId,
    /// At most so many.
    pub limit: usize,
}

/// An incident and what it was found to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PastIncident {
    /// The incident.
    pub incident: Incident,
    /// Its latest finding.
    pub finding: Finding,
    /// What people thought of it, oldest first.
    pub ratings: Vec<Rating>,
}

/// No past.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPast;

#[async_trait]
impl PastIncidents for NoPast {
    async fn past(&self, _: &PastQuery) -> Result<Vec<PastIncident>> {
        Ok(Vec::new())
    }
}

/// The past as the memory has it.
#[derive(Clone)]
pub struct Remembered(pub Arc<dyn Memory>);

#[async_trait]
impl PastIncidents for Remembered {
    async fn past(&self, query: &PastQuery) -> Result<Vec<PastIncident>> {
        let page = IncidentPage { before: Some(query.before), limit: MAX_LOOKED_THROUGH };
        let mut past = Vec::new();
        for incident in self.0.incidents(&page).await? {
            if past.len() >= query.limit {
                break;
            }
            if incident.id == query.except {
                continue;
            }
            if let Some(record) = self.0.latest_investigation(&incident.id).await? {
                let ratings = self.0.ratings(&incident.id).await?;
                past.push(PastIncident { incident, finding: record.finding, ratings });
            }
        }
        Ok(past)
    }
}
