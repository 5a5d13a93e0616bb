//! What was investigated before.

use std::sync::Arc;

use async_trait::async_trait;
use waggle_signals::Timestamp;

use crate::{
    Incident, IncidentId, Result,
    past_case::{KeptCase, PastCase, all_cases},
    ports::Memory,
};

/// Returns incidents that came to an end, as cases.
#[async_trait]
pub trait PastIncidents: Send + Sync {
    /// Returns cases that were closed before a time, newest first; those out of use are among them. Empty when there was none.
    async fn cases(&self, query: &PastQuery) -> Result<Vec<KeptCase>>;

    /// Tells whether there is any such case.
    async fn is_any(&self, query: &PastQuery) -> Result<bool> {
        Ok(!self.cases(&PastQuery { limit: 1, ..query.clone() }).await?.is_empty())
    }
}

/// Asks for past incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastQuery {
    /// Opened and closed before this: what lies in the future was not seen.
    pub before: Timestamp,
    /// About a time that ended by this: a second look at one event is no second event.
    pub about_before: Timestamp,
    /// All but this one.
    pub except: IncidentId,
    /// At most so many.
    pub limit: usize,
}

impl PastQuery {
    /// Asks for what came before an incident.
    pub fn before(incident: &Incident, limit: usize) -> Self {
        let (before, about_before) = (incident.opened_at, incident.window.from());
        Self { before, about_before, except: incident.id.clone(), limit }
    }
}

/// No past.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPast;

#[async_trait]
impl PastIncidents for NoPast {
    async fn cases(&self, _: &PastQuery) -> Result<Vec<KeptCase>> {
        Ok(Vec::new())
    }
}

/// The past of a recorded run: what its tools answered is recorded, and whether they were asked shows by their being there.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordedPast;

#[async_trait]
impl PastIncidents for RecordedPast {
    async fn cases(&self, _: &PastQuery) -> Result<Vec<KeptCase>> {
        Ok(Vec::new())
    }

    async fn is_any(&self, _: &PastQuery) -> Result<bool> {
        Ok(true)
    }
}

/// The past as the memory has it. Incidents from before there were cases get theirs when they are asked for.
#[derive(Clone)]
pub struct Remembered(pub Arc<dyn Memory>);

#[async_trait]
impl PastIncidents for Remembered {
    async fn cases(&self, query: &PastQuery) -> Result<Vec<KeptCase>> {
        let mut cases = all_cases(self.0.as_ref()).await?;
        let is_before = |case: &PastCase| {
            let is_over = case.window.is_none_or(|window| window.to() <= query.about_before);
            is_over && case.closed_at < query.before && case.opened_at < query.before
        };
        cases.retain(|kept| kept.case.incident != query.except && is_before(&kept.case));
        cases.truncate(query.limit);
        Ok(cases)
    }
}
